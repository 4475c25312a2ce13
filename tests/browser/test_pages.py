"""Every page in a real browser, from its file: nothing fails or comes from elsewhere, and everyone can read it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlparse

import pytest
from bs4 import BeautifulSoup

from browser.built_site import SITE, pages

NARROW = {"width": 360, "height": 740}
SERIOUS = ("serious", "critical")
LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.href)"
WITHOUT_ALT = "[...document.images].filter(i => !(i.getAttribute('alt') || '').trim()).map(i => i.src)"
UNRENDERED = """[...document.querySelectorAll('.math')].filter(m => !m.querySelector('mjx-container')
    || m.querySelector('[data-mjx-error], mjx-merror')).map(m => m.textContent)"""
RENDERED = "() => !window.MathJax || (MathJax.startup && MathJax.startup.promise.then(() => true))"
TOO_WIDE = """() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit) return [];
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > limit + 1);
    return ['page', ...wide.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
}"""
ALIKE = [
    ".bd-links li li",
    "tbody tr:nth-child(n+3)",
    ".highlight",
    ".claim-card ~ .claim-card",
    ".text-claim ~ .text-claim",
]
LOOKED_AT = {"include": [["body"]], "exclude": [[one] for one in ALIKE]}  # of what looks alike, the first ones
WEIGHT = 1024**2  # bytes of the front page with all that it loads; of any other page three times as much


@cache
def anchors(file: Path) -> frozenset[str]:
    return frozenset(str(tag["id"]) for tag in BeautifulSoup(file.read_text(), "html.parser").find_all(id=True))


def dead(address: str) -> bool:
    """Whether a link of a page leads nowhere within the site."""
    bare, fragment = urldefrag(address)
    if urlparse(bare).scheme != "file":
        return False
    file = Path(unquote(urlparse(bare).path))
    if not file.is_file():
        return True
    return bool(fragment) and file.suffix == ".html" and unquote(fragment) not in anchors(file)


@cache
def alike() -> frozenset[str]:
    """Figure pages but the first of each set: they have one look, which need be seen in the dark once."""
    figures = [name for name in pages() if re.search(r"/\d\d_\w+\.html$", name)]
    firsts = {Path(name).parent: name for name in reversed(figures)}
    return frozenset(figures) - set(firsts.values())


def violations(page: Any, **options: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")  # no colour half-way
    asked = {"resultTypes": ["violations"], "preload": False, **options}
    found = Axe().run(page, LOOKED_AT, asked).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_page(page: Any, name: str) -> None:
    page.goto((SITE / name).as_uri())
    page.wait_for_function(RENDERED)
    assert page.faults == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert weight(page) < (WEIGHT if name == "index.html" else 3 * WEIGHT)
    assert page.evaluate(WITHOUT_ALT) == []
    assert page.evaluate(UNRENDERED) == []
    assert [link for link in page.evaluate(LINKS) if dead(link)] == []
    assert violations(page) == []
    page.set_viewport_size(NARROW)
    assert page.evaluate(TOO_WIDE) == []
    if name not in alike():
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
        assert violations(page, runOnly=["color-contrast"]) == []
    assert page.faults == []


def weight(page: Any) -> int:
    """Bytes of a page with all that it has loaded."""
    files = {Path(unquote(urlparse(url).path)) for url in page.asked if url.startswith("file:")}
    return sum(file.stat().st_size for file in files if file.is_file())
