"""11_transfer: strengths, the table recomputed from images, claims of tables made by hand, published matrices."""

import itertools
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats as reference
from test_page_claims import by_case, is_interval

from almostnothing import corruptions, data, networks, residual, streams, sweeps
from almostnothing.cells import Cell
from almostnothing.corruptions import lp
from almostnothing.errors import UserError
from almostnothing.measures import answers
from almostnothing.pages import model_of
from almostnothing.pages.lp_sampling.parameters import same_noise
from almostnothing.pages.transfer import page, published
from almostnothing.pages.transfer import table as measured
from almostnothing.pages.transfer.claims import CLAIMS
from almostnothing.pages.transfer.parameters import Transfer, law_of_norm
from almostnothing.parameters.files import load, validate
from almostnothing.parameters.page import Compute
from almostnothing.store import Store

ROOT = Path(__file__).resolve().parent.parent
FACTORS = {"quick": 4, "paper": 1, "full": 1}
CPU = torch.device("cpu")
TEXT = {  # the text's larger strength of training, and its tests
    "L0": (0.02, [0.01, 0.02, 0.04]),
    "L0.5": (2e5, [1e5, 2e5, 5e5]),
    "L1": (80, [40, 80, 200]),
    "L2": (2, [1, 2, 4]),
    "L50": (0.2, [0.1, 0.2, 0.5]),
    "L∞": (0.03, [0.02, 0.03, 0.05, 0.1]),
}


def content_of(name: str = "quick") -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"params/{name}/11_transfer.yaml").read_text())


def chosen_of(name: str) -> Transfer:
    return load(Transfer, ROOT / f"params/{name}/11_transfer.yaml")


def opened(name: str) -> data.datasets.Dataset:
    folder = Path(os.environ.get("ALMOSTNOTHING_DATA", "/nowhere"))
    if name != "digits" and not (folder / "cifar10.npz").is_file():
        pytest.skip("CIFAR-10 is not at hand")
    source = data.source("npz:cifar10.npz" if "cifar10" in name else name, folder)
    return data.load(source, folder)


@pytest.mark.parametrize("name", FACTORS)
def test_the_texts_strengths_are_its_own_scaled_to_the_dimension(name):
    for way in chosen_of(name).ways:
        if way.way == "text":
            pixels = 64 if way.dataset == "digits" else 3072
            for norm in way.norms:
                train, tests = TEXT[norm.name]
                p = float(norm.norm)  # shares of values are the same at any number of them
                expected = [FACTORS[name] * (same_noise(s, p, pixels) if p else s) for s in (train, *tests)]
                assert [norm.train, *norm.tests] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("norm", [0.5, 1, 2, 50, "inf"])
def test_scaling_keeps_the_noise_of_a_coordinate(norm):
    sizes = []
    for pixels in (64, 3072):
        law = lp.Lp(float(norm), pixels)
        sizes.append(law.deviation * same_noise(1.0, float(norm), pixels))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


@pytest.mark.parametrize("name", FACTORS)
def test_matched_strengths_move_images_equally_far(name):
    for way in chosen_of(name).ways:
        if way.way == "matched":
            dataset = opened(way.dataset)
            x = dataset.values(dataset.train)[dataset.subset(1000, 0)]
            far = [
                answers.displacement(corruptions.law_of(norm.law, dataset), x, strength)
                for norm in way.norms
                for strength in (norm.train, *norm.tests)
            ]
            assert far == pytest.approx([far[0]] * len(far), rel=0.02)


@pytest.mark.parametrize("norm", [0, 0.5, 2, "inf"])
def test_the_displacement_is_that_of_draws(norm):
    dataset = opened("digits")
    x = dataset.values(dataset.train)[:300]
    law, strength = corruptions.law_of(law_of_norm(norm).record(), dataset), {0: 0.1, 0.5: 400, 2: 2, "inf": 0.4}[norm]
    points = torch.from_numpy(x).repeat(10, 1)
    noisy = corruptions.corrupted(law, points, strength, streams.stream_key(0, "test"))
    drawn = np.sqrt(((noisy - points).numpy().astype(float) ** 2).sum(1).mean())
    assert answers.displacement(law, x, strength) == pytest.approx(drawn, rel=0.02)
    assert answers.displacement(law, x, 0.0) == 0


