"""Mistakes in the parameters of pages: one sentence each."""

import pytest

from almostnothing.errors import UserError
from almostnothing.freshness import Page
from almostnothing.pages import model_of
from almostnothing.parameters.files import read_yaml, validate


def replaced(*laws: tuple[float, float]) -> list[dict]:
    """Laws that replace pixels by a value with probability p, from pairs (value, p)."""
    return [{"corruption": {"values": "constant", "value": value}, "strength": p} for value, p in laws]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("00_data", {"headline": 0.77}, "headline must be a strength of the first law"),
        ("00_data", {"headline": 0.01}, "headline must not be the smallest strength"),
        ("00_data", {"laws": [{"corruption": {}, "strength": [0, 0.5], "pictures": [0.5]}]}, "strength 0 is no noise"),
        ("02_margin", {"test_strength": [0, 0.5]}, "test_strength 0 is no corruption"),
        ("02_margin", {"test_strength": [2]}, "strength 2 is no probability"),
        ("03_inductive_bias", {"sweep": {"family": "mlp", "variations": []}}, "must hold both families"),
        ("05_survival", {"pictures": {"additive": [2]}}, "pictures those that are shown"),
        ("08_universality", {"laws": [{"corruption": {}, "strength": 0}]}, "strength 0 is no corruption"),
        ("05_survival", {"headline": {"replacement": 0.77, "additive": 2}}, "headline must give one of the strengths"),
        ("05_survival", {"sweep": {"family": "cnn"}}, "sweep must hold networks of family: mlp here"),
        ("06_prototype", {"sweep": {"training_corruption": "fresh"}}, "family: mlp and training_corruption: fixed"),
        ("06_prototype", {"sweep": {"strength": [0, 0.5]}}, "sweep.strength must be above 0 and below 1"),
        ("06_prototype", {"sweep": {"family": "cnn"}}, "family: mlp and training_corruption: fixed"),
        ("06_prototype", {"sweep": {"corruption": {"law": "additive"}}}, "sweep.corruption must be replacement"),
        ("07_infinite_width", {"sweep": {"bias": True}}, "sweep.bias must be false here"),
        ("07_infinite_width", {"sweep": {"loss": "cross_entropy"}}, 'sweep.loss must be "mse" here'),
        ("07_infinite_width", {"sweep": {"batch_size": 64}}, "sweep.batch_size must be its train_size"),
        ("07_infinite_width", {"headline": 0.77}, "headline must be one of strength"),
        ("05_survival", {"sweep": {"depth": [2, 3]}}, "sweep.depth takes one value here"),
        ("05_survival", {"sweep": {"variations": [{"corruption": {"values": "bernoulli"}}]}}, "two kinds of repl"),
        ("06_prototype", {"sweep": {"variations": [{"dataset": "mnist"}]}}, "may not vary dataset"),
        ("07_infinite_width", {"strength": [0.5, 0.9]}, "one of them 1"),
        ("07_infinite_width", {"sweep": {"stop_loss": 0.1}}, "sweep.stop_loss must be null here"),
        ("07_infinite_width", {"infinite": [{"depth": 2, "train_size": 20}] * 2}, "infinite lists a network twice"),
        ("07_infinite_width", {"sweep": {"corruption": {"values": "constant"}}}, "may not be constant"),
        ("08_universality", {"laws": [{"corruption": {}, "strength": 0.9}] * 2}, "laws lists a law twice"),
        ("08_universality", {"second_moments": replaced((0.5, 0.8), (0.5, 0.9))}, "at one strength"),
        ("08_universality", {"second_moments": replaced((0.4, 0.9), (0.5, 0.9))}, "of one mean"),
        ("08_universality", {"seeds": [1]}, "seeds needs at least 2 seeds"),
        ("08_universality", {"laws": [{"corruption": {"per": "image"}, "strength": 0.9}]}, "every pixel by itself"),
        ("08_universality", {"laws": [{"corruption": {}, "strength": 2}]}, "strength 2 is no probability"),
    ],
)  # fmt: skip
def test_a_mistake_in_these_parameters_is_one_sentence(name, change, message):
    content = read_yaml(Page(name, "quick").parameter_file)
    for key, value in change.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and key == "sweep" else value
    with pytest.raises(UserError, match=message) as caught:
        validate(model_of(name, "test"), content, "params/mine/file.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("07_infinite_width", {"infinite": [{"activation": "identity", "depth": 2, "train_size": [70]}]}),
        ("08_universality", {"train_size": 70, "depths": [1]}),
    ],
)
def test_a_kernel_without_inverse_is_refused_beforehand(name, change):
    content = read_yaml(Page(name, "quick").parameter_file) | change
    with pytest.raises(UserError, match="train_size 70 exceeds the 64 pixels of digits"):
        validate(model_of(name, "test"), content, "file").sources()
