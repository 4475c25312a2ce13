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
# # Which corruption must be trained

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.naming import dataset_name
from almostnothing.pages.transfer import page
from almostnothing.pages.transfer.parameters import Transfer
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read, statuses

root = project()
chosen = with_changes(Transfer, root / "params" / parameter_set / "11_transfer.yaml", thresholds=thresholds)
table = read(root / folder / parameter_set / "11_transfer.csv", chosen.sweep)
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 002 trains classifiers on images to which noise of one random Lp norm is added, and tests them under others:
#
# > robustness to L0-norm corruptions is only effectively achieved by training on L0-norm corruptions, while robustness
# > to other Lp-norm corruptions transfers across different Lp-norms.
#
# > L0-norm robustness transfers across all Lp-norms, while other Lp-norm robustnesses do not transfer to L0-norm
#
# Noise is uniform in the ball of its norm and images are clipped to $[0, 1]$; L0 sets exactly $k$ values to 0 or 1
# (the published tables: v3 tests L0 with any grey, v1 with the mean of both and of salt and pepper). The text's
# strengths move images by different amounts (table below), which could by itself decide what withstands what. So
# strengths are chosen in two ways: the text's, and such that training and tests of every norm have one root mean
# squared displacement $\sqrt{E|\tilde{x} - x|^2}$. All networks of a seed answer for the same corrupted images, and
# differences are paired by seed. Training images are corrupted anew at each presentation.

# %% tags=["hide-input"]
figures.style()
fig = None
for name, own in table.groupby("dataset", sort=False):
    main = page.figure(own, verdicts, str(name))
    fig = fig or main
plt.show()

# %% [markdown]
# a, b: accuracy of each training (columns) on each norm's tests (rows), mean over test strengths and seeds, divided by
# the row's largest among trainings with noise, as the text does. c, d: the matrices that the text's authors published
# with its first version, whose sampler drew one shape of noise for all norms but 0 and ∞, and with its third, whose
# sampler is mended; architectures, strengths and (third) data sets are theirs. Colours run from one half to one in all
# four. e, f: accuracy less that of the standard network of the same seed; bars are 95 % intervals of the mean over
# seeds (Student's $t$).

# %% [markdown]
# ## How far images are moved
#
# Strength, and the root mean squared L2 displacement that it causes: of training images exactly, of tests as drawn.

# %% tags=["hide-input"]
display(page.distances(table))

# %% [markdown]
# ## Where ours and the published matrices disagree
#
# Over the entries off the diagonal; differences are ours less the published entry.

# %% tags=["hide-input"]
for name, own in table.groupby("dataset", sort=False):
    ours = {way: page.matrix(rows) for _, way, rows in page.ways_of(own) if len(rows)}
    display(page.disagreements(ours).map(claims.short).style.set_caption(dataset_name(str(name))))

# %% [markdown]
# ## Did the networks learn?
#
# A network has learned when its loss falls no more. Those of `quick` and `paper` are narrow all the same, and those of
# `paper` see each image few times: what noise costs on clean images need not be what it costs the text's networks.

# %% tags=["hide-input"]
display(statuses(table, ["dataset", "training_norm"]))

# %% [markdown]
# ## Verdicts
#
# What is said of every norm counts where it is worst, by an interval that holds for all of them. Test images differ
# between seeds as far as there are enough, so intervals cover networks and, where there are, images. Where some network
# did not learn, nothing is said of every norm. Verdicts hold for all primary cases of the page together, so that their
# intervals are wider than the figure's.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "11_transfer", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
