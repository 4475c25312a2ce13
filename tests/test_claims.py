import importlib
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from almostnothing import claims, locks, pages, stats
from almostnothing.claims import Case, Cases, Declaration
from almostnothing.files import project
from almostnothing.freshness import pages_of
from almostnothing.stats.intervals import Interval
from almostnothing.tables import counted

TEXTS = {"statement": "it grows by over {limit:g}", "source": "seed 000", "statistic": "growth", "threshold": "least"}
DECLARED = {
    f"{page}.{name}": own
    for page in sorted(path.parent.name for path in Path(pages.__path__[0]).glob("*/claims.py"))
    for name, own in importlib.import_module(f"almostnothing.pages.{page}.claims").CLAIMS.items()
}
SEEDS = " ".join(
    path.read_text() for path in sorted((project().resolve().parent / "shared/seeds").glob("*.txt"))
).replace("-\n", "-")


def declared(**changes) -> Declaration:
    return Declaration(**{**TEXTS, "reason": "a tenth"} | changes)


def one(interval: Interval, **changes) -> claims.Claim:
    cases = Cases()
    cases.add("a", {"dataset": "mnist", "test": "clean"}, interval)
    [made] = claims.judged("01_page", {"a": declared(**changes)}, cases, {"least": 0.1})
    return made


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (0.11, 0.3, "supported", "refuted"),
        (-0.3, 0.09, "refuted", "supported"),
        (0.01, 0.09, "smaller than asked", "supported"),
        (0.05, 0.2, "inconclusive", "inconclusive"),
        (math.nan, math.nan, "not measured", "not measured"),
    ],
)
def test_the_interval_decides_the_verdict(low, high, above, below):
    interval = Interval((low + high) / 2, low, high, 5)
    assert one(interval).verdict == above
    assert one(interval, below=True).verdict == below


def test_a_record_has_what_the_form_asks_for_and_is_strict_json():
    record = one(Interval(math.nan, math.nan, math.nan, 0), primary=True, quote="w").record()
    assert json.loads(json.dumps(record, allow_nan=False))["cases"][0]["estimate"] is None
    keys = "id page source quote statement role statistic range threshold direction reason lock interval simultaneous"
    assert set(record) == {*keys.split(), "cases", "verdict", "finding"}
    assert record["statement"] == "it grows by over 0.1"
    assert record["finding"].startswith("Not measured")


def test_verdicts_at_half_and_twice_the_threshold():
    case = one(Interval(0.15, 0.12, 0.18, 5)).record()["cases"][0]
    assert (case["at_half"], case["verdict"], case["at_twice"]) == ("supported", "supported", "smaller than asked")


def test_primary_intervals_hold_together_and_exploratory_ones_alone():
    cases, found = Cases(), stats.mean_interval([0.1, 0.2, 0.4, 0.3, 0.25])
    for name in "abc":
        for test in ("clean", "corrupted"):
            cases.add(name, {"test": test}, found)
    kinds = {"a": declared(primary=True), "b": declared(primary=True), "c": declared()}
    a, _, c = claims.judged("p", kinds, cases, {"least": 0.1})
    values = np.array([0.1, 0.2, 0.4, 0.3, 0.25])
    half = reference.t.ppf(1 - 0.025 / 4, 4) * reference.sem(values)
    assert a.cases[0].found.high == pytest.approx(values.mean() + half)
    assert c.cases[0].found == found


def test_an_interval_of_a_share_stays_within_its_range():
    made = one(Interval(0.9, 0.7, 1.1, 5), range=(0, 1))
    assert made.cases[0].found[:3] == (0.9, 0.7, 1.0)


def test_a_claim_of_different_cases_is_mixed_and_says_which():
    cases = Cases()
    for name, low, high in (("mnist", 0.2, 0.3), ("fashion_mnist", -0.2, 0.0), ("digits", math.nan, math.nan)):
        counts = {"networks": 10, "left_out": 5 * (name == "digits")}
        cases.add("a", {"dataset": name}, Interval((low + high) / 2, low, high, 5), counts)
    [made] = claims.judged("p", {"a": declared()}, cases, {"least": 0.1})
    assert made.verdict == "mixed"
    assert "Supported: MNIST 0.25" in made.finding
    assert "refuted: Fashion-MNIST" in made.finding
    assert "1 of 3 cases not measured: of networks that learned there are 10, but" in made.finding
    assert "points where some networks did not learn are left out" in made.finding
    table = claims.summary([made], "exploratory")
    assert table["verdict"].tolist() == ["supported", "refuted", "not measured"]
    assert claims.summary([made]).empty


def test_what_was_not_measured_says_why():
    """Its own reason before the usual ones, each once."""
    nothing, one_seed, cases = stats.mean_interval([]), stats.mean_interval([0.3]), Cases()
    left = {"networks": 0, "left_out": 5}
    for name, lacking in (("mnist", "too few steps"), ("digits", ""), ("cifar10", "too few steps")):
        cases.add("a", {"dataset": name}, nothing, left, lacking=lacking)
    cases.add("b", {}, nothing)
    cases.add("c", {}, one_seed, {"networks": 3, "left_out": 5})
    cases.add("d", {}, one_seed, {"networks": 3, "left_out": 0})
    none = "there is no point at which all networks learned; networks left out at points where some did not learn: 5"
    few = "of networks that learned there are 3, but the statistic has a value for too few seeds: 1"
    made = claims.judged("p", dict.fromkeys("abcd", declared()), cases, {"least": 0.1})
    assert [claim.finding for claim in made] == [
        f"Not measured: too few steps; {none}.",
        "Not measured: there are no data.",
        f"Not measured: {few}; networks left out at points where some did not learn: 5.",
        f"Not measured: {few}.",
    ]
    assert [case["why"] for case in made[0].record()["cases"]] == ["too few steps", none, "too few steps"]
    assert one(Interval(0.9, 0.7, 1.1, 5)).record()["cases"][0]["why"] is None


