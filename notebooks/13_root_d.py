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
# # Does a classifier withstand less and less, the more dimensions there are?

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
from almostnothing.pages.root_d import page
from almostnothing.pages.root_d.parameters import RootD
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "13_root_d.yaml"
chosen = with_changes(RootD, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "13_root_d.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 003 compares the smallest perturbation that changes a classifier's answer with that of a minimum-distance
# classifier, half of the way to the nearest other point:
#
# > neural networks' adversarial robustness can be only $1/\sqrt{d}$ of the best possible adversarial robustness of
# > optimal classifiers.
#
# Its model is a network whose layers together are a linear map, which fits one random point of each class exactly.
# For such a classifier the lengths have exact laws, derived in `theory/compression`, and this page draws points to
# see whether they hold: values of points are independent and standard normal, $n$ points, one a class, in $d$
# dimensions, and $w = w_i - w_j$ is the difference of two classes' weights in the fit of least norm. The *robustness
# ratio* of a pair of classes is $|\cos\theta|$ of the angle between $w$ and $x_i - x_j$: a number between 0 and 1,
# how much of what tells the points apart is used. "Compression" is another word for a small ratio, no cause of it.
# Primary claims are about pairs, whose law is exact; an answer changes sooner where it may become that of any class
# (panel a).

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts)
plt.show()

# %% [markdown]
# **a** With as many points as dimensions the mean ratio of a pair is $\sqrt{2/\pi}\, d^{-1/2}$ at large $d$ (dotted),
# and single draws spread widely about it; *any class*: the smallest perturbation to any other class over half of the
# distance to the nearest point. **b** With fewer points $\cos^2\theta$ has the law Beta$((d-n+1)/2, (n-1)/2)$, and
# the ratio tends to $\sqrt{1 - n/d}$: the text's $d^{-1/2}$ needs nearly as many points as dimensions. **c** Points
# that are the output of a random generator of $t$ linear layers, the points of the first kind its innermost: lines
# $(2/\pi)^{t/2} d^{-t/2}$. **d** Training with noise of standard deviation σ on every input makes the fit a ridge
# regression. Where σ is a fixed share of the values' own deviation, 1, the ratio does not fall with $d$ any more;
# with more noise it tends to 1, the rule of the nearest class mean (`06_prototype`). Lines: from Marchenko and
# Pastur's law. *Corners*: $2^d$ points $x = Az$, $z \in \{\pm 1\}^d$, in two classes by the sign of $z_d$ (Theorem
# 6); their values have the deviation $\sqrt d$, and the same σ is an ever smaller share of it. Drawn is
# $|\cos\theta|$ between weights and $a_d$, which is no robustness ratio: half of the distance of the classes is
# shorter than $a_d$. **e** The noise of seeds 000 and 001: a share p of the values is replaced in training. That is
# noise with $\sigma^2 = (1-p)^{-2} - 1$, whatever $d$ is: of random points that are mostly noise in training, a
# linear classifier learns to withstand nearly what the minimum-distance classifier does (dotted), in the mean of both
# points of a pair; the nearer one of them somewhat less. **f** The lengths: medians, and the middle nine tenths of
# all draws. Intervals of all other panels are of the mean over seeds (Student's $t$); each seed draws its own points.
# Exponents are fitted to all draws of a seed, of which most are at few dimensions.

# %% [markdown]
# ## The exact law at each $d$, for $n = d$
#
# Of a pair's ratio, and of $\varphi = |R_{dd}| / \|a_d\|$ of a random matrix $A = QR$, the text's prediction for
# corners, which has the same law. All draws of a pair, and distances of Kolmogorov and Smirnov, with the probability
# of a larger one by chance.

# %% tags=["hide-input"]
page.law_figure(table)
plt.show()
display(page.agreement(table))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "13_root_d", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
