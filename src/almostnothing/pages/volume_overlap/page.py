"""Panels, summaries and claims of `10_volume_overlap`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from almostnothing import stats
from almostnothing.claims import Cases, Claim, estimate_text, judged
from almostnothing.figures import (
    DOUBLE,
    MARKERS,
    colours,
    handles,
    panel_letters,
    plain_ticks,
    size_axis,
    with_verdicts,
)
from almostnothing.naming import dataset_name
from almostnothing.pages.volume_overlap.claims import CLAIMS
from almostnothing.pages.volume_overlap.parameters import DRAWN, GIVEN, VolumeOverlap
from almostnothing.pages.volume_overlap.published import CROSSINGS, IMAGE, PIXELS, RADIUS
from almostnothing.theory import overlap

DIRECTIONS = {"inside": "the ball in the L2 ball", "holds": "the L2 ball in it"}
LOOKS = {"inside": ("#0173b2", "v"), "holds": ("#c2410c", "^")}  # colour, and marker of a published crossing
LEVELS = {"inside": 0.56, "holds": 0.44}  # at which the crossings of single images are drawn, beside 50 %
SAMPLERS = {"ball": "uniform", "laplace": "Laplace for every p"}
PLACE = ["dataset", "pixels", "clipped"]
MEASURED = ["inside", "holds", "gap", "almost", "narrow_inside", "narrow_holds", "matched"]
SHARES = {"at_99": 0.99, "at_95": 0.95, "at_75": 0.75, "at_50": 0.5, "at_25": 0.25, "at_05": 0.05, "at_01": 0.01}
KILO = 10_000  # from which on numbers are given in thousands


def order_of(name: Any) -> float:
    """p of a norm's name: `L0.5`, `L∞`."""
    return math.inf if name == "L∞" else float(str(name).removeprefix("L"))


def place_name(dataset: Any, pixels: Any, clipped: Any) -> str:
    """`CIFAR-10, clipped` or `d = 3,072, not clipped`."""
    return f"{dataset_name(str(dataset))}, clipped" if clipped else f"d = {pixels:,}, not clipped"


