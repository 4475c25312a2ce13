"""What is published under figures/, whether it is still fresh, and how a notebook becomes a figure.

A figure is fresh while the digest in its `.json` is the digest of what it depends on now: modification times, which git
does not keep, do not enter.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from almostnothing import params, provenance, store, sweeps
from almostnothing.cells import Cell
from almostnothing.data import CATALOGUE, Source
from almostnothing.errors import UserError

FIGURES, NOTEBOOKS = Path("figures"), Path("notebooks")
KEYS, SCRATCH = Path("results/keys"), Path("results/figures")
SETS = ("quick", "paper", "full")  # the project's own parameter sets
IMAGES = ("svg", "pdf", "png")
FILES = (*IMAGES, "csv", "json", "ipynb")
GALLERY = re.compile(r"(?<=<!-- gallery -->\n).*?(?=<!-- end of gallery -->)", re.DOTALL)

# What a rerun on another machine may differ by (two processors may round differently, and training amplifies it).
ROW_TOLERANCE = 0.1  # of a single accuracy
MEAN_TOLERANCE = 0.01  # of the mean over seeds
NUMBER_TOLERANCE = 1e-3  # of a number that no training stands behind


@dataclass(frozen=True)
class Figure:
    """One notebook with one parameter file; paths are relative to the project's folder."""

    name: str
    parameter_set: str

    @property
    def parameter_file(self) -> Path:
        """Where its parameters are."""
        return params.FOLDER / self.parameter_set / f"{self.name}.yaml"

    @cached_property
    def parameters(self) -> params.Notebook:
        """Its validated parameters."""
        return params.load(self.parameter_file)

    def file(self, suffix: str) -> Path:
        """A published file of the figure."""
        return FIGURES / self.parameter_set / f"{self.name}.{suffix}"

    def key(self, part: str) -> Path:
        """The file whose modification time tells Snakemake whether `part` must be made anew."""
        return KEYS / self.parameter_set / f"{self.name}.{part}"

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells of its table; none where the notebook trains nothing."""
        sweep = self.parameters.sweep
        return sweeps.cells_of(sweep, self.folder, self.sources) if sweep else []

    @property
    def folder(self) -> Path:
        """Where its data files are, or will be."""
        return self.parameters.folder()

    @cached_property
    def sources(self) -> list[Source]:
        """The data sets that it needs; where a user's files are not at hand, as its published record has them.

        Raises `UserError` if the parameters ask for what a data set does not have.
        """
        known = [Source.from_record(record) for record in self.published.get("sources", [])]
        try:
            return self.parameters.sources(self.folder, known)
        except UserError as error:
            raise UserError(f"{self.parameter_file}: {error}") from error

    @cached_property
    def shards(self) -> list[sweeps.Shard]:
        """The jobs that train its cells."""
        return sweeps.plan(self.cells)

    @cached_property
    def wanted(self) -> dict[str, str]:
        """Digests of what the table and the figure depend on now."""
        source = (NOTEBOOKS / f"{self.name}.py").read_text()
        table = store.table_digest(self.cells)
        if self.parameters.table_from != "store":
            sources = [asdict(source) for source in self.sources]
            code = provenance.module_digest(self.parameters.table_from)
            asked = {name: value for name, value in self.parameters.content().items() if name != "thresholds"}
            table = provenance.digest([table, code, asked, sources] if self.cells else [code, asked, sources])
        parts = [provenance.code_digest(source), prose(source), self.parameters.content(), table]
        return {"table": table, "figure": provenance.digest(parts)}

    @cached_property
    def published(self) -> dict[str, Any]:
        """The content of the published `.json`; empty where there is none."""
        try:
            return dict(json.loads(self.file("json").read_text()))
        except (OSError, ValueError):
            return {}

    def stale(self, part: str) -> bool:
        """Whether the published table or figure belongs to other code or parameters, was changed, or is not there."""
        if self.published.get("digest", {}).get(part) != self.wanted[part]:
            return True
        table = self.file("csv")
        recorded = self.published.get("table", {}).get("sha256")
        return part == "table" and table.is_file() and provenance.file_digest(table) != recorded

    def lacks_logits(self) -> bool:
        """Whether logits are asked for that are not in the store."""
        keep = store.Store(store.STORE)
        return self.parameters.compute.keep_logits and not all(map(keep.has_logits, self.cells))


def memory(shard: sweeps.Shard) -> int:
    """Bytes that a training job may take at most, for a cluster's scheduler: a third more than is planned."""
    return sweeps.job_bytes(shard, compiled=True) * 4 // 3


