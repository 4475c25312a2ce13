"""How verdicts have moved: for each set a tracked file with each case's verdicts, one entry a change.

`site/verdicts/<set>.json` maps a case's id to its verdicts, oldest first: what it was, since which day, and the commit
whose code found it. A verdict of None: the case was no longer published. Git history could tell the same, but slowly,
and not in a shallow clone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypedDict

from almostnothing.files import write_atomic
from almostnothing.freshness import FIGURES

FOLDER = Path("site/verdicts")
COMMIT_DIGITS = 12


class Entry(TypedDict):
    """A verdict of a case, the day it was published, and the commit whose code found it."""

    verdict: str | None
    date: str
    commit: str


History = dict[str, list[Entry]]


def case_id(page: str, claim_id: str, where: Mapping[str, str]) -> str:
    """The stable id of a case within its set: `05_survival.above/dataset=mnist/strength=p = 0.9`.

    `page`: the name of its files, which differs from the notebook's where two parameter files share that. Axes are
    sorted, so that the order in which a page names them does not matter; a value that begins with its axis' name does
    not say it again: `p=0.9`.
    """
    return _id(page, claim_id, {name: value.removeprefix(f"{name} = ") for name, value in where.items()})


def former_id(page: str, claim_id: str, where: Mapping[str, str]) -> str:
    """The id that `case_id` gave until November 2026, with names said twice, `p=p = 0.9`: links may still hold it."""
    return _id(page, claim_id, where)


def _id(page: str, claim_id: str, where: Mapping[str, str]) -> str:
    axes = (f"{name}={value}" for name, value in sorted(where.items()))
    return "/".join([f"{page}.{claim_id.rpartition('.')[2]}", *axes])


def read(root: Path, parameter_set: str) -> History:
    """The verdicts so far of a set; empty where none was noted."""
    path = root / FOLDER / f"{parameter_set}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def note(history: History, record: Mapping[str, Any], day: str) -> None:
    """Add to `history` what a page's published record changes: new verdicts, and cases that are gone."""
    page = record["figure"]
    commit = ((record.get("commit") or {}).get("id") or "")[:COMMIT_DIGITS]
    now: dict[str, str | None] = {
        case_id(page, claim["id"], case["where"]): case["verdict"]
        for claim in record["claims"]
        for case in claim.get("cases", [])
    }
    gone = {name: None for name in history if name.startswith(f"{page}.") and name not in now}
    for name, verdict in {**now, **gone}.items():
        entries = history.setdefault(name, [])
        if not entries or entries[-1]["verdict"] != verdict:
            entries.append({"verdict": verdict, "date": day, "commit": commit})


def save(parameter_set: str, history: History, root: Path = Path()) -> None:
    """Write the file of a set: a line for each case, so that a change of one is a change of one line."""
    lines = [f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(history[name])}" for name in sorted(history)]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    write_atomic(root / FOLDER / f"{parameter_set}.json", text.encode())


def update(parameter_set: str, records: Iterable[Mapping[str, Any]], root: Path = Path()) -> int:
    """Note today's published records of a set in its file; returns the number of entries that are new."""
    history = read(root, parameter_set)
    before = sum(map(len, history.values()))
    for record in records:
        note(history, record, f"{date.today()}")
    save(parameter_set, history, root)
    return sum(map(len, history.values())) - before


def rebuilt(parameter_set: str, root: Path = Path()) -> History:
    """The history of a set as git knows it: the main line's publications, from the first whose records hold cases.

    Raises `subprocess.CalledProcessError` outside a checkout.
    """
    history: History = {}
    for day, blob in _publications(parameter_set, root):
        record = json.loads(_git(root, "cat-file", "blob", blob))
        if any("cases" in claim for claim in record.get("claims", [])):
            note(history, record, day)
    return history


def _publications(parameter_set: str, root: Path) -> Iterator[tuple[str, str]]:
    """Day and blob of each version of each record of a set on the main line, oldest first."""
    words = ["log", "--first-parent", "-m", "--reverse", "--raw", "--abbrev=40", "--format=%cs", "--diff-filter=AM"]
    day = ""
    for line in _git(root, *words, "--", f"{FIGURES}/{parameter_set}/[0-9]*.json").splitlines():
        if line.startswith(":"):
            yield day, line.split()[3]
        elif line:
            day = line


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout
