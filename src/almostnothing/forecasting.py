"""What a whole parameter set would cost, before anything is submitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from almostnothing import costs, planning
from almostnothing.cells import Cell
from almostnothing.costs import Estimate
from almostnothing.data import lookup
from almostnothing.freshness import FIGURES, pages_of
from almostnothing.store import STORE, Store

HOUR, GIB = 3600.0, 2**30


def forecast(parameter_set: str) -> Iterator[str]:
    """A text table of what training a set's pages would cost, and how that was reckoned.

    Networks that several pages ask for are counted at the first of them. Raises `UserError` for any mistake in the set.
    """
    store, counted = Store(STORE), set[Cell]()
    found: list[tuple[str, int, int, Estimate]] = []
    remarks: dict[str, None] = {}
    for page in pages_of(parameter_set, FIGURES, "gpu"):
        rest = costs.estimate(page.shards, store, page.parameters.compute, counted)
        found.append((page.name, len({*page.cells} - counted), len(page.shards), rest))
        counted.update(page.cells)
        for source in page.sources:
            remarks.update(dict.fromkeys(f"{source.name}: {words}" for words in lookup.remarks(source, page.folder)))
    rows = [_row(*each) for each in found]
    rests = [rest for _, _, _, rest in found]
    rows.append(_row("all", len(counted), sum(shards for _, _, shards, _ in found), _total(rests)))
    yield pd.DataFrame(rows).to_string(index=False)
    speed = f"{costs.GPU_FLOPS:.0e} FLOP/s and {costs.GPU_STEP_SECONDS * 1e3:g} ms a step of a stack"
    yield (
        "Hours of one core of this machine, by the speed of its matrix products now, within a factor of two; those of "
        f"a GPU are assumed, not measured: {speed}. Memory of the machine, for the largest job."
    )
    if largest := max(rest.card_bytes for rest in rests):
        yield (
            f"On its card: the largest stack that the shards of one job make, estimated, not measured. A card of "
            f"{costs.CARD_BYTES / GIB:.0f} GiB has room for {costs.CARD_BYTES // largest} jobs of that size at once."
        )
    minutes = planning.CLUSTER_SECONDS / 60
    yield (
        f"A job of a cluster takes about {minutes:.0f} minutes of its core or GPU, or as long as one shard. Tables "
        "and figures come after, a job of one core each, and are not in these hours."
    )
    if alone := [name for name, networks, _, _ in found if not networks]:
        yield f"All of their work is in their tables, or was counted above: {', '.join(alone)}"
    yield from remarks


def _row(name: str, networks: int, shards: int, rest: Estimate) -> dict[str, str]:
    return {
        "page": name,
        "networks": f"{networks:,}",
        "to train": f"{rest.cells:,}",
        "shards": f"{shards:,}",
        "FLOP": f"{rest.flops:.2g}",
        "core-hours": f"{rest.seconds / HOUR:,.2f}",
        "GPU-hours": f"{rest.gpu_seconds / HOUR:,.2f}",
        "memory, GiB": f"{rest.bytes / GIB:.2f}",
        "with a GPU": f"{rest.gpu_bytes / GIB:.2f}",
        "on its card": f"{rest.card_bytes / GIB:.2f}",
        "stored, GiB": f"{rest.stored / GIB:.2f}",
    }


def _total(rests: Sequence[Estimate]) -> Estimate:
    return Estimate(
        cells=sum(rest.cells for rest in rests),
        flops=sum(rest.flops for rest in rests),
        bytes=max(rest.bytes for rest in rests),
        gpu_bytes=max(rest.gpu_bytes for rest in rests),
        card_bytes=max(rest.card_bytes for rest in rests),
        seconds=sum(rest.seconds for rest in rests),
        gpu_seconds=sum(rest.gpu_seconds for rest in rests),
        stored=sum(rest.stored for rest in rests),
    )
