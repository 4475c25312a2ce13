"""What figures and tables call a law: apart from the laws, so that no wording touches a key."""

from __future__ import annotations

from typing import Any

from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.noises import StudentNoise
from almostnothing.corruptions.pixels import Bernoulli, ClippedGaussian, Constant, Uniform


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
