"""Panels, summaries and claims of `09_lp_sampling`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats as reference

from almostnothing import corruptions, data, stats, streams
from almostnothing.claims import Cases, Claim, judged, number
from almostnothing.corruptions.lp import Lp
from almostnothing.figures import DOUBLE, MARKERS, colours, mosaic, panel_letters, picture, with_verdicts
from almostnothing.naming import dataset_name
from almostnothing.pages.lp_sampling.claims import CLAIMS
from almostnothing.pages.lp_sampling.parameters import LpSampling, at_size, norm_name
from almostnothing.pages.lp_sampling.shortcuts import laplace, stuck
from almostnothing.parameters.laws import Member

SAMPLERS = {"ball": "this library", "laplace": "Laplace for every p", "float32": "float32 Gamma"}
LOOKS = {"ball": ("black", "o"), "laplace": ("#c2410c", "s"), "float32": ("#0173b2", "^")}
TESTED = {"radius": "the norm", "value": "a value"}
GREYS = {"extremes": "0 or 1", "greys": "any grey", "salt_pepper": "pixels to 0 or 1"}
VIEW = np.array([[math.cos(math.pi / 6), -math.cos(math.pi / 6), 0], [-0.5, -0.5, 1]]) / math.sqrt(1.5)  # of d = 3


def claims(table: pd.DataFrame, chosen: LpSampling) -> list[Claim]:
    """What is claimed of each sampler: over all norms, and of each."""
    cases, names = Cases(), {"ball": "uniform", "laplace": "uniform-laplace", "float32": "uniform-float32"}
    for sampler, name in names.items():
        for of, words in TESTED.items():
            own = table[(table["sampler"] == sampler) & (table["of"] == of)]
            if of == "value" or sampler == "ball":
                cases.add(name, {"of": words}, largest(own), n_of="samples")
            single = {"ball": "value", "laplace": f"{of}-laplace", "float32": f"{of}-float32"}[sampler]
            if single in CLAIMS and (sampler != "ball" or of == "value"):
                for _, row in own.iterrows():
                    cases.add(single, {"norm": row["norm"]}, largest(own[own["norm"] == row["norm"]]), n_of="samples")
    return judged("09_lp_sampling", CLAIMS, cases, chosen.thresholds.model_dump())


def largest(rows: pd.DataFrame) -> stats.Interval:
    """The largest of the true distances of several laws, from Kolmogorov's distances of independent samples of each.

    The distance D of n samples from a law F is within sup|Fₙ − G| of that of their own law G from F, whatever G is; and
    √n sup|Fₙ − G| is below Kolmogorov's quantile. With one at 0.05/m for each of m laws, all of these hold together.
    """
    found, n = float(rows["distance"].max()), int(rows["samples"].min())
    half = noise(0.05 / len(rows), n)
    return stats.Interval(found, found - half, found + half, n)


def noise(level: float, n: int) -> float:
    """What Kolmogorov's distance of n samples from their own law exceeds with the probability `level`."""
    return float(reference.kstwobign.isf(level)) / math.sqrt(n)


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """Kolmogorov's distances: rows norms, columns samplers and what is tested; and the share that float32 clamps."""
    wide = table.pivot(index="norm", columns=["sampler", "of"], values="distance").reindex(table["norm"].unique())
    wide = wide.rename(columns=SAMPLERS, level=0).rename(columns=TESTED, level=1)
    wide[("float32 Gamma", "clamped")] = [math.nan if name == "L∞" else stuck(float(name[1:])) for name in wide.index]
    return wide.map(number)


def deviations(ax: Axes, table: pd.DataFrame, sampler: str, of: str) -> None:
    """Distribution of samples less the exact one, against the exact one; grey: what samples of the law may do."""
    own = table[(table["sampler"] == sampler) & (table["of"] == of)]
    columns = [str(name) for name in own if str(name).startswith("share_")]
    at = np.array([int(name.removeprefix("share_")) / 100 for name in columns])
    for (norm, colour), marker in zip(colours(list(own["norm"])).items(), MARKERS, strict=False):
        shares = own.loc[own["norm"] == norm, columns].to_numpy(float)[0]
        ax.plot(at, shares - at, color=colour, marker=marker, ms=2, lw=0.9, label=norm)
    half = noise(0.05, int(own["samples"].iloc[0]))
    ax.axhspan(-half, half, color="0.85", lw=0, zorder=0)
    ax.set(xlim=(0, 1), xlabel="exact distribution", title=f"{SAMPLERS[sampler]}: {TESTED[of]}")


