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
# # Does noise in training make a network withstand more?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
thresholds: dict = {}
file = "15_images"  # of that folder, by name; so are its table and the figure's files called
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.naming import dataset_name
from almostnothing.pages.images import page
from almostnothing.pages.images.parameters import Images
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
chosen = with_changes(Images, root / "params" / parameter_set / f"{file}.yaml", thresholds=thresholds)
table = read(root / folder / parameter_set / f"{file}.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 003 asks how small a change of an image changes a network's answer, and holds it against a minimum-distance
# classifier, which goes by the nearest training image:
#
# > neural networks' adversarial robustness can be only $1/\sqrt{d}$ of the best possible adversarial robustness of
# > optimal classifiers. [...] Our theories match remarkably well with numerical experiments of practically trained NN,
# > including NN for ImageNet images.
#
# For each test image $x$ of label $y$: $L$, the distance to the nearest clean training image $x'$ of another class
# $y'$; $Q$, the length of the smallest perturbation of any kind that changes the network's answer, by a search (an
# upper bound); and the text's prediction $Q \approx |M|$,
#
# $$M = \int_0^{L/2} \cos\theta(s)\, ds,$$
#
# θ the angle, at the distance $s$ on the way from $x$ to $x'$, between the way and the gradient of $f_{y'} - f_y$.
# $Q/(L/2)$ is the share of what the text calls optimal that a network withstands. Where the network is wrong already
# $Q = 0$: means "of correctly classified images" leave these out, and how many are left is in the table; means "over
# all" count them as 0. Each seed has test images of its own, the same for all of its networks.

# %% tags=["hide-input"]
figures.style()
fig = None
for name, own in table.groupby("dataset", sort=False):
    main = page.figure(own, verdicts, str(name), chosen.thresholds)
    fig = fig or main
plt.show()

# %% [markdown]
# Top: a test image, the same with the smallest perturbation that was found for networks trained as the title says,
# with the class that they then answer, and the training image of a certain other class that is nearest. **a** $|M|$
# against $Q$, each correctly classified image of networks trained on clean images; line: equal; dotted: apart by as
# much as the text's own four images are on average (stars). **b** Networks whose training images had a share p of
# their pixels replaced, anew at each presentation: $Q$ and $|M|$ of the clean images that they classify correctly; on
# the same images, as far as these classify them correctly too, the nearest class mean, exactly, with the means of the
# network's own noisy training images; and a lower bound for the minimum-distance classifier, which lies below 1: test
# images are no training images. **c** All laws by one size, the root of the noise's power over the signal's
# (differences of mean noisy images) in training; grey: clean networks. Strengths of Lp norms are the text's of seed
# 002, scaled to these images, and such that images are moved as far as by L0. **d** The same on the images that every
# network of the seed classifies correctly: few and easy ones, but the same for all. **e** What the networks know of
# clean test images. **f** How far $|M|$ is from $Q$. Points: means over seeds with 95 % intervals of that mean
# (Student's $t$), which cover networks and images; hollow: some networks did not learn.

# %% [markdown]
# ## Every training
#
# What withstands more and knows less has gained nothing: accuracy stands beside. The images that a network classifies
# correctly are the easier ones, the more so the fewer they are, so networks are compared on images that both do. Every
# $Q$ is attacked a second time, by steps that share nothing with the search, and those of one network of each
# training, for a few images, by two attacks of foolbox; where either finds something shorter for one image in a hundred
# or more, the row is marked (!). How the text's networks were trained is not known to us, and claims about $|M|$ hang
# on it: `15_images_squared` of the set `paper` is this page with squared loss. These were trained so:

# %% tags=["hide-input"]
display(page.recipes(chosen))

# %% tags=["hide-input"]
for name, own in table.groupby("dataset", sort=False):
    display(page.summary(own, str(name)).style.set_caption(dataset_name(str(name))))

# %% [markdown]
# As p → 1 least squares tends to seed 001's rule, the nearest mean of the noisy training images, up to terms of order
# $1 - p$ (derived in the tests of this page, and for random points in `theory/compression`). Of two classes, $w$ the
# difference of their means, the rule withstands $|w\cdot x + b|/\|w\|$: what a network withstands as well that tends
# to it. At which p it does is a claim below.
#
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, file, output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
