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
# # For which sizes is the law of robustness tight?

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
from almostnothing.pages.tightness import page
from almostnothing.pages.tightness.parameters import Tightness
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "16_tightness.yaml"
chosen = with_changes(Tightness, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "16_tightness.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 004 states a law: a function with $P$ parameters that fits $n$ noisy points in $d$ dimensions has a Lipschitz
# constant of at least the order of $\sqrt{nd/P}$. It goes on:
#
# > Tight for any $P > n$: project down to dimension $d = P/n$, use $n$ RBFs in $\mathbb{R}^d$.
#
# This page builds that function. Points lie uniformly on the unit sphere, labels are 1 and −1 by chance; the first
# $\tilde d$ coordinates are kept, times $\sqrt{d/\tilde d}$, which costs a factor of just $\sqrt{d/\tilde d} =
# \sqrt{nd/P}$ with $P = n\tilde d$. What is left, the constant of the function of projected points, should not depend
# on $\tilde d$ if the construction is tight up to a constant. *Tents* stand for the RBFs: one on each point, as wide as
# half of the distance to the nearest one, whose constant is known exactly. *Best of all functions*: the smallest
# constant that any function of the projected points has that fits them all (McShane). *Best for a part*: the same for
# those points that are the easiest to fit together.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts, chosen)
plt.show()

# %% [markdown]
# **a** The Lipschitz constant over $\sqrt{nd/P}$ against $\tilde d/\log_2 n$ (dotted: 1): filled at the most points,
# open at fewer, which lie on the same curve. Lines: what the median closest pair of projected points gives
# (`theory/interpolants`). With few dimensions kept, two of $n$ points come as near as $n^{-2/\tilde d}$, so no function
# of them can be flat. **b** Tents against $n$: lines have the slope $2/\tilde d$, so no constant bounds the ratio at
# any fixed $\tilde d$, though the slope is slight where $\tilde d$ is several times $\log_2 n$. **c** The constants
# themselves against parameters for each point, with the law's order. All points are geometric means over seeds with
# intervals of the mean ln (Student's $t$); each seed has points and labels of its own. A function that leaves a share
# of the points unfitted is flatter by far where few dimensions are kept: the nearest pairs are few.

# %% [markdown]
# ## The constants over $\sqrt{nd/P}$ at the most points

# %% tags=["hide-input"]
display(page.ratios(table, chosen))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "16_tightness", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
