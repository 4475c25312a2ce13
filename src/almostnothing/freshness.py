"""What a page depends on, and whether what is published of it is fresh: digests decide, never modification times."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from almostnothing import code, keys, pages, records, sweeps
from almostnothing.cells import Cell
from almostnothing.data import Source
from almostnothing.errors import UserError
from almostnothing.files import digest, file_digest
from almostnothing.parameters import files
from almostnothing.parameters.page import Parameters
from almostnothing.store import STORE, Store

FIGURES, NOTEBOOKS = Path("figures"), Path("notebooks")
IMAGES = ("svg", "pdf", "png")
CONTENT = (*IMAGES, "csv", "json", "ipynb")
FILES = (*CONTENT, records.SUMS)
SHOWN = 4  # changed definitions that a reason names


@dataclass(frozen=True)
class Page:
    """One notebook with one parameter file, by whose name it goes; paths are relative to the project's folder.

    `into` is the folder of folders of sets that its files are made in: `figures`, or that of a reproduction.
    """

    name: str
    parameter_set: str
    into: Path = FIGURES

    @property
    def parameter_file(self) -> Path:
        """Where its parameters are."""
        return files.FOLDER / self.parameter_set / f"{self.name}.yaml"

    @property
    def notebook(self) -> Path:
        """The edited half of its notebook."""
        return NOTEBOOKS / f"{pages.notebook_of(self.name)}.py"

    @cached_property
    def parameters(self) -> Parameters:
        """Its validated parameters."""
        return files.load(pages.model_of(self.name, str(self.parameter_file)), self.parameter_file)

    def file(self, suffix: str) -> Path:
        """A file that it makes."""
        return self.into / self.parameter_set / f"{self.name}.{suffix}"

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells of its table; none where it trains nothing."""
        sweep = self.parameters.sweep
        return sweep.cells(self.folder, self.sources) if sweep else []

    @property
    def folder(self) -> Path:
        """Where its data files are, or will be."""
        return self.parameters.folder()

    @cached_property
    def sources(self) -> list[Source]:
        """The data sets that it needs; where a user's files are not at hand, as its published record has them.

        Raises `UserError` if the parameters ask for what a data set does not have.
        """
        known = [*self.made.get("sources", []), *record_of(Page(self.name, self.parameter_set)).get("sources", [])]
        try:
            return self.parameters.sources(self.folder, list(map(Source.from_record, known)))
        except UserError as error:
            raise UserError(f"{self.parameter_file}: {error}") from error

    @cached_property
    def shards(self) -> list[sweeps.Shard]:
        """The jobs that train its cells."""
        return sweeps.plan(self.cells)

    @property
    def measured(self) -> dict[str, Any]:
        """What of its parameters its table depends on: all but the thresholds."""
        return {name: value for name, value in self.parameters.content().items() if name != "thresholds"}

    @cached_property
    def wanted(self) -> dict[str, str]:
        """Digests of what the table and the figure depend on now."""
        asked = self.parameters.content()
        table = keys.table_digest(pages.page_of(self.name), self.measured, self.sources, self.cells)
        prose = markdown(self.notebook.read_text())
        return {"table": table, "figure": digest([self._drawn.digest, prose, asked, table])}

    def table_codes(self) -> dict[str, str]:
        """Digests of the code that makes its table: see `keys.table_codes`."""
        return keys.table_codes(pages.page_of(self.name), self._choices, self.sources)

    def networks(self) -> list[tuple[tuple[str, ...], str, str]]:
        """The choices, the digest of the data's arrays and that of the code of its networks, each combination once."""
        found = {(tuple(sorted(c.choices())), c.source.facts.arrays): keys.network_code(c) for c in self.cells}
        return [(choices, arrays, made_by) for (choices, arrays), made_by in sorted(found.items())]

    def definitions(self) -> dict[str, str]:
        """Digests of the single definitions behind its networks, table and figure: they explain what has changed."""
        table = keys.table_closure(pages.page_of(self.name), self._choices)
        found = {**self._drawn.definitions, **table.definitions}
        for choices in sorted({cell.choices() for cell in self.cells}, key=sorted):  # the last one's choices are told
            found.update(keys.network_closure(choices).definitions)
        return dict(sorted(found.items()))

    def whole(self) -> dict[str, str]:
        """Modules of which the page's digests cover every definition, and why."""
        found = [self._drawn, keys.table_closure(pages.page_of(self.name), self._choices)]
        found += [keys.network_closure(choices) for choices in {cell.choices() for cell in self.cells}]
        return {module: why for each in found for module, why in each.whole.items()}

    @cached_property
    def _choices(self) -> frozenset[str]:
        return keys.choices(self.measured, self.cells)

    @cached_property
    def _drawn(self) -> code.Closure:
        return code.source_closure(self.notebook.read_text(), chosen=self._choices, opaque=keys.ASIDE)

    @cached_property
    def made(self) -> dict[str, Any]:
        """The content of its `.json`; empty where there is none that can be read."""
        return record_of(self)

    @property
    def unreadable(self) -> str:
        """Why there is a `.json` and yet no record; empty where that is not so."""
        try:
            records.read(self.file("json"))
        except UserError as error:
            return str(error) if self.file("json").exists() else ""
        return ""

    def stale(self, part: str) -> bool:
        """Whether the table or figure belongs to other code or parameters, was changed, or is not there."""
        if self.made.get("digest", {}).get(part) != self.wanted[part] or (part == "figure" and self.damages):
            return True
        table = self.file("csv")
        recorded = self.made.get("table", {}).get("sha256")
        return part == "table" and table.is_file() and file_digest(table) != recorded

    @cached_property
    def damages(self) -> list[str]:
        """What is wrong with its files, a sentence each: a figure is drawn again where any is not as it was made."""
        return records.damages(self.into / self.parameter_set, self.name, CONTENT)

    def told(self) -> list[str]:
        """What is wrong with what there is of it, a sentence each: nothing where it was not made yet."""
        return [self.unreadable] if self.unreadable else self.damages if self.made else []

    def missing(self) -> list[Path]:
        """The files that it should have made and that are not there."""
        return [self.file(suffix) for suffix in FILES if not self.file(suffix).is_file()]

    def lacks_logits(self) -> bool:
        """Whether logits are asked for that are not in the store."""
        return self.parameters.compute.keep_logits and not all(map(Store(STORE).has_logits, self.cells))

    def shards_to_train(self) -> list[sweeps.Shard]:
        """The shards whose networks its table needs and the store lacks; none where the table is fresh."""
        if not (self.stale("table") or self.lacks_logits() or not self.file("csv").is_file()):
            return []
        store = Store(STORE)
        lacking = store.has_logits if self.parameters.compute.keep_logits else store.has
        return [shard for shard in self.shards if not all(map(lacking, shard.cells))]

    def reasons(self) -> Iterator[str]:
        """Why the page is not fresh, each in a few words; nothing where it is."""
        made = self.made
        if not made:
            yield self.unreadable or "not made yet"
            return
        if self.stale("table") or self.stale("figure"):
            yield from self._changes(made)
        yield from self.damages
        table = self.file("csv")
        if not self.damages and file_digest(table) != made["table"]["sha256"]:
            yield f"{table} was changed: its SHA-256 is not the one in {self.file('json').name}"

    def _changes(self, made: dict[str, Any]) -> Iterator[str]:
        asked, known = self.parameters.content(), made.get("parameters", {})
        for name in sorted({*asked, *known}):
            if asked.get(name) != known.get(name):
                yield f"{self.parameter_file}: {name} changed"
        before = {source["name"]: source for source in made.get("sources", [])}
        for source in self.sources:
            if before.get(source.name, {}).get("facts", {}).get("arrays") not in (None, source.facts.arrays):
                yield f"data of {source.name} changed"
        old, new = made.get("definitions", {}), self.definitions()
        if not old:
            yield "its record does not name the code that made it"
            return
        changed = sorted(name.removeprefix("almostnothing.") for name in new if old.get(name) != new[name])
        gone = sorted(name.removeprefix("almostnothing.") for name in old if name not in new)
        if changed or gone:
            names = [*changed, *(f"{name} (no longer used)" for name in gone)]
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield f"code: {', '.join(names[:SHOWN])}{more}"
        if made.get("notebook") != digest(notebook_content(self.notebook)):
            yield f"{self.notebook} changed"


