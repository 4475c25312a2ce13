"""Panels, summaries and claims of `12_augmentation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from almostnothing import stats
from almostnothing.claims import Cases, Claim, judged
from almostnothing.data.common import CORRUPTIONS, NOISES
from almostnothing.data.published import accuracies
from almostnothing.figures import FREE, handles, panel_letters, with_verdicts
from almostnothing.health import LEARNED
from almostnothing.measures import robustness
from almostnothing.naming import dataset_name
from almostnothing.pages.augmentation.claims import CLAIMS
from almostnothing.pages.augmentation.parameters import JOIN, POLICIES, VERSION, Augmentation
from almostnothing.parameters.published import IMPERCEPTIBLE, SETS, STANDARD, TESTED, pairs
from almostnothing.tables import counted

SPARSE = "L0m 0.02"  # training with L0 that the claims are about: the law and strength of 11
NARROW, BROAD = "C1C1", "C2C1"
LIGHT = ("fog", "brightness", "contrast")  # common corruptions that a shift of brightness, a member of C2C1, is like
L0_KINDS = ("L0m", "L0lin", "salt-and-pepper")
NAMES = {  # of the metrics, as they are shown
    "clean": "clean error",
    "without_noise": "mean corrupted error, without noise types",
    "corrupted": "mean corrupted error",
    "lp": "mean error over Lp laws",
    "ice": "relative iCE",
}
ERRORS = ("clean", "without_noise", "corrupted", "lp")
KINDS = {  # of models: colour and marker
    "standard": ("black", "o"),
    "noise of one law": FREE[5],
    "a set of laws": FREE[2],
    "a policy": FREE[0],
    "a policy and noise": FREE[3],
}
PUBLISHED = {"color": "0.35", "marker": "D", "ls": "", "mfc": "white", "ms": 2.8, "mew": 0.7, "zorder": 1}


def kind_of(model: str) -> str:
    """What a model is, a key of `KINDS`."""
    if model == STANDARD:
        return "standard"
    if JOIN in model:
        return "a policy and noise"
    return "a policy" if model in POLICIES else "a set of laws" if model in SETS else "noise of one law"


def metrics(tests: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The metrics of seed 002 (`measures.robustness`), a row for each network: errors as shares, relative iCE a ratio.

    `tests`: accuracies with columns `by`, `test` and `strength`. `without_noise`: over the common corruptions but those
    of noise type, `noise` over these, `without_light` over all but `LIGHT`. `other_lp`: over the Lp laws but those of
    L0.
    """
    common = [name for name in CORRUPTIONS if name in set(tests["test"])]
    noisy, rest = ([name for name in common if (name in NOISES) == wanted] for wanted in (True, False))
    even = [name for name in common if name not in LIGHT]
    laws, few = pairs(TESTED[VERSION]), pairs(IMPERCEPTIBLE[VERSION])
    dense = [law for law in laws if law[0] not in L0_KINDS]
    found = {
        "clean": robustness.clean_error(tests, by),
        "corrupted": robustness.corrupted_error(tests, common, by),
        "without_noise": robustness.corrupted_error(tests, rest, by),
        "noise": robustness.corrupted_error(tests, noisy, by) if noisy else np.nan,
        "without_light": robustness.corrupted_error(tests, even, by),
        "lp": robustness.lp_error(tests, laws, by),
        "other_lp": robustness.lp_error(tests, dense, by),
        "ice": robustness.relative_ice(tests, few, by),
    }
    return pd.DataFrame(found).assign(noise_types=len(noisy) / len(common))


def of_learned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of models whose networks all learned."""
    return table[(table["status"] == LEARNED).groupby(table["model"]).transform("all")]


def ours(table: pd.DataFrame) -> pd.DataFrame:
    """`metrics` of each model (rows, with seeds) of a data set's table, of models whose networks all learned."""
    tests = of_learned(table).drop(columns="strength").rename(columns={"test_strength": "strength"})
    names = [name for name in table["model"].unique() if name in set(tests["model"])]
    return metrics(tests, ["model", "seed"]).loc[names] if names else pd.DataFrame()