def distance_lines(ax: Axes, table: pd.DataFrame, chosen: LpSampling) -> None:
    """Kolmogorov's distance of a value against p, for each sampler."""
    norms = list(dict.fromkeys(table["norm"]))
    for name, (colour, marker) in LOOKS.items():
        own = table[(table["sampler"] == name) & (table["of"] == "value")]
        place = [norms.index(norm) for norm in own["norm"]]
        ax.plot(place, own["distance"], color=colour, marker=marker, lw=1, label=SAMPLERS[name])
    ax.axhline(chosen.thresholds.distance, color="0.4", lw=0.8, ls=":")
    ax.axhspan(1e-4, noise(0.05, int(table["samples"].min())), color="0.85", lw=0, zorder=0)
    ax.set_yscale("log")
    ax.set_ylim(table["distance"].min() / 2, 1)
    ax.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    ax.set_xticks(range(len(norms)), norms)
    ax.set_title("distance of a value")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, fontsize=6)


def section(p: float, count: int = 400) -> Float[np.ndarray, "point 2"]:
    """Points of the curve |x|^p + |y|^p = 1, in order."""
    angle = np.linspace(0, 2 * math.pi, count + 1)
    way = np.stack([np.cos(angle), np.sin(angle)], 1)
    if p < 1:  # by the angle alone, few points would lie near the tips
        return np.sign(way) * np.abs(way) ** (2 / p)
    size = np.abs(way).max(1) if math.isinf(p) else (np.abs(way) ** p).sum(1) ** (1 / p)
    return way / size[:, None]


def outline(p: float, count: int = 360) -> Float[np.ndarray, "point 2"]:
    """The outline of the ball in three dimensions as `VIEW` shows it: the surface's farthest point at each angle."""
    circle = around = section(p, 2 * count)
    # points (a cos, a sin, b) with |a|^p + |b|^p = 1 and |cos|^p + |sin|^p = 1 lie on the surface
    surface = np.concatenate([around[:, :1, None] * circle.T[None], np.tile(around[:, 1:, None], len(circle))], 1)
    x, y = (VIEW @ np.moveaxis(surface, 1, -1).reshape(-1, 3).T).round(9)
    angle = np.floor(count * (np.arctan2(y, x) / (2 * math.pi) + 0.5)).astype(int) % count
    far = pd.DataFrame({"angle": angle, "x": x, "y": y, "r": np.hypot(x, y)})
    found = far.loc[far.groupby("angle")["r"].idxmax(), ["x", "y"]].to_numpy()
    return np.concatenate([found, found[:1]])


def ball_pictures(room: Any, chosen: LpSampling) -> None:
    """Samples of each ball in two and three dimensions by this library, and in two by rescaled Laplace noise."""
    orders = [float(norm) for norm in chosen.balls]
    axes = room.subplots(3, len(orders), squeeze=False)
    number_of = torch.arange(chosen.points, dtype=torch.int32)
    for column, p in enumerate(orders):
        drawn = {}
        for d in (2, 3):
            key = streams.stream_key(chosen.seed, "picture of a ball", d)
            zeros = torch.zeros(chosen.points, d)
            drawn[d] = corruptions.corrupted(Lp(p, d, clip=False), zeros, 1.0, key, number_of).numpy()
        flat, curve = drawn[2], section(p)
        line = {"color": "0.45", "lw": 0.7, "zorder": 0}
        axes[0, column].plot(*flat.T, ".", color=LOOKS["ball"][0], ms=1.6, mew=0)
        axes[0, column].set_title(norm_name(p))
        if not math.isinf(p):
            key = streams.stream_key(chosen.seed, "picture of a ball", 2)
            wrong = laplace(p, 2, key, number_of).numpy()
            axes[1, column].plot(*wrong.T, ".", color=LOOKS["laplace"][0], ms=1.6, mew=0)
        for ax in axes[: 1 if math.isinf(p) else 2, column]:
            ax.plot(*curve.T, **line)
        axes[2, column].plot(*(drawn[3] @ VIEW.T).T, ".", color=LOOKS["ball"][0], ms=1.6, mew=0)
        axes[2, column].plot(*outline(p).T, **line)
    for row, words in enumerate(("d = 2", "d = 2, Laplace", "d = 3")):
        axes[row, 0].text(-0.08, 0.5, words, rotation=90, va="center", ha="right", transform=axes[row, 0].transAxes)
    for row, end in enumerate((1.15, 1.15, 1.65)):
        for ax in axes[row]:
            ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
            ax.set_axis_off()


