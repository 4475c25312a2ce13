"""What people call things: data sets by their human names."""

from __future__ import annotations

DATASETS = {
    "digits": "digits",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR-10",
    "npz:cifar10.npz": "CIFAR-10",
}


def dataset_name(name: str) -> str:
    """A data set's human name; that of a user's own is its name in the parameter file, without its kind."""
    return DATASETS.get(name) or name.partition(":")[2] or name
