"""What each page claims, from tables made by hand whose answers are known.

Every number of a table has its own size, so that a row taken from another case, test or network is seen.
"""

import importlib
import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import special
from scipy import stats as reference

from almostnothing import stats
from almostnothing.claims import Case, Claim
from almostnothing.errors import UserError
from almostnothing.pages import model_of, page_of
from almostnothing.pages.collapse import page as collapse
from almostnothing.pages.collapse.parameters import CollapseThresholds
from almostnothing.pages.data import page as data_page
from almostnothing.pages.inductive_bias import page as families
from almostnothing.pages.infinite_width import page as infinite
from almostnothing.pages.knee import page as knee
from almostnothing.pages.margin import page as margin
from almostnothing.pages.prototype import page as prototype
from almostnothing.pages.prototype.parameters import PrototypeThresholds
from almostnothing.pages.survival import page as survival
from almostnothing.pages.universality import page as universality
from almostnothing.pages.universality.parameters import Heavy
from almostnothing.parameters.files import validate
from almostnothing.tables import AXES

QUICK = Path(__file__).resolve().parent.parent / "params/quick"
SEEDS = range(4)
TESTS = {"clean": 1.0, "corrupted": 2.0}  # and by what their numbers are told apart


def asked(page: str, **changes: Any) -> Any:
    """The parameters of a page's quick set, with these changes."""
    content = yaml.safe_load((QUICK / f"{page}.yaml").read_text()) | changes
    return validate(model_of(page, "test"), content, "test")


PLACES = "dataset test p N size inputs rate training strength corruption match regime width"  # what tells cases apart


def by_case(claims: Sequence[Claim]) -> dict[tuple[str, ...], Case]:
    """The cases by the claim's name and where they are."""
    assert {name for claim in claims for case in claim.cases for name in case.where} <= set(PLACES.split())
    return {(claim.id.partition(".")[2], *case.where.values()): case for claim in claims for case in claim.cases}


def is_interval(case: Case, values: Sequence[float], primary: int = 1) -> bool:
    """Whether a case has Student's interval of these seeds; of one of several primary cases, Bonferroni's."""
    half = reference.t.ppf(1 - 0.025 / primary, len(values) - 1) * reference.sem(values)
    return case.found == pytest.approx((np.mean(values), np.mean(values) - half, np.mean(values) + half, len(values)))


# 00_data


def powers() -> pd.DataFrame:
    """Two data sets under two laws; each measured number is the data set's, law's and strength's own."""
    return pd.DataFrame(
        {"dataset": dataset, "law": law, "strength": p, "images": 50}
        | {
            f"{name}{end}": value + 0.1 * place + p / 10 + 0.01 * step
            for name, value in (("exponent", 0.3), ("unseen", 0.5), ("pixel_snr", -20))
            for end, step in (("", 0), ("_low", -1), ("_high", 1))
        }
        for place, (law, dataset) in enumerate(itertools.product(("uniform", "erased"), ("mnist", "digits")))
        for p in (0.9, 0.1, 0.3, 0.5)
    )


def test_data_claims_are_about_the_first_law_at_its_second_strength_and_the_headline():
    cases = by_case(data_page.claims(powers(), asked("00_data", headline=0.5)))
    for name, other in (("mnist", 0.0), ("digits", 0.1)):
        small, strong = cases["exponent-small", name, "p = 0.3"], cases["exponent", name, "p = 0.5"]
        assert (small.found.mean, strong.found.mean) == pytest.approx((0.33 + other, 0.35 + other))
        unseen, drowned = cases["unseen", name, "p = 0.5"], cases["drowned", name, "p = 0.5"]
        assert unseen.found.mean == pytest.approx(0.55 + other)
        # noise over signal, not signal over noise
        assert drowned.found == pytest.approx((19.95 - other, 19.94 - other, 19.96 - other, 50))
        wider = reference.t.ppf(1 - 0.025 / 6, 49) / reference.t.ppf(0.975, 49)  # six primary cases were measured
        for case in (small, strong, unseen):
            assert (case.found.mean - case.found.low, case.found.high - case.found.mean) == pytest.approx(
                (0.01 * wider, 0.01 * wider)
            )
            assert (case.found.n, case.n_of) == (50, "images")
        nobody = cases["human", name, "p = 0.5"]
        assert np.isnan(nobody.found.mean)
        assert (nobody.found.n, nobody.n_of) == (0, "people")
    assert len(cases) == 2 * 5


# 01_knee

KNEE_SWEEP = {
    "dataset": "digits",
    "train_size": [100, 400],
    "strength": [0, 0.5, 0.75, 0.875, 0.9375],
    "training_corruption": "fixed",
    "width": [8, 16, 64],
    "depth": 2,
    "centred": True,
    "learning_rate": 1e-3,
    "steps": 1000,
    "seeds": list(SEEDS),
}
ALONE: dict[str, tuple[dict[str, Any], float]] = {  # what differs from the usual networks, and by what p* does
    "usual": ({}, 0.0),
    "depth": ({"depth": 4}, 0.01),
    "d": ({"pixels": 16}, -0.04),
    "loss": ({"objective": "mse"}, -0.1),
    "fresh": ({"training_corruption": "fresh", "steps": 500}, 0.05),
    "raw": ({"centred": False}, -0.06),
    "half": ({"centred": False, "shift": 0.5}, 0.03),
    "slow": ({"learning_rate": 3e-4}, -0.02),
    "fast": ({"learning_rate": 3e-3}, 0.04),
    "recipe": ({"centred": False, "steps": 300}, np.nan),  # did not learn
}


def network_rows(**changes: Any) -> dict[str, Any]:
    usual = {"dataset": "digits", "depth": 2, "pixels": 64, "objective": "cross_entropy", "shift": 0.0}
    usual |= {"training_corruption": "fixed", "centred": True, "learning_rate": 1e-3, "steps": 1000}
    return usual | {"status": "learned"} | changes


def known_knees() -> pd.DataFrame:
    """p*, its slope and steepness of every network: growth in closed form, for each seed a tenth more than the last."""
    rows = []
    for (test, twice), seed, (kind, (changes, moved)) in itertools.product(TESTS.items(), SEEDS, ALONE.items()):
        for width, size in itertools.product((8, 16, 64), (100, 400)):
            w, n = np.log2(width / 8), np.log2(size / 100)
            grown = (0.01 * w + (0.01 + 0.01 * w) * n + moved) * (1 + seed / 10) * twice
            row = network_rows(test=test, width=width, train_size=size, seed=seed, kind=kind, **changes)
            row |= {"midpoint": 0.3 + grown, "gain": 0.2 * twice + seed / 100 + (9 if changes else 0)}
            rows.append(
                row | {"slope": 2 ** (0.3 * n + 0.1 * w), "steepness": 2 ** (0.2 * n + 0.05 * w + seed * n / 10)}
            )
    return pd.DataFrame(rows)


