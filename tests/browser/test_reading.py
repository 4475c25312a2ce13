"""What a reader does on the site, in a real browser: search, look up a term, copy, switch sets and looks."""

from __future__ import annotations

from typing import Any

from browser.built_site import SITE

FIGURE = "paper/05_survival.html"


def opened(page: Any, name: str) -> Any:
    page.goto(f"{SITE.as_uri()}/{name}")
    return page


def test_search_finds_pages_from_a_file(page: Any) -> None:
    opened(page, "search.html?q=prototype")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    assert found.count() > 1
    assert page.faults == []


def test_a_terms_card_opens_by_focus_and_by_pointer_and_escape_closes_it(page: Any) -> None:
    opened(page, FIGURE)
    term = page.locator("button.term", has_text="NCM").first
    card = page.locator("#term-card")
    assert card.is_hidden()
    term.focus()
    assert "nearest class mean" in card.inner_text()
    assert term.get_attribute("aria-describedby") == "term-card"
    page.keyboard.press("Escape")
    assert card.is_hidden()
    term.hover()
    assert card.is_visible()
    box = card.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]


def test_the_command_is_copied(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, FIGURE)
    block = page.locator(".copyable", has_text="jupyter lab").first
    block.locator("button.copy").click()
    page.wait_for_function("() => [...document.querySelectorAll('.copy')].some(b => b.textContent !== 'Copy')")
    assert page.evaluate("navigator.clipboard.readText()") == ".venv/bin/jupyter lab notebooks/05_survival.py"


def test_a_claim_leads_to_its_text_and_back(page: Any) -> None:
    opened(page, f"{FIGURE}#claim-above")
    page.locator("#claim-above dd a").first.click()
    page.wait_for_url("**/texts/001.html#05_survival-above")
    page.locator('[id="05_survival-above"] p a').first.click()
    page.wait_for_url("**/paper/05_survival.html#claim-above")


def test_the_switch_leads_to_the_toy_set_which_says_what_it_is(page: Any) -> None:
    opened(page, FIGURE)
    page.locator(".page-switch a", has_text="toy data").click()
    page.wait_for_url("**/quick/05_survival.html")
    assert "Toy data: shows the method" in page.locator(".banner").inner_text()


def test_code_is_folded_and_opens_by_keyboard_and_there_is_one_cell_of_parameters(page: Any) -> None:
    opened(page, FIGURE)
    code = page.locator("details.code")
    assert code.evaluate_all("all => all.every(one => !one.open)")
    assert page.locator("summary", has_text="Parameters of this page").count() == 1
    code.first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.first.evaluate("one => one.open")
    assert "train_size" in code.first.inner_text()


def test_a_reader_chooses_light_or_dark(page: Any) -> None:
    opened(page, "index.html")
    for mode in ("dark", "light"):
        page.locator("button.theme-switch-button:visible").click()
        page.locator(f'.theme-change-button[data-mode="{mode}"]:visible').click()
        page.wait_for_function(f"() => document.documentElement.dataset.theme === '{mode}'")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