def slug(name: str) -> str:
    """A data set's name as a file may be called."""
    known = name in CATALOGUE
    return name if known else f"{name.partition(':')[0]}-{provenance.digest(name)}"


def prose(source: str) -> list[str]:
    """The markdown cells of a py:percent notebook: they show on the page, so they count as its content."""
    cells = re.split(r"^# %%", source, flags=re.MULTILINE)
    return [cell.strip() for cell in cells if cell.startswith(" [markdown]")]


def figures_of(parameter_set: str) -> list[Figure]:
    """The figures of a parameter set, all of them checked.

    Raises `UserError` for any mistake in the set, or where the results cannot be written.
    """
    figures = [Figure(path.stem, parameter_set) for path in params.parameter_files(params.FOLDER / parameter_set)]
    for figure in figures:
        if figure.parameters.compute.device == "cuda":
            from almostnothing.training import device_for

            try:
                device_for("cuda")
            except UserError as error:
                raise UserError(f"{figure.parameter_file}: {error}") from error
        _ = figure.sources
    for folder in (FIGURES / parameter_set, KEYS / parameter_set):
        check_writable(folder)
    return figures


def check_writable(folder: Path) -> None:
    """Raise `UserError` unless files can be made in `folder`; make it if it does not exist."""
    probe = folder / f".writable.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): free it or change its permissions") from error


def set_times(figure: Figure) -> None:
    """Make modification times, by which Snakemake goes, say what the digests say.

    A key file is as old as can be where its part is fresh, and new where it must be made again. The time stands in a
    stale key because Snakemake takes a newer file of equal content for unchanged. A fresh table is
    not newer than its figure, in whatever order git has written them.
    """
    for part, digest in figure.wanted.items():
        key = figure.key(part)
        if figure.stale(part) or (part == "table" and figure.lacks_logits()):
            provenance.write_atomic(key, f"{digest} {time.time_ns()}\n".encode())
        else:
            provenance.write_atomic(key, f"{digest}\n".encode())
            os.utime(key, (0, 0))
    files = [figure.file(suffix) for suffix in FILES]
    if not figure.stale("table") and all(file.is_file() for file in files):
        oldest = min(file.stat().st_mtime_ns for file in files)
        os.utime(figure.file("csv"), ns=(oldest, oldest))


def publish_table(figure: Figure) -> None:
    """Collect the figure's table from the store of trained cells, or let the notebook's own module make it.

    That measures the trained networks, if there are any.
    """
    keep, maker = store.Store(store.STORE), figure.parameters.table_from
    if figure.cells:
        import torch

        torch.set_num_threads(1)  # as in training: the same bits wherever the job runs
    if maker == "store":
        table = store.collect(figure.cells, keep)
    else:
        module = importlib.import_module(f"almostnothing.{maker}")
        trained = [figure.cells, keep] if figure.cells else []
        table = module.table(figure.parameters, figure.folder, *trained)
    provenance.write_atomic(figure.file("csv"), table.to_csv(index=False).encode())


