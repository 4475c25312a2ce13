"""Names of sets and files: whatever is not refused in one sentence is quoted wherever a shell sees it."""

import re
import shlex

import pytest
from conftest import ROOT, Project, copy_project

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


@pytest.mark.parametrize("name", ["a; touch pwned", "tiny && touch pwned", "a'b"])
def test_snakemake_refuses_names_in_one_sentence(project, name):
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
