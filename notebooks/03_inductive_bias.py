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

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; the sections below change what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from almostnothing import claims, figures, stats
from almostnothing.files import project
from almostnothing.pages.inductive_bias import page
from almostnothing.pages.inductive_bias.parameters import InductiveBias
from almostnothing.parameters.files import with_changes
from almostnothing.tables import each_test, learned, read, statuses

root = project()
path = root / "params" / parameter_set / "03_inductive_bias.yaml"
chosen = with_changes(InductiveBias, path, sweep=sweep, thresholds=thresholds)
cells = chosen.sweep.cells(chosen.folder(root))
whole = each_test(read(root / folder / parameter_set / "03_inductive_bias.csv", chosen.sweep))
asked = page.labelled(whole[whole.test.isin(["clean", "corrupted"])])
table, chance = learned(asked), 1 / cells[0].source.facts.classes
by = ["dataset", "training_corruption", "test", "order", "network", "seed"]
fits, halves = stats.fit_knees(table, by, chance, "log"), stats.halfways(table, by, chance)
slopes = stats.free_knees(table, by, chance)
pairs = {
    key: page.matches([c for c in cells if c.dataset == key[0]], rows, chosen.thresholds)
    for key, rows in table.groupby(["dataset", "training_corruption"], sort=False)
}
verdicts = page.claims(asked, halves, pairs, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
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

# %% tags=["hide-input"]
figures.style()
limit = chosen.thresholds.shift
each = [page.figure(asked, (fits, halves, slopes), pairs[key], key, chance, verdicts, limit) for key in pairs]
fig = each[0]
plt.show()

# %% [markdown]
# Curves: dots are seeds, bars 95 % intervals of the mean over seeds (Student's $t$), lines the fitted sigmoids in
# $\ln(1-p)$; hollow points, of which some networks did not learn. Right: differences between the matched networks,
# paired by seed (same training images); filled: pixels in place, open: permuted; dotted: the smallest difference that
# counts. Images are corrupted once ("fixed"), or anew at each presentation ("fresh").

# %% [markdown]
# ## The matches
#
# Weights and biases, and accuracy on clean test images at $p = 0$ with pixels in place (mean over seeds). The same
# pairs serve the permuted control, where their accuracies may differ.

# %% tags=["hide-input"]
display(pd.concat(pairs, names=["dataset", "corruption"]).droplevel(2).map(claims.short))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(asked, ["dataset", "network", "training_corruption"]))

# %% [markdown]
# ## Verdicts
#
# Differences of $p^*$ paired by seed; intervals over seeds. A claim about networks that are no match within the limits
# of the parameter file is not measured.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "03_inductive_bias", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
