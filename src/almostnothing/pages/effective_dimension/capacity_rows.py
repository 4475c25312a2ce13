"""Rows of adversarially trained networks in the table of `18_effective_dimension`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

from almostnothing.data.datasets import Dataset
from almostnothing.measures import answers, capacity
from almostnothing.measures.trained import clean_training_set
from almostnothing.pages.effective_dimension.parameters import AT_ONCE, SLOWLY, Capacity


def rows(asked: Capacity, dataset: Dataset, device: torch.device) -> Iterator[dict[str, Any]]:
    """One row for each network, the smallest first; see `table`."""
    shape, classes = dataset.facts.shape, dataset.facts.classes
    kinds = [(capacity.CNN, scale) for scale in asked.scales] + [(capacity.MLP, width) for width in asked.widths]
    every = itertools.product(kinds, asked.sizes, asked.steps, asked.seeds)
    for (kind, size), images, steps, seed in every:
        network = capacity.Network(kind, size, shape, classes)
        x, labels, _ = clean_training_set(dataset, images, seed, device)
        some = answers.chosen(dataset, seed, asked.tests)
        tests, truth = answers.clean(dataset, some, device)
        train = x.view(-1, *shape), labels
        few = train[0][: asked.tests], labels[: asked.tests]  # balanced: classes alternate
        ways = {SLOWLY: asked.ramp}
        if kind == capacity.CNN and (images, steps) == (asked.sizes[0], asked.steps[0]):
            ways[AT_ONCE] = 0.0
        for training, ramp in ways.items():
            how = capacity.Recipe(asked.radius, asked.attack_steps, ramp, asked.rate, steps, asked.batch)
            found = capacity.trained(network, *train, how, seed)
            attack = capacity.Attack(asked.radius, asked.test_steps, asked.restarts)
            told = capacity.seen(network, found, few, (tests.view(-1, *shape), truth), attack, seed)
            yield {
                "dataset": dataset.source.name,
                "family": kind,
                "train_size": images,
                "width": size,
                "steps": steps,
                "training": training,
                "start": 0,
                "seed": seed,
                "parameters": network.parameters,
                **told._asdict(),
            }
