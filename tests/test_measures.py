from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from almostnothing import data, networks, streams
from almostnothing.corruptions.additive import Additive
from almostnothing.corruptions.noises import LaplaceNoise
from almostnothing.corruptions.pixels import Uniform
from almostnothing.corruptions.replacement import Replacement
from almostnothing.measures import criterion, margins, signal


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
    model = networks.stack(replace(cell, family=family, width=5), 2)
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


def test_sampled_noise_is_the_same_whatever_is_held_at_once(monkeypatch):
    x, law = np.random.default_rng(0).random((3, 12)), Replacement(Uniform())
    whole = signal.sampled_noise(law, x, 0.7, 50)
    monkeypatch.setattr(signal, "SAMPLED", 3 * 12 * 7)
    assert signal.sampled_noise(law, x, 0.7, 50) == pytest.approx(whole)
    monkeypatch.setattr(signal, "SAMPLED", 1)
    assert signal.sampled_noise(law, x, 0.7, 50) == pytest.approx(whole)


def test_images_are_taken_from_each_class_in_turn():
    dataset = data.load(data.source("digits"))
    x = signal.shown_images(dataset, 20)
    first = [np.flatnonzero(dataset.test.labels == label)[0] for label in range(10)]
    assert np.allclose(x[:10], dataset.values(dataset.test)[first])
    assert len(np.unique(x, axis=0)) == 20


def test_decibels():
    assert signal.decibels(np.array([1, 10, 0.01])).tolist() == pytest.approx([0, 10, -20])
    assert pytest.approx(13.979, abs=1e-3) == signal.ROSE


# the margin criterion


@pytest.fixture
def stack(cell):
    """Two smooth networks of some size, so that expansions have something to expand."""
    model = networks.stack(replace(cell, activation="tanh", width=12, init_scale=2.0), 2)
    for e in range(2):
        model.put(e, model.initial(streams.stream_key(e, "weights")))
    return model


def some_images(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    return torch.from_numpy(rng.random((count, 64), np.float32)), torch.from_numpy(rng.integers(0, 10, count))


def test_first_order_moments_are_those_of_the_linear_change(stack):
    x, labels = some_images()
    law = Replacement(Uniform())
    seen = criterion.first_order(stack, law, x, labels, 0.3)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random((20000, *x.shape)) < 0.3, rng.random((20000, *x.shape)), x.numpy())
    shared = x.expand(2, -1, -1), labels.expand(2, -1)
    gamma, g = margins.margin_gradient(stack, *shared)
    change = np.einsum("eip,nip->nei", g.numpy(), noisy - x.numpy())
    error = change.std(0) / np.sqrt(len(noisy))
    assert (np.abs(seen["drift"].numpy() - change.mean(0)) < 5 * error).all()
    np.testing.assert_allclose(seen["sd"].numpy(), change.std(0), rtol=0.03)
    assert torch.equal(seen["margin"], gamma)
    centre = torch.from_numpy(law.mean(x.double().numpy(), 0.3)).float()
    assert torch.allclose(seen["mean_margin"], margins.margin_gradient(stack, centre.expand(2, -1, -1), shared[1])[0])


def test_blocks_of_images_change_nothing(stack):
    x, labels = some_images(9)
    law = Replacement(Uniform())
    whole = criterion.first_order(stack, law, x, labels, 0.5), criterion.all_classes(stack, law, x, labels, 0.5)
    for name, values in criterion.first_order(stack, law, x, labels, 0.5, held=1).items():
        assert torch.allclose(values, whole[0][name], atol=1e-5)
    assert torch.allclose(
        criterion.all_classes(stack, law, x, labels, 0.5, held=1), whole[1], atol=2 / criterion.ORTHANT
    )


def test_every_block_of_images_has_draws_of_its_own(stack):
    """One image three times, in blocks of one: what is sampled of each differs."""
    x, labels = some_images(1)
    x, labels = x.repeat(3, 1), labels.repeat(3)
    seen = criterion.measured(stack, Replacement(Uniform()), x, labels, 0.5, 40, held=1)
    for name in ("even", "bending"):
        assert len(set(seen[name][0].tolist())) == 3
    whole = criterion.measured(stack, Replacement(Uniform()), x, labels, 0.5, 4000)
    parts = criterion.measured(stack, Replacement(Uniform()), x, labels, 0.5, 4000, held=1)
    torch.testing.assert_close(whole["even"], parts["even"], atol=0.1, rtol=0.1)
    torch.testing.assert_close(whole["failures"], parts["failures"], atol=0.05, rtol=0)


def test_all_classes_is_the_orthant_probability(stack):
    x, labels = some_images()
    law, p = Replacement(Uniform()), 0.5
    found = criterion.all_classes(stack, law, x, labels, p)
    clean = x.double().numpy()
    centre, variance = torch.from_numpy(law.mean(clean, p)).float(), torch.from_numpy(law.variance(clean, p)).float()
    for e in range(2):
        for i in range(len(x)):
            jacobian = torch.func.jacrev(stack[e])(centre[i][None])[0, :, 0]
            logits = stack[e](centre[i][None])[0]
            others = [k for k in range(10) if k != labels[i]]
            away = (jacobian[labels[i]] - jacobian[others]).detach().numpy().astype(float)
            margins_there = (logits[labels[i]] - logits[others]).detach().numpy().astype(float)
            covariance = (away * variance[i].numpy()) @ away.T
            survives = multivariate_normal.cdf(
                margins_there, np.zeros(9), covariance, allow_singular=True, rng=np.random.default_rng(0)
            )
            assert found[e, i].item() == pytest.approx(1 - survives, abs=0.02)


def test_failures_are_counted_and_the_parts_are_odd_and_even(stack):
    x, labels = some_images()
    law = Additive(LaplaceNoise())
    seen = criterion.measured(stack, law, x, labels, 0.4, 4000)
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.laplace(0, 0.4 / np.sqrt(2), (4000, *x.shape)).astype(np.float32))
    with torch.no_grad():

        def gamma(z):
            logits = stack(z.flatten(0, 1).expand(2, -1, -1))
            return margins.margin(logits, labels.repeat(len(z)).expand(2, -1)).view(2, len(z), -1)

        plus, minus, here = gamma(x + noise), gamma(x - noise), gamma(x[None])
    even, odd = (plus + minus) / 2 - here, (plus - minus) / 2
    frequency = (plus < 0).float().mean(1)
    spread = (frequency * (1 - frequency) / 4000).sqrt() * np.sqrt(2)
    assert ((seen["failures"] - frequency).abs() <= 5 * spread + 1e-3).all()
    assert ((seen["even"] - even.mean(1)).abs() <= 5 * even.std(1) / np.sqrt(2000) + 1e-4).all()
    ratio = even.square().mean(1).sqrt() / odd.square().mean(1).sqrt()
    torch.testing.assert_close(seen["bending"], ratio, rtol=0.1, atol=0.01)


def test_the_even_part_is_the_second_derivative_where_noise_is_small(stack):
    x, labels = some_images(4)
    sigma = 0.005
    seen = criterion.measured(stack, Additive(LaplaceNoise()), x, labels, sigma, 20000)
    for e in range(2):
        plain = stack[e].double()
        for i in range(4):

            def gamma(z, plain=plain, i=i):
                logits = plain(z[None])[0]
                rest = torch.cat([logits[: labels[i]], logits[labels[i] + 1 :]])
                return logits[labels[i]] - rest.max()

            trace = torch.func.hessian(gamma)(x[i].double()).trace().item()
            assert seen["even"][e, i].item() == pytest.approx(sigma**2 * trace / 2, rel=0.1, abs=2e-6)
