"""Every published case of every claim as one typed tree: what `claims.json` holds, and the claims page shows.

Sets hold pages, pages hold claims, claims hold cases. Addresses are relative to the site's root. What is not known is
null: no number here is anything but published, or planned from published parameters.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from almostnothing import costs, freshness, sizes
from almostnothing.errors import UserError
from almostnothing.naming import dataset_name
from almostnothing.site import records, verdicts

TEXT = re.compile(r"\bseed (\d{3})\b")
UNIT = re.compile(r"\[([^\]]+)\]$")  # at the end of a statistic's words; all others are shares, ratios, logarithms …
PURE = "1"
SPEED = re.compile(r"One core of (?P<processor>[^:]+): (?P<speed>[\d.]+) GFLOP/s")
BENCHMARK = Path("benchmarks/results/training.csv")
FILES = ("svg", "pdf", "csv", "json", "ipynb", "yaml")


class Strict(BaseModel):
    """A record without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Past(Strict):
    """A verdict of a case from a day on, and the commit whose code found it; null: it was not published then."""

    verdict: str | None
    date: str
    commit: str


class Case(Strict):
    """One case of a claim: where, how sure, on what, and its verdict."""

    id: str = Field(description="stable: set/page.claim/axis=value…, axes sorted")
    formerly: str | None = Field(description="the id that it had at first, which claims.html# still finds")
    where: dict[str, str] = Field(description="axes of the case, as published")
    dataset: str | None = Field(description="the data set's human name; null where no data set is used or all are")
    law: str | None = Field(description="the corruption law, where the case or its page has only one")
    n: int
    n_of: str = Field(description="what n counts: seeds, images, samples …")
    networks: int | None = Field(
        description="networks that the case rests on: all of them learned; null: no networks are involved"
    )
    learned: int | None
    left_out: int | None = Field(description="networks of points at which some did not learn: no claim rests on these")
    estimate: float | None
    low: float | None = Field(description="lower end of the 95 % interval")
    high: float | None = Field(description="upper end of the 95 % interval")
    verdict: str
    why: str | None = Field(description="why it is not measured; null where it is")
    at_half: str = Field(description="the verdict at half the threshold")
    at_twice: str = Field(description="the verdict at twice the threshold")
    past: list[Past] = Field(description="all its verdicts, oldest first; the last is today's")


class Claim(Strict):
    """What a text or this project says, and what the interval of a statistic must do for it to be supported."""

    id: str = Field(description="stable: page.claim")
    statement: str
    quote: str | None = Field(description="the text's own words, in LaTeX where it has formulas")
    source: str
    texts: list[str] = Field(description="numbers of the texts that its source names")
    primary: bool = Field(description="a prediction of a text; its intervals hold together with the page's others")
    statistic: str
    unit: str = Field(description="of estimate, interval and threshold; 1: a pure number, as the statistic says")
    range: tuple[float | None, float | None] | None = Field(
        description="where the statistic can lie at all; a null end is open"
    )
    interval: str = Field(description="the kind of its 95 % intervals")
    simultaneous: bool
    threshold: float
    side: str = Field(description="above or below: where the whole interval must lie")
    reason: str = Field(description="why this threshold")
    lock: dict[str, str] | None = Field(description="commit and date that fixed it before its result; primary claims")
    verdict: str = Field(description="the one verdict of all measured cases, or mixed")
    finding: str
    page: str = Field(description="address of the claim on its figure's page")
    cases: list[Case]


class Spent(Strict):
    """What a job took on the machine that published the page."""

    seconds: float
    memory: int = Field(description="bytes that it held at most")


class Cost(Strict):
    """What a page takes: training its networks, planned, on one core; measuring and drawing, as it was when published.

    Null where a page trains nothing that is planned, no speed has been published, or what a job took is not recorded.
    """

    networks: int | None
    operations: float | None = Field(description="floating-point operations of training")
    memory: int | None = Field(description="bytes that its largest job needs at most")
    seconds: float | None = Field(description="of one core at the published speed, within a factor of about two")
    processor: str | None = Field(description="whose published speed that is")
    measuring: Spent | None = Field(description="of its table, from networks that are trained already, if it has any")
    drawing: Spent | None = Field(description="of its notebook, executed")


class Page(Strict):
    """A figure's page: its files, what made it, and how to make it again."""

    page: str
    title: str
    address: str
    links: dict[str, str] = Field(description="files by suffix; yaml is the parameter file")
    commit: str | None = Field(description="whose code, notebooks and parameters made it")
    rerun: str = Field(description="makes it again in results/reproduced, with nothing taken from what is published")
    cost: Cost
    claims: list[Claim]


class Published(Strict):
    """All claims of all sets that the site shows."""

    about: str
    sets: dict[str, list[Page]]


@cache
def published(root: Path) -> Published:
    """Every published case of the project at `root`."""
    sets = {name: list(_pages(root, name)) for name in records.sets(root)}
    about = (
        "Every claim of Almost Nothing with every case. A verdict is decided by the whole 95 % interval against the "
        "threshold. cost is of the page with all its claims; null is not known, or was not recorded when it was "
        "published: rerun makes a record that has it, under spent. Schema: "
        "claims.schema.json"
    )
    return Published(about=about, sets=sets)


