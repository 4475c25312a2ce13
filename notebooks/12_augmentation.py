# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What noise is worth as augmentation

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
thresholds: dict = {}
file = "12_augmentation"  # of that folder, by name; so are its table and the figure's files called
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.naming import dataset_name
from almostnothing.pages.augmentation import page
from almostnothing.pages.augmentation.parameters import Augmentation
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read, statuses

root = project()
chosen = with_changes(Augmentation, root / "params" / parameter_set / f"{file}.yaml", thresholds=thresholds)
table = read(root / folder / parameter_set / f"{file}.csv", chosen.sweep)
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 002 trains with random noise of a given norm, alone, in sets of norms, and beside augmentation policies:
#
# > training with L0-norm corruptions significantly improves corruption robustness while maintaining or slightly
# > improving classification accuracy
#
# > L0-norm corruption training outperforms several state-of-the-art data augmentation methods
#
# Every model is one recipe, and only what it does to training images differs: nothing but crops, and mirrored images
# where the parameters say so, for *standard*; noise of one law, uniform in the ball of its norm, or L0: a share of the
# values set to 0 or 1 (L0m) or to any grey (L0lin); C1C1, one of four laws (of L∞, L2, L0m, L0lin) drawn for each
# image, C1C2, two of them in turn, C2C1, one of twenty, among them a shift of brightness and none; TrivialAugment (TA),
# RandAugment (RA) and AugMix (AM) of torchvision; and both. Models keep the text's names where strengths are scaled to
# other images, by the number of pixels and the factor of the parameters. All networks of a seed answer for the same
# test images, and differences are paired by seed.
#
# Four numbers say how well a network withstands corruption (all are errors, in no case divided by AlexNet's):
#
# - *clean error*;
# - *mean corrupted error*: over common corruptions of Hendrycks and Dietterich at five severities, those that the base
#   installation can make. What is trained with noise has seen something like the four of noise type, so *robust* asks
#   about the rest, *without noise types*; glass blur, which moves pixels about, is noise of a kind as well;
# - *mean error over Lp laws*: the 33 of the text's first version;
# - *relative iCE* (imperceptible corruption error): by how much of the clean error six laws that the text calls
#   imperceptible raise it.

# %% tags=["hide-input"]
figures.style()
fig = None
for name, own in table.groupby("dataset", sort=False):
    main = page.figure(own, verdicts, str(name))
    fig = fig or main
plt.show()

# %% [markdown]
# a–d: error that a training saves against the standard network of the same seed. e: relative iCE. Filled: ours, with
# 95 % intervals of the mean over seeds (Student's $t$); open diamonds: what the text's authors published with its first
# version (CIFAR-10, a wide residual network, five runs; for every norm but 0 and ∞ their sampler drew Laplace noise),
# over the same common corruptions. f: clean error against mean error over Lp laws, each with its interval; a line joins
# the models that none is better than in both by their means (the Pareto front).

# %% [markdown]
# ## All numbers
#
# Errors in per cent, mean over seeds; *on the front*: in how many seeds no other model is better in both, clean error
# and mean error over Lp laws.

# %% tags=["hide-input"]
for name, own in table.groupby("dataset", sort=False):
    display(page.summary(own, str(name)).style.format(precision=2, na_rep="–").set_caption(dataset_name(str(name))))

# %% [markdown]
# ## Which corruptions
#
# Error saved against the standard network on each common corruption, in points, mean over severities and seeds.

# %% tags=["hide-input"]
for name, own in table.groupby("dataset", sort=False):
    display(page.by_corruption(own).style.format(precision=1).set_caption(dataset_name(str(name))))

# %% [markdown]
# Where the corruptions are from, and by how much noise moves training images (root mean squared L2):

# %% tags=["hide-input"]
display(page.origins(table).style.format(precision=2, na_rep="–"))

# %% [markdown]
# ## Did the networks learn?
#
# A network has learned when its loss falls no more. That is not to say that it has learned all it could: those of
# `quick` and `paper` are narrow and see each image few times, where the text's networks are wide and see it a hundred
# times. What makes images harder costs such networks more, and spares them less of what they would memorise: signs that
# differ from the published ones (diamonds) may come of that. `params/full` asks it of large networks.

# %% tags=["hide-input"]
display(statuses(table, ["dataset", "model"]))

# %% [markdown]
# ## Verdicts
#
# Training with L0 is that of page 11, a share of all values set to 0 or 1 (*L0m* with its larger strength). Test images
# differ between seeds as far as there are enough, so intervals cover networks and, where there are, images. Verdicts
# hold for all primary cases of the page together: their intervals are wider than the figure's. The threshold of
# *robust* was set by a weaker L0 noise than the one trained here; at this strength the text's authors publish hardly
# more. Part of what is gained on common corruptions is that the trained noise is among them, or is like one of them:
# the exploratory claims tell it apart, for noise types and, since C2C1 alone holds a shift of brightness, for fog,
# brightness and contrast.

# %% tags=["hide-input"]
figures.save(fig, verdicts, file, output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
