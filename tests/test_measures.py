from dataclasses import replace

import numpy as np
import pytest
import torch

from almostnothing import networks, streams
from almostnothing.measures import margins


def test_margin_is_own_logit_less_the_best_other():
    logits, labels = torch.randn(2, 50, 5), torch.randint(5, (2, 50))
    gamma = margins.margin(logits, labels)
    for e in range(2):
        for i in range(50):
            own = logits[e, i, labels[e, i]]
            other = max(logits[e, i, k] for k in range(5) if k != labels[e, i])
            assert gamma[e, i] == own - other
    assert torch.equal(gamma > 0, logits.argmax(-1) == labels)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_gradients_of_all_images_at_once_are_those_of_one_by_one(cell, family):
    torch.manual_seed(0)
    model = networks.build(replace(cell, family=family, width=5), 2)
    for e in range(2):
        model.put(e, model.initial(streams.stream_key(e, "weights")))
    x, labels = torch.rand(2, 20, 64), torch.randint(10, (2, 20))
    gamma, gradient = margins.margin_gradient(model, x, labels)
    for e in range(2):
        plain = model[e]
        for i in range(20):
            image = x[e, i : i + 1].clone().requires_grad_()
            one = margins.margin(plain(image)[None], labels[e : e + 1, i : i + 1])
            expected = torch.autograd.grad(one.sum(), image)[0][0]
            assert torch.allclose(gradient[e, i], expected, atol=1e-5)
            assert gamma[e, i].item() == pytest.approx(one.item(), abs=1e-5)


def test_summary():
    gamma = torch.randn(1001)
    summary = margins.summary(gamma)
    values = gamma.double().numpy()
    assert summary["margin_mean"] == pytest.approx(values.mean())
    assert summary["margin_sd"] == pytest.approx(values.std())
    quantiles = [summary[name] for name in margins.QUANTILES]
    assert quantiles == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]).tolist())
