"""From a page to its files: its table, measured; its notebook, executed; its record, which comes last."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from almostnothing import environment, keys, locks, pages, records, sealed, sweeps, tables
from almostnothing.errors import CannotWrite, UserError
from almostnothing.files import digest, file_digest, remove, temporary, write_atomic
from almostnothing.freshness import CONTENT, IMAGES, Page, notebook_content
from almostnothing.parameters.names import set_name
from almostnothing.store import STORE, Store

SCRATCH = Path("results/figures")
SETTINGS = Path("results/settings")  # of the programs that make a page: none but what they bring
UNUSED_ID = re.compile(r' id="T_\w*"')  # what pandas calls a table and its cells, at random, for styles that none has
UNSET = ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "PYTHONSTARTUP", "PYTHONWARNINGS", "MPLBACKEND", "COLUMNS", "LINES")


def make_table(page: Page) -> None:
    """Collect the page's table from the store of trained cells, or let the page measure it.

    Networks that are damaged or lost since they were trained are trained again first.
    """
    started = time.perf_counter()
    store, entry = Store(STORE), keys.table_entry(pages.page_of(page.name))
    if page.cells:
        import torch

        torch.set_num_threads(1)  # as in training: the same bits wherever the job runs
        measured = entry != keys.COLLECTED
        lost = {cell for cell in page.cells if not store.sound(cell, weights=measured)}
        for shard in page.shards:
            if lost.intersection(shard.cells):
                title = f"{page.name}, again (width {shard.cells[0].width})"
                sweeps.train(shard, store, page.parameters.compute, title, page.folder)
    digits = tables.DIGITS
    if entry == keys.COLLECTED:
        collected = tables.collect(page.cells, store).drop(columns=tables.UNPUBLISHED)
        table, digits = tables.beside(collected), tables.COUNTED_DIGITS
    else:
        from almostnothing import devices

        module = importlib.import_module(entry.rpartition(".")[0])
        trained = [page.cells, store] if page.cells else []
        with devices.arithmetic(page.parameters.compute.portable):
            table = module.table(page.parameters, page.folder, *trained)
        digits = getattr(module, "DIGITS", digits)
    content = tables.written(table, digits).encode()
    took = {"sha256": sealed.checksum(content), **environment.spent(started)}
    sealed.write(_making(page), json.dumps(took).encode())
    write_atomic(page.file("csv"), content)


def _making(page: Page) -> Path:
    """The file that says what was measured here as a page's table: its checksum, and what it took."""
    return SCRATCH / page.into.relative_to(page.into.anchor) / page.parameter_set / f"{page.name}.sealed"


def check_table(page: Page) -> None:
    """Raise `UserError` where a page's table is not as it was made; it is dropped.

    A table whose figure is drawn again is the one that its record names.
    """
    known, table = sealed.read(_making(page)), page.file("csv")
    if known is not None and table.is_file() and file_digest(table) != json.loads(known)["sha256"]:
        sealed.drop(table, "its checksum is not that of the table that was made")
        raise UserError(f"{table} was damaged and is dropped: run snakemake to make it again")


def _table_spent(page: Page) -> dict[str, Any]:
    """What measuring the page's table took, from its job or from the record of an earlier figure of the same table."""
    own, known = file_digest(page.file("csv")), sealed.read(_making(page))
    if known is not None:
        took = json.loads(known)
        return {"table": took} if took.pop("sha256") == own else {}
    same = page.made.get("table", {}).get("sha256") == own
    return {name: took for name, took in page.made.get("spent", {}).items() if name == "table" and same}


