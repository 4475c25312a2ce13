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
#
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

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/
thresholds: dict = {}  # what is not empty changes what the file says
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
from IPython.display import display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.measures import naming
from almostnothing.pages.universality import page
from almostnothing.pages.universality.parameters import Universality
from almostnothing.parameters.files import with_changes
from almostnothing.tables import long, read

root = project()
chosen = with_changes(Universality, root / "params" / parameter_set / "08_universality.yaml", thresholds=thresholds)
table = long(read(root / folder / parameter_set / "08_universality.csv"), page.ALL, "rule")
networks, tilted = table[table.part == "matrix"], table[table.part == "tilt"]
datasets, shifts, limits = chosen.datasets, chosen.shifts, chosen.thresholds

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, (0.75 + 0.3 * len(shifts)) * figures.DOUBLE), layout="none")
maps, curves = fig.subfigures(2, 1, height_ratios=[3.4, 1])
columns = [(dataset, rule) for dataset in datasets for rule in page.RULES]
axes = maps.subplots(len(shifts), len(columns), sharex=True, sharey=True, squeeze=False)
for row, shift in zip(axes, shifts, strict=True):
    for ax, (dataset, rule) in zip(row, columns, strict=True):
        own = networks[(networks.dataset == dataset) & (networks["shift"] == shift) & (networks.rule == rule)]
        figures.heat_map(ax, page.matrix(own))
        ax.set_title(f"{naming.NAMES[rule]}: {dataset},\n{page.inputs(shift)}", fontsize=6.5)
pairs = [(dataset, shift) for dataset in datasets for shift in shifts]
lower = curves.subplots(1, len(pairs), squeeze=False)[0]
for ax, (dataset, shift) in zip(lower, pairs, strict=True):
    here = tilted[(tilted.dataset == dataset) & (tilted["shift"] == shift)]
    figures.rule_lines(ax, page.over_networks(here), "moment", "agreement", page.TILT)
    figures.size_axis(ax, here.moment.round(2), "second moment of the noise")
    ax.tick_params(axis="x", labelrotation=90)
    ax.set_ylim(0, 1.02)
    ax.set_title(f"{dataset},\n{page.inputs(shift)}", fontsize=6.5)
lower[0].set_ylabel("agreement")
curves.legend(*figures.handles(lower), loc="outside lower center", ncols=4)
figures.panel_letters([*axes.flat, *lower])
fig.set_layout_engine("constrained")  # only now: maps that are half drawn have no room in it

# %% [markdown]
# Above: share of clean test images on which a rule and the infinitely wide network choose the same class, means over
# seeds; rows: activation and depth $L$, columns: law and strength. Below: agreement, averaged over activations and
# depths, against the second moment of a replaced pixel; "FO without tilt" leaves $\kappa(q_i - q)$ out. Bars: 95 %
# intervals over seeds.
#
# ## Where universality ends
#
# Share of the networks (activations and depths) with which a rule surely agrees on more than the threshold's share of
# points, for each law.

# %%
display(page.reach(networks, limits.same).map(claims.short))

# %% [markdown]
# ## Verdict
#
# Means over activations, depths and laws; intervals over seeds. "At worst": the combination with the smallest mean, its
# interval widened for having been chosen.

# %%
verdicts = page.claims(table, chosen)
figures.save(fig, verdicts, "08_universality", output)
claims.summary(verdicts)
