"""Evidence that an edit leaves numbers as they are: a sample made by the code that published, and by that of today.

Both run on this machine, so that they must agree to the last bit whatever processor made the published rows. What is
equal is recorded in `equivalents.json`; a digest of code then stands for the oldest one it is equivalent to, and
nothing is trained or measured again. It is sampled evidence, and the record says so.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from almostnothing import environment, keys, pages, tables
from almostnothing.errors import UserError
from almostnothing.files import write_atomic
from almostnothing.freshness import Page, pages_of

SAMPLES = ("cheapest", "random")  # parameter files of a page that are made by both codes
Form = Callable[[str, pd.DataFrame], pd.DataFrame]  # brings a page's tables into one form, if theirs has changed


@dataclass
class Pair:
    """Two digests of code that are to be the same: what was made by both, and of which networks."""

    what: set[str] = field(default_factory=set)
    cells: dict[str, str] = field(default_factory=dict)  # key of each retrained cell → sha256 of its weights


def certify(
    parameter_set: str, why: str, before: Mapping[str, str] | None = None, form: Form = lambda _page, table: table
) -> Iterator[str]:
    """Make samples of each page by both codes; where they are equal, record that their digests are equivalent.

    `before`: for records that do not name the code that made them, its digests, by page, "networks" and "collected",
    and the "commit" that holds it. One sentence for each page.

    Raises `UserError` where anything differs, or where there is nothing published to compare with.
    """
    how = f"samples {' and '.join(SAMPLES)} of params/{parameter_set}, made by both codes on one machine, equal bits"
    pages_there = list(pages_of(parameter_set))
    if not any(page.made for page in pages_there):
        raise UserError(f"nothing of {parameter_set} is published: there is nothing to compare with")
    for page in pages_there:
        if not page.made:
            yield f"{parameter_set}/{page.name}: not published yet"
            continue
        changed = _changed(page, before or {})
        if not changed:
            yield f"{parameter_set}/{page.name}: nothing to certify"
            continue
        commit = (before or {}).get("commit") or page.made["commit"]["id"]
        with tempfile.TemporaryDirectory() as scratch:
            cells = _same(page, commit, Path(scratch), form)
        found: dict[tuple[str, str], Pair] = {}
        for old, new, what in changed:
            pair = found.setdefault((old, new), Pair())
            pair.what.add(what)
            if what == "networks":
                pair.cells |= {key: weights for key, (code, weights) in cells.items() if code == new}
        record(found, why, how)
        yield (
            f"{parameter_set}/{page.name}: {len(cells)} networks and the table made of them are equal to the last bit; "
            f"{len(found)} equivalences are in {keys.EQUIVALENTS.name}"
        )


def record(found: Mapping[tuple[str, str], Pair], why: str, how: str) -> None:
    """Append equivalences to the tracked file; a pair that stands there already is left as it is.

    Raises `UserError` for networks of which none was retrained.
    """
    known = keys.read_equivalents()
    there = {entry["to"] for entry in known}
    for (old, new), pair in found.items():
        if "networks" in pair.what and not pair.cells:
            raise UserError(f"no network of code {new} was in a sample: nothing is recorded")
        if new not in there and old != new:
            known.append(
                {
                    "from": old,
                    "to": new,
                    "what": sorted(pair.what),
                    "why": why,
                    "cells": [{"key": key, "weights": weights} for key, weights in sorted(pair.cells.items())],
                    "how": how,
                    "environment": environment.environment(),
                    "commit": environment.commit(Path()),
                }
            )
    write_atomic(keys.EQUIVALENTS, (json.dumps(known, indent=1, ensure_ascii=False) + "\n").encode())
    keys.forget()
    keys.read_equivalents()


def _changed(page: Page, before: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The pairs of old and new digests, and what they are of, that are not known to be equivalent."""
    made = page.made or {}
    old_networks = {(tuple(one["choices"]), one["arrays"]): one["code"] for one in made.get("networks", [])}
    pairs = []
    for choices, arrays, new in page.networks():
        old = old_networks.get((choices, arrays), before.get("networks", ""))
        pairs.append((old, new, "networks"))
    for part, new in page.table_codes().items():
        name = part if part == "collected" else pages.page_of(page.name)
        pairs.append((made.get("measured_by", {}).get(part) or before.get(name, ""), new, f"table: {name}"))
    found = list(dict.fromkeys(pair for pair in pairs if keys.oldest(pair[0]) != keys.oldest(pair[1])))
    if any(not old for old, _, _ in found):
        raise UserError(f"{page.file('json')} does not say what code made it: publish it again")
    return found


def _same(page: Page, commit: str, scratch: Path, form: Form) -> dict[str, tuple[str, str]]:
    """Of each sampled network its key, with the digest of its code and of its weights, once both codes agree."""
    old, new = scratch / "old", scratch / "new"
    _git("worktree", "add", "--detach", "--force", str(old), commit)
    try:
        new.mkdir()
        for part in ("src", "notebooks", "Snakefile", "equivalents.json"):
            if Path(part).is_dir():
                shutil.copytree(part, new / part, ignore=shutil.ignore_patterns("__pycache__"))
            elif Path(part).exists():
                shutil.copy(part, new / part)
        found: dict[str, tuple[str, str]] = {}
        for sample in SAMPLES:
            content = page.parameters.sample(min if sample == "cheapest" else random.Random(page.name).choice)
            for root in (old, new):
                _make(root, page, sample, content)
            tables_of = [root / "figures" / sample / f"{page.name}.csv" for root in (old, new)]
            read = [tables.each_test(pd.read_csv(path)) for path in tables_of]
            before, after = (tables.written(form(page.name, table)) for table in read)
            if before != after:
                raise UserError(f"{page.name}, {sample} sample: the table differs from that of commit {commit[:12]}")
        stored = [_stored(root) for root in (old, new)]
        for name, (key, code, weights) in stored[1].items():
            if name not in stored[0] or stored[0][name][2] != weights:
                raise UserError(f"{page.name}: network {key} differs from that of commit {commit[:12]}")
            found[key] = (code, weights)
        return found
    finally:
        _git("worktree", "remove", "--force", str(old))


def _make(root: Path, page: Page, sample: str, content: dict[str, Any]) -> None:
    """Train the networks of a sample and measure their table with the code under `root`."""
    path = root / "params" / sample / f"{page.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**content, "compute": {"quiet": True, "device": "cpu"}}))
    (root / "figures" / sample).mkdir(parents=True, exist_ok=True)
    settings = {**os.environ, "PYTHONPATH": str(root / "src")}
    for verb in ("train", "table"):
        words = [sys.executable, "-m", "almostnothing", verb, str(path.relative_to(root))]
        run = subprocess.run(words, cwd=root, env=settings, capture_output=True, text=True, check=False)
        if run.returncode:
            raise UserError(
                f"{page.name}, {sample} sample: {verb} failed in {root.name} code: {run.stderr.strip()[-500:]}"
            )


def _stored(root: Path) -> dict[str, tuple[str, str, str]]:
    """Of each stored network, by its record: key, digest of its code, sha256 of its weights and rows."""
    found = {}
    for path in sorted(root.glob("results/cells/*/*/result.json")):
        content = json.loads(path.read_text())
        both = (path.parent / "network.safetensors").read_bytes() + json.dumps(content["rows"]).encode()
        name = json.dumps(content["cell"], sort_keys=True)
        found[name] = (path.parent.name, content.get("code", ""), sha256(both).hexdigest())
    return found


def _git(*words: str) -> None:
    run = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise UserError(f"git {' '.join(words[:2])} failed: {run.stderr.strip()}")
