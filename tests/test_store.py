import json
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load_file

from almostnothing import data, networks, store, sweeps, training
from almostnothing.cells import Cell, Law
from almostnothing.data.sources import Source
from almostnothing.devices import device_for
from almostnothing.errors import UserError
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep
from almostnothing.sizes import parameter_count, step_flops
from almostnothing.tables import collect, read, written

SWEEP = {
    "dataset": "digits",
    "train_size": [20, 40],
    "strength": [0, 0.5],
    "training_corruption": "fixed",
    "width": [4, 8],
    "depth": [2],
    "steps": [10],
    "seeds": [0, 1],
}


def cells_of(**changes) -> list[Cell]:
    return Sweep.model_validate(SWEEP | changes).cells()


def test_a_sweep_is_the_product_of_its_axes():
    cells = cells_of()
    assert len(cells) == len(set(cells)) == 16
    assert {(c.width, c.train_size, c.strength, c.seed) for c in cells} == {
        (w, n, p, s) for w in (4, 8) for n in (20, 40) for p in (0, 0.5) for s in (0, 1)
    }


def test_data_sets_and_transforms_are_axes_and_columns():
    cells = cells_of(downsample=[1, 2], pca_rank=[None, 3])
    assert len(cells) == 64
    assert {(c.downsample, c.pca_rank, c.source.facts.shape) for c in cells} == {
        (1, None, (1, 8, 8)), (1, 3, (1, 8, 8)), (2, None, (1, 4, 4)), (2, 3, (1, 4, 4))
    }  # fmt: skip
    with pytest.raises(UserError, match="train_size 1200 and validation 50 would overlap"):
        cells_of(train_size=[1200], validation=50)


def test_the_content_of_a_users_data_is_part_of_a_cell(tmp_path):
    import numpy as np

    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    keys = []
    for changed in (0, 1):
        x[0, 0, 0] = changed
        y = np.arange(60) % 3
        np.savez(tmp_path / "mine.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
        sweep = Sweep.model_validate(SWEEP | {"dataset": "npz:mine.npz", "train_size": 30})
        keys.append([cell.key("code") for cell in sweep.cells(tmp_path)])
    assert not set(keys[0]) & set(keys[1])


def test_a_network_that_needs_square_images_says_so(tmp_path):
    import numpy as np

    x, y = np.random.default_rng(0).integers(0, 256, (16, 8, 6), dtype=np.uint8), np.arange(16) % 2
    np.savez(tmp_path / "mine.npz", x_train=x[:12], y_train=y[:12], x_test=x[12:], y_test=y[12:])
    sweep = Sweep.model_validate(SWEEP | {"dataset": "npz:mine.npz", "train_size": 4, "family": "cnn"})
    with pytest.raises(UserError, match="family cnn needs square images, but those of npz:mine.npz are 8x6"):
        sweep.cells(tmp_path)


def test_a_record_survives_json(cell):
    import json

    assert Cell.from_record(json.loads(json.dumps(cell.record()))) == cell


def test_every_field_of_a_cell_and_its_code_enter_the_key(cell):
    other = {
        str: lambda v: v + "x",
        int: lambda v: v + 1,
        float: lambda v: v / 2 + 0.1,
        bool: lambda v: not v,
        type(None): lambda v: 0.5,
        Law: lambda v: replace(v, options=v.options[1:]),
        Source: lambda v: replace(v, facts=replace(v.facts, content="x")),
    }
    values = {field.name: getattr(cell, field.name) for field in fields(cell)}
    variants = [replace(cell, **{name: other[type(v)](v)}) for name, v in values.items()]
    keys = {variant.key("code") for variant in variants} | {cell.key("code"), cell.key("other code")}
    assert len(keys) == len(variants) + 2


def test_shards_hold_every_cell_once_and_one_architecture_each():
    cells = cells_of()
    shards = sweeps.plan(cells)
    assert sorted((c for s in shards for c in s.cells), key=str) == sorted(cells, key=str)
    assert all(len({c.shape() for c in s.cells}) == 1 for s in shards)
    assert len({s.key for s in shards}) == len(shards) == 2


def test_large_work_is_cut_into_equal_shards():
    cells = cells_of(width=[512], steps=[100_000], seeds=list(range(6)))
    shards = sweeps.plan(cells)
    sizes = [len(s.cells) for s in shards]
    assert len(shards) > 2
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == len(cells)


@pytest.mark.parametrize(("family", "depth"), [("mlp", 1), ("mlp", 4), ("cnn", 3)])
def test_flops_count_the_products_of_forward_and_backward_pass(cell, family, depth):
    from torch.utils.flop_counter import FlopCounterMode

    shape = replace(cell, family=family, depth=depth)
    model = networks.stack(shape, 1)
    network = model[0]
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(shape.batch_size, 64)).sum().backward()
    assert step_flops(shape) == counter.get_total_flops()
    assert parameter_count(shape) == sum(p.numel() for p in network.parameters())