def record_of(page: Page) -> dict[str, Any]:
    """What the `.json` of a page says; empty where there is none that can be read."""
    try:
        return records.read(page.file("json"))
    except UserError:
        return {}


def markdown(source: str) -> list[str]:
    """The markdown cells of a py:percent notebook: they show on the page, so they count as its content."""
    cells = re.split(r"^# %%", source, flags=re.MULTILINE)
    return [cell.strip() for cell in cells if cell.startswith(" [markdown]")]


def notebook_content(notebook: Path) -> list[str]:
    """The cells of a py:percent notebook, without its header."""
    return [cell.strip() for cell in re.split(r"^# %%", notebook.read_text(), flags=re.MULTILINE)[1:]]


def pages_of(parameter_set: str, into: Path = FIGURES, cluster: str | None = None) -> list[Page]:
    """The pages of a parameter set, all of them checked.

    `cluster`: where they are to be trained on one, what its jobs may have, "gpu" or "cpu".
    Raises `UserError` for any mistake in the set, or where the results cannot be written.
    """
    found = [Page(path.stem, parameter_set, into) for path in files.parameter_files(files.FOLDER / parameter_set)]
    for page in found:
        if page.parameters.compute.device == "cuda" and cluster == "cpu":
            raise UserError(f"{page.parameter_file}: device: cuda is asked for, but jobs get no GPU with cluster=cpu")
        if page.parameters.compute.device == "cuda" and cluster is None:
            from almostnothing.devices import device_for

            try:
                device_for("cuda")
            except UserError as error:
                raise UserError(f"{page.parameter_file}: {error}") from error
        if not page.notebook.is_file():
            raise UserError(f"{page.parameter_file}: its notebook {page.notebook} is missing")
        if page.name != page.notebook.stem and "\nfile = " not in page.notebook.read_text():
            raise UserError(
                f"{page.parameter_file}: the notebook {page.notebook} makes the figure of one file: give it a "
                "parameter file, as 12_augmentation has it, or this file the notebook's name in a set of its own"
            )
        _ = page.sources
    check_writable(into / parameter_set)
    return found


def check_writable(folder: Path) -> None:
    """Raise `UserError` unless files can be made in `folder`, or in what there is of the way to it; leave nothing."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    probe = there / f".writable.{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): free it or change its permissions") from error
