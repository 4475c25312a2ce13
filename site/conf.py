"""Sphinx configuration of the site; `python -m almostnothing site` builds it."""

project = "Almost Nothing"
author = "the Almost Nothing developers"
html_title = "Almost Nothing"
extensions = ["myst_parser", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
exclude_patterns = ["_generated", "_extra", "_static"]
templates_path = ["_templates"]
language = "en"

html_theme = "sphinx_book_theme"
html_theme_options = {
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],
}
html_context = {"default_mode": "auto"}
html_extra_path = ["_extra"]
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = ["glossary_terms.js", "site.js"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
# a page that opens from a file may not read another one: no excerpts beside what a search finds
html_show_search_summary = False
