"""Panels, summaries and claims of `18_effective_dimension`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats, tables
from almostnothing.claims import Cases, Claim, estimate_text, judged, number
from almostnothing.figures import (
    DOUBLE,
    FREE,
    LOOKS,
    MARKERS,
    colours,
    geometric_line,
    mean_line,
    panel_letters,
    plain_ticks,
    size_axis,
    with_verdicts,
)
from almostnothing.health import DEAD, LEARNED
from almostnothing.measures.capacity import CNN, MLP
from almostnothing.measures.modes import PENALISED, PLAIN
from almostnothing.naming import dataset_name
from almostnothing.pages.effective_dimension.claims import CLAIMS
from almostnothing.pages.effective_dimension.parameters import AT_ONCE, CHANCE, SLOWLY, Capacity, EffectiveDimension
from almostnothing.stats import Interval
from almostnothing.theory import interpolants
from almostnothing.theory.interpolants import Range

NAME = "18_effective_dimension"
TINY = 1e-9
# The slides' n and P, and n of ImageNet, with the ranges that these are rounded from or known in.
MNIST: dict[str, Any] = {"points": (6e4, 1e5), "parameters": (2e5, 3e6), "pixels": 28 * 28}
IMAGENET: dict[str, Any] = {"points": (1e7, 1.4e7), "pixels": 3 * 224 * 224}
NOT_HERE = "not measured"
SPHERE = "sphere"
RISING = "more steps would still raise robust training accuracy, so that sizes cannot be compared"
TEXT = 10.0  # the slides' effective dimension of MNIST
NAMES = {SPHERE: "random points"}
TRAINED = ["family", "train_size", "width", "steps", "training"]  # of adversarially trained networks
KIND = ["dataset", "pca_rank", "train_size", "width", "turned", "training", "target", "start"]
CELL = ["dataset", "pca_rank", "train_size", "width"]
CANDIDATES = {"stable_rank": "stable rank", "participation": "participation ratio", "two_nearest": "two nearest"}
CANDIDATE_LOOK = dict(zip(CANDIDATES, FREE[:3], strict=True))
RIVALS = {
    "no size": "n^(1/r), no k",
    "floor": "every function's floor",
    "sum": "floor + √(n/k)",
    "free": "free powers of n and k",
}
LAW = "√(n d̃/P)"
LOOK = {PLAIN: ("black", "o"), PENALISED: FREE[5]}
Measured = tuple["pd.Series[float]", dict[str, int]]  # by seed, and how many networks count
THEORY: dict[str, Any] = {"color": LOOKS["theory"][0], "lw": 0.9, "zorder": 1}


def title(dataset: str) -> str:
    """What points are called: a data set's title, or that they are random."""
    return NAMES.get(dataset) or dataset_name(dataset)


