"""Panels, summaries and claims of `15_images`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.claims import Cases, Claim, doubt_text, judged, number, short
from almostnothing.figures import (
    LOOKS,
    MARKERS,
    handles,
    mean_line,
    mosaic,
    panel_letters,
    picture,
    plain_ticks,
    strength_axis,
    with_verdicts,
)
from almostnothing.health import LEARNED
from almostnothing.naming import dataset_name
from almostnothing.pages.images.claims import CLAIMS, TEXT
from almostnothing.pages.images.parameters import Images
from almostnothing.tables import counted

CLEAN, REPLACEMENT = "clean", "replacement"
SYMBOLS = {REPLACEMENT: "p", "additive": "σ", "L0": "q"}  # of a norm's strength: ε
COLOURS = {
    REPLACEMENT: "#000000",
    "additive": "#c2410c",
    "L0": "#0173b2",
    "L0.5": "#0f766e",
    "L1": "#7a6a00",
    "L2": "#7c3aed",
    "L50": "#b0529f",
    "L∞": "#be123c",
}
SHORTER = 0.01  # share of a length by which another attack's is less that contradicts it


def rows_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of images, with what is taken over half the distance: `ratio` of Q, `predicted` of |M|, `rule` of the
    nearest class mean; `right`: correctly classified; `training`, in words; `error`: the size of ln(|M|/Q) where right.
    """
    rows = table[table["at"].isna()] if "at" in table else table
    right, half = rows["smallest"] > 0, rows["half"]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (np.log(rows["integral"].abs()) - np.log(rows["smallest"])).where(right).abs()
    return rows.assign(
        right=right,
        training=[words(kind, strength) for kind, strength in zip(rows["law"], rows["strength"], strict=True)],
        ratio=rows["smallest"] / half,
        predicted=rows["integral"].abs() / half,
        rule=rows["ncm"] / half,
        error=error,
    )


def words(kind: str, strength: float) -> str:
    """A training in words: `clean`, `replacement, p = 0.3`, `L2, ε = 1.01`."""
    return f"{kind}, {SYMBOLS.get(kind, 'ε')} = {strength:g}" if strength else kind


