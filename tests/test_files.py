import json

import pytest

from almostnothing.environment import commit, environment
from almostnothing.files import digest, write_atomic


def test_digest_ignores_the_order_of_keys_alone():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_atomic_writing_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "a" / "file"
    write_atomic(path, b"old")
    with pytest.raises(TypeError):
        write_atomic(path, "no bytes")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_environment_is_json_and_names_torch():
    assert json.loads(json.dumps(environment()))["torch"]


def test_commit_outside_git_is_none(tmp_path):
    assert commit(tmp_path) is None
