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
# # What is corrupted, and how

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
datasets: list = []
laws: list = []
images = 0
draws = 0
headline = 0.0
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from almostnothing import claims, data, figures
from almostnothing.files import project
from almostnothing.pages.data import page
from almostnothing.pages.data.parameters import Data
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
changes = {"datasets": datasets, "laws": laws, "images": images, "draws": draws, "headline": headline}
chosen = with_changes(Data, root / "params" / parameter_set / "00_data.yaml", **changes, thresholds=thresholds)
table = read(root / folder / parameter_set / "00_data.csv")
sets = [data.load(source, chosen.folder(root)) for source in chosen.sources(chosen.folder(root))]
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# The data sets, the corruption laws, and what each law leaves of an image. Seed 000 says of its law, in which a pixel
# $x_i$ becomes uniform noise with probability $p$:
#
# > So corruption both shrinks the signal by $(1 - p)$ and injects noise of scale $\sqrt{p}$.
#
# and seed 001 is about networks that learn from images of which no person could make anything. In numbers: let
# $m = \mathbb{E}[\tilde x \mid x]$, $\bar m$ its mean over images, $s = m - \bar m$ and
# $v_i = \mathrm{Var}(\tilde x_i \mid x)$. A *pixel's* signal-to-noise ratio is $\overline{s^2} / \overline{v}$ over
# pixels. The *image's* is that of an observer who knows where to look, and sums $s_i \tilde x_i$ over all
# pixels: $|s|^4 / \sum_i s_i^2 v_i$. Rose's criterion, an amplitude ratio of 5 (14 dB), is what the eye needs to be
# certain of a pattern; that observer sees at least as much as a person, so below it nobody is certain.

# %% tags=["hide-input"]
figures.style()
fig, *others = [page.figure(dataset, chosen, table, verdicts, dataset is sets[0]) for dataset in sets]
plt.show()

# %% [markdown]
# Above: one test image of each class, and half of them under every law at growing strength; titles give the strength
# and a pixel's ratio in decibels. Values outside $[0, 1]$ are drawn as black or white. With one draw an image, the
# same draw serves all its pixels: every pixel has the same law, but pixels are not independent. Below: a pixel's
# ratio under replacement (a) and additive noise (b; laws without clipping have equal variance and coincide), and the
# image's under seed 000's law (c); means over test images, bands are 95 % intervals of the mean (Student's $t$).

# %% [markdown]
# ## Cards
#
# The digest is that of the arrays as the networks get them; moments are those of a pixel of the training images.

# %% tags=["hide-input"]
display(pd.DataFrame([data.card(dataset) for dataset in sets]).set_index("name").T.map(claims.short))

# %% [markdown]
# ## The formulas against sampling
#
# Noise power by the formulas that the library states for each law, against that of sampled corruptions: their ratio.

# %% tags=["hide-input"]
ratio = (table.noise_sampled / table.noise).groupby([table.dataset, table.law], sort=False)
display(ratio.agg(["min", "max"]).round(4))

# %% [markdown]
# ## Verdicts
#
# For seed 000's law, over test images (the images of one data set are the sample). The exponent is that of the noise's
# standard deviation in $p$. What an ideal observer cannot see nobody sees; what people recognise has not been measured.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "00_data", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
