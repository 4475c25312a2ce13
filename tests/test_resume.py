"""A killed shard goes on from its checkpoint and ends as if nothing had happened, to the last bit."""

import json
import os
import pickle
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from almostnothing import data, sealed, store, sweeps, training
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.tables import collect

ROOT = Path(__file__).resolve().parent.parent
SWEEP = {
    "dataset": "digits",
    "train_size": [40, 100],
    "strength": [0, 0.5, 0.9],
    "training_corruption": "fresh",
    "width": [8],
    "depth": [2],
    "batch_size": 32,
    "steps": [8000],
    "seeds": [0, 1],
}
JOB = """
import sys
from pathlib import Path
from almostnothing import sizes, store, sweeps
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
sweep = Sweep.model_validate_json(sys.argv[1])
[shard] = sweeps.plan(sweep.cells())
sizes.CPU_SLOTS = (1, 12)
sweeps.train(shard, store.Store(Path("cells")), Compute(checkpoint_seconds=0.0, quiet=True), "job")
"""


def files(folder: Path) -> dict[str, bytes]:
    """Finished files; one that vanishes meanwhile was no such."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            with suppress(FileNotFoundError):
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def test_killed_at_random_it_ends_with_the_same_bytes(tmp_path):
    sweep = Sweep.model_validate(SWEEP)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}

    def start(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        words = [sys.executable, "-c", JOB, sweep.model_dump_json()]
        return subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE)

    calm, rough = tmp_path / "calm", tmp_path / "rough"
    assert start(calm).wait() == 0
    undisturbed = files(calm / "cells")
    assert len(undisturbed) == 2 * 12
    dice, kills, resumed = random.Random(0), 0, 0
    folder = rough / "results/checkpoints"
    while True:
        before = files(folder)
        resumed += bool(before)
        job = start(rough)
        while job.poll() is None and files(folder) in (before, {}):  # starting takes seconds: let it come to work
            time.sleep(0.01)
        try:
            assert job.wait(timeout=dice.uniform(0, 0.2)) == 0
            break
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
            kills += 1
        assert kills < 40
    assert kills > 0
    assert resumed > 0
    assert files(rough / "cells") == undisturbed
    assert files(rough / "results/checkpoints") == {}


def test_a_checkpoint_holds_moments_and_clocks(tmp_path, cell):
    digits, path = data.load(data.source("digits")), tmp_path / "c.safetensors"
    base = replace(cell, steps=600)
    cells = [replace(base, seed=s) for s in range(3)]
    options = training.Options(checkpoint=path, checkpoint_seconds=0.0)
    whole = {t.cell: t for t in training.train(cells, digits, torch.device("cpu"), options)}
    assert not path.exists()

    def stop(taken: int, done: int) -> None:
        if path.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(training.train(cells, digits, torch.device("cpu"), replace(options, report=stop)))
    assert path.exists()
    counted = []
    again = training.train(
        cells[:2], digits, torch.device("cpu"), replace(options, report=lambda taken, done: counted.append(taken))
    )
    for trained in again:
        for a, b in zip(trained.network.parameters(), whole[trained.cell].network.parameters(), strict=True):
            assert torch.equal(a, b)
    assert counted[-1] < 2 * 600


def test_a_checkpoint_that_outlives_its_last_cell_is_dropped(tmp_path, monkeypatch):
    """A job may be killed after it has handed in its last cell and before it has removed its checkpoint."""
    sweep = Sweep.model_validate(SWEEP | {"steps": [20]})
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)
    keep = store.Store(tmp_path / "cells")
    assert sweeps.train(shard, keep, Compute(), "job") == 12
    left = sweeps.CHECKPOINTS / f"{shard.key}.sealed"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"left")
    assert sweeps.train(shard, keep, Compute(), "job") == 0
    assert not left.exists()


@pytest.mark.parametrize("early", [False, True])
def test_cells_of_one_stream_that_stopped_at_different_steps_go_on_each_from_its_own(tmp_path, cell, early):
    """Run apart they may; after a resume they could make an even team, but must not share a clock."""
    digits, path, cpu = data.load(data.source("digits")), tmp_path / "c.safetensors", torch.device("cpu")
    base = replace(cell, common_random_numbers=True, steps=1024, early_stopping=early, validation=240 * early)
    first, second, short = replace(base, strength=0.3), replace(base, strength=0.6), replace(base, steps=256)
    whole = {t.cell: t for t in training.train([first, second], digits, cpu)}
    options = training.Options(slots=2, checkpoint=path, checkpoint_seconds=0.0)

    def stop(taken: int, done: int) -> None:
        if taken >= 6 * 256:  # after the checkpoint of the block before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(training.train([first, short, second], digits, cpu, replace(options, report=stop)))
    assert sorted(one.step for one in training.read_checkpoint(path).values()) == [256, 512]
    for trained in training.train([first, second], digits, cpu, options):
        assert trained.rows == whole[trained.cell].rows


def test_out_of_memory_halves_the_stack_and_goes_on(tmp_path, monkeypatch, capsys):
    sweep = Sweep.model_validate(SWEEP | {"steps": [20]})
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)
    original, seen = training.train, []

    def limited(cells, dataset, device, options):
        seen.append(options.slots)
        if options.slots > 6:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        yield from original(cells, dataset, device, options)

    monkeypatch.setattr(training, "train", limited)
    keep = store.Store(tmp_path / "cells")
    assert sweeps.train(shard, keep, Compute(), "job") == 12
    assert seen == [32, 16, 8, 4]
    assert keep.missing(shard.cells) == []
    assert "out of memory, going on with 4 networks at once" in capsys.readouterr().err


def test_other_errors_are_not_taken_for_a_lack_of_memory(tmp_path, monkeypatch):
    sweep = Sweep.model_validate(SWEEP | {"steps": [20]})
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)

    def broken(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(training, "train", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        sweeps.train(shard, store.Store(tmp_path / "cells"), Compute(), "job")


@pytest.mark.parametrize("change", [{"permutation": 0}, {"downsample": 2}, {"pca_rank": 8}, {}])
@pytest.mark.parametrize("when", ["fresh", "fixed"])
def test_images_of_any_layout_are_trained_on_as_what_they_are(tmp_path, monkeypatch, when, change):
    """Permuted images have other strides, smaller ones another type: a compiled loop must not take them for bytes."""
    sweep = Sweep.model_validate(SWEEP | {"steps": [40], "training_corruption": when, "strength": [0.5], **change})
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)
    found = []
    for mode in ("auto", "never"):
        keep = store.Store(tmp_path / mode)
        sweeps.train(shard, keep, Compute(compile=mode), "job")
        found.append([keep.weights(cell) for cell in shard.cells])
    for ours, theirs in zip(*found, strict=True):
        assert all((ours[name] - theirs[name]).abs().max() < 1e-4 for name in ours)


def test_logits_are_stored_when_asked_also_for_cells_that_are_there(tmp_path, monkeypatch):
    sweep = Sweep.model_validate(SWEEP | {"steps": [20]})
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)
    late, early = store.Store(tmp_path / "late"), store.Store(tmp_path / "early")
    sweeps.train(shard, late, Compute(), "job")
    assert not late.has_logits(shard.cells[0])
    sweeps.train(shard, late, Compute(keep_logits=True), "job")
    sweeps.train(shard, early, Compute(keep_logits=True), "job")
    from safetensors.torch import load_file

    for cell in shard.cells:
        ours, theirs = (load_file(keep.folder(cell) / store.LOGITS) for keep in (late, early))
        assert {kind: tuple(value.shape) for kind, value in ours.items()} == {
            "clean": (500, 10),
            "corrupted": (500, 10),
        }
        assert all(torch.allclose(ours[kind], theirs[kind], atol=1e-5) for kind in ours)


def test_a_diverged_cell_is_reported_and_has_no_accuracy(tmp_path, monkeypatch, capsys):
    # rectifiers could die before they diverge
    wild = {"steps": [300], "optimiser": "sgd", "learning_rate": 1e30, "activation": "identity"}
    sweep = Sweep.model_validate(SWEEP | wild)
    [shard] = sweeps.plan(sweep.cells())
    monkeypatch.chdir(tmp_path)
    keep = store.Store(tmp_path / "cells")
    sweeps.train(shard, keep, Compute(), "job")
    assert "12/12 cells, 12 diverged" in capsys.readouterr().err
    table = collect(list(shard.cells), keep)
    assert table["status"].eq("diverged").all()
    assert table["accuracy"].isna().all()


def saved_by(path: Path, cell, digits) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint that an interrupted training left in `path`."""

    def stop(taken: int, done: int) -> None:
        if path.exists():
            raise KeyboardInterrupt

    options = training.Options(checkpoint=path, checkpoint_seconds=0.0, report=stop)
    with pytest.raises(KeyboardInterrupt):
        list(training.train([cell], digits, torch.device("cpu"), options))
    content = sealed.read(path)
    assert content is not None
    return load(content)


