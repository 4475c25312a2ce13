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
# # Does depth help a network of as many parameters to fit noise flatly?

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
from almostnothing.pages.depth import page
from almostnothing.pages.depth.parameters import Depth
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "19_depth.yaml"
chosen = with_changes(Depth, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "19_depth.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 004 measures a network's size by one number:
#
# > Theorem [Bubeck-S. 21]: for $P$-parameter function classes $F$, partial memorization of noisy data by some $f \in F$
# > implies: $\mathrm{Lip}(f) \gtrsim \sigma\sqrt{nd/P}$.
#
# Of how parameters are arranged it says nothing but that outputs change by at most $J$ times as much as weights do, and
# $\log J$ in the bound. Of networks of depth $D$ that logarithm is of the order of $D$, and what is left is
# $\sqrt{nd/(DP)}$ ($\log\bar B$ in place of $D$, where the product of the layers' norms is at most $\bar B$): deeper
# networks might be flatter. This page looks for the flattest networks of $D$ hidden layers of
# ReLU, as wide as they can be with no more parameters than a network of one hidden layer has, on noise like that of
# `17_size_vs_lipschitz`, at its error and by its method: a penalty where networks are steepest, at points that follow
# the longest gradients (`measures/deep`). *Plain* training stops when it reaches the error. Networks that do not reach
# it are not on the frontier: a depth counts where all seeds do.
#
# A slope that was found bounds the constant from below. That networks of more layers are steeper does not refute a
# lower bound; that they were much flatter than those of one layer would say that $P$ alone is not what counts.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts, chosen)
plt.show()

# %% [markdown]
# **a** Slopes found on plain networks and on the flattest, against hidden layers; orange: what the theorem leaves open
# for depth, through $D = 1$; dotted: what every function of the sphere needs that has this error on the same points
# (`theory/partial_fits`). **b** The flattest networks' slopes and their certified layer-wise bound
# (`lipschitz.layered`), over all inputs. **c** How far the search is to be trusted: penalised networks, each, and the
# flattest after all steps and, open, after a part. All points but those in grey are geometric means over seeds with
# intervals of the mean ln (Student's $t$); each seed has points, labels and networks of its own.
#
# ## What would change these verdicts
#
# A better search might flatten networks of more layers: starts differ most there (**c**), and a seed whose trainings
# all ended at a steep network widens the interval; some networks are flatter after a part of the steps than after all,
# and only those of all steps count. On the other side the slope found bounds a constant from below: what ascent from a
# few points misses makes networks steeper than shown, and with more layers the certified bound is too loose to say by
# how much (**b**), so that *certified* compares bounds rather than networks. Steeper networks are where this page's
# claim can fail without the law's failing. Another penalty, rate or width of single layers was not tried at every
# depth.

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "19_depth", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))

# %% [markdown]
# ## What was trained

# %% tags=["hide-input"]
display(page.summary(table))
