import numpy as np
import pytest

from almostnothing import data
from almostnothing.errors import UserError


def test_digits_are_all_there_once():
    from sklearn.datasets import load_digits

    dataset = data.load("digits")
    ours = np.concatenate([dataset.train.images, dataset.test.images])
    theirs = load_digits().data
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs.astype(np.uint8)))
    assert np.bincount(dataset.test.labels).tolist() == [50] * 10
    assert np.bincount(dataset.train.labels).min() == dataset.facts.train_per_class
    assert dataset.values(dataset.test).min() == 0
    assert dataset.values(dataset.test).max() == 1


@pytest.mark.parametrize("seed", [0, 7])
def test_subsets_are_balanced_and_nested(seed):
    dataset = data.load("digits")
    small, large = (dataset.subset(n, seed) for n in (100, 1240))
    assert np.bincount(dataset.train.labels[small]).tolist() == [10] * 10
    assert len(set(large)) == 1240
    assert set(small) < set(large)


def test_subsets_vary_with_the_seed():
    dataset = data.load("digits")
    assert set(dataset.subset(100, 0)) != set(dataset.subset(100, 1))


@pytest.mark.parametrize("size", [0, 105, 1250])
def test_impossible_size_is_one_sentence(size):
    with pytest.raises(UserError, match=rf"train_size {size} cannot be had from digits: .* multiple of its 10 classes"):
        data.check_train_size("digits", size)


def test_unknown_data_set_names_the_known_ones():
    with pytest.raises(UserError, match="no data set is called 'mnits': the known ones are digits"):
        data.load("mnits")
