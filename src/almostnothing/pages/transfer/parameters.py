"""Parameters of `11_transfer`."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from pydantic import Field, FiniteFloat, PositiveInt, field_validator, model_validator

from almostnothing.cells import Law
from almostnothing.pages.lp_sampling.parameters import norm_name
from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.laws import L0, Lp
from almostnothing.parameters.page import ONCE, RECIPE, Curves

WAYS = ("text", "matched")


def law_of_norm(norm: float | str) -> L0 | Lp:
    """The law of a norm as parameters: values set to 0 or 1 for norm 0, else uniform in the ball, clipped."""
    return L0(law="l0") if norm == 0 else Lp(law="lp", norm=norm)


class Norm(Model):
    """A norm: the strength of training under it, and those of the tests under it."""

    norm: float | Literal["inf"] = Field(description="p: 0, a number from 0.01 to 1000, or inf")
    train: Positive = Field(description="strength of training; a network of the sweep has it")
    tests: Axis[Positive] = Field(description="strengths of the tests, over which accuracy is averaged")

    @field_validator("norm")
    @classmethod
    def _known(cls, value: float | str) -> float | str:
        if value != 0:
            Lp(law="lp", norm=value)
        return "inf" if math.isinf(float(value)) else value

    @model_validator(mode="after")
    def _possible(self) -> Norm:
        for strength in (self.train, *self.tests):
            law_of_norm(self.norm).check_strength(strength)
        return self

    @property
    def name(self) -> str:
        """What a table calls it."""
        return norm_name(self.norm)

    @property
    def law(self) -> Law:
        """Its law as cells record it."""
        return law_of_norm(self.norm).record()


class Way(Model):
    """A way of choosing strengths on a data set: the text's, or so that all training displaces images equally far."""

    dataset: str
    way: Literal["text", "matched"]
    norms: list[Norm] = Field(min_length=3, description="norms that are trained and tested, 0 among them")

    @model_validator(mode="after")
    def _distinct(self) -> Way:
        names = [norm.name for norm in self.norms]
        if len(set(names)) < len(names):
            raise ValueError(f"norms of {self.dataset}, {self.way}, name one twice: {', '.join(names)}")
        if "L0" not in names:
            raise ValueError(f"norms of {self.dataset}, {self.way}, need norm 0: the claims are about it")
        return self


class TransferThresholds(Model):
    """What counts; fixed before looking."""

    only: FiniteFloat = Field(description="accuracy on L0 tests that training with L0 has over any other norm")
    kept: FiniteFloat = Field(description="accuracy that training with another norm may cost, and still transfers")
    clean: FiniteFloat = Field(description="clean accuracy that is as good as maintained")
    gain: FiniteFloat = Field(description="accuracy over the standard network from which a share of it means something")
    share: FiniteFloat = Field(description="share of that gain that is most of it")


class Transfer(Curves):
    """`11_transfer`: networks trained under one Lp-norm corruption, tested under each."""

    free = (
        frozenset({"dataset", "corruption", "strength", "augmentation", "family", "width", "depth", "seeds"}) | RECIPE
    )
    ways: list[Way] = Field(
        min_length=1, description="for each data set the text's strengths, or matched ones, or both"
    )
    images: PositiveInt = Field(
        description="test images of each seed: those of different seeds differ, where there are"
    )
    thresholds: TransferThresholds

    @model_validator(mode="after")
    def _consistent(self) -> Transfer:
        named = [(way.dataset, way.way) for way in self.ways]
        if len(set(named)) < len(named):
            raise ValueError("ways may hold each way of a data set once")
        trained: dict[str, set[tuple[Law, float]]] = {}
        for grid in self.sweep.grids:
            if grid.training_corruption != ["fresh"]:
                raise ValueError("sweep needs training_corruption: fresh here")
            if grid.seeds != self.sweep.seeds:
                raise ValueError("sweep.variations may not vary seeds here: networks are compared seed by seed")
            for name, strength in itertools.product(grid.dataset, grid.strength):
                law = grid.corruption.record() if strength else Law("", ())
                if (law, strength) in trained.setdefault(name, set()) or any(
                    len(getattr(grid, one)) > 1 for one in ONCE
                ):
                    raise ValueError(
                        f"sweep has several networks of {name} with {_words(law)}{strength:g}: one is asked"
                    )
                trained[name].add((law, strength))
        asked: dict[str, set[tuple[Law, float]]] = {name: {(Law("", ()), 0.0)} for name, _ in named}
        for way in self.ways:
            asked[way.dataset].update((norm.law, norm.train) for norm in way.norms)
        for name in dict.fromkeys([*asked, *trained]):
            wanted, there = asked.get(name, set()), trained.get(name, set())
            for own, other, names in ((wanted, there, ("ways", "sweep")), (there, wanted, ("sweep", "ways"))):
                for law, strength in sorted(own - other, key=str):
                    what = f"a network of {name} with {_words(law)}{strength:g}"
                    raise ValueError(f"{names[0]} names {what}, and {names[1]} does not: give both the same strengths")
        return self


def _words(law: Law) -> str:
    norm = dict(law.options).get("norm", 0)
    known = law.name in ("", "lp", "l0")
    return "strength " if not law.name else f"{norm_name(norm) if known else law.name} at strength "
