"""What is recorded of the commit that made a result."""

import shutil
import subprocess
from pathlib import Path

import pytest

from almostnothing import environment


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    run = subprocess.run(["git", "-C", str(folder), *names, *words], capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of a file `src`."""
    git(tmp_path, "init", "-q", "top")
    (tmp_path / "top/src").write_text("1")
    git(tmp_path / "top", "add", ".")
    git(tmp_path / "top", "commit", "-qm", "first")
    return tmp_path / "top"


def test_the_commit_and_whether_anything_differs(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert environment.commit(repository) == {"id": head, "modified": False}
    (repository / "src").write_text("2")
    assert environment.commit(repository) == {"id": head, "modified": True}


def test_another_project_s_commit_is_not_ours(repository, monkeypatch, capsys):
    inside = repository / "unpacked"
    inside.mkdir()
    (inside / "src").write_text("1")
    assert environment.commit(inside) is None
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))  # as in a hook
    monkeypatch.setenv("GIT_WORK_TREE", str(inside))
    assert environment.commit(inside) is None
    assert capsys.readouterr().err == ""


def test_no_repository_is_no_commit(tmp_path, monkeypatch, capsys):
    assert environment.commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.commit(tmp_path) is None
    assert capsys.readouterr().err == ""


def test_a_refusal_of_git_is_said(repository, monkeypatch, capsys, tmp_path):
    real = shutil.which("git")
    (tmp_path / "git").write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environment.commit(repository) is None
    said = capsys.readouterr().err
    assert "dubious ownership" in said
    assert said.count("\n") == 1


def test_a_repository_without_a_commit_is_said(tmp_path, capsys):
    git(tmp_path, "init", "-q")
    assert environment.commit(tmp_path) is None
    assert "so none is recorded" in capsys.readouterr().err
