import numpy as np
import pytest
import torch
from scipy import stats

from almostnothing import streams
from almostnothing.corruptions.law import word_halves

# threefry2x32, 20 rounds, from the kat_vectors file of Random123: counter, key, result
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def as_int32(words: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    a, b = (np.array([w], dtype=np.uint32).view(np.int32) for w in words)
    return a, b


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_threefry_known_answers(counter, key, result):
    got = streams.threefry2x32(as_int32(key), as_int32(counter))
    assert [int(w.view(np.uint32)[0]) for w in got] == list(result)
    torched = streams.threefry2x32(
        tuple(map(torch.from_numpy, as_int32(key))), tuple(map(torch.from_numpy, as_int32(counter)))
    )
    assert [int(w.numpy().view(np.uint32)[0]) for w in torched] == list(result)


def test_stream_keys_differ_by_every_part_of_the_name():
    names = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", {"p": 0.5}), (0, "a", {"p": 0.25})]
    assert len({tuple(streams.stream_key(*name)) for name in names}) == len(names)


def test_uniforms_and_normals_follow_their_laws():
    key = streams.stream_key(3, "test")
    assert stats.kstest(streams.uniforms(key, 200_001), "uniform").pvalue > 1e-3
    assert stats.kstest(streams.normals(key, 200_001), "norm").pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_permutation_is_one(n):
    key = streams.stream_key(0, "order")
    assert sorted(streams.permutation(key, n)) == list(range(n))


def test_permutations_are_uniform():
    key = streams.stream_key(0, "order")
    orders = streams.permutation(key, 3, np.arange(6000))
    assert np.array_equal(orders[17], streams.permutation(key, 3, 17))
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


def test_uniforms_of_a_batch_is_uniform_and_uncorrelated():
    keys = torch.from_numpy(np.stack([streams.stream_key(s, "field") for s in range(2)]))
    draw = torch.arange(2000, dtype=torch.int32).expand(2, -1)
    u = torch.cat([streams.unit_floats(half) for half in word_halves(keys, draw, 9)], -1).double()
    assert stats.kstest(u.flatten().numpy(), "uniform").pvalue > 1e-3
    correlation = np.corrcoef(u.permute(0, 2, 1).reshape(18, 2000).numpy()) - np.eye(18)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_uniforms_of_a_batch_depends_on_stream_draw_and_pixel_alone():
    keys = torch.from_numpy(np.stack([streams.stream_key(s, "field") for s in range(3)]))
    draw = torch.arange(10, dtype=torch.int32).expand(3, -1)
    whole = word_halves(keys, draw, 7)
    part = word_halves(keys[1:2], draw[1:2, 4:6], 7)
    assert [tuple(half.shape) for half in whole] == [(3, 10, 4), (3, 10, 3)]
    assert all(torch.equal(a, b[1:2, 4:6]) for a, b in zip(part, whole, strict=True))
