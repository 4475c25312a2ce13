"""14_trained_compression: its table against brute force, claims from a table made by hand, mistakes."""

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
from exact_attacks import smallest_relu
from test_page_claims import is_interval

from almostnothing.comparing import _table_differences
from almostnothing.errors import UserError
from almostnothing.measures import descent
from almostnothing.pages import model_of
from almostnothing.pages.trained_compression import page
from almostnothing.pages.trained_compression import table as made
from almostnothing.parameters.files import validate
from almostnothing.stats import mean_interval, widened
from almostnothing.theory import compression

QUICK = Path(__file__).resolve().parent.parent / "params/quick/14_trained_compression.yaml"
NONE, ONE = (
    {"layers": 1, "relu": False, "width": 1, "rate": 0.4, "steps": 200, "steps_ce": 60},
    {"layers": 1, "relu": True, "width": 2, "rate": 0.3, "steps": 60, "steps_ce": 40},
)
SMALL: dict[str, Any] = {
    "corners": {"dimensions": [3, 4], "draws": 2, "hidden": 12, "rate": 0.02, "steps": 1200, "followed": 4},
    "points": {
        "dimensions": [8, 12, 16],
        "draws": [1, 1, 1],
        "shares": [0.5, 1],
        "families": [NONE, ONE],
        "pairs": 2,
        "followed": 8,
        "opinions": 1,
    },
    "starts": [0.1, 1],
    "seeds": [0, 1],
}
SEEDS = np.arange(4)


def asked(**changes: Any) -> Any:
    return validate(model_of("14_trained_compression", "test"), yaml.safe_load(QUICK.read_text()) | changes, "test")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return made.table(asked(**SMALL), page_cases.FOLDER)


def chosen(table: pd.DataFrame, **case: Any) -> pd.DataFrame:
    return table[(table[list(case)] == pd.Series(case)).all(axis=1)]


def test_every_network_has_a_row_and_followed_ones_have_more(table):
    last = page.ended(table)
    axes = ["data", "network", "training", "start", "d", "n", "seed", "draw"]
    assert not last.duplicated(axes).any()
    assert len(chosen(last, data="corners")) == 2 * 2 * 2 * 2 * 2
    assert len(chosen(last, data="points")) == 2 * 3 * 2 * 2 * 2 * 2
    more = table[table["step"] < table.groupby(["data", "network", "training"])["step"].transform("max")]
    assert set(zip(more["data"], more["network"], more["d"], more["n"], more["start"], strict=True)) == {
        ("corners", "linear", 4, 16, 1.0),
        ("points", "linear", 8, 8, 1.0),
    }
    assert (last["status"] == "learned").mean() > 0.9
    assert last[["ratio", "predicted", "accuracy", "loss"]].notna().all().all()


def test_nothing_runs_for_a_table_that_its_digest_does_not_hold():
    corners, points = ({**SMALL[part]} for part in ("corners", "points"))
    corners |= {"dimensions": 4, "steps": 10, "draws": 1}
    points |= {"draws": [1, 1, 1], "families": [each | {"steps": 5, "steps_ce": 5} for each in points["families"]]}
    page_cases.measured("14_trained_compression", asked(corners=corners, points=points, starts=1, seeds=SMALL["seeds"]))


def test_columns_stand_for_all_corners():
    """E (f(Az) − z_d t)² over {±1}^d is Σ_i |f(a_i) − δ_id t|², and so are its gradients."""
    rng = np.random.default_rng(0)
    a, z = rng.normal(size=(5, 5)), np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
    w = torch.tensor(rng.normal(size=(1, 5, 2)), requires_grad=True)
    target = torch.tensor([0.5, -0.5], dtype=torch.float64)
    wanted = torch.zeros(1, 5, 2, dtype=torch.float64)
    wanted[:, -1] = math.sqrt(5) * target
    few = descent.losses(torch.tensor(a.T[None]) * math.sqrt(5) @ w, wanted, "mse").sum()
    (one,) = torch.autograd.grad(few, w)
    all_ = (torch.tensor(z @ a.T) @ w[0] - torch.tensor(z[:, -1:]) * target).square().sum(1).mean()
    (other,) = torch.autograd.grad(all_, w)
    assert few.item() == pytest.approx(all_.item())
    torch.testing.assert_close(one, other)


