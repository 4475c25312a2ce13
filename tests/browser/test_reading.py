"""What a reader does on the site, in a real browser: search, look up a term, copy, switch sets and looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from almostnothing.data.catalogue import CATALOGUE
from browser.built_site import SITE
from browser.test_pages import violations

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


def test_a_data_set_is_chosen_by_click_and_by_address(page: Any) -> None:
    opened(page, "paper/03_inductive_bias.html")
    plates = page.locator(".plate")
    assert plates.count() == 4
    for name in ("MNIST", "Fashion-MNIST", "MNIST"):
        link = page.locator(".datasets a", has_text=re.compile(f"^{name}$"))
        link.press("Enter")
        assert link.get_attribute("aria-current") == "true"
        assert page.locator(".datasets [aria-current]").count() == 1
        alternatives = page.locator(".plate:visible img").evaluate_all("all => all.map(one => one.alt)")
        assert len(alternatives) == 2
        assert all(f"MLP against CNN, {name}." in words for words in alternatives)
    page.goto("about:blank")
    opened(page, "paper/03_inductive_bias.html#figure-4")
    assert page.locator("#figure-4").is_visible()
    assert page.locator("#figure-1").is_hidden()
    assert page.faults == []


def test_a_figure_opens_readable_on_a_phone_by_touch_and_by_keyboard(browser: Any) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = opened(context.new_page(), FIGURE)
    link, dialog = page.locator(".plate-link").first, page.locator("dialog.viewer")
    link.tap()
    assert dialog.is_visible()
    image = dialog.locator("img")
    letters = float(link.locator("img").get_attribute("width"))  # points: the smallest letters have five
    assert 5 * image.bounding_box()["width"] / letters >= 12
    assert image.get_attribute("alt") == link.locator("img").get_attribute("alt")
    frame = page.locator(".viewer-frame")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.viewer-frame').scrollLeft > 0")
    assert violations(page) == []
    wide = image.bounding_box()["width"]
    page.keyboard.press("+")
    assert image.bounding_box()["width"] > wide
    dialog.get_by_role("button", name="As wide as the window").tap()
    assert image.bounding_box()["width"] == frame.evaluate("one => one.clientWidth")
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert page.evaluate("document.activeElement.className") == "plate-link"
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Close").tap()
    assert dialog.is_hidden()
    context.close()


def test_where_a_figure_comes_from_is_told_with_what_it_took(page: Any) -> None:
    opened(page, FIGURE)
    heads = [words.strip() for words in page.locator(".provenance dt").all_inner_texts()]
    assert heads == ["data", "code", "parameters", "table", "commit", "digest", "device", "versions", "time"]
    assert "1,155 networks" in page.locator(".provenance dd").last.inner_text()
    drawn = page.locator(".provenance dt i").evaluate_all(
        "all => all.map(one => getComputedStyle(one, '::before').content)"
    )
    assert len({*drawn}) == len(heads)
    assert "none" not in drawn


def test_the_glossary_marks_no_words_of_choices(page: Any) -> None:
    opened(page, "claims.html")
    page.evaluate("""() => {
        const block = document.createElement("p");
        block.innerHTML = "NCM <select><option>NCM</option></select> <output>NCM</output>";
        document.querySelector("article.bd-article").append(block);
        markTerms({ NCM: ["nearest class mean", ""] });
    }""")
    assert page.locator("p > button.term", has_text="NCM").count() == 1
    assert page.locator("select button, output button").count() == 0


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


def test_data_cards_fit_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page, "methods/cards.html")
    frames = page.locator(".pst-scrollable-table-container")
    widths = frames.evaluate_all("all => all.map(one => [one.scrollWidth, one.clientWidth])")
    assert len(widths) == len(CATALOGUE)
    assert all(needed <= given for needed, given in widths)


def test_cases_of_a_claim_are_cards_on_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page, FIGURE)
    tables = page.locator(".claim-card .table-scroll")
    assert tables.count() > 3
    assert tables.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
    assert "networks: 5" in tables.first.evaluate(
        "one => [...one.querySelectorAll('td:last-child')].map(c => getComputedStyle(c, '::before').content"
        ".replaceAll('\"', '') + c.innerText).join()"
    )


def test_quotations_show_no_source_of_formulas(page: Any) -> None:
    for name in ("texts/003.html", "paper/13_root_d.html", "paper/01_knee.html"):
        opened(page, name)
        quotes = page.locator("article blockquote:not(:has(mjx-container))").all_inner_texts()
        assert quotes
        assert not [words for words in quotes if set(words) & set("$\\^")]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site below a path of a static host."""
    root = tmp_path_factory.mktemp("host")
    (root / "some").mkdir()
    (root / "some/path").symlink_to(SITE, target_is_directory=True)
    handler = partial(Quiet, directory=root)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/some/path/"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_a_static_host_serves_the_site_below_a_path(page: Any, host: str) -> None:
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    for name in ("index.html", "claims.html", FIGURE, "texts/001.html", "play.html", "methods/glossary.html"):
        page.goto(host + name, wait_until="networkidle")
    page.goto(f"{host}search.html?q=prototype")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    found.first.click()
    page.wait_for_url(f"{host}**")
    assert missing == []
    assert page.faults == []
    assert all(url.startswith((host, "data:", "blob:")) for url in page.asked)