# The table


def small(**sweep: Any) -> dict[str, Any]:
    content = content_of()
    content["sweep"] |= {"train_size": 100, "steps": 20, "seeds": [0, 1], **sweep}
    content["sweep"]["variations"] = [
        {"corruption": {"law": "l0"}, "strength": 0.1},
        {"corruption": {"law": "lp", "norm": 2}, "strength": 1},
        {"corruption": {"law": "lp", "norm": "inf"}, "strength": 1},
    ]
    norms = [{"norm": n, "train": s, "tests": [s, s / 2]} for n, s in ((0, 0.1), (2, 1), ("inf", 1))]
    content["ways"] = [{"dataset": "digits", "way": "text", "norms": norms}]
    return content | {"images": 60}


@pytest.fixture(scope="module", params=["cnn", "resnet9"])
def transferred(request, tmp_path_factory):
    keep = Store(tmp_path_factory.mktemp("cells"))
    alone = {"family": "resnet9", "width": 4, "depth": 9, "batch_size": 32}
    chosen = validate(Transfer, small(**(alone if request.param == "resnet9" else {})), "test")
    cells = chosen.sweep.cells()
    for shard in sweeps.plan(cells):
        sweeps.train(shard, keep, Compute(quiet=True), "test")
    return cells, keep, page_cases.measured("11_transfer", chosen, cells, keep)


def page_name(cell: Cell) -> str:
    if cell.corruption.name == "l0":
        return "L0" if cell.strength else "none"
    return {2.0: "L2", "inf": "L∞"}[dict(cell.corruption.options)["norm"]]


def test_every_network_is_asked_about_the_same_images(transferred):
    cells, keep, table = transferred
    assert len(table) == len(cells) * (1 + 3 * 2) == 8 * 7
    assert (table.groupby(["seed", "test_norm", "test_strength"])["test_l2"].nunique() == 1).all()
    assert table.groupby("test_norm")["test_l2"].nunique().drop("none").min() == 4  # draws are a seed's own
    dataset = opened("digits")
    order = dataset.tests(len(dataset.test.labels))
    for one, norm in ((cells[-1], "L2"), (cells[2], "L∞"), (cells[0], "L2")):
        seed = one.seed
        where = order[seed * 60 : seed * 60 + 60]
        x = torch.from_numpy(dataset.values(dataset.test)[where])
        law = law_of_norm(2 if norm == "L2" else "inf").record()
        key = streams.stream_key(seed, "transfer test", "digits", law.name, law.options, 0.5)
        noisy = corruptions.corrupted(corruptions.law_of(law, dataset), x, 0.5, key)
        if one.family == "resnet9":
            logits = residual.restored(one, keep.weights(one))(noisy)
        else:
            stack = networks.stack(one, 1)
            stack.take(0, keep.weights(one))
            logits = stack(noisy[None])[0]
        right = int((logits.argmax(1).numpy() == dataset.test.labels[where]).sum())
        trained = page_name(one)
        asked = (table["training_norm"] == trained) & (table["seed"] == seed)
        row = table[asked & (table["test_norm"] == norm) & (table["test_strength"] == 0.5)]
        assert len(row) == 1
        assert row.iloc[0][["correct", "images"]].tolist() == [right, 60]
        assert row.iloc[0].accuracy == right / 60
        assert row.iloc[0].test_l2 == pytest.approx(float((noisy - x).square().sum(1).mean().sqrt()), rel=1e-5)