def make_figure(page: Page) -> None:
    """Execute the notebook and write its files; record and checksums come last, so a page half made is stale."""
    # of jsonschema, which nbformat loads, an optional part: it builds a grammar of internationalised addresses, which
    # takes longer than all else that is loaded here
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import nbformat

    started, wanted = time.perf_counter(), dict(page.wanted)
    check_table(page)
    scratch = SCRATCH / page.into.relative_to(page.into.anchor) / page.parameter_set  # of an absolute folder too
    scratch.mkdir(parents=True, exist_ok=True)
    executed = execute(page, scratch)
    again = Page(page.name, page.parameter_set, page.into)
    if again.wanted != wanted:
        raise UserError(f"{page.name}: its notebook or parameters were edited while it ran: run it again")
    write_atomic(page.file("ipynb"), nbformat.writes(normalised(executed)).encode())
    for suffix in IMAGES:
        write_atomic(page.file(suffix), (scratch / f"{page.name}.{suffix}").read_bytes())
    table = pd.read_csv(page.file("csv"))
    drawn = json.loads((scratch / f"{page.name}.json").read_text())
    for claim in drawn["claims"]:
        claim["lock"] = locks.lock_of(page, claim)
    content = {
        "figure": page.name,
        "set": page.parameter_set,
        "title": title(page),
        **drawn,
        "parameters": page.parameters.content(),
        "digest": wanted,
        "notebook": digest(notebook_content(page.notebook)),
        "definitions": page.definitions(),
        "networks": [{"choices": c, "arrays": arrays, "code": made_by} for c, arrays, made_by in page.networks()],
        "measured_by": page.table_codes(),
        "table": {
            "sha256": file_digest(page.file("csv")),
            "rows": len(table),
            **({"seeds": sorted(map(int, table["seed"].unique()))} if "seed" in table else {}),
            **({"devices": sorted(table["device"].unique())} if "device" in table else {}),
        },
        "sources": [source.published() for source in page.sources],
        "environment": environment.environment(),
        "spent": {**_table_spent(page), "figure": environment.spent(started)},
        "commit": environment.commit(Path()),
    }
    write_atomic(page.file("json"), (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    records.write_sums(page.file("json").parent, page.name, CONTENT)
    remove(_making(page))


def execute(page: Page, scratch: Path) -> Any:
    """The page's notebook, executed with its parameters; its figure's files are left in `scratch`.

    Raises `UserError` where the notebook does, and `CannotWrite` where there is no room for its files.
    """
    runtime = temporary(SETTINGS / "runtime")  # sockets and connection files of this process's kernel
    try:
        with own_settings():
            runtime.mkdir(parents=True, exist_ok=True)
            os.environ["JUPYTER_RUNTIME_DIR"] = str(runtime.resolve())
            return _executed(page, scratch, runtime)
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(f"{page.name}: {error.filename or scratch} cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            remove(runtime)


def _executed(page: Page, scratch: Path, runtime: Path) -> Any:
    import jupytext
    import nbformat
    import papermill
    from traitlets.config import Config

    source, executed = scratch / f".{page.name}.ipynb", scratch / f"{page.name}.ipynb"
    unexecuted = jupytext.read(page.notebook)
    nbformat.write(unexecuted, source)
    # neither TCP ports nor the default name of socket files, for which parallel kernels would race
    sockets = str(runtime / "kernel")
    given = {
        **page.parameters.content(),
        "parameter_set": page.parameter_set,
        "file": page.name,
        "folder": str(page.into),
        "output": str(scratch),
    }
    cell = next(cell for cell in unexecuted.cells if "parameters" in cell.metadata.get("tags", []))
    taken = re.findall(r"^(\w+)", cell.source, re.MULTILINE)
    try:
        papermill.execute_notebook(
            source,
            executed,
            parameters={name: value for name, value in given.items() if name in taken},
            kernel_name="python3",
            language="python",
            cwd=".",
            progress_bar=False,
            config=Config({"KernelManager": {"transport": "ipc", "ip": sockets}}),
        )
    except papermill.PapermillExecutionError as error:
        if error.ename in (UserError.__name__, CannotWrite.__name__):
            raise UserError(f"{page.name}: {error.evalue}") from error
        if error.ename == OSError.__name__:
            raise CannotWrite(f"{page.name}: {error.evalue}, while its notebook wrote into {scratch}") from error
        raise
    return nbformat.read(executed, as_version=4)


@contextmanager
def own_settings() -> Iterator[None]:
    """An environment in which the settings of a user's Matplotlib, IPython and Jupyter reach neither page nor picture.

    Raises `UserError` for a matplotlibrc in the working folder, which Matplotlib would read before all others.
    """
    if Path("matplotlibrc").exists():
        raise UserError(
            f"{Path('matplotlibrc').resolve()} would change the figures of every page, unknown to their digests: "
            "move it elsewhere"
        )
    there, drawing = SETTINGS.resolve(), importlib.util.find_spec("matplotlib")
    assert drawing is not None
    assert drawing.origin is not None  # found, not imported, which would read the user's settings
    for folder in ("matplotlib", "ipython", "jupyter"):
        (there / folder).mkdir(parents=True, exist_ok=True)
    before = dict(os.environ)
    os.environ |= {
        "MATPLOTLIBRC": str(Path(drawing.origin).parent / "mpl-data/matplotlibrc"),
        "MPLCONFIGDIR": str(there / "matplotlib"),
        "IPYTHONDIR": str(there / "ipython"),
        "JUPYTER_CONFIG_DIR": str(there / "jupyter"),
        "JUPYTER_DATA_DIR": str(there / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment, not that of the system
    }
    for name in UNSET:
        os.environ.pop(name, None)
    try:
        Path.home()
    except RuntimeError:  # Jupyter does not do without one
        os.environ |= {"HOME": str(there), "XDG_CACHE_HOME": str(Path("results/cache").resolve())}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def title(page: Page) -> str:
    """A page's title: the first heading of its notebook, and what its file's name adds to the notebook's."""
    found = re.search(r"^# # (.+)$", page.notebook.read_text(), re.MULTILINE)
    more = page.name.removeprefix(page.notebook.stem).strip("_").replace("_", " ")
    return (found.group(1) if found else page.name) + (f" ({more})" if more else "")


def normalised(notebook: Any) -> Any:
    """An executed notebook without what differs from run to run (times, random ids), its pictures made smaller.

    What is shown as HTML is left out as plain text, and its lines are not indented: together these can outweigh all
    pictures.
    """
    from almostnothing import pictures

    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-input"]  # folded as all code is
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                png = pictures.smaller(base64.b64decode(data["image/png"]))
                data["image/png"] = base64.b64encode(png).decode()
            if "text/html" in data:
                data.pop("text/plain", None)
                data["text/html"] = re.sub(r"\n\s+", "\n", UNUSED_ID.sub("", data["text/html"]))
    return notebook


def publish(parameter_set: str, cores: str) -> None:
    """Make the published files of a set from a clean commit, then galleries and front page.

    Raises `UserError` where anything that a figure depends on is not committed.
    """
    set_name(parameter_set)
    known = environment.commit(Path())
    if known is None or known["modified"]:
        raise UserError(
            "code, notebooks or parameters differ from the last commit: commit them first, so that every published "
            "number has a commit that makes it"
        )
    run = subprocess.run(["snakemake", "--cores", cores, "--config", f"params={parameter_set}"], check=False)
    if run.returncode:
        raise UserError(
            f"snakemake ended with {run.returncode}: what it made is kept; mend the cause and publish again"
        )
