"""The DAG makes again exactly what changed: each line of the design's list, on a small copy of the project."""

import inspect
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Project, copy_project
from snakemake.scheduling.job_scheduler import JobScheduler

NOTHING: dict[str, int] = {}
FIGURE = {"figure": 1}
TABLE = {"table": 1, "figure": 1}
TRAINED = {"train": 1} | TABLE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository whose tiny figures have been made and committed."""
    project = copy_project(tmp_path_factory.mktemp("made"))
    project.run("git", "init", "-q")
    project.printed = project.make()
    project.run("git", "add", "-A", ".", ":!results", ":!.snakemake")
    project.run("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "made")
    return project


@pytest.fixture
def clone(made: Project, tmp_path: Path) -> Project:
    """A fresh clone, its modification times at their worst: figures older than all else, their data newer."""
    subprocess.run(["git", "clone", "-q", made.root, tmp_path / "clone"], check=True)
    project = Project(tmp_path / "clone")
    for path in project.root.glob("figures/tiny/*"):
        os.utime(path, (1e9, 1e9))
    os.utime(project.root / "figures/tiny/01_knee.csv", (1.5e9, 1.5e9))
    return project


def test_everything_is_made_and_progress_is_shown(made):
    for suffix in ("svg", "pdf", "png", "csv", "json", "ipynb"):
        assert (made.root / f"figures/tiny/01_knee.{suffix}").stat().st_size > 500
    assert len(pd.read_csv(made.root / "figures/tiny/01_knee.csv")) == 2 * 2 * 5 * 2
    for words in ("steps (100%) done", "20/20 cells", "model-steps/s", "GFLOP/s"):
        assert words in made.printed


def test_nothing_to_do_afterwards_nor_in_a_fresh_clone(made, clone):
    assert made.jobs() == made.snakemake_jobs() == NOTHING
    assert clone.snakemake_jobs() == clone.jobs() == NOTHING


@pytest.mark.parametrize(
    ("path", "old", "new", "jobs"),
    [
        ("params/tiny/01_knee.yaml", "shift: 0.005", "shift: 0.006", FIGURE),
        ("params/tiny/01_knee.yaml", "  - 0.99", "  - 0.99\n  - 0.995", TRAINED),
        ("src/almostnothing/tables.py", "accuracy = math.nan", "accuracy = -math.nan", TRAINED),
    ],
)
def test_snakemake_runs_what_is_planned(clone, path, old, new, jobs):
    clone.edit(path, old, new)
    assert clone.snakemake_jobs() == clone.jobs() == jobs


def test_wording_asks_for_nothing(clone):
    clone.edit("params/tiny/01_knee.yaml", "sweep:", "# a comment\nsweep:")
    clone.edit("src/almostnothing/training.py", "class Bench:", "# the slots\nclass Bench:")
    clone.edit("src/almostnothing/stats/knees.py", '"""Fits of the knee:', '"""Fits:')
    clone.edit("notebooks/01_knee.py", "figures.style()", "figures.style()  # the house style")
    assert clone.jobs() == NOTHING


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("notebooks/01_knee.py", "fig = fig or main", "fig = main if fig is None else fig"),
        ("notebooks/01_knee.py", "# # The knee", "# # A knee"),
        ("src/almostnothing/stats/knees.py", "LEAST_FALL = 0.1 ", "LEAST_FALL = 0.11 "),
        ("src/almostnothing/pages/knee/page.py", "with_verdicts(0.78 * DOUBLE", "with_verdicts(0.79 * DOUBLE"),
        ("src/almostnothing/figures.py", '"lines.linewidth": 1.2', '"lines.linewidth": 1.3'),
        ("params/tiny/01_knee.yaml", "shift: 0.005", "shift: 0.006"),
    ],
)
def test_an_edited_plot_or_threshold_trains_nothing(clone, path, old, new):
    clone.edit(path, old, new)
    assert clone.jobs() == FIGURE


def test_a_module_that_nothing_of_the_figure_imports_asks_for_nothing(clone):
    (clone.root / "src/almostnothing/unused.py").write_text("X = 1\n")
    assert clone.jobs() == NOTHING


def test_a_missing_published_file_is_made_again(clone):
    (clone.root / "figures/tiny/01_knee.pdf").unlink()
    assert clone.jobs() == FIGURE


def test_edits_count_though_outputs_lie_in_the_future(clone):
    """As after a clock that was set back, or on a disk whose server's clock is ahead."""
    for path in clone.root.glob("figures/tiny/*"):
        os.utime(path, (4e9, 4e9))
    assert clone.jobs() == clone.snakemake_jobs() == NOTHING
    clone.edit("params/tiny/01_knee.yaml", "shift: 0.005", "shift: 0.006")
    assert clone.jobs() == clone.snakemake_jobs() == FIGURE
    clone.make()
    assert clone.jobs() == clone.snakemake_jobs() == NOTHING
    os.utime(clone.root / "figures/tiny/01_knee.png", (4e9, 4e9))
    clone.edit("params/tiny/01_knee.yaml", "  - 0.99", "  - 0.99\n  - 0.995")
    assert clone.jobs() == clone.snakemake_jobs() == TRAINED


