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
# # Inductive bias: MLP against CNN
#
# Seed 000 predicts:
#
# > Compare MLP vs. CNN: CNNs should tolerate larger $p^*$ due to inductive bias.
#
# A comparison needs a match. Two are made here: the MLP and the CNN whose numbers of weights are closest, and those
# whose accuracies without corruption are closest. And the explanation needs a control: if the CNN's advantage is its
# knowledge of which pixels are neighbours, it must vanish when the pixels of all images are exchanged by one random
# permutation, which an MLP does not notice.
#
# $p^*$ is where a seed's accuracy is half-way between that at $p = 0$ and chance, so that no shape is assumed; the
# slope is that of a fitted sigmoid in $p$ (see `01_knee`).

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; the sections below change what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import pandas as pd

from almostnothing import claims, figures, stats
from almostnothing.files import project
from almostnothing.pages.inductive_bias import page
from almostnothing.pages.inductive_bias.parameters import InductiveBias
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "03_inductive_bias.yaml"
chosen = with_changes(InductiveBias, path, sweep=sweep, thresholds=thresholds)
cells = chosen.sweep.cells(chosen.folder(root))
whole = read(root / folder / parameter_set / "03_inductive_bias.csv", chosen.sweep)
table = page.labelled(whole[whole.test != "train"])
chance = 1 / cells[0].source.facts.classes
by = ["dataset", "test", "order", "network", "seed"]
fits, halves = stats.fit_knees(table, by, chance), stats.halfways(table, by, chance)
pairs = {
    name: page.matches([c for c in cells if c.dataset == name], rows, chosen.thresholds)
    for name, rows in table.groupby("dataset", sort=False)
}

# %% [markdown]
# ## The matches
#
# Weights and biases, and accuracy on clean test images at $p = 0$ with pixels in place (mean over seeds). The same
# pairs serve the permuted control, where their accuracies may differ.

# %%
pd.concat(pairs, names=["dataset"]).droplevel(1).map(claims.short)

# %%
figures.style()
tests, orders = ("clean", "corrupted"), ("in place", "permuted")
fig = plt.figure(figsize=(figures.DOUBLE, 0.95 * figures.DOUBLE * len(pairs)))
for part, dataset in zip(fig.subfigures(len(pairs), 1, squeeze=False).flat, pairs, strict=True):
    axes = part.subplots(2, 3)
    part.suptitle(dataset)
    for row, test in zip(axes, tests, strict=True):
        for ax, order in zip(row, orders, strict=False):
            rows, fit = (t[(t.dataset == dataset) & (t.test == test) & (t.order == order)] for t in (table, fits))
            figures.accuracy_curves(ax, rows, fit, "network", chance)
            ax.set_title(f"{test} test, {order}", loc="right")
        row[0].set_ylabel("accuracy $A$")
    advantage = page.advantages(halves[halves.dataset == dataset], pairs[dataset], "midpoint")
    page.seed_points(axes[0, 2], advantage, "CNN less MLP, $p^*$", chosen.thresholds.shift)
    steeper = page.advantages(fits[fits.dataset == dataset], pairs[dataset], "slope")
    page.seed_points(axes[1, 2], steeper, "CNN less MLP, $|A'(p^*)|$", 0)
    axes[0, 1].legend(title="network, width")
    figures.panel_letters(list(axes.flat))

# %% [markdown]
# Curves: dots are seeds, bars 95 % intervals of the mean over seeds (Student's $t$), lines the fitted sigmoids. Right:
# differences between the matched networks, paired by seed (same training images); filled: pixels in place, open:
# permuted; dotted: the smallest difference that counts.
#
# ## Verdict
#
# Differences of $p^*$ paired by seed; intervals over seeds. A claim about networks that are no match within the limits
# of the parameter file has no estimate.

# %%
verdicts = page.claims(halves, pairs, chosen.thresholds)
figures.save(fig, verdicts, "03_inductive_bias", output)
claims.summary(verdicts)
