"""Does a reproduction agree with what is published? Claims and tables, within the stated tolerance."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from almostnothing import records
from almostnothing.errors import UserError
from almostnothing.files import write_atomic
from almostnothing.tables import AXES, each_test, long

# What a rerun on another machine may differ by (two processors may round differently, and training amplifies it).
ROW_TOLERANCE = 0.1  # of a single accuracy
MEAN_TOLERANCE = 0.01  # of the mean over seeds
NUMBER_TOLERANCE = 1e-3  # of a number that no training stands behind


@dataclass(frozen=True)
class Comparison:
    """A page made again against the published one: claims that agree, what differs, verdicts that moved.

    `largest`: the largest change of a claim's estimate, in half widths of its published interval; `of`: its id.
    """

    page: str
    claims: int
    agree: int
    largest: float
    of: str
    moved: list[str]
    differences: list[str]


def compare(published: Path, again: Path) -> list[Comparison]:
    """Every published page of a set against its reproduction.

    Tables of trained cells: the same rows; each accuracy within `ROW_TOLERANCE`, each mean over seeds within
    `MEAN_TOLERANCE`. Measures of trained networks: the same rows; means over seeds and images within
    `ROW_TOLERANCE` of their column's standard deviation, or within the published mean's 95 % interval. Other
    tables: the same words; numbers within `NUMBER_TOLERANCE`. Claims: the estimate within the published interval,
    and the same verdict unless an interval's end is as near to the threshold as the two estimates are to each
    other.

    Raises `UserError` where nothing is published.
    """
    paths = sorted(path for path in published.glob("*.json") if path.name != "claims.json")
    if not paths:
        raise UserError(f"{published} holds no published figure")
    return [_compared(path, again / path.name) for path in paths]


def _compared(path: Path, other: Path) -> Comparison:
    claims: dict[str, dict[str, Any]] = {}
    try:
        claims = _cases(path)
        again = _cases(other)
        tables = [_table(p.with_suffix(".csv")) for p in (path, other)]
    except UserError as error:
        return Comparison(path.stem, len(claims), 0, np.nan, "", [], [str(error)])
    found = [f"{other.with_suffix('.csv')} {words}" for words in _table_differences(*tables)]
    if claims.keys() != again.keys():
        found.append(f"{other} makes other claims than {path}")
        return Comparison(path.stem, len(claims), 0, np.nan, "", [], found)
    wrong = [words for name in claims if (words := _claim_difference(path.stem, claims[name], again[name]))]
    moved = [
        f"{name}: {claims[name]['verdict']} → {again[name]['verdict']}"
        for name in claims
        if claims[name]["verdict"] != again[name]["verdict"]
    ]
    changes = {name: _change(claims[name], again[name]) for name in claims}
    of = max(changes, key=lambda name: changes[name], default="")
    return Comparison(path.stem, len(claims), len(claims) - len(wrong), changes.get(of, 0.0), of, moved, found + wrong)


def _table(path: Path) -> pd.DataFrame:
    try:
        return each_test(pd.read_csv(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _cases(path: Path) -> dict[str, dict[str, Any]]:
    """The cases of a published page's claims, each with its claim's threshold, by the claim's id and where it is."""
    found = {}
    for claim in records.read(path)["claims"]:
        for case in claim["cases"]:
            name = f"{claim['id']} ({', '.join(case['where'].values())})"
            found[name] = {**case, "id": name, "threshold": claim["threshold"]}
    return found


def _change(old: dict[str, Any], new: dict[str, Any]) -> float:
    """The change of a claim's estimate in half widths of its published interval; 0 where there is none to compare."""
    numbers = (old["estimate"], new["estimate"], old["low"], old["high"])
    if any(number is None for number in numbers) or old["high"] <= old["low"]:
        return 0.0
    return abs(new["estimate"] - old["estimate"]) / ((old["high"] - old["low"]) / 2)