def test_networks_are_trained_on_the_corners_of_one_class_times_the_matrix(monkeypatch):
    """Or, with squared error, on the columns that stand for them."""
    seen: dict[str, np.ndarray] = {}

    def kept(weights: Any, x: torch.Tensor, wanted: Any, loss: str, *_: Any) -> list[Any]:
        seen[loss] = x[0].numpy()
        return []

    monkeypatch.setattr(descent, "trained", kept)
    a = made.matrix(4, 0, 0)
    for loss in ("mse", "ce"):
        case = {"training": loss, "start": 1, "d": 4}
        list(made.trained_corners(asked(**SMALL).corners, a[None], [(0, 0)], case, False, torch.device("cpu")))
    z = np.array([corner for corner in itertools.product((-1.0, 1.0), repeat=4) if corner[-1] > 0])
    np.testing.assert_allclose(seen["ce"], z @ a.T)
    np.testing.assert_allclose(seen["mse"], 2 * a.T)  # √d


def test_corners_end_at_their_predictions(table):
    rows = chosen(page.ended(table), data="corners")
    for (loss, d), own in rows.groupby(["training", "d"]):
        for row in own.to_dict("records"):
            a = made.matrix(d, row["seed"], row["draw"])
            assert row["predicted"] == pytest.approx(compression.phi(a))
            w = compression.squared_loss(a) if loss == "mse" else compression.max_margin(a)
            z = np.array(list(itertools.product((-1.0, 1.0), repeat=d)))
            x, margin = z @ a.T, (z @ a.T @ w * z[:, -1]).min() / np.linalg.norm(w)
            half = min(np.linalg.norm(p - q) for p, q in itertools.product(x[z[:, -1] > 0], x[z[:, -1] < 0])) / 2
            if loss == "ce":  # no map is further from the corners; the largest margin is come to as slowly as 1/ln t
                assert margin / half / 2 < row["robust"] <= margin / half * (1 + 1e-6)
                continue
            assert row["ratio"] == pytest.approx(compression.cosine(w, a[:, -1]), abs=1e-3)
            assert row["robust"] == pytest.approx(margin / half, rel=0.02)
            assert row["inverse"] == pytest.approx(1, abs=1e-4)


def test_linear_networks_are_measured_exactly():
    rng = np.random.default_rng(1)
    weights = [torch.tensor(rng.normal(size=size)) for size in ((2, 6, 7), (2, 7, 4))]
    x = torch.tensor(rng.normal(size=(2, 4, 6)))
    first, second = made.pairs(4, 5)
    assert (first.tolist(), second.tolist()) == ([0, 1], [2, 3])
    found = made.measured(weights, x, first, second, False, 0)
    for cell in range(2):
        w = (weights[0] @ weights[1])[cell].numpy()
        logs, wrong = [], 0
        for i, j in ((0, 2), (1, 3)):
            both = x[cell, [i, j]].numpy()
            each = compression.smallest(w[:, [i, j]].T, np.zeros(2), both, np.array([0, 1]))
            if (each > 0).all():
                logs.append(math.log(each.mean() / (np.linalg.norm(both[0] - both[1]) / 2)))
            wrong += (each == 0).any()
        assert found["wrong"][cell] == wrong / 2
        if logs:
            assert found["ratio"][cell].item() == pytest.approx(math.exp(np.mean(logs)))