def schema() -> str:
    """The JSON schema of `claims.json`."""
    return json.dumps(Published.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def each(pages: list[Page]) -> Iterator[tuple[Page, Claim, Case]]:
    """All cases of a set, primary claims first, with their claims and pages."""
    for primary in (True, False):
        for page in pages:
            for claim in page.claims:
                if claim.primary is primary:
                    yield from ((page, claim, case) for case in claim.cases)


def rerun(parameter_set: str, name: str) -> str:
    """The command that makes a page again, beside what is published."""
    into = "results/reproduced"
    return f"snakemake --config params={parameter_set} into={into} -- {into}/{parameter_set}/{name}.json"


def laws(parameters: Any) -> set[str]:
    """The names of all corruption laws that parameters speak of, at any depth."""
    if isinstance(parameters, Mapping):
        own = {parameters["law"]} if isinstance(parameters.get("law"), str) else set()
        return own.union(*map(laws, parameters.values()))
    return set().union(*map(laws, parameters)) if isinstance(parameters, list) else set()


def speed(root: Path) -> tuple[str, float] | None:
    """The processor and the FLOP per second of one core of it that `benchmarks/` has published; None without."""
    path = root / BENCHMARK
    found = SPEED.search(path.read_text()) if path.is_file() else None
    return (found["processor"], float(found["speed"]) * 1e9) if found else None


def _pages(root: Path, parameter_set: str) -> Iterator[Page]:
    history = verdicts.read(root, parameter_set)
    for record in records.published(root, parameter_set):
        name = record["figure"]
        known = laws(record["parameters"])
        yield Page(
            page=name,
            title=record["title"],
            address=records.figure_address(parameter_set, name),
            links={suffix: records.file_address(parameter_set, name, suffix) for suffix in FILES},
            commit=(record.get("commit") or {}).get("id"),
            rerun=rerun(parameter_set, name),
            cost=cost_of(root, record),
            claims=[_claim(parameter_set, name, own, known, history) for own in record["claims"]],
        )


def _claim(parameter_set: str, name: str, own: Mapping[str, Any], known: set[str], history: verdicts.History) -> Claim:
    unit = UNIT.search(own["statistic"])
    return Claim(
        id=verdicts.case_id(name, own["id"], {}),
        texts=list(dict.fromkeys(TEXT.findall(own["source"]))),
        primary=own["role"] == "primary",
        unit=unit[1] if unit else PURE,
        range=_ends(own["range"]),
        side=own["direction"],
        page=records.figure_address(parameter_set, name, own["id"]),
        cases=[_case(parameter_set, name, own["id"], case, known, history) for case in own["cases"]],
        **{key: own[key] for key in SAME},
    )


SAME = (
    "statement", "quote", "source", "statistic", "interval", "simultaneous", "threshold", "reason", "lock",
    "verdict", "finding",
)  # fmt: skip


def _ends(bounds: Sequence[float] | None) -> tuple[float | None, float | None] | None:
    """A range whose open ends, which are infinite in the record, are None: JSON has no infinity."""
    if bounds is None:
        return None
    low, high = (end if math.isfinite(end) else None for end in bounds)
    return low, high


def _case(
    parameter_set: str,
    name: str,
    claim_id: str,
    case: Mapping[str, Any],
    known: set[str],
    history: verdicts.History,
) -> Case:
    own, former = (each(name, claim_id, case["where"]) for each in (verdicts.case_id, verdicts.former_id))
    dataset = case["where"].get("dataset")
    involved = case["networks"] or case["left_out"]
    return Case(
        id=f"{parameter_set}/{own}",
        formerly=f"{parameter_set}/{former}" if former != own else None,
        dataset=dataset_name(dataset) if dataset else None,
        law=case["where"].get("law") or (next(iter(known)) if len(known) == 1 else None),
        past=[Past(**entry) for entry in history.get(own, [])],
        **{**case, **({} if involved else dict.fromkeys(("networks", "learned", "left_out")))},
    )


def cost_of(root: Path, record: Mapping[str, Any]) -> Cost:
    """What a published page takes; what measuring and drawing took, not all records have."""
    trained, took = _training(root, record["set"]).get(record["figure"], UNTRAINED), record.get("spent", {})
    return Cost(**trained, measuring=took.get("table"), drawing=took.get("figure"))


UNTRAINED = dict.fromkeys(("networks", "operations", "memory", "seconds", "processor"))


@cache
def _training(root: Path, parameter_set: str) -> dict[str, dict[str, Any]]:
    """What training the networks of each page takes; pages that train none are left out, as all of a set in error."""
    known, found = speed(root), {}
    with contextlib.chdir(root), contextlib.suppress(UserError):
        for page in freshness.pages_of(parameter_set):
            if page.cells:
                compiled = page.parameters.compute.compile == "auto"
                found[page.name] = {
                    "networks": len(page.cells),
                    "operations": float(sum(map(sizes.training_flops, page.cells))),
                    "memory": max(map(costs.job_bytes, page.shards)),
                    "seconds": round(sum(costs.training_seconds(cell, known[1], compiled) for cell in page.cells))
                    if known
                    else None,
                    "processor": known[0] if known else None,
                }
    return found
