"""Make the assets of the play pages anew: `ALMOSTNOTHING_DATA=FOLDER python -m almostnothing.site.play.export`.

Needs the files of MNIST, Fashion-MNIST and CIFAR-10, and a few minutes. What it writes is committed, so that the site
is built without them: a bundle of `IMAGES` test images, class means and a network for each of `DATASETS`; the pictures
of the front page's slider; the knee calculator's tables. The networks are cells of a published page, trained here again
unless the store has them; their counts must be the published ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from almostnothing import corruptions, data, front, keys, networks, pages, sweeps, tables
from almostnothing.cells import Cell, key_of
from almostnothing.data import Dataset
from almostnothing.errors import UserError
from almostnothing.evaluation import outputs
from almostnothing.files import digest, project
from almostnothing.measures.trained import training_set
from almostnothing.naming import dataset_name
from almostnothing.parameters import files
from almostnothing.parameters.page import Compute
from almostnothing.site.play import bundles, knees
from almostnothing.store import STORE, Store

PAGE = "01_knee"  # its networks serve 05_survival, too
DATASETS = ("mnist", "fashion_mnist")
CALCULATED = ("mnist", "fashion_mnist", "npz:cifar10.npz", "digits")
TRAIN_SIZE, WIDTH, STRENGTH, SEED = 10_000, 128, 0.9, 0
IMAGES = 100
TESTS = {"clean": None, "corrupted": "test corruption"}  # the streams of a cell's evaluation


def cell_of(dataset: str, folder: Path, root: Path) -> Cell:
    """The published cell whose network plays, for a data set."""
    path = root / files.FOLDER / "paper" / f"{PAGE}.yaml"
    sweep = files.load(pages.model_of(PAGE, str(path)), path).sweep
    assert sweep is not None
    wanted = {"dataset": dataset, "width": WIDTH, "depth": 2, "train_size": TRAIN_SIZE, "strength": STRENGTH}
    recipe = {"seed": SEED, "training_corruption": "fixed", "centred": True, "downsample": 1, "loss": "cross_entropy"}
    asked = (wanted | recipe).items()
    [cell] = [one for one in sweep.cells(folder) if all(getattr(one, name) == value for name, value in asked)]
    return cell


def published_rows(cell: Cell, root: Path) -> pd.DataFrame:
    """The rows of the published table that are a cell's, by test."""
    table = tables.each_test(pd.read_csv(root / "figures/paper" / f"{PAGE}.csv", low_memory=False))
    names = ("dataset", "train_size", "strength", "width", "depth", "seed", "training_corruption", "centred", "steps")
    own = [table[name] == getattr(cell, name) for name in (*names, "learning_rate", "downsample")]
    return table[np.logical_and.reduce(own)].set_index("test")


def bundle(cell: Cell, folder: Path, root: Path, store: Store) -> dict[str, Any]:
    """A data set's bundle, with where its numbers come from.

    Raises `UserError` where the network is not the published one, or its rounded weights give another answer to any
    test image, clean or corrupted.
    """
    sweeps.train(sweeps.Shard((cell,)), store, Compute(quiet=True), "play", folder)
    dataset = data.load(cell.source, folder)
    rows, published = {row["test"]: row for row in store.rows(cell)}, published_rows(cell, root)
    for test in TESTS:
        if rows[test]["correct"] != published["correct"][test]:
            raise UserError(f"{cell.dataset}: the network here is not the published one on {test} tests: {rows[test]}")
    weights = store.weights(cell)
    exact = [(weights[f"{k}.weight"].numpy(), weights[f"{k}.bias"].numpy()) for k in (1, 3)]
    shift = float(weights["0.by"])
    law = corruptions.law_of(cell.corruption, dataset)
    seen, labels = (part.double().numpy() for part in training_set(cell, dataset, law, torch.device("cpu")))
    of_class = [seen[labels == label] for label in range(dataset.facts.classes)]
    where = np.sort(dataset.tests(IMAGES))
    made: dict[str, Any] = {
        "dataset": cell.dataset,
        "title": dataset_name(cell.dataset),
        "names": [name.partition(" - ")[0] for name in dataset.names],  # of "2 - two" the digit
        "shape": list(dataset.facts.shape),
        "levels": dataset.levels,
        "indices": where.tolist(),
        "labels": dataset.test.labels[where].tolist(),
        "images": bundles.packed(dataset.test.images[where].astype(np.uint8)),
        "means": bundles.packed_means(np.stack([own.mean(0) for own in of_class])),
        "variance": float(np.mean([own.var(0).mean() for own in of_class])),
        "network": {"shift": shift, "layers": [bundles.packed_layer(*layer) for layer in exact]},
    }
    record, numbers = cell.record(), key_of(cell, "test corruption")
    made["provenance"] = {
        "page": PAGE,
        "cell": record,
        "key": keys.key(cell),
        "status": rows["clean"]["status"],
        "device": rows["clean"]["device"],
        "weights": bundles.weights_digest(exact, shift),
        "exported": bundles.exported_digest(made),
    }
    made["counts"], made["answers"] = {}, {"key": numbers.tolist()}
    for test, purpose in TESTS.items():
        images = tests(cell, dataset, purpose)
        before = trained_answers(cell, dataset, weights, purpose)
        own = {"network": bundles.answers(bundles.logits(made, images))}
        if not np.array_equal(own["network"], before):
            raise UserError(
                f"{cell.dataset}: rounded weights answer {(own['network'] != before).sum()} {test} tests anew"
            )
        own["ncm"] = np.concatenate([bundles.answers(bundles.mean_scores(made, part)) for part in np.split(images, 50)])
        made["counts"][test] = {
            "images": len(images),
            **{name: int((found == dataset.test.labels).sum()) for name, found in own.items()},
        }
        made["answers"][test] = {name: found[where].tolist() for name, found in own.items()}
    return made


