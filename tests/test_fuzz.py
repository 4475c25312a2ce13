"""Whatever stands in a file, it is read or refused in one sentence: no traceback, no code run, nothing written.

Valid files are damaged: bytes changed, cut, repeated; parts of their structure replaced. All is drawn from one seed.
"""

import copy
import io
import json
import os
import pickle
import struct
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from record_cases import RECORD

from almostnothing import data, gallery, records, site
from almostnothing.data import readers
from almostnothing.data.lookup import VARIABLE
from almostnothing.errors import UserError
from almostnothing.freshness import CONTENT
from almostnothing.pages import model_of
from almostnothing.parameters.files import load

ROOT = Path(__file__).resolve().parent.parent
EVIL = "<script>alert(1)</script>"


def drawn(count: int) -> Callable[[Any], Any]:
    checks = list(HealthCheck)
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=checks,
        phases=[Phase.generate],  # no search for a smaller example, which takes minutes
    )


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Nothing is remembered from elsewhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)


def tried(work: Callable[[], Any], seen: Counter[str]) -> Any:
    """What a call returns, None where it refuses in one sentence; any other error goes through."""
    said, found = "", None
    try:
        found = work()
    except UserError as error:
        said = str(error)
    assert "\n" not in said
    seen["refused" if said else "read"] += 1
    return found


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "repeat", "drop"]), st.floats(0, 1, exclude_max=True), st.binary(max_size=8)
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Bytes with some set to others, all from a place on cut off, a stretch repeated or dropped."""
    for kind, where, put in edits:
        place = int(where * len(content))
        rest = {
            "set": put + content[place + len(put) :],
            "cut": b"",
            "repeat": content[place : place + 64] + content[place:],
            "drop": content[place + max(1, len(put)) :],
        }
        content = content[:place] + rest[kind]
    return content


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("../../outside"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all parts of a structure."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(one for key, part in inside for one in places(part, (*way, key)))]


def replaced(value: Any, way: tuple[Any, ...], by: Any) -> Any:
    """The structure with a part replaced, or taken out where `by` is Ellipsis."""
    if not way:
        return None if by is ... else by
    whole = copy.deepcopy(value)
    part = whole
    for key in way[:-1]:
        part = part[key]
    if by is ...:
        del part[way[-1]]
    else:
        part[way[-1]] = by
    return whole


# Files of data


def npz() -> bytes:
    rng, file = np.random.default_rng(0), io.BytesIO()
    images, labels = rng.integers(0, 256, (40, 4, 4), dtype=np.uint8), np.arange(40) % 4
    np.savez(file, x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:])
    return file.getvalue()


def test_damaged_arrays(tmp_path):
    whole, path, seen = npz(), tmp_path / "a.npz", Counter[str]()

    @drawn(500)
    @given(EDITS)
    def holds(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(edited(whole, edits))
        data.load.cache_clear()
        source = tried(lambda: data.source("npz:a.npz", tmp_path), seen)
        if source:
            assert np.isfinite(data.load(source, tmp_path).train.images).all()

    holds()
    print("npz:", dict(seen))
    assert seen["refused"] >= 200


def test_damaged_originals(tmp_path):
    """The parser of MNIST's format, behind the checksum that refuses all of these."""
    whole = struct.pack(">I3I", 0x0803, 5, 4, 3) + bytes(range(60))
    path, seen = tmp_path / "images", Counter[str]()

    @drawn(500)
    @given(EDITS)
    def holds(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(edited(whole, edits))
        found = tried(lambda: readers._idx_bytes(path), seen)
        assert found is None or len(found) > 4

    holds()
    print("IDX:", dict(seen))
    assert seen["refused"] >= 100


def test_damaged_pictures(tmp_path):
    rng, seen = np.random.default_rng(0), Counter[str]()
    for split, name, number in ((s, c, k) for s in ("train", "test") for c in "ab" for k in range(2)):
        folder = tmp_path / "mine" / split / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).save(folder / f"{number}.png")
    path = tmp_path / "mine/train/a/0.png"
    whole = path.read_bytes()

    @drawn(100)
    @given(EDITS)
    def holds(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(edited(whole, edits))
        data.load.cache_clear()
        source = tried(lambda: data.source("imagefolder:mine", tmp_path, image_size=6), seen)
        if source:
            data.load(source, tmp_path)

    holds()
    print("pictures:", dict(seen))
    assert seen["refused"] >= 30


class Payload:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_no_code_in_a_file_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays = dict(np.load(io.BytesIO(npz())))
    np.savez(tmp_path / "a.npz", **arrays | {"x_train": np.array([Payload()], dtype=object)})
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Payload()))
    for name in ("a", "b"):
        with pytest.raises(UserError):
            data.source(f"npz:{name}.npz", tmp_path)
    path = tmp_path / "02_margin.yaml"
    for text in ("!!python/object/apply:os.mkdir [pwned]", "a: !!python/object/new:os.mkdir [pwned]"):
        path.write_text(text)
        with pytest.raises(UserError):
            load(model_of("02_margin", "test"), path)
    assert not (tmp_path / "pwned").exists()


