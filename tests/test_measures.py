from dataclasses import replace

import numpy as np
import pytest
import torch

from almostnothing import data, networks, streams
from almostnothing.corruptions import Additive, LaplaceNoise, Replacement, Uniform
from almostnothing.measures import margins, signal


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


def test_powers_against_sampled_corruptions():
    x = np.random.default_rng(0).random((3, 12))
    for law, strength in ((Replacement(Uniform()), 0.7), (Additive(LaplaceNoise(), clip=True), 0.4)):
        power, noise, template = signal.powers(law, x, strength)
        draws = 20_000
        keys = torch.from_numpy(streams.stream_key(3, "test"))[None]
        number = torch.arange(3 * draws, dtype=torch.int32)[None]
        images = torch.from_numpy(x.astype(np.float32)).repeat(draws, 1)[None]
        noisy = law.sample(images, torch.tensor([[strength]]), keys, number)[0, 0].double().view(draws, 3, 12).numpy()
        s = noisy.mean(0) - noisy.mean((0, 1))
        assert (s**2).mean(1) == pytest.approx(power, rel=0.1, abs=2e-4)
        assert noisy.var(0).mean(1) == pytest.approx(noise, rel=0.02)
        exact = law.mean(x, strength) - law.mean(x, strength).mean(0)
        seen = np.einsum("dip,ip->di", noisy, exact)
        assert (exact**2).sum(1) ** 2 / seen.var(0) == pytest.approx(template, rel=0.05)
        assert signal.sampled_noise(law, x, strength, 5000) == pytest.approx(noise, rel=0.05)


def test_images_are_taken_from_each_class_in_turn():
    dataset = data.load(data.source("digits"))
    x = signal.shown_images(dataset, 20)
    first = [np.flatnonzero(dataset.test.labels == label)[0] for label in range(10)]
    assert np.allclose(x[:10], dataset.values(dataset.test)[first])
    assert len(np.unique(x, axis=0)) == 20


def test_decibels():
    assert signal.decibels(np.array([1, 10, 0.01])).tolist() == pytest.approx([0, 10, -20])
    assert pytest.approx(13.979, abs=1e-3) == signal.ROSE
