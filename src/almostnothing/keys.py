"""What names a result: a digest of what it is of, of its data's content, and of the code that can change its numbers.

An edit that is known to leave numbers as they are is recorded in `equivalents.json` at the project's root: a list of
records {from, to, why, cells, how, environment, commit}, written by `python -m almostnothing certify` alone. A digest
of code stands for the oldest one that it is recorded to be equivalent to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from almostnothing import code
from almostnothing.cells import RESIDUAL, Cell
from almostnothing.data.sources import Source
from almostnothing.errors import UserError
from almostnothing.files import digest

EQUIVALENTS = Path(__file__).resolve().parents[2] / "equivalents.json"
# What names and reports, and what reads files: a result's name holds the content of its data instead, so that an edit
# there touches neither networks nor tables.
REPORTING = tuple(
    f"almostnothing.{room}" for room in ("code", "compiling", "environment", "errors", "keys", "progress")
)
READING = tuple(f"almostnothing.data.{room}" for room in ("catalogue", "checks", "lookup", "readers", "torchvision"))
# What checks parameters and lists cells: the values that it yields are in the digest of a table, and the records of its
# cells in their keys. (Laws are not among these: they fill in options that a file leaves out.)
ASKING = tuple(f"almostnothing.parameters.{room}" for room in ("fields", "files", "mistakes", "page", "sweep"))
ASIDE = (*REPORTING, *READING, *ASKING)
STACKED, ALONE = "almostnothing.training.train", "almostnothing.solo.train"  # what trains networks
LOADED = "almostnothing.data.loading.transformed"  # what makes their images
COLLECTED = "almostnothing.tables.collect"  # what makes the table of a page that measures nothing


def read_equivalents() -> list[dict[str, Any]]:
    """The recorded equivalences, oldest first; none where there is no such file.

    Raises `UserError` where a digest has two origins or is its own: the records must form a forest.
    """
    records = json.loads(EQUIVALENTS.read_text()) if EQUIVALENTS.is_file() else []
    origin: dict[str, str] = {}
    for record in records:
        if record["to"] in origin:
            raise UserError(f"{EQUIVALENTS}: {record['to']} is recorded twice: remove one record")
        origin[record["to"]] = record["from"]
    for start in origin:
        at, seen = start, {start}
        while at in origin:
            at = origin[at]
            if at in seen:
                raise UserError(f"{EQUIVALENTS}: {start} is recorded to be equivalent to itself: remove one record")
            seen.add(at)
    return records


@cache
def _origins() -> dict[str, str]:
    return {record["to"]: record["from"] for record in read_equivalents()}


def oldest(digest_of_code: str) -> str:
    """The oldest digest of code that is recorded to be equivalent to this one: itself where there is no record."""
    while digest_of_code in _origins():
        digest_of_code = _origins()[digest_of_code]
    return digest_of_code


def forget() -> None:
    """Read the recorded equivalences anew when they are next asked for."""
    _origins.cache_clear()


@cache
def _network(choices: frozenset[str], arrays: str) -> str:
    return digest([network_closure(choices).digest, arrays])


def network_closure(choices: frozenset[str]) -> code.Closure:
    """The definitions that can change the numbers of a network with these choices."""
    trainer = ALONE if choices.intersection(RESIDUAL) else STACKED
    return code.closure(trainer, LOADED, chosen=choices, opaque=ASIDE)


def network_code(cell: Cell) -> str:
    """Digest of the definitions that can change a network's numbers, and of its data's content; not resolved."""
    return _network(cell.choices(), cell.source.facts.arrays)


def key(cell: Cell) -> str:
    """The cell's name in the store."""
    return cell.key(oldest(network_code(cell)))


def table_entry(page: str) -> str:
    """The function that measures a page's table; for a page without one, that which collects rows from the store."""
    own = Path(__file__).parent / "pages" / page / "table.py"
    return f"almostnothing.pages.{page}.table.table" if own.is_file() else COLLECTED


def words(value: Any) -> Iterable[str]:
    """All strings in JSON-able data: what may name an entry of a table of laws, activations and so on."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from words(inner)


def choices(asked: dict[str, Any], cells: Iterable[Cell]) -> frozenset[str]:
    """The words of a page's parameters, and of its cells' records: these hold what a file leaves to a default."""
    return frozenset(words(asked)).union(*{cell.choices() for cell in cells})


def table_closure(page: str, chosen: frozenset[str]) -> code.Closure:
    """The definitions that can change a page's table with these choices."""
    entry = table_entry(page)
    return code.closure(entry, chosen=() if entry == COLLECTED else chosen, opaque=ASIDE)


def table_codes(page: str, chosen: frozenset[str], sources: Sequence[Source]) -> dict[str, str]:
    """Digests of code, not resolved: `collected`, that which collects rows from the store, and for a page that measures
    its table `measured`, that of `table_closure` and of the content of its data.
    """
    found = {"collected": code.closure(COLLECTED, chosen=(), opaque=ASIDE).digest}
    if table_entry(page) != COLLECTED:
        arrays = [source.facts.arrays for source in sources]
        found["measured"] = digest([table_closure(page, chosen).digest, arrays])
    return found


def table_digest(page: str, asked: dict[str, Any], sources: Sequence[Source], cells: Sequence[Cell]) -> str:
    """What a page's table depends on: its cells' keys, its code, its parameters and its data."""
    codes = {name: oldest(made) for name, made in table_codes(page, choices(asked, cells), sources).items()}
    collected = digest([list(map(key, cells)), codes["collected"]])
    if "measured" not in codes:
        return collected
    records = [source.record() for source in sources]
    return digest([collected, codes["measured"], asked, records] if cells else [codes["measured"], asked, records])
