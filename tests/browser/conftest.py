"""A browser for the built site; without one, or without the site, these tests are skipped, and say why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from browser.built_site import ARGUMENTS, BUILD, pages

WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not pages():
        pytest.skip(f"the site is not built: {BUILD}")
    with sync_api.sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        except sync_api.Error:
            pytest.skip("there is no Chromium here: playwright install chromium")
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that remembers what went wrong in `page.faults`."""
    context = browser.new_context(viewport=WIDE, color_scheme="light")
    opened = context.new_page()
    opened.faults = []
    opened.asked = []
    opened.on("console", lambda said: opened.faults.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))
    opened.on("requestfailed", lambda request: opened.faults.append(f"failed: {request.url}"))
    opened.on("request", lambda request: opened.asked.append(request.url))
    yield opened
    context.close()
