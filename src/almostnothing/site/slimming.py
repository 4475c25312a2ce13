"""What Sphinx leaves in a built site that no page needs, taken out: pages load less, and the folder is smaller.

The theme loads all of Font Awesome as a script beside the same icons as a font, and the search index on every page though
only the search page searches.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ICONS = re.compile(r'\s*<script[^>]*src="[^"]*/fontawesome\.js[^"]*"></script>')
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>')
SEARCH_PAGE = "search.html"
UNUSED = ("_static/scripts/fontawesome.js*", "_static/**/*.map", "_static/locales", "_static/mathjax/*-svg*.js")
MORE_UNUSED = ("_static/mathjax/*mml*.js", "_static/mathjax/*full*.js", "_static/mathjax/node-main.js")


def slim(out: Path) -> None:
    """Take out of the built site in `out` what no page loads."""
    for page in out.rglob("*.html"):
        text = page.read_text()
        shorter = ICONS.sub("", text)
        if page.name != SEARCH_PAGE:
            shorter = SEARCH.sub("", shorter)
        if shorter != text:
            page.write_text(shorter)
    for pattern in (*UNUSED, *MORE_UNUSED):
        for path in out.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