def test_matched_strengths_that_are_not_are_refused(transferred):
    cells, keep, _ = transferred
    content = small(family=cells[0].family, width=cells[0].width, depth=cells[0].depth, batch_size=cells[0].batch_size)
    content["ways"][0]["way"] = "matched"
    with pytest.raises(UserError, match=r"matched: training moves images by .* with L2, and by .* with L∞"):
        measured.table(validate(Transfer, content, "test"), page_cases.FOLDER, cells, keep)


def test_the_table_made_again_compares_as_equal_and_another_does_not(transferred):
    page_cases.compares(transferred[2])


def test_seeds_have_images_of_their_own_as_far_as_there_are():
    dataset = opened("digits")
    count = len(dataset.test.labels)
    parts = [answers.under(dataset, None, 0.0, seed, 100, CPU)[0] for seed in range(2)]
    assert not {bytes(a.numpy()) for a in parts[0]} & {bytes(b.numpy()) for b in parts[1]}
    whole, labels, far = answers.under(dataset, None, 0.0, 3, 10**6, CPU)
    assert (len(whole), far) == (count, 0.0)
    assert np.bincount(labels.numpy()).tolist() == np.bincount(dataset.test.labels).tolist()


# Claims

SEEDS = range(4)
NORMS = ["L0", "L1", "L2"]
# accuracy of each training (first) on each norm's tests: L0, L1, L2, clean
KNOWN = {
    "none": [0.2, 0.3, 0.4, 0.9],
    "L0": [0.8, 0.5, 0.7, 0.88],
    "L1": [0.6, 0.75, 0.71, 0.86],
    "L2": [0.5, 0.72, 0.78, 0.84],
}
SLOPE = {"none": 0.0, "L0": 0.01, "L1": 0.02, "L2": 0.005}  # of a seed


def known(**status: str) -> pd.DataFrame:
    rows = []
    for (trained, seed), way in itertools.product(itertools.product(KNOWN, SEEDS), ("text", "matched")):
        for place, test in enumerate([*NORMS, "none"]):
            for strength in (0.0,) if test == "none" else (1.0, 2.0):
                value = KNOWN[trained][place] + SLOPE[trained] * seed + (strength - 1.5) / 10 * (test != "none")
                value -= 0.05 * (way == "matched") * (trained == "L0") * (test == "L0")
                row = {"dataset": "digits", "way": way, "training_norm": trained, "test_norm": test, "seed": seed}
                row |= {"test_strength": strength, "accuracy": value, "law": "lp", "strength": 1.0}
                row |= {"status": status.get(f"{trained}_{seed}", "learned"), "training_l2": 1.0, "test_l2": 2.0}
                rows.append(row)
    return pd.DataFrame(rows)


def limits() -> Transfer:
    return chosen_of("quick")


def is_worst(case: Any, losses: list[np.ndarray], sign: int = 1) -> bool:
    """Whether a primary case of six is about the largest of these losses (smallest leads), for all of them."""
    means = [sign * float(np.mean(one)) for one in losses]
    halves = [float(reference.t.ppf(0.975, 3) * reference.sem(one)) for one in losses]
    most = int(np.argmax(means))
    more = reference.t.ppf(1 - 0.025 / len(losses), 3) / reference.t.ppf(0.975, 3)
    page_wide = reference.t.ppf(1 - 0.025 / 6, 3) / reference.t.ppf(0.975, 3)
    low = means[most] - page_wide * more * halves[most]
    high = means[most] + page_wide * max(halves)
    wanted = (means[most], low, high) if sign > 0 else (-means[most], -high, -low)
    return tuple(case.found[:3]) == pytest.approx(wanted)


