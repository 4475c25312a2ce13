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
# trained on such images and tested twice: on *clean* test images and on test images *corrupted* by the same law.
# Seed 000 describes the accuracy $A(p)$ as a knee and makes two predictions about it:
#
# > **Shift:** the midpoint $p^*$ of the accuracy drop increases with model size or data size, reflecting improved
# > margins.
# > **Sharpening:** the slope $|A'(p^*)|$ increases with size, producing an apparently “critical” knee.
#
# Here the knee is the fit of $A(p) = c + (A_0 - c)\,/\,(1 + e^{(p - p^*)/w})$ with chance level $c$, so that
# $|A'(p^*)| = (A_0 - c)/4w$, to each seed's curve. Clean and corrupted tests ask different questions: the first is
# limited by what can be learnt from corrupted examples, the second also by what is left of the test image.

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; the sections below change what its file says
sweep: dict = {}
thresholds: dict = {}
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt

from almostnothing import claims, corruptions, data, figures, params, provenance, stats, store, sweeps

root = provenance.project()
knee = params.with_changes("01_knee", parameter_set, root, sweep=sweep, thresholds=thresholds)
cells = sweeps.cells_of(knee.sweep, knee.folder(root))
table = store.read_table(root / "figures" / parameter_set / "01_knee.csv", cells)
dataset = data.load(cells[0].source, knee.folder(root))
chance = 1 / dataset.facts.classes
fits = stats.fit_knees(table[table.test != "train"], ["test", "width", "train_size", "seed"], chance)

# %% [markdown]
# Each fit is checked: it is left out where it cannot be trusted. What was left out, and why:

# %%
fits.assign(doubt=fits.doubt.replace("", "none")).groupby(["test", "doubt"]).size().unstack(fill_value=0)

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 1.15 * figures.DOUBLE))
strip, curves, knees = fig.subfigures(3, 1, height_ratios=[0.55, 2, 3.2])

strengths = knee.sweep.strength
image = dataset.values(dataset.test)[:1]
law = corruptions.build(cells[0].corruption, dataset)
seen = corruptions.series(law, image, strengths, seed=0).reshape(-1, *dataset.facts.shape)
figures.image_row(strip.subplots(1, len(strengths)), seen, [f"$p$ = {p:g}" for p in strengths])

axes = list(curves.subplots(1, 2, sharey=True))
largest = max(knee.sweep.train_size)
for ax, test in zip(axes, ("clean", "corrupted"), strict=True):
    rows, fit = (t[(t.test == test) & (t.train_size == largest)] for t in (table, fits))
    figures.accuracy_curves(ax, rows, fit, "width", chance)
    ax.set(title=f"{test} test images, $N$ = {largest}", ylabel="accuracy $A$" if test == "clean" else None)
axes[1].legend(title="width", loc="upper right")

panels = knees.subplots(2, 2)
for row, value, label in zip(panels, ("midpoint", "slope"), ("midpoint $p^*$", "slope $|A'(p^*)|$"), strict=True):
    figures.size_curves(row[0], fits, "width", "train_size", value)
    figures.size_curves(row[1], fits, "train_size", "width", value)
    row[0].set(xlabel="width", ylabel=label)
    row[1].set(xlabel="training images $N$", ylabel=label)
    figures.line_legend(row[0], sorted(knee.sweep.train_size), "$N$")
    figures.line_legend(row[1], sorted(knee.sweep.width), "width")
figures.panel_letters([*axes, *panels.flat])

# %% [markdown]
# Dots are seeds, bars 95 % intervals of the mean over seeds (Student's $t$); a seed varies the training subset, its
# corruption, the initial weights and the data order. A point rests on three trusted fits at least.
# Full lines and filled markers: clean test; dashed and open: corrupted test.
#
# ## Verdict
#
# The statistic is the growth per doubling of the size, by least squares against $\log_2$ size within each level of the
# other size, averaged over these levels, with an interval over seeds. A pair (width, $N$) counts where the fits of all
# seeds are trusted. The threshold was fixed before the run: a growth that is there but surely smaller counts as
# refuted.

# %%
verdicts = []
for test in ("clean", "corrupted"):
    for size, other, name in (("width", "train_size", "width"), ("train_size", "width", "N")):
        for kind, value, what in (("shift", "midpoint", "p*"), ("sharpening", "slope", "ln |A'(p*)|")):
            trusted, least = fits[fits.test == test], getattr(knee.thresholds, kind)
            verdicts.append(
                claims.claim(
                    stats.growth(trusted, size, other, value, log=kind == "sharpening"),
                    id=f"{kind}-{name}-{test}".lower(),
                    statement=f"{kind.capitalize()}: {what} grows by over {least:g} a doubling of {name} ({test} test)",
                    source="seed 000, finite-size scaling hypothesis and testable prediction 1",
                    statistic=f"growth of {what} per doubling of {name}",
                    threshold=least,
                    note=f"{trusted[value].notna().sum()} of {len(trusted)} fits trusted",
                )
            )
figures.save(fig, verdicts, "01_knee", output)
claims.summary(verdicts)
