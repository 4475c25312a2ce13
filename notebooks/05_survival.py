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
# # Learning from almost nothing
#
# Seed 001 trains MLPs on images of which almost everything is noise:
#
# > Through experiments with multi-layer perceptrons (MLPs) on corrupted classification datasets, we find that neural
# > networks remain robust, maintaining well-above-chance accuracy even when inputs are >90% corrupted -- far beyond
# > human recognition.
#
# Every training image is corrupted once, with labels intact; test images are clean, or corrupted by the same law.
# Beside the networks stand two rules that train nothing. The nearest class mean (NCM) gives a point to the class whose
# mean corrupted training image is closest. The ridge rule is a linear classifier whose ridge is not fitted but follows
# from the infinitely wide network's kernel (`07_infinite_width`). Theory: the accuracy of NCM in closed form,
#
# $$P(\mathrm{correct}) = \int \varphi(z) \prod_{k \neq y} \Phi((\mu_y + \sigma_y z - \mu_k) / \sigma_k) \, dz,$$
#
# with mean $\mu_i$ and variance $\sigma_i^2$ of the score $-|x - m_i|^2/2$ over draws of the training images and of
# their noise. Nothing is fitted.

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
headline: dict = {}  # strength of the claims under each law
pictures: dict = {}  # strengths of each law that are shown
thresholds: dict = {}
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import numpy as np

from almostnothing import claims, corruptions, data, figures, params, provenance, stats, store, sweeps
from almostnothing.tables import survival

root = provenance.project()
changes = {"sweep": sweep, "headline": headline, "pictures": pictures, "thresholds": thresholds}
chosen = params.with_changes("05_survival", parameter_set, root, **changes)
cells = sweeps.cells_of(chosen.sweep, chosen.folder(root))
table = store.read_table(root / "figures" / parameter_set / "05_survival.csv", cells)
chance = 1 / cells[0].source.facts.classes
datasets = {cell.dataset: cell.source for cell in cells}
laws = {(cell.dataset, cell.corruption.name): cell.corruption for cell in cells}
largest = survival.largest(table)

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 0.5 * figures.DOUBLE * len(datasets)))
for part, (name, source) in zip(fig.subfigures(len(datasets), 1, squeeze=False).flat, datasets.items(), strict=True):
    shown, panels = part.subfigures(2, 1, height_ratios=[1, 2.2])
    dataset = data.load(source, chosen.folder(root))
    image = dataset.values(dataset.test)[:1]
    titles, seen = [], []
    for law, symbol in (("replacement", "p"), ("additive", "\\sigma")):
        if (name, law) in laws:
            built = corruptions.build(laws[name, law], dataset)
            titles += [f"${symbol}$ = {strength:g}" for strength in chosen.pictures[law]]
            seen.append(corruptions.series(built, image, chosen.pictures[law], seed=0))
    figures.image_row(
        shown.subplots(1, len(titles), squeeze=False)[0], np.concatenate(seen).reshape(-1, *dataset.facts.shape), titles
    )
    axes = panels.subplots(1, 5)
    rows = largest[largest.dataset == name]
    for ax, (law, test) in zip(axes, survival.PANELS, strict=False):
        here = rows[(rows.law == law) & (rows.test == test)]
        if len(here):
            figures.survival_curves(ax, here, survival.LINES, law, chance)
        ax.set_title(f"{law},\n{test} test", fontsize=6.5)
        ax.set_visible(len(here) > 0)
    figures.prediction_points(axes[4], table[table.dataset == name], "theory", ("accuracy", "ncm"))
    axes[0].set_ylabel("accuracy")
    panels.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    part.suptitle(f"{name}, N = {rows.train_size.max():,}")
    figures.panel_letters(list(axes))

# %% [markdown]
# Above: one test image under replacement ($p$) and additive Gaussian noise ($\sigma$; values outside $[0, 1]$ are drawn
# as black or white). Below: accuracies at the largest $N$ and width; bars are 95 % intervals of the mean over seeds
# (Student's $t$), dotted is chance. Rightmost: accuracy against the theory's, for all $N$, widths, laws and strengths;
# filled: networks, open: NCM; blue: clean test, orange: corrupted test, darker for larger $N$; markers: width.
#
# ## How far the theory is off
#
# Root mean square and mean difference (measured less predicted), over all strengths and seeds.

# %%
survival.errors(table).map(claims.short)

# %% [markdown]
# ## Verdict
#
# At the headline strengths of the parameter file. Networks, rules and theory answer for the same test images;
# differences between network and rule are paired by seed (the same clean training images, other noise); intervals over
# seeds.

# %%
verdicts, source = [], "seed 001, abstract"
for (name, law, test), rows in largest.groupby(["dataset", "law", "test"], sort=False):
    strength = chosen.headline[law]
    here = rows[rows.strength == strength]
    where = f"{name}, {'p' if law == 'replacement' else 'σ'} = {strength:g}, {test} test"
    above = stats.mean_interval(here.accuracy - chance)
    texts = {"id": f"above-{law}-{test}-{name}", "statement": f"{where}: networks are well above chance"}
    texts |= {"statistic": "accuracy less chance", "source": source, "threshold": chosen.thresholds.above}
    verdicts.append(claims.claim(above, **texts))
    close = stats.absolute(stats.mean_interval(here.accuracy - here.ncm))
    texts = {"id": f"ncm-{law}-{test}-{name}", "statement": f"{where}: NCM is as accurate as the network"}
    texts |= {"statistic": "absolute difference of accuracies", "source": source, "threshold": chosen.thresholds.close}
    verdicts.append(claims.claim(close, **texts, below=True))
for name in datasets:
    for column, words in (("ncm", "NCM"), ("accuracy", "networks")):
        own = table[table.dataset == name]
        error = stats.mean_over(own.assign(error=(own[column] - own.theory).abs()), "error", survival.SIZES)
        texts = {"id": f"theory-{column}-{name}", "statement": f"{name}: theory predicts the accuracy of {words}"}
        texts |= {"statistic": "mean absolute error", "source": "brief of seed 001, section 4"}
        verdicts.append(claims.claim(error, **texts, threshold=chosen.thresholds.error, below=True))
figures.save(fig, verdicts, "05_survival", output)
claims.summary(verdicts)