def test_claims_are_those_of_the_table_made_by_hand():
    cases = by_case(page.claims(known(), limits()))
    s = np.arange(4)
    text, matched = ("digits", "the text's strengths"), ("digits", "matched L2")
    # on L0 tests L1 is the nearest, on L1's tests L0 is the worst, and of L1 and L2 the former on L2's tests
    assert is_worst(cases["only", *text], [0.2 - 0.01 * s, 0.3 + 0.005 * s], -1)
    assert is_worst(cases["only", *matched], [0.15 - 0.01 * s, 0.25 + 0.005 * s], -1)
    assert is_worst(cases["all", *text], [0.25 + 0.01 * s, 0.08 - 0.005 * s])
    assert is_worst(cases["among", *text], [0.03 + 0.015 * s, 0.07 - 0.015 * s])
    average = (0.25 + 0.01 * s + 0.08 - 0.005 * s) / 2
    assert is_interval(cases["average", *text], average)
    assert is_interval(cases["clean", *text], 0.02 - 0.01 * s)
    assert is_interval(cases["kept-all", *text, "L1"], (0.2 + 0.01 * s) / (0.45 + 0.02 * s))
    assert is_interval(cases["kept-among", *text, "L2"], (0.31 + 0.02 * s) / (0.38 + 0.005 * s))
    kept = ((0.4 + 0.02 * s) / (0.6 + 0.01 * s) + (0.3 + 0.005 * s) / (0.6 + 0.01 * s)) / 2
    assert is_interval(cases["not-to-L0", *text, "L0"], kept)
    assert (cases["only", *text].networks, cases["only", *text].left_out) == (12, 0)
    assert cases["among", *text].networks == 8
    assert cases["kept-all", *text, "L1"].networks == 12


def test_trainings_that_did_not_learn_are_left_out_and_counted():
    cases = by_case(page.claims(known(L1_2="unfinished"), limits()))
    s, text = np.arange(4), ("digits", "the text's strengths")
    assert np.isnan(cases["only", *text].found.mean)  # L1 may have been ahead
    assert np.isnan(cases["all", *text].found.mean)
    assert is_interval(cases["average", *text], 0.08 - 0.005 * s)  # of L2, which is left
    assert (cases["only", *text].networks, cases["only", *text].left_out) == (8, 4)
    assert np.isnan(cases["among", *text].found.mean)  # no pair is left
    cases = by_case(page.claims(known(L0_0="dead"), limits()))
    assert np.isnan(cases["only", *text].found.mean)
    assert np.isnan(cases["all", *text].found.mean)
    cases = by_case(page.claims(known(none_0="dead"), limits()))
    assert np.isfinite(cases["only", *text].found.mean)
    assert np.isnan(cases["kept-all", *text, "L1"].found.mean)


def test_a_share_of_next_to_no_gain_is_not_measured():
    table = known()
    table.loc[(table.training_norm == "none") & (table.test_norm == "L1"), "accuracy"] += 0.44  # seed 0 gains 0.01
    cases = by_case(page.claims(table, limits()))
    assert np.isnan(cases["kept-all", "digits", "the text's strengths", "L1"].found.mean)
    assert np.isfinite(cases["kept-all", "digits", "the text's strengths", "L2"].found.mean)


def test_the_matrix_is_divided_by_the_largest_of_each_row():
    rows = dict((way, own) for _, way, own in page.ways_of(known()))["text"]
    found = page.matrix(rows)
    means = {t: np.array(KNOWN[t]) + 1.5 * SLOPE[t] for t in KNOWN}
    assert found.loc["L0", "L1"] == pytest.approx(means["L1"][0] / means["L0"][0])
    assert found.loc["L1", "none"] == pytest.approx(means["none"][1] / means["L1"][1])
    assert (found[NORMS].max(axis=1) == 1).all()
    assert (list(found.index), list(found.columns)) == (NORMS, [*NORMS, "none"])
    against = page.disagreements({"text": found}).loc[("the text's strengths", "published v1")]
    theirs = {("L0", "L1"): 0.836, ("L0", "L2"): 0.834, ("L1", "L0"): 0.999, ("L1", "L2"): 0.990}
    theirs |= {("L2", "L0"): 0.985, ("L2", "L1"): 0.994}
    apart = {pair: float(found.loc[pair]) - value for pair, value in theirs.items()}
    test, trained = max(apart, key=lambda pair: abs(apart[pair]))
    assert against["differs most"] == f"{trained} on {test} tests"
    assert (against["by"], against["entries"]) == (pytest.approx(apart[test, trained], abs=6e-4), 6)
    assert against["mean difference"] == pytest.approx(np.mean(list(apart.values())), abs=6e-4)