def clocks_with(tensors: dict[str, torch.Tensor], **changed: object) -> bytes:
    """The checkpoint with other values in its first clock."""
    clocks = json.loads(tensors["clocks"].numpy().tobytes())
    clocks[0].update(changed)
    return save(tensors | {"clocks": torch.frombuffer(bytearray(json.dumps(clocks).encode()), dtype=torch.uint8)})


OTHER = {
    "other shapes": lambda found: save(found | {"000": found["000"][:, 1:].contiguous()}),
    "another type": lambda found: save(found | {"000": found["000"].double()}),
    "a missing tensor": lambda found: save({name: value for name, value in found.items() if name != "001"}),
    "one more tensor": lambda found: save(found | {"999": found["000"].clone()}),
    "no clocks": lambda found: save({name: value for name, value in found.items() if name != "clocks"}),
    "a pickle": lambda found: pickle.dumps({name: value.tolist() for name, value in found.items()}),
    "nothing": lambda _: b"",
    "other steps": lambda found: clocks_with(found, step=3),
    "steps that are words": lambda found: clocks_with(found, step="many"),
    "losses that are words": lambda found: clocks_with(found, course=["low"]),
    "another cell": lambda found: clocks_with(found, cell={"dataset": "digits"}),
    "a field more": lambda found: clocks_with(found, moon=1),
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_a_checkpoint_of_another_structure_is_dropped_in_one_sentence(tmp_path, cell, capsys, change):
    digits, path, base = data.load(data.source("digits")), tmp_path / "c.sealed", replace(cell, steps=600)
    [whole] = training.train([base], digits, torch.device("cpu"))
    sealed.write(path, change(saved_by(path, base, digits)))
    capsys.readouterr()
    options = training.Options(checkpoint=path, checkpoint_seconds=1e9)
    [again] = training.train([base], digits, torch.device("cpu"), options)
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "is dropped and made again" in said
    assert again.rows == whole.rows
    for ours, theirs in zip(again.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
