"""What planning costs: reading the Snakefile against an empty one, `make` with nothing to do, and many cells.

    python benchmarks/planning.py [--quick]

Works on a copy of the checkout in a temporary folder, once as it is and once with ten copies of a page. Ratios of
medians of interleaved runs, user and system time. Writes benchmarks/out/planning.csv with machine, versions, commit.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from almostnothing import keys, sweeps
from almostnothing.environment import commit, environment
from almostnothing.parameters.sweep import Sweep

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("src", "notebooks", "params", "profiles", "figures", "Snakefile", "equivalents.json")
COPIES, COPIED = 10, "02_margin"
SWEEP: dict[str, Any] = {
    "dataset": "digits",
    "train_size": 100,
    "strength": 0.5,
    "training_corruption": "fixed",
    "width": 8,
    "depth": 2,
    "steps": 10,
    "seeds": 0,
}


def seconds(words: list[str], folder: Path) -> float:
    """Processor time of a command and what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    settings = {**os.environ, "PYTHONPATH": str(folder / "src")}
    subprocess.run(words, cwd=folder, env=settings, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def copied(folder: Path, copies: int) -> Path:
    """The checkout in a folder, with so many copies of one page beside its own."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / part)
    page = COPIED.partition("_")[2]
    for number in range(copies):
        name, stem = f"copy{number}", f"{20 + number}_copy{number}"
        shutil.copytree(folder / f"src/almostnothing/pages/{page}", folder / f"src/almostnothing/pages/{name}")
        model = folder / f"src/almostnothing/pages/{name}/parameters.py"
        model.write_text(model.read_text().replace(f"class {page.capitalize()}(", f"class {name.capitalize()}("))
        for file in ("table.py", "page.py"):
            path = folder / f"src/almostnothing/pages/{name}/{file}"
            text = path.read_text().replace(
                f"pages.{page}.parameters import {page.capitalize()}",
                f"pages.{name}.parameters import {name.capitalize()}",
            )
            path.write_text(
                text.replace(f"pages.{page}", f"pages.{name}").replace(
                    f": {page.capitalize()},", f": {name.capitalize()},"
                )
            )
        shutil.copy(folder / f"params/quick/{COPIED}.yaml", folder / f"params/quick/{stem}.yaml")
        shutil.copy(folder / f"notebooks/{COPIED}.py", folder / f"notebooks/{stem}.py")
        for suffix in ("svg", "pdf", "png", "csv", "json", "ipynb", "sha256"):
            shutil.copy(folder / f"figures/quick/{COPIED}.{suffix}", folder / f"figures/quick/{stem}.{suffix}")
        record = folder / f"figures/quick/{stem}.json"
        record.write_text(record.read_text().replace(f'"figure": "{COPIED}"', f'"figure": "{stem}"'))
    if copies:
        refresh(folder)
    return folder


def refresh(folder: Path) -> None:
    """Make the records of copied pages say that they are fresh: nothing here depends on what they show."""
    program = (
        "import json\nfrom almostnothing import freshness, records\n"
        "for page in freshness.pages_of('quick'):\n"
        "    made = dict(page.made) | {'digest': page.wanted}\n"
        "    page.file('json').write_text(json.dumps(made))\n"
        "    records.write_sums(page.file('json').parent, page.name, freshness.CONTENT)\n"
    )
    settings = {**os.environ, "PYTHONPATH": str(folder / "src")}
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=settings, check=True)


def timed(work: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def planned(**changes: Any) -> None:
    """Validate a sweep, list its cells, name them and cut them into shards."""
    cells = Sweep.model_validate(SWEEP | changes).cells()
    for cell in cells:
        keys.key(cell)
    sweeps.plan(cells)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats: does it run?")
    repeats = 2 if parser.parse_args().quick else 7
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch, "empty")
        empty.mkdir()
        (empty / "Snakefile").write_text('rule all:\n    output: "x"\n    shell: "touch x"\n')
        seconds(["snakemake", "--cores", "1"], empty)
        cases = {"empty Snakefile": (["snakemake", "-n"], empty)}
        own = len(list((ROOT / "params/quick").glob("*.yaml")))
        for pages, copies in ((own, 0), (own + COPIES, COPIES)):
            folder = copied(Path(scratch, f"pages{pages}"), copies)
            cases[f"snakemake -n, {pages} pages"] = (["snakemake", "-n", "--config", "params=quick"], folder)
            made = folder / "results/reproduced"
            shutil.copytree(folder / "figures/quick", made / "quick")
            (made / "quick/report.md").write_text("| page | agrees |\n")
            words = [sys.executable, "-m", "almostnothing", "reproduce", "quick"]
            cases[f"make, nothing to do, {pages} pages"] = (words, folder)
        first = {name: seconds(*case) for name, case in cases.items()}
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(repeats):
            for name, case in cases.items():
                found[name].append(seconds(*case))
    base = statistics.median(found["empty Snakefile"])
    for name, values in found.items():
        middle = statistics.median(values)
        rows.append(
            {"what": name, "seconds": middle, "ratio": middle / base, "first": first[name] / base, "n": repeats}
        )
    many: dict[str, dict[str, Any]] = {
        "100,000 cells planned": {"width": list(range(1, 101)), "seeds": list(range(1000))}
    }
    many |= {"20,000 seeds planned": {"seeds": list(range(20_000))}}
    for name, changes in many.items():
        rows.append({"what": name, "seconds": timed(partial(planned, **changes)), "n": 1})
    for row in rows:
        ratio = f"{row['ratio']:.2f} x the empty one, {row['first']:.2f} the first time" if "ratio" in row else ""
        print(f"{row['what']:<36}{row['seconds']:>8.2f} s  {ratio}")
    out = ROOT / "benchmarks/out/planning.csv"
    out.parent.mkdir(exist_ok=True)
    known = environment() | {"commit": (commit(ROOT) or {}).get("id", "")}
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["what", "seconds", "ratio", "first", "n", *known])
        writer.writeheader()
        writer.writerows(row | known for row in rows)


if __name__ == "__main__":
    main()
