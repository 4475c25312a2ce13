"""17_size_vs_lipschitz: its table, claims from a table made by hand, mistakes."""

import itertools
import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats
from test_page_claims import is_interval

from almostnothing import streams
from almostnothing.errors import UserError
from almostnothing.measures import frontier
from almostnothing.pages import model_of
from almostnothing.pages.size_vs_lipschitz import page
from almostnothing.pages.size_vs_lipschitz import table as made
from almostnothing.parameters.files import validate
from almostnothing.theory import partial_fits

QUICK = Path(__file__).resolve().parent.parent / "params/quick/17_size_vs_lipschitz.yaml"
CONTENT = yaml.safe_load(QUICK.read_text()) | {"activations": ["relu", "softplus"]}
TRAINING, N, SIZES = CONTENT["training"], CONTENT["n"], CONTENT["units"]
SMALL: dict[str, Any] = {
    "d": 16,
    "n": 40,
    "units": [4, 8, 16],
    "compared": [4],
    "seeds": [0, 3],
    "training": TRAINING | {"steps": 200, "climbing": 16, "penalties": [0.1, 0.3], "starts": [2, 1, 1]},
}
SEEDS = np.arange(4)


def asked(**changes: Any) -> Any:
    return validate(model_of("17_size_vs_lipschitz", "test"), CONTENT | changes, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return page_cases.measured("17_size_vs_lipschitz", asked(**SMALL))


def test_rows_are_one_for_each_network_and_bounds_enclose(table):
    networks = table[~table["mode"].isin(page.FITS)]
    assert len(networks) == 2 * (3 * (9 + 5) + 2 * 4)  # seeds; sizes, ways of ReLU, softplus; second starts
    alone = networks[(networks["k"] == 4) & (networks["start"] == 1)]
    assert set(alone["mode"]) == {"penalised"}
    assert len(table) - len(networks) == 2 * 3
    for least, most in (("lower", "upper"), ("lower_inf", "upper_inf"), ("average", "upper")):
        assert (networks[least] <= networks[most]).all()
    whole = networks["steps"] == 200
    assert (networks["stability_least"] <= networks["stability"])[whole].all()
    assert (networks["stability_least"] > 0)[whole].all()
    assert networks.loc[~whole, ["stability", "stability_least"]].isna().all(axis=None)
    assert (networks["upper_inf"] <= 4 * networks["upper"] * 1.2).all()  # ‖g‖₁ ≤ √d‖g‖₂; a relaxation is not exact
    assert (table["lower"] > 0).all()
    assert (networks["parameters"] == networks["k"] * 18).all()
    fit = table[table["status"] == "learned"]
    assert (fit["lower"] >= fit["floor"]).mean() > 0.95  # by search; the certified bound always is
    assert (fit["upper"] >= fit["floor"])[fit["upper"].notna()].all()
    assert (fit["mse"] <= 0.47 * 1.02).all()
    features = table[table["mode"].isin(page.FITS)]
    assert features["mse"].to_numpy() == pytest.approx(0.47)
    for seed in (0, 3):
        x, y = made.points(16, 40, seed)
        assert np.linalg.norm(x, axis=1) == pytest.approx(1)
        assert set(table[table["seed"] == seed]["floor"]) == {partial_fits.floor(x, y, 0.47)}


def test_networks_are_those_that_are_trained_and_measured_alone(table):
    """Whatever is trained and measured beside them."""
    want = asked(**SMALL)
    x, y = (
        torch.from_numpy(np.stack(part)).float() for part in zip(*(made.points(16, 40, s) for s in (0, 3)), strict=True)
    )
    fresh = frontier.uniform([streams.stream_key(s, "fresh points of the sphere", 16) for s in (0, 3)], made.FRESH, 16)
    for way in (made.Way("sobolev", 0.1, 200), made.Way("penalised", 0.3, 50, (1,))):
        found = made.made(want, made.Noise(x, y, fresh, []), "relu", 4, way)
        steep = frontier.steepness(found, x, frontier.ACTIVATIONS["relu"])
        rows = table[(table["mode"] == way.mode) & (table["activation"] == "relu") & (table["k"] == 4)]
        rows = rows[(rows["weight"] == way.weight) & (rows["steps"] == way.steps) & (rows["start"] == way.starts[0])]
        assert rows["mse"].to_numpy() == pytest.approx(found.mse.numpy(), rel=1e-3)
        assert rows["upper"].to_numpy() == pytest.approx(steep.upper.numpy(), rel=1e-3)
        assert rows["upper_inf"].to_numpy() == pytest.approx(steep.upper_inf.numpy(), rel=1e-3)
        mean = frontier.average(found.stack, fresh, frontier.ACTIVATIONS["relu"])
        assert rows["average"].to_numpy() == pytest.approx(mean.numpy(), rel=1e-3)


def test_the_flattest_is_that_of_the_least_certified_bound(table):
    best, counts = page.flattest(table, "relu")
    rows = table[(table["mode"] == "penalised") & (table["activation"] == "relu") & (table["steps"] == 200)]
    whole = (
        rows.groupby(["weight", "start", "k"])["status"].transform(lambda own: (own == "learned").all()).astype(bool)
    )
    assert counts == {"networks": whole.sum(), "left_out": (~whole).sum()}
    least = rows[whole].groupby(["k", "seed"])["upper"].min()
    pd.testing.assert_series_equal(best.set_index(["k", "seed"])["upper"], least)


def by_hand(status: str = "learned") -> pd.DataFrame:
    """Constants that are powers of n/k, other ones for each mode and seed; k = 16 of one mode has the given status."""
    want, rows = asked(), []
    powers = {"plain": 0.0, "decay": 0.1, "adversarial": 0.2, "sobolev": 0.3, "penalised": 0.5}
    for mode, activation, k, seed in itertools.product(powers, want.activations, want.units, SEEDS):
        for steps in (200, 800) if mode == "penalised" else (800,):
            size = (8 if mode == "plain" else 4 if mode != "penalised" else 1) * (1 if steps == 800 else 1.2)
            lower = size * (N / k) ** (powers[mode] - 0.01 * seed)
            own = {"lower": lower, "upper": 1.1 * lower, "path": 3.0, "floor": 0.4, "mse": 0.47, "status": "learned"}
            own |= {"lower_inf": 5 * lower, "upper_inf": 6 * lower * (N / k) ** 0.05}
            own |= {"average": lower / (4 if mode == "sobolev" else 2), "stability": k ** (0.2 + 0.01 * seed)}
            own |= {"stability_least": 0.5}
            if mode == "decay" and k == 16:
                own["status"] = status
            case = {
                "mode": mode,
                "activation": activation,
                "weight": 0.1,
                "steps": steps,
                "start": 0,
                "k": k,
                "seed": int(seed),
            }
            rows.append(case | own)
    for kind, k, seed in itertools.product(page.FITS, want.compared, SEEDS):
        case = {
            "mode": kind,
            "activation": "softplus",
            "weight": 0.0,
            "steps": 0,
            "start": 0,
            "k": k,
            "seed": int(seed),
        }
        rows.append(case | {"lower": 20.0, "upper": math.nan, "path": math.nan, "floor": 0.4, "mse": 0.47})
        rows[-1]["status"] = "learned"
    return pd.DataFrame(rows)


def found(rows: pd.DataFrame) -> dict[tuple[str, ...], Any]:
    verdicts = page.claims(rows, asked())
    return {(claim.id.partition(".")[2], *case.where.values()): case for claim in verdicts for case in claim.cases}


def test_claims_are_those_of_the_table_made_by_hand():
    cases = found(by_hand())
    slopes = 0.5 - 0.01 * SEEDS
    case = cases["slope", "ReLU", "slopes found"]
    assert case.found.mean == pytest.approx(abs(slopes.mean() - 0.5))
    assert case.networks == 16
    assert cases["fewest", "ReLU", "certified"].found.mean == pytest.approx(abs(slopes.mean() - 0.5))
    assert cases["most", "softplus", "slopes found"].found.mean == pytest.approx(abs(slopes.mean() - 0.5))
    assert is_interval(cases["envelope", "ReLU"], -0.01 * SEEDS * math.log(SIZES[0] / SIZES[-1]), primary=3)
    few, many = SIZES[0], SIZES[-1]
    assert is_interval(cases["gained", "softplus", f"k = {many}"], np.full(4, math.log(1.2)))
    gap = math.log(8 / 1.1) + (0.0 - 0.5) * math.log(N / few) + 0 * SEEDS
    assert is_interval(cases["gap", "ReLU", f"k = {few}"], gap)
    x = np.log(N / np.array(SIZES))
    share = np.mean([(math.log(2) - 0.1 * at) / (math.log(8) - 0.5 * at) for at in x])
    assert cases["closed", "weight decay"].found.mean == pytest.approx(share)
    steep = math.log(20 / 1.1) - slopes * math.log(N / many)
    assert is_interval(cases["features", "random features", f"k = {many}"], steep)
    assert cases["linf", "ReLU"].found.mean == pytest.approx(abs(slopes.mean() + 0.05 - 0.5))
    assert is_interval(cases["sobolev", f"k = {few}"], math.log(4 / 1.1) - 0.2 * math.log(N / few) + 0 * SEEDS)
    assert is_interval(cases["average", f"k = {many}"], math.log(2) - 0.2 * math.log(N / many) + 0 * SEEDS)
    distance = (0.2 + 0.01 * SEEDS) * math.log(2)
    assert is_interval(cases["stability", "ReLU", "plain"], distance)
    assert is_interval(cases["inverse", "softplus", "penalised, the flattest"], slopes * math.log(2))
    assert is_interval(cases["outgrows", "ReLU", "penalised, the flattest"], distance - slopes * math.log(2))
    assert cases["rival", "ReLU", "free power of n/k"].found.n == 0  # fits exactly
    logs = [np.polyfit(x, np.log(np.exp(slope * x) - 0.4), 1)[0] for slope in slopes]
    assert cases["above-floor", "ReLU"].found.mean == pytest.approx(abs(np.mean(logs) - 0.5))


def test_laws_foretell_sizes_left_out_as_densities_of_student_say():
    """Each by its own formula, at one size; the floor's density is one of ln slope."""
    rng, k = np.random.default_rng(0), np.array([8, 16, 32, 64, 128])
    x, floor = np.log(512 / k), 0.5
    lower = floor + 0.5 * np.sqrt(512 / k) * np.exp(0.02 * rng.normal(size=(2, 5)))
    rows = pd.DataFrame(
        [
            {"seed": seed, "k": int(size), "lower": lower[seed, place], "floor": floor}
            for seed in range(2)
            for place, size in enumerate(k)
        ]
    )
    found = page.held_out(rows, 512)
    assert (found["floor"] > found["free"]).all()
    assert (found["free"] > found["order"]).all()
    assert (found["order"] > found["none"]).all()

    def about(values: np.ndarray, place: int) -> float:
        rest = np.delete(values, place)
        return stats.t.logpdf(values[place], 3, rest.mean(), rest.std(ddof=1) * math.sqrt(1 + 1 / 4))

    logs = np.log(lower[1])
    assert found["none"][1] == pytest.approx(np.mean([about(logs, at) for at in range(5)]))
    assert found["order"][1] == pytest.approx(np.mean([about(logs - x / 2, at) for at in range(5)]))
    above = np.log(lower[1] - floor)
    by_hand = [about(above - x / 2, at) + math.log(lower[1, at] / (lower[1, at] - floor)) for at in range(5)]
    assert found["floor"][1] == pytest.approx(np.mean(by_hand))
    # densities of ln slope integrate to 1, with what is above the floor, too
    grid = np.linspace(math.log(floor) + 1e-9, 6, 400_001)
    rest = np.delete(above - x / 2, 2)
    at = np.log(np.exp(grid) - floor) - x[2] / 2
    dense = stats.t.pdf(at, 3, rest.mean(), rest.std(ddof=1) * math.sqrt(5 / 4)) * np.exp(grid) / (np.exp(grid) - floor)
    assert np.trapezoid(dense, grid) == pytest.approx(1, abs=1e-3)
    below = page.held_out(rows.assign(floor=np.where(rows["seed"] == 0, 1.6, 0.5)), 512)
    assert np.isnan(below["floor"][0])
    assert below["floor"][1] == found["floor"][1]
    assert np.isnan(page.held_out(rows[rows["k"] > 16], 512)["free"]).all()  # of three sizes, two fix both constants
    assert np.isfinite(page.held_out(rows[rows["k"] > 16], 512)["order"]).all()
    assert len(page.held_out(rows[rows["k"] > 32], 512)) == 0


def test_sizes_of_which_a_network_does_not_fit_are_no_evidence():
    cases = found(by_hand("unfinished"))
    assert cases["closed", "weight decay"].networks == 3 * 4
    assert cases["closed", "weight decay"].left_out == 4
    assert cases["closed", "adversarial"].left_out == 0


def test_the_figure_is_drawn_and_says_what_it_shows(table):
    want = asked(**SMALL)
    drawn = page.figure(table, page.claims(table, want), want)
    title = drawn.subfigs[0].get_suptitle()
    assert title.startswith("40 random labels in 16 dimensions: the flattest networks found are steep as n/k")
    best = page.wide(page.flattest(table, "relu")[0], "lower")
    assert f"to the power {page.exponents(best, 40).mean():.3g} " in title
    assert drawn.get_size_inches()[1] < 247 / 25.4
    assert len(drawn.subfigs[0].axes) == 6
    rest = page.supplement(table, want).axes
    assert [ax.get_title(loc="left") for ax in rest] == ["g", "h", "i"]
    assert all(ax.lines or ax.collections for ax in rest)
    assert "flattest, ReLU: L∞, certified" in page.exponent_table(table, want).index
    assert "flattest, ReLU: less the floor" in page.exponent_table(table, want).index
    assert page.reached(table)["networks"].sum() == len(table)
    plt.close("all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": [64, 32, 8]}, "units should grow"),
        ({"units": [8, 64]}, "at least 3"),
        ({"units": [8, 16, 64, 512]}, "more than the 128 points"),
        ({"compared": [9]}, "none of the units"),
        ({"units": [2, 4, 8, 16], "compared": [4]}, "do not fit 128 points"),
        ({"training": TRAINING | {"starts": [1, 2]}}, "each of the 4 units, and has 2"),
        ({"activations": ["softplus"]}, "needs relu"),
        ({"target": 1.5}, "target"),
        ({"seeds": [4]}, "at least 2 seeds"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    with pytest.raises(UserError, match=message) as told:
        asked(**change)
    assert "\n" not in str(told.value)
