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
#
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

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
datasets: list = []
laws: list = []
images = 0
draws = 0
headline = 0.0
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import pandas as pd

from almostnothing import claims, data, figures
from almostnothing.files import project
from almostnothing.measures import signal
from almostnothing.pages.data import page
from almostnothing.pages.data.parameters import Data
from almostnothing.parameters.files import with_changes
from almostnothing.strengths import STRENGTHS
from almostnothing.tables import read

root = project()
changes = {"datasets": datasets, "laws": laws, "images": images, "draws": draws, "headline": headline}
chosen = with_changes(Data, root / "params" / parameter_set / "00_data.yaml", **changes, thresholds=thresholds)
table = read(root / folder / parameter_set / "00_data.csv")
sets = [data.load(source, chosen.folder(root)) for source in chosen.sources(chosen.folder(root))]

# %% [markdown]
# ## Cards
#
# The digest is that of the arrays as the networks get them; moments are those of a pixel of the training images.

# %%
pd.DataFrame([data.card(dataset) for dataset in sets]).set_index("name").T.map(claims.short)


# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 1.35 * figures.DOUBLE))
pictures, curves = fig.subfigures(2, 1, height_ratios=[2, 1])
page.corruption_table(pictures, sets[0].names, *page.pictures(sets[0], chosen.laws, table))

axes = list(curves.subplots(1, 3))
here = table[table.dataset == sets[0].source.name]
for ax, kind in zip(axes, STRENGTHS, strict=False):
    page.law_curves(ax, here[here.kind == kind], "pixel_snr", "law")
    ax.set(title=f"{kind}: a pixel", ylabel="signal to noise [dB]" if ax is axes[0] else None)
page.law_curves(axes[2], table[table.law == here.law.iloc[0]], "template_snr", "dataset")
axes[2].axhline(signal.ROSE, color="0.5", lw=0.8, ls=":")
axes[2].annotate(
    "Rose's criterion", (0.98, signal.ROSE), xytext=(0, 2), textcoords="offset points", ha="right", color="0.4"
)
axes[2].set(title="seed 000's law: the image")
for ax in axes:
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3))
figures.panel_letters(axes)

# %% [markdown]
# Above: one test image of each class, and half of them under every law at growing strength; titles give the strength
# and a pixel's ratio in decibels. Values outside $[0, 1]$ are drawn as black or white. With one draw an image, the
# same draw serves all its pixels: every pixel has the same law, but pixels are not independent. Below: a pixel's
# ratio under replacement (a) and additive noise (b; laws without clipping have equal variance and coincide), and the
# image's under seed 000's law (c); means over test images, bands are 95 % intervals of the mean (Student's $t$).

# %%
for dataset in sets[1:]:
    figure = plt.figure(figsize=(figures.DOUBLE, 0.85 * figures.DOUBLE))
    page.corruption_table(figure, dataset.names, *page.pictures(dataset, chosen.laws, table))
    plt.show()

# %% [markdown]
# ## The formulas against sampling
#
# Noise power by the formulas that the library states for each law, against that of sampled corruptions: their ratio.

# %%
ratio = (table.noise_sampled / table.noise).groupby([table.dataset, table.law], sort=False)
ratio.agg(["min", "max"]).round(4)

# %% [markdown]
# ## Verdict
#
# For seed 000's law, over test images (the images of one data set are the sample; intervals are Student's $t$). The
# exponent is that of the noise's standard deviation in $p$, from the smallest strength to the one in the statement.

# %%
verdicts = page.claims(table, chosen)
figures.save(fig, verdicts, "00_data", output)
claims.summary(verdicts)
