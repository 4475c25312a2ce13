"""The table and the summaries of 07_infinite_width, recomputed from kernels."""

from dataclasses import replace

import numpy as np
import page_cases
import pandas as pd
import pytest
import torch
from page_cases import CPU, trained

from almostnothing import data, networks
from almostnothing.cells import key_of
from almostnothing.errors import UserError
from almostnothing.freshness import Page
from almostnothing.measures import naming
from almostnothing.measures.linearised import Linearised
from almostnothing.measures.trained import chosen_tests, draw, opened, training_set
from almostnothing.pages import model_of
from almostnothing.pages.infinite_width import page as infinite
from almostnothing.pages.infinite_width.table import untrained
from almostnothing.pages.prototype import page as prototype
from almostnothing.parameters.files import read_yaml, validate
from almostnothing.tables import written
from almostnothing.theory import kernels, prototypes


@pytest.fixture(scope="module")
def lazy_networks(keep):
    chosen, cells = trained(
        "07_infinite_width",
        keep,
        sweep={
            "train_size": 40,
            "batch_size": 40,
            "strength": 0.8,
            "width": [16, 256],
            "parametrisation": "ntk",
            "bias": False,
            "loss": "mse",
            "optimiser": "sgd",
            "learning_rate": 5,
            "steps": 400,
            "shift": 0.5,
        },
        infinite=[
            {"depth": 2, "train_size": [20, 40]},
            {"activation": "erf", "depth": 3, "train_size": 20, "shift": 0.5},
        ],
        strength=[0.8, 1],
        headline=0.8,
        fluctuation={"width": [16, 64], "strength": [0.5, 0.8]},
        images=80,
        seeds=[0, 1, 2],
        thresholds={"same": 0.9, "predicted": 0.05, "exponent": 0.4, "steady": 0.25, "left": 0.5},
    )
    return chosen, cells, page_cases.measured("07_infinite_width", chosen, cells, keep)


def test_wide_networks_trained_by_gradient_descent_are_kernel_regression_from_their_start(lazy_networks):
    _, cells, table = lazy_networks
    finite = table[table.what == "finite"]
    assert len(finite) == len(cells)
    difference = finite.groupby("width").difference.mean()
    assert difference[256] < 0.5 * difference[16]
    assert finite.groupby("width").agreement.mean()[256] > 0.7
    slopes = infinite.exponent(finite)
    assert slopes.n == 2
    assert infinite.exponent(finite, less=0.5).mean == pytest.approx(slopes.mean - 0.5)
    by_hand = np.log(difference[16] / difference[256]) / np.log(16)
    assert slopes.mean == pytest.approx(by_hand, abs=0.05)


def test_rows_of_infinite_networks_are_recomputed_from_their_draw(lazy_networks):
    chosen, _, table = lazy_networks
    wide = table[table.what == "infinite"]
    assert len(wide) == 3 * 3 * (len(naming.NAMES) + len(naming.NAMES) - 1)  # nothing is debiased at p = 1
    dataset = data.load(data.source("digits"))
    x, y = draw(dataset, chosen.sweep.corruption.record(), 20, 0.8, 2, CPU)
    tests = torch.from_numpy(dataset.values(dataset.test)[dataset.tests(80)]).double() - 0.5
    seen = x.double() - 0.5
    arch = kernels.Architecture("erf", 3)
    one_hot = torch.nn.functional.one_hot(y).double()
    exact = kernels.gram(arch, tests, seen) @ torch.linalg.solve(kernels.gram(arch, seen), one_hot - 0.1)
    training = prototypes.Training.of(seen, y)
    fo = prototypes.first_order(tests, training, prototypes.expansion(arch, training, tests))
    row = prototype.at(wide, activation="erf", seed=2, strength=0.8, rule="first_order").iloc[0]
    assert row.agreement == pytest.approx(float((fo.argmax(1) == exact.argmax(1)).double().mean()), abs=0.02)
    top = exact.topk(2, dim=1).values
    remainder = 2 * (fo - exact).abs().amax(1) / (top[:, 0] - top[:, 1])
    assert row.remainder_50 == pytest.approx(float(remainder.quantile(0.5)), rel=1e-4)
    assert row.bounded == pytest.approx(float((remainder < 1).double().mean()), abs=0.02)
    flipped = fo.argmax(1) != exact.argmax(1)
    assert not (flipped & (remainder < 1)).any()
    gap = (top[:, 0] - top[:, 1]).argsort()
    assert row.fifth_1 == pytest.approx(1 - float(flipped[gap[:16]].double().mean()), abs=0.07)
    part = infinite.flips(wide[(wide.rule == "first_order") & (wide.seed == 2)])
    assert part[part.fifth == 1].flipped.mean() > part[part.fifth == 5].flipped.mean()