# Parameters and records


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "params/quick").glob("*.yaml")))
def test_damaged_parameters(name, tmp_path):
    whole = (ROOT / f"params/quick/{name}.yaml").read_bytes()
    content, path, seen, model = (
        yaml.safe_load(whole),
        tmp_path / f"{name}.yaml",
        Counter[str](),
        model_of(name, "test"),
    )
    ways = places(content)

    @drawn(25)
    @given(EDITS, st.sampled_from(ways), JSON | st.just(...))
    def holds(edits: list[tuple[str, float, bytes]], way: tuple[Any, ...], by: Any) -> None:
        for damaged in (edited(whole, edits), yaml.safe_dump(replaced(content, way, by)).encode()):
            path.write_bytes(damaged)
            found = tried(lambda: load(model, path), seen)
            if found:
                tried(partial(found.sources, tmp_path), Counter())
                assert json.dumps(found.content())

    holds()
    print(f"parameters of {name}:", dict(seen))
    assert seen["refused"] >= 20


def test_damaged_records(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "FIGURES", tmp_path)
    folder, seen = tmp_path / "paper", Counter[str]()
    folder.mkdir()
    for suffix in CONTENT:
        (folder / f"05_moon.{suffix}").write_text(suffix)
    path = folder / "05_moon.json"
    whole = json.dumps(RECORD).encode()

    @drawn(1000)
    @given(EDITS, st.sampled_from(places(RECORD)), JSON | st.just(...))
    def holds(edits: list[tuple[str, float, bytes]], way: tuple[Any, ...], by: Any) -> None:
        for damaged in (edited(whole, edits), json.dumps(replaced(RECORD, way, by)).encode()):
            path.write_bytes(damaged)
            records.write_sums(folder, "05_moon", CONTENT)  # as if it had been made so
            if tried(lambda: records.read(path), seen):
                assert "05_moon.ipynb" in gallery.gallery("paper", gallery.never)
                gallery.scoreboard("paper")
                gallery.claim_files("paper")
                gallery.sizes()

    holds()
    print("records:", dict(seen))
    assert min(seen["refused"], seen["read"]) >= 50


# What the site shows


def with_markup(value: Any, key: str = "") -> Any:
    """A record whose words all hold markup."""
    if isinstance(value, dict):
        return {name: with_markup(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [with_markup(part, key) for part in value]
    kept = (
        "id",
        "page",
        "role",
        "direction",
        "verdict",
        "at_half",
        "at_twice",
        "lock",
        "dataset",
        "test",
        "commit",
        "date",
    )
    return value + EVIL if isinstance(value, str) and key not in kept else value


def test_the_site_escapes_what_records_say(tmp_path, monkeypatch):
    for path in ROOT.iterdir():
        if path.name not in ("figures", "results", ".snakemake"):
            (tmp_path / path.name).symlink_to(path)
    for path in (*ROOT.glob("figures/*.*"), *ROOT.glob("figures/*/*")):
        link = tmp_path / path.relative_to(ROOT)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    for name in ("quick", "paper"):
        folder = tmp_path / "figures" / name
        record = records.read(folder / "02_margin.json")
        words = {key: with_markup(record[key]) for key in ("claims", "environment")}
        for suffix in ("json", records.SUMS):
            (folder / f"02_margin.{suffix}").unlink()
        (folder / "02_margin.json").write_text(json.dumps({**record, "title": f"The {EVIL} margin", **words}))
        records.write_sums(folder, "02_margin", CONTENT)
    monkeypatch.chdir(tmp_path)
    site.write_sources(tmp_path, tmp_path / "source")
    pages = [path for path in (tmp_path / "source").rglob("*") if path.suffix in (".md", ".html", ".svg")]
    shown = [path for path in pages if "alert(1)" in path.read_text()]
    assert {path.name for path in shown} >= {"02_margin.md", "index.md"}
    assert [path for path in shown if EVIL in path.read_text()] == []
    for name in ("quick", "paper"):
        assert EVIL not in gallery.gallery(name, gallery.never)
