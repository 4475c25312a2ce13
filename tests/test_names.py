"""Names of sets and files: whatever is not refused in one sentence is quoted wherever a shell sees it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Project, copy_project

from almostnothing.__main__ import main
from almostnothing.errors import UserError
from almostnothing.parameters.files import parameter_files
from almostnothing.parameters.names import check_name, set_name


@pytest.mark.parametrize("name", ["quick", "2024", "a-b_c.d", "1.0", "true", "Probe", "modèle", "_mine"])
def test_names_that_stay_as_they_are(name):
    assert set_name(name) == name


@pytest.mark.parametrize(
    "name", ["a b", "a;b", "a&b", "a'b", 'a"b', "$(a)", "`a`", "a|b", "a*", "a/b", "..", "-x", ".x", "", "a\nb", "{a}"]
)
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="holds other signs than letters, digits, '_', '.' and '-'") as caught:
        set_name(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["007", "1e3", "1.10", "1_000", "+1"[1:] + ".", "0.50"])
def test_names_that_snakemake_makes_numbers_of_are_refused(name):
    with pytest.raises(UserError, match=f"'{re.escape(name)}' is a number to Snakemake, .*: rename its folder"):
        set_name(name)


def test_files_of_a_set(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "01_knee.yaml").touch()
    (folder / "._01_knee.yaml").touch()
    (folder / ".#01_knee.yaml").symlink_to("nobody@nowhere")
    assert parameter_files(folder) == [folder / "01_knee.yaml"]
    (folder / "01_knee (copy).yaml").touch()
    with pytest.raises(UserError, match=r"the name of a file in .*mine, '01_knee \(copy\)', holds other signs"):
        parameter_files(folder)
    assert check_name("01_knee", "file") == "01_knee"


def test_every_word_of_a_shell_command_is_quoted():
    commands = re.findall(r'shell:\n\s+(f?)"([^"]+)"', (ROOT / "Snakefile").read_text())
    assert len(commands) == 5
    for made_at_once, command in commands:
        assert not made_at_once
        assert re.findall(r"{[^}]*}", command) == re.findall(r"{[^}]*:q}", command)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("name", ["a; touch pwned", "tiny && touch pwned", "a'b", "a$(touch pwned)", "../../outside"])
def test_snakemake_refuses_names_in_one_sentence(project, name):
    if "/" not in name:
        (project.root / "params" / name).mkdir()
    done = project.run("snakemake", "-n", "--config", f"params={name}", check=False)
    assert done.returncode == 1
    assert "holds other signs than letters" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (project.root / "pwned").exists()


def test_a_folder_of_any_name_is_one_word_to_the_shell(project):
    into = "o'; touch pwned; & $(touch pwned)"
    done = project.run("snakemake", "-n", "-p", "--quiet", "host", "--config", "params=tiny", f"into={into}")
    words = [
        shlex.split(line.partition(": ")[2])
        for line in (done.stdout + done.stderr).splitlines()
        if line.startswith("Shell command: python")
    ]
    logs = f"results/logs/{into}/tiny/01_knee"
    train, table, figure = sorted(words, key=lambda command: ["train", "table", "figure"].index(command[3]))
    assert train[4:6] == ["params/tiny/01_knee.yaml", "--shard"]
    for verb, command in (("table", table), ("figure", figure)):
        assert command[3:7] == [verb, "params/tiny/01_knee.yaml", "--into", into]
        assert command[7:] == ["2>&1", "|", "tee", f"{logs}.{verb}.log"]


HOSTILE = ["a$(touch pwned)", "a`touch pwned`", "a; touch pwned", "../../outside"]
SET_VERBS = [["reproduce"], ["publish"], ["certify", "--why", "x"], ["status"], ["verify"], ["lock"], ["health"]]
FILE_VERBS = ["plan", "fetch", "train", "table", "figure"]


@pytest.fixture
def surrounded(tmp_path, monkeypatch) -> Path:
    """A project of links whose folders have all these names, with a folder `../../outside`; the working folder."""
    root = tmp_path / "deep/project"
    (root / "params").mkdir(parents=True)
    for name in ("notebooks", "figures"):
        (root / name).symlink_to(ROOT / name)
    for name in HOSTILE:
        folder = root / "params" / name
        folder.resolve().mkdir()
        shutil.copy(ROOT / "params/quick/02_margin.yaml", folder)
    monkeypatch.chdir(root)
    return root


def everything(root: Path) -> list[Path]:
    return sorted(path for path in root.parent.parent.rglob("*") if "figures" not in path.parts)


@pytest.mark.parametrize("name", HOSTILE)
def test_every_verb_refuses_names_in_one_sentence_and_writes_nothing(surrounded, name, monkeypatch, capsys):
    before = everything(surrounded)
    words = [[verb, name, *more] for verb, *more in SET_VERBS]
    words += [[verb, f"params/{name}/02_margin.yaml"] for verb in FILE_VERBS]
    for line in words:
        monkeypatch.setattr(sys, "argv", ["almostnothing", *line])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2, line
        assert said.startswith("almostnothing: "), line
        assert said.count("\n") == 1, line
    assert everything(surrounded) == before


@pytest.mark.parametrize("target", ["reproduce", "figures", "publish"])
@pytest.mark.parametrize("name", ["a$$(touch pwned)", "a`touch pwned`", "../../outside"])
def test_make_hands_names_on_as_one_word(surrounded, name, target):
    shutil.copy(ROOT / "Makefile", surrounded)
    (surrounded / "bootstrap.sh").write_text("#!/bin/sh\n")  # set up already
    (surrounded / "bootstrap.sh").chmod(0o755)
    for part in ("Snakefile", "profiles"):
        (surrounded / part).symlink_to(ROOT / part)
    before = everything(surrounded)
    own = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["make", target, f"SET={name}"], env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{name.replace('$$', '$')!r}, holds other signs than letters" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [path for path in everything(surrounded) if ".snakemake" not in path.parts] == before
