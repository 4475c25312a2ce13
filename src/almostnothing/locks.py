"""Claims that are fixed before their results: `claims.lock`.

A lock is the digest of what must not be chosen by what it shows: statement, statistic, threshold, direction, reason and
source of a primary claim, with the parameters that its page's table depends on (data and recipe). Locks are tracked and
only added: a changed claim gets a later one, and the old stays.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from almostnothing import pages, records
from almostnothing.errors import UserError
from almostnothing.files import digest, write_atomic
from almostnothing.freshness import FIGURES, Page, pages_of

LOCKS = Path("claims.lock")
FIXED = ("statement", "statistic", "threshold", "direction", "reason", "source", "quote")  # of a claim's record


def read() -> list[dict[str, str]]:
    """All locks, in the order in which they were made: set, claim, digest, date."""
    return json.loads(LOCKS.read_text()) if LOCKS.is_file() else []


def digest_of(page: Page, record: Mapping[str, Any]) -> str:
    """The digest that locks a claim, from its record and the page's parameters."""
    return digest([[record[name] for name in FIXED], page.measured])


def declared(page: Page) -> Iterator[dict[str, Any]]:
    """The records of the page's primary claims as they are before any result, without cases: none without claims."""
    name = f"almostnothing.pages.{pages.page_of(page.name)}.claims"
    if importlib.util.find_spec(name) is None:
        return
    from almostnothing.claims import Claim  # loads scipy.stats, which telling a lock does without

    module = importlib.import_module(name)
    limits = page.parameters.content()["thresholds"]
    for name, own in module.CLAIMS.items():
        if own.primary:
            made = Claim(
                id=f"{page.notebook.stem}.{name}",
                page=page.notebook.stem,
                declared=own,
                threshold=limits[own.threshold],
                cases=(),
            )
            yield made.record()


def lock(parameter_set: str) -> list[str]:
    """Lock the primary claims of a set as they stand; return what was locked, a line each."""
    known, lines = read(), []
    there = {(one["set"], one["claim"], one["digest"]) for one in known}
    for page in pages_of(parameter_set):
        for record in declared(page):
            key = (parameter_set, record["id"], digest_of(page, record))
            if key not in there:
                known.append({**dict(zip(("set", "claim", "digest"), key, strict=True)), "date": f"{date.today()}"})
                lines.append(f"{parameter_set}/{record['id']}: locked")
    write_atomic(LOCKS, (json.dumps(known, indent=1) + "\n").encode())
    return lines or [f"{parameter_set}: every primary claim is locked as it stands"]


def lock_of(page: Page, record: Mapping[str, Any]) -> dict[str, str] | None:
    """The commit that locked a primary claim, and its date; None for others, and for what is not locked."""
    if record["role"] != "primary":
        return None
    wanted = digest_of(page, record)
    for one in read():
        if (one["set"], one["claim"], one["digest"]) == (page.parameter_set, record["id"], wanted):
            commit = _first_commit(wanted)
            return {"commit": commit, "date": one["date"]} if commit else None
    return None


def _first_commit(text: str) -> str:
    """The commit that brought a text into `claims.lock`; empty where none has."""
    words = ["git", "log", "--reverse", "--format=%H", f"-S{text}", "--", str(LOCKS)]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return found[0] if found else ""


def problems(parameter_set: str) -> list[str]:
    """What is wrong with the locks of a published set: none, edited, or younger than the result."""
    found = []
    for page in pages_of(parameter_set):
        path = FIGURES / parameter_set / f"{page.name}.json"
        if not path.is_file():
            continue
        try:
            content = records.read(path)
        except UserError as error:
            found.append(str(error))
            continue
        for record in content["claims"]:
            if record["role"] != "primary":
                continue
            now, made = lock_of(page, record), (content.get("commit") or {}).get("id", "")
            if now is None or record["lock"] != now:
                found.append(f"{parameter_set}/{record['id']}: its lock is missing, or is not that of its result")
            elif not _before(now["commit"], made):
                found.append(f"{parameter_set}/{record['id']}: its lock is younger than its result")
    return found


def _before(first: str, second: str) -> bool:
    """Whether the first commit is an ancestor of the second, or the same."""
    words = ["git", "merge-base", "--is-ancestor", first, second]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
