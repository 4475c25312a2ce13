"""Panels, summaries and claims of `06_prototype`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.figures import (
    DOUBLE,
    handles,
    mean_line,
    panel_letters,
    rule_lines,
    size_axis,
    unmeasured,
    with_verdicts,
)
from almostnothing.health import LEARNED
from almostnothing.measures import naming
from almostnothing.naming import dataset_name
from almostnothing.pages.prototype.claims import CLAIMS, RIVALS, TWINS
from almostnothing.pages.prototype.parameters import PrototypeThresholds
from almostnothing.parameters.sweep import Sweep
from almostnothing.tables import AXES, counted, learned, long

NAMES = naming.NAMES | {"ntk": "NTK", "lazy": "NTK from its start", "fit": "fit λ", "twin": "re-initialised twin"}


VARIED = {  # columns of the table that a panel varies alone, and how it calls them
    "train_size": "N",
    "steps": "training steps",
    "centred": "inputs of mean zero",
    "objective": "loss",
    "readout_scale": "start of the last layer",
}
RECIPE = ("objective", "readout_scale", "centred")
WORDS = {"cross_entropy": "cross-\nentropy", "mse": "squared\nerror", "True": "yes", "False": "no"}
WORDS |= {"0.0": "0", "1.0": "He"}
# columns by which a panel fixes the others
USUAL = ("train_size", "centred", "shift", "readout_scale", "objective", "steps")
THEORY = {"objective": "mse", "readout_scale": 0.0}  # networks that the theory is about: squared error, from 0


def compared(whole: pd.DataFrame) -> pd.DataFrame:
    """A row for each network, test and rule; the twin is one of these, and has learned if both of the pair have."""
    found = long(whole, list(NAMES), "rule")
    pair = [name for name in AXES if name in whole and name != "initialisation"] + ["test"]
    failed = whole[(whole["status"] != LEARNED) & (whole["initialisation"] != 0)]
    other = found[pair].merge(failed[[*pair, "status"]], how="left", on=pair)["status"]
    return found.assign(status=other.where(found["rule"] == "twin").fillna(found["status"]))


def usual(sweep: Sweep) -> dict[str, Any]:
    """The first values that the sweep has in columns that may vary, by which a panel fixes the others."""
    first = sweep.columns()
    return {name: first[name][0] for name in USUAL}


def at(found: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values."""
    return found[(found[list(values)] == pd.Series(values)).all(axis=1)]