def evidence(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of kinds of which all networks learned, and how many networks that leaves and leaves out."""
    return tables.evidence(rows, KIND, rows["status"] == LEARNED)


def flattest(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each cell and seed the penalised network of the least certified bound, over starts."""
    own = rows[rows["training"] == PENALISED]
    return own.loc[own.groupby([*CELL, "turned", "target", "seed"])["upper"].idxmin()]


def by_chance(table: pd.DataFrame) -> pd.DataFrame:
    """The flattest networks on labels by chance."""
    return flattest(evidence(table[table["turned"] == CHANCE])[0])


def bridge(table: pd.DataFrame) -> pd.DataFrame:
    """Networks on labels with signal: plain, flattest, and of corrupted images."""
    rows, _ = evidence(table[table["turned"] < CHANCE])
    return pd.concat([rows[rows["training"] != PENALISED], flattest(rows)])


def counted(table: pd.DataFrame, **values: Any) -> dict[str, int]:
    """How many networks with these values, a list for each column, are evidence, and how many are not."""
    rows = table
    for column, own in values.items():
        rows = rows[rows[column].isin(own)]
    return evidence(rows)[1]


def log_order(rows: pd.DataFrame) -> pd.Series:
    """ln √(n/P), the law without its dimension."""
    return (rows["train_size"] / rows["parameters"]).map(math.log) / 2


def explained(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Of each seed the root mean square of ln constant that a law with an effective dimension and a factor leaves."""
    left = np.log(rows["lower"]) - log_order(rows)
    wants = {
        "one for all ranks": (left, ["seed"]),
        "the rank": (left - np.log(rows["pca_rank"]) / 2, ["seed"]),
        "one for each rank": (left, ["seed", "pca_rank"]),
    }
    found = {}
    for name, (own, by) in wants.items():
        about = own - own.groupby([rows[each] for each in by]).transform("mean")
        found[name] = about.groupby(rows["seed"]).agg(lambda some: math.sqrt((some**2).mean()))
    return found


def dimension(rows: pd.DataFrame) -> pd.DataFrame:
    """ln of r (constant on images/constant on random points)² by rank, n, k and seed, of cells that both have."""
    sides = [
        own.set_index(["pca_rank", "train_size", "width", "seed"])["lower"].map(math.log)
        for own in (rows[rows["dataset"] != SPHERE], rows[rows["dataset"] == SPHERE])
    ]
    found = (2 * (sides[0] - sides[1])).dropna().rename("dimension").reset_index()
    return found.assign(dimension=found["dimension"] + np.log(found["pca_rank"]))


def matched(rows: pd.DataFrame) -> pd.DataFrame:
    """ln of the dimension of random points that need networks as steep at the same n, k as images of the last rank.

    Between ranks of random points ln constant is interpolated in ln r; NaN beyond them, or where one is no evidence.
    """
    logs = rows.assign(log=np.log(rows["lower"]))
    random = logs[logs["dataset"] == SPHERE].pivot_table("log", ["train_size", "width", "seed"], "pca_rank").dropna()
    images = logs[(logs["dataset"] != SPHERE) & (logs["pca_rank"] == logs["pca_rank"].max())]
    images = images.set_index(["train_size", "width", "seed"])["log"]
    x, found = np.log(random.columns.to_numpy(float)), []
    for key, values in zip(random.index.tolist(), random.to_numpy(), strict=True):
        falls = values[::-1]  # growing, as constants fall with the rank
        if key in images.index and (np.diff(falls) > 0).all():
            at = float(np.interp(images[key], falls, x[::-1], left=math.nan, right=math.nan))
            found.append({"train_size": key[0], "width": key[1], "seed": key[2], "dimension": at})
    return pd.DataFrame(found, columns=["train_size", "width", "seed", "dimension"])


def inside(found: pd.DataFrame) -> pd.Series:
    """Of each seed the mean dimension over those n and k at which all seeds have one."""
    wide = found.pivot_table("dimension", "seed", ["train_size", "width"], dropna=False)
    return wide.dropna(axis=1).mean(axis=1)


def designs(rows: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each law the design of a linear fit, what is fitted, and ln of its slope in ln constant.

    Of most laws what is fitted is ln constant less ln of what the law knows, of slope 1; of floor + c √(n/k) it is
    ln (constant − floor) − ln √(n/k), of slope constant/(constant − floor).
    """
    y = np.log(rows["lower"].to_numpy())
    n, k, r, floor = (rows[name].to_numpy(float) for name in ("train_size", "width", "pca_rank", "floor"))
    each = (r[:, None] == np.unique(r)).astype(float)  # a constant for each rank, of all laws
    above, units = np.maximum(1 - floor / np.exp(y), TINY), np.log(n / k) / 2
    return {
        LAW: (each, y - units, 0 * y),
        "no size": (each, y - np.log(n) / r, 0 * y),
        "floor": (each, y - np.log(floor), 0 * y),
        "sum": (each, y + np.log(above) - units, -np.log(above)),
        "free": (np.column_stack([each, np.log(n), np.log(k)]), y, 0 * y),
    }


def densities(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each seed and law the mean ln density of ln constant, each pair of n and k left out in turn."""
    found = {}
    for seed, own in rows.groupby("seed"):
        pairs = list(zip(own["train_size"], own["width"], strict=True))
        found[seed] = {
            name: float((stats.log_predictive(y, x, pairs) + slope).mean())
            for name, (x, y, slope) in designs(own).items()
        }
    return pd.DataFrame.from_dict(found, orient="index", columns=[LAW, *RIVALS])


def doubled(rows: pd.DataFrame) -> pd.Series:
    """Of each seed ln of the constant at 2n and 2k over that at n and k, in the mean over ranks, n and k."""
    logs = rows.set_index(["seed", "pca_rank", "train_size", "width"])["lower"].map(math.log)
    twice = logs.rename(lambda n: n / 2, level="train_size").rename(lambda k: k / 2, level="width")
    return (twice - logs).dropna().groupby("seed").mean()


def at_error(rows: pd.DataFrame, training: str, seed: int, mse: float) -> float:
    """ln constant of networks held at errors, between whose own it is interpolated; NaN beyond them."""
    own = rows[(rows["training"] == training) & (rows["seed"] == seed)].sort_values("mse")
    if not len(own):
        return math.nan
    return float(np.interp(mse, own["mse"], np.log(own["lower"]), left=math.nan, right=math.nan))


def shares_closed(rows: pd.DataFrame, law: str) -> pd.Series:
    """Of each seed the share of the gap from plain to flattest, at its error, that corrupted images close."""
    found = []
    for _, one in rows[rows["training"] == law].iterrows():
        plain, best = (at_error(rows, way, one["seed"], one["mse"]) for way in (PLAIN, PENALISED))
        found.append((plain - math.log(one["lower"])) / (plain - best))
    return pd.Series(found, dtype=float)


def laws_of(table: pd.DataFrame) -> list[str]:
    """The laws by which images of the bridge were corrupted, by name and strength."""
    names = table.loc[table["turned"] < CHANCE, "training"].unique().tolist()
    return [str(name) for name in names if name not in (PLAIN, PENALISED)]


def claims(table: pd.DataFrame, chosen: EffectiveDimension) -> list[Claim]:
    """What is claimed: intervals are over seeds, each with images, labels and networks of its own."""
    cases, images = Cases(), chosen.dataset
    rows, both = by_chance(table), bridge(table)
    last, chance = chosen.noise.ranks[-1:], [CHANCE]
    for dataset in (images, SPHERE):
        own = rows[rows["dataset"] == dataset]
        seen = counted(table, turned=chance, dataset=[dataset])
        if dataset == images:
            for name, left in explained(own).items():
                cases.add("collapse", {"dataset": dataset, "d̃": name}, stats.mean_interval(left), seen)
        density = densities(own)
        for name, words in RIVALS.items():
            gain = stats.mean_interval(density[name] - density[LAW])
            cases.add("rival", {"points": title(dataset), "rival": words}, gain, seen)
        for rank in chosen.noise.ranks:
            grown = stats.mean_interval(doubled(own[own["pca_rank"] == rank]))
            where = {"points": title(dataset), "rank": f"r = {rank}"}
            cases.add("points", where, grown, counted(table, turned=chance, dataset=[dataset], pca_rank=[rank]))
    implied = dimension(rows[rows["pca_rank"].isin(last)]).groupby("seed")["dimension"].mean() - math.log(TEXT)
    cases.add("dimension", {"dataset": images}, off(implied), counted(table, turned=chance, pca_rank=last))
    same = inside(matched(rows)) - math.log(TEXT)
    cases.add("matched", {"dataset": images}, off(same), counted(table, turned=chance))
    for column, words in CANDIDATES.items():
        found = np.log(seeds_images(table, chosen)[column] / TEXT)
        cases.add("covariance", {"dataset": images, "by": words}, off(found))
    signal = chosen.noise.bridge.turned
    for law in laws_of(table):
        counts = counted(table, turned=[signal], training=[PLAIN, PENALISED, law])
        cases.add("closed", {"law": law}, stats.mean_interval(shares_closed(both, law)), counts)
    for target in sorted(set(both["target"]) - {0.0}):
        side = {way: held(both, way, target).set_index("seed")["distance"] for way in (PLAIN, PENALISED)}
        more = (side[PENALISED] / side[PLAIN]).dropna().map(math.log)
        counts = counted(table, turned=[signal], target=[target])
        cases.add("robust", {"error": f"MSE {number(target)}"}, stats.mean_interval(more), counts)
    own_target = chosen.noise.error * 4 * signal * (1 - signal)
    counts = counted(held(table, PENALISED, own_target), turned=[signal])
    bridged = chosen.noise.bridge
    beside = {"pca_rank": [bridged.rank], "train_size": [bridged.size], "width": [bridged.units]}
    other = counted(table, dataset=[images], turned=chance, **beside)
    counts = {name: counts[name] + other[name] for name in counts}
    cases.add("noise", {"dataset": images}, off(against_chance(rows, both, chosen)), counts)
    capacity_cases(table, chosen.capacity, chosen.thresholds.accuracy, cases)
    return judged(NAME, CLAIMS, cases, chosen.thresholds.model_dump())


def adversarial(table: pd.DataFrame) -> pd.DataFrame:
    """The networks that were trained adversarially."""
    return table[table["training"].isin([AT_ONCE, SLOWLY])]


def sound(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Those of adversarially trained networks all seeds of which learned, and counts of these and of others."""
    return tables.evidence(rows, TRAINED, rows["status"] == LEARNED)


def robustness(
    table: pd.DataFrame, family: str, size: int, images: int, column: str, *, fewest: bool = False
) -> Measured:
    """A column of networks of one kind for which ε rises, after the most or fewest steps, where all learned."""
    rows = adversarial(table)
    rows = rows[(rows["family"] == family) & (rows["width"] == size) & (rows["train_size"] == images)]
    kept, counts = sound(at_steps(rows[rows["training"] == SLOWLY], fewest=fewest))
    return kept.set_index("seed")[column], counts


def at_steps(rows: pd.DataFrame, *, fewest: bool = False) -> pd.DataFrame:
    """The networks after the most steps, or the fewest."""
    return rows[rows["steps"] == (rows["steps"].min() if fewest else rows["steps"].max())]


def gained(table: pd.DataFrame, size: int, images: int) -> Measured:
    """By seed what robust training accuracy of convolutional networks gains from the fewest steps to the most."""
    sides = [robustness(table, CNN, size, images, "train_robust", fewest=fewest) for fewest in (True, False)]
    return between(*sides)


def ended(table: pd.DataFrame, size: int, images: int, limit: float) -> Measured:
    """Robust training accuracies of convolutional networks that more steps surely gain less than the limit."""
    found, counts = robustness(table, CNN, size, images, "train_robust")
    if stats.mean_interval(gained(table, size, images)[0]).high < limit:
        return found, counts
    return found[:0], {"networks": 0, "left_out": sum(counts.values())}


def between(one: Measured, other: Measured) -> Measured:
    """The second less the first by seed, and counts of both."""
    return (other[0] - one[0]).dropna(), {name: one[1][name] + other[1][name] for name in one[1]}


def capacity_cases(table: pd.DataFrame, asked: Capacity, limit: float, cases: Cases) -> None:
    """What is claimed of adversarially trained networks; `limit`: of accuracy, up to which training has ended."""
    sizes, scales = asked.sizes, asked.scales
    for scale, images in itertools.product(scales, sizes):
        found, counts = gained(table, scale, images)
        where = {"network": f"s = {scale}", "images": f"n = {images:,}"}
        cases.add("steps", where, stats.mean_interval(found), counts)
    for scale, images in itertools.product(scales, sizes[:-1]):
        where = {"network": f"s = {scale}", "images": f"n = {images:,}"}
        for name, other in (("images-alone", scale), ("proportional", 2 * scale)):
            if other in scales:
                sides = (scale, images), (other, 4 * images)
                found, counts = between(*(ended(table, *side, limit) for side in sides))
                learned = not between(*(robustness(table, CNN, *side, "train_robust") for side in sides))[0].empty
                cases.add(name, where, off(found), counts, lacking=RISING if learned else "")
    cnn = adversarial(table)
    cnn = at_steps(cnn[cnn["family"] == CNN], fewest=True)
    fate = cnn.pivot_table(values="status", index=["width", "train_size", "seed"], columns="training", aggfunc="first")
    fate = fate.dropna()  # pairs
    changed = (fate[AT_ONCE] == DEAD) & (fate[SLOWLY] == LEARNED)
    for (width, size), own in changed.groupby(["width", "train_size"]):
        share, where = stats.share_interval(int(own.sum()), len(own)), {"network": f"s = {width}"}
        counts = {"networks": 2 * len(own), "left_out": 0}
        cases.add("trainable", {**where, "images": f"n = {size:,}"}, share, counts, "pairs")
    for (scale, other), images in itertools.product(zip(scales, asked.widths, strict=True), sizes):
        convolved = robustness(table, CNN, scale, images, "test_robust")
        where = {"network": f"s = {scale}", "images": f"n = {images:,}"}
        found, counts = between(robustness(table, MLP, other, images, "test_robust"), convolved)
        cases.add("architecture", where, stats.mean_interval(found), counts)
        if scale == scales[-1]:
            found, counts = between(convolved, robustness(table, CNN, scale, images, "train_robust"))
            cases.add("generalises", {"images": f"n = {images:,}"}, stats.mean_interval(found), counts)


def seeds_images(table: pd.DataFrame, chosen: EffectiveDimension) -> pd.DataFrame:
    """A row for each seed's images of the largest rank and number: what is known of them before any network."""
    own = table[(table["dataset"] == chosen.dataset) & (table["pca_rank"] == chosen.noise.ranks[-1])]
    return own[own["train_size"] == chosen.noise.sizes[-1]].drop_duplicates("seed")


def held(both: pd.DataFrame, way: str, target: float) -> pd.DataFrame:
    """Networks that were held at an error in one way."""
    return both[(both["training"] == way) & np.isclose(both["target"], target)]


def off(values: pd.Series) -> Interval:
    """The interval of the size of a mean."""
    return stats.absolute(stats.mean_interval(values))


def against_chance(rows: pd.DataFrame, both: pd.DataFrame, chosen: EffectiveDimension) -> pd.Series:
    """Of each seed ln of the flattest constant at labels with signal over that at labels by chance, less ln σ.

    Both at the same n, r and k, and at the same error over σ² = 4q(1 − q).
    """
    own = chosen.noise.bridge
    variance = 4 * own.turned * (1 - own.turned)
    same = (rows["dataset"] == chosen.dataset) & (rows["pca_rank"] == own.rank)
    same &= (rows["train_size"] == own.size) & (rows["width"] == own.units)
    signal = held(both, PENALISED, chosen.noise.error * variance)
    logs = [some.set_index("seed")["lower"].map(math.log) for some in (signal, rows[same])]
    return (logs[0] - logs[1]).dropna() - math.log(variance) / 2


def predictions(table: pd.DataFrame, chosen: EffectiveDimension) -> pd.DataFrame:
    """The slides' numbers of MNIST and ImageNet beside what was measured here, or that nothing was."""
    rows, last, known = by_chance(table), chosen.noise.ranks[-1], seeds_images(table, chosen)
    own = title(chosen.dataset)
    candidates = "; ".join(f"{words} {number(float(known[name].mean()))}" for name, words in CANDIDATES.items())
    implied = np.exp(dimension(rows[rows["pca_rank"] == last]).groupby("seed")["dimension"].mean())
    images = Range(*MNIST["points"])
    wide = interpolants.effective_dimension(Range(*MNIST["parameters"]), images)
    lines = [
        ("effective dimension of MNIST, from P/n", text_range(wide), f"images of {own}, r = {last}: {candidates}"),
        (
            "the same, as memorising labels by chance takes it",
            text_range(wide),
            f"{own}, r = {last}, by √(n d̃/P): {estimate_text(stats.mean_interval(implied))}; as random points at the "
            f"same n and k: {estimate_text(stats.mean_interval(np.exp(inside(matched(rows)))))}",
        ),
        ("parameters of a robust MNIST", text_range(Range(*MNIST["parameters"])), NOT_HERE),
    ]
    for proportional, words in ((False, "as MNIST's"), (True, "in proportion to pixels")):
        there = interpolants.scaled(wide, MNIST["pixels"], IMAGENET["pixels"], proportional)
        needed = interpolants.parameters_needed(Range(*IMAGENET["points"]), there)
        lines.append((f"parameters of a robust ImageNet, d̃ {words}", text_range(needed), NOT_HERE))
    columns = ["what", "the slides' numbers, in their ranges", "measured here"]
    return pd.DataFrame(lines, columns=columns).set_index("what")


def text_range(found: Range) -> str:
    """From the lowest to the highest."""
    return number(found.low) if found.low == found.high else f"{found.low:.2g} … {found.high:.2g}"


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each way of training on noisy labels: networks, how many learned, geometric means over seeds and starts."""
    lines = []
    for (dataset, turned), some in table.groupby(["dataset", "turned"], sort=False):
        for (rank, size, width, training, _), own in some.groupby(
            ["pca_rank", "train_size", "width", "training", "target"], sort=False
        ):
            line = {"points": title(str(dataset)), "q": turned, "r": rank, "n": size, "k": width}
            line |= {"training": training, "target": number(own["target"].iloc[0]), "networks": len(own)}
            line |= {"learned": int((own["status"] == LEARNED).sum()), "MSE": number(float(own["mse"].mean()))}
            for column in ("lower", "upper", "floor"):
                line[column] = number(float(np.exp(np.log(own[column]).mean())))
            lines.append(line)
    return pd.DataFrame(lines).set_index(["points", "q", "r", "n", "k"])


def trained_summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each kind of adversarially trained network: how many, how many learned or are dead, mean accuracies."""
    lines = []
    for (family, size, parameters, images, _, training), own in adversarial(table).groupby(
        ["family", "width", "parameters", "train_size", "steps", "training"], sort=False
    ):
        line = {
            "network": f"{str(family).upper()} {size:g}",
            "P": parameters,
            "n": images,
            "steps": f"{own['steps'].iloc[0]:g}",
        }
        line |= {"training": training}
        line |= {"networks": len(own), "learned": int((own["status"] == LEARNED).sum())}
        line |= {"dead": int((own["status"] == DEAD).sum())}
        for column in ("train_clean", "train_robust", "test_clean", "test_robust"):
            line[column.replace("_", ", ")] = f"{own[column].mean():.2f}"
        lines.append(line)
    return pd.DataFrame(lines).set_index(["network", "P", "n"])


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], chosen: EffectiveDimension) -> Figure:
    """Constants and dimensions; rival laws, where corrupted images lead to, what adversarial training leaves."""
    whole, room = with_verdicts(5.4, verdicts, chosen.dataset)
    axes = room.subplots(2, 3)
    rows = by_chance(table)
    for ax, dataset in zip(axes[0], (chosen.dataset, SPHERE), strict=False):
        constant_panel(ax, rows[rows["dataset"] == dataset], dataset, chosen)
    shared = [min(ax.get_ylim()[0] for ax in axes[0, :2]), max(ax.get_ylim()[1] for ax in axes[0, :2])]
    for ax in axes[0, :2]:
        ax.set_ylim(*shared)
        plain_ticks(ax)
    dimension_panel(axes[0, 2], table, chosen)
    rival_panel(axes[1, 0], rows, chosen)
    bridge_panel(axes[1, 1], bridge(table))
    trained = adversarial(table)
    fate_panel(axes[1, 2], trained[trained["family"] == CNN])
    for ax in (axes[0, 0], axes[0, 1], axes[0, 2], axes[1, 1], axes[1, 2]):
        ax.legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25)
    axes[1, 0].legend(fontsize=5.5, handlelength=1.2)
    room.suptitle(headline(rows, chosen))
    panel_letters(list(axes.flat))
    return whole