def test_the_map_and_its_boundary(lazy_networks, tmp_path):
    chosen, cells, table = lazy_networks
    path = tmp_path / "07.csv"
    path.write_text(written(table))
    whole = infinite.all_kinds(path, chosen.sweep)
    mapped = infinite.of(whole[whole.what == "infinite"], chosen.infinite[0])
    assert set(mapped.load) == {20 / 64, 40 / 64}
    narrower = type(chosen.sweep).model_validate(chosen.sweep.model_dump() | {"width": [16]})
    assert len(infinite.all_kinds(path, narrower)) == len(table) - len(cells) // 2
    with pytest.raises(UserError, match="is missing"):
        infinite.all_kinds(tmp_path / "none.csv", chosen.sweep)
    rows = [
        {"rule": "ncm", "strength": p, "dataset": "d", "load": load, "agreement": a + s / 1e3}
        for p, shares in ((0.5, (0.95, 0.95, 0.2)), (0.9, (0.95, 0.5, 0.95)), (0.98, (0.1, 0.95, 0.95)))
        for load, a in zip((0.1, 0.2, 0.3), shares, strict=True)
        for s in range(3)
    ]
    edge = infinite.boundary(pd.DataFrame(rows), "ncm", 0.9)["d"]
    assert edge[0.5] == 0.2
    assert edge[0.9] == 0.1
    assert np.isnan(edge[0.98])


def by_jacobians(cell, x, z):
    """Θ̂(x, x), Θ̂(z, x) with rows of image and label, and f₀ of both, from autograd's Jacobians in float64."""
    network = networks.stack(cell, 1)
    parts = [part.double() for part in network.initial(key_of(cell, "initial weights"), cell.readout_scale)]

    def outputs(parts, images):
        for index, (part, factor) in enumerate(zip(parts, network.factor, strict=True)):
            images = images @ part * factor
            images = network.activation(images) if index < len(parts) - 1 else images
        return images

    jacobians = [
        torch.cat([part.flatten(2) for part in torch.func.jacrev(outputs)(parts, images)], 2).flatten(0, 1)
        for images in (x, z)
    ]
    own, other = (jacobian @ jacobians[0].T for jacobian in jacobians)
    return own, other, outputs(parts, x), outputs(parts, z)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu"])
def test_a_networks_own_kernel_is_that_of_its_jacobians(lazy_networks, activation, depth):
    _, cells, _ = lazy_networks
    cell = replace(cells[0], width=7, depth=depth, activation=activation)
    rng = torch.Generator().manual_seed(0)
    x, z, targets = (torch.randn(*shape, generator=rng).double() for shape in ((4, 64), (5, 64), (4, 10)))
    linear = Linearised.at_start(cell, CPU)
    for parametrisation in ("ntk", "standard"):
        own, *_ = by_jacobians(replace(cell, parametrisation=parametrisation), x, z)
        found = Linearised.at_start(replace(cell, parametrisation=parametrisation), CPU).gram(x)
        torch.testing.assert_close(found, own)
    own, other, _, _ = by_jacobians(cell, x, z)
    assert torch.linalg.cond(own) < 1e6
    expected = (other @ torch.linalg.solve(own, targets.flatten())).view(5, 10)
    torch.testing.assert_close(linear.regression(x, targets, z), expected, rtol=1e-4, atol=1e-6)


def test_rows_of_own_kernels_are_regressions_with_jacobians(lazy_networks):
    chosen, cells, table = lazy_networks
    own = table[table.what == "own"]
    assert len(own) == len(list(untrained(chosen, cells))) == 2 * 2 * 3
    (cell,) = [c for c in cells if (c.width, c.strength, c.seed) == (16, 0.8, 1)]
    assert cell in list(untrained(chosen, cells))
    dataset, law = opened(cell, page_cases.FOLDER)
    x, y = training_set(cell, dataset, law, CPU)
    seen, tests = x.double() - 0.5, chosen_tests(dataset, 80, CPU)[0].double() - 0.5
    one_hot = torch.nn.functional.one_hot(y).double()
    gram, cross, f_x, f_z = by_jacobians(cell, seen, tests)
    finite = (cross @ torch.linalg.solve(gram, one_hot.flatten())).view(80, 10)
    arch = kernels.Architecture("relu", 2)
    wide = kernels.gram(arch, tests, seen) @ torch.linalg.inv(kernels.gram(arch, seen))
    row = prototype.at(own, width=16, strength=0.8, seed=1).iloc[0]
    centred = [f - f.mean(1, keepdim=True) for f in (wide @ one_hot, finite)]
    share = [
        float((f.argmax(1) == (wide @ one_hot).argmax(1)).double().mean())
        for f in (finite, f_z + wide @ (one_hot - f_x))
    ]
    assert row.contrast == pytest.approx(float(centred[0].square().mean().sqrt()), rel=1e-4)
    assert row.shifted == pytest.approx(float((centred[1] - centred[0]).square().mean().sqrt()), rel=1e-4)
    assert [row.agreement, row.started] == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("width", [16, 256])
