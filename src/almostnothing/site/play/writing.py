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
from almostnothing.site.front_page import FIGURE
from almostnothing.site.play import bundles, knees
from almostnothing.site.records import figure_address, raw
from almostnothing.theory import prototypes

NETWORKS = ("mnist", "fashion_mnist")
LAWS = {"replacement": "uniform", "additive": "additive"}  # of the published table, as the calculator calls them
ASSETS = ("almost.js", "draw.js")


def write(root: Path, source: Path) -> None:
    """Write what the front page and the play pages include: `_generated/hero.md` and `_generated/play_*.md`."""
    assets = root / bundles.SCRIPTS
    made = {
        "hero": hero(root),
        "play_lab": app("an-lab", "lab.js"),
        "play_networks": networks(assets),
        "play_game": app("an-game", "game.js"),
        "play_knee": knee(root),
    }
    for name, text in made.items():
        write_atomic(source / "_generated" / f"{name}.md", text.encode())


def embedded(name: str, content: Any) -> str:
    """JSON that a script of the page reads."""
    text = json.dumps(content, allow_nan=False).replace("</", "<\\/")
    return f'<script type="application/json" id="{name}">{text}</script>'


def scripts(*names: str) -> str:
    """The style and the scripts of a play page, in this order."""
    tags = [f'<script src="_static/play/{name}"></script>' for name in (*ASSETS, *names)]
    return "\n".join(['<link rel="stylesheet" href="_static/play/play.css">', *tags])


def app(name: str, *needed: str, embeds: str = "", still: str = "") -> str:
    """A place that scripts fill, with what they read; `still` stands there where no script runs."""
    still = still or "This works in your browser alone, by scripts, which are off here."
    place = f'<div class="an-play" id="{name}"><noscript>{still}</noscript></div>'
    return raw("\n".join(filter(None, [place, embeds, scripts(*needed)])))


def hero(root: Path) -> str:
    """The slider, with the accuracies of the front page's figure; that figure where there is no script.

    Raises `UserError` where the published table has a p without a picture: `export` makes these.
    """
    table, trained = (pd.read_csv(root / path, low_memory=False) for path in (front.TABLE, front.TRAINED))
    rows, _ = front.drawn(table, trained)
    found = curves(rows)
    lacking = set(found["p"]) - set(bundles.read(root / bundles.SCRIPTS, "pictures")["strengths"])
    if lacking:
        raise UserError(f"no picture is made of p = {min(lacking):g}: run python -m almostnothing.site.play.export")
    right = rows.loc[np.isclose(rows["strength"], front.HEADLINE), ["accuracy", "ncm"]].mean()
    words = (
        "A digit at growing corruption p, the mean of many such images, and accuracy on clean images: at p = "
        f"{front.HEADLINE:g} the network has {right['accuracy']:.0%} right, the nearest class mean {right['ncm']:.0%}."
    ).replace("%", " %")
    size, width = int(rows["train_size"].iloc[0]), int(rows["width"].iloc[0])
    caption = (
        f"{front.TITLE}. Networks with one hidden layer of {width} units and the nearest class mean, trained on "
        f"{size:,} images that were corrupted once, tested on clean ones. Lines: means over "
        f"{rows['seed'].nunique()} seeds, bars their 95 % intervals. "
        f"[The page behind it]({page(front.TABLE.stem)}) · "
        f'<a href="{FIGURE}">as a printed figure</a> · [play with your own choice of image and law](play.md)'
    )
    still = f'<img src="{FIGURE}" alt="{html.escape(words)}">'
    embeds = embedded("an-hero-data", found)
    return f"{app('an-hero', 'pictures.js', 'hero.js', embeds=embeds, still=still)}\n{caption}\n"


def curves(rows: pd.DataFrame) -> dict[str, Any]:
    """Accuracy by p: of network and rule with its 95 % interval over seeds, of theory alone."""
    groups = [group for _, group in rows.groupby("strength")]

    def intervals(column: str) -> list[list[float]]:
        found = [stats.mean_interval(group[column]) for group in groups]
        return [[round(one.mean, 5), round(one.low, 5), round(one.high, 5)] for one in found]

    return {
        "p": sorted(rows["strength"].unique()),
        "headline": front.HEADLINE,
        "chance": 1 / data.source(front.DATASET).facts.classes,
        "network": intervals("accuracy"),
        "ncm": intervals("ncm"),
        "theory": [round(float(group["theory"].mean()), 5) for group in groups],
    }


def networks(assets: Path) -> str:
    """Which networks play: published cells, with what they and the rule get right of all test images."""
    lines = ["| data | test images | network | nearest class mean |", "|-|-|-:|-:|"]
    found = [bundles.read(assets, name) for name in NETWORKS]
    for one in found:
        for test, count in one["counts"].items():
            shares = [f"{count[who] / count['images']:.1%}".replace("%", " %") for who in ("network", "ncm")]
            tested = f"{count['images']:,} {test}"
            lines.append(f"| {' | '.join([one['title'], tested, *shares])} |")
    cell, counts = found[0]["provenance"]["cell"], found[0]["counts"]
    origins = ((one["title"], one["provenance"]) for one in found)
    keys = "; ".join(f"{title} `{origin['key']}` ({origin['status']})" for title, origin in origins)
    words = (
        f"Both networks are cells of the published page [01 knee]({page('01_knee')}), and serve "
        f"[05 survival]({page('05_survival')}), too: one hidden layer of {cell['width']} {cell['activation']} units, "
        f"trained on {cell['train_size']:,} images of which each pixel was replaced by uniform noise with probability "
        f"{cell['strength']:g}, drawn once, seed {cell['seed']}. The nearest class mean has the means of the same "
        "corrupted images. Weights are rounded to 16 bits, which changes no answer to any of the "
        f"{sum(one['images'] for one in counts.values()):,} test images, clean and corrupted, of either data set."
    )
    return "\n".join([words, "", *lines, "", f"Keys of the cells, and how their training ended: {keys}.", ""])


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
    content = bundles.read(root / bundles.SCRIPTS, "curves")
    off = knees.errors(content)
    checked = sum(
        len(table["checks"]["knees"]) for one in content["datasets"].values() for table in one["laws"].values()
    )
    words = (
        f"Read off tables by a polynomial through {' × '.join(map(str, knees.NODES))} points of strength and N. Off "
        f"these points accuracies are within {off['clean']['accuracy']:.4f} of Python's for clean test images and "
        f"within {off['corrupted']['accuracy']:.3f} for corrupted ones, drawn once, so that Python's own curve is "
        "rough by as much. Half-way points agree with `predict_knee`, which is as exact as "
        f"{prototypes.PRECISION:g}: on clean test images within {off['clean']['survival']:.4f} in p and "
        f"{off['clean']['log']:.3f} in σ, on corrupted ones within {off['corrupted']['survival']:.4f} and "
        f"{off['corrupted']['log']:.3f} (the worst of {checked} that were compared)."
    )
    return f"{app('an-knee', 'curves.js', 'knee.js', embeds=embedded('an-knee-data', measured(root)))}\n{words}\n"


def page(name: str) -> str:
    """A figure's page, as a link in Markdown names it."""
    return figure_address("paper", name).replace(".html", ".md")
