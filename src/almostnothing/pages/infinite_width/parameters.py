"""Parameters of `07_infinite_width`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from almostnothing import data
from almostnothing.parameters.fields import Axis, Model, Probability
from almostnothing.parameters.laws import Replacement
from almostnothing.parameters.page import Curves, check_kernel


class Infinite(Model):
    """Infinitely wide networks: one kernel on several sizes of training sets."""

    activation: Literal["relu", "leaky_relu", "gelu", "erf", "tanh", "sine", "identity"] = "relu"
    depth: PositiveInt = Field(description="L, weight layers")
    train_size: Axis[PositiveInt] = Field(description="N, training images, the same number of each class")
    shift: FiniteFloat = Field(default=0.0, description="subtracted from every pixel, after corruption")


class Fluctuation(Model):
    """Networks that are not trained: regression with the kernel of each at its start, against the infinitely wide one.

    In all else they are those of the sweep.
    """

    width: Axis[PositiveInt] = Field(description="units of each hidden layer")
    strength: Axis[Annotated[float, Field(ge=0, lt=1)]] = Field(description="p")


class InfiniteWidthThresholds(Model):
    """What counts; fixed before looking."""

    same: FiniteFloat = Field(description="agreement from which on a rule is the network in practice")
    predicted: FiniteFloat = Field(description="error of an agreement below which its prediction is good")
    exponent: FiniteFloat = Field(description="distance from 1/2 of the exponent of 1/width, below which the law holds")
    steady: FiniteFloat = Field(description="exponent of 1 - p up to which a quantity does not depend on it")
    left: FiniteFloat = Field(description="share of a difference that is left where most of it is accounted for")


class InfiniteWidth(Curves):
    """`07_infinite_width`: kernel regression against the rules, its remainder, and networks of growing width."""

    free = frozenset({"dataset", "width", "seeds"})
    infinite: Annotated[list[Infinite], Field(min_length=1)] = Field(
        description="infinitely wide networks; the first one is that of the map of (N/d, p)"
    )
    strength: Axis[Probability] = Field(description="p; at p = 1 there is noise alone")
    headline: Probability = Field(description="p of the claims")
    fluctuation: Fluctuation
    images: PositiveInt = Field(description="test images")
    seeds: Axis[NonNegativeInt]
    thresholds: InfiniteWidthThresholds

    @model_validator(mode="after")
    def _consistent(self) -> InfiniteWidth:
        self._check_rules()
        lazy = {
            "parametrisation": "ntk",
            "bias": False,
            "loss": ["mse"],
            "optimiser": "sgd",
            "momentum": 0.0,
            "schedule": "constant",
            "stop_loss": None,
        }
        for key, value in lazy.items():
            if getattr(self.sweep, key) != value:
                shown = value[0] if isinstance(value, list) else value
                raise ValueError(f"sweep.{key} must be {json.dumps(shown)} here: the kernel's own training")
        if self.sweep.train_size != [self.sweep.batch_size]:
            raise ValueError("sweep.batch_size must be its train_size here: gradient descent on all images at once")
        if self.headline not in self.strength or 0 in self.strength or 1 not in self.strength or len(self.seeds) < 2:
            raise ValueError(
                "headline must be one of strength, which are above 0 and one of them 1, and seeds needs 2 at least"
            )
        law = self.sweep.corruption
        if isinstance(law, Replacement) and law.values == "constant":
            raise ValueError("sweep.corruption may not be constant here: at p = 1 all images would be equal")
        kinds = [(one.activation, one.depth, one.shift) for one in self.infinite]
        if len(set(kinds)) < len(kinds):
            raise ValueError("infinite lists a network twice: give it one entry with all of its train_size")
        return self

    def sample(self, pick: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """As for every page; of each infinitely wide network one training set."""
        content = super().sample(pick)
        smaller = [{**one, "train_size": [pick(one["train_size"])]} for one in content["infinite"]]
        own = content["fluctuation"]
        return content | {"infinite": smaller, "fluctuation": {**own, "width": [pick(own["width"])]}}

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets, large enough for every training set."""
        found = super().sources(folder, known)
        for source, network in itertools.product(found, self.infinite):
            for size in network.train_size:
                data.check_train_size(source, size)
                check_kernel(source, network.activation, network.depth, size)
        return found