def write_report(published: Path, again: Path) -> list[Comparison]:
    """Write `report.md`, and `report.html` with both pictures of each page side by side, into `again`."""
    found = compare(published, again)
    lines = [
        f"# {again} against {published}",
        "",
        "| page | agrees | claims that agree | largest change, half widths of its interval | verdicts that moved |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        largest = f"{one.largest:.3g} ({one.of})" if one.largest > 0 else "none"
        moved = "; ".join(one.moved) or "none"
        yes = "no" if one.differences else "yes"
        lines.append(f"| {one.page} | {yes} | {one.agree} of {one.claims} | {largest} | {moved} |")
    for one in found:
        lines += ["", f"{one.page}: {'; '.join(one.differences)}."] if one.differences else []
    write_atomic(again / "report.md", ("\n".join(lines) + "\n").encode())
    write_atomic(again / "report.html", _page(found, published, again).encode())
    return found


def _page(found: list[Comparison], published: Path, again: Path) -> str:
    there = Path(os.path.relpath(published, again))
    parts = [
        "<!doctype html><meta charset=utf-8><title>Reproduction</title>",
        "<style>body{font:15px sans-serif;margin:2em}img{width:48%;vertical-align:top}</style>",
        f"<h1>{again} against {published}</h1><p>Left: published. Right: made again.</p>",
    ]
    for one in found:
        words = "; ".join([*one.differences, *one.moved]) or "agrees"
        parts.append(f"<h2>{one.page}: {one.agree} of {one.claims} claims agree</h2><p>{html.escape(words)}</p>")
        parts += [f'<img src="{folder / one.page}.png" alt="{one.page}">' for folder in (there, Path())]
    return "\n".join(parts) + "\n"


def _table_differences(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """How two tables differ beyond tolerance, each as words that follow the file's name."""
    rules = [name.removesuffix("_agreement") for name in map(str, old) if name.endswith("_agreement")]
    if rules and list(old) == list(new):  # side by side in the file; one column's spread is that over all rules
        old, new = (long(table, rules, "rule") for table in (old, new))
    words = set(old.select_dtypes(exclude="number")) - {"device"}
    if list(old) == list(new):  # what is true of a network in one table and not in the other was measured
        told = [
            name for name in words if _answers(old[name]) and _answers(new[name]) and not old[name].equals(new[name])
        ]
        old, new, words = (*(t.astype(dict.fromkeys(told, float)) for t in (old, new)), words - {*told})
    asked = [str(name) for name in old if name in {*words, *AXES, "test_strength", "image"}]
    same = [*asked, "images"] if "correct" in old else asked
    if list(old) != list(new) or not old[same].equals(new[same]):
        return ["has other rows than what is published"]
    if "correct" in old:
        return _accuracy_differences(old, new, [column for column in asked if column not in ("seed", "status")])
    numbers = [str(name) for name in old if name not in same]
    if not np.array_equal(np.isfinite(old[numbers]), np.isfinite(new[numbers])):
        return ["lacks numbers that are published, or the other way round"]
    if "seed" in old:  # measures of trained networks
        by = [name for name in same if name not in ("seed", "image")]
        finite = [t.replace([np.inf, -np.inf], np.nan) for t in (old, new)]
        before, after = (t.groupby(by, dropna=False)[numbers].mean() for t in finite)
        room = ROW_TOLERANCE * finite[0][numbers].std()
        # rounding on another processor can send a single network elsewhere: its group stays within its own interval
        count = finite[0].groupby(by, dropna=False)[numbers].count()
        spread = finite[0].groupby(by, dropna=False)[numbers].std() / np.sqrt(count)
        half = (spread * special.stdtrit(np.maximum(count - 1, 1), 0.975)).fillna(0)
        far = [name for name in numbers if ((after[name] - before[name]).abs() > half[name].clip(room[name])).any()]
    else:
        close = {name: (old[name], new[name], NUMBER_TOLERANCE, NUMBER_TOLERANCE) for name in numbers}
        far = [name for name, pair in close.items() if not np.allclose(*pair, equal_nan=True)]
    return [f"differs in the column {name}" for name in far]


def _answers(column: pd.Series) -> bool:
    """Whether a column holds yes and no alone, and where nothing was asked nothing."""
    return bool(column.dropna().map(lambda one: isinstance(one, bool)).all())


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
