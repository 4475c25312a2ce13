import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from almostnothing import networks, streams


def stack(activation: str = "relu") -> networks.StackedMLP:
    model = networks.StackedMLP(3, [12, 7, 5, 4], activation)
    model.initialise([streams.stream_key(s, "weights") for s in range(3)])
    for bias in model.biases:
        torch.nn.init.normal_(bias)
    return model


@pytest.mark.parametrize("activation", networks.ACTIVATIONS)
def test_a_network_taken_from_the_stack_gives_equal_outputs(activation):
    model, x = stack(activation), torch.randn(3, 6, 12)
    assert len(model) == 3
    for e in range(3):
        assert torch.allclose(model[e](x[e]), model(x)[e], atol=1e-6)


def test_a_taken_network_is_a_copy():
    model = stack()
    taken = model[1]
    before = taken[0].weight.clone()
    model.weights[0].data.zero_()
    assert torch.equal(taken[0].weight, before)


def test_initial_weights_have_he_variance_and_do_not_depend_on_the_stack():
    model = networks.StackedMLP(2, [400, 300, 10], "relu")
    keys = [streams.stream_key(s, "weights") for s in range(2)]
    model.initialise(keys)
    assert model.weights[0].var(dim=(1, 2)).tolist() == pytest.approx([2 / 400] * 2, rel=0.02)
    assert model.weights[1].var(dim=(1, 2)).tolist() == pytest.approx([2 / 300] * 2, rel=0.1)
    alone = networks.StackedMLP(1, [400, 300, 10], "relu")
    alone.initialise(keys[1:])
    assert torch.equal(alone.weights[0][0], model.weights[0][1])


def test_shapes_are_checked():
    with pytest.raises(TypeCheckError):
        stack()(torch.zeros(3, 12))


def test_tensors_round_trip_through_a_state_dict():
    network = stack()[0]
    other = stack()[2]
    other.load_state_dict(networks.tensors(network))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 12))).float()
    assert torch.equal(other(x), network(x))