def test_a_damaged_file_is_told_and_made_again_to_the_last_byte(clone):
    path = clone.root / "figures/tiny/01_knee.ipynb"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert clone.jobs() == clone.snakemake_jobs() == FIGURE
    assert "To be made again: figures/tiny/01_knee.ipynb was changed" in clone.make()
    assert path.read_bytes() == whole
    assert clone.jobs() == NOTHING


def test_a_table_made_again_for_any_reason_draws_its_figure_again(clone):
    assert clone.snakemake_jobs("-R", "table") == TABLE


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("src/almostnothing/data/readers.py", "SEVERITIES = 5", "SEVERITIES = 6"),
        ("src/almostnothing/networks.py", "return torch.sin(x)", "return torch.cos(x)"),
        ("src/almostnothing/corruptions/noises.py", "radius * torch.cos(angle), radius", "radius, radius"),
        ("src/almostnothing/pages/margin/table.py", '"failures": seen["failures"]', '"failures": 0 * seen["failures"]'),
        ("src/almostnothing/planning.py", "RESULTS = Path", "RESULTS: Path = Path"),
    ],
)
def test_what_the_page_does_not_use_may_change(clone, path, old, new):
    clone.edit(path, old, new)
    assert clone.jobs() == NOTHING


def test_a_plan_is_remembered_and_forgotten_with_any_input(clone):
    assert clone.jobs() == NOTHING
    [memory] = clone.root.glob("results/plans/*.sealed")
    before = memory.stat().st_mtime_ns
    assert clone.jobs() == NOTHING
    assert memory.stat().st_mtime_ns == before
    clone.edit("src/almostnothing/optimisers.py", "BETA1, BETA2, EPSILON = 0.9,", "BETA1, BETA2, EPSILON = 0.8,")
    assert clone.jobs() == TRAINED
    clone.edit("src/almostnothing/optimisers.py", "BETA1, BETA2, EPSILON = 0.8,", "BETA1, BETA2, EPSILON = 0.9,")
    assert clone.jobs() == NOTHING
    table = clone.root / "figures/tiny/01_knee.csv"
    table.write_text(table.read_text() + "\n")
    assert clone.jobs() == TRAINED


def test_networks_that_are_in_the_store_start_no_job(made):
    made.edit("src/almostnothing/tables.py", "accuracy = math.nan", "accuracy = -math.nan")
    assert made.jobs() == TABLE
    made.edit("src/almostnothing/tables.py", "accuracy = -math.nan", "accuracy = math.nan")
    assert made.jobs() == NOTHING