def tests(cell: Cell, dataset: Dataset, purpose: str | None) -> np.ndarray:
    """All test images, as a cell's evaluation sees them: clean, or corrupted by the stream `purpose`."""
    images = dataset.values(dataset.test)
    if purpose is None:
        return images
    law = corruptions.law_of(cell.corruption, dataset)
    return corruptions.corrupted(law, torch.from_numpy(images), cell.strength, key_of(cell, purpose)).numpy()


def trained_answers(cell: Cell, dataset: Dataset, weights: dict[str, Any], purpose: str | None) -> np.ndarray:
    """What the network with its own weights answers to all test images."""
    model = networks.stack(cell, 1)
    model.take(0, weights)
    where = np.arange(len(dataset.test.labels))[None]
    found, _ = outputs([cell], model, dataset, dataset.test, where, where, purpose)
    return bundles.answers(found[0].numpy())


def pictures(folder: Path, root: Path) -> dict[str, Any]:
    """The slider's pictures at every p of the front page's table: one image, and the mean of many, as in its figure."""
    record = json.loads((root / front.FILE.with_suffix(".json")).read_text())["images"]
    dataset = data.load(data.source(front.DATASET, folder), folder)
    image = dataset.values(dataset.test)[[record["test image"]["index"]]]
    of_class = np.flatnonzero(dataset.train.labels == record["training images"]["of class"])
    many = dataset.values(dataset.train)[of_class[: record["training images"]["first"]]]
    if digest(image.tolist()) != record["test image"]["content"]:
        raise UserError("the image of figures/front.json is not the one in these data files")
    table, trained = (pd.read_csv(root / path, low_memory=False) for path in (front.TABLE, front.TRAINED))
    strengths = sorted(front.drawn(table, trained)[0]["strength"].unique())
    law = corruptions.law_of(front.LAW, dataset)
    ones = corruptions.series(law, image, strengths, seed=0)[:, 0]
    means = np.stack([corruptions.series(law, many, [p], seed=1)[0].mean(0, dtype=np.float64) for p in strengths])
    low, high = means.min(1, keepdims=True), means.max(1, keepdims=True)
    return {
        "strengths": strengths,
        "shape": list(dataset.facts.shape),
        "class": dataset.names[record["training images"]["of class"]].partition(" - ")[0],
        "images": len(many),
        "index": record["test image"]["index"],
        "ones": bundles.packed(np.rint(255 * ones).astype(np.uint8)),
        "means": bundles.packed(np.rint(255 * (means - low) / (high - low)).astype(np.uint8)),
        "ranges": np.concatenate([low, high], 1).round(4).tolist(),
    }


def curves(folder: Path) -> dict[str, Any]:
    """The calculator's tables, by data set and law, and predictions between their points that tests compare."""
    made: dict[str, Any] = {
        "laws": {name: {"title": title, "symbol": symbol} for name, (title, symbol, _, _) in knees.LAWS.items()},
        "datasets": {},
    }
    for name in CALCULATED:
        dataset = data.load(data.source(name, folder), folder)
        found = {
            law: knees.table(dataset, record, axis) | {"checks": knees.checks(dataset, record, axis)}
            for law, (_, _, record, axis) in knees.LAWS.items()
        }
        made["datasets"][name] = {"title": dataset_name(name), "classes": dataset.facts.classes, "laws": found}
    return made


def main() -> None:
    """Write all assets."""
    root, folder, store = project(), data.folder(), Store(STORE)
    target = root / bundles.SCRIPTS
    for dataset in DATASETS:
        bundles.write(target, dataset, bundle(cell_of(dataset, folder, root), folder, root, store))
    bundles.write(target, "pictures", pictures(folder, root))
    bundles.write(target, "curves", curves(folder))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