def test_only_missing_cells_are_trained_and_the_table_is_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = cells_of(width=[4])
    keep = store.Store(tmp_path)
    first = sweeps.plan(cells[:3])
    assert sum(sweeps.train(shard, keep, Compute(), "test") for shard in first) == 3
    assert sum(sweeps.train(shard, keep, Compute(), "test") for shard in sweeps.plan(cells)) == 5
    assert sum(sweeps.train(shard, keep, Compute(), "test") for shard in sweeps.plan(cells)) == 0
    printed = capsys.readouterr().err
    assert "3/3 cells" in printed
    assert "5/5 cells" in printed
    table = collect(cells, keep)
    assert len(table) == 3 * len(cells)
    empty = ["pca_rank", "permutation", "falling", "best", "best_taken"]  # of networks that nothing was asked of
    assert not table.drop(columns=empty).isna().any(axis=None)
    assert (table["accuracy"] == table["correct"] / table["images"]).all()
    (tmp_path / "t.csv").write_text(written(table))
    part = read(tmp_path / "t.csv", Sweep.model_validate(SWEEP | {"width": [4], "strength": [0.5], "seeds": [1]}))
    assert len(part) == 6
    assert set(part["train_size"]) == {20, 40}
    assert set(part["strength"]) == {0.5}
    assert set(part["seed"]) == {1}
    assert list(part) == list(table)


def test_a_stored_network_is_the_one_that_was_trained(tmp_path, cell):
    keep = store.Store(tmp_path)
    [trained] = training.train([cell], data.load(data.source("digits")), torch.device("cpu"))
    keep.put(cell, trained.rows, trained.network.state_dict())
    weights = load_file(keep.folder(cell) / "network.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in trained.network.state_dict().items())
    assert json.dumps(keep.rows(cell)) == json.dumps(trained.rows)


def test_a_half_written_cell_is_not_taken_for_done(tmp_path, cell, monkeypatch):
    keep = store.Store(tmp_path)
    with pytest.raises(TypeError):
        keep.put(cell, [{"not json": object()}], {"a": torch.zeros(1)})
    assert not keep.has(cell)
    keep.folder(cell).mkdir(parents=True)
    assert not keep.has(cell)
    keep.put(cell, [], {"a": torch.zeros(1)})
    assert keep.has(cell)


def put(keep: store.Store, cell: Cell) -> None:
    keep.put(cell, [{"test": "clean", "correct": 12, "status": "learned"}], {"a": torch.arange(3.0)})


def test_a_cell_is_what_was_written_bit_for_bit_or_dropped(tmp_path, cell, capsys):
    """All bytes of its network and all digits of its rows are covered; white space is not, and changes nothing."""
    keep = store.Store(tmp_path)
    put(keep, cell)
    folder = keep.folder(cell)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert keep.sound(cell, weights=True)
    for name, content in whole.items():
        for at in range(0, len(content), 13):
            if not content[at : at + 1].isspace():
                (folder / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
                assert not keep.sound(cell, weights=True), (name, at)
                assert not folder.exists()
                put(keep, cell)
    said = capsys.readouterr().err.splitlines()
    assert all(line.endswith("it is dropped and made again") and str(folder) in line for line in said)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_rows_and_weights_that_are_damaged_are_a_sentence(tmp_path, cell):
    keep = store.Store(tmp_path)
    for name, asked in (("result.json", keep.rows), ("network.safetensors", keep.weights)):
        put(keep, cell)
        path = keep.folder(cell) / name
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(UserError, match=f"{path} was damaged and is dropped: run snakemake to train this network"):
            asked(cell)
        assert not keep.has(cell)


def test_logits_count_once_the_record_names_them(tmp_path, cell):
    """A run that is killed in between has written them to the end, but nobody knows it."""
    keep = store.Store(tmp_path)
    put(keep, cell)
    before = (keep.folder(cell) / "result.json").read_bytes()
    keep.put_logits(cell, {"clean": torch.zeros(2)})
    assert keep.has_logits(cell)
    assert keep.sound(cell, weights=True)
    (keep.folder(cell) / "result.json").write_bytes(before)
    assert not keep.has_logits(cell)
    assert keep.sound(cell, weights=True)


def test_a_record_from_before_there_were_checksums_is_read(tmp_path, cell):
    keep = store.Store(tmp_path)
    put(keep, cell)
    path = keep.folder(cell) / "result.json"
    record = json.loads(path.read_text())
    del record["checksums"]
    path.write_text(json.dumps(record))
    assert keep.rows(cell)[0]["correct"] == 12
    assert torch.equal(keep.weights(cell)["a"], torch.arange(3.0))
    keep.put_logits(cell, {"clean": torch.zeros(2)})
    assert set(json.loads(path.read_text())["checksums"]) == {each.name for each in path.parent.iterdir()}
    assert keep.sound(cell, weights=True)


def test_a_missing_cell_and_a_foreign_table_are_one_sentence(tmp_path, cell):
    with pytest.raises(UserError, match="is missing: train it with snakemake"):
        store.Store(tmp_path).rows(cell)
    with pytest.raises(UserError, match="is missing: run snakemake"):
        read(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_text("dataset,width,seed\ndigits,4,0\ndigits,4,1\ndigits,8,0\n")
    with pytest.raises(UserError, match="lacks 1 networks of this sweep"):
        read(tmp_path / "t.csv", Sweep.model_validate(SWEEP))


def test_device_cuda_without_one_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="this machine has no CUDA device: use cpu or auto"):
        device_for("cuda")
    assert device_for("auto").type == "cpu"
