"""Classifiers of torchvision, asked as the networks of this project are: from values of pixels to logits."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from almostnothing.data.datasets import Dataset
from almostnothing.errors import UserError
from almostnothing.measures.attacks import Ask

PATIENCE = 20.0  # seconds until a download that does not answer has failed
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, where weights do not say theirs


def classifier(
    name: str, weights: str | None, classes: Mapping[str, str], dataset: Dataset, seed: int, device: torch.device
) -> Ask:
    """A network of torchvision that chooses among some classes of its own: the logits of these, of images (cell, image,
    pixel) of one cell.

    `classes`: the data set's class folders, and what the weights call each. Without `weights` it is drawn by `seed`,
    with one logit a class, and has learned nothing.

    Raises `UserError` for a name, weights or a class that torchvision does not have, for weights that are neither at
    hand nor can be downloaded, and for class folders that are not those of the data set.
    """
    check_folders(classes, dataset)
    models = _models()
    chosen_places = places(name, weights, classes, dataset.names)
    if weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = models.get_model(name, weights=None, num_classes=len(chosen_places))
        mean, deviation = MEAN, DEVIATION
    else:
        network, usual = _loaded(name, weights), _weights(name, weights).transforms()
        mean, deviation = tuple(getattr(usual, "mean", MEAN)), tuple(getattr(usual, "std", DEVIATION))
    network = network.eval().requires_grad_(False).to(device)
    centre, scale = (torch.tensor(each, device=device).view(1, 3, 1, 1) for each in (mean, deviation))
    shape, chosen = dataset.facts.shape, torch.tensor(chosen_places, device=device)

    def ask(x: Tensor) -> Tensor:
        logits = network((x[0].view(-1, *shape) - centre) / scale)
        return logits[:, chosen][None].float()

    return ask


def check(name: str, weights: str | None, classes: Mapping[str, str]) -> None:
    """Raise `UserError` for a network, weights or a class that torchvision does not have, and, of weights that are not
    at hand, where they cannot be downloaded: they are brought now.
    """
    places(name, weights, classes, list(classes))
    if weights is not None:
        _loaded(name, weights)


def check_folders(classes: Mapping[str, str], dataset: Dataset) -> None:
    """Raise `UserError` unless the class folders are those of the data set."""
    if set(classes) != set(dataset.names):
        odd = sorted(set(classes) ^ set(dataset.names))[0]
        raise UserError(
            f"pretrained.classes and the class folders of {dataset.source.name} differ in {odd}: both must name the "
            "same; put links to the folders of these classes alone into a folder of their own"
        )


def places(name: str, weights: str | None, classes: Mapping[str, str], order: Sequence[str]) -> list[int]:
    """Which logit of the network belongs to each class folder, in the order of the data set's labels."""
    known = _models().list_models(module=_models())
    if name not in known:
        raise UserError(f"pretrained.network is {name!r}, and torchvision has no such classifier: resnet50 is one")
    if weights is None:
        return list(range(len(order)))
    words = list(_weights(name, weights).meta["categories"])
    for folder, word in classes.items():
        if words.count(word) != 1:
            there = "none" if word not in words else "two"
            raise UserError(
                f"pretrained.classes calls {folder} {word!r}: the weights {weights} have {there} of this name"
            )
    return [words.index(classes[folder]) for folder in order]


def _weights(name: str, weights: str) -> Any:
    try:
        return _models().get_model_weights(name)[weights]
    except KeyError as error:
        known = ", ".join(one.name for one in _models().get_model_weights(name))
        raise UserError(f"pretrained.weights is {weights!r}: {name} has {known}") from error


def _loaded(name: str, weights: str) -> torch.nn.Module:
    """The network with its weights, which torch keeps in its own cache once they are there."""
    patience = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(PATIENCE)
        return _models().get_model(name, weights=_weights(name, weights))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"the weights {weights} of {name} are not at hand and cannot be downloaded: connect this machine once, or "
            f"put {_weights(name, weights).url.rpartition('/')[2]} into {torch.hub.get_dir()}/checkpoints"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)


def _models() -> Any:
    from almostnothing.data import torchvision  # which makes its import work beside any build of torch

    return importlib.import_module(f"{torchvision.torchvision.__name__}.models")