def figure(chosen: LpSampling, table: pd.DataFrame, verdicts: Sequence[Claim]) -> Figure:
    """The main figure: balls and their samples, and how far each sampler is from the exact laws."""
    whole, room = with_verdicts(1.05 * DOUBLE, verdicts, "")
    top, bottom = room.subfigures(2, 1, squeeze=False, height_ratios=[1.3, 1]).flat
    ball_pictures(top, chosen)
    axes = list(bottom.subplots(2, 2).flat)
    deviations(axes[0], table, "ball", "radius")
    deviations(axes[1], table, "ball", "value")
    deviations(axes[2], table, "laplace", "value")
    distance_lines(axes[3], table, chosen)
    for ax in (axes[0], axes[2]):
        ax.set_ylabel("samples less exact")
    span = 1.6 * noise(0.05, int(table["samples"].min()))
    for ax in axes[:2]:
        ax.set_ylim(-span, span)
    bottom.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(chosen.norms), fontsize=6)
    panel_letters(axes)
    worst = table[table["of"] == "value"].groupby("sampler")["distance"].max()
    top.suptitle(
        f"At every p a value of the noise is within {number(worst['ball'])} of its exact law.\n"
        f"Laplace noise for every p is up to {number(worst['laplace'])} from it, "
        f"float32 Gamma variables {number(worst['float32'])}",
        fontsize=8,
    )
    return whole


def law_name(member: Member, strength: float) -> str:
    """A law and its strength as words: `L2, ε = 0.5`."""
    own = member.corruption
    if own.law == "lp":
        return f"{norm_name(own.norm)}, ε = {strength:,.3g}"
    if own.law == "l0":
        return f"L0, {100 * strength:.3g} % to {GREYS[own.values]}"
    return f"{own.law}, {strength:.3g}"


def image_figure(dataset: data.Dataset, chosen: LpSampling) -> Figure:
    """An image of a data set under the text's laws, with the L2 norm of what each changes in it."""
    d, shape = dataset.facts.pixels, dataset.facts.shape
    clean = dataset.train.images[chosen.image].reshape(1, -1) / np.float32(dataset.levels)
    across = 1 + max(len(chosen.imperceptible), min(len(chosen.training), 7))
    rows = [chosen.imperceptible]
    rows += [chosen.training[at : at + across - 1] for at in range(0, len(chosen.training), across - 1)]
    whole = plt.figure(figsize=(DOUBLE, DOUBLE / across * 1.45 * len(rows) + 0.3))
    axes = whole.subplots(len(rows), across, squeeze=False)
    norms: dict[int, list[float]] = {0: [], 1: []}
    for ax in axes.flat:
        ax.set_axis_off()
    if len(chosen.imperceptible) < across - 1:
        axes[0, -1].set_axis_on()
        picture(axes[0, -1], mosaic(clean.reshape(1, *shape), 1), "without noise")
    for number_of, (line, members) in enumerate(zip(axes, rows, strict=True)):
        words = ("“imperceptible”", "training", "")[min(number_of, 2)]
        line[0].text(0, 0.5, words, va="center", fontsize=7, transform=line[0].transAxes)
        for ax, member in zip(line[1:], members, strict=False):
            record, strength = at_size(member, d)
            noisy = corruptions.series(corruptions.law_of(record, dataset), clean, [strength], chosen.seed)[0]
            size = float(np.linalg.norm(noisy - clean))
            norms[min(number_of, 1)].append(size)
            ax.set_axis_on()
            picture(ax, mosaic(noisy.reshape(1, *shape), 1), law_name(member, strength))
            ax.set_xlabel(f"L2 norm {number(size)}", fontsize=6.5, labelpad=2)
    whole.suptitle(
        f"{dataset_name(dataset.source.name)}: “imperceptible” noise has L2 norms up to {number(max(norms[0]))}, "
        f"that of training {number(min(norms[1]))} to {number(max(norms[1]))}",
        fontsize=8,
    )
    return whole
