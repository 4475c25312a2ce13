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
# # How flat can a two-layer network be that fits noise?

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
from almostnothing.pages.size_vs_lipschitz import page
from almostnothing.pages.size_vs_lipschitz.parameters import SizeVsLipschitz
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "17_size_vs_lipschitz.yaml"
chosen = with_changes(SizeVsLipschitz, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "17_size_vs_lipschitz.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 004 quotes a conjecture of Bubeck, Li and Nagaraj on networks with $k$ hidden units that fit $n$ noisy points:
#
# > $\mathrm{Lip}(f) \gtrsim \sqrt{n/k}$ for 2-layer neural networks,
#
# the order of the slides' law $\sqrt{nd/P}$ with $P = k(d+2)$ parameters. It is about all networks of a size, and so
# about the flattest: what plain training ends at says nothing of it. This page looks for the flattest. Points lie
# uniformly on the unit sphere, labels are 1 and −1 by chance, all networks have the same mean squared error, which is
# below the labels' variance. *Penalised* networks are held at that error while a penalty flattens them where they are
# steepest, at points that follow the longest gradients (`measures/frontier`). *Smallest average* replaces that penalty
# by the mean squared gradient over points of the sphere that are drawn anew at each step, a Sobolev norm. *Plain* and
# *adversarial* training stop when they reach the error; *weight decay* is held there. Networks that do not reach the
# error are not on the frontier: a size counts where all seeds do.
#
# Two bounds hold each network: a slope that was found on the sphere, and a certified bound over all inputs. To refute a
# lower bound on the constant takes a certified upper one; to confirm its order, slopes found on networks that are truly
# the flattest, which no search can promise.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts, chosen)
plt.show()

# %% [markdown]
# **a** Lipschitz constants of ReLU networks against points a unit: slopes found, of the flattest with the certified
# bound; orange: the conjecture's slope, through the flattest. Dotted: what every function of the sphere needs that has
# this error on the same points (`theory/partial_fits`), networks or not. **b** The flattest networks' constants over
# $\sqrt{n/k}$, ReLU and softplus; the conjecture asks for a constant below which this does not fall. **c** How far the
# search is to be trusted: all penalised networks, from several starts at few units, and the flattest, after all steps
# and, open, after a part. **d** Exponents of $n/k$: ticks are seeds; grey: within the threshold of 1/2; dotted: an
# order without $k$, such as $n^{1/d}$. *k = … to …*: between two sizes alone; *less the floor*: of the constant less
# what every function needs. **e** Mean distances of points of training to the decision boundary, where the network's
# sign changes, 0 of points whose sign is wrong (class stability): found by search, and certified by the network's value
# over its Lipschitz constant; dotted: 1/constant. **f** How much better other laws foretell a size left out, in ln
# density, than $\sqrt{nd/P}$ does. All points are geometric means over seeds with intervals of the mean ln (Student's
# $t$); each seed has points, labels and networks of its own.

# %% [markdown]
# ## Fits in features, path norms, averages
#
# **g** Fits of least norm in as many random features as the network has parameters, and in the gradients of its first
# layer (NTK), shrunk to the same error. **h** Path norms. **i** The steepest slope found against the average one, the
# root mean square gradient at fresh points of the sphere; a line joins a way of training's sizes.

# %% tags=["hide-input"]
page.supplement(table, chosen)
plt.show()

# %% [markdown]
# ## Exponents of $n/k$
#
# What would make an exponent too small, other than the law: a search that fails at many units, where networks are
# hardest to flatten (panel **c** and the exponent after a part of the steps; at few units optima differ instead, and a
# search from more starts would lower the constant there, and the exponent; how many points climb matters most at many
# units, and was raised for it before this table was made), certified bounds that are loose there
# (compare both bounds), and the floor of every function, which no number of units takes away.

# %% tags=["hide-input"]
display(page.exponent_table(table, chosen))

# %% [markdown]
# ## Rival laws, other norms, averages and mean distances
#
# **Rival laws.** Each law's constants and spread are fitted to all sizes of a seed but one, and judged by the density
# that they give to the one left out: Student's $t$, as few sizes are left, for which a normal density would be
# overconfident (`stats.log_predictive`). Here $n$ and $d$ are fixed, so that $n^{1/d}$ is a constant like any other
# order without $k$: this page cannot tell such orders apart, a sweep over $n$ can. A *free power* of $n/k$ asks whether
# 1/2 is the best one; *floor + c√(n/k)* adds what every function needs on the same points. A law that wins on slopes
# found may win by what the search misses, and one that wins on certified bounds by where these are loose.
#
# **L∞.** Both bounds are over all inputs, as the dual norm along the sphere is another one. Networks were flattened for
# distances in L2 and are not the flattest in L∞: their certified constant is no more than an upper bound on the least.
#
# **Averages.** The slides hold that a small average gradient does not make a function robust. Gradients of ReLU's steps
# are softened for this mean while networks learn; what is measured is the network's own.
#
# **Mean distances** are upper bounds by a search through all of space, from points of training; the certified ones rest
# on one constant for all points and fall where it is reached somewhere else.

# %% [markdown]
# ## What was trained
#
# For each way of training: how many networks reached the error, and geometric means at the fewest … the most units.

# %% tags=["hide-input"]
display(page.reached(table))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "17_size_vs_lipschitz", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))

# %% [markdown]
# Not asked here: networks that are flattest in L∞, networks of more layers at the same number of parameters
# (`19_depth`), inputs in batches, and sizes at which $n/k$ spans more than a few doublings, for which dimensions must
# grow, too.