def test_relu_networks_are_measured_as_enumeration_does():
    x = torch.tensor(np.stack([made.points(4, 4, seed, 0) for seed in range(3)])).float()
    weights = descent.drawn([made.streams.stream_key(s, "test") for s in range(3)], (4, 8, 4), 1.0, torch.float32)
    *_, last = descent.trained(weights, x, torch.eye(4).expand(3, 4, 4), "mse", True, 0.02, 400, ())
    first, second = made.pairs(4, 2)
    found = made.measured(last.weights, x, first, second, True, 1)
    for cell in range(3):
        one, two = (weight[cell].double().numpy().T for weight in last.weights)
        logs = []
        for i, j in zip(first, second, strict=True):
            each = [
                smallest_relu(one, np.zeros(8), two[[i, j]], np.zeros(2), x[cell, k].double().numpy(), label)
                for label, k in enumerate((i, j))
            ]
            logs.append(math.log(np.mean(each) / (x[cell, i] - x[cell, j]).norm().item() * 2))
        exact = math.exp(np.mean(logs))
        assert exact * (1 - 1e-3) <= found["ratio"][cell].item() <= 1.02 * exact
    assert found["contradicted"].max() == 0
    assert found["opinion"][0] == 0
    assert found["opinion"][1:].isnan().all()


def test_a_network_is_one_of_two_outputs_for_each_pair():
    weights = descent.drawn([made.streams.stream_key(s, "test") for s in range(2)], (5, 7, 6, 4), 1.0, torch.float32)
    x = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    first, second = made.pairs(4, 2)
    found = made.pairwise(weights, first, second)(x)
    whole = descent.outputs(weights, x.view(2, 6, 5), True).view(2, 2, 3, 4)
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        torch.testing.assert_close(found.view(2, 2, 3, 2)[:, pair], whole[:, pair][..., [i, j]])


def test_company_is_of_other_points():
    x = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    first, second = made.pairs(6, 2)
    more = made.company(x, first, second)
    assert more.shape == (2, 2, made.COMPANY, 5)
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        apart = torch.cdist(more[:, pair], x[:, [i, j]])
        assert apart.min() > 0
        assert torch.equal(more[:, pair, :4], x[:, [k for k in range(6) if k not in (i, j)]])


def by_hand() -> pd.DataFrame:
    """A row for each kind of network, d and seed; powers of d that differ by a hundredth from seed to seed."""
    want, rows = asked(), []
    for seed, loss, start in itertools.product(SEEDS, ("mse", "ce"), (0.1, 1.0)):
        common = {"training": loss, "start": start, "seed": int(seed), "draw": 0, "status": "learned", "accuracy": 1.0}
        common |= {"loss": 0.0, "wrong": 0.0, "contradicted": 0.0, "opinion": 0.0}
        for d in want.corners.dimensions:
            own = {"data": "corners", "network": "linear", "d": d, "n": 2**d, "predicted": 0.3 + 0.01 * seed}
            own |= {"max_margin": 0.5, "condition": 10.0 * (1 + seed), "inverse": 1.0, "robust": 0.4}
            away = 0.01 * (1 + seed) if loss == "mse" else 0.25
            rows.append(common | own | {"step": 2000, "ratio": own["predicted"] + away})
            early = {"step": 20, "ratio": 0.7, "accuracy": 1.0 if seed > 1 else 0.9, "status": "unfinished"}
            rows += [common | own | early] if d == want.corners.followed and start == 1 else []
        for family, d, share in itertools.product(want.points.families, want.points.dimensions, (0.25, 1)):
            own = {"data": "points", "network": family.name, "d": d, "n": round(share * d), "exact": loss == "mse"}
            power = -0.55 if family.name == "linear" and loss == "mse" and share == 1 else -0.02
            known = math.exp(compression.mean_log_cosine(own["n"], d))
            own |= {"predicted": known, "ratio": 0.9 * d ** (power + 0.01 * seed), "step": 300}
            own |= {"step": 2000} if family.name == "linear" and loss == "mse" else {}
            rows.append(common | own)
    return pd.DataFrame(rows)


def found_in(table: pd.DataFrame) -> tuple[dict[str, Any], dict[tuple[str, ...], Any]]:
    found = {claim.id.partition(".")[2]: claim for claim in page.claims(table, asked())}
    return found, {(name, *case.where.values()): case for name, claim in found.items() for case in claim.cases}


