"""The claims page and the scoreboard in a browser: the table sorts and filters, thresholds decide as Python does."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from almostnothing.claims import decided, estimate_text
from almostnothing.stats import Interval
from almostnothing.verdicts import VERDICTS
from browser.built_site import SITE


@cache
def published() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Set, claim and case of every case, primary claims of each set first."""
    content = json.loads((SITE / "claims.json").read_text())
    return [
        (name, claim, case)
        for name, pages in content["sets"].items()
        for primary in (True, False)
        for page in pages
        for claim in page["claims"]
        if claim["primary"] is primary
        for case in claim["cases"]
    ]


@pytest.fixture
def opened(page: Any) -> Any:
    page.goto((SITE / "claims.html").as_uri())
    page.wait_for_selector("#claims-table tbody tr")
    yield page
    assert page.faults == []


def told(page: Any) -> int:
    """How many cases the table says it has."""
    words = page.locator(".dt-info").inner_text()
    return int(words.split(" of ")[1].split()[0].replace(",", ""))


def shown(page: Any, column: int) -> list[str]:
    return page.locator(f"#claims-table tbody tr > :nth-child({column})").all_inner_texts()


def test_primary_claims_of_the_main_set_come_first(opened: Any) -> None:
    assert told(opened) == sum(name == "paper" for name, *_ in published())
    first = [claim["statement"] for name, claim, _ in published() if name == "paper"][:25]
    assert [words.split("\n")[0] for words in shown(opened, 2)] == first
    assert all("primary" in words for words in shown(opened, 2))


@pytest.mark.parametrize(
    ("box", "value", "fits"),
    [
        ("verdict", "refuted", lambda claim, case: case["verdict"] == "refuted"),
        ("text", "003", lambda claim, case: claim["texts"][:1] == ["003"]),
        ("text", "ours", lambda claim, case: not claim["texts"]),
        ("dataset", "CIFAR-10", lambda claim, case: case["dataset"] == "CIFAR-10"),
        ("role", "primary", lambda claim, case: claim["primary"]),
        ("moved", "yes", lambda claim, case: len(case["past"]) > 1),
    ],
)
def test_the_table_filters(opened: Any, box: str, value: str, fits: Any) -> None:
    opened.select_option(f"#claims-filters [name={box}]", value)
    wanted = sum(fits(claim, case) for name, claim, case in published() if name == "paper")
    assert told(opened) == wanted > 0
    opened.select_option("#claims-filters [name=set]", "")
    assert told(opened) == sum(fits(claim, case) for _, claim, case in published())
    counts = opened.locator("#claims-count")
    assert counts.inner_text().startswith(f"{told(opened):,} of ")
    assert counts.evaluate("one => one.tagName") == "OUTPUT"  # which is read out when it changes
    opened.click("#claims-filters [type=reset]")
    opened.wait_for_function("document.querySelector('.dt-info').innerText.includes('1 to 25')")
    assert told(opened) == sum(name == "paper" for name, *_ in published())


def test_the_table_searches_words(opened: Any) -> None:
    opened.fill(".dt-search input", "Rose's criterion")
    wanted = sum(name == "paper" and "Rose's criterion" in claim["statement"] for name, claim, _ in published())
    opened.wait_for_function(f"document.querySelector('.dt-info').innerText.includes('of {wanted} cases')")
    assert all("Rose's criterion" in words for words in shown(opened, 2))


def test_the_table_sorts_by_keyboard(opened: Any) -> None:
    opened.locator("#claims-table th", has_text="estimate").locator("[tabindex]").first.press("Enter")
    opened.wait_for_selector("#claims-table th[aria-sort=ascending]")
    opened.select_option(".dt-length select", "500")
    cases = [case for name, _, case in published() if name == "paper" and case["estimate"] is not None]
    wanted = [estimate_text(case) for case in sorted(cases, key=lambda case: case["estimate"])]
    found = [words for words in shown(opened, 4) if words != "–"]
    assert found == wanted[: len(found)]
    assert len(found) > 400
    head = opened.locator("#claims-table th", has_text="asked").locator("[tabindex]").first
    head.press("Enter")
    head.press("Enter")
    opened.wait_for_selector("#claims-table th[aria-sort=descending]")
    asked = [float(words.lstrip("<> ")) for words in shown(opened, 5)]
    assert asked == sorted(asked, reverse=True)
    largest = max(claim["threshold"] for name, claim, _ in published() if name == "paper")
    assert asked[0] == pytest.approx(largest, rel=5e-3)


def test_a_row_opens(opened: Any) -> None:
    button = opened.locator(".claims-more").first
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    _, claim, case = published()[0]
    words = opened.locator(".claims-details").inner_text()
    assert all(
        part in words for part in (claim["statistic"], claim["reason"], claim["source"], case["id"], "snakemake")
    )
    button.press("Enter")
    assert opened.locator(".claims-details").count() == 0


def interval(case: dict[str, Any]) -> Interval:
    mean, low, high = (math.nan if case[name] is None else case[name] for name in ("estimate", "low", "high"))
    return Interval(mean, low, high, case["n"])


def at_threshold(page: Any) -> list[str]:
    """The verdict of each case of the claim at the slider's threshold, without its mark."""
    cells = page.locator("#change-cases td:nth-child(4) .verdict").all_inner_texts()
    return [words.partition(" ")[2] for words in cells]