def supplement(table: pd.DataFrame, chosen: EffectiveDimension) -> Figure:
    """Distances to the boundary; robust accuracy against size, of convolutional networks and of one hidden layer."""
    whole = plt.figure(figsize=(DOUBLE, 0.34 * DOUBLE))
    axes = whole.subplots(1, 3)
    robust_panel(axes[0], bridge(table))
    trained = adversarial(table)
    for ax, family, words in ((axes[1], CNN, "CNN"), (axes[2], MLP, "MLP")):
        capacity_panel(ax, trained[trained["family"] == family], chosen.capacity)
        ax.set_title(f"{words}, ε = {chosen.capacity.radius:g}")
    axes[0].set_ylim(top=1.5 * axes[0].get_ylim()[1])  # room for the legend
    axes[0].legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25)
    axes[2].legend(fontsize=5.5, handlelength=1.6, labelspacing=0.25, loc="upper left")
    panel_letters(list(axes), after=6)
    return whole


def headline(rows: pd.DataFrame, chosen: EffectiveDimension) -> str:
    """What memorising takes on images, against random points of as many dimensions."""
    last = chosen.noise.ranks[-1]
    found = dimension(rows)
    log = found.loc[found["pca_rank"] == last, "dimension"].mean()
    times = math.exp((log - math.log(last)) / 2)
    alike = math.exp(inside(matched(rows)).mean())
    same = f"; random points of {number(alike)} take as steep ones" if math.isfinite(alike) else ""
    return (
        f"Labels by chance: {title(chosen.dataset)} images of r = {last} take networks {number(times)} times as steep "
        f"as random points;\nby √(n d̃/P) that is d̃ = {number(math.exp(log))}, and {TEXT:g} by the slides{same}"
    )


