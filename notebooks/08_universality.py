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
# # Universality: one rule for all?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/
thresholds: dict = {}  # what is not empty changes what the file says
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.universality import page
from almostnothing.pages.universality.parameters import Universality
from almostnothing.parameters.files import with_changes
from almostnothing.tables import long, read

root = project()
chosen = with_changes(Universality, root / "params" / parameter_set / "08_universality.yaml", thresholds=thresholds)
table = long(read(root / folder / parameter_set / "08_universality.csv"), page.ALL, "rule")
networks, tilted = table[table.part == "matrix"], table[table.part == "tilt"]
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# > This leading-order decision rule is universal across a broad range of MLP architectures, holding for any depth, as
# > well as a wide class of activation functions and noise distributions.
#
# Infinitely wide networks of many activations and depths, trained under many noise laws, against three rules: NCM,
# which is the claim; FO, of the same form with $\lambda$ and $\kappa$ from each network's kernel; and the ridge rule
# (see `07_infinite_width`). The leading order needs fewer training images than pixels. Laws differ in how much signal
# they leave: the table below gives a pixel's noise ratio, the noise's standard deviation over the share of the signal.
#
# Seed 001 notes that "the value of the second moment can affect the orientation of the centroid rule". The term is
# $\kappa (q_i - q)$, $q_i$ the class mean of $|\tilde x|^2$; here the second moment of the noise grows while its mean
# stays what it is. So does the noise's variance: what the term does is seen by leaving it out of FO.

# %% tags=["hide-input"]
figures.style()
fig, *others = [page.figure(networks, chosen.shifts, verdicts, name) for name in chosen.datasets]
plt.show()

# %% [markdown]
# Share of clean test images on which a rule and the infinitely wide network choose the same class, means over seeds;
# rows: activation and depth $L$, columns: law and strength.

# %% [markdown]
# ## The second moment
#
# Agreement, averaged over activations and depths, against the second moment of a replaced pixel; "FO without tilt"
# leaves $\kappa(q_i - q)$ out. Bars: 95 % intervals over seeds.

# %% tags=["hide-input"]
page.supplement(tilted, chosen.shifts)
plt.show()

# %% [markdown]
# ## Where universality ends
#
# Share of the networks (activations and depths) with which a rule surely agrees on more than the threshold's share of
# points, for each law.

# %% tags=["hide-input"]
display(page.reach(networks, chosen.thresholds.same).map(claims.short))

# %% [markdown]
# ## Verdicts
#
# Means over activations, depths and laws; "at worst" is each seed's least over these. Intervals over seeds. No network
# of finite width is trained here.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "08_universality", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
