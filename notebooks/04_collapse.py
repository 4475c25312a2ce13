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
# # Collapse: one curve for all sizes?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.collapse import page
from almostnothing.pages.collapse.parameters import Collapse
from almostnothing.parameters.files import with_changes
from almostnothing.tables import learned, read, statuses

root = project()
path = root / "params" / parameter_set / "04_collapse.yaml"
chosen = with_changes(Collapse, path, sweep=sweep, thresholds=thresholds)
asked = read(root / folder / parameter_set / "04_collapse.csv", chosen.sweep)
chance = 1 / chosen.sources(chosen.folder(root))[0].facts.classes
table = learned(asked)
quality, half = page.quality(table), page.halfway(table, chance)
verdicts = page.claims(asked, quality, half, chosen.thresholds)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 000 expects that accuracies of networks of all sizes fall on one curve:
#
# > **Collapse:** when plotted against an effective SNR proxy (e.g., $(1-p)/\sqrt{p}$ or a measured margin-to-noise
# > ratio), curves for different sizes align.
#
# Four candidates. (i) $(1-p)/\sqrt p$ is a function of $p$ alone, so it moves all curves alike and cannot align sizes:
# it is the baseline. (ii) $S = \sqrt{n}\,(1-p)/\sqrt{v}$ knows that a class mean is taken over $n$ images with pixel
# variance $v$; it knows nothing of $d$. (iii) The median over test images of the measured
# $\gamma/\sqrt{\mathrm{Var}(\Delta\gamma \mid x)}$, from each network's own margins and gradients: the text's proxy,
# but no prediction, for its sign is that of the median margin, so that accuracy on the same clean images passes ½ where
# it passes 0, whatever the size. (iv) The accuracy that the theory of seed 001's nearest-class-mean rule predicts for
# these images, $n$, $d$, $p$: no constant is fitted, and no network is trained. Neither (ii) nor (iv) knows the width.
#
# The quality of a collapse is the leave-one-size-out error: an increasing curve through the points of all other sizes
# predicts those of the size left out; root mean square, in accuracy. Intervals: bootstrap over seeds, with the scatter
# that resampling adds taken off.

# %% tags=["hide-input"]
figures.style()
names = chosen.sweep.dataset
fig, *others = [page.figure(table, quality, verdicts, name) for name in names]
plt.show()

# %% [markdown]
# Each point is the mean over seeds of one network size at one $p$: colours tell $N$, markers $d$, marker sizes the
# width. Black: the increasing curve through all points; titles give how far a size lies from the curve of the others.

# %% [markdown]
# ## The other candidate, and $p$ at half-way
#
# Right of each pair: the $p$ at which accuracy is half-way from its value at $p = 0$ to chance, measured (mean over
# seeds with 95 % interval) against predicted without training.

# %% tags=["hide-input"]
for name in names:
    page.supplement(table, half, name)
plt.show()

# %% [markdown]
# ## Quality of each collapse

# %% tags=["hide-input"]
words = quality["mean"].map("{:.3f}".format) + quality.apply(lambda q: f" [{q.low:.3f}, {q.high:.3f}]", axis=1)
display(quality.assign(rms=words).pivot_table("rms", ["dataset", "test", "sizes"], "candidate", "first", sort=False))

# %% [markdown]
# ## What a network survives
#
# The $p$ at half-way for each $N$, $d$ and width: predicted for these test images from training images and noise
# law, without training, and measured. `almostnothing.predict_knee` predicts it for any data set and law without test
# images.

# %% tags=["hide-input"]
display(page.survived(half))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(asked, ["dataset", "width", "train_size"]))

# %% [markdown]
# ## Verdicts
#
# Collapse of all sizes together, and the prediction into which no measured accuracy enters; errors of $p$ are means
# over sizes of the absolute error, with intervals over seeds.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "04_collapse", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