def test_trained_networks_are_compared_with_linearised_ones(lazy_networks, keep, width):
    _, cells, table = lazy_networks
    cell = next(c for c in cells if c.width == width)
    dataset, law = opened(cell, page_cases.FOLDER)
    x, y = training_set(cell, dataset, law, CPU)
    seen, tests = x.double() - 0.5, chosen_tests(dataset, 80, CPU)[0].double() - 0.5
    gram, cross, f_x, f_z = by_jacobians(cell, seen, tests)
    target = torch.nn.functional.one_hot(y).double() - f_x
    levels, modes = torch.linalg.eigh(gram)
    decay = (1 - cell.learning_rate / cell.train_size * levels) ** cell.steps  # of every step of gradient descent
    assert decay.abs().max() < 1
    own = f_z + (cross @ modes @ ((1 - decay) / levels * (modes.T @ target.flatten()))).view(80, 10)
    arch = kernels.Architecture(cell.activation, cell.depth)
    wide = f_z + kernels.gram(arch, tests, seen) @ torch.linalg.solve(kernels.gram(arch, seen), target)
    network = networks.stack(cell, 1)
    network.take(0, keep.weights(cell))
    outputs = network((tests + 0.5).float()[None])[0].detach().double()
    row = prototype.at(table[table.what == "finite"], width=width, seed=cell.seed).iloc[0]
    apart = float((outputs - own).square().mean().sqrt() / wide.square().mean().sqrt())
    assert row.difference_own == pytest.approx(apart, rel=0.01)
    assert row.agreement_own == pytest.approx(float((own.argmax(1) == outputs.argmax(1)).double().mean()), abs=0.02)
    assert row.difference_own < row.difference


def test_laws_of_own_kernels_are_read_from_made_tables():
    rows = [
        {"width": w, "strength": p, "seed": s, "contrast": 1 - p, "shifted": (1 + s / 9) * w**-0.4 * (1 - p) ** -0.3}
        for w in (16, 64, 256, 1024)
        for p in (0.5, 0.8, 0.9)
        for s in range(3)
    ]
    own = pd.DataFrame(rows).assign(survival=lambda t: 1 - t["strength"])
    assert infinite.slopes(own, "width", "strength").mean == pytest.approx(-0.4)
    assert infinite.slopes(own, "survival", "width").mean == pytest.approx(-0.3)
    u = infinite.against(own)
    assert u.square.tolist() == pytest.approx([np.sqrt(r["width"]) * (1 - r["strength"]) ** 2 for r in rows])
    assert u.signal.tolist() == pytest.approx([np.sqrt(r["width"]) * (1 - r["strength"]) for r in rows])
    for name, other in (("signal", "square"), ("square", "signal")):
        agreeing = own.assign(agreement=0.1 + 0.05 * np.log1p(u[name]))
        assert infinite.collapsed(agreeing, name).mean < 0.005
        assert infinite.collapsed(agreeing, other).mean > 0.015


def test_claims_about_own_kernels_have_their_cases(lazy_networks):
    chosen, cells, table = lazy_networks
    kinds = [
        table[table.what == kind].assign(load=lambda t: t.train_size / t.pixels)
        for kind in ("infinite", "finite", "own")
    ]
    found = {claim.id.partition(".")[2]: claim for claim in infinite.claims(*kinds, chosen)}
    assert [case.where["width"] for case in found["own"].cases] == ["width 16", "width 256"]
    assert [case.where["strength"] for case in found["started"].cases] == ["p = 0.5", "p = 0.8"]
    wide = kinds[1][kinds[1].width == 256]
    assert found["own"].cases[1].found.mean == pytest.approx(wide.agreement_own.mean())
    assert found["left"].cases[1].found.mean == pytest.approx((wide.difference_own / wide.difference).mean())
    assert found["own"].cases[1].networks == len(cells) // 2
    started = kinds[2][kinds[2].strength == 0.5].started.mean()
    assert found["started"].cases[0].found.mean == pytest.approx(started)
    steeper = infinite.slopes(kinds[2], "width", "strength").mean + 0.5
    assert found["shifted-width"].cases[0].found.mean == pytest.approx(abs(steeper))
    for name in ("shifted-strength", "collapse-square", "collapse-contrast"):
        (case,) = found[name].cases
        assert case.found.n == 3


def test_a_training_set_that_cannot_be_had_is_named():
    content = read_yaml(Page("07_infinite_width", "quick").parameter_file)
    content["infinite"] = [{"depth": 2, "train_size": [15]}]
    with pytest.raises(UserError, match="train_size 15 cannot be had from digits"):
        validate(model_of("07_infinite_width", "test"), content, "file").sources()


def test_the_table_made_again_compares_as_equal_and_another_does_not(lazy_networks):
    page_cases.compares(lazy_networks[2])