def theirs(table: pd.DataFrame, dataset: str) -> pd.DataFrame | None:
    """`metrics` of the models that the authors published with the text's first version; none but of CIFAR-10.

    Over those common corruptions that the table has, so that both are of the same tests.
    """
    if dataset_name(dataset) != "CIFAR-10":
        return None
    known = accuracies(VERSION)
    return metrics(known[~known["test"].isin(set(CORRUPTIONS) - set(table["test"]))], ["model"])


def saved(found: pd.DataFrame, other: str, model: str, metric: str) -> pd.Series:
    """The metric of `other` less that of `model`, by seed: what training as `model` saves. None where one is absent."""
    if not {other, model} <= set(found.index.unique("model") if len(found) else ()):
        return pd.Series(dtype=float)
    return found[metric].xs(other, level="model") - found[metric].xs(model, level="model")


def front(clean: pd.Series, other: pd.Series) -> pd.Series:
    """Whether no model is better in one of two errors and no worse in the other (the Pareto front)."""
    a, b = clean.to_numpy(), other.to_numpy()
    better = (a[:, None] <= a) & (b[:, None] <= b) & ((a[:, None] < a) | (b[:, None] < b))
    return pd.Series(~better.any(axis=0), clean.index)


def claims(table: pd.DataFrame, chosen: Augmentation) -> list[Claim]:
    """What is claimed of each data set: models are compared seed by seed, where all networks of both learned."""
    cases, limits = Cases(), chosen.thresholds
    for dataset, own in table.groupby("dataset", sort=False):
        found, named = ours(own), own.assign(law=own["model"])
        where = {"dataset": str(dataset)}

        def counts(*models: str, named: pd.DataFrame = named) -> dict[str, int]:
            return counted(named[named["model"].isin(models)])

        def compare(name: str, metric: str, other: str, own: str, sign: float = 1, **more: str) -> None:
            values = sign * saved(found, other, own, metric)  # noqa: B023  (called within this turn)
            cases.add(name, where | more, stats.mean_interval(values), counts(other, own))  # noqa: B023

        trained = list(own["model"].unique())
        policies = [name for name in POLICIES if name in trained]
        noises = [name for name in trained if name != STANDARD and name not in POLICIES and JOIN not in name]
        compare("robust", "without_noise", STANDARD, SPARSE)
        compare("clean", "clean", STANDARD, SPARSE, -1)
        compare("robust-all", "corrupted", STANDARD, SPARSE)
        compare("robust-lp", "lp", STANDARD, SPARSE)
        for policy in policies:
            compare("better", "corrupted", policy, SPARSE, training=f"against {policy}")
            compare("better-lp", "lp", policy, SPARSE, training=f"against {policy}")
            compare("better-other-lp", "other_lp", policy, SPARSE, training=f"against {policy}")
        share = stats.mean_interval(share_on_noise(found, limits.some))
        cases.add("mostly-noise", where, share, counts(STANDARD, SPARSE))
        compare("broad", "corrupted", NARROW, BROAD)
        compare("broad-but-light", "without_light", NARROW, BROAD)
        for name in trained:
            policy, joined, _ = name.partition(JOIN)
            if joined and policy in trained:
                compare("adds", "without_noise", policy, name, training=name)
                compare("costs", "clean", policy, name, -1, training=name)
        for name, models in (("imperceptible", [STANDARD, *policies]), ("harmless", noises)):
            for model in models:
                known = len(found) and model in found.index.unique("model")
                values = found["ice"].xs(model, level="model") if known else pd.Series(dtype=float)
                cases.add(name, where | {"training": model}, stats.mean_interval(values), counts(model))
    return judged("12_augmentation", CLAIMS, cases, limits.model_dump())