def constant_panel(ax: Axes, rows: pd.DataFrame, dataset: str, chosen: EffectiveDimension) -> None:
    """Constants of the flattest networks against n/k: a colour for each rank, a marker for each n."""
    hues = colours(chosen.noise.ranks)
    for rank in chosen.noise.ranks:
        for size, marker in zip(chosen.noise.sizes, MARKERS, strict=False):
            own = rows[(rows["pca_rank"] == rank) & (rows["train_size"] == size)]
            ratio = own["train_size"] / own["width"]
            label = None  # images' panel tells ranks, that of random points sizes
            if dataset != SPHERE and size == chosen.noise.sizes[0]:
                label = f"r = {rank}"
            elif dataset == SPHERE and rank == chosen.noise.ranks[-1]:
                label = f"n = {size:,}"
            geometric_line(ax, own["lower"].groupby(ratio), color=hues[rank], marker=marker, ms=3, lw=0.8, label=label)
    x = np.array([chosen.noise.sizes[0] / chosen.noise.units[-1], chosen.noise.sizes[-1] / chosen.noise.units[0]])
    if len(rows):
        middle = np.exp(np.log(rows["lower"]).mean() - np.log(rows["train_size"] / rows["width"]).mean() / 2)
        ax.plot(x, middle * np.sqrt(x), label="slope 1/2", **THEORY)
    ax.set(yscale="log", ylabel="Lipschitz constant, flattest", title=title(dataset))
    ratios = sorted({size / k for size in chosen.noise.sizes for k in chosen.noise.units})
    size_axis(ax, ratios, "points a unit, n/k")
    ax.set_xticks(ratios, [f"{ratio:.2g}" for ratio in ratios])


