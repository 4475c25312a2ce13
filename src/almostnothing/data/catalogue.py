"""The published data sets: how to read them, their facts, and what their cards say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from almostnothing.data.arrays import Raw
from almostnothing.data.readers import cifar10, digits, idx
from almostnothing.data.sources import Facts


@dataclass(frozen=True)
class Entry:
    """A published data set: how to read it, its files in the data folder, its facts, and what its card says."""

    read: Callable[[Path], Raw]
    originals: str
    facts: Facts
    origin: str
    licence: str
    citation: str


CATALOGUE = {
    "digits": Entry(
        lambda _: digits(),
        "",
        Facts(10, (1, 8, 8), 124, "", "82ddfc35d0b4fd05db2e"),
        "scikit-learn (sklearn.datasets.load_digits); UCI Machine Learning Repository, test part",
        "CC BY 4.0",
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
    ),
    "mnist": Entry(
        idx("MNIST"),
        "MNIST/raw/*ubyte*",
        Facts(10, (1, 28, 28), 5421, "", "2148d383d4e4438c73d8"),
        "yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86, 2278 (1998)",
    ),
    "fashion_mnist": Entry(
        idx("FashionMNIST"),
        "FashionMNIST/raw/*ubyte*",
        Facts(10, (1, 28, 28), 6000, "", "09e6565f3a5e7c270153"),
        "github.com/zalandoresearch/fashion-mnist",
        "MIT",
        "H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747 (2017)",
    ),
    "kmnist": Entry(
        idx("KMNIST"),
        "KMNIST/raw/*ubyte*",
        Facts(10, (1, 28, 28), 6000, ""),
        "github.com/rois-codh/kmnist",
        "CC BY-SA 4.0",
        "T. Clanuwat et al., arXiv:1812.01718 (2018)",
    ),
    "cifar10": Entry(
        cifar10,
        "cifar-10-*",
        Facts(10, (3, 32, 32), 5000, ""),
        "www.cs.toronto.edu/~kriz/cifar.html",
        "none stated",
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    ),
}


CIFAR10C = (
    "CIFAR-10 for training; test images: zenodo.org/records/2535967",
    "CC BY 4.0 (test images)",
    "D. Hendrycks, T. Dietterich, Benchmarking Neural Network Robustness, ICLR 2019",
)


NAMES = f"{', '.join(CATALOGUE)}, cifar10c, cifar10c:CORRUPTION:SEVERITY, imagefolder:PATH and npz:PATH"
