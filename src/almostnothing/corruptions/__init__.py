"""Corruption laws: what happens to an image, with the exact mean and variance of every pixel.

A law's `sample` is a pure function of its random words, so the same (stream, draw, pixel) gives the same value in any
batch and beside any other network. On every device, fused or not, the words and the masks made of them are the same;
values may differ in their last places, by at most `PLACES`.
"""

from almostnothing.corruptions.law import Corruption
from almostnothing.corruptions.laws import PLACES, corrupted, law_of, series

__all__ = ["PLACES", "Corruption", "corrupted", "law_of", "series"]