def their_curves(knees: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of these networks, on straight lines of u = −ln(1−p)/ln 2, and how many held-out images they knew.

    All are half-way at u = 2, those with the fast rate at 3/2, and at their best step at 5/2. Of held-out images the
    fast rate knows most.
    """
    parts = []
    for u in range(5):
        last, fast, best = (np.interp(u, [0, end], [0.9, 0.1]) for end in (4, 3, 5))
        rows = knees.assign(strength=1 - 0.5**u, accuracy=np.where(knees["kind"] == "fast", fast, last), best=best)
        held = rows[rows["test"] == "clean"]
        known = held["kind"].map({"usual": 0.6, "fast": 0.7}).fillna(0.5)
        parts += [rows, held.assign(test="validation", accuracy=known, best=known)]
    table = pd.concat(parts, ignore_index=True).drop(columns=["midpoint", "slope", "steepness", "gain"])
    return table.assign(status=table["status"].where(table["kind"] != "recipe", "unfinished"))


@pytest.fixture(scope="module")
def knee_cases() -> dict[tuple[str, ...], Case]:
    knees = known_knees()
    limits = {"shift": 0.005, "sharpening": 0.05, "form": 0.1, "exponent": 0.25, "recipe": 0.05}
    chosen: Any = validate(model_of("01_knee", "test"), {"sweep": KNEE_SWEEP, "thresholds": limits}, "test")
    claims = knee.claims(their_curves(knees), knees, knees[knees["kind"] != "recipe"], chosen, 0.1)
    return by_case(claims)


SEED = np.array([1 + seed / 10 for seed in SEEDS])
PRIMARY_KNEES = 12  # two growths, two sharpenings and two transitions for each test


@pytest.mark.parametrize("test", TESTS)
def test_the_knee_grows_as_it_was_made_to(knee_cases, test):
    where, twice = ("digits", test), TESTS[test]
    # of N: 0.01, 0.02 and 0.04 a doubling at the three widths; of width: 0.01 at N = 100, 0.03 at N = 400
    assert is_interval(knee_cases["shift-N", *where], SEED * twice * 0.07 / 3, PRIMARY_KNEES)
    assert is_interval(knee_cases["shift-width", *where], SEED * twice * 0.02, PRIMARY_KNEES)
    assert is_interval(knee_cases["shift-depth", *where], SEED * twice * 0.01)
    assert is_interval(knee_cases["shift-d", *where], SEED * twice * 0.02)  # a quarter of the pixels takes 0.04
    assert is_interval(knee_cases["interaction", *where], SEED * twice * 0.03)  # at width 64 less at width 8
    ln2 = np.log(2)
    assert is_interval(knee_cases["sharpening", *where, "N"], [0.3 * ln2] * 4, PRIMARY_KNEES)
    assert is_interval(knee_cases["sharpening", *where, "width"], [0.1 * ln2] * 4, PRIMARY_KNEES)
    assert is_interval(knee_cases["transition", *where, "N"], ln2 * (0.2 + np.arange(4) / 10), PRIMARY_KNEES)
    assert is_interval(knee_cases["transition", *where, "width"], ln2 * (0.05 + np.zeros(4)), PRIMARY_KNEES)
    assert knee_cases["shift-N", *where].networks == knee_cases["sharpening", *where, "width"].networks == 6 * 4 * 5


@pytest.mark.parametrize("test", TESTS)
def test_the_exponent_is_that_of_what_is_left_of_p(knee_cases, test):
    knees = known_knees()
    own = knees[(knees["kind"] == "usual") & (knees["test"] == test)].set_index(["seed", "width", "train_size"])
    left = 1 - own["midpoint"]
    alpha = [np.mean([np.log(left[s, w, 100] / left[s, w, 400]) / np.log(4) for w in (8, 16, 64)]) for s in SEEDS]
    assert is_interval(knee_cases["exponent", "digits", test], alpha)


@pytest.mark.parametrize("test", TESTS)
def test_what_is_changed_alone_moves_the_knee_as_it_was_made_to(knee_cases, test):
    where, twice = ("digits", test), TESTS[test]
    assert is_interval(knee_cases["loss", *where], -0.1 * SEED * twice)
    assert is_interval(knee_cases["fresh", *where], 0.05 * SEED * twice)
    # either way counts
    assert is_interval(knee_cases["centre", *where, "raw inputs"], 0.06 * SEED * twice)
    assert is_interval(knee_cases["centre", *where, "1/2 taken from raw inputs"], 0.03 * SEED * twice)
    assert is_interval(knee_cases["rate", *where, "rate 0.0003"], 0.02 * SEED * twice)
    assert is_interval(knee_cases["rate", *where, "rate 0.003"], 0.04 * SEED * twice)
    assert is_interval(knee_cases["form", *where], 0.2 * twice + np.arange(4) / 100)
    assert [name for name in knee_cases if name[0] == "rate" and name[2] == test] == [
        ("rate", *where, "rate 0.0003"),
        ("rate", *where, "rate 0.003"),
    ]


@pytest.mark.parametrize("test", TESTS)
def test_the_usual_recipe_is_judged_by_networks_that_need_not_have_learned(knee_cases, test):
    usual = known_knees().query("kind == 'usual' and test == @test").groupby("seed")["midpoint"].mean()
    case = knee_cases["recipe", "digits", test]
    assert is_interval(case, usual - 0.75)  # what the recipe makes smaller counts as growth
    assert (case.networks, case.left_out) == (6 * 4 * 5, 0)


@pytest.mark.parametrize("test", TESTS)
def test_the_best_step_and_the_best_rate_are_compared_with_the_usual_at_each_size(knee_cases, test):
    usual = known_knees().query("kind == 'usual' and test == @test").groupby(["train_size", "seed"])["midpoint"].mean()
    for n in (100, 400):
        early, tuned = (knee_cases[name, "digits", test, f"N = {n}"] for name in ("early", "tuned"))
        assert is_interval(early, 1 - 0.5**2.5 - usual[n])
        differences = 1 - 0.5**1.5 - usual[n]
        assert tuned.found.mean == pytest.approx(abs(differences.mean()))
        assert early.networks == tuned.networks == 3 * 4 * 5


def test_what_is_no_size_is_varied_alone():
    limits = {"shift": 0.005, "sharpening": 0.05, "form": 0.1, "exponent": 0.25, "recipe": 0.05}
    for axis, values in {"depth": [2, 3], "downsample": [1, 2], "loss": ["cross_entropy", "mse"]}.items():
        content = {"sweep": KNEE_SWEEP | {axis: values}, "thresholds": limits}
        with pytest.raises(UserError, match=f"{axis} takes one value here"):
            validate(model_of("01_knee", "test"), content, "test")


def test_one_width_has_no_interaction():
    knees = known_knees()
    knees = knees[(knees["width"] == 8) & (knees["kind"] != "recipe")]
    limits = {"shift": 0.005, "sharpening": 0.05, "form": 0.1, "exponent": 0.25, "recipe": 0.05}
    sweep = KNEE_SWEEP | {"width": 8}
    chosen = validate(model_of("01_knee", "test"), {"sweep": sweep, "thresholds": limits}, "test")
    cases = by_case(knee.claims(their_curves(knees), knees, knees, chosen, 0.1))
    assert cases["interaction", "digits", "clean"].found.n == 0
    assert {name[0] for name in cases if name[0].startswith("shift")} == {"shift-N", "shift-depth", "shift-d"}


# 02_margin


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are drawn again a few times only."""
    monkeypatch.setattr(margin, "RESAMPLED", 2)


def scored(images: int = 12) -> pd.DataFrame:
    """Random scores and failures of some images under two strengths, for two ways of training."""
    rng = np.random.default_rng(0)
    rows = []
    for training, seed, strength in itertools.product(("clean", "fixed, p = 0.6"), range(2), (0.1, 0.5)):
        for image in range(images):
            row = {"dataset": "digits", "training": training, "seed": seed, "test_strength": strength, "image": image}
            row |= {"training_corruption": "fixed", "strength": 0.6 * (training != "clean"), "status": "learned"}
            row |= {name: float(rng.integers(-3, 4)) / 2 for name in margin.SCORES} | {"classes": rng.random()}
            rows.append(row | {"failures": rng.integers(0, 5) / 4})
    return pd.DataFrame(rows)


def by_pairs(rows: pd.DataFrame, name: str) -> float:
    """AUROC by the pairs of a corruption that made an image fail and one that did not."""
    fail, score = rows["failures"].to_numpy(), rows[name].to_numpy()
    weight = np.outer(fail, 1 - fail)
    won = (score[:, None] < score) + 0.5 * (score[:, None] == score)
    return float((weight * won).sum() / weight.sum())


def by_bins(rows: pd.DataFrame, name: str) -> float:
    """Calibration error by tenths of the predicted probability."""
    score = rows[name].to_numpy()
    if name == "classes":
        fails = 1 - score
    else:
        fails = 1 - (1 / (1 + np.exp(-score)) if name == "confidence" else reference.norm.cdf(score))
    which = np.minimum(np.floor(10 * fails), 9)
    found = [abs((fails - rows["failures"].to_numpy())[which == k].sum()) for k in range(10)]
    return float(sum(found) / len(rows))


BETTER = {  # what improves on what: AUROC grows, calibration errors fall
    "rank-margin": (by_pairs, 1, "ratio", "margin"),
    "rank-softmax": (by_pairs, 1, "ratio", "confidence"),
    "drift": (by_bins, -1, "drifted", "ratio"),
    "even": (by_bins, -1, "second", "drifted"),
    "mean-image": (by_bins, -1, "centred", "drifted"),
    "all-classes": (by_bins, -1, "classes", "centred"),
}


def test_margin_claims_are_differences_of_auroc_and_calibration_error(few_draws):
    table = scored()
    found = by_case(margin.claims(table, asked("02_margin")))
    assert {name[0] for name in found} == {"calibrated", *BETTER}
    for training, rows in table.groupby("training"):
        where = ("digits", f"trained {training}")
        for name, (value, sign, better, worse) in BETTER.items():
            gains = [
                np.mean([sign * (value(own, better) - value(own, worse)) for _, own in of.groupby("test_strength")])
                for _, of in rows.groupby("seed")
            ]
            case = found[name, *where]
            assert case.found.mean == pytest.approx(np.mean(gains))
            least = min(1, np.mean(gains) + reference.t.ppf(0.975, 1) * reference.sem(gains))
            assert case.found.high > least or case.found.high == 1  # and so much more as the images tell
            assert case.found.n == 2
        errors = [
            np.mean([by_bins(own, "ratio") for _, own in of.groupby("test_strength")]) for _, of in rows.groupby("seed")
        ]
        assert found["calibrated", *where].found.mean == pytest.approx(np.mean(errors))


def test_margin_intervals_count_the_choice_of_images(monkeypatch):
    """One prediction for all images: its error is a mean over images, whose variance is known."""
    monkeypatch.setattr(margin, "RESAMPLED", 30)
    fails = np.random.default_rng(1).permutation(np.repeat([0.4, 0.5, 0.6], 10))
    table = scored(30).query("training == 'clean' and test_strength == 0.1").assign(**dict.fromkeys(margin.SCORES, 1.5))
    table["failures"] = np.tile(fails, 2) + table["seed"] / 1000
    found = by_case(margin.claims(table, asked("02_margin")))["calibrated", "digits", "trained clean"].found
    errors = np.array([0.5, 0.501]) - (1 - reference.norm.cdf(1.5))
    assert found.mean == pytest.approx(errors.mean())
    # two primary cases were measured: the gain in AUROC is none, of equal scores
    half = np.hypot(reference.sem(errors), fails.std() / np.sqrt(30)) * reference.t.ppf(1 - 0.025 / 2, 1)
    assert found.high - found.mean == pytest.approx(half, rel=0.25)


def test_margin_claims_count_networks_not_images(few_draws):
    found = by_case(margin.claims(scored(), asked("02_margin")))
    assert {(case.networks, case.left_out) for case in found.values()} == {(2, 0)}


def test_resampled_images_are_the_same_for_all_networks_and_strengths():
    table = scored()
    drawn = list(margin.resampled(table))
    assert len(drawn) == 60
    for some in drawn[:5]:
        counts = some.groupby(["training", "seed", "test_strength"])["image"].apply(lambda own: tuple(sorted(own)))
        assert counts.nunique() == 1
        assert len(some) == len(table)
    assert len({tuple(some["image"]) for some in drawn}) > 50


def test_networks_that_did_not_learn_have_no_margin_claims(few_draws):
    table = scored()
    table["status"] = table["status"].where(table["training"] == "clean", "dead")
    found = by_case(margin.claims(table, asked("02_margin")))
    alone = by_case(margin.claims(table[table["training"] == "clean"], asked("02_margin")))
    for name in ("calibrated", *BETTER):
        dead, alive = found[name, "digits", "trained fixed, p = 0.6"], found[name, "digits", "trained clean"]
        assert np.isnan(dead.found.mean)
        assert dead.networks == 0 < dead.left_out
        assert alive.found == alone[name, "digits", "trained clean"].found
    table["status"] = "dead"
    assert all(np.isnan(case.found.mean) for case in by_case(margin.claims(table, asked("02_margin"))).values())


def test_predictors_are_probabilities_of_surviving():
    rows = pd.DataFrame({name: [-1.0, 0.0, 2.0] for name in margin.SCORES} | {"classes": [0.1, 0.5, 0.9]})
    assert margin.survival(rows, "classes").tolist() == [0.1, 0.5, 0.9]
    assert margin.survival(rows, "confidence") == pytest.approx(1 / (1 + np.exp([1.0, 0.0, -2.0])))
    for name in ("ratio", "drifted", "second", "centred"):
        assert margin.survival(rows, name) == pytest.approx(special.erfc(-np.array([-1.0, 0, 2]) / np.sqrt(2)) / 2)


def test_rows_at_each_test_strength_have_its_columns_and_words_for_the_training():
    wide = pd.DataFrame({name: [f"{name} {k}" for k in range(2)] for name in margin.SHARED})
    wide = wide.assign(strength=[0.0, 0.6], training_corruption="fresh")
    wide = wide.assign(**{f"ratio_{p}": [k + p for k in range(2)] for p in (0.5, 0.25)})
    found = margin.at_strengths(wide, [0.25, 0.5])
    assert found["training"].tolist() == ["clean", "fresh, p = 0.6"] * 2
    assert found["test_strength"].tolist() == [0.25, 0.25, 0.5, 0.5]
    assert found["ratio"].tolist() == [0.25, 1.25, 0.5, 1.5]
    assert set(found.columns) == {*margin.SHARED, "ratio", "test_strength", "training"}
    with pytest.raises(UserError, match=r"no test_strength 0\.75"):
        margin.at_strengths(wide, [0.75])


def test_a_useful_predictor_is_surely_under_the_limit():
    rows = [
        {"dataset": "d", "training": "t", "seed": s, "test_strength": p, "predictor": name, "calibration": c + e * s}
        for name, c, e in (("ratio", 0.01, 0.001), ("classes", 0.01, 0.02))  # the mean of both is below 0.05
        for p in (0.1, 0.2)
        for s in range(3)
    ]
    found = margin.useful_up_to(pd.DataFrame(rows), 0.05).iloc[0]
    assert found["ratio"] == 0.2
    assert np.isnan(found["classes"])
    assert "margin" not in found


# 03_inductive_bias


def family_knees() -> pd.DataFrame:
    """p* of an MLP and a CNN of two widths each, in both orders of pixels; all differences are told apart."""
    own = {"MLP 8": 0.4, "MLP 64": 0.45, "CNN 8": 0.5, "CNN 16": 0.58}
    return pd.DataFrame(
        {"dataset": dataset, "training_corruption": when, "test": test, "order": order, "network": name, "seed": seed}
        | {"midpoint": p + twice * (name[0] == "C") * ((0.02 + 0.01 * seed) * (order == "in place") + place / 100)}
        for place, (dataset, when) in enumerate(itertools.product(("mnist", "digits"), ("fixed", "fresh")))
        for (test, twice), order, seed in itertools.product(TESTS.items(), ("in place", "permuted"), SEEDS)
        for name, p in own.items()
    )


def test_the_cnns_advantage_is_paired_by_seed_and_what_permuting_takes_is_lost():
    knees = family_knees()
    networks = knees.assign(
        family=knees["network"].str[:3].str.lower(),
        width=knees["network"].str[4:].astype(int),
        permutation=np.where(knees["order"] == "permuted", 1.0, np.nan),
        strength=0.5,
        status="learned",
    )
    networks.loc[(networks["network"] == "CNN 8") & (networks["seed"] == 1), "status"] = "dead"
    pairs = {
        key: pd.DataFrame(
            {"matched by": ["parameters", "clean accuracy"], "mlp": ["MLP 8", "MLP 64"], "cnn": ["CNN 16", "CNN 8"]}
        ).assign(matched=[True, key[0] == "digits"])
        for key in itertools.product(("mnist", "digits"), ("fixed", "fresh"))
    }
    found = by_case(families.claims(networks, knees, pairs, asked("03_inductive_bias")))
    assert len(found) == 2 * 2 * 2 * 2 * 2
    for place, (dataset, when) in enumerate(pairs):
        for test, twice in TESTS.items():
            where = (dataset, f"{when} corruption", test)
            lost = twice * (0.02 + 0.01 * np.arange(4))
            measured = 24  # primary cases: both claims of 4 pairs and 2 tests, of mnist without the second match
            first = found["advantage", *where, "same parameters"]
            assert is_interval(first, 0.18 + twice * place / 100 + lost, measured)
            assert is_interval(found["lost", *where, "same parameters"], lost, measured)
            assert (first.networks, first.left_out) == (2 * 2 * 4, 0)
            second = found["advantage", *where, "same clean accuracy"]
            assert (second.networks, second.left_out) == (2 * 4, 2 * 4)  # the CNN's points lack a network
            if dataset == "digits":
                assert is_interval(second, 0.05 + twice * place / 100 + lost, measured)
                assert is_interval(found["lost", *where, "same clean accuracy"], lost, measured)
            else:
                assert np.isnan(second.found.mean)
                assert np.isnan(found["lost", *where, "same clean accuracy"].found.mean)


def test_clean_accuracies_are_matched_without_corruption_and_with_pixels_in_place(cell):
    from dataclasses import replace

    cells = [replace(cell, family="mlp", width=w, depth=2) for w in (8, 26)]
    cells += [replace(cell, family="cnn", width=w, depth=3) for w in (4, 8)]
    accuracy = {"MLP 8": 0.9, "MLP 26": 0.95, "CNN 4": 0.912, "CNN 8": 0.97}
    rows = [
        {"network": name, "strength": p, "test": test, "order": order, "seed": seed}
        | {"accuracy": a + (seed - 0.5) / 10 if (p, test, order) == (0, "clean", "in place") else 0.1 * len(order)}
        for (name, a), p, test, order, seed in itertools.product(
            accuracy.items(), (0, 0.5), TESTS, ("in place", "permuted"), range(2)
        )
    ]
    chosen = asked("03_inductive_bias").thresholds
    found = families.matches(cells, pd.DataFrame(rows), chosen).set_index("matched by")
    row = found.loc["clean accuracy"]
    assert (row["mlp"], row["cnn"]) == ("MLP 8", "CNN 4")
    assert (row["of mlp"], row["of cnn"], row["difference"]) == pytest.approx((0.9, 0.912, 0.012))
    assert not row["matched"]  # the limit is 0.01
    row = found.loc["parameters"]
    counts = {"mlp": (64 + 1 + 10) * 26 + 10, "cnn": (9 + 1) * 8 + (9 * 8 + 1) * 8 + (16 * 8 + 1) * 10}
    assert (row["of mlp"], row["of cnn"]) == (counts["mlp"], counts["cnn"])
    assert row["difference"] == pytest.approx(abs(counts["mlp"] - counts["cnn"]) / counts["mlp"])
    assert row["matched"]


# 04_collapse

CURVE_SIZES = list(itertools.product((64, 16), (100, 400), (8, 32)))  # d, N and width


def half_ways() -> pd.DataFrame:
    """Measured and predicted p at half-way: every size has its own error, of either sign; the first lacks a seed."""
    return pd.DataFrame(
        {"dataset": dataset, "pixels": d, "train_size": n, "width": w, "depth": 2, "objective": "mse"}
        | {"test": test, "seed": seed, "measured": 0.5 + place / 100, "predicted": 0.5 + place / 100 + error}
        | {"error": error}
        for place, dataset in enumerate(("mnist", "digits"))
        for (test, twice), seed, (size, (d, n, w)) in itertools.product(TESTS.items(), SEEDS, enumerate(CURVE_SIZES))
        if (error := twice * (0.01 * seed + 0.02 * size) * (-1) ** size)
    )


def alignments() -> pd.DataFrame:
    """What `quality` finds: every number is that of its data set, test, sizes and candidate."""
    return pd.DataFrame(
        {"dataset": dataset, "test": test, "sizes": sizes, "candidate": name, "n": 4}
        | {"mean": value, "low": value - 0.01, "high": value + 0.02}
        | {"gain": -value, "gain_low": -value - 0.03, "gain_high": -value + 0.04}
        for number, (dataset, test, sizes, name) in enumerate(
            itertools.product(("mnist", "digits"), TESTS, ("N", "together"), collapse.CANDIDATES)
        )
        if (value := 0.1 + number / 100)
    )


def test_collapse_claims_are_of_all_sizes_together_and_of_the_size_of_errors():
    half, found = half_ways(), alignments()
    networks = half.assign(strength=0.5, status="learned").query("dataset == 'mnist' or seed != 3")
    limits = CollapseThresholds(rms=0.05, gain=0.02, error=0.05)
    cases = by_case(collapse.claims(networks, found, half, limits))
    assert len(cases) == 2 * 2 * (4 + 3 + 1)
    for dataset, test in itertools.product(("mnist", "digits"), TESTS):
        own = found.query("dataset == @dataset and test == @test and sizes == 'together'").set_index("candidate")
        for name, row in own.iterrows():
            case = cases[f"collapse-{name}", dataset, test]
            wider = reference.t.ppf(1 - 0.025 / 8, 3) / reference.t.ppf(0.975, 3) if name in ("proxy", "ratio") else 1
            ends = (max(0, row["mean"] - 0.01 * wider), min(1, row["mean"] + 0.02 * wider))
            assert case.found == pytest.approx((row["mean"], *ends, 4))
            assert case.networks == {"mnist": 8 * 4 - 1, "digits": 8 * 3 - 1}[dataset]
            if name != "proxy":
                gain = cases[f"gain-{name}", dataset, test].found
                assert gain == pytest.approx((-row["mean"], -row["mean"] - 0.03, -row["mean"] + 0.04, 4))
        sizes = 0.02 * np.arange(1, 8)  # the first size lacks a seed, and counts for none
        errors = [TESTS[test] * np.mean([0.01 * seed + size for size in sizes]) for seed in SEEDS]
        assert is_interval(cases["halfway", dataset, test], errors)


def test_half_way_is_found_in_both_curves_of_each_network():
    p = [0.0, 0.2, 0.4, 0.8]
    rows = [
        {"dataset": "d", "pixels": 64, "train_size": n, "width": 8, "depth": 2, "objective": "mse", "test": test}
        | {"seed": seed, "strength": strength, "accuracy": a, "theory": b}
        for n, test, seed in itertools.product((100, 400), TESTS, (0, 1))
        for strength, a, b in zip(
            p, (0.9, 0.7, 0.3, 0.1), (0.9, 0.9, 0.7, 0.3) if n == 100 else (0.9, 0.5, 0.3, 0.1), strict=True
        )
    ]
    half = collapse.halfway(pd.DataFrame(rows), 0.1)
    assert len(half) == 8
    assert half["measured"].to_numpy() == pytest.approx(0.3)  # 0.5 is half-way between 0.9 and a chance of 0.1
    assert half.groupby("train_size")["predicted"].first().tolist() == pytest.approx([0.6, 0.2])
    assert half.groupby("train_size")["error"].first().tolist() == pytest.approx([0.3, -0.1])


def test_what_is_survived_is_told_with_its_interval():
    half = half_ways().query("dataset == 'digits' and pixels == 64 and train_size == 100 and width == 32")
    line = collapse.survived(half).loc[("digits", 64, 100, 32, 2, "mse", "corrupted")]
    errors = -2 * (0.02 + 0.01 * np.arange(4))
    spread = reference.t.ppf(0.975, 3) * reference.sem(errors)
    assert (
        line["error [95 %]"] == f"{errors.mean():+.3f} [{errors.mean() - spread:+.3f}, {errors.mean() + spread:+.3f}]"
    )
    assert line["measured p [95 %]"] == "0.510 [0.510, 0.510]"
    assert line["predicted p"] == f"{0.51 + errors.mean():.3f}"
    assert line["seeds"] == 4


def test_quality_is_of_each_kind_of_size_without_the_clean_images(monkeypatch):
    """Lines of the right candidate are one line; on another they are as far apart as its offsets."""
    monkeypatch.setattr(collapse.stats, "collapse_interval", partial(stats.collapse_interval, draws=5))
    rows = [
        {"dataset": "d", "test": test, "pixels": 64, "train_size": n, "width": w, "seed": seed, "strength": p}
        | {
            "accuracy": 0.9 - 0.8 * p,
            "theory": 0.9 - 0.8 * p if test == "clean" else p,
            "signal": 1 - p,
            "ratio": 1 - p,
        }
        | {"proxy": np.inf if p == 0 else (1 - p - (0.25 if w == 32 else 0.0))}
        for test, n, w, seed, p in itertools.product(TESTS, (100, 400), (8, 32), (0, 1), np.linspace(0, 1, 17))
    ]
    found = collapse.quality(pd.DataFrame(rows)).set_index(["test", "sizes", "candidate"])
    assert set(found.index.get_level_values("sizes")) == {"N", "width", "together"}
    assert len(found) == 2 * 3 * 4
    assert found.loc[("clean", "N", "proxy"), "mean"] == pytest.approx(0, abs=1e-9)  # at the largest width, of one
    assert found.loc[("clean", "width", "proxy"), "mean"] == pytest.approx(
        0.2, abs=0.01
    )  # 0.25 of p is 0.2 of accuracy
    assert found.loc[("clean", "width", "theory"), "mean"] == pytest.approx(0, abs=1e-9)
    assert found.loc[("clean", "width", "theory"), "gain"] == pytest.approx(0.2, abs=0.01)
    assert found.loc[("corrupted", "width", "theory"), "mean"] > 0.1  # falls where accuracy grows


# 05_survival

WIDEST = {"replacement": ("mnist", 400, 64), "additive": ("digits", 100, 32)}


def survivors() -> pd.DataFrame:
    """Accuracies of networks, NCM and theory; only the largest networks have the numbers that claims are about."""
    rows = []
    for (law, (dataset, most, widest)), when, (test, twice) in itertools.product(
        WIDEST.items(), ("fixed", "fresh"), TESTS.items()
    ):
        for n, w, seed, p in itertools.product({most, 100}, {widest, 8}, SEEDS, (0.0, 0.5, 0.9, 2.0)):
            largest = n == most and w == widest
            above = (0.8 - 0.2 * p / twice if largest else 0.3) + 0.01 * seed + 0.1 * (when == "fresh")
            row = {
                "dataset": dataset,
                "law": law,
                "training_corruption": when,
                "test": test,
                "train_size": n,
                "width": w,
            }
            row |= {"seed": seed, "strength": p, "status": "learned", "accuracy": 0.1 + above}
            row |= {"ncm": 0.1 + above + 0.02 + 0.01 * seed, "theory": 0.1 + above + (0.05 if largest else -0.03)}
            rows.append(row)
    table = pd.DataFrame(rows)
    return table.assign(**{name: np.nan if name == "permutation" else 1 for name in AXES if name not in table})


@pytest.mark.parametrize("law", WIDEST)
def test_survival_claims_are_about_the_largest_networks_at_the_headline(law):
    dataset, most, widest = WIDEST[law]
    headline = {"replacement": 0.9, "additive": 2.0}
    cases = by_case(survival.claims(survivors(), 0.1, asked("05_survival", headline=headline)))
    symbol = {"replacement": "p = 0.9", "additive": "σ = 2"}[law]
    for when, (test, twice) in itertools.product(("fixed", "fresh"), TESTS.items()):
        where = (dataset, symbol, test, f"{when} corruption")
        common = 0.01 * np.arange(4) + 0.1 * (when == "fresh")
        above = 0.8 - 0.2 * headline[law] / twice + common
        assert is_interval(cases["above", *where], above, 8)
        assert is_interval(cases["kept", *where], above / (0.8 + common))
        assert cases["above", *where].networks == cases["kept", *where].networks == 4
        if when == "fixed":
            found = cases["ncm", *where].found  # the network is below NCM: the difference counts
            half = reference.t.ppf(0.975, 3) * reference.sem(0.01 * np.arange(4))
            assert found == pytest.approx((0.035, 0.035 - half, 0.035 + half, 4))
        else:
            assert ("ncm", *where) not in cases
    sizes = [(n, w) for n in {most, 100} for w in {widest, 8}]
    error = np.mean([0.05 if size == (most, widest) else 0.03 for size in sizes])
    assert cases["theory-networks", dataset].found.mean == pytest.approx(error)
    assert cases["theory-networks", dataset].networks == len(sizes) * 4 * 4  # of clean and corrupted tests alike, once
    off = [np.mean([abs(0.02 + 0.01 * s + (-0.05 if z == (most, widest) else 0.03)) for z in sizes]) for s in SEEDS]
    assert is_interval(cases["theory-ncm", dataset], off)


def test_a_point_where_a_network_did_not_learn_is_not_claimed():
    table = survivors()
    dead = (table["dataset"] == "mnist") & (table["strength"] == 0.9) & (table["seed"] == 2) & (table["width"] == 64)
    table.loc[dead & (table["train_size"] == 400) & (table["training_corruption"] == "fixed"), "status"] = "dead"
    cases = by_case(survival.claims(table, 0.1, asked("05_survival", headline={"replacement": 0.9, "additive": 2.0})))
    for name in ("above", "kept", "ncm"):
        case = cases[name, "mnist", "p = 0.9", "clean", "fixed corruption"]
        assert np.isnan(case.found.mean)
        assert (case.networks, case.left_out) == (0, 4)
        assert not np.isnan(cases[name, "digits", "σ = 2", "clean", "fixed corruption"].found.mean)
    assert (cases["theory-networks", "mnist"].networks, cases["theory-networks", "mnist"].left_out) == (60, 4)
    error = (6 * 0.05 + 24 * 0.03) / 30  # of 32 sizes, strengths and tests two lack a seed
    assert cases["theory-networks", "mnist"].found.mean == pytest.approx(error)


def test_errors_of_the_theory_are_told_by_network_and_by_rule():
    lines = survival.errors(survivors().query("training_corruption == 'fixed'")).loc[
        ("mnist", "replacement", "clean", 400)
    ]
    assert lines["width 64", "mean"] == pytest.approx(-0.05)
    assert lines["width 8", "rms"] == pytest.approx(0.03)
    seeds = 0.02 + 0.01 * np.arange(4)
    both = np.concatenate([seeds - 0.05, seeds + 0.03])
    assert lines["NCM", "mean"] == pytest.approx(both.mean())
    assert lines["NCM", "rms"] == pytest.approx(np.sqrt((both**2).mean()))


# 06_prototype

USUAL = {
    "train_size": 100,
    "centred": True,
    "shift": 0.0,
    "readout_scale": 1.0,
    "objective": "cross_entropy",
    "steps": 9,
}
REGIMES = {
    "cross-entropy, N = 100": USUAL,
    "squared error from 0, N = 2,000": USUAL | {"objective": "mse", "readout_scale": 0.0, "train_size": 2000},
}


LIMITS = PrototypeThresholds(majority=0.5, same=0.9, below_twin=0.05, per_doubling=0.01)
OF_SIZES = ("twins-agree", "below-twin-ncm", "below-twin-resummed", "more-images")  # claims of every N


def agreements() -> pd.DataFrame:
    """Agreement of networks with each rule and with a twin: in both regimes, after more steps, and at another N."""
    others = [USUAL | {"steps": 90}, REGIMES["squared error from 0, N = 2,000"] | {"train_size": 100}]
    rows = []
    for place, regime in enumerate([*REGIMES.values(), *others]):
        for (test, twice), seed, (number, rule) in itertools.product(
            TESTS.items(), SEEDS, enumerate(("ncm", *prototype.RIVALS, "twin"))
        ):
            for p, width, depth in itertools.product((0.5, 0.9), (8, 32), (2, 3)):
                share = 0.9 - 0.1 * place - 0.05 * (twice - 1) - 0.02 * number - 0.01 * seed
                share += 0.03 * seed * (rule == "twin") - 0.02 * seed * (place == 3)
                share -= 0.04 * (p == 0.9) + 0.02 * (width == 8) * (seed + 1) + 0.03 * (depth == 3)
                row = {**regime, "dataset": "digits", "test": test, "seed": seed, "rule": rule, "status": "learned"}
                rows.append(row | {"strength": p, "width": width, "depth": depth, "agreement": share})
    return pd.DataFrame(rows)


def test_prototype_claims_are_averages_and_each_seeds_worst_in_two_regimes():
    cases = by_case(prototype.claims(agreements(), USUAL, LIMITS))
    seeds = np.arange(4)
    for (place, regime), (test, twice) in itertools.product(enumerate(REGIMES), TESTS.items()):
        best = 0.9 - 0.1 * place - 0.05 * (twice - 1) - 0.01 * seeds
        average = best - 0.02 - 0.01 * (seeds + 1) - 0.015
        where = ("digits", test, regime)
        assert is_interval(cases["majority", *where], average, 12)
        assert is_interval(cases["majority-uniformly", *where], best - 0.04 - 0.02 * (seeds + 1) - 0.03, 12)
        for number, rule in enumerate(("ncm", *prototype.RIVALS)):
            assert is_interval(cases[f"same-{rule}", *where], average - 0.02 * number, 12 if rule == "ncm" else 1)
            assert (cases[f"same-{rule}", *where].networks, cases["majority", *where].left_out) == (4 * 8, 0)
    assert len([name for name in cases if name[0] not in OF_SIZES]) == 2 * 2 * 8
    fewer = agreements().query("rule not in ('ntk', 'twin') and objective != 'mse'")
    found = by_case(prototype.claims(fewer, USUAL, LIMITS))
    left = [name for name in cases if name[0] not in ("same-ntk", *OF_SIZES) and name[3] == "cross-entropy, N = 100"]
    assert set(found) == set(left)


def test_twins_are_yardsticks_at_every_size_and_growth_is_that_of_one_network():
    cases = by_case(prototype.claims(agreements(), USUAL, LIMITS))
    places = {"cross-entropy, N = 100": 0, "squared error from 0, N = 2,000": 1, "squared error from 0, N = 100": 3}
    seeds = np.arange(4)
    for (regime, place), (test, twice) in itertools.product(places.items(), TESTS.items()):
        ncm = 0.9 - 0.1 * place - 0.05 * (twice - 1) - 0.01 * seeds - 0.02 * seeds * (place == 3)
        ncm -= 0.02 + 0.01 * (seeds + 1) + 0.015
        twin, where = ncm - 0.12 + 0.03 * seeds, ("digits", test, regime)
        assert is_interval(cases["twins-agree", *where], twin)
        assert is_interval(cases["below-twin-ncm", *where], twin - ncm)
        assert is_interval(cases["below-twin-resummed", *where], twin - ncm + 0.08)
        assert cases["twins-agree", *where].networks == 4 * 8
    assert {name[3] for name in cases if name[0] == "more-images"} == {"squared error from 0"}
    for test in TESTS:
        grown = (0.2 + 0.02 * seeds) / np.log2(20)
        assert is_interval(cases["more-images", "digits", test, "squared error from 0"], grown)
    assert len([name for name in cases if name[0] in OF_SIZES]) == 2 * (3 * 3 + 1)


def test_a_size_may_take_more_steps_and_a_size_that_lacks_a_strength_is_no_regime():
    table = pd.DataFrame(
        USUAL | {"train_size": size, "steps": steps, "strength": p, "centred": centred}
        for size, steps, p, centred in (
            *((100, 9, p, True) for p in (0.5, 0.9)),
            *((100, 90, p, True) for p in (0.5, 0.9)),
            (100, 9, 0.5, False),
            (400, 3, 0.5, True),
            (400, 36, 0.5, True),
        )
    )
    found = prototype.by_size(table, USUAL)
    assert found[["train_size", "steps", "strength"]].to_numpy().tolist() == [
        [100, 9, 0.5],
        [100, 9, 0.9],
        [400, 36, 0.5],
    ]
    assert set(prototype.whole_sizes(found).train_size) == {100}


def test_prototype_claims_leave_points_out_where_a_network_did_not_learn():
    table = agreements()
    table.loc[(table["strength"] == 0.9) & (table["width"] == 8) & (table["seed"] == 0), "status"] = "unfinished"
    case = by_case(prototype.claims(table, USUAL, LIMITS))[
        "majority-uniformly", "digits", "clean", "cross-entropy, N = 100"
    ]
    seeds = np.arange(4)
    least = 0.9 - 0.01 * seeds - 0.03 - np.maximum(0.04, 0.02 * (seeds + 1))  # of p = 0.9, or of width 8: not of both
    assert is_interval(case, least, 12)
    assert (case.networks, case.left_out) == (4 * 6, 4 * 2)


# 07_infinite_width


def wide() -> pd.DataFrame:
    """Rules against the infinitely wide network on raw inputs and on others, at three N/d, of which one is above 1."""
    rows = []
    for (place, shift), (number, rule), seed in itertools.product(
        enumerate((0.0, 0.5)), enumerate(infinite.RULES), SEEDS
    ):
        for n, p in itertools.product((32, 64, 128), (0.5, 0.8, 1.0)):
            share = 0.9 - 0.1 * place - 0.05 * number - 0.02 * seed - 0.1 * p - 0.3 * (n == 128) - 0.04 * (n == 64)
            off = -0.02 if n == 32 else 0.03 + seed / 100
            off += 0.2 * (rule != "first_order") + 0.1 * (p < 1)  # noise alone is what FO is predicted for
            rows.append(
                {
                    "dataset": "digits",
                    "what": "infinite",
                    "activation": "relu",
                    "depth": 3,
                    "shift": shift,
                    "rule": rule,
                }
                | {"train_size": n, "pixels": 64, "load": n / 64, "strength": p, "seed": seed, "agreement": share}
                | {"bounded": share / 2, "predicted": share + off}
            )
    return pd.DataFrame(rows)


def narrow() -> pd.DataFrame:
    """Networks of finite width, whose difference falls as width to the −(0.4 + a hundredth of the seed)."""
    return pd.DataFrame(
        {"dataset": "digits", "what": "finite", "width": w, "seed": seed, "difference": 3 * w ** -(0.4 + seed / 100)}
        | {"status": "learned", "strength": 0.8, "agreement": 0.5, "agreement_own": 0.9 - 1 / w + seed / 100}
        | {"difference_own": (0.1 + 1 / w + seed / 50) * 3 * w ** -(0.4 + seed / 100)}
        for w, seed in itertools.product((16, 64, 512), SEEDS)
    )


def unmoved() -> pd.DataFrame:
    """Kernels at the start: what they shift falls as width^−(0.4 + s/100) (1−p)^(0.1 + s/50), s the seed.

    Agreement is √width × contrast / 40, and contrast 1 − p.
    """
    return pd.DataFrame(
        {"dataset": "digits", "what": "own", "width": w, "strength": p, "seed": seed, "contrast": 1 - p}
        | {"agreement": np.sqrt(w) * (1 - p) / 40, "started": 0.9 - p / 10 - seed / 100 - 0.1 * (w == 16)}
        | {"shifted": 0.2 * w ** -(0.4 + seed / 100) * (1 - p) ** (0.1 + seed / 50)}
        for w, p, seed in itertools.product((16, 64, 256, 1024), (0.5, 0.75), SEEDS)
    )


def test_claims_about_kernels_of_finite_networks_find_the_laws_that_were_put_in():
    chosen = asked("07_infinite_width")
    others = unmoved().assign(dataset="mnist", started=0.0, shifted=1.0, agreement=0.5)
    cases = by_case(infinite.claims(wide(), narrow(), pd.concat([unmoved(), others]), chosen))
    seeds = np.arange(4)
    for w in (16, 64, 512):
        own, left = (cases[name, "digits", f"width {w}"] for name in ("own", "left"))
        assert is_interval(left, 0.1 + 1 / w + seeds / 50)
        half = reference.t.ppf(0.975, 3) * reference.sem(seeds / 100)
        assert own.found == pytest.approx((0.915 - 1 / w, 0.915 - 1 / w - half, min(1, 0.915 - 1 / w + half), 4))
        assert (own.networks, left.networks) == (4, 4)
    for p in (0.5, 0.75):
        assert is_interval(cases["started", "digits", f"p = {p}"], 0.9 - p / 10 - seeds / 100 - 0.025)
    assert is_interval(cases["shifted-width", "digits"], 0.1 - seeds / 100)
    assert is_interval(cases["shifted-strength", "digits"], 0.1 + seeds / 50)
    # against √width (1−p)² two points of each p lie within the range of the other, and 0.05 and 0.1 off
    square, contrast = (cases[name, "digits"].found for name in ("collapse-square", "collapse-contrast"))
    assert square[:3] == pytest.approx([np.sqrt((0.05**2 + 0.1**2) / 2)] * 3)
    assert contrast[:3] == pytest.approx([0, 0, 0], abs=1e-9)


def test_infinite_width_claims_are_at_most_as_many_images_as_pixels():
    kinds = [
        {"activation": "relu", "depth": 3, "train_size": [32, 64, 128], "shift": 0},
        {"activation": "erf", "depth": 3, "train_size": [32], "shift": 0},
        {"activation": "relu", "depth": 3, "train_size": [32, 64], "shift": 0.5},
    ]
    chosen = asked("07_infinite_width", infinite=kinds, strength=[0.5, 0.8, 1], headline=0.8)
    decoy = wide().assign(depth=4, agreement=0.0, bounded=0.0, predicted=0.0)
    cases = by_case(infinite.claims(pd.concat([wide(), decoy]), narrow(), unmoved(), chosen))
    seeds = np.arange(4)
    for place, inputs in enumerate(("raw inputs", "inputs − 0.5")):
        for number, rule in enumerate(infinite.RULES):
            share = 0.9 - 0.1 * place - 0.05 * number - 0.02 * seeds - 0.08 - 0.02
            assert is_interval(cases[rule, "digits", inputs], share, 4 if rule == "ncm" else 1)
            if rule != "ncm":
                case = cases[f"bounded-{rule}", "digits", inputs]
                assert is_interval(case, share / 2, 4 if rule == "first_order" else 1)
        assert is_interval(cases["predicted", "digits", inputs], 0.03 + seeds / 100)
    assert ("bounded-ncm", "digits", "raw inputs") not in cases
    width = cases["width", "digits"]
    assert is_interval(width, 0.1 - seeds / 100)  # how far the exponent is from a half
    assert (width.networks, width.left_out) == (12, 0)


def test_the_exponent_of_width_is_fitted_for_each_seed():
    slopes = infinite.exponent(narrow())
    half = reference.t.ppf(0.975, 3) * reference.sem(0.01 * np.arange(4))
    assert slopes == pytest.approx((0.415, 0.415 - half, 0.415 + half, 4))
    assert infinite.exponent(narrow(), less=0.5).mean == pytest.approx(-0.085)
    dead = narrow()
    dead.loc[(dead["width"] == 512), "status"] = ["dead", *["learned"] * 3]
    chosen = asked("07_infinite_width", headline=0.8)
    case = by_case(infinite.claims(wide().assign(activation="none"), dead, unmoved(), chosen))["width", "digits"]
    assert (case.networks, case.left_out) == (8, 4)
    assert case.found.mean == pytest.approx(0.085)


def test_two_seeds_are_enough_for_an_interval_and_one_is_not():
    for page in ("07_infinite_width", "08_universality"):
        assert asked(page, seeds=[0, 1]).seeds == [0, 1]
        with pytest.raises(UserError, match="seeds needs"):
            asked(page, seeds=[0])


def test_flips_are_what_does_not_agree_by_fifths():
    rows = pd.DataFrame(
        [{"rule": "ncm", "seed": 1, "train_size": 20} | {f"fifth_{k}": 1 - k / 10 for k in range(1, 6)}]
    )
    found = infinite.flips(rows)
    assert found["fifth"].tolist() == [1, 2, 3, 4, 5]
    assert found["flipped"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_the_map_takes_the_rows_of_its_network_alone():
    one = (
        asked("07_infinite_width")
        .infinite[0]
        .model_copy(update={"activation": "relu", "depth": 3, "shift": 0.5, "train_size": [32, 64]})
    )
    rows = pd.concat([wide(), wide().assign(depth=2), wide().assign(activation="erf")])
    found = infinite.of(rows, one)
    assert len(found) == len(wide()) / 2 * 2 / 3
    assert (set(found["shift"]), set(found["depth"]), set(found["train_size"])) == ({0.5}, {3}, {32, 64})


def test_mean_agreement_of_other_networks_is_by_rule():
    found = infinite.others(wide())
    share = wide().query("rule == 'first_order' and shift == 0.5 and train_size == 64")["agreement"].mean()
    assert found.loc[("digits", "relu", 3, 0.5, 64), "FO"] == pytest.approx(share)
    assert found.shape == (2 * 3, 3)


# 08_universality


def universal() -> pd.DataFrame:
    """Agreement with each rule for laws, activations and depths; FO needs its tilt as the second moment grows."""
    rows = []
    for (place, shift), (number, rule), seed in itertools.product(
        enumerate((0.0, 0.5)), enumerate((*universality.RULES, "untilted")), SEEDS
    ):
        for law, activation, depth in itertools.product((1, 2), ("relu", "erf"), (2, 5)):
            share = 0.9 - 0.1 * place - 0.05 * number - 0.01 * seed
            share -= 0.05 * (law == 2) + 0.02 * (activation == "erf") * (1 + seed) + 0.03 * (depth == 5)
            row = {
                "dataset": "digits",
                "shift": shift,
                "rule": rule,
                "seed": seed,
                "activation": activation,
                "depth": depth,
            }
            if rule != "untilted":
                rows.append(row | {"part": "matrix", "law": f"law {law}", "moment": np.nan, "agreement": share})
            for moment in (0.25, 0.5, 2.0):
                lacks = (0.1 + place / 10 + seed / 100 + 0.04 * (depth == 5)) * moment if rule == "untilted" else 0.0
                tilted = {
                    "part": "tilt",
                    "law": f"tilt {moment}",
                    "moment": moment,
                    "agreement": 0.8 - seed / 50 - lacks,
                }
                rows.append(row | tilted)
    return pd.DataFrame(rows).drop_duplicates()


def test_universality_claims_are_averages_and_each_seeds_worst_and_what_the_tilt_adds():
    chosen = asked("08_universality", shifts=[0, 0.5])
    cases = by_case(universality.claims(universal(), chosen))
    seeds = np.arange(4)
    for place, inputs in enumerate(("raw inputs", "inputs − 0.5")):
        for number, rule in enumerate(universality.RULES):
            best, primary = 0.9 - 0.1 * place - 0.05 * number - 0.01 * seeds, 4 if rule == "ncm" else 1
            average = best - 0.025 - 0.01 * (1 + seeds) - 0.015
            assert is_interval(cases[f"average-{rule}", "digits", inputs], average, primary)
            least = best - 0.05 - 0.02 * (1 + seeds) - 0.03
            assert is_interval(cases[f"worst-{rule}", "digits", inputs], least, primary)
        added = (0.12 + place / 10 + seeds / 100) * (2.0 - 0.25)  # at the largest moment less at the smallest
        assert is_interval(cases["tilt", "digits", inputs], added)
    assert len(cases) == 2 * 7


def test_networks_are_within_reach_by_the_lower_end_of_their_interval():
    rows = [
        {"shift": 0, "dataset": "d", "law": "l", "noise": 1, "rule": rule, "activation": "relu", "depth": depth}
        | {"agreement": mean + spread * step}
        for rule in (*universality.RULES, "correlation")
        for depth, mean, spread in ((2, 0.9, 0.01), (3, 0.9, 0.2), (4, 0.7, 0.01), (5, 0.95, 0.001))
        for step in (-1, 0, 1)
    ]
    found = universality.reach(pd.DataFrame(rows), 0.8)
    assert found.columns.tolist() == ["NCM", "FO", "ridge"]
    assert (found == 0.5).all(axis=None)  # of depths 2 and 5


def test_agreement_over_networks_is_by_rule_moment_and_seed():
    tilted = universal().query("part == 'tilt' and shift == 0")
    found = universality.over_networks(tilted).set_index(["rule", "moment", "seed"])["agreement"]
    assert found["untilted", 2.0, 3] == pytest.approx(0.8 - 3 / 50 - (0.1 + 0.03 + 0.02) * 2)
    assert found["ncm", 0.25, 1] == pytest.approx(0.8 - 1 / 50)
    wide = universality.matrix(universal().query("part == 'matrix' and shift == 0 and rule == 'ncm'"))
    assert wide.index.tolist() == ["relu 2", "relu 5", "erf 2", "erf 5"]
    assert wide.loc["erf 5", "law 2"] == pytest.approx(0.9 - 0.015 - 0.05 - 0.05 - 0.03)


# where statistics can lie

RANGES: dict[str, dict[tuple[int, int] | None, str]] = {  # None: everywhere
    "00_data": {None: "exponent-small exponent drowned", (0, 1): "unseen human"},
    "02_margin": {(-1, 1): "rank-margin rank-softmax drift even mean-image all-classes", (0, 1): "calibrated"},
    "03_inductive_bias": {(-1, 1): "advantage", (-2, 2): "lost"},
    "04_collapse": {
        (0, 1): "collapse-proxy collapse-ratio collapse-signal collapse-theory halfway",
        (-1, 1): "gain-ratio gain-signal gain-theory",
    },
    "05_survival": {(-1, 1): "above", None: "kept", (0, 1): "ncm theory-ncm theory-networks"},
    "06_prototype": {
        (0, 1): "majority majority-uniformly same-ncm same-debiased same-correlation same-first_order same-resummed "
        "same-ntk twins-agree",
        (-1, 1): "below-twin-ncm below-twin-resummed",
        None: "more-images",
    },
    "07_infinite_width": {
        (0, 1): "ncm bounded-first_order first_order resummed bounded-resummed predicted own started",
        None: "width left shifted-width shifted-strength collapse-square collapse-contrast",
    },
    "08_universality": {
        (0, 1): "average-ncm average-first_order average-resummed worst-ncm worst-first_order worst-resummed",
        (-2, 2): "tilt",
    },
}
ERRORS = {  # statistics that are to be small
    "00_data": "human",
    "02_margin": "calibrated",
    "04_collapse": "collapse-proxy collapse-ratio collapse-signal collapse-theory halfway",
    "05_survival": "ncm theory-ncm theory-networks",
    "07_infinite_width": "predicted width left shifted-width shifted-strength collapse-square collapse-contrast",
}


@pytest.mark.parametrize("page", RANGES)
def test_shares_lie_between_0_and_1_and_differences_of_them_between_their_ends(page):
    own = importlib.import_module(f"almostnothing.pages.{page_of(page)}.claims").CLAIMS
    assert {name: one.range for name, one in own.items()} == {
        name: ends for ends, words in RANGES[page].items() for name in words.split()
    }


@pytest.mark.parametrize("page", [*RANGES, "01_knee"])
def test_only_errors_are_asked_to_be_small(page):
    own = importlib.import_module(f"almostnothing.pages.{page_of(page)}.claims").CLAIMS
    assert {name for name, one in own.items() if one.below} == set(ERRORS.get(page, "").split())


def test_second_moments_of_replaced_pixels():
    def heavy(**law: Any) -> Heavy:
        return Heavy.model_validate({"corruption": {"law": "replacement", **law}, "strength": 0.9})

    constant, coin = heavy(values="constant", value=0.3), heavy(values="bernoulli", probability=0.3)
    assert (constant.mean, constant.moment) == pytest.approx((0.3, 0.09))
    assert (coin.mean, coin.moment) == pytest.approx((0.3, 0.3))
    draws = np.linspace(-1, 3, 100_001)
    uniform = heavy(values="uniform", low=-1, high=3)
    assert (uniform.mean, uniform.moment) == pytest.approx((draws.mean(), (draws**2).mean()), rel=1e-4)
    normal = heavy(values="gaussian")
    assert np.isnan([normal.mean, normal.moment]).all()
    added = Heavy.model_validate({"corruption": {"law": "additive", "noise": "gaussian"}, "strength": 0.9})
    assert np.isnan([added.mean, added.moment]).all()
