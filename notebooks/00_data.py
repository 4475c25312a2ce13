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
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from almostnothing import claims, corruptions, data, figures, params, provenance, stats
from almostnothing.measures import signal

root = provenance.project()
changes = {"datasets": datasets, "laws": laws, "images": images, "draws": draws, "headline": headline}
chosen = params.with_changes("00_data", parameter_set, root, **changes, thresholds=thresholds)
table = pd.read_csv(root / "figures" / parameter_set / "00_data.csv")
sets = [data.load(source, chosen.folder(root)) for source in chosen.sources(chosen.folder(root))]

# %% [markdown]
# ## Cards
#
# The digest is that of the arrays as the networks get them; moments are those of a pixel of the training images.

# %%
pd.DataFrame([dataset.card() for dataset in sets]).set_index("name").T.style.format(claims.short)


# %%
def show(figure, dataset):
    """One image of each class, clean and under each law; titles give the strength and a pixel's decibels."""
    first = np.array([np.flatnonzero(dataset.test.labels == label)[0] for label in range(dataset.facts.classes)])
    x, shape = dataset.values(dataset.test)[first], (len(first), *dataset.facts.shape)
    rows = []
    for shown in chosen.laws:
        law = corruptions.build(shown.corruption.record(), dataset)
        here = table[(table.dataset == dataset.source.name) & (table.law == law.name)].set_index("strength")
        symbol = "$p$" if shown.corruption.law == "replacement" else "$\\sigma$"
        seen = corruptions.series(law, x, shown.pictures, seed=0)
        titles = [f"{symbol} = {s:g}, {here.pixel_snr[s]:.0f} dB" for s in shown.pictures]
        rows.append((law.name, [(title, some.reshape(shape)) for title, some in zip(titles, seen, strict=True)]))
    figures.corruption_table(figure, x.reshape(shape), dataset.names, rows)


figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 1.75 * figures.DOUBLE))
pictures, curves = fig.subfigures(2, 1, height_ratios=[3, 1])
show(pictures, sets[0])

axes = list(curves.subplots(1, 3))
here = table[table.dataset == sets[0].source.name]
for ax, kind in zip(axes, ("replacement", "additive"), strict=False):
    figures.law_curves(ax, here[here.kind == kind], "pixel_snr", "law")
    ax.set(title=f"{kind}: a pixel", ylabel="signal to noise [dB]" if ax is axes[0] else None)
figures.law_curves(axes[2], table[table.law == here.law.iloc[0]], "template_snr", "dataset")
axes[2].axhline(signal.ROSE, color="0.5", lw=0.8, ls=":")
axes[2].annotate(
    "Rose's criterion", (0.98, signal.ROSE), xytext=(0, 2), textcoords="offset points", ha="right", color="0.4"
)
axes[2].set(title="seed 000's law: the image")
for ax in axes:
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3))
figures.panel_letters(axes)

# %% [markdown]
# Above: one test image of each class, clean and under every law at growing strength; titles give the strength and a
# pixel's ratio in decibels. Values outside $[0, 1]$ are drawn as black or white. With one draw an image, the same draw
# serves all its pixels: every pixel has the same law, but pixels are not independent. Below: a pixel's ratio under
# replacement (a) and additive noise (b; laws without clipping have equal variance and coincide), and the image's under
# seed 000's law (c); means over test images, bands are 95 % intervals of the mean (Student's $t$).

# %%
for dataset in sets[1:]:
    figure = plt.figure(figsize=(figures.DOUBLE, 1.3 * figures.DOUBLE))
    show(figure, dataset)
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
verdicts = []
limits, p = chosen.thresholds, chosen.headline
for dataset in sets:
    name = dataset.source.name
    [row] = table[(table.dataset == name) & (table.law == here.law.iloc[0]) & (table.strength == p)].to_dict("records")
    least = min(chosen.laws[0].strength)
    for kind, words, statistic, column, sign, shift, limit in (
        ("scale", f"noise grows as the root of p from {least:g} to {p:g}: exponent over {limits.exponent:g}",
         "exponent of p in the noise's standard deviation", "exponent", 1, 0.0, limits.exponent),
        ("drowned", f"at p = {p:g} a pixel's noise exceeds its signal by over {limits.drowned:g} dB",
         "noise over signal of a pixel [dB]", "pixel_snr", -1, 0.0, limits.drowned),
        ("unseen", f"at p = {p:g} the whole image stays below Rose's criterion, so that no person is certain of it",
         "decibels below Rose's criterion", "template_snr", -1, signal.ROSE, limits.unseen),
    ):  # fmt: skip
        ends = sorted(shift + sign * row[f"{column}_{end}"] for end in ("low", "high"))
        interval = stats.Interval(shift + sign * row[column], *ends, n=row["images"])
        verdicts.append(
            claims.claim(
                interval,
                id=f"{kind}-{name}",
                statement=f"{name}: {words}",
                source="seed 000, corruption as attenuation + noise" if kind == "scale" else "seed 001, abstract",
                statistic=statistic,
                threshold=limit,
                n_of="images",
            )
        )
figures.save(fig, verdicts, "00_data", output)
claims.summary(verdicts)
