"""Grids and variations of a sweep."""

import json

import pytest
from page_cases import SWEEP

from almostnothing.errors import UserError
from almostnothing.pages import model_of
from almostnothing.parameters.files import validate
from almostnothing.parameters.sweep import Sweep


def test_variations_are_further_grids_and_no_cell_twice():
    base = Sweep.model_validate({**SWEEP, "variations": [{"depth": [2, 3]}, {"loss": "mse", "train_size": 20}]})
    cells = base.cells()
    assert len(cells) == len(set(cells)) == 20 + 20 + 10
    assert {(c.depth, c.loss) for c in cells} == {(2, "cross_entropy"), (3, "cross_entropy"), (2, "mse")}
    assert json.loads(base.model_dump_json())["variations"] == [{"depth": [2, 3]}, {"loss": "mse", "train_size": 20}]


@pytest.mark.parametrize(
    ("variations", "words"),
    [
        ([{"dept": 3}], "variations.0: dept is not a parameter; did you mean depth"),
        ([{}, {"depth": 0}], "variations.1: depth.0 is 0, but should be greater than 0"),
        ([{"variations": []}], "variations.0 may not hold variations of its own"),
        ([{"strength": [0, 2]}], "strength 2 is no probability"),
        ([{"activation": "erf"}], "sweep.activation takes one value here"),
        ([{"strength": [0, 0.5]}], "may not vary strength or seeds|at least 5 values"),
    ],
)
def test_a_mistake_in_a_variation_is_one_sentence(variations, words):

    limits = dict.fromkeys(("shift", "sharpening", "form", "exponent", "recipe"), 0)
    with pytest.raises(UserError, match=words):
        validate(model_of("01_knee", "f"), {"sweep": {**SWEEP, "variations": variations}, "thresholds": limits}, "f")
