"""What figures and tables call a law and its strength: apart from the laws, so that no wording touches a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.noises import StudentNoise
from almostnothing.corruptions.pixels import Bernoulli, ClippedGaussian, Constant, Uniform


@dataclass(frozen=True)
class Strength:
    """The strength of a kind of law: its symbol in text and in mathematics, and the label of its axis, whole and short.

    `survival`: whether 1 − strength is the share of pixels that survive, for which the axis is logarithmic; else the
    strength itself is.
    """

    symbol: str
    mathematics: str
    axis: str
    short: str
    survival: bool


STRENGTHS = {
    "replacement": Strength(
        "p", "$p$", "corruption probability $p$ (scale: $\\ln(1-p)$)", "$p$ (scale: $\\ln(1-p)$)", survival=True
    ),
    "additive": Strength("σ", "$\\sigma$", "noise $\\sigma$", "noise $\\sigma$", survival=False),
}


def label(law: Corruption) -> str:
    """A law as words: its kind, the law of what is drawn with its numbers, and what one draw serves."""
    kind = type(law).__name__.lower()
    drawn = law.new if hasattr(law, "new") else law.noise  # type: ignore[attr-defined]
    clipped = ", clipped" if getattr(law, "clip", False) else ""
    return f"{kind}, {_words(drawn)}{clipped}{', one draw an image' if law.per == 'image' else ''}"


def _words(part: Any) -> str:
    """A pixel law or noise as words: its class, in lower case, and its numbers."""
    kind = type(part).__name__.removesuffix("Noise")
    name = {"ClippedGaussian": "clipped Gaussian", "Gaussian": "Gaussian", "Student": "Student t", "Laplace": "Laplace"}
    numbers = {
        Uniform: lambda: f" on [{part.low:g}, {part.high:g}]",
        Constant: lambda: f" {part.value:g}",
        Bernoulli: lambda: f" {part.q:g}",
        ClippedGaussian: lambda: f" {part.m:g} ± {part.s:g}",
        StudentNoise: lambda: f" ν = {part.dof:g}",
    }
    return name.get(kind, kind.lower()) + numbers.get(type(part), lambda: "")()
