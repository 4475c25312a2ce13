"""Sphinx configuration of the site; `python -m almostnothing site` builds it."""

project = "Almost Nothing"
author = "The Almost Nothing developers"
html_title = "Almost Nothing"
copyright = ""
html_show_copyright = False
html_show_sphinx = False
extensions = ["myst_nb", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath", "attrs_inline", "attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"
exclude_patterns = ["_generated", "_extra", "_static"]
html_extra_path = ["_extra"]
html_static_path = ["_static"]
templates_path = ["_templates"]
html_theme = "sphinx_book_theme"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