def settled(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of trainings whose networks all learned."""
    whole = (rows["status"] == LEARNED).groupby(rows["training"]).transform("all")
    return rows[whole]


def by_seed(rows: pd.DataFrame, value: str) -> pd.Series:
    """The mean over a seed's images of a value."""
    return rows.groupby("seed")[value].mean()


def shared(rows: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of two networks of each seed on the images that both classify correctly."""
    key = ["seed", "image"]
    own, theirs = rows[rows["right"]], other[other["right"]]
    both = own[key].merge(theirs[key])
    return own.merge(both), theirs.merge(both)


def over(rows: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """The mean ratio of a network over that of another of its seed, on the images that both classify correctly."""
    own, theirs = shared(rows, other)
    return by_seed(own, "ratio") / by_seed(theirs, "ratio")


def over_rule(rows: pd.DataFrame, value: str = "rule") -> pd.Series:
    """The mean of Q over the mean of what a rule withstands, on the images that both classify correctly, by seed."""
    own = rows[rows["right"] & (rows[value] > 0)]
    return by_seed(own, "ratio" if value == "rule" else "smallest") / by_seed(own, value)


def everywhere(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the images that all networks of their seed classify correctly."""
    return rows[rows.groupby(["seed", "image"])["right"].transform("all")]


def useless(rows: pd.DataFrame) -> pd.Series:
    """What one number misses: the mean size of ln Q less its median, over each seed's correctly classified images."""
    logs = np.log(rows.loc[rows["right"], "smallest"])
    seeds = rows.loc[rows["right"], "seed"]
    return (logs - logs.groupby(seeds).transform("median")).abs().groupby(seeds).mean()


def trainings(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each training with its rows, in the order of the table; the clean one first."""
    names = sorted(
        rows["training"].unique(), key=lambda name: bool(rows.loc[rows["training"] == name, "strength"].iloc[0])
    )
    for name in names:
        yield str(name), rows[rows["training"] == name]


def claims(table: pd.DataFrame, chosen: Images) -> list[Claim]:
    """What is claimed of each data set; a seed's value is a mean over its images, which differ between seeds."""
    cases = Cases()
    for dataset, every in rows_of(table).groupby("dataset", sort=False):
        good = settled(every)
        clean = good[good["strength"] == 0]
        for name, rows in trainings(every):
            own, right = good[good["training"] == name], good[(good["training"] == name) & good["right"]]
            noisy = bool(rows["strength"].iloc[0])
            where: dict[str, Any] = {"dataset": str(dataset)} | ({"training": name} if noisy else {})
            counts = counted(rows)

            def add(claim: str, values: pd.Series, where: Any = where, counts: Any = counts) -> None:
                cases.add(claim, where, stats.mean_interval(values), counts)

            ratio = by_seed(right, "ratio")
            add("noisy" if noisy else "agrees", by_seed(right, "error"))
            if noisy:
                both = counted(pd.concat([every[every["strength"] == 0], rows]))
                add("more", over(own, clean), counts=both)
                add("undone", ratio)
                add("kept", by_seed(clean, "accuracy") - by_seed(own, "accuracy"), counts=both)
            else:
                add("compressed", ratio)
                add("compressed-all", by_seed(own, "ratio"))
                apart = stats.absolute(stats.mean_interval(np.log(ratio * math.sqrt(rows["pixels"].iloc[0]))))
                low, high = math.exp(apart.low), math.exp(apart.high)
                cases.add("root", where, stats.Interval(math.exp(apart.mean), low, high, apart.n), counts)
                add("minimum", over_rule(own, "nearest"))
            add("informs", useless(own) - by_seed(right, "error"), where={"dataset": str(dataset), "training": name})
            if rows["law"].iloc[0] == REPLACEMENT:
                close = stats.absolute(stats.mean_interval(np.log(over_rule(own))))
                cases.add("meets", where, close, counts)
    return judged("15_images", CLAIMS, cases, chosen.thresholds.model_dump())


def summary(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """A row for each training: what its networks know and withstand, over which images, and how far Q is doubted.

    Means over seeds. `times clean`: on the images that both classify correctly. `right everywhere`: on the images that
    all networks of their seed do. `contradicted`: share of correctly classified images for which another attack finds
    less than 0.99 Q; `foolbox`: the same by foolbox, of how many. Both are marked where they are not below one in a
    hundred.
    """
    every = rows_of(table)
    rows = every[every["dataset"] == dataset]
    clean, lines = rows[rows["strength"] == 0], {}
    common = everywhere(rows)
    for name, own in trainings(rows):
        right = own[own["right"]]
        doubt = right["contradicted"].sum() / max(1, len(right))
        asked = right[right["second"].notna()]
        shorter = (asked["second"] < (1 - SHORTER) * asked["smallest"]).mean() if len(asked) else math.nan
        lines[name] = {
            "learned": f"{(own.groupby('seed')['status'].first() == LEARNED).sum()} of {own['seed'].nunique()}",
            "noise / signal": number(own["noise"].mean()),
            "accuracy": f"{own.groupby('seed')['accuracy'].first().mean():.3f}",
            "images": len(own),
            "right": len(right),
            "Q/(L/2), right": number(by_seed(right, "ratio").mean()),
            "Q/(L/2), all": number(by_seed(own, "ratio").mean()),
            f"right everywhere ({common.groupby('seed')['image'].nunique().sum()})": number(
                by_seed(common[common["training"] == name], "ratio").mean()
            ),
            "times clean": number(over(own, clean).mean()),
            "|M|/(L/2), right": number(by_seed(right, "predicted").mean()),
            "class mean, same images": number(by_seed(right[right["rule"] > 0], "rule").mean()),
            "contradicted": doubt_text(doubt),
            "foolbox": f"{doubt_text(shorter)} of {len(asked)}" if len(asked) else "–",
        }
    return pd.DataFrame(lines).T.rename_axis("trained on")


RECIPE = {  # keys of a sweep, and what a page calls them
    "family": "networks",
    "width": "width",
    "depth": "depth",
    "train_size": "N",
    "loss": "loss",
    "optimiser": "optimiser",
    "learning_rate": "rate",
    "schedule": "schedule",
    "batch_size": "batch",
    "steps": "steps",
}


def recipes(chosen: Images) -> pd.DataFrame:
    """How the networks of each data set were trained, or which one was there."""
    if chosen.pretrained is not None:
        ready = chosen.pretrained
        lines = {dataset_name(ready.dataset): {"networks": ready.network, "weights": ready.weights or "drawn"}}
        return pd.DataFrame(lines).T
    grids = chosen.sweep.grids if chosen.sweep else []
    found = {dataset_name(name): grid for grid in reversed(grids) for name in grid.dataset}
    values = {name: {key: getattr(grid, key) for key in RECIPE} for name, grid in reversed(found.items())}
    return pd.DataFrame(values).T.map(short).rename(columns=RECIPE)


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], dataset: str, limits: Any) -> Figure:
    """The figure of a data set: pictures, M against Q, and what networks withstand and know by their training."""
    every = rows_of(table)
    rows = every[every["dataset"] == dataset]
    drawn = pictures(table, dataset)
    tall = 1.15 if drawn else 0.0
    noisy = (rows["strength"] > 0).any()
    whole, room = with_verdicts((4.4 if noisy else 2.4) + tall, verdicts, dataset)
    parts = list(room.subfigures(2, 1, squeeze=False, height_ratios=[tall, 4.4]).flat) if drawn else [room]
    if drawn:
        for ax, (title, image) in zip(parts[0].subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
            picture(ax, mosaic(image[None], 1), title)
    axes = list(parts[-1].subplots(2 if noisy else 1, 3, squeeze=False).flat)
    predicted_panel(axes[0], rows, limits.agreement)
    if noisy:
        replaced_panel(axes[1], rows)
        noise_panel(axes[2], rows, lambda own: by_seed(own[own["right"]], "ratio"), "Q / (L/2)")
        axes[2].axhline(limits.compressed, color="0.6", lw=0.6, ls=":")
        axes[2].set_title("correctly classified", fontsize=6.5, loc="right")
        common = everywhere(rows)
        noise_panel(axes[3], common, lambda own: by_seed(own, "ratio"), "Q / (L/2)")
        axes[3].set_title("right by every network", fontsize=6.5, loc="right")
        noise_panel(axes[4], rows, lambda own: by_seed(own, "accuracy"), "clean accuracy")
        noise_panel(axes[5], rows, lambda own: by_seed(own[own["right"]], "error"), "mean |ln(|M|/Q)|")
        axes[5].axhline(limits.agreement, color="0.6", lw=0.6, ls=":")
        for ax in (axes[2], axes[3], axes[5]):
            ax.set_ylim(bottom=0)
        found, names = handles(axes[2:])
        parts[-1].legend(found, names, loc="outside lower center", ncols=len(names), fontsize=6, handlelength=1.6)
    else:
        for ax in axes[1:]:
            ax.set_axis_off()
    room.suptitle(headline(rows, dataset))
    panel_letters(axes if noisy else axes[:1])
    return whole


def headline(rows: pd.DataFrame, dataset: str) -> str:
    """What clean networks withstand, and those of each kind of noise at most."""
    means = {name: by_seed(own[own["right"]], "ratio").mean() for name, own in trainings(settled(rows))}
    if not means:
        return f"{dataset_name(dataset)}: not all networks learned"
    first, *others = means
    text = (
        f"{dataset_name(dataset)}: {first} networks withstand {number(means[first])} of half the way to another class"
    )
    if others:
        best = max(others, key=lambda name: means[name])
        text += (
            f",\nthose trained on noise up to {number(means[best])} ({best}): of images that they classify correctly"
        )
    return text


def pictures(table: pd.DataFrame, dataset: str) -> list[tuple[str, np.ndarray]]:
    """Titles and images (channel, height, width): clean, perturbed for each network that is shown, nearest other."""
    if "at" not in table:
        return []
    rows = table[table["at"].notna() & (table["dataset"] == dataset)]
    shown: list[tuple[str, np.ndarray]] = []
    for (kind, strength), own in rows.groupby(["law", "strength"], sort=False):
        lengths = table[table["at"].isna() & (table["dataset"] == dataset) & (table["law"] == kind)]
        lengths = lengths[(lengths["strength"] == strength) & (lengths["seed"] == own["seed"].iloc[0])]
        one = lengths[lengths["image"] == own["image"].iloc[0]].iloc[0]
        name = words(str(kind), own["strength"].iloc[0])
        title = f"Q = {one['smallest']:.2f}, answer {own['answer'].iloc[0]:.0f}\n({name})"
        if not shown:
            shown.append(("a test image\n", shaped(own["clean"])))
        shown.append((title, shaped(own["perturbed"])))
        half = np.sqrt(((own["other"] - own["clean"]) ** 2).sum()) / 2
        last = (f"half of the way there: {half:.2f}\n(nearest of its class)", shaped(own["other"]))
    return [*shown, last] if shown else []


def shaped(values: pd.Series) -> np.ndarray:
    """Pixels as a square image: in colour where a third of their number is a square, and that number is none."""
    side = math.isqrt(len(values))
    channels = 1 if side**2 == len(values) else 3
    side = math.isqrt(len(values) // channels)
    return values.to_numpy(float).reshape(channels, side, side)


def predicted_panel(ax: Axes, rows: pd.DataFrame, limit: float) -> None:
    """|M| against Q over half the distance, each correctly classified image of clean networks, and the text's four."""
    clean = rows[(rows["strength"] == 0) & rows["right"] & np.isfinite(rows["ratio"])]
    ax.plot(
        clean["ratio"],
        clean["predicted"],
        ".",
        color="black",
        ms=3,
        mew=0,
        alpha=0.35,
        label="an image",
        zorder=2,
        rasterized=True,
    )
    theirs = np.array(TEXT)
    ax.plot(theirs[:, 1], theirs[:, 0], "*", color=LOOKS["theory"][0], ms=6, mec="white", mew=0.4, label="the text's")
    shown = clean[["ratio", "predicted"]].to_numpy() if len(clean) else theirs
    ends = np.array([0.7 * min(np.quantile(shown, 0.01), theirs.min()), 1.3 * max(shown.max(), theirs.max())])
    ax.plot(ends, ends, color="0.4", lw=0.8)
    for factor in (math.exp(limit), math.exp(-limit)):
        ax.plot(ends, factor * ends, color="0.6", lw=0.6, ls=":")
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="Q / (L/2)", ylabel="|M| / (L/2)")
    plain_ticks(ax)
    ax.set_xticks(ax.get_yticks(), [label.get_text() for label in ax.get_yticklabels()])
    ax.set_xticks([], minor=True)
    ax.legend(loc="best", handletextpad=0.2)
    ax.set_title("clean networks", fontsize=6.5, loc="right")


def replaced_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """What networks trained under replacement withstand, its prediction, and two rules on the same images."""
    own = rows[rows["law"].isin([CLEAN, REPLACEMENT]) & rows["right"]]
    lines = {
        "network, Q": (own, "ratio", *LOOKS["accuracy"]),
        "predicted, |M|": (own, "predicted", LOOKS["theory"][0], "v"),
        "class mean": (own[own["rule"] > 0], "rule", *LOOKS["ncm"]),
    }
    for name, (some, value, colour, marker) in lines.items():
        means = some.groupby(["strength", "seed"])[value].mean()
        mean_line(ax, means.groupby("strength"), color=colour, marker=marker, label=name)
    bound = own.assign(bound=own["nearest"] / own["half"])
    means = bound[bound["bound"] > 0].groupby(["strength", "seed"])["bound"].mean()
    mean_line(ax, means.groupby("strength"), color="0.45", ls="--", label="nearest image, at least")
    if own["strength"].nunique() > 1:
        strength_axis(ax, sorted(own["strength"].unique()))
    ax.set(ylim=(0, 1.6 * max(ax.get_ylim()[1], 0.7)), ylabel="length / (L/2)")
    ax.legend(loc="upper left", fontsize=5.5, labelspacing=0.25, handlelength=1.4)
    ax.set_title("right by the network", fontsize=6.5, loc="right")


def noise_panel(ax: Axes, rows: pd.DataFrame, value: Callable[[pd.DataFrame], pd.Series], label: str) -> None:
    """A value against noise in training, a line a kind of noise; that of clean networks is the horizontal line.

    Hollow where some networks did not learn.
    """
    kinds = [kind for kind in COLOURS if kind in set(rows["law"])]
    clean, measured = stats.mean_interval(value(rows[rows["strength"] == 0])), False
    for kind, marker in zip(kinds, itertools.cycle(MARKERS), strict=False):
        points = []
        for _, own in rows[rows["law"] == kind].groupby("strength"):
            found = stats.mean_interval(value(own))
            points.append((own["noise"].mean(), found, bool((own["status"] == LEARNED).all())))
        points.sort(key=lambda point: point[0])
        x, means = [point[0] for point in points], [point[1] for point in points]
        spread = [[one.mean - one.low for one in means], [one.high - one.mean for one in means]]
        ax.errorbar(
            x,
            [one.mean for one in means],
            spread,
            color=COLOURS[kind],
            marker=marker,
            ms=3,
            lw=0.8,
            elinewidth=0.6,
            label=kind,
        )
        measured |= any(math.isfinite(one.mean) for one in means)
        hollow = [(a, one.mean) for a, one, whole in points if not whole]
        if hollow:
            ax.plot(*zip(*hollow, strict=True), marker, color=COLOURS[kind], mfc="white", ms=3, ls="", zorder=5)
    ax.axhspan(clean.low, clean.high, color="0.85", lw=0, zorder=0)
    ax.axhline(clean.mean, color="0.4", lw=0.8, zorder=0.5, label=CLEAN)
    ax.set(xscale="log" if measured else "linear", xlabel="noise / signal in training", ylabel=label)
