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
# # Do balls of different norms overlap?

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
from almostnothing.pages.volume_overlap import page
from almostnothing.pages.volume_overlap.parameters import VolumeOverlap
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "10_volume_overlap.yaml"
chosen = with_changes(VolumeOverlap, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "10_volume_overlap.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 002 finds that networks trained under L0 noise are robust under other norms, and not the other way round, and
# names as the reason
#
# > the unique volume overlap properties of L0-norm spheres in high-dimensional input space
#
# which its Figure 6 shows: for balls of six norms, against their ε, the share of their samples in an L2 ball of ε = 4,
# and the share of that ball's samples in them. Where neither share is large the balls do not overlap, whatever their
# norms are. This is that figure, by samples that are uniform in their balls, and by those of the text's first version,
# which drew Laplace noise for every p > 0 (`09_lp_sampling`): for it all these balls are one and the same.
#
# At other numbers of values d than the text's 3,072 the L2 ball has the ε that changes each value as much, unless the
# parameter file says otherwise: 4 √(d/3072).

# %% tags=["hide-input"]
figures.style()
fig, *others = [page.figure(table, verdicts, name) for name in chosen.datasets]
plt.show()

# %% [markdown]
# Noise is added to training images and clipped to [0, 1]; what is left of it is in a ball or not. Blue falls: samples
# of the ball named above a panel, in the L2 ball. Orange grows: samples of the L2 ball, in that ball. Curves are of one
# image, that of the authors' notebook, and how balls overlap depends on the image: each seed draws images of its own,
# whose crossings are upright lines. The title, the verdicts and what is shaded rest on these. Dots half-way are the
# crossings' mean ln, with 95 % intervals over seeds (Student's $t$) of their images' means, so that the intervals cover
# noise and images. Grey: neither ball holds half of the other; green: each does; in brackets: at how many images.
#
# Clipping takes from noise, most where values are black or white already: about half of what falls there is lost, and
# leaves the value as it was. What is left fits into balls that the noise is not from; without clipping it does not.
# How many values L2 noise changes at all, by which an L0 ball holds it, is then all but half of those that are black or
# white: on MNIST and digits the claim about nearly all values measures saturated pixels, not how the balls lie. Without
# clipping it is every value.

# %% [markdown]
# ## Without clipping, at each number of values

# %% tags=["hide-input"]
for d in sorted(chosen.dimensions):
    page.free_figure(table, d)
plt.show()

# %% [markdown]
# Crosses: where theory puts a crossing, from no sample. A sample of the ball of norm $p$ has entries of density
# $\propto e^{-|g|^p}$, rescaled, so in many dimensions its other norms are nearly fixed numbers,
# $\|\delta\|_q \approx \varepsilon\, r(p, q)$ with $r(p, q) \to d^{1/q - 1/p} M_q^{1/q} / M_p^{1/p}$ and
# $M_s = \Gamma((s+1)/p) / \Gamma(1/p)$. Half of the ball is in the L2 ball of radius $R$ at
# $\varepsilon = R / r(p, 2)$; it holds half of that ball at $\varepsilon = R\, r(2, p)$. All powers of $d$ cancel in
# their quotient, and entropy says that it exceeds 1 (`theory/overlap`). L0 replaces values of a grey image here.

# %% [markdown]
# ## Dimension against overlap
#
# An open question of the text. In theory (lines) the gap between both crossings tends to a constant for a finite norm
# and for ∞ grows without end, as the largest of d values does; a transition (from nearly all to nearly none of the ball
# in the L2 ball) narrows as the root of d. So the more values an image has, the less balls of different norms overlap.

# %% tags=["hide-input"]
page.scaling_figure(table)
plt.show()

# %% [markdown]
# ## What the text's figure shows
#
# Its crossings, read off the output of the authors' notebook, against both samplers on the same image: the size of the
# ln of their quotient, with intervals over seeds, which cover noise alone, as there is one image.

# %% tags=["hide-input"]
shown = page.explained(verdicts)
display(shown.style.hide(axis="index").set_uuid("") if len(shown) else Markdown("*Needs CIFAR-10: see `paper`.*"))

# %% [markdown]
# ## All crossings
#
# ε at which half of the samples lie inside, with 95 % intervals over seeds; of drawn images means over those of each
# seed.

# %% tags=["hide-input"]
display(page.crossings(table))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "10_volume_overlap", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
