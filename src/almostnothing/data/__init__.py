"""Data sets: images held as bytes, class-balanced nested subsets, transforms, and a card that says what they are.

A data set is named in a parameter file. `source` finds out what planning must know of it (shape, classes, counts),
which for the published sets needs no file; `load` reads, checks and transforms it.
"""

from almostnothing.data.cards import card
from almostnothing.data.catalogue import CATALOGUE, NAMES
from almostnothing.data.datasets import Dataset
from almostnothing.data.loading import load
from almostnothing.data.lookup import folder, source
from almostnothing.data.sources import Facts, Source, check_train_size

__all__ = ["CATALOGUE", "NAMES", "Dataset", "Facts", "Source", "card", "check_train_size", "folder", "load", "source"]
