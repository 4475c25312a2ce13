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
# # Are trained networks compressed as linear maps are?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.trained_compression import page
from almostnothing.pages.trained_compression.parameters import TrainedCompression
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "14_trained_compression.yaml"
chosen = with_changes(TrainedCompression, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "14_trained_compression.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 003 derives what a linear map withstands (`13_root_d`), and says of networks:
#
# > Our theories match remarkably well with numerical experiments of practically trained NN.
#
# This page trains them. *Corners* are the text's own experiment (Theorem 6): all points $x = Az$,
# $z \in \{\pm 1\}^d$, in two classes by the sign of $z_d$, and linear networks with a hidden layer. The text predicts
# the angle $\theta_1$ between what the network has learned and the column $a_d$ from the matrix alone, by
# $\varphi = |R_{dd}| / \|a_d\|$ of $A = QR$. *One point a class*: $n$ standard normal points in $d$ dimensions, each a
# class of its own, and networks without activation or with one or two hidden layers of ReLUs. Their *robustness
# ratio* is the smallest perturbation that takes a point to the side of another class, over half of the distance to
# that class's point, as on the page before. Squared error on one-hot labels has the closed forms as its end, where
# the fit is exact; cross-entropy tends to the largest margin, which is another map.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts, chosen)
plt.show()

# %% [markdown]
# **a** Corners: each point is a network with a matrix of its own, at the end of training. **b** The same angles during
# training, means over seeds, with the means of both predictions for these matrices; the largest margin by non-negative
# least squares (`theory/compression`). **c** What a choice of networks does: the mean φ of those that
# classify all corners so far; their numbers stand below (lower row: squared error). Matrices of large φ are learned
# first, so whoever stops early and keeps what works has a mean above the law's. **d**, **e**, **f** One point a class:
# the ratio of trained networks, means over seeds; solid: squared error, dotted: cross-entropy. A cross: some networks
# did not learn, or had not fitted each direction yet, where squared error was not at its end: that is no evidence.
# Line: the map of least norm that fits the same points exactly; dashed: with what gradient descent leaves of the
# initial weights of a wide network beside the points, which makes a ratio fall as $d^{-1/2}$ by itself
# (`theory/compression`; Adam, used here, takes some of it away). Slopes of squared error grow steeper with d where the
# start is torch's own: what is refuted at these d may hold at larger ones, for this other reason. The start of **e** is
# a tenth of torch's own initial weights. Lengths of ReLU networks are the best of two searches and so upper bounds: see
# the table below.
# Intervals are of the mean over seeds (Student's $t$); each seed has points, matrices and networks of its own.

# %% [markdown]
# ## What the text reports, beside the exact law
#
# The text gives the means of φ and of $|\cos\theta_1|$ over networks that it calls valid, at $d = 12$, and does not say
# how these were chosen. For independent standard normal matrices $\varphi^2$ has an exact law, so the chance of so
# large a mean can be computed.

# %% tags=["hide-input"]
display(page.text_table(table, chosen))

# %% [markdown]
# ## What an ill-conditioned matrix needs
#
# Differences from the prediction, by the condition of $A$: where it is large, squared error is not yet at its end,
# which refutes nothing. Differences below a millionth are drawn there.

# %% tags=["hide-input"]
page.condition_figure(table, chosen)
plt.show()

# %% [markdown]
# ## How far lengths can be trusted
#
# Networks on one point a class: how many learned, and of those trained by squared error how many fit each of the $n$
# directions. Lengths of linear networks are exact. Of others: the share of points for which an attack that shares
# nothing with the search but the margin found a perturbation at least a hundredth smaller, by d, and the same for
# attacks of foolbox on a few pairs. Where that share is a hundredth or more, (!), ratios are too large by something.

# %% tags=["hide-input"]
display(page.agreement(table))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "14_trained_compression", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
