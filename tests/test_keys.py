"""Keys: later fields, recorded equivalences, content of data; what is certified is made by both codes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path

import pytest

from almostnothing import keys
from almostnothing.cells import Cell, Law, key_of
from almostnothing.certifying import Pair, record
from almostnothing.data.sources import Facts, Source
from almostnothing.errors import UserError
from almostnothing.files import plain
from almostnothing.pages import model_of
from almostnothing.parameters.files import load
from almostnothing.parameters.sweep import Sweep

ROOT = Path(__file__).resolve().parent.parent


def later(value, name="later", default=0.0):
    """The same record as one of a class that got a further field with a default."""
    wider = make_dataclass(
        type(value).__name__,
        [(name, type(default), field(default=default))],
        bases=(type(value),),
        frozen=True,
        kw_only=True,
    )
    return wider(**{each.name: getattr(value, each.name) for each in fields(value)})


def test_a_field_that_is_added_later_changes_no_key_and_no_draw(cell):
    wider = later(cell)
    assert wider.record() == cell.record()
    assert wider.key("code") == cell.key("code")
    assert (key_of(wider, "initial weights") == key_of(cell, "initial weights")).all()
    moved = replace(wider, later=0.5)
    assert moved.key("code") != cell.key("code")
    assert (key_of(moved, "initial weights") != key_of(cell, "initial weights")).any()


def test_a_later_field_of_the_sweep_makes_no_page_stale():
    path = Path(__file__).parents[1] / "params" / "quick" / "07_infinite_width.yaml"
    page = load(model_of("07_infinite_width", "quick"), path)
    assert not {"initialisation", "early_stopping"} & page.content()["sweep"].keys()
    assert not {"initialisation", "early_stopping"} & page.sample(min)["sweep"].keys()  # older code can make it
    changed = page.model_copy(update={"sweep": page.sweep.model_copy(update={"initialisation": [1]})})
    assert changed.content()["sweep"]["initialisation"] == [1]
    assert Sweep.model_fields["initialisation"].default == [0]  # as of a cell: another would change what old files mean
    assert Sweep.model_fields["early_stopping"].default is False


def test_a_later_field_of_a_source_or_law_changes_nothing_either(cell):
    for name in ("source", "corruption"):
        wider = replace(cell, **{name: later(getattr(cell, name))})
        assert wider.key("code") == cell.key("code")
        assert (key_of(wider, "data order") == key_of(cell, "data order")).all()


def test_fields_that_a_record_leaves_out_are_those_that_came_later():
    """A change of such a default would change what old keys mean."""
    later = {"centred": False, "readout_scale": 1.0, "initialisation": 0, "early_stopping": False}
    for kind in (Cell, Source, Law):
        known = {each.name: each.default for each in fields(kind) if each.default is not each.default_factory}
        assert known == (later if kind is Cell else {})

    @dataclass(frozen=True)
    class Example:
        first: int
        second: int = 2

    assert plain(Example(1)) == {"first": 1}
    assert plain(Example(1, 3)) == {"first": 1, "second": 3}


def test_the_content_of_data_enters_the_key_and_no_stream(cell):
    facts = replace(cell.source.facts, arrays="other")
    other = replace(cell, source=replace(cell.source, facts=facts))
    assert keys.key(other) != keys.key(cell)
    assert (key_of(other, "data order") == key_of(cell, "data order")).all()
    assert isinstance(facts, Facts)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "EQUIVALENTS", tmp_path / "equivalents.json")
    keys.forget()
    yield tmp_path / "equivalents.json"
    keys.forget()


def test_a_recorded_equivalence_gives_the_older_key(cell, recorded):
    new = keys.network_code(cell)
    before = keys.key(cell)
    record({("old", new): Pair({"networks"}, {"key": "weights"})}, "a test", "by hand")
    assert keys.oldest(new) == "old"
    assert keys.key(cell) == cell.key("old") != before
    record({("oldest", "old"): Pair({"networks"}, {"key": "weights"})}, "a test", "by hand")
    assert keys.oldest(new) == "oldest"
    [first, second] = json.loads(recorded.read_text())
    assert first["cells"] == [{"key": "key", "weights": "weights"}]
    assert {"from", "to", "why", "cells", "how", "environment", "commit"} <= first.keys() & second.keys()


def test_records_form_a_forest(recorded):
    def write(*pairs: tuple[str, str]) -> None:
        recorded.write_text(json.dumps([{"from": old, "to": new} for old, new in pairs]))

    write(("a", "b"), ("b", "c"), ("a", "d"))
    assert len(keys.read_equivalents()) == 3
    write(("a", "c"), ("b", "c"))
    with pytest.raises(UserError, match="c is recorded twice"):
        keys.read_equivalents()
    write(("a", "b"), ("b", "c"), ("c", "a"))
    with pytest.raises(UserError, match="equivalent to itself"):
        keys.read_equivalents()


def test_networks_of_which_none_was_retrained_are_not_recorded(recorded):
    with pytest.raises(UserError, match="no network of code new was in a sample"):
        record({("old", "new"): Pair({"networks"})}, "a test", "by hand")
    assert not recorded.exists()


def test_the_tracked_records_are_a_forest_with_evidence():
    assert keys.EQUIVALENTS == ROOT / "equivalents.json"
    for entry in keys.read_equivalents():
        assert entry["why"]
        assert entry["how"]
        assert entry["environment"]["processor"]
        if "networks" in entry["what"]:
            assert entry["cells"]


def test_definitions_that_explain_a_change_are_told_alike_in_every_process():
    """Of networks with two losses; 5 and 7 are two orders of a set of their choices."""
    told = "from almostnothing.freshness import Page; print(Page('01_knee', 'quick').definitions())"
    both = {
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("5", "7")
    }
    assert len(both) == 1
    assert "losses.LOSSES" in both.pop()