def test_the_answer_has_every_primary_claim_and_counts_what_would_change():
    text = claims.answer([one(Interval(0.15, 0.12, 0.18, 5), primary=True)])
    assert "**it grows by over 0.1**: *supported.*" in text
    assert "Of 1 cases 1 supported; 1 would change" in text


def test_estimates_have_the_digits_that_their_interval_tells():
    assert claims.estimate_text(Interval(0.123456, 0.11, 0.134, 5)) == "0.123 [0.110, 0.134]"
    assert claims.estimate_text(Interval(12.3456, 3.0, 22.0, 5)) == "12 [3, 22]"
    assert claims.estimate_text({"estimate": None, "low": None, "high": None}) == "– [–, –]"


def test_networks_are_counted_at_points_where_all_learned():
    rows = pd.DataFrame(
        {
            "dataset": "d",
            "strength": [0.5] * 4 + [0.9] * 4,
            "seed": [0, 1] * 4,
            "test": ["clean", "clean", "corrupted", "corrupted"] * 2,
            "status": ["learned"] * 5 + ["dead"] + ["learned", "dead"],
        }
    )
    assert counted(rows) == {"networks": 2, "left_out": 2}


@pytest.mark.parametrize("name", [page.name for page in pages_of("quick")])
def test_declarations_are_whole_and_quotes_are_the_texts_own(name):
    own = importlib.import_module(f"almostnothing.pages.{pages.page_of(name)}.claims").CLAIMS
    page = next(page for page in pages_of("quick") if page.name == name)
    primary = [each for each in own.values() if each.primary]
    assert 1 <= len(primary) <= 4
    for each in own.values():
        assert each.threshold in page.parameters.content()["thresholds"]
        assert each.reason
    if SEEDS:
        words = " ".join(SEEDS.split())
        for each in primary:
            assert each.quote
            assert " ".join(each.quote.split()) in words, each.quote


ASKED = {"over": False, "above": False, "better": False, "larger": False, "steeper": False}  # is the claim "below"?
ASKED |= dict.fromkeys(("within", "less", "under", "below", "smaller"), True)
RANGES = {  # where a statistic can lie at all
    (0, 1): "a share, an error of accuracy, a distance of distributions",
    (-1, 1): "a difference of two of these",
    (-2, 2): "a difference of two such differences",
    (0, 10): "the size of something in ln, or of an exponent",
    (0, 100): "the same, of what is steeper",
    (0, math.inf): "a ratio of lengths",
    (1, math.inf): "the larger of such a ratio and its inverse",
}


@pytest.mark.parametrize("own", [pytest.param(own, id=name) for name, own in DECLARED.items()])
def test_a_claim_goes_the_way_that_its_statement_says_within_what_its_statistic_can_be(own):
    before, _, _ = own.statement.partition("{limit")
    said = [word for word in re.findall(r"\w+", before) if word in {*ASKED, "faster"}]
    faster_than_a_power = "faster than d to the power " in before
    assert own.below == (ASKED | {"faster": faster_than_a_power})[said[-1]]
    assert own.range is None or own.range in RANGES
    if own.range:
        size = own.statistic.startswith(
            ("share", "size", "|", "mean absolute", "mean size", "root mean square", "Kolm")
        )
        differs = re.search(r" less |fall of|gain in", own.statistic) is not None
        assert (own.range[0] == -own.range[1]) == (differs and not size)
        assert (own.range[0] == 1) == ("under it" in own.statistic)


WITHDRAWN = {"13_root_d.always", "18_effective_dimension.proportional"}  # once primary; their locks stay


@pytest.mark.parametrize("parameter_set", ["quick", "paper", "full"])
def test_every_primary_claim_is_locked_as_it_stands(parameter_set):
    known = {(one["set"], one["claim"], one["digest"]) for one in locks.read()}
    still = set()
    for page in pages_of(parameter_set):
        for record in locks.declared(page):
            assert (parameter_set, record["id"], locks.digest_of(page, record)) in known
            still.add(record["id"])
    assert still == {claim for name, claim, _ in known if name == parameter_set} - WITHDRAWN  # none lost its rank


def test_an_edited_claim_is_not_the_locked_one():
    page = pages_of("quick")[1]
    record = next(locks.declared(page))
    before = locks.digest_of(page, record)
    assert locks.digest_of(page, record | {"threshold": 0.0}) != before
    assert locks.digest_of(page, record | {"finding": "other"}) == before


def test_cases_keep_their_order():
    cases = Cases()
    cases.add("b", {"x": 1}, Interval(0, 0, 0, 2))
    cases.add("b", {"x": 2}, Interval(0, 0, 0, 2), {"networks": 3, "left_out": 1}, n_of="images")
    assert cases["b"][1] == Case({"x": 2}, Interval(0, 0, 0, 2), 3, 1, "images")
