"""Published records of pages, and the checksums of their files: what is damaged counts as not published.

A page's checksums are in `NN_name.sha256` beside its files, as `sha256sum --check` reads them. They are written last.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from almostnothing.data import sources
from almostnothing.errors import UserError
from almostnothing.files import file_digest, write_atomic
from almostnothing.parameters.names import NAME
from almostnothing.verdicts import MIXED, VERDICTS

SUMS = "sha256"
Verdict = Annotated[str, Field(pattern=f"^({'|'.join(VERDICTS)})$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]+$")]
Day = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Part(BaseModel):
    """A part of a record: what is named here must be there; more may be."""

    model_config = ConfigDict(strict=True)


class Case(Part):
    """One case of a claim, as `claims.Claim.record` writes it."""

    where: dict[str, str]
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    n_of: str
    networks: int
    learned: int
    left_out: int
    verdict: Verdict
    why: str | None
    at_half: Verdict
    at_twice: Verdict


class Lock(Part):
    """What fixed a claim before its result."""

    commit: Digest
    date: Day


class Claim(Part):
    """A claim, as `claims.Claim.record` writes it."""

    id: str
    page: str
    source: str
    quote: str | None
    statement: str
    role: Literal["primary", "exploratory"]
    statistic: str
    range: tuple[float | None, float | None] | None
    threshold: float
    direction: Literal["above", "below"]
    reason: str
    lock: Lock | None
    interval: str
    simultaneous: bool
    cases: list[Case]
    verdict: Annotated[str, Field(pattern=f"^({'|'.join((*VERDICTS, MIXED))})$")]
    finding: str


@dataclass(config=ConfigDict(strict=True, extra="forbid"), frozen=True)
class Source(sources.Source):
    """A data set, as `published` writes it; it has no other keys."""


class Networks(Part):
    """Networks of one choice of code and data: by what code they were trained."""

    choices: list[str]
    arrays: str
    code: str


class Table(Part):
    """The table behind a figure."""

    sha256: Digest
    rows: int


class Digests(Part):
    """Of what table and figure were made of."""

    table: Digest
    figure: Digest


class Commit(Part):
    """Whose code made it."""

    id: Digest
    modified: bool


class Record(Part):
    """What `publishing.make_figure` writes."""

    figure: str = Field(pattern=rf"^{NAME.pattern}$")
    set: str = Field(pattern=rf"^{NAME.pattern}$")
    title: str
    claims: list[Claim]
    parameters: dict[str, Any]
    digest: Digests
    notebook: str
    definitions: dict[str, str]
    networks: list[Networks]
    measured_by: dict[str, str]
    table: Table
    sources: list[Source]
    environment: dict[str, str]
    commit: Commit | None


def read(path: Path) -> dict[str, Any]:
    """The record of a page.

    Raises `UserError` where there is none, or what is there has another structure.
    """
    try:
        content = path.read_bytes()
        figure = Record.model_validate_json(content).figure
    except OSError as error:
        raise UserError(f"{path} {_lacking(error)}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is no record of a page ({place}{': ' if place else ''}{first['msg']})") from error
    if figure != path.stem:
        raise UserError(f"{path} is the record of another page, {figure}")
    return dict(json.loads(content))


def _lacking(error: OSError) -> str:
    return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"


def write_sums(folder: Path, name: str, suffixes: Iterable[str]) -> None:
    """Note the checksums of the files of a page, or of a figure of that name."""
    paths = [folder / f"{name}.{suffix}" for suffix in suffixes]
    lines = "".join(f"{file_digest(path)}  {path.name}\n" for path in paths)
    write_atomic(folder / f"{name}.{SUMS}", lines.encode())


def damages(folder: Path, name: str, suffixes: Iterable[str]) -> list[str]:
    """What is wrong with files that are noted together: a sentence each; none where they are as they were made."""
    noted = folder / f"{name}.{SUMS}"
    try:
        lines = [line.split("  ", 1) for line in noted.read_text().splitlines()]
        known = {file: digest for digest, file in lines}
    except OSError as error:
        return [f"{noted} {_lacking(error)}: nothing says whether the files beside it are as they were made"]
    except ValueError:
        return [f"{noted} holds no checksums"]
    found = []
    for path in (folder / f"{name}.{suffix}" for suffix in suffixes):
        if not path.is_file():
            found.append(f"{path} is missing")
        elif known.get(path.name) != file_digest(path):
            found.append(f"{path} was changed: its SHA-256 is not the one in {noted.name}")
    return found


def record_files(folder: Path) -> list[Path]:
    """The files of the records of a set's pages, from the set's folder."""
    return sorted(folder.glob("[0-9]*.json"))


def published(folder: Path, suffixes: Iterable[str] = ("json",)) -> list[dict[str, Any]]:
    """The records of a set's pages, from the set's folder; of what is damaged only a sentence is told, once.

    `suffixes`: of the files, one of them the record, that must be as they were made.
    """
    found = []
    for path in record_files(folder):
        try:
            for damage in damages(folder, path.stem, suffixes):
                raise UserError(damage)
            found.append(read(path))
        except UserError as error:
            _tell(f"Not shown: {error}")
    return found


@cache
def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)