def test_claims_are_those_of_the_table_made_by_hand():

    table = by_hand()

    found, cases = found_in(table)
    slope = 0.01 * SEEDS
    own = widened(mean_interval(0.01 * (1 + SEEDS)), 2 + 2 * 3)  # of all primary cases, and no size is below 0
    assert cases["phi", "squared error", "d = 10"].found == pytest.approx((own.mean, 0, own.high, 4))
    assert found["phi"].verdict == "mixed"
    assert cases["phi", "cross-entropy", "d = 10"].found.mean == pytest.approx(0.25)
    assert ("phi-more", "squared error", "d = 10", "start × 1") not in cases
    assert is_interval(cases["phi-more", "squared error", "d = 7", "start × 1"], 0.01 * (1 + SEEDS))
    assert cases["max-margin", "cross-entropy", "d = 7", "start × 1"].found.mean == pytest.approx(0.065)
    assert cases["root", "linear", "squared error"].found.mean == pytest.approx(0.05 - slope.mean(), abs=1e-5)
    assert cases["root", "ReLU-1", "squared error"].found.mean == pytest.approx(0.48 + slope.mean(), abs=1e-5)
    assert cases["start", "ReLU-2", "cross-entropy", "start × 0.1"].found.mean == pytest.approx(0.495, abs=1e-5)
    assert is_interval(cases["most", "linear", "squared error", "d = 64"], 0.9 * 64 ** (-0.55 + slope))
    assert cases["fewer", "linear", "squared error", "n = 0.25 d"].found.mean == pytest.approx(-0.005, abs=1e-5)
    logs = np.log(0.9) + (-0.55 + slope) * math.log(16) - compression.mean_log_cosine(16, 16)
    assert cases["closed", "d = 16", "start × 1"].found.mean == pytest.approx(abs(logs.mean()))
    right = 0.3 + 0.01 * SEEDS[2:]
    assert cases["selected", "cross-entropy", "d = 10"].found.mean == pytest.approx((right - right).mean())
    assert cases["root", "linear", "squared error"].networks == 12


def test_points_of_which_one_did_not_learn_are_no_evidence():
    table = by_hand()
    lost = (table["network"] == "ReLU-1") & (table["d"] == 64) & (table["seed"] == 2) & (table["start"] == 1)
    table.loc[lost, "status"] = "dead"
    table.loc[(table["data"] == "corners") & (table["training"] == "mse") & (table["seed"] == 1), "status"] = "dead"
    found, cases = found_in(table)
    assert found["phi"].cases[0].found.n == 0
    assert (cases["phi", "squared error", "d = 10"].networks, cases["phi", "squared error", "d = 10"].left_out) == (
        0,
        4,
    )
    case = cases["root", "ReLU-1", "squared error"]
    assert (case.networks, case.left_out, math.isnan(case.found.mean)) == (8, 4, True)  # two d are too few
    assert math.isnan(cases["most", "ReLU-1", "squared error", "d = 64"].found.mean)
    assert math.isfinite(cases["most", "ReLU-1", "squared error", "d = 64", "start × 0.1"].found.mean)


def test_squared_error_is_no_evidence_before_it_has_fitted_each_direction():
    table = by_hand()
    first = (table["network"] == "linear") & (table["training"] == "mse") & (table["data"] == "points")
    table.loc[first & (table["d"] == 64) & (table["seed"] == 1) & (table["n"] == 64), "exact"] = False
    cases = found_in(table)[1]
    assert (cases["root", "linear", "squared error"].networks, cases["root", "linear", "squared error"].left_out) == (
        8,
        4,
    )
    assert math.isnan(cases["root", "linear", "squared error"].found.mean)
    assert math.isfinite(cases["root", "linear", "cross-entropy"].found.mean)
    assert math.isfinite(cases["phi", "squared error", "d = 10"].found.mean)