def test_status_says_what_is_not_fresh_why_and_what_to_call(clone):
    def status() -> str:
        return clone.run("python", "-m", "almostnothing", "status", "tiny").stdout

    assert status() == "tiny/01_knee: fresh\n"
    clone.edit("params/tiny/01_knee.yaml", "shift: 0.005", "shift: 0.006")
    assert "tiny/01_knee: stale, params/tiny/01_knee.yaml: thresholds changed" in status()
    assert "its figure is drawn again" in status()
    clone.edit("params/tiny/01_knee.yaml", "shift: 0.006", "shift: 0.005")
    clone.edit("src/almostnothing/optimisers.py", "BETA1, BETA2, EPSILON = 0.9,", "BETA1, BETA2, EPSILON = 0.8,")
    assert "stale, code: optimisers.BETA1, optimisers.BETA2, optimisers.EPSILON" in status()
    assert "40 of 40 networks to be trained" in status()
    assert "snakemake --config params=tiny" in status()
    (clone.root / "figures/tiny/01_knee.json").unlink()
    assert "tiny/01_knee: missing, not made yet" in status()


def test_reproducing_writes_nothing_that_git_tracks_and_reports(made):
    words = ("python", "-m", "almostnothing", "reproduce", "tiny", "--cores", "2")
    done = made.run(*words)
    assert "pages 1/1, networks 40/40" in done.stdout
    assert "| 01_knee | yes |" in done.stdout
    report = made.root / "results/reproduced/tiny/report.html"
    for picture in ("01_knee.png", "../../../figures/tiny/01_knee.png"):
        assert f'src="{picture}"' in report.read_text()
        assert (report.parent / picture).is_file()
    changed = made.run("git", "status", "--porcelain", "--", ".", ":!results", ":!.snakemake").stdout
    assert changed == ""
    before = {p: p.stat().st_mtime_ns for p in (made.root / "results/reproduced/tiny").iterdir()}
    again = made.run(*words)
    assert "| 01_knee | yes |" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in (made.root / "results/reproduced/tiny").iterdir()} == before
    table = made.root / "figures/tiny/01_knee.csv"
    content = table.read_text()
    table.write_text(content.replace("digits,", "letters,"))
    (made.root / "results/reproduced/tiny/report.md").unlink()
    failed = made.run(*words, check=False)
    table.write_text(content)
    assert failed.returncode == 2
    assert "| 01_knee | no |" in failed.stdout


def test_publishing_refuses_an_uncommitted_tree(clone):
    words = ("python", "-m", "almostnothing", "publish", "tiny")
    clone.edit("notebooks/01_knee.py", "figures.style()", "figures.style()  # the house style")
    failed = clone.run(*words, check=False)
    assert failed.returncode == 2
    assert "differ from the last commit: commit them first" in failed.stderr


