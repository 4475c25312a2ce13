from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import nn

from almostnothing import networks, streams
from almostnothing.data.sources import Facts


@pytest.fixture
def cell(cell):
    """Images of two channels, so that channels and pixels cannot be mistaken for each other."""
    return replace(
        cell, source=replace(cell.source, facts=Facts(classes=4, shape=(2, 8, 8), train_per_class=100, content=""))
    )


def stack(cell, count: int = 3, **changes) -> networks.Stack:
    model = networks.stack(replace(cell, width=16, **changes), count)
    for e in range(count):
        model.put(e, model.initial(streams.stream_key(e, "weights")))
    for bias in model.biases:
        nn.init.normal_(bias)
    return model


VARIANTS = (
    [
        {"activation": name, "family": family, "parametrisation": "standard"}
        for name in networks.ACTIVATIONS
        for family in networks.FAMILIES
    ]
    + [
        {"family": family, "parametrisation": kind, "bias": bias, "init_scale": 0.5, "depth": depth}
        for family in networks.FAMILIES
        for kind in ("standard", "ntk")
        for bias in (True, False)
        for depth in (1, 2, 4)
    ]
    + [{"family": family, "shift": 0.5} for family in networks.FAMILIES]
)


@pytest.mark.parametrize("family", networks.FAMILIES)
@pytest.mark.parametrize("count", [1, 3])
def test_a_shift_is_taken_from_every_pixel(cell, family, count):
    raw, moved = (stack(cell, count, family=family) for _ in range(2))
    shifts = torch.tensor([0.5, -0.25, 0.125])[:count]
    for e in range(count):
        moved.put(e, [part[e] for part in raw.parts()], float(shifts[e]))
    x = torch.rand(count, 5, 128)
    assert torch.allclose(moved(x), raw(x - shifts[:, None, None]), atol=1e-6)
    assert not torch.allclose(moved(x), raw(x), atol=1e-2)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_network_taken_out_gives_equal_outputs_and_can_be_put_back(cell, variant):
    model, x = stack(cell, **variant), torch.randn(3, 5, 128)
    assert len(model) == 3
    other = networks.stack(model.cell, 3)
    for e in range(3):
        taken = model[e]
        assert not any(p.data_ptr() == q.data_ptr() for p in taken.parameters() for q in model.parameters())
        assert torch.allclose(taken(x[e]), model(x)[e], atol=2e-6)
        other.take(e, taken.state_dict())
    assert torch.allclose(other(x), model(x), atol=2e-6)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_gradients_of_a_stack_are_those_of_each_network(cell, family):
    model, x = stack(cell, family=family), torch.randn(3, 5, 128)
    (model(x) ** 2).sum().backward()
    for e in range(3):
        alone = model[e]
        (alone(x[e]) ** 2).sum().backward()
        first = next(p for p in alone.parameters() if p.ndim > 1).grad
        assert first is not None
        ours = model.weights[0].grad[e]
        first = first.permute(2, 3, 1, 0).flatten(0, 2) if first.ndim == 4 else first.T
        assert torch.allclose(ours, first, atol=1e-4)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_ntk_parametrisation_starts_at_the_same_function(cell, family):
    x = torch.randn(2, 5, 128)
    standard, ntk = (
        networks.stack(replace(cell, family=family, parametrisation=kind, init_scale=1.5), 2)
        for kind in ("standard", "ntk")
    )
    for model in (standard, ntk):
        for e in range(2):
            model.put(e, model.initial(streams.stream_key(e, "weights")))
    assert torch.allclose(standard(x), ntk(x), rtol=1e-4, atol=1e-5)
    assert ntk.weights[0].var().item() == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2.0), ("tanh", 1.0)])
def test_initial_weights_have_the_stated_variance_and_do_not_depend_on_the_stack(cell, activation, gain):
    wide = replace(cell, width=400, depth=3, activation=activation, init_scale=0.5)
    model = networks.stack(wide, 1)
    tensors = model.initial(streams.stream_key(1, "weights"))
    assert tensors[0].var().item() == pytest.approx(gain * 0.25 / 128, rel=0.03)
    assert tensors[1].var().item() == pytest.approx(gain * 0.25 / 400, rel=0.03)
    larger = networks.stack(wide, 5)
    for ours, theirs in zip(tensors, larger.initial(streams.stream_key(1, "weights")), strict=True):
        assert torch.equal(ours, theirs)


def test_low_precision_changes_little_and_keeps_float32_outputs(cell):
    model, x = stack(cell), torch.randn(3, 5, 128)
    rough = networks.stack(replace(model.cell, precision="bf16"), 3)
    for new, old in zip(rough.parts(), model.parts(), strict=True):
        new.copy_(old)
    assert rough(x).dtype == torch.float32
    assert not torch.equal(rough(x), model(x))
    assert (rough(x) - model(x)).abs().max() < 0.05 * model(x).abs().max()


def test_select_copies_networks(cell):
    model = stack(cell)
    chosen = model.select([2, 0])
    x = torch.randn(3, 16, 128)
    assert torch.equal(chosen(x[[2, 0]]), model(x)[[2, 0]])


def test_shapes_are_checked(cell):
    with pytest.raises(TypeCheckError):
        stack(cell)(torch.zeros(3, 128))