def test_the_figure_and_the_displacements_are_drawn_of_any_ways():
    table = known()
    for some in (table, table[table.way == "matched"]):
        drawn = page.figure(some, page.claims(some, limits()), "digits")
        assert drawn.get_size_inches()[1] < 247 / 25.4
    shown = page.distances(table)
    assert shown.loc["L2", ("digits", "matched L2", "tests")] == "1: 2.00; 2: 2.00"
    assert list(shown.index) == NORMS


def test_published_matrices_have_rows_that_end_at_one():
    for version in published.VERSIONS:
        found = published.matrix(version)
        assert (found[published.NORMS].max(axis=1) == 1).all()
        assert list(found.index) == published.NORMS
    assert published.matrix("published v3").loc["L0", "none"] == pytest.approx(54.4 / 94.5, abs=1e-3)
    assert published.matrix("published v3").loc["L∞", "L0"] == pytest.approx(77.0 / 91.3, abs=1e-3)
    assert published.matrix("published v1").loc["L0", "L∞"] == pytest.approx(0.804, abs=6e-4)
    assert published.matrix("published v1").loc["L∞", "L0"] == pytest.approx(0.974, abs=6e-4)
    assert "none" not in published.matrix("published v1")


def test_quotes_are_the_texts_own_words():
    shared = os.environ.get("ALMOSTNOTHING_SEEDS", "/nowhere")
    files = list(Path(shared).glob("002_*.txt"))
    if not files:
        pytest.skip("the texts are not at hand")
    text = re.sub(r"\s+", " ", files[0].read_text())
    assert [own.quote for own in CLAIMS.values() if own.quote and own.quote not in text] == []


# Mistakes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm": 0.001}, "0.01 to 1000"),
        ({"norm": "two"}, "norm"),
        ({"train": -1}, "greater than 0"),
        ({"tests": [float("nan")]}, "finite"),
        ({"norm": 0, "train": 2.0}, "asks for more values than an image has"),
        ({"norm": 0, "train": 0.2, "tests": [0.2]}, "twice"),
        ({"train": 3.0}, "ways names a network of digits with L2 at strength 3, and sweep does not"),
    ],
)
def test_a_mistake_in_a_norm_gets_one_sentence(change, words):
    content = small()
    content["ways"][0]["norms"][1] |= change
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        validate(Transfer, content, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        (lambda c: c["ways"].append(c["ways"][0]), "once"),
        (lambda c: c["ways"][0]["norms"][0].update(norm=1), "need norm 0"),
        (lambda c: c["sweep"].update(training_corruption="fixed"), "fresh"),
        (
            lambda c: c["sweep"].update(width=[8, 16]),
            "sweep has several networks of digits with strength 0: one is asked",
        ),
        (lambda c: c["sweep"].update(strength=[0, 0.5]), "sweep names a network of digits with L0 at strength 0.5"),
        (lambda c: c["sweep"]["variations"].pop(), "ways names a network of digits with L∞ at strength 1"),
        (lambda c: c["sweep"]["variations"][0].update(seeds=[5, 6]), "seeds"),
        (lambda c: c["sweep"].update(seeds=[0]), "at least 2 seeds"),
        (lambda c: c["ways"][0].update(dataset="mnist"), "mnist"),
        (lambda c: c.update(images=0), "images"),
    ],
)
def test_a_mistake_in_a_file_gets_one_sentence(mend, words):
    content = small()
    mend(content)
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        validate(Transfer, content, "test")
    assert "\n" not in str(caught.value)


def test_the_page_is_found_by_its_name():
    assert model_of("11_transfer", "test") is Transfer