def test_a_new_page_adds_files_and_edits_none(made, tmp_path):
    """A toy page runs through the whole DAG and appears in the gallery and on the scoreboard."""
    root = tmp_path / "toy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns("results", ".snakemake"))
    project = Project(root)
    folder = root / "src/almostnothing/pages/moon"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""The moon."""\n')
    (folder / "parameters.py").write_text(
        "from almostnothing.parameters.fields import Model\n"
        "from almostnothing.parameters.page import Parameters\n\n\n"
        'class MoonThresholds(Model):\n    """What counts."""\n\n    least: float\n\n\n'
        'class Moon(Parameters):\n    """`09_moon`."""\n\n    phases: int\n    thresholds: MoonThresholds\n'
    )
    (folder / "table.py").write_text(
        "import pandas as pd\n\n\n"
        "def table(parameters, folder):\n"
        '    """One row a phase."""\n'
        '    return pd.DataFrame({"phase": range(parameters.phases), "light": range(parameters.phases)})\n'
    )
    (folder / "page.py").write_text(
        "from almostnothing import stats\nfrom almostnothing.claims import Cases, Declaration, judged\n\n\n"
        'TEXTS = {"statement": "there is light", "source": "test", "statistic": "light", "reason": "r"}\n\n\n'
        "def claims(table, limits):\n"
        '    """That there is light."""\n'
        "    cases = Cases()\n"
        '    cases.add("light", {"dataset": "moon"}, stats.mean_interval(table["light"]))\n'
        '    own = {"light": Declaration(threshold="least", primary=True, quote="light", **TEXTS)}\n'
        '    return judged("09_moon", own, cases, limits.model_dump())\n'
    )
    (root / "notebooks/09_moon.py").write_text(
        "# %% [markdown]\n# # The moon\n\n"
        '# %% tags=["parameters"]\nparameter_set = "quick"\nfolder = "figures"\noutput = ""\n\n'
        "# %%\nimport matplotlib.pyplot as plt\n\n"
        "from almostnothing import claims, figures\nfrom almostnothing.files import project\n"
        "from almostnothing.pages.moon import page\nfrom almostnothing.pages.moon.parameters import Moon\n"
        "from almostnothing.parameters.files import with_changes\nfrom almostnothing.tables import read\n\n"
        "root = project()\n"
        'chosen = with_changes(Moon, root / "params" / parameter_set / "09_moon.yaml")\n'
        'table = read(root / folder / parameter_set / "09_moon.csv")\n'
        "fig, ax = plt.subplots()\nax.plot(table.phase, table.light)\n"
        "verdicts = page.claims(table, chosen.thresholds)\n"
        'figures.save(fig, verdicts, "09_moon", output)\nclaims.summary(verdicts)\n'
    )
    (root / "params/tiny/09_moon.yaml").write_text("phases: 8\nthresholds: {least: 1}\n")
    assert project.jobs() == TABLE  # the page that stood before is as it was
    project.make()
    assert project.jobs() == NOTHING
    assert json.loads((root / "figures/tiny/09_moon.json").read_text())["claims"][0]["verdict"] == "supported"
    program = "from almostnothing import gallery; gallery.MAIN = 'tiny'; gallery.write(); print(gallery.scoreboard())"
    printed = project.run("python", "-c", program).stdout
    assert "|[09 moon](figures/tiny/09_moon.ipynb)|light||✓1|" in printed
    assert "## The moon" in (root / "figures/tiny/README.md").read_text()
    untracked = project.run("git", "status", "--porcelain", "--", "src", "notebooks", "params", "Snakefile").stdout
    assert all(line.startswith("??") for line in untracked.splitlines())


def test_a_table_that_was_changed_is_not_fresh(clone):
    file = clone.root / "figures/tiny/01_knee.csv"
    file.write_text(file.read_text() + "\n")
    assert clone.jobs() == TRAINED


def test_logits_that_are_asked_for_are_made(clone):
    clone.edit("params/tiny/01_knee.yaml", "  device: auto", "  device: auto\n  keep_logits: true")
    assert clone.jobs() == TRAINED


def test_edited_training_code_trains_everything(clone):
    clone.edit("src/almostnothing/optimisers.py", "BETA1, BETA2, EPSILON = 0.9,", "BETA1, BETA2, EPSILON = 0.8,")
    assert clone.jobs() == TRAINED


def test_an_edited_plot_is_drawn_again_in_a_fresh_clone(clone):
    clone.edit("src/almostnothing/figures.py", '"lines.linewidth": 1.2', '"lines.linewidth": 1.3')
    before = (clone.root / "figures/tiny/01_knee.csv").read_bytes()
    picture = (clone.root / "figures/tiny/01_knee.png").read_bytes()
    clone.make()
    assert not (clone.root / "results/cells").exists()
    assert (clone.root / "figures/tiny/01_knee.csv").read_bytes() == before
    assert (clone.root / "figures/tiny/01_knee.png").read_bytes() != picture
    assert clone.jobs() == NOTHING


def test_one_more_p_trains_only_its_cells(made):
    cells = {p.parent.name: p.stat().st_mtime_ns for p in made.root.glob("results/cells/*/*/result.json")}
    assert len(cells) == 2 * 2 * 5 * 2
    made.edit("params/tiny/01_knee.yaml", "  - 0.99", "  - 0.99\n  - 0.995")
    assert made.jobs() == TRAINED
    made.make()
    after = {p.parent.name: p.stat().st_mtime_ns for p in made.root.glob("results/cells/*/*/result.json")}
    assert len(after) == 2 * 2 * 6 * 2
    assert cells.items() <= after.items()
    assert made.jobs() == NOTHING
    made.run("git", "checkout", "-q", "--", "figures", "params")
    assert made.jobs() == NOTHING


def test_made_twice_the_files_are_the_same_to_the_last_byte(made):
    def contents() -> dict[str, bytes]:
        found = {p.name: p.read_bytes() for p in (made.root / "figures/tiny").iterdir()}
        record = json.loads(found["01_knee.json"])
        assert record["spent"].pop("table")["memory"] > 2**20
        assert record["spent"].pop("figure")["seconds"] > 0
        sums = [line for line in found["01_knee.sha256"].splitlines() if not line.endswith(b".json")]
        own = {"01_knee.json": json.dumps(record | {"commit": None}).encode()}  # made before it was committed
        return found | own | {"01_knee.sha256": b"".join(sums)}

    before = contents()
    made.run("snakemake", "-R", "figure", "--config", "params=tiny")
    after = contents()
    assert [name for name in before if before[name] != after[name]] == []


def test_a_failing_notebook_loses_nothing_and_is_not_taken_for_done(clone):
    before = {p.name: p.read_bytes() for p in (clone.root / "figures/tiny").iterdir()}
    clone.edit("notebooks/01_knee.py", "figures.style()", "raise RuntimeError('on purpose')")
    failed = clone.run("snakemake", "--config", "params=tiny", check=False)
    assert failed.returncode != 0
    assert "on purpose" in failed.stdout + failed.stderr
    assert {p.name: p.read_bytes() for p in (clone.root / "figures/tiny").iterdir()} == before
    assert clone.jobs() == FIGURE


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  depth: 2", "  depht: 2", "params/tiny/01_knee.yaml: sweep.depht is not a parameter; did you mean depth?"),
        ("  dataset: digits", "  dataset: digit", "params/tiny/01_knee.yaml: no data set is called 'digit'"),
        ("  - 40", "  - 45", "params/tiny/01_knee.yaml: train_size 45 cannot be had from digits"),
        ("  device: auto", "  device: cuda", "this machine has no CUDA device"),
    ],
)
def test_a_mistake_stops_everything_with_one_sentence(clone, old, new, message):
    clone.edit("params/tiny/01_knee.yaml", old, new)
    failed = clone.run("snakemake", "--config", "params=tiny", check=False)
    assert failed.returncode != 0
    assert message in " ".join((failed.stdout + failed.stderr).split())
    assert not (clone.root / ".snakemake/log").exists() or "rule train" not in failed.stderr


def test_an_unknown_set_and_an_unwritable_output_folder(clone):
    failed = clone.run("snakemake", "--config", "params=nope", check=False)
    assert (
        "params/nope does not exist: the parameter sets here are full, imagenet, paper, quick, tiny"
        in failed.stdout + failed.stderr
    )
    blocked = clone.root / "params/blocked"
    (clone.root / "params/tiny").rename(blocked)
    (clone.root / "figures/blocked").write_text("a file where a folder is needed")
    failed = clone.run("snakemake", "--config", "params=blocked", check=False)
    assert "figures/blocked cannot be written" in failed.stdout + failed.stderr
    assert not (clone.root / "results/cells").exists()


def test_verbs_answer_a_mistake_with_one_sentence_and_status_2(clone):
    failed = clone.run("python", "-m", "almostnothing", "plan", "elsewhere/01_knee.yaml", check=False)
    assert failed.returncode == 2
    assert failed.stderr.strip().startswith("almostnothing: elsewhere/01_knee.yaml: a parameter file has a path like")
    planned = clone.run("python", "-m", "almostnothing", "plan", "params/tiny/01_knee.yaml").stdout
    for words in ("40 cells in 2 shards, 40 of them to be trained", "FLOP", "GiB", "minutes of one core"):
        assert words in planned
    assert "no multiples of 16" in planned


def test_compare_accepts_itself_and_names_what_differs(clone, tmp_path):
    folder = clone.root / "figures/tiny"
    subprocess.run(["cp", "-r", folder, tmp_path / "again"], check=True)
    words = ("python", "-m", "almostnothing", "compare", str(folder), str(tmp_path / "again"))
    assert "agrees with" in clone.run(*words).stdout
    table = pd.read_csv(tmp_path / "again/01_knee.csv")
    table["margin_mean_clean"] += 1e-6  # another processor rounds differently
    table.loc[1, "accuracy_clean"] += 0.005
    table.to_csv(tmp_path / "again/01_knee.csv", index=False)
    assert "agrees with" in clone.run(*words).stdout
    table.loc[0, "accuracy_clean"] += 0.2
    table.to_csv(tmp_path / "again/01_knee.csv", index=False)
    record = json.loads((tmp_path / "again/01_knee.json").read_text())
    record["claims"][0]["cases"][0] |= {"estimate": 1e6, "low": None, "high": None}
    (tmp_path / "again/01_knee.json").write_text(json.dumps(record))
    failed = clone.run(*words, check=False)
    assert failed.returncode == 2
    assert "an accuracy that differs by 0.200" in failed.stderr
    (tmp_path / "again/01_knee.json").unlink()
    assert "01_knee.json is missing" in clone.run(*words, check=False).stderr
    assert "holds no published figure" in clone.run(*words[:-2], "figures/tyni", words[-1], check=False).stderr


def test_what_the_snakefile_switches_off_is_there():
    """Snakemake's limit on jobs a second, under this name: else it would be back, and nobody would see it."""
    assert "if self.job_rate_limiter is not None:" in inspect.getsource(JobScheduler.schedule)


