"""Trained networks as stacks again, ready to be measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from almostnothing import networks
from almostnothing.cells import Cell
from almostnothing.store import Store
from almostnothing.sweeps import slots_for


def stacks(cells: Sequence[Cell], keep: Store, device: torch.device) -> Iterator[tuple[list[Cell], networks.Stack]]:
    """The networks of the cells, those of one architecture and data set together, at most as many as are trained so."""
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.shape(), []).append(cell)
    for group in groups.values():
        held = slots_for(group[0])
        for first in range(0, len(group), held):
            some = group[first : first + held]
            model = networks.build(some[0], len(some))
            for index, cell in enumerate(some):
                model.take(index, keep.weights(cell))
            yield some, model.to(device)