def centre(found: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """The rows of the width and depth at which most else is varied."""
    if found.empty:
        return found
    kinds = found.groupby(["width", "depth"])[list(values)].nunique().sum(axis=1)
    width, depth = kinds.index[int(kinds.to_numpy().argmax())]
    return at(found, width=width, depth=depth)


def by_size(rows: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """The rows of all N that have the usual values else, or more steps where those are too few to fit."""
    free = ("train_size", "steps")
    kept = at(rows, **{name: value for name, value in values.items() if name not in free})
    kept = kept[kept["steps"] >= values["steps"]]
    return kept[kept["steps"] == kept.groupby("train_size")["steps"].transform("min")]


def but_one(rows: pd.DataFrame, values: dict[str, Any], column: str) -> pd.DataFrame:
    """The rows that have the usual values in all but one column."""
    return at(rows, **{name: value for name, value in values.items() if name != column})


def fifths(rows: pd.DataFrame) -> pd.DataFrame:
    """Agreement by fifths of a rule's own margin, in long form: the first fifth is nearest to the rule's boundary.

    Of a twin, by fifths of the network's.
    """
    parts = [rows.assign(fifth=k, agreement=rows[f"fifth_{k}"]) for k in range(1, naming.BINS + 1)]
    return pd.concat(parts)[["rule", "seed", "fifth", "agreement"]].dropna()


def described(rows: pd.DataFrame, values: dict[str, Any]) -> str:
    """In words, what the networks of these rows have in common."""
    first = rows.iloc[0]
    loss = values["objective"].replace("_", "-").replace("mse", "squared error")
    layers = "1 hidden layer" if first["depth"] == 2 else f"{first['depth'] - 1} hidden layers"
    return f"N = {values['train_size']:,}, {layers} of width {first['width']:,}, {loss}, {values['steps']:,} steps"


def grid(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Agreement with a rule as text, mean over seeds ± 95 %: rows p, columns hidden layers and width."""
    own = rows[rows["rule"] == rule].assign(hidden=lambda t: t["depth"] - 1)
    wide = own.groupby(["strength", "hidden", "width"])["agreement"].apply(spread).unstack(["hidden", "width"])
    return wide.sort_index(axis=1).fillna("–")


def spread(values: pd.Series) -> str:
    """Mean over seeds ± 95 %."""
    mean = stats.mean_interval(values)
    return f"{mean.mean:.2f} ± {mean.high - mean.mean:.2f}"


def every_recipe(rows: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """Agreement at the usual N and steps as text: rows p and all recipes there are, columns rules."""
    own = at(rows, **{name: values[name] for name in ("train_size", "shift", "steps")})
    own = own[own["rule"].isin((*SHOWN, "twin"))]
    told = {name: own[name].map(lambda value: WORDS.get(str(value), str(value)).replace("\n", " ")) for name in RECIPE}
    own = own.assign(**told, rule=own["rule"].map(NAMES)).rename(columns=VARIED)
    by = ["strength", *(VARIED[name] for name in RECIPE), "rule"]
    return own.groupby(by, sort=False)["agreement"].apply(spread).unstack("rule").sort_index().fillna("–")


def by_class(rows: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Mean agreement on the test images of each class: rows data set, p and rule."""
    own = rows[rows["rule"].isin(chosen)].assign(rule=lambda t: t["rule"].map(NAMES))
    classes = [name for name in rows.columns if name.startswith("class_")]
    return own.groupby(["dataset", "strength", "rule"], sort=False)[classes].mean().rename(columns=lambda c: c[6:])


SHOWN = ("ncm", "correlation", "first_order", "resummed", "ntk")  # rules of the main figure


def figure(table: pd.DataFrame, usual: dict[str, Any], verdicts: Sequence[Claim], dataset: str, same: float) -> Figure:
    """The main figure of a data set: agreement against p, margin, N and width; what did not learn is left out."""
    good = learned(table[table["dataset"] == dataset], ["agreement"]).dropna(subset="agreement")
    some = centre(good, usual)
    clean = some[some["test"] == "clean"]
    if clean.empty:
        return unmeasured(verdicts, dataset)
    p = sorted(good["strength"].unique())[-2:][0]
    whole, panels = with_verdicts(0.8 * DOUBLE, verdicts, dataset)
    axes = panels.subplots(2, 3, sharey=True)
    here = at(clean, **usual)
    for ax, test in zip(axes[0], ("clean", "corrupted"), strict=False):
        rows = at(some[some["test"] == test], **usual)
        lines(ax, rows, "strength")
        ax.set(xlabel="$p$", title=f"{test} test")
    lines(axes[0, 2], fifths(here[here["strength"] == p]), "fifth")
    axes[0, 2].set(xlabel="fifth of points by own margin", title=f"$p$ = {p:g}")
    wide = at(good[good["test"] == "clean"], **usual)
    for ax, rows, column, label in (
        (axes[1, 0], by_size(clean, usual), "train_size", "$N$, cross-entropy"),
        (axes[1, 1], by_size(clean, usual | THEORY), "train_size", "$N$, squared error from 0"),
        (axes[1, 2], wide, "width", "width, all depths"),
    ):
        at_p = rows[rows["strength"] == p]
        lines(ax, at_p, column)
        if len(at_p):
            size_axis(ax, at_p[column], label)
        ax.set_title(f"$p$ = {p:g}")
    for ax in axes.flat:
        ax.set_ylim(0, 1.02)
        ax.axhline(same, color="0.5", lw=0.8, ls=":")
    for ax in axes[:, 0]:
        ax.set_ylabel("agreement with the network")
    panels.legend(*handles(axes.flat), loc="outside lower center", ncols=6)
    share = here[here["rule"] == "ncm"]["agreement"].mean()
    title = f"network and NCM agree on {100 * share:.0f} % of clean tests" if share == share else "not measured"
    panels.suptitle(f"{dataset_name(dataset)}: {title}\n{described(clean, usual)}")
    panel_letters(list(axes.flat))
    return whole


def lines(ax: Axes, rows: pd.DataFrame, column: str) -> None:
    """Agreement against a column: the rules, and in grey the network against its re-initialised twin."""
    own = rows[rows["rule"] == "twin"].dropna(subset="agreement")
    if len(own):
        look = {"color": "0.55", "ls": "--", "marker": "_", "ms": 8, "zorder": 1}
        mean_line(ax, own.groupby(column)["agreement"], label=NAMES["twin"], **look)
    rule_lines(ax, rows, column, "agreement", {name: NAMES[name] for name in SHOWN})


def recipes(table: pd.DataFrame, usual: dict[str, Any], dataset: str) -> Figure:
    """How agreement changes with what is changed alone: centre, loss, start of the last layer, training steps."""
    good = learned(table[table["dataset"] == dataset], ["agreement"]).dropna(subset="agreement")
    if good.empty:
        return unmeasured([], dataset)
    clean = centre(good, usual)
    clean = clean[clean["test"] == "clean"]
    p = sorted(good["strength"].unique())[-2:][0]
    columns = [name for name in VARIED if name != "train_size"]
    whole = plt.figure(figsize=(DOUBLE, 0.36 * DOUBLE))
    axes = whole.subplots(1, len(columns), sharey=True)
    for ax, column in zip(axes, columns, strict=True):
        rows = but_one(clean, usual, column)
        rows = rows[rows["strength"] == p]
        levels = sorted(rows[column].unique())
        places = rows.assign(place=rows[column].map(levels.index))
        lines(ax, places, "place")
        ax.set_xticks(range(len(levels)), [WORDS.get(str(level), f"{level}") for level in levels])
        ax.set(xlabel=VARIED[column], xlim=(-0.4, len(levels) - 0.6), ylim=(0, 1.02))
    axes[0].set_ylabel("agreement with the network")
    axes[0].legend(loc="lower left")
    whole.suptitle(f"{dataset_name(dataset)}, clean test, $p$ = {p:g}")
    panel_letters(list(axes))
    return whole


def regimes(table: pd.DataFrame, usual: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The rows of each named regime: the referee's table, and where the theory lives, at the largest N."""
    found = {f"cross-entropy, N = {usual['train_size']:,}": at(table, **usual)}
    rows = whole_sizes(by_size(table, usual | THEORY))
    if len(rows):
        size = rows["train_size"].max()
        found[f"squared error from 0, N = {size:,}"] = at(rows, train_size=size)
    return found


def whole_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of those N that have every p."""
    return rows[rows.groupby("train_size")["strength"].transform("nunique") == rows["strength"].nunique()]


def sizes(table: pd.DataFrame, usual: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The rows of all N, of the referee's table's recipe and of the theory's."""
    losses = {"cross-entropy": usual, "squared error from 0": usual | THEORY}
    found = {words: by_size(table, values) for words, values in losses.items()}
    return {words: rows for words, rows in found.items() if len(rows)}


def twins(rows: pd.DataFrame, by: list[str]) -> Iterator[tuple[str, stats.Interval, dict[str, int]]]:
    """Of each claim about networks and their twins its name, interval and counts: of pairs that both learned."""
    pairs = rows[rows["rule"] == "twin"]
    if pairs.empty:
        return
    counts, good = counted(pairs), learned(pairs, ["agreement"])
    yield "twins-agree", stats.mean_over(good, "agreement", by), counts
    for rule in TWINS:
        both = pd.concat([good, rows[rows["rule"] == rule]])
        yield f"below-twin-{rule}", stats.paired(both, "agreement", "rule", "twin", rule, by), counts


def claims(table: pd.DataFrame, usual: dict[str, Any], limits: PrototypeThresholds) -> list[Claim]:
    """What is claimed of each data set, test and regime: averages and worst cases over p, width and depth.

    Twins are those of each N that has some. No claim rests on networks that did not
    learn.
    """
    cases, by = Cases(), ["strength", "width", "depth"]
    for regime, rows in regimes(table, usual).items():
        for (dataset, test), here in rows.groupby(["dataset", "test"], sort=False):
            where = {"dataset": str(dataset), "test": str(test), "regime": regime}
            counts, good = counted(here[here["rule"] != "twin"]), learned(here, ["agreement"])
            own = {rule: good[good["rule"] == rule] for rule in ("ncm", *RIVALS)}
            cases.add("majority", where, stats.mean_over(own["ncm"], "agreement", by), counts)
            cases.add("majority-uniformly", where, stats.worst(own["ncm"], "agreement", by), counts)
            for rule, of in own.items():
                if len(of):
                    cases.add(f"same-{rule}", where, stats.mean_over(of, "agreement", by), counts)
    for words, rows in sizes(table, usual).items():
        for (dataset, test), here in rows.groupby(["dataset", "test"], sort=False):
            where = {"dataset": str(dataset), "test": str(test)}
            for size, of_size in here.groupby("train_size"):
                named = where | {"regime": f"{words}, N = {size:,}"}
                for name, found, counts in twins(of_size, by):
                    cases.add(name, named, found, counts)
            middle = centre(here, usual)
            ncm = middle[middle["rule"] == "ncm"]
            if ncm["train_size"].nunique() > 1:
                good = learned(ncm, ["agreement"])
                grown = stats.growth(good, "train_size", "strength", "agreement")
                cases.add("more-images", where | {"regime": words}, grown, counted(ncm))
    return judged("06_prototype", CLAIMS, cases, limits.model_dump())