def share_on_noise(found: pd.DataFrame, some: float) -> pd.Series:
    """Of what training with L0 saves of the mean corrupted error, the part on noise types; none if a seed saves less
    than `some`.
    """
    whole = saved(found, STANDARD, SPARSE, "corrupted")
    if not len(whole) or whole.min() < some:
        return pd.Series(dtype=float)
    return saved(found, STANDARD, SPARSE, "noise") * found["noise_types"].iloc[0] / whole


def figure(table: pd.DataFrame, verdicts: Sequence[Claim], dataset: str) -> Figure:
    """The figure of a data set: what each model saves, relative iCE, and clean error against that over Lp laws.

    `table`: the rows of a data set.
    """
    models = list(table["model"].unique())
    whole, room = with_verdicts(1.4 + 0.26 * (len(models) + 8), verdicts, dataset)
    axes = room.subplots(2, 3)
    found = ours(table)
    good = table.drop_duplicates(["model", "seed"]).groupby("model")["status"].agg(lambda s: (s == LEARNED).mean())
    lost = {str(name): f"{share:.0%} of its networks learned" for name, share in good.items() if share < 1}
    known = theirs(table, dataset)
    for ax, metric in zip(axes.flat, (*ERRORS, "ice"), strict=False):
        model_panel(ax, found, known, metric, models)
        for name, words in lost.items():
            ax.text(
                0.5,
                models.index(name),
                words,
                fontsize=5,
                va="center",
                ha="center",
                transform=ax.get_yaxis_transform(),
                bbox={"color": "white", "pad": 0.5},  # the line of zero may pass here
            )
    for ax in (*axes[:, 1], axes[0, 2]):
        ax.tick_params(labelleft=False)
    front_panel(axes[1, 2], found)
    room.legend(*handles(axes[0]), loc="outside lower center", ncols=6)
    room.suptitle(f"{dataset_name(dataset)}: {_headline(found)}")
    panel_letters(list(axes.flat))
    return whole


def model_panel(ax: Axes, found: pd.DataFrame, known: pd.DataFrame | None, metric: str, models: Sequence[str]) -> None:
    """A metric of each model: of errors, how many points fewer than the standard network's."""
    measured = set(found.index.unique("model")) if len(found) else set()
    error = metric in ERRORS
    if known is not None:
        values = 100 * (float(known[metric][STANDARD]) - known[metric]) if error else known[metric]
        there = [(float(values[name]), place) for place, name in enumerate(models) if name in values.index]
        ax.plot(*zip(*there, strict=True), label="published v1 (WRN-28-10)", **PUBLISHED)  # type: ignore[arg-type]
    for place, model in enumerate(models):
        if model not in measured or not (measured >= {STANDARD} or not error):
            continue
        kind = kind_of(model)
        own = 100 * saved(found, STANDARD, model, metric) if error else found[metric].xs(model, level="model")
        one = stats.mean_interval(own)
        colour, marker = KINDS[kind]
        spread = [[one.mean - one.low], [one.high - one.mean]]
        ax.errorbar(one.mean, place, xerr=spread, color=colour, marker=marker, ms=3, elinewidth=0.8, ls="", label=kind)
    ax.axvline(0, color="0.5", lw=0.8, zorder=0)
    ax.set_yticks(range(len(models)), models)
    ax.set(ylim=(len(models) - 0.5, -0.5), xlabel="points saved against standard" if error else "ratio")
    ax.tick_params(axis="y", length=0, labelsize=6)
    ax.grid(axis="y", color="0.92", lw=0.5)
    ax.set_axisbelow(True)
    ax.set_title(NAMES[metric].replace(", ", ",\n"), fontsize=6.5, loc="right")