def dimension_panel(ax: Axes, table: pd.DataFrame, chosen: EffectiveDimension) -> None:
    """Dimensions against the rank: as networks need it, of the images by three definitions, and the slides'."""
    found = dimension(by_chance(table))
    means = found.groupby(["seed", "pca_rank"])["dimension"].mean().map(math.exp).reset_index()
    geometric_line(
        ax, means.groupby("pca_rank")["dimension"], color="black", marker="o", ms=3, lw=1, label="d̃ by √(n d̃/P)"
    )
    known = table[(table["dataset"] == chosen.dataset) & (table["train_size"] == chosen.noise.sizes[-1])]
    known = known.drop_duplicates(["seed", "pca_rank"])
    for name, (colour, marker) in CANDIDATE_LOOK.items():
        groups = known.groupby("pca_rank")[name]
        geometric_line(ax, groups, color=colour, marker=marker, ms=3, lw=1, label=CANDIDATES[name])
    ranks = np.array(chosen.noise.ranks, float)
    ax.plot(ranks, ranks, label="r itself", **THEORY)
    ax.axhline(TEXT, color="0.4", lw=0.9, ls=":", label="the slides'")
    ax.set(yscale="log", ylabel="dimension", title=f"{title(chosen.dataset)}: dimension")
    ax.set_ylim(top=3 * ax.get_ylim()[1])  # room for the legend
    size_axis(ax, ranks, "components kept, r")
    plain_ticks(ax)


