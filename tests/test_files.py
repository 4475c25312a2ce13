import errno
import json
import os

import pytest

from almostnothing import files, sealed
from almostnothing.environment import commit, environment
from almostnothing.errors import CannotWrite
from almostnothing.files import digest, sweep, temporary, write_atomic, write_folder


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


def test_what_counts_is_on_the_disk(tmp_path, monkeypatch):
    """A file's content before its name, its name before the call returns; a folder's files likewise."""
    done, fsync, replace, rename = [], os.fsync, type(tmp_path).replace, type(tmp_path).rename

    def synced(opened):
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{opened}") else "file")
        fsync(opened)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(type(tmp_path), "replace", lambda *given: (done.append("named"), replace(*given))[1])
    monkeypatch.setattr(type(tmp_path), "rename", lambda *given: (done.append("named"), rename(*given))[1])
    write_atomic(tmp_path / "a", b"x")
    assert done == ["file", "named", "folder"]
    done.clear()
    write_folder(tmp_path / "b", {"c": b"x", "d": b"y"})
    assert done == ["file", "file", "folder", "named", "folder"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()} == {"c": b"x", "d": b"y"}


def test_a_full_disk_is_a_sentence_with_the_path_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    def full(path, content):
        path.write_bytes(content[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_atomic(tmp_path / "there", b"old")
    monkeypatch.setattr(files, "_flushed", full)
    for write in (lambda path: write_atomic(path, b"new"), lambda path: write_folder(path, {"a": b"new"})):
        with pytest.raises(CannotWrite, match=f"{tmp_path}/there cannot be written .No space left on device."):
            write(tmp_path / "there")
    sealed.keep(tmp_path / "checkpoint", b"new")
    assert f"no checkpoint: {tmp_path}/checkpoint cannot be written (No space" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_bytes() == b"old"


def test_what_is_sealed_is_read_as_it_was_written_or_dropped(tmp_path, capsys):
    path = tmp_path / "file"
    assert sealed.read(path) is None
    sealed.write(path, b"content")
    assert sealed.read(path) == b"content"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert sealed.read(path) is None
        path.write_bytes(whole[:at])
        assert sealed.read(path) is None
        said = capsys.readouterr().err
        assert said.count(f"{path} is damaged (its checksum is not that of its content): it is dropped") == 2
    assert not path.exists()


def test_what_a_process_that_is_gone_left_half_made_is_swept(tmp_path):
    """Not that of a living one, nor that of another machine."""
    mine = temporary(tmp_path / "file.json")
    gone = mine.with_name(mine.name.replace(str(os.getpid()), "999999999"))
    elsewhere = mine.with_name(gone.name.replace(files.host(), "elsewhere"))
    for path in (mine, gone, elsewhere):
        path.mkdir()
        (path / "inside").write_text("x")
    (tmp_path / ".hidden").touch()
    sweep([tmp_path, tmp_path / "absent"])
    assert {path.name for path in tmp_path.iterdir()} == {mine.name, elsewhere.name, ".hidden"}
