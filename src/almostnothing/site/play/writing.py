"""What the play pages take from published tables, as generated Markdown."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from almostnothing import data, front, stats
from almostnothing.errors import UserError
from almostnothing.files import write_atomic
from almostnothing.naming import dataset_name
from almostnothing.site.play import bundles
from almostnothing.site.records import figure_address

NETWORKS = ("mnist", "fashion_mnist")
LAWS = {"replacement": "uniform", "additive": "additive"}  # of the published table, as the calculator calls them
ASSETS = ("almost.js", "draw.js")


def write(root: Path, source: Path) -> None:
    """Write the front page's slider, and what the play pages include: `_generated/play_*.md`, `_static/play/front.png`.

    Raises `UserError` where the published table has a p without a picture: `export` makes these.
    """
    generated = source / "_generated"
    image = root / front.FILE.with_suffix(".png")
    write_atomic(source / "_static/play/front.png", image.read_bytes())
    for name, text in {"hero": hero(root), "play_networks": networks(root), "play_knee": knee(root)}.items():
        write_atomic(generated / f"{name}.md", text.encode())


def raw(text: str) -> str:
    """HTML that stands in a page as it is."""
    return f"```{{raw}} html\n{text}\n```\n"


def embedded(name: str, content: Any) -> str:
    """JSON that a script of the page reads."""
    text = json.dumps(content, allow_nan=False).replace("</", "<\\/")
    return f'<script type="application/json" id="{name}">{text}</script>'


def scripts(*names: str) -> str:
    """The style and the scripts of a play page, in this order."""
    tags = [f'<script src="_static/play/{name}"></script>' for name in (*ASSETS, *names)]
    return "\n".join(['<link rel="stylesheet" href="_static/play/play.css">', *tags])


def hero(root: Path) -> str:
    """The slider, with the accuracies of the front page's figure; that figure where there is no script."""
    table, trained = (pd.read_csv(root / path, low_memory=False) for path in (front.TABLE, front.TRAINED))
    rows, _ = front.drawn(table, trained)
    found = curves(rows)
    lacking = set(found["p"]) - set(bundles.read(root / bundles.SCRIPTS, "pictures")["strengths"])
    if lacking:
        raise UserError(f"no picture is made of p = {min(lacking):g}: run python -m almostnothing.site.play.export")
    right = rows.loc[np.isclose(rows["strength"], front.HEADLINE), ["accuracy", "ncm"]].mean()
    words = (
        f"A digit at growing corruption p, the mean of many such images, and accuracy on clean images: at p = "
        f"{front.HEADLINE:g} the network has {right['accuracy']:.0%} right, the nearest class mean {right['ncm']:.0%}."
    ).replace("%", " %")
    still = f'<noscript><img src="_static/play/front.png" alt="{html.escape(words)}"></noscript>'
    size, width, seeds = (int(rows[name].iloc[0]) for name in ("train_size", "width", "seed"))
    seeds = rows["seed"].nunique()
    caption = (
        f"{front.TITLE}; networks with one hidden layer of {width} units and the nearest class mean, trained on "
        f"{size:,} images that were corrupted once, tested on clean ones; means over {seeds} seeds with 95 % intervals: "
        f'<a href="{figure_address("paper", front.TABLE.stem)}">05 survival</a>. '
        '<a href="play.html">Play with it</a>.'
    )
    return raw(
        "\n".join(
            [
                f'<div class="an-play" id="an-hero">{still}</div>',
                f'<p class="an-play an-small">{caption}</p>',
                embedded("an-hero-data", found),
                scripts("pictures.js", "hero.js"),
            ]
        )
    )


def curves(rows: pd.DataFrame) -> dict[str, Any]:
    """Accuracy by p: of network and rule with its 95 % interval over seeds, of theory alone."""
    groups = [group for _, group in rows.groupby("strength")]

    def intervals(column: str) -> list[list[float]]:
        found = [stats.mean_interval(group[column]) for group in groups]
        return [[round(one.estimate, 5), round(one.low, 5), round(one.high, 5)] for one in found]

    return {
        "p": sorted(rows["strength"].unique()),
        "headline": front.HEADLINE,
        "chance": 1 / data.source(front.DATASET).facts.classes,
        "network": intervals("accuracy"),
        "ncm": intervals("ncm"),
        "theory": [round(float(group["theory"].mean()), 5) for group in groups],
    }


def networks(root: Path) -> str:
    """Which networks play: published cells, with their counts on all test images."""
    lines = [
        "| data | right of all clean test images: network | nearest class mean | corrupted alike: network "
        "| nearest class mean | cell | status |",
        "|-|-|-|-|-|-|-|",
    ]
    for name in NETWORKS:
        found = bundles.read(root / bundles.SCRIPTS, name)
        cell, origin = found["provenance"]["cell"], found["provenance"]
        shares = [
            f"{one[who] / one['images']:.1%}".replace("%", " %")
            for one in (found["counts"][test] for test in ("clean", "corrupted"))
            for who in ("network", "ncm")
        ]
        lines.append(f"| {found['title']} | {' | '.join(shares)} | `{origin['key']}` | {origin['status']} |")
    words = (
        f"Both networks are cells of the published page [01 knee]({figure_address('paper', '01_knee')}), which serve "
        f"05 survival, too: one hidden layer of {cell['width']} {cell['activation']} units, trained on "
        f"{cell['train_size']:,} images of which each pixel was replaced by uniform noise with probability "
        f"{cell['strength']:g}, drawn once, seed {cell['seed']}. The nearest class mean has the means of the same "
        "corrupted images. Weights are rounded to 16 bits, which changes no answer to any of the "
        f"{sum(one['images'] for one in found['counts'].values()):,} test images, clean and corrupted, of a data set."
    )
    return "\n".join([words, "", *lines, ""])


def measured(root: Path) -> dict[str, dict[str, list[dict[str, float]]]]:
    """What the nearest class mean was measured to get right on clean tests, by data set and law: means over seeds."""
    table = pd.read_csv(root / front.TABLE, low_memory=False)
    own = table[(table["test"] == "clean") & table["law"].isin(list(LAWS)) & (table["training_corruption"] == "fixed")]
    axes = ["dataset", "law", "train_size", "strength"]
    # one value a seed: networks of several widths share the rule
    means = own.drop_duplicates([*axes, "seed"]).groupby(axes)["ncm"].mean().round(5)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for row in means.reset_index().to_dict("records"):
        rows = found.setdefault(row["dataset"], {}).setdefault(LAWS[row["law"]], [])
        rows.append({name: row[name] for name in ("train_size", "strength", "ncm")})
    return found


def knee(root: Path) -> str:
    """The calculator, with the measured points, and how exact its tables are."""
    return raw(
        "\n".join(
            [
                '<div class="an-play" id="an-knee"><noscript>This page calculates in your browser: it needs its '
                "scripts.</noscript></div>",
                embedded("an-knee-data", measured(root)),
                scripts("curves.js", "knee.js"),
            ]
        )
    )