@pytest.mark.parametrize("name", ["01_knee.sharpening", "02_margin.calibrated", "05_survival.above"])
def test_a_threshold_that_moves_changes_verdicts_as_python_says(page: Any, name: str) -> None:
    cases = [(claim, case) for of, claim, case in published() if of == "paper" and claim["id"] == name]
    claim = cases[0][0]
    page.goto((SITE / "claims.html").as_uri() + f"#paper/{name}")
    page.wait_for_function("document.activeElement.id === 'change-slider'")
    assert at_threshold(page) == [case["verdict"] for _, case in cases]
    seen = set()
    for number in range(0, 401, 25):
        script = "(e, n) => { e.value = +e.min + n * e.step; e.dispatchEvent(new Event('input')); return +e.value }"
        threshold = page.locator("#change-slider").evaluate(script, number)
        wanted = [decided(interval(case), threshold, claim["side"] == "below") for _, case in cases]
        assert at_threshold(page) == wanted
        assert page.locator("#change-verdict .verdict").inner_text().partition(" ")[2] == wanted[0]
        seen.add(tuple(wanted))
    assert len(seen) > 3
    page.click("#change-reset")
    assert at_threshold(page) == [case["verdict"] for _, case in cases]
    assert page.faults == []


def test_the_slider_moves_by_keyboard_and_the_number_by_typing(opened: Any) -> None:
    before = opened.locator("#change-verdict").inner_text()
    for _ in range(3):
        opened.locator("#change-slider").press("ArrowRight")
    assert opened.locator("#change-verdict").inner_text() != before
    opened.fill("#change-exact", "123")
    assert "123" in opened.locator("#change-verdict").inner_text()
    assert "inconclusive" not in at_threshold(opened)


def test_a_case_is_chosen_by_its_axes_and_from_the_table(opened: Any) -> None:
    opened.locator(".claims-ask").nth(2).click()
    assert opened.locator("#change-axes [data-axis=dataset]").input_value() == "CIFAR-10"
    opened.select_option("#change-axes [data-axis=dataset]", "MNIST")
    chosen = opened.locator("#change-cases .change-chosen th").inner_text()
    assert chosen.startswith("MNIST")
    opened.select_option("#change-set", "quick")
    assert opened.locator("#change-cases tr").count() == 1
    index = opened.evaluate(
        "[...document.querySelectorAll('#change-claim option')].findIndex(o => o.text.startsWith('16_'))"
    )
    opened.locator("#change-claim").select_option(index=index)
    assert opened.locator("#change-claim-words").inner_text().find("seed 004") > 0


def test_an_address_names_a_case(page: Any) -> None:
    _, _, case = next(each for each in published() if each[0] == "quick" and each[2]["verdict"] == "refuted")
    page.goto((SITE / "claims.html").as_uri() + f"#{quote(case['id'])}")
    page.wait_for_function("document.activeElement.id === 'change-slider'")
    assert "refuted" in page.locator("#change-verdict").inner_text()
    page.goto("about:blank")
    page.goto((SITE / "claims.html").as_uri() + "#%E0%A4%A")
    page.wait_for_selector("#change-cases tr")
    assert page.faults == []


def test_a_former_address_finds_its_case(page: Any) -> None:
    _, claim, case = next(each for each in published() if each[2]["formerly"])
    page.goto((SITE / "claims.html").as_uri() + f"#{quote(case['formerly'])}")
    page.wait_for_function("document.activeElement.id === 'change-slider'")
    assert quote(case["id"], safe="/=") in page.url
    assert page.locator("#change-link").get_attribute("href") == claim["page"]


def test_buttons_that_reset_are_told_apart(page: Any) -> None:
    names = []
    for name in ("index.html", "claims.html"):
        page.goto((SITE / name).as_uri())
        found = page.locator("button", has_text=re.compile("reset", re.IGNORECASE))
        names += found.all_inner_texts()
    assert len(names) == len(set(names)) == 3


def test_the_scoreboard_filters(page: Any) -> None:
    page.goto((SITE / "index.html").as_uri())
    primary = {claim["id"]: claim for name, claim, _ in published() if name == "paper" and claim["primary"]}
    rows = page.locator(".scoreboard tbody tr:visible")
    assert rows.count() == len(primary)
    for verdict in VERDICTS:
        page.select_option("#scoreboard-filters [name=verdict]", verdict)
        wanted = [c for c in primary.values() if any(case["verdict"] == verdict for case in c["cases"])]
        assert rows.count() == len(wanted) > 0
    page.select_option("#scoreboard-filters [name=verdict]", "refuted")
    page.select_option("#scoreboard-filters [name=dataset]", "MNIST")
    page.select_option("#scoreboard-filters [name=text]", "000")
    wanted = [
        claim
        for claim in primary.values()
        if "000" in claim["texts"]
        and any((case["dataset"], case["verdict"]) == ("MNIST", "refuted") for case in claim["cases"])
    ]
    assert rows.count() == len(wanted) > 0
    assert f"{len(wanted)} of {len(primary)}" in page.locator("#scoreboard-count").inner_text()
    assert page.faults == []