def test_the_snakefile_is_clean(made):
    linted = made.run("snakemake", "--lint", "--config", "params=tiny", check=False)
    findings = [line for line in (linted.stdout + linted.stderr).splitlines() if line.strip().startswith("* ")]
    known = ("Specify a conda environment or container",)
    assert [line for line in findings if not line.strip()[2:].startswith(known)] == []


def test_a_users_own_data_go_through_the_whole_dag(made, tmp_path, monkeypatch):
    """Their arrays are keyed by content: moved away nothing is asked for, changed all is trained again."""
    monkeypatch.delenv("ALMOSTNOTHING_DATA", raising=False)  # it would override the file's own folder
    shutil.copytree(made.root, tmp_path / "own", ignore=shutil.ignore_patterns("results", ".snakemake"))
    project = Project(tmp_path / "own")
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    images = (40 * labels[:, None, None] + rng.integers(0, 60, (120, 4, 4))).astype(np.uint8)

    def write() -> None:
        half = {"x_train": images[:60], "y_train": labels[:60], "x_test": images[60:], "y_test": labels[60:]}
        (project.root / "data").mkdir(exist_ok=True)
        np.savez(project.root / "data/mine.npz", **half)

    def jobs() -> dict[str, int]:
        counts = project.jobs()
        counts.pop("fetch", None)
        return counts

    project.edit("params/tiny/01_knee.yaml", "  dataset: digits", "  dataset: npz:mine.npz")
    project.edit("params/tiny/01_knee.yaml", "sweep:", "data_root: data\nsweep:")
    project.edit("params/tiny/01_knee.yaml", "  - 20\n  - 40", "  - 12\n  - 48")
    failed = project.run("snakemake", "-n", "--config", "params=tiny", check=False)
    assert "params/tiny/01_knee.yaml: data/mine.npz does not exist" in failed.stdout + failed.stderr
    write()
    project.make()
    record = json.loads((project.root / "figures/tiny/01_knee.json").read_text())
    assert record["sources"][0]["facts"]["shape"] == [1, 4, 4]
    assert len(record["table"]["sha256"]) == 64
    assert jobs() == NOTHING
    (project.root / "data/mine.npz").rename(project.root / "away.npz")
    assert jobs() == NOTHING
    images[0, 0, 0] ^= 1
    write()
    assert jobs() == TRAINED
