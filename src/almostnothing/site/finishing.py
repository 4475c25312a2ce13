"""The last hand on a built site: what no page needs is taken out, and what the theme leaves without a name gets one.

The theme loads all of Font Awesome as a script beside the same icons as a font, and the search index on every page,
though only the search page searches. Its switches that unfold the sidebar have an icon and no name, and tables that
scroll cannot be reached by keyboard.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ICONS = re.compile(r'\s*<script[^>]*src="[^"]*/fontawesome\.js[^"]*"></script>')
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>')
SWITCH, NAMED = (
    '<summary><span class="toctree-toggle"',
    '<summary aria-label="Pages below"><span class="toctree-toggle"',
)
FRAME = '<div class="pst-scrollable-table-container"'
REACHED = f'{FRAME} tabindex="0" role="region" aria-label="Table"'
SEARCH_PAGE = "search.html"
UNUSED = ("_static/scripts/fontawesome.js*", "_static/**/*.map", "_static/locales", "_static/mathjax/*-svg*.js")
MORE_UNUSED = ("_static/mathjax/*mml*.js", "_static/mathjax/*full*.js", "_static/mathjax/node-main.js")


def finish(out: Path) -> None:
    """Mend the pages of the built site in `out`, and take out what none of them loads."""
    for page in out.rglob("*.html"):
        text = page.read_text()
        mended = ICONS.sub("", text).replace(SWITCH, NAMED).replace(FRAME, REACHED)
        if page.name != SEARCH_PAGE:
            mended = SEARCH.sub("", mended)
        if mended != text:
            page.write_text(mended)
    for pattern in (*UNUSED, *MORE_UNUSED):
        for path in out.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