def publish_figure(figure: Figure) -> None:
    """Execute the notebook and publish its files; the `.json` comes last, so a figure half published is stale."""
    import jupytext
    import nbformat
    import papermill
    from traitlets.config import Config

    wanted = figure.wanted
    scratch = SCRATCH / figure.parameter_set
    scratch.mkdir(parents=True, exist_ok=True)
    source, executed = scratch / f".{figure.name}.ipynb", scratch / f"{figure.name}.ipynb"
    unexecuted = jupytext.read(NOTEBOOKS / f"{figure.name}.py")
    nbformat.write(unexecuted, source)
    # neither TCP ports nor the default name of socket files, for which parallel kernels would race
    sockets = str(scratch / f".{figure.name}-{os.getpid()}")
    given = {**figure.parameters.content(), "parameter_set": figure.parameter_set, "output": str(scratch)}
    cell = next(cell for cell in unexecuted.cells if "parameters" in cell.metadata.get("tags", []))
    taken = re.findall(r"^(\w+)", cell.source, re.MULTILINE)
    try:
        papermill.execute_notebook(
            source,
            executed,
            parameters={name: value for name, value in given.items() if name in taken},
            kernel_name="python3",
            cwd=".",
            progress_bar=False,
            config=Config({"KernelManager": {"transport": "ipc", "ip": sockets}}),
        )
    except papermill.PapermillExecutionError as error:
        if error.ename == UserError.__name__:
            raise UserError(f"{figure.name}: {error.evalue}") from error
        raise
    if Figure(figure.name, figure.parameter_set).wanted != wanted:
        raise UserError(f"{figure.name}: its notebook or parameters were edited while it ran: run it again")
    notebook = nbformat.read(executed, as_version=4)
    provenance.write_atomic(figure.file("ipynb"), nbformat.writes(normalised(notebook)).encode())
    for suffix in IMAGES:
        shutil.copyfile(scratch / f"{figure.name}.{suffix}", figure.file(suffix))
    table = pd.read_csv(figure.file("csv"))
    content = {
        "figure": figure.name,
        "set": figure.parameter_set,
        **json.loads((scratch / f"{figure.name}.json").read_text()),
        "parameters": figure.parameters.content(),
        "digest": wanted,
        "table": {
            "sha256": provenance.file_digest(figure.file("csv")),
            "rows": len(table),
            **({"seeds": sorted(map(int, table["seed"].unique()))} if "seed" in table else {}),
            **({"devices": sorted(table["device"].unique())} if "device" in table else {}),
        },
        "sources": [asdict(source) for source in figure.sources],
        "environment": provenance.environment(),
        "commit": provenance.commit(Path()),
    }
    provenance.write_atomic(figure.file("json"), (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def normalised(notebook: Any) -> Any:
    """An executed notebook without what differs from run to run: times, random cell ids, the runner's notes."""
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    return notebook


def title(name: str) -> str:
    """A notebook's title: its first heading."""
    found = re.search(r"^# # (.+)$", (NOTEBOOKS / f"{name}.py").read_text(), re.MULTILINE)
    return found.group(1) if found else name


def escaped(text: str) -> str:
    """A text as it must stand in a cell of a markdown table."""
    return text.replace("|", "\\|")


def gallery() -> str:
    """The README's gallery as markdown: each published figure of the project's own sets, with claims and verdicts."""
    from almostnothing.claims import estimate_text, threshold_text

    parts = []
    sets = [name for name in SETS if (FIGURES / name).is_dir()]
    for figure in sorted(
        (f for name in sets for f in figures_of(name)), key=lambda f: (f.name, SETS.index(f.parameter_set))
    ):
        if not figure.published:
            continue
        stale = " (stale: run `make`)" if figure.stale("figure") else ""
        page = f"[notebook]({figure.file('ipynb')}), [data]({figure.file('csv')}), [provenance]({figure.file('json')})"
        heading = f"{title(figure.name)}: `{figure.parameter_set}`{stale}"
        parts.append(f"\n### {heading}\n\n![{title(figure.name)}]({figure.file('png')})\n\n{page}\n")
        parts.append("| claim | estimate [95 %] | threshold | n | verdict |\n|---|---|---|---|---|")
        parts += [
            f"| {escaped(c['statement'])} | {estimate_text(c)} | {threshold_text(c)} "
            f"| {c['n']} {c['n_of']} | **{c['verdict']}** |"
            for c in figure.published["claims"]
        ]
        parts.append("")
    return "\n".join(parts) + "\n"


def with_gallery(readme: str) -> str:
    """The README's text with its gallery made anew."""
    text = gallery()
    return GALLERY.sub(lambda _: text, readme)


def differences(published: Path, again: Path) -> list[str]:
    """How a rerun differs from what is published beyond the stated tolerance: one sentence each; empty if it agrees.

    Tables of trained cells: the same rows; each accuracy within `ROW_TOLERANCE`, each mean over seeds within
    `MEAN_TOLERANCE`. Measures of trained networks: the same rows; means over seeds and images within `ROW_TOLERANCE` of
    their column's standard deviation. Other tables: the same words; numbers within `NUMBER_TOLERANCE`. Claims: the
    estimate within the published interval, and the same verdict unless an interval's end is as near to the threshold
    as the two estimates are to each other.
    """
    paths = sorted(published.glob("*.json"))
    if not paths:
        raise UserError(f"{published} holds no published figure")
    found = []
    for path in paths:
        other = again / path.name
        if not other.is_file():
            found.append(f"{other} is missing")
            continue
        old, new = (pd.read_csv(p.with_suffix(".csv")) for p in (path, other))
        found += [f"{other.with_suffix('.csv')} {words}" for words in _table_differences(old, new)]
        claims, again_claims = ({c["id"]: c for c in json.loads(p.read_text())["claims"]} for p in (path, other))
        if claims.keys() != again_claims.keys():
            found.append(f"{other} makes other claims than {path}")
            continue
        pairs = [(claims[name], again_claims[name]) for name in claims]
        found += [sentence for a, b in pairs if (sentence := _claim_difference(path.stem, a, b))]
    return found


def _table_differences(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """How two tables differ beyond tolerance, each as words that follow the file's name."""
    axes = [*store.AXES, "test"]
    if "diverged" in old:
        same = [*axes, "images", "diverged"]
    else:
        words = [name for name in old.select_dtypes(exclude="number") if name != "cell"]
        same = [str(name) for name in old if name in (*words, *axes, "test_strength", "image")]
    if list(old) != list(new) or not old[same].equals(new[same]):
        return ["has other rows than what is published"]
    if "diverged" in old:
        return _accuracy_differences(old, new, [column for column in axes if column != "seed"])
    numbers = [str(name) for name in old if name not in (*same, "cell")]
    if not np.array_equal(np.isfinite(old[numbers]), np.isfinite(new[numbers])):
        return ["lacks numbers that are published, or the other way round"]
    if "seed" in old:  # measures of trained networks
        by = [name for name in same if name not in ("seed", "image")]
        finite = [t.replace([np.inf, -np.inf], np.nan) for t in (old, new)]
        before, after = (t.groupby(by, dropna=False)[numbers].mean() for t in finite)
        room = ROW_TOLERANCE * finite[0][numbers].std()
        far = [name for name in numbers if (after[name] - before[name]).abs().max() > room[name]]
    else:
        close = {name: (old[name], new[name], NUMBER_TOLERANCE, NUMBER_TOLERANCE) for name in numbers}
        far = [name for name, pair in close.items() if not np.allclose(*pair, equal_nan=True)]
    return [f"differs in the column {name}" for name in far]


def _accuracy_differences(old: pd.DataFrame, new: pd.DataFrame, over_seeds: list[str]) -> list[str]:
    """How the accuracies of trained cells differ beyond tolerance; means are over all but the columns `over_seeds`."""
    found = []
    change = (new["accuracy"] - old["accuracy"]).abs().max()
    if change > ROW_TOLERANCE:
        found.append(f"has an accuracy that differs by {change:.3f} > {ROW_TOLERANCE}")
    before, after = (t.groupby(over_seeds, dropna=False)["accuracy"].mean() for t in (old, new))
    drift = (after - before).abs().max()
    if drift > MEAN_TOLERANCE:
        found.append(f"has a mean accuracy that differs by {drift:.3f} > {MEAN_TOLERANCE}")
    return found


def _claim_difference(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """How two versions of a claim differ beyond tolerance, or an empty string."""
    where = f"{name}, claim {old['id']}"
    if old["estimate"] is None or new["estimate"] is None:
        return "" if old["estimate"] == new["estimate"] else f"{where}: one estimate is missing"
    if old["low"] is not None and not old["low"] <= new["estimate"] <= old["high"]:
        return f"{where}: estimate {new['estimate']:.4g} lies outside [{old['low']:.4g}, {old['high']:.4g}]"
    change = abs(new["estimate"] - old["estimate"])
    room = min(abs(old[end] - old["threshold"]) for end in ("low", "high")) if old["low"] is not None else 0
    if old["verdict"] != new["verdict"] and room > 2 * change:
        return f"{where}: {new['verdict']} instead of {old['verdict']}"
    return ""
