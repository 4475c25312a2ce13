"""The slider, the play page, the game and the calculator, used in a real browser as a visitor would."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from browser.built_site import SITE
from browser.test_pages import violations

PIXELS = "canvas => canvas.toDataURL()"


def opened(page: Any, name: str) -> Any:
    page.goto((SITE / f"{name}.html").as_uri())
    page.wait_for_selector(".an-play :is(button, input)")
    return page


def move(page: Any, selector: str, key: str, times: int = 1) -> None:
    page.locator(selector).focus()
    for _ in range(times):
        page.keyboard.press(key)


@pytest.fixture
def hero(page: Any) -> Any:
    return opened(page, "index")


def test_slider_moves_pictures_numbers_and_plot_together(hero: Any) -> None:
    published = json.loads(hero.locator("#an-hero-data").text_content())
    slider = hero.locator("#an-hero-p")
    images = hero.locator("#an-hero canvas")
    seen = set()
    move(hero, "#an-hero-p", "Home")
    for p, network, ncm in zip(published["p"], published["network"], published["ncm"], strict=True):
        assert slider.get_attribute("aria-valuetext").startswith(f"p = {p:g}:")
        shares = re.findall(r"(\d+) %", hero.locator("#an-hero .an-told").text_content())
        assert abs(int(shares[0]) - 100 * network[0]) <= 0.5 + 1e-9
        assert abs(int(shares[1]) - 100 * ncm[0]) <= 0.5 + 1e-9
        assert f"At p = {p:g}: network {shares[0]} %" in hero.locator("#an-hero svg").get_attribute("aria-label")
        line = hero.locator("#an-hero svg .an-at").get_attribute("x1")
        seen.add((images.nth(0).evaluate(PIXELS), images.nth(1).evaluate(PIXELS), line))
        move(hero, "#an-hero-p", "ArrowRight")
    assert len(seen) == len(published["p"])
    assert len({one for one, _, _ in seen}) == len({mean for _, mean, _ in seen}) == len(seen)
    assert hero.faults == []


def test_slider_takes_a_finger(browser: Any) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), "index")
    slider = page.locator("#an-hero-p")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box["height"] >= 44
    page.touchscreen.tap(box["x"] + 3, box["y"] + box["height"] / 2)
    assert slider.get_attribute("aria-valuetext").startswith("p = 0:")
    context.close()


def test_without_scripts_the_figure_stands_there(browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((SITE / "index.html").as_uri())
    image = page.locator("#an-hero img")
    assert image.is_visible()
    assert "nearest class mean" in image.get_attribute("alt")
    context.close()


def test_strength_and_law_change_picture_and_answers(page: Any) -> None:
    opened(page, "play")
    corrupted = page.locator("#an-lab figure canvas").nth(1)
    clean = page.locator("#an-lab figure canvas").nth(0)
    page.locator("#an-lab .an-thumbs button").nth(9).wait_for()
    laws = page.locator("#an-lab-law option").evaluate_all("all => all.map(one => one.value)")
    assert set(laws) >= {"uniform", "gaussian", "salt_pepper", "additive", "l0", "l1", "l2", "linf"}
    pictures = []
    for law in laws:
        page.locator("#an-lab-law").select_option(law)
        move(page, "#an-lab-strength", "End", 1)
        strongest = corrupted.evaluate(PIXELS)
        confidences = page.locator("#an-lab .an-bars").all_text_contents()
        move(page, "#an-lab-strength", "Home", 1)
        assert corrupted.evaluate(PIXELS) == clean.evaluate(PIXELS)
        assert page.locator("#an-lab .an-bars").all_text_contents() != confidences
        pictures.append(strongest)
    assert len(set(pictures)) == len(laws)
    assert page.faults == []


def test_another_image_noise_and_data_set(page: Any) -> None:
    opened(page, "play")
    page.locator("#an-lab .an-thumbs button").nth(9).wait_for()
    clean, corrupted = (page.locator("#an-lab figure canvas").nth(i) for i in (0, 1))
    before = clean.evaluate(PIXELS), corrupted.evaluate(PIXELS)
    page.get_by_role("button", name="New noise").click()
    assert clean.evaluate(PIXELS) == before[0]
    assert corrupted.evaluate(PIXELS) != before[1]
    page.locator("#an-lab .an-thumbs button").nth(7).click()
    assert "It is: 7." in page.locator("#an-lab .an-told").text_content()
    assert clean.evaluate(PIXELS) != before[0]
    page.locator("#an-lab-set").select_option("fashion_mnist")
    page.locator("#an-lab .an-told", has_text="It is: Sneaker.").wait_for()
    assert page.locator("#an-lab .an-thumbs button").count() == 10
    assert violations(page) == []
    assert page.faults == []


def test_game_is_finished_by_keyboard_alone(page: Any) -> None:
    opened(page, "play_game")
    page.get_by_role("button", name="Play with digits").focus()
    page.keyboard.press("Enter")
    mine = 0
    for number in range(1, 11):
        status = page.locator("#an-game .an-told")
        page.locator("#an-game .an-told", has_text=f"Image {number} of 10").wait_for()
        [p] = re.findall(r"p = (0\.\d+)", status.text_content())
        assert 0.9 <= float(p) <= 0.98
        page.keyboard.press(str(number % 10))
        [truth] = re.findall(r"It was: (\d)\.", status.text_content())
        mine += truth == str(number % 10)
        if number in (1, 10):
            assert violations(page) == []
        page.keyboard.press("Enter")
    told = page.locator("#an-game .an-told").text_content()
    assert f"right: you {mine}, network" in told
    scores = [int(found) for found in re.findall(r"(?:you|network|mean) (\d+)", told)]
    answers = page.locator("#an-game .an-rounds tbody tr")
    assert answers.count() == 10
    for column, score in enumerate(scores, start=4):
        marks = answers.locator(f"td:nth-child({column})").all_text_contents()
        assert sum(mark.endswith("✓") for mark in marks) == score
    assert re.findall(r"(\d+) of 10", page.locator("#an-game svg").get_attribute("aria-label")) == list(
        map(str, scores)
    )
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    page.get_by_role("button", name="Play again").click()
    assert page.get_by_role("button", name="Play with garments").is_visible()
    assert page.faults == []
    assert all(url.startswith("file:") for url in page.asked)


def test_game_is_finished_by_touch_alone(browser: Any) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), "play_game")
    page.get_by_role("button", name="Play with garments").tap()
    for number in range(1, 11):
        page.locator("#an-game .an-told", has_text=f"Image {number} of 10").wait_for()
        answer = page.locator("#an-game .an-answers button").nth(number % 10)
        assert min(answer.bounding_box()[side] for side in ("width", "height")) >= 44
        answer.tap()
        page.locator("#an-game .an-told", has_text="It was:").wait_for()
        page.locator("#an-game .an-buttons button").first.tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#an-game .an-rounds tbody tr").count() == 10
    assert page.locator("#an-game svg").is_visible()
    context.close()


def test_calculator_follows_its_choices(page: Any) -> None:
    opened(page, "play_knee")

    def knees() -> list[float]:
        return [float(row.get_attribute("data-half")) for row in page.locator("#an-knee tbody tr").all()]

    def curve() -> list[str]:
        return page.locator("#an-knee svg polyline").evaluate_all("all => all.map(one => one.getAttribute('points'))")

    first, drawn = knees(), curve()
    assert first[0] > first[1]  # clean tests survive more than corrupted ones
    page.locator("#an-knee-size").fill("300")
    assert knees()[0] < first[0]
    assert curve() != drawn
    assert page.locator("#an-knee svg circle").count() > 0  # N is a published one
    page.locator("#an-knee-size").fill("310")
    assert page.locator("#an-knee svg circle").count() == 0
    move(page, "#an-knee-range", "End")
    assert page.locator("#an-knee-size").input_value() == "100000"
    assert knees()[0] > first[0]
    for choice, value in (("set", "digits"), ("law", "additive"), ("law", "grey")):
        before = knees()
        page.locator(f"#an-knee-{choice}").select_option(value)
        assert knees() != before
    assert violations(page) == []
    assert page.faults == []
