"""Residual networks: what they are, how they are trained, and what is done to their images before."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from tracing import traced, unreached

from almostnothing import (
    augmentations,
    corruptions,
    costs,
    data,
    keys,
    residual,
    sealed,
    sizes,
    solo,
    streams,
    sweeps,
    training,
)
from almostnothing.cells import ResidualCell, key_of, residual_layers
from almostnothing.errors import UserError
from almostnothing.parameters.mistakes import sentence
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.store import Store

CPU = torch.device("cpu")
SWEEP = {
    "dataset": "digits",
    "train_size": 100,
    "corruption": {"law": "lp", "norm": 2},
    "strength": 1.0,
    "training_corruption": "fresh",
    "family": "resnet9",
    "width": 4,
    "depth": 9,
    "optimiser": "sgd",
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "learning_rate": 0.1,
    "schedule": "one_cycle",
    "batch_size": 32,
    "steps": 12,
    "test_draws": 1,
    "seeds": [0, 1],
    "augmentation": "crop",
}


@pytest.fixture(scope="module")
def digits():
    return data.load(data.source("digits"))


def cells_of(**changes) -> list[ResidualCell]:
    return [cell for cell in Sweep.model_validate(SWEEP | changes).cells() if isinstance(cell, ResidualCell)]


def in_colour(cell: ResidualCell) -> ResidualCell:
    return replace(cell, source=replace(cell.source, facts=replace(cell.source.facts, shape=(3, 32, 32))))


def train(cells, digits, **options) -> list[training.Trained]:
    return list(solo.train(cells, digits, CPU, training.Options(**options)))


def same(a: training.Trained, b: training.Trained) -> bool:
    pairs = zip(a.network.state_dict().values(), b.network.state_dict().values(), strict=True)
    return a.rows == b.rows and all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(
    ("family", "width", "depth", "published"),
    [("wrn", 10, 28, 36_479_194), ("wrn", 4, 40, 8_949_210), ("resnet9", 64, 9, 6_573_120), ("wrn", 1, 10, None)],
)
def test_parameters_and_work_are_those_published_and_those_counted(family, width, depth, published):
    cell = in_colour(cells_of(family=family, width=width, depth=depth)[0])
    with torch.device("meta"):
        network = residual.network(cell)
    parameters = sum(part.numel() for part in network.parameters())
    assert published in (parameters, None)
    weights = [p for p in network.parameters() if p.ndim > 1]
    assert sum(layer.fan_in * layer.fan_out for layer in residual_layers(cell)) == sum(p.numel() for p in weights)
    counter = FlopCounterMode(display=False)
    with counter:
        network(torch.zeros(2, 3 * 32 * 32, device="meta"))
    assert counter.get_total_flops() == 2 * sum(2 * n.fan_in * n.fan_out * n.positions for n in residual_layers(cell))
    assert sizes.step_flops(replace(cell, batch_size=2)) == pytest.approx(3 * counter.get_total_flops(), rel=0.03)


def test_no_residual_network_depends_on_a_stack():
    assert sizes.exact(cells_of(width=5, batch_size=9)[0])


def test_a_wide_block_is_the_authors_sum():
    block = residual.WideBlock(4, 6, 2, 0.0).eval()
    x = torch.randn(3, 4, 8, 8)
    seen = functional.relu(x / np.sqrt(1 + 1e-5))  # batch normalisation as it begins
    inner = functional.relu(functional.conv2d(seen, block.rest[0].weight, stride=2, padding=1) / np.sqrt(1 + 1e-5))
    after = functional.conv2d(inner, block.rest[3].weight, padding=1)
    expected = after + functional.conv2d(seen, block.shortcut.weight, stride=2)
    torch.testing.assert_close(block(x), expected)
    plain = residual.WideBlock(4, 4, 1, 0.0).eval()
    assert plain.shortcut is None
    torch.testing.assert_close(plain(x) - plain.rest(plain.first(x.clone())), x)


def test_weights_begin_with_the_variance_that_keeps_signals(digits):
    cell = cells_of(width=32)[0]
    network = residual.initialised(cell, digits)
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            assert float(part.weight.detach().var()) == pytest.approx(2 / part.weight[0].numel(), rel=0.15)
    again, other = residual.initialised(cell, digits), residual.initialised(replace(cell, seed=1), digits)
    first = [next(p for p in made.parameters() if p.ndim > 1) for made in (network, again, other)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


@pytest.mark.parametrize("mirrored", [False, True])
def test_crops_and_mirrors_move_each_image_by_its_own_draw(mirrored):
    x = torch.rand(40, 3, 8, 8)
    words = torch.rand(40, 3)
    moved = augmentations.cropped(x, words, mirrored)
    for image, (down, right, turn), found in zip(x.numpy(), words.numpy(), moved.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
        row, column = int(down * 3), int(right * 3)
        expected = padded[:, row : row + 8, column : column + 8]
        assert np.array_equal(found, expected[:, :, ::-1] if mirrored and turn < 0.5 else expected)


def test_augmentations_take_the_draws_of_the_presentation():
    x = torch.rand(1, 1, 8, 8).expand(500, -1, -1, -1)
    key = streams.stream_key(0, "test")
    whole = augmentations.augmented("crop_flip", x, key, np.arange(500))
    part = augmentations.augmented("crop_flip", x[:7], key, np.arange(100, 107))
    assert torch.equal(part, whole[100:107])
    kinds = torch.unique(whole.flatten(1), dim=0, return_counts=True)[1]
    assert len(kinds) == 2 * 3 * 3  # two directions, three places along each side
    assert kinds.min() > 10
    assert torch.equal(augmentations.augmented("none", x, key, np.arange(500)), x)


@pytest.mark.parametrize("name", ["trivial", "rand", "augmix"])
@pytest.mark.parametrize("channels", [1, 3])
def test_policies_draw_by_step_and_leave_torchs_generator_alone(name, channels):
    images = torch.randint(0, 256, (16, channels, 32, 32), dtype=torch.uint8)
    key = streams.stream_key(0, "test")
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = augmentations.changed(name, images, key, 3)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(augmentations.changed(name, images, key, 3), first)
    assert not torch.equal(augmentations.changed(name, images, key, 4), first)
    assert first.shape == images.shape
    assert first.dtype == torch.uint8
    assert len({bytes(image.numpy()) for image in first}) == 16  # images were not changed alike


def test_batches_are_the_same_from_other_processes_and_from_any_step(digits):
    cell = cells_of(policy="trivial", steps=6)[0]
    here = list(DataLoader(solo.Prepared(cell, digits, 0), batch_size=None))
    there = list(DataLoader(solo.Prepared(cell, digits, 2), batch_size=None, num_workers=2))
    assert len(there) == 4
    for (x, y), (other_x, other_y) in zip(here[2:], there, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)
    assert here[0][0].amax() <= 1
    plain = next(iter(DataLoader(solo.Prepared(replace(cell, policy="none"), digits, 0), batch_size=None)))
    assert torch.equal(plain[1], here[0][1])
    assert not torch.equal(plain[0], here[0][0])


@pytest.mark.parametrize(
    "change", [{}, {"optimiser": "adam", "momentum": 0.0, "schedule": "constant"}, {"centred": True}]
)
def test_training_is_torchs_own_loop(digits, change):
    cell = replace(cells_of()[0], **change)
    [found] = train([cell], digits)
    law, facts = corruptions.law_of(cell.corruption, digits), digits.facts
    network = residual.initialised(cell, digits).train()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    more = {"momentum": 0.9} if cell.optimiser == "sgd" else {}
    step = kinds[cell.optimiser](network.parameters(), lr=0.1, weight_decay=5e-4, **more)
    subset, pool = digits.subset(100, 0), torch.from_numpy(digits.values(digits.train))
    order, size = key_of(cell, "data order"), cell.batch_size
    for t in range(cell.steps):
        draws = np.arange(t * size, (t + 1) * size)
        where = subset[[streams.permutation(order, 100, int(i) // 100)[i % 100] for i in draws]]
        words = streams.words(key_of(cell, "augmentation"), 3, draws) * 2.0**-32
        x = augmentations.cropped(pool[where].view(-1, *facts.shape), torch.from_numpy(words).float(), mirrored=False)
        key = torch.from_numpy(key_of(cell, "training corruption"))[None]
        numbers = torch.from_numpy(draws.astype(np.int32))[None]
        x = law.sample(x.flatten(1)[None], torch.tensor([[1.0]]), key, numbers)[0, 0]
        progress = t / cell.steps
        factor = min(progress / 0.2, (1 - progress) / 0.8) if cell.schedule == "one_cycle" else 1
        step.param_groups[0]["lr"] = 0.1 * factor
        step.zero_grad()
        functional.cross_entropy(network(x), torch.from_numpy(digits.train.labels[where])).backward()
        step.step()
    for mine, own in zip(network.parameters(), found.network.parameters(), strict=True):
        torch.testing.assert_close(mine, own, atol=1e-4, rtol=1e-4)
    logits = network.eval()(torch.from_numpy(digits.values(digits.test)))
    row = next(row for row in found.rows if row["test"] == "clean")
    assert row["correct"] == int((logits.argmax(1) == torch.from_numpy(digits.test.labels)).sum())


@pytest.mark.parametrize("change", [{}, {"family": "wrn", "width": 1, "depth": 10, "dropout": 0.3, "policy": "rand"}])
def test_a_killed_training_ends_as_if_nothing_had_happened_whatever_is_trained_beside(
    digits, tmp_path, monkeypatch, change
):
    monkeypatch.setattr(solo, "BLOCK_POSITIONS", 320)  # 20 steps
    cells = cells_of(steps=70, batch_size=16, **change)
    whole = train(cells, digits)
    assert same(train(cells[1:], digits)[0], whole[1])
    path = tmp_path / "c.pt"

    def stop(steps: int, _done: int) -> None:
        if steps > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cells[:1], digits, checkpoint=path, checkpoint_seconds=0.0, report=stop)
    assert path.is_file()
    torch.manual_seed(0)
    begun: list[int] = []
    resumed = train(cells, digits, checkpoint=path, report=lambda steps, _: begun.append(steps))
    assert begun[0] > 60
    assert all(map(same, resumed, whole))
    assert not path.exists()


def changed_state(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    state, buffer = torch.load(io.BytesIO(content), weights_only=True), io.BytesIO()
    change(state)
    torch.save(state, buffer)
    return buffer.getvalue()


def first_of(found: dict[Any, Any]) -> Any:
    return next(iter(found))


OTHER = {
    "a weight of another shape": lambda s: s["network"].update({first_of(s["network"]): torch.zeros(2)}),
    "a weight is missing": lambda s: s["network"].pop(first_of(s["network"])),
    "moments of another shape": lambda s: s["optimiser"]["state"][0].update(momentum_buffer=torch.zeros(2)),
    "other steps": lambda s: s.update(step=3),
    "steps that are words": lambda s: s.update(step="many"),
    "losses that are words": lambda s: s.update(course=["low", "lower", "lowest"]),
    "no cell": lambda s: s.pop("cell"),
    "nothing": dict.clear,
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_a_checkpoint_of_another_structure_is_dropped_in_one_sentence(digits, tmp_path, monkeypatch, capsys, change):
    monkeypatch.setattr(solo, "BLOCK_POSITIONS", 320)  # 20 steps
    cells = cells_of(steps=70, batch_size=16)[:1]
    whole, path = train(cells, digits), tmp_path / "c.sealed"

    def stop(steps: int, _done: int) -> None:
        if steps > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cells, digits, checkpoint=path, checkpoint_seconds=0.0, report=stop)
    content = sealed.read(path)
    assert content is not None
    sealed.write(path, changed_state(content, change))
    capsys.readouterr()
    begun: list[int] = []
    [again] = train(cells, digits, checkpoint=path, checkpoint_seconds=1e9, report=lambda steps, _: begun.append(steps))
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "is dropped and made again" in said
    assert begun[0] == 20
    assert same(again, whole[0])


def test_small_networks_of_many_steps_are_cut_into_jobs_by_what_torch_takes_beside_their_products():
    cells = cells_of(steps=1280, batch_size=64, seeds=list(range(30)))  # ten seconds each
    jobs = sweeps.batches(sweeps.plan(cells))
    assert 5 <= len(jobs) <= 15
    assert sum(len(shard.cells) for job in jobs for shard in job) == 30
    assert costs.training_seconds(cells[0], peak=1e12, compiled=True) > 5
    assert len(sweeps.batches(sweeps.plan(cells_of(steps=12, seeds=list(range(30)))))) == 1


def test_what_became_of_it_is_told(digits):
    good = train(cells_of(steps=300, train_size=500, strength=0.0, width=8, augmentation="none"), digits)
    assert [one.rows[0]["status"] for one in good] == ["learned"] * 2
    row = next(row for row in good[0].rows if row["test"] == "clean")
    assert row["correct"] / row["images"] > 0.9
    assert good[0].rows[0]["taken"] == 300
    assert good[0].rows[0]["active"] > 0.9
    [wild] = train(cells_of(learning_rate=1e9, weight_decay=0.0, seeds=[0]), digits)
    assert wild.rows[0]["status"] != "learned"
    [broken] = train(cells_of(learning_rate=1e30, seeds=[0]), digits)
    assert broken.rows[0]["status"] == "diverged"


def test_units_that_never_respond_are_counted():
    cell = cells_of(width=4)[0]
    network = residual.network(cell).eval()
    first = next(part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d))
    first.bias.data[:3] = -1e3
    batches = list(torch.rand(2, 30, 64))
    units = residual.active_shares(network, batches)
    assert units[0] == 0.25
    assert len(units) == 8
    other = list(torch.rand(1, 30, 64).expand(2, -1, -1))
    assert residual.active_shares(network, other)[1:] == pytest.approx(units[1:], abs=0.3)


def test_half_precision_is_near(digits):
    both = train(cells_of(steps=100, seeds=[0]), digits) + train(
        cells_of(steps=100, seeds=[0], precision="bf16"), digits
    )
    exact, half = (next(row["correct"] for row in one.rows if row["test"] == "clean") for one in both)
    assert exact != half
    assert abs(exact - half) < 100


def test_in_float64_what_rounding_does_to_a_start_does_not_grow(digits, monkeypatch):
    """In float32 it does: a rectifier or a maximum turns the other way, and from there networks part."""
    made, gap = residual.initialised, 0.0

    def started(cell, dataset):
        network = made(cell, dataset).double()
        for part in network.parameters():
            part.data *= 1 + gap * torch.randn(part.shape, generator=torch.Generator().manual_seed(0)).double()
        return network

    def trained(precision):
        [found] = train(cells_of(steps=300, seeds=[0], precision=precision), digits)
        return torch.nn.utils.parameters_to_vector(found.network.parameters())

    monkeypatch.setattr(residual, "initialised", started)
    plain = {precision: trained(precision) for precision in ("float32", "float64")}
    gap = 1e-7  # float32's rounding
    single = trained("float32") - plain["float32"]
    gap = 1e-14
    double = trained("float64") - plain["float64"]
    assert all(one.dtype == torch.float32 for one in plain.values())
    assert single.norm() > 1e-3 * plain["float32"].norm()
    assert double.norm() < 1e-6 * plain["float64"].norm()


def test_the_store_holds_what_was_trained_and_gives_its_logits(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keep = Store(tmp_path / "cells")
    cells = cells_of(validation=50)
    [shard] = sweeps.plan(cells)
    assert sweeps.train(shard, keep, Compute(quiet=True), "test") == 2
    assert sweeps.train(shard, keep, Compute(quiet=True, keep_logits=True), "test") == 0
    for cell in cells:
        rows = keep.rows(cell)
        assert [row["test"] for row in rows] == ["clean", "corrupted", "validation", "train"]
        network = residual.restored(cell, keep.weights(cell))
        logits = network(torch.from_numpy(digits.values(digits.test)))
        assert int((logits.argmax(1) == torch.from_numpy(digits.test.labels)).sum()) == rows[0]["correct"]
        assert keep.has_logits(cell)
    assert sweeps.train(shard, keep, Compute(quiet=True), "test") == 0
    assert ResidualCell.from_record(cells[0].record()) == cells[0]


@pytest.mark.parametrize(
    "change",
    [
        {"policy": "augmix", "augmentation": "crop_flip"},
        {"family": "wrn", "width": 1, "depth": 10, "dropout": 0.1},
        {"corruption": {"law": "l0"}, "strength": 0.1, "schedule": "drops", "optimiser": "adam", "momentum": 0.0},
        {"precision": "bf16", "centred": True, "loss": "mse"},
        {"precision": "float64", "corruption": {"law": "l0"}, "strength": 0.1},
    ],
)
def test_what_ran_was_reached(digits, change):
    cell = cells_of(steps=2, train_size=20, validation=20, **change)[0]
    _, ran = traced(lambda: train([cell], digits))
    mine = {each for each in ran if not each.startswith("compiling:")}
    assert len(mine) > 30
    assert unreached(mine, set(keys.network_closure(cell.choices()).definitions)) == set()
    assert not any("stepping.walk" in name for name in keys.network_closure(cell.choices()).definitions)


def test_networks_that_differ_in_how_images_are_changed_share_all_other_draws():
    cell = cells_of()[0]
    for change in ({"policy": "rand"}, {"augmentation": "none"}, {"weight_decay": 0.0}, {"learning_rate": 0.2}):
        other = replace(cell, **change)
        assert other.key("") != cell.key("")
        assert (key_of(other, "data order") == key_of(cell, "data order")).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "mlp", "depth": 2}, "weight_decay belongs to residual networks: family wrn or resnet9"),
        (
            {"family": "mlp", "depth": 2, "weight_decay": 0, "augmentation": "none", "precision": "float64"},
            "precision: float64 belongs to residual networks",
        ),
        ({"family": ["wrn", "mlp"]}, "family wrn and resnet9 stand alone"),
        ({"activation": "tanh"}, "activation is as it is in residual networks"),
        ({"training_corruption": "fixed"}, "family resnet9 needs training_corruption: fresh"),
        ({"family": "wrn"}, "depth of a wrn is 6n + 4"),
        ({"depth": 10}, "depth of a resnet9 is 9"),
        ({"batch_size": 1}, "batch_size is at least 2 in residual networks"),
        ({"dropout": 0.1}, "dropout belongs to family wrn"),
        ({"early_stopping": True, "validation": 10}, "early_stopping is as it is"),
        ({"policy": "cutout"}, "policy"),
        ({"augmentation": "flip"}, "augmentation"),
    ],
)
def test_mistakes_are_told_in_one_sentence(change, message):
    with pytest.raises(ValidationError) as caught:
        Sweep.model_validate(SWEEP | change)
    told = sentence(caught.value, Sweep)
    assert message in told
    assert "\n" not in told


def test_resnet9_needs_images_that_can_be_halved():
    with pytest.raises(UserError, match="family resnet9 needs images of at least 8 pixels a side, not 4"):
        cells_of(downsample=2)


def test_low_loss_ends_training_also_for_a_job_that_was_killed_then(digits, tmp_path):
    cells = cells_of(steps=5000, train_size=100, strength=0.0, augmentation="none", stop_loss=0.5, seeds=[0], width=8)
    [whole] = train(cells, digits)
    assert whole.rows[0]["taken"] < 5000
    path = tmp_path / "c.pt"
    network = residual.initialised(cells[0], digits)
    student = solo.Student(network, solo.optimiser(cells[0], network))
    options = training.Options(checkpoint=path, checkpoint_seconds=0.0)
    for _ in solo.walk(cells[0], student, digits, CPU, options):
        pass
    path.write_bytes(student.saved(cells[0]))
    [resumed] = train(cells, digits, checkpoint=path)
    assert same(resumed, whole)


def test_convolutions_are_exact_unless_the_cell_says_otherwise():
    before = torch.backends.cudnn.allow_tf32
    for precision in ("float32", "tf32"):
        with residual.products(replace(cells_of()[0], precision=precision)):
            assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
            assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.allow_tf32 == before


def test_policies_need_images():
    with pytest.raises(UserError, match="policy rand needs images in grey or colour, without pca_rank"):
        cells_of(policy="rand", pca_rank=10)