def rival_panel(ax: Axes, rows: pd.DataFrame, chosen: EffectiveDimension) -> None:
    """How much better than the law its rivals predict left-out sizes, on images and on random points."""
    for offset, dataset in ((-0.12, chosen.dataset), (0.12, SPHERE)):
        density = densities(rows[rows["dataset"] == dataset])
        colour, marker = ("black", "o") if dataset == chosen.dataset else FREE[1]
        for place, name in enumerate(RIVALS):
            gain = stats.mean_interval(density[name] - density[LAW])
            if math.isfinite(gain.mean):
                spread = [[gain.mean - gain.low], [gain.high - gain.mean]]
                label = title(dataset) if place == 0 else None
                ax.errorbar(
                    [gain.mean], [place + offset], xerr=spread, color=colour, marker=marker, ms=3, lw=1, label=label
                )
    ax.axvline(0, color="0.4", lw=0.8, ls=":")
    ax.set_yticks(range(len(RIVALS)), list(RIVALS.values()), fontsize=5.5)
    ax.invert_yaxis()
    ax.set(xlabel=f"gain in ln density over {LAW}", title="left-out n and k")


def bridge_panel(ax: Axes, both: pd.DataFrame) -> None:
    """Constants against the error: plain and flattest networks, and those trained on corrupted images."""
    spread_lines(ax, both, "lower")
    ax.set(yscale="log", ylabel="Lipschitz constant", xlabel="mean squared error", title="labels with signal")
    ax.set_ylim(top=8 * ax.get_ylim()[1])  # room for the legend
    plain_ticks(ax)


