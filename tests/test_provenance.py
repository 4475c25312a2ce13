import json

import pytest

from almostnothing import provenance

SOURCE = '''
"""Docstring."""
import math
from almostnothing import stats, claims

def f(x: float) -> float:
    """Another."""
    # a comment
    return x + 1.5
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Docstring."""', '"""Other words."""'),
        ('    """Another."""\n', ""),
        ("    # a comment\n", ""),
        ("x + 1.5", "(x   +   1.50)"),
    ],
)
def test_wording_and_formatting_do_not_change_a_digest(old, new):
    assert provenance.code_digest(SOURCE.replace(old, new)) == provenance.code_digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"), [("1.5", "1.25"), ("x + 1", "x - 1"), ("stats, claims", "claims"), ("def f", "def g")]
)
def test_meaning_changes_a_digest(old, new):
    assert provenance.code_digest(SOURCE.replace(old, new)) != provenance.code_digest(SOURCE)


def test_a_docstring_alone_still_makes_a_body():
    assert provenance.syntax('def f():\n    "x"') == provenance.syntax('def f():\n    "y"')


def test_closure_follows_imports_of_imports():
    assert provenance.closure("from almostnothing import claims") == ["almostnothing.claims", "almostnothing.stats"]
    assert provenance.closure("from almostnothing.claims import Claim") == provenance.closure(
        "import almostnothing.claims"
    )
    assert provenance.closure("import numpy") == []


def test_training_depends_on_no_plot_statistics_or_parameter_model():
    closure = set(provenance.closure("import almostnothing.training"))
    assert {"almostnothing.networks", "almostnothing.corruptions", "almostnothing.streams"} < closure
    assert not closure & {f"almostnothing.{name}" for name in ("figures", "stats", "claims", "params", "sweeps")}


def test_module_digest_of_an_unknown_module():
    with pytest.raises(ValueError, match="has no module nothing"):
        provenance.module_digest("nothing")


def test_digest_ignores_the_order_of_keys_alone():
    assert provenance.digest({"a": 1, "b": [1, 2]}) == provenance.digest({"b": [1, 2], "a": 1})
    assert provenance.digest([1, 2]) != provenance.digest([2, 1])


def test_atomic_writing_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "a" / "file"
    provenance.write_atomic(path, b"old")
    with pytest.raises(TypeError):
        provenance.write_atomic(path, "no bytes")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_environment_is_json_and_names_torch():
    assert json.loads(json.dumps(provenance.environment()))["torch"]


def test_commit_outside_git_is_none(tmp_path):
    assert provenance.commit(tmp_path) is None