def by_image(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each place, image, sampler, norm and seed, with both directions beside each other.

    `inside`, `holds`: ε of 50 %; `gap`: ln of the second over the first; `almost`: the same of 95 %; `narrow_inside`
    and `narrow_holds`: ln of the ε over which each share goes from 95 % to 5 %; `matched` as in the table.
    """
    index = [*PLACE, "which", "radius", "samples", "sampler", "norm", "seed", "image"]
    wide = table.pivot(index=index, columns="direction", values=["at_95", "at_50", "at_05", "matched"])
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = pd.DataFrame(np.log(wide[["at_95", "at_50", "at_05"]]))
        found = pd.DataFrame(
            {
                "inside": wide["at_50", "inside"],
                "holds": wide["at_50", "holds"],
                "gap": logs["at_50", "holds"] - logs["at_50", "inside"],
                "almost": logs["at_95", "holds"] - logs["at_95", "inside"],
                "narrow_inside": logs["at_05", "inside"] - logs["at_95", "inside"],
                "narrow_holds": logs["at_95", "holds"] - logs["at_05", "holds"],
                "matched": wide["matched", "holds"],
            }
        )
    return found.reset_index()


def by_seed(table: pd.DataFrame) -> pd.DataFrame:
    """As `by_image`, but means over the images of each seed; `images`: how many."""
    wide = by_image(table)
    groups = wide.groupby([name for name in wide.columns[: wide.columns.get_loc("image")]], sort=False)
    return groups[MEASURED].mean().assign(images=groups.size()).reset_index()


def many(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that claims rest on: of the images that the seeds drew, and without any."""
    return table[table["which"] != GIVEN]


def claims(table: pd.DataFrame, chosen: VolumeOverlap) -> list[Claim]:
    """What is claimed of uniform balls at each place, of their change with d, and of what was published."""
    cases, uniform = Cases(), many(table[table["sampler"] == "ball"])
    single, uniform = by_image(uniform), by_seed(uniform)
    largest = max(chosen.dimensions)
    for (dataset, pixels, clipped), here in uniform.groupby(PLACE, sort=False):
        where = {"dataset": str(dataset)} if clipped else {"place": place_name(dataset, pixels, clipped)}
        if clipped:
            _overlaps(cases, where, here, single[single["clipped"] & (single["dataset"] == dataset)])
        if clipped or pixels == largest:
            for norm, own in here.groupby("norm", sort=False):
                cases.add("between", {**where, "norm": norm}, stats.mean_interval(own["gap"]))
                cases.add("nested", {**where, "norm": norm}, stats.mean_interval(own["almost"]))
    _changes(cases, uniform[~uniform["clipped"]])
    wide = by_seed(table[table["which"] == GIVEN])
    for sampler in SAMPLERS:
        for norm, direction, own in _published(wide[wide["sampler"] == sampler], chosen):
            apart = np.log(CROSSINGS[norm][direction] / own[direction])
            words = {"norm": norm, "of": DIRECTIONS[direction]}
            cases.add(f"published-{sampler}", words, stats.absolute(stats.mean_interval(apart)))
    return judged("10_volume_overlap", CLAIMS, cases, chosen.thresholds.model_dump())


def _overlaps(cases: Cases, where: Mapping[str, Any], here: pd.DataFrame, single: pd.DataFrame) -> None:
    """The primary claims at one place; `single`: the same rows by image."""
    for norm, own in here.groupby("norm", sort=False):
        found = shared(own["matched"], int(own["images"].iloc[0]))
        cases.add("covers" if norm == "L0" else "overlap", {**where, "norm": norm}, found)
    zero = here[here["norm"] == "L0"].set_index("seed")
    cases.add("whole", {**where, "norm": "L0"}, stats.mean_interval(zero["holds"]))
    widest = single[single["norm"] != "L0"].groupby(["seed", "image"])["gap"].max()
    apart = single[single["norm"] == "L0"].set_index(["seed", "image"])["gap"] / 2 - widest  # |δ|₂ grows as √ε
    cases.add("apart", {**where, "norm": "L0"}, stats.mean_interval(apart.groupby("seed").mean()))


def _changes(cases: Cases, free: pd.DataFrame) -> None:
    """Claims about d, without clipping; L0, whose noise is not scaled, is not among them."""
    few, many = free["pixels"].min(), free["pixels"].max()
    for norm, own in free[free["norm"] != "L0"].groupby("norm", sort=False):
        small, large = (own[own["pixels"] == d].set_index("seed") for d in (few, many))
        cases.add("steady", {"norm": norm}, stats.absolute(stats.mean_interval(large["gap"] - small["gap"])))
        for direction, words in DIRECTIONS.items():
            power = np.log(large[f"narrow_{direction}"] / small[f"narrow_{direction}"]) / np.log(many / few)
            cases.add("sharpening", {"norm": norm, "of": words}, stats.mean_interval(power))
    wrong = predicted(free).groupby(["pixels", "seed"])["error"].max().reset_index()
    for d, own in wrong.groupby("pixels"):
        cases.add("theory", {"place": place_name("", d, False)}, stats.mean_interval(own["error"]))


def predicted(free: pd.DataFrame) -> pd.DataFrame:
    """Rows of `by_seed` without clipping, p > 0: with the largest size of ln of predicted over measured crossing."""
    own = free[free["norm"] != "L0"].copy()
    rows = zip(own["norm"], own["radius"].tolist(), own["pixels"].tolist(), strict=True)
    theory = np.array([overlap.crossings(order_of(norm), 2.0, radius, d) for norm, radius, d in rows])
    apart = np.abs(np.log(theory / own[["inside", "holds"]].to_numpy()))
    return own.assign(error=apart.max(1))


def shared(shares: pd.Series, images: int) -> stats.Interval:
    """The mean over seeds of mean shares over images: Student's interval, or where wider Clopper and Pearson's.

    Where no sample is in, or all are, every seed says the same, and Student's interval has no length. Shares of images
    vary no more than trials with the same mean do, of which each is 0 or 1: so images count as trials, not samples.
    """
    found = stats.mean_interval(shares)
    whole = stats.share_interval(round(float(shares.sum()) * images), len(shares) * images)
    return stats.Interval(found.mean, min(found.low, whole.low), max(found.high, whole.high), found.n)


def _published(wide: pd.DataFrame, chosen: VolumeOverlap) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Norm, direction and rows of what was measured as the authors did: their image, clipped, and radius."""
    same = (wide["radius"] == RADIUS) & (wide["pixels"] == PIXELS) & wide["clipped"].astype(bool)
    same &= wide["dataset"].map(dataset_name) == "CIFAR-10"
    if chosen.image == IMAGE:
        for (norm, own), direction in itertools.product(wide[same].groupby("norm", sort=False), DIRECTIONS):
            if norm in CROSSINGS:
                yield str(norm), direction, own


def explained(verdicts: Sequence[Claim]) -> pd.DataFrame:
    """Which sampler explains each published crossing; |ln| of published over measured for each, with its interval."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for claim in verdicts:
        sampler = claim.id.partition("published-")[2]
        for case in claim.cases if sampler else ():
            norm, direction = case.where["norm"], case.where["of"]
            row = rows.setdefault((norm, direction), {"norm": norm, "of": direction, "by": []})
            row[f"off by, {SAMPLERS[sampler]}"] = estimate_text(case.found)
            row["by"] += [SAMPLERS[sampler]] if claim.verdict_of(case) == "supported" else []
    table = pd.DataFrame(rows.values())
    if table.empty:
        return table
    names = {words: direction for direction, words in DIRECTIONS.items()}
    table.insert(
        2, "published", [f"{CROSSINGS[n][names[o]]:,g}" for n, o in zip(table["norm"], table["of"], strict=True)]
    )
    return table.assign(by=[" and ".join(by) or "neither" for by in table["by"]]).rename(columns={"by": "explained by"})


def crossings(table: pd.DataFrame) -> pd.DataFrame:
    """ε of 50 % in both directions with intervals over seeds, by place, images, norm and sampler; their gap; theory's.

    Of drawn images the estimates are means over them, as the claims' are.
    """
    rows = []
    for _, own in by_seed(table).groupby([*PLACE, "which", "norm", "sampler"], sort=False):
        (dataset, pixels, clipped), norm, sampler = own[PLACE].iloc[0], own["norm"].iloc[0], own["sampler"].iloc[0]
        row = {"place": place_name(dataset, pixels, clipped), "images": images_name(table, own.iloc[0])}
        row |= {"norm": norm, "samples": SAMPLERS[sampler]}
        row |= {DIRECTIONS[name]: estimate_text(stats.mean_interval(own[name])) for name in DIRECTIONS}
        row["ln of their quotient"] = estimate_text(stats.mean_interval(own["gap"]))
        row["L2 ball in it at the first"] = f"{own['matched'].mean():.3g}"
        if sampler == "ball" and not clipped and norm != "L0":
            first, second = overlap.crossings(order_of(norm), 2.0, float(own["radius"].iloc[0]), int(pixels))
            row["theory"] = f"{number(first)}, {number(second)}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("").set_index(["place", "images", "norm", "samples"])


def images_name(table: pd.DataFrame, row: pd.Series) -> str:
    """`number 1`, `80 drawn` or nothing: at which images a row of `by_seed` was measured."""
    here = table[(table["dataset"] == row["dataset"]) & (table["which"] == row["which"])]
    names = {GIVEN: f"number {here['image'].iloc[0]}", DRAWN: f"{drawn(here)} drawn"}
    return names.get(str(row["which"]), "")


def drawn(here: pd.DataFrame) -> int:
    """How many images seeds drew at one place, those counted twice that two seeds drew."""
    return len(here.loc[here["which"] == DRAWN, ["seed", "image"]].drop_duplicates())


def number(value: float) -> str:
    """Three digits; from `KILO` on in thousands."""
    return f"{value / 1000:.3g}k" if value >= KILO else f"{value:.3g}"


def curves(ax: Axes, own: pd.DataFrame, norm: str) -> None:
    """Both shares against ε, of both samplers: means over seeds, at one image where there are some.

    What claims rest on: crossings of each drawn image (upright lines), and their mean ln with its interval over seeds.
    """
    uniform = by_image(many(own[own["sampler"] == "ball"])).assign(which="")
    middle = {}
    for sampler, direction in itertools.product(("laplace", "ball"), DIRECTIONS):
        rows = own[(own["sampler"] == sampler) & (own["direction"] == direction) & (own["which"] != DRAWN)]
        at = rows[list(SHARES)].replace(np.inf, np.nan).mean()
        look: dict[str, Any] = {"color": LOOKS[direction][0]}
        look |= {"lw": 1.4, "zorder": 3} if sampler == "ball" else {"lw": 0.9, "ls": (0, (4, 2)), "alpha": 0.8}
        ax.plot(at, list(SHARES.values()), label=f"{DIRECTIONS[direction]}, {SAMPLERS[sampler]}", **look)
        if sampler == "ball":
            logs = np.log(uniform[direction])
            if (uniform["image"] >= 0).any():
                level, colour = np.full(len(uniform), LEVELS[direction]), LOOKS[direction][0]
                ax.plot(uniform[direction], level, "|", color=colour, ms=7, mew=0.5, alpha=0.6)
            found = stats.mean_interval(logs.groupby(uniform["seed"]).mean())
            middle[direction], low, high = map(math.exp, found[:3])
            ends = [[middle[direction] - low], [high - middle[direction]]]
            ax.errorbar([middle[direction]], [0.5], xerr=ends, fmt="o", ms=2.5, elinewidth=0.8, **look)
    first, second = middle["inside"], middle["holds"]
    if np.isfinite([first, second]).all():
        ax.axvspan(*sorted((first, second)), color="0.9" if first < second else "#d7efe0", lw=0, zorder=0)
        words = "neither" if first < second else "both"
        span = f"{number(min(first, second))}–{number(max(first, second))}"
        agree = int(((uniform["gap"] > 0) == (first < second)).sum())
        images = f" ({agree}/{len(uniform)})" if (uniform["image"] >= 0).any() else ""
        ax.set_title(f"{norm}: {words}, {span}{images}", fontsize=7)
    else:
        ax.set_title(norm, fontsize=7)
    ax.axhline(0.5, color="0.6", lw=0.6, ls=":")
    ax.set_xscale("log")
    _few_ticks(ax)
    ax.set(ylim=(0, 1.02), xlabel="share of values ε" if norm == "L0" else f"ε of the {norm} ball")


def _few_ticks(ax: Axes) -> None:
    """Plain numbers on a logarithmic axis, as many as have room."""
    low, high = ax.get_xlim()
    if high < 4 * low:
        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    else:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if high < 30 * low else (1, 3) if high < 100 * low else (1,)
        ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
    ax.set_xticks(ticks, [number(tick) for tick in ticks])
    ax.set_xticks([], minor=True)


def overlay(ax: Axes, norm: str, radius: float, pixels: int, clipped: bool) -> None:
    """Published crossings, where they are about as many values and this radius; without clipping the predicted ones."""
    for place, direction in enumerate(DIRECTIONS):
        colour, marker = LOOKS[direction]
        if (radius, pixels) == (RADIUS, PIXELS) and norm in CROSSINGS:
            look: dict[str, Any] = {
                "ls": "",
                "marker": marker,
                "ms": 5,
                "mfc": "white",
                "mec": colour,
                "mew": 1.1,
                "zorder": 5,
            }
            ax.plot(CROSSINGS[norm][direction], 0.5, label=f"published: {DIRECTIONS[direction]}", **look)
        if not clipped and norm != "L0":
            at = overlap.crossings(order_of(norm), 2.0, radius, pixels)[place]
            ax.plot(at, 0.5, "x", color="black", ms=5, mew=0.9, zorder=6, label="predicted, from no sample")


def panels(room: Any, here: pd.DataFrame) -> list[Axes]:
    """A panel for each norm at one place, with one legend below all."""
    norms = list(dict.fromkeys(here["norm"]))
    rows = -(-len(norms) // 3)
    axes = list(room.subplots(rows, 3, squeeze=False).flat)
    for ax, norm in zip(axes, norms, strict=False):
        own = here[here["norm"] == norm]
        curves(ax, own, norm)
        row = own.iloc[0]
        overlay(ax, norm, float(row["radius"]), int(row["pixels"]), bool(row["clipped"]))
        ax.set_ylabel("share of samples" if ax in axes[::3] else "")
    for ax in axes[len(norms) :]:
        ax.set_axis_off()
    room.legend(*handles(axes), loc="outside lower center", ncols=4, fontsize=6)
    panel_letters(axes[: len(norms)])
    return axes


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The main figure of a data set: noise on one of its images, clipped."""
    whole, room = with_verdicts(0.62 * DOUBLE, verdicts, dataset)
    here = table[(table["dataset"] == dataset) & table["clipped"]]
    panels(room, here)
    number = here.loc[here["which"] == GIVEN, "image"].iloc[0]
    shown = (
        f"Curves: training image {number}. Upright lines: each of {drawn(here)} drawn images; "
        "dots: their mean; in brackets: at how many it is so"
    )
    words = told(verdicts) if dataset_name(dataset) == "CIFAR-10" else ""
    room.suptitle("\n".join(filter(None, [finding(here), shown, words])), fontsize=7.5)
    return whole


def told(verdicts: Sequence[Claim]) -> str:
    """How many published crossings each sampler explains; empty where none can be compared."""
    counts = {
        SAMPLERS[sampler]: [claim.verdict_of(case) == "supported" for case in claim.cases]
        for sampler, claim in ((claim.id.partition("published-")[2], claim) for claim in verdicts)
        if sampler
    }
    parts = [f"{sum(found)} are those of samples “{name}”" for name, found in counts.items()]
    total = max(map(len, counts.values()), default=0)
    return f"Of {total} published crossings {', '.join(parts)}" if total else ""


def free_figure(table: pd.DataFrame, pixels: int) -> Figure:
    """The same without clipping, at a number of values."""
    whole = plt.figure(figsize=(DOUBLE, 0.62 * DOUBLE))
    here = table[(table["pixels"] == pixels) & ~table["clipped"]]
    panels(whole, here)
    whole.suptitle(finding(here), fontsize=8)
    return whole


def finding(here: pd.DataFrame) -> str:
    """One sentence about a place: for which norms neither ball holds half of the other at some ε, and for which both.

    Of the mean ln of the gap, over drawn images where there are some: by its 95 % interval over seeds.
    """
    wide = by_seed(many(here[here["sampler"] == "ball"]))
    gaps = wide.groupby("norm", sort=False)["gap"].apply(stats.mean_interval)
    place, images = place_name(*wide[PLACE].iloc[0]), drawn(here)
    start = f"{place}, in the mean over {images} images" if images else place
    kinds: dict[str, list[str]] = {"neither": [], "both": [], "open": []}
    for norm, gap in gaps.items():
        kinds["neither" if gap.low > 0 else "both" if gap.high < 0 else "open"].append(str(norm))
    if len(kinds["neither"]) == len(gaps):
        return f"{start}: for every norm there are ε at which neither ball holds half of the other"
    words = {"neither": "neither ball holds half of the other at some ε", "both": "each does", "open": "undecided"}
    return f"{start}: " + "; ".join(f"{words[kind]} for {', '.join(norms)}" for kind, norms in kinds.items() if norms)


def scaling_figure(table: pd.DataFrame) -> Figure:
    """How the gap and the transitions change with d, without clipping: means over seeds, and the closed form."""
    whole = plt.figure(figsize=(DOUBLE, 0.42 * DOUBLE))
    axes = list(whole.subplots(1, 3))
    wide = by_seed(table[~table["clipped"] & (table["sampler"] == "ball") & (table["norm"] != "L0")])
    wide["widths"] = wide["gap"] / wide["narrow_inside"]
    norms = list(dict.fromkeys(wide["norm"]))
    sizes = sorted(set(wide["pixels"]))
    fine = np.unique(np.geomspace(sizes[0], sizes[-1], 25).astype(int))
    for (norm, colour), marker in zip(colours(norms).items(), MARKERS, strict=False):
        own, p = wide[wide["norm"] == norm], order_of(norm)
        for ax, name in zip(axes, ("gap", "narrow_inside", "widths"), strict=True):
            points = own.groupby("pixels")[name].apply(stats.mean_interval)
            mean = [point.mean for point in points]
            ends = np.abs(np.array([[point.low, point.high] for point in points]).T - mean)
            ax.errorbar(points.index, mean, ends, fmt=marker, color=colour, elinewidth=0.8, label=norm)
        gaps = np.array([overlap.gap(p, 2.0, int(d)) for d in fine])
        narrow = np.array([2 * 1.645 * overlap.spread(p, 2.0, int(d)) for d in fine])
        for ax, line in zip(axes, (gaps, narrow, gaps / narrow), strict=True):
            ax.plot(fine, line, color=colour, lw=0.9)
    titles = ("ln of the gap", "ln of a transition's width", "gap over width")
    for ax, title in zip(axes, titles, strict=True):
        size_axis(ax, sizes, "number of values d")
        ax.set_title(title)
    for ax in axes[1:]:
        ax.set_yscale("log")
        plain_ticks(ax)
    axes[2].axhline(1, color="0.6", lw=0.6, ls=":")
    whole.legend(*handles(axes), loc="outside lower center", ncols=len(norms))
    panel_letters(axes)
    middle = wide.groupby("pixels")["widths"].median()
    few, many = (number(middle.iloc[place]) for place in (0, -1))
    whole.suptitle(
        f"Median of {len(norms)} norms: the gap between both crossings is {few} transitions wide at d = {sizes[0]:,}, "
        f"and {many} at d = {sizes[-1]:,}",
        fontsize=8,
    )
    return whole
