# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The knee: accuracy against corruption
#
# Every pixel of an image is replaced, with probability $p$, by a random grey value; labels stay clean. A network is
# trained on such images and tested twice: on *clean* test images and on test images *corrupted* by the same law. Seed
# 000 describes the accuracy $A(p)$ as a knee and makes two predictions about it:
#
# > **Shift:** the midpoint $p^*$ of the accuracy drop increases with model size or data size, reflecting improved
# > margins.
# > **Sharpening:** the slope $|A'(p^*)|$ increases with size, producing an apparently “critical” knee.
#
# Here the knee is the fit of $A(p) = c + (A_0 - c)\,/\,(1 + e^{(p - p^*)/w})$ with chance level $c$, so that
# $|A'(p^*)| = (A_0 - c)/4w$, to each seed's curve. Clean and corrupted tests ask different questions: the first is
# limited by what can be learnt from corrupted examples, the second also by what is left of the test image. Sizes are
# the width, the depth, the number $N$ of training images, and by averaging over blocks of pixels the dimension $d$.
#
# Is a sigmoid in $p$ the right shape? The rival is a sigmoid in $\ln(1-p)$, that is
# $A(p) = c + (A_0 - c)\,(1-p)^h / ((1-p)^h + (1-p^*)^h)$. For the nearest-class-mean rule, theory says that the clean
# test's knee has $1 - p^* \propto N^{-1/2}$ and keeps its shape in $\ln(1-p)$: then it sharpens in $p$ by that alone.

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; the sections below change what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt

from almostnothing import claims, corruptions, data, figures, stats
from almostnothing.files import project
from almostnothing.pages.knee import page
from almostnothing.pages.knee.parameters import Knee
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "01_knee.yaml"
knee = with_changes(Knee, path, sweep=sweep, thresholds=thresholds)
table = read(root / folder / parameter_set / "01_knee.csv", knee.sweep)
dataset = data.load(knee.sources(knee.folder(root))[0], knee.folder(root))
chance = 1 / dataset.facts.classes
tested = table[table.test != "train"]
fits = {form: stats.fit_knees(tested, page.CURVE, chance, form) for form in stats.FORMS}
gains, halves = stats.form_gain(tested, page.CURVE, chance), stats.halfways(tested, page.CURVE, chance)

# %% [markdown]
# Each fit is checked: it is left out where it cannot be trusted. What was left out, and why:

# %%
doubts = fits["p"].assign(doubt=fits["p"].doubt.replace("", "none"))
doubts.groupby(["dataset", "test", "doubt"]).size().unstack(fill_value=0)

# %%
figures.style()
names = list(dict.fromkeys(tested.dataset))
usual = {"objective": knee.sweep.loss[0], "depth": knee.sweep.depth[0], "pixels": dataset.facts.pixels}
fig = plt.figure(figsize=(figures.DOUBLE, (0.12 + 1.15 * len(names)) * figures.DOUBLE))
strip, *parts = fig.subfigures(1 + len(names), 1, height_ratios=[0.12, *[1.15] * len(names)])

strengths = knee.sweep.strength
image = dataset.values(dataset.test)[:1]
law = corruptions.law_of(knee.sweep.corruption.record(), dataset)
seen = corruptions.series(law, image, strengths, seed=0).reshape(-1, *dataset.facts.shape)
figures.image_row(strip.subplots(1, len(strengths)), seen, [f"$p$ = {p:g}" for p in strengths])

for part, name in zip(parts, names, strict=True):
    here = [t[t.dataset == name] for t in (tested, *fits.values())]
    curves, knees = part.subfigures(2, 1, height_ratios=[1, 1.5])
    axes = list(curves.subplots(1, 2, sharey=True))
    for ax, test in zip(axes, ("clean", "corrupted"), strict=True):
        shown = usual | {"test": test, "train_size": max(knee.sweep.train_size)}
        rows, line, other = (t[(t[list(shown)] == list(shown.values())).all(axis=1)] for t in here)
        figures.accuracy_curves(ax, rows, line, "width", chance)
        page.fitted_lines(ax, rows, other, "width", chance, "log")
        ax.set(title=f"{name}, {test} test, $N$ = {shown['train_size']}")
    axes[0].set_ylabel("accuracy $A$")
    axes[1].legend(title="width", loc="upper right")
    panels = knees.subplots(2, len(page.SIZES), sharey="row")
    for column, size in zip(panels.T, page.SIZES, strict=True):
        rows, lines = stats.one_size(here[1], size, usual)
        for ax, value in zip(column, ("midpoint", "slope"), strict=True):
            page.size_curves(ax, rows, size, lines, value)
        column[1].set_xlabel({"train_size": "training images $N$", "pixels": "pixels $d$"}.get(size, size))
        page.line_legend(column[1], sorted(rows[lines].unique()), {"train_size": "$N$"}.get(lines, lines))
    panels[0, 0].set_ylabel("midpoint $p^*$")
    panels[1, 0].set_ylabel("slope $|A'(p^*)|$")
    figures.panel_letters([*axes, *panels.flat])

# %% [markdown]
# Dots are seeds, bars 95 % intervals of the mean over seeds (Student's $t$); a seed varies the training subset, its
# corruption, the initial weights and the data order. Full lines above: the fitted sigmoid in $p$; dashed: in
# $\ln(1-p)$. Below: full lines and filled markers clean test, dashed and open corrupted test; a point rests on three
# trusted fits at least.
#
# ## Which shape?
#
# The gain of a sigmoid in $\ln(1-p)$ over one in $p$: each accuracy's ln-likelihood under the fit to the other points
# of its curve (nats a point, end points left out), and the share of curves that gain. The fits' residuals (root mean
# square), and how $p^*$ differs.

# %%
wins = gains.assign(share=gains.gain > 0).groupby(["dataset", "test", "objective"])[["gain", "share"]].mean()
residuals = {f"rms, {form}": fit.groupby(["dataset", "test", "objective"]).rms.mean() for form, fit in fits.items()}
wins.assign(**residuals).map(claims.short)

# %% [markdown]
# ## Verdict
#
# The statistic is the growth per doubling of the size, by least squares against $\log_2$ size within each level of the
# other size, averaged over these levels, with an interval over seeds. A pair of sizes counts where the fits of all
# seeds are trusted. The threshold was fixed before the run: a growth that is there but surely smaller counts as
# refuted. The exponent of $N$ is that of $1-p^*$ with $p^*$ where the accuracy is half-way between that at the smallest
# $p$ and chance, whatever the shape.

# %%
verdicts = page.claims(fits["p"], halves, gains, usual, knee.thresholds)
figures.save(fig, verdicts, "01_knee", output)
claims.summary(verdicts)
