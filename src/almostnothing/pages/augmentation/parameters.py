"""Parameters of `12_augmentation`: models by the text's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, FiniteFloat, PositiveInt, ValidationError, field_validator, model_validator

from almostnothing import data
from almostnothing.cells import Cell, Law
from almostnothing.data.common import CORRUPTIONS, NOISES, check_tests
from almostnothing.errors import UserError
from almostnothing.pages.lp_sampling.parameters import same_noise
from almostnothing.parameters.fields import Axis, Model, Positive
from almostnothing.parameters.laws import AnyCorruption, Lp, OneLaw
from almostnothing.parameters.page import ONCE, RECIPE, Curves
from almostnothing.parameters.published import IMPERCEPTIBLE, SETS, STANDARD, TESTED, named, pairs

POLICIES = {"TA": "trivial", "RA": "rand", "AM": "augmix"}  # TrivialAugment, RandAugment, AugMix
VERSION = "v1"  # of the text: its lists of tests
JOIN = " + "
DIGITS = 6  # significant ones of a scaled strength


class Recipe(NamedTuple):
    """How a model is trained: its law with its strength, and torchvision's policy."""

    law: AnyCorruption
    strength: float
    policy: str


class Experiment(Model):
    """The models of a data set, and the factor by which its noise is stronger than the text's."""

    dataset: str
    pixels: PositiveInt = Field(description="d, by which an ε of norm p is scaled: (d/3072)^(1/p) times the text's")
    factor: Positive = Field(
        default=1.0, description="of all strengths, in training and test, beside that; 1 is the text"
    )
    models: Axis[str] = Field(
        description="by the text's names: standard; a law with its strength, like 'L0m 0.02'; C1C1, C1C2, C2C1; "
        "TA, RA, AM; and one of these three with noise, like 'TA + C2C1'"
    )
    common: Axis[str] = Field(description=f"common corruptions of its tests: {', '.join(CORRUPTIONS)}")

    @field_validator("models")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        found = [_canonical(name) for name in names]
        if found[0] != STANDARD:
            raise ValueError(f"begin with {STANDARD}: all others are compared with it")
        if len(set(found)) < len(found):
            raise ValueError(f"{next(name for name in found if found.count(name) > 1)} is listed twice")
        return found

    @field_validator("common")
    @classmethod
    def _common(cls, names: list[str]) -> list[str]:
        unknown = [name for name in names if name not in CORRUPTIONS]
        if unknown:
            raise ValueError(
                f"no common corruption is called {unknown[0]!r}: the known ones are {', '.join(CORRUPTIONS)}"
            )
        if not set(names) - set(NOISES):
            raise ValueError(f"need one that is not of noise type, that is beside {', '.join(NOISES)}")
        return names

    @model_validator(mode="after")
    def _possible(self) -> Experiment:
        trained: set[Any] = set()
        known: dict[tuple[str, Law, float, str], str] = {}
        for name in self.models:
            try:
                law, strength, policy = self.recipe(name)
                law.check_strength(strength)
            except ValueError as error:
                said = (
                    error.errors()[0]["msg"].removeprefix("Value error, ")
                    if isinstance(error, ValidationError)
                    else error
                )
                raise ValueError(f"{name!r} cannot be had with factor {self.factor:g}: {said}") from error
            other = known.setdefault(told(self.dataset, law.record(), strength, policy), name)
            if other != name:
                raise ValueError(f"{other!r} and {name!r} are one recipe: name it once")
            trained |= {value for _, value in law.record().options} if law.law == "set" else {strength and law.law}
        if not {"l0", "lp"} <= trained:
            raise ValueError("models need one with noise of norm 0, and one with noise of another: both are tested")
        return self

    def recipe(self, name: str) -> Recipe:
        """How the model of a name is trained here."""
        first, _, rest = name.partition(JOIN)
        policy = POLICIES.get(first, "none")
        law, strength = self.scaled(*named((rest or STANDARD) if first in POLICIES else first))
        return Recipe(law, strength, policy)

    def scaled(self, law: AnyCorruption, strength: float) -> tuple[AnyCorruption, float]:
        """A law of the text's, and its strength on these images; of a set the members' strengths change."""
        if law.law != "set":
            return law, self._strength(law, strength)
        members = [
            {"corruption": each.corruption, "strength": self._strength(each.corruption, each.strength)}
            for each in law.members
        ]
        return type(law)(law="set", members=members, applied=law.applied), strength

    def _strength(self, law: OneLaw, strength: float) -> float:
        same = same_noise(strength, float(law.norm), self.pixels) if isinstance(law, Lp) else strength
        return float(f"{self.factor * same:.{DIGITS}g}")

    def variations(self) -> list[dict[str, Any]]:
        """The grids of a sweep that train its models, but for the standard one."""
        found = []
        for name in self.models[1:]:
            law, strength, policy = self.recipe(name)
            own = {"corruption": law.model_dump(mode="json"), "strength": [strength]} if strength else {}
            found.append({"dataset": [self.dataset], **own, **({} if policy == "none" else {"policy": policy})})
        return found

    def tests(self) -> dict[tuple[str, float], tuple[Law, float]]:
        """The tests under Lp laws, by the text's kind and strength: the law as cells record it, its strength here."""
        known = [*pairs(TESTED[VERSION]), *pairs(IMPERCEPTIBLE[VERSION])]
        found = {}
        for kind, text in dict.fromkeys(known):
            law, strength = self.scaled(*named(f"{kind} {text:g}"))
            found[kind, text] = (law.record(), strength)
        return found