def front_panel(ax: Axes, found: pd.DataFrame) -> None:
    """Clean error against mean error over Lp laws, means over seeds; a line along the front, whose models are named."""
    ax.set(xlabel="clean error (%)", ylabel="mean error over Lp laws (%)")
    ax.set_title("both at once", fontsize=6.5, loc="right")
    if not len(found):
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center")
        return
    means = 100 * found.groupby("model", sort=False)[["clean", "lp"]].mean()
    for name, own in found.groupby("model", sort=False):
        colour, marker = KINDS[kind_of(str(name))]
        x, y = (stats.mean_interval(100 * own[metric]) for metric in ("clean", "lp"))
        spread = {"xerr": [[x.mean - x.low], [x.high - x.mean]], "yerr": [[y.mean - y.low], [y.high - y.mean]]}
        ax.errorbar(x.mean, y.mean, **spread, color=colour, marker=marker, ms=3.5, elinewidth=0.3, ls="")  # type: ignore[arg-type]
    best = means[front(means["clean"], means["lp"])].sort_values("clean")
    ax.plot(best["clean"], best["lp"], color="0.5", lw=0.8, zorder=0)
    for model, row in best.iterrows():
        place = (row["clean"], row["lp"])
        ax.annotate(str(model), place, xytext=(-3, -7), textcoords="offset points", fontsize=5.5, ha="right")
    ax.margins(x=0.2, y=0.05)


def _headline(found: pd.DataFrame) -> str:
    """What training with L0 and the best policy save of the mean corrupted error without noise types, means."""
    gains = {name: saved(found, STANDARD, name, "without_noise").mean() for name in (SPARSE, *POLICIES)}
    policies = {name: gain for name, gain in gains.items() if name in POLICIES and np.isfinite(gain)}
    if not np.isfinite(gains[SPARSE]):
        return "not measured"
    words = f"points of corrupted error saved, noise types aside: training with L0 {_signed(gains[SPARSE])}"
    if policies:
        best = max(policies, key=lambda name: policies[name])
        words += f",\nthe best of the policies, {best}, {_signed(policies[best])}"
    return words


def _signed(share: float) -> str:
    return f"{100 * share:+z.1f}".replace("-", "−")


def summary(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """All metrics of a data set's models, errors in per cent, means over seeds; published ones (`theirs`) beside them.

    `on the front`: the share of seeds in which no other model is better in both, clean error and error over Lp laws.
    """
    found = ours(table)
    if not len(found):
        return pd.DataFrame()
    flags = [front(each["clean"], each["lp"]).droplevel("seed") for _, each in found.groupby("seed")]
    parts: dict[tuple[str, str], Any] = {}
    for side, values in (("ours", found.groupby("model", sort=False).mean()), ("published v1", theirs(table, dataset))):
        for metric, name in NAMES.items():
            if values is not None:
                parts[side, name] = values[metric] * (1 if metric == "ice" else 100)
        if side == "ours":
            parts[side, "on the front"] = pd.concat(flags).groupby(level="model").mean()
    return pd.DataFrame(parts).reindex(found.index.unique("model"))


def by_corruption(table: pd.DataFrame) -> pd.DataFrame:
    """Points of error that each model saves on each common corruption against the standard one, means over seeds."""
    common = [name for name in CORRUPTIONS if name in set(table["test"])]
    own = of_learned(table)
    own = own[own["test"].isin(common)]
    wide = own.groupby(["test", "model"], sort=False)["accuracy"].mean().unstack()
    if STANDARD not in wide:
        return pd.DataFrame()
    return 100 * wide.sub(wide.pop(STANDARD), axis=0).loc[common]


def origins(table: pd.DataFrame) -> pd.DataFrame:
    """Where the common corruptions of each data set are from, and the displacement of each model's training images."""
    made = table[table["test"].isin(list(CORRUPTIONS))].groupby("dataset", sort=False)["origin"].unique()
    found: Mapping[str, pd.Series] = {
        f"{dataset_name(str(name))} ({', '.join(made[name])})": own.groupby("model", sort=False)["training_l2"].mean()
        for name, own in table.groupby("dataset", sort=False)
    }
    return pd.DataFrame(found).reindex(table["model"].unique())