def test_the_control_variate_leaves_the_mean_and_takes_the_variance():
    rng, d = np.random.default_rng(0), 20
    logs = np.log(compression.cosine_law(d, d).rvs(4000, random_state=rng)) / 2
    rows = pd.DataFrame({"d": d, "n": d, "predicted": np.exp(logs), "ratio": 2 * np.exp(0.8 * logs)})
    rows["ratio"] *= np.exp(rng.normal(0, 0.1, len(rows)))
    exact = math.log(2) + 0.8 * compression.mean_log_cosine(d, d)
    found = page.controlled(rows)
    assert found.std() < 0.12 < 0.7 < np.log(rows["ratio"]).std()
    assert found.mean() == pytest.approx(exact, abs=4 * 0.1 / math.sqrt(len(rows)))


def test_claims_tables_and_figures_are_made_of_networks_that_are_trained(table):
    want = asked(**SMALL)
    verdicts = page.claims(table, want)
    assert {claim.id.partition(".")[2] for claim in verdicts} == set(page.CLAIMS)
    cases = {(c.id.partition(".")[2], *k.where.values()): k for c in verdicts for k in c.cases}
    assert cases["phi", "squared error", "d = 4"].found.mean < 0.01
    assert cases["closed", "d = 8", "start × 1"].found.mean < 0.2
    drawn = page.figure(table, verdicts, want)
    assert "n = d = 16" in drawn.subfigs[0].get_suptitle()
    assert drawn.get_size_inches()[1] < 247 / 25.4
    page.condition_figure(table, want)
    trust = page.agreement(table)
    points = chosen(page.ended(table), data="points")
    assert trust["networks"].sum() == len(points)
    assert trust["learned"].sum() == (points["status"] == "learned").sum()
    assert set(trust.loc["linear"]["smaller by ascent, d = 12"]) == {"exact"}
    plt.close("all")


def test_the_texts_means_are_rare_by_the_exact_law(table):
    found = page.text_table(table, asked(**SMALL))
    law, rng = compression.cosine_law(12, 12), np.random.default_rng(5)
    share = (np.sqrt(law.rvs((20_000, 18), random_state=rng)).mean(1) >= 0.3280).mean()
    assert float(found.loc["the text's 18, smaller mean", "chance of so large a mean"]) == pytest.approx(
        share, abs=0.004
    )
    assert found.loc["all, by the exact law", "mean"] == "0.235"


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("corners", {"followed": 5}, "corners.followed is 5, which is none of corners.dimensions"),
        ("corners", {"dimensions": [10, 7]}, "corners.dimensions should grow"),
        ("corners", {"dimensions": [7, 10, 20]}, "corners.dimensions"),
        ("points", {"draws": [1]}, "points.draws needs a number for each of the 3 dimensions, and has 1"),
        ("points", {"dimensions": [16, 32], "draws": [1, 1]}, "needs at least 3"),
        ("points", {"shares": [0.25]}, "need a 1"),
        ("points", {"shares": [0.3, 1]}, "which is 4.8 points in 16 dimensions"),
        ("points", {"shares": [0.125, 1]}, "which is 2 points in 16 dimensions"),
        ("points", {"families": [ONE]}, "one without ReLU"),
        ("points", {"families": [NONE, ONE, ONE]}, "each kind once"),
        (None, {"starts": [0.1]}, "need a 1"),
        (None, {"seeds": [4]}, "at least 2 seeds"),
    ],
)
def test_mistakes_are_told_in_one_sentence(part, change, message):
    content = yaml.safe_load(QUICK.read_text())
    with pytest.raises(UserError, match=message) as found:
        asked(**({part: content[part] | change} if part else change))
    assert "\n" not in str(found.value)


def test_what_is_true_of_a_network_is_compared_as_a_measure():
    """A network or two that miss a limit on another processor are within tolerance; many are not."""
    table = pd.read_csv(QUICK.parents[2] / "figures/quick/14_trained_compression.csv")
    rows = table.index[table.data == "points"]
    few, many = table.copy(), table.copy()
    few.loc[rows[:1], "exact"] ^= True
    many.loc[rows, "exact"] ^= True
    assert _table_differences(table, few) == []
    assert _table_differences(table, many) == ["differs in the column exact"]