def _canonical(name: str) -> str:
    """A model's name as tables have it: 'L0.5 1e5' is 'L0.5 100000'.

    Raises `ValueError` for a name that says nothing.
    """
    first, joined, rest = (part.strip() for part in name.partition("+"))
    if first in POLICIES and not joined:
        return first
    if joined and first not in POLICIES:
        raise ValueError(f"{name!r} should begin with one of {', '.join(POLICIES)}: only these are joined with noise")
    law = rest if joined else first
    if joined and law == STANDARD:
        raise ValueError(f"{name!r} is {first}: name it so")
    named(law)
    kind, _, strength = ("", "", law) if law in SETS else law.rpartition(" ")
    own = f"{kind.replace('inf', '∞')} {float(strength):.10g}" if kind else law
    return f"{first}{JOIN}{own}" if joined else own


class AugmentationThresholds(Model):
    """What counts; fixed before looking."""

    gain: FiniteFloat = Field(description="mean corrupted error by which a training is better than another")
    clean: FiniteFloat = Field(description="clean accuracy that is as good as maintained")
    broad: FiniteFloat = Field(description="mean corrupted error by which the broad set C2C1 is better than C1C1")
    imperceptible: FiniteFloat = Field(description="relative iCE from which imperceptible noise matters")
    share: FiniteFloat = Field(description="share of a gain that is most of it")
    some: FiniteFloat = Field(description="gain from which a share of it means something")


class Augmentation(Curves):
    """`12_augmentation`: corrupted errors of networks trained with noise, with augmentation policies, and with both.

    The sweep's own grid is that of the standard networks; `models` of each experiment add its variations.
    """

    free = (
        frozenset({"dataset", "corruption", "strength", "policy", "augmentation", "family", "width", "depth", "seeds"})
        | RECIPE
    )
    experiments: list[Experiment] = Field(min_length=1, description="the models and tests of each data set")
    images: PositiveInt = Field(
        description="test images of each seed: those of different seeds differ, where there are"
    )
    thresholds: AugmentationThresholds

    @model_validator(mode="before")
    @classmethod
    def _with_models(cls, content: Any) -> Any:
        """The sweep with a variation for each model, as far as what is asked can be read."""
        try:
            asked = [Experiment.model_validate(each) for each in content["experiments"]]
            sweep = dict(content["sweep"])
        except (ValidationError, KeyError, TypeError):
            return content  # what is wrong is told where it stands
        variations = [variation for each in asked for variation in each.variations()]
        if sweep.get("variations", variations) != variations:
            raise ValueError("sweep.variations follow from the models of experiments here: leave them out")
        return {**content, "sweep": {**sweep, "variations": variations}}

    @model_validator(mode="after")
    def _consistent(self) -> Augmentation:
        names = [each.dataset for each in self.experiments]
        if self.sweep.dataset != names:
            raise ValueError(
                f"sweep.dataset should be the data sets of experiments, in their order: {', '.join(names)}"
            )
        if self.sweep.strength != [0] or self.sweep.policy != "none":
            raise ValueError("sweep needs strength: 0 and no policy: its own networks are the standard ones")
        for grid in self.sweep.grids:
            if grid.training_corruption != ["fresh"]:
                raise ValueError("sweep needs training_corruption: fresh here")
            for axis in ONCE:
                if len(getattr(grid, axis)) > 1:
                    raise ValueError(f"sweep.{axis} takes one value here: a model is one recipe")
        return self

    def experiment(self, dataset: str) -> Experiment:
        """That of a data set."""
        return next(each for each in self.experiments if each.dataset == dataset)

    def models(self) -> Mapping[tuple[str, Law, float, str], str]:
        """The name of each model by its data set, law, strength and policy as its cells have them (`told`)."""
        found = {}
        for each in self.experiments:
            for name in each.models:
                law, strength, policy = each.recipe(name)
                found[told(each.dataset, law.record(), strength, policy)] = name
        return found

    def model_of(self, cell: Cell) -> str:
        """The name of a cell's model."""
        policy = getattr(cell, "policy", "none")
        return self.models()[told(cell.dataset, cell.corruption, cell.strength, policy)]

    def sample(self, pick: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """As of all pages; the models add their variations again."""
        content = super().sample(pick)
        content["sweep"].pop("variations")
        return content

    def sources(self, folder: Path | None = None, known: Sequence[data.Source] = ()) -> list[data.Source]:
        """The data sets that it needs, which are as large as said and can have their common corruptions."""
        found = super().sources(folder, known)
        for source in found:
            own = self.experiment(source.name)
            if source.facts.pixels != own.pixels:
                raise UserError(
                    f"experiments of {source.name}: pixels is {own.pixels}, but its images have {source.facts.pixels}"
                )
            for name in own.common:
                check_tests(source, name, folder)
        return found


def told(dataset: str, law: Law, strength: float, policy: str) -> tuple[str, Law, float, str]:
    """What tells models apart: no law where there is no noise."""
    return dataset, law if strength else Law("", ()), strength, policy