def robust_panel(ax: Axes, both: pd.DataFrame) -> None:
    """Mean distances of test images to the decision boundary against the training error."""
    spread_lines(ax, both, "distance")
    ax.set(ylabel="test: mean distance to boundary", xlabel="mean squared error", title="labels with signal")


def capacity_panel(ax: Axes, rows: pd.DataFrame, asked: Capacity) -> None:
    """Robust accuracy against parameters, a colour for each n; of those for which the radius rises and all learned."""
    kept, _ = sound(at_steps(rows[rows["training"] == SLOWLY]))
    hues = colours(asked.sizes)
    for images in asked.sizes:
        own = kept[kept["train_size"] == images]
        for column, words, open_ in (("train_robust", "training", False), ("test_robust", "test", True)):
            look = {"mfc": "white", "ls": "--"} if open_ else {}
            label = f"n = {images:,}, {words}"
            mean_line(ax, own.groupby("parameters")[column], color=hues[images], marker="o", ms=3, label=label, **look)
    ax.set(ylim=(0, 1.02), ylabel="robust accuracy")
    size_axis(ax, rows["parameters"], "parameters, P")


def fate_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """Robust accuracy on test images of each network after the fewest steps, by how the radius comes; crosses: dead."""
    rows = at_steps(rows, fewest=True)
    for training, colour in ((AT_ONCE, "black"), (SLOWLY, FREE[5][0])):
        for dead, marker in ((False, "o"), (True, "x")):
            own = rows[(rows["training"] == training) & ((rows["status"] == DEAD) == dead)]
            label = f"{training}{', dead' if dead else ''}" if len(own) else None
            ax.plot(own["parameters"], own["test_robust"], marker, color=colour, ms=3, alpha=0.7, label=label)
    ax.set(ylim=(0, 1.02), ylabel="robust accuracy, test", title="CNN, each")
    size_axis(ax, rows["parameters"], "parameters, P")


def spread_lines(ax: Axes, both: pd.DataFrame, column: str) -> None:
    """A column against the error, in the mean over seeds: lines of networks held at errors, points of the others."""
    for way in both["training"].unique():
        own = both[both["training"] == way]
        line = way in (PLAIN, PENALISED)
        x = own.groupby("target")["mse"].transform("mean")
        look = LOOK.get(way) or FREE[list(both["training"].unique()).index(way) % 5]
        label = "flattest" if way == PENALISED else way
        mean_line(
            ax, own[column].groupby(x), color=look[0], marker=look[1], ms=3, ls="-" if line else "none", label=label
        )
