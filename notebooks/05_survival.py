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

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
headline: dict = {}  # strength of the claims under each law
pictures: dict = {}  # strengths of each law that are shown
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from almostnothing import claims, corruptions, data, figures
from almostnothing.files import project
from almostnothing.pages.survival import page
from almostnothing.pages.survival.parameters import Survival
from almostnothing.parameters.files import with_changes
from almostnothing.strengths import STRENGTHS
from almostnothing.tables import learned, read, statuses

root = project()
changes = {"sweep": sweep, "headline": headline, "pictures": pictures, "thresholds": thresholds}
chosen = with_changes(Survival, root / "params" / parameter_set / "05_survival.yaml", **changes)
table = read(root / folder / parameter_set / "05_survival.csv", chosen.sweep)
datasets = {source.name: source for source in chosen.sources(chosen.folder(root))}
chance = 1 / next(iter(datasets.values())).facts.classes
laws = {(name, grid.corruption.law): grid.corruption.record() for grid in chosen.sweep.grids for name in grid.dataset}
verdicts = page.claims(table, chance, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
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

# %% tags=["hide-input"]
figures.style()
fig = None
for name, source in datasets.items():
    dataset = data.load(source, chosen.folder(root))
    image = dataset.values(dataset.test)[:1]
    titles, seen = [], []
    for law, kind in STRENGTHS.items():
        if (name, law) in laws:
            built = corruptions.law_of(laws[name, law], dataset)
            titles += [f"{kind.mathematics} = {strength:g}" for strength in chosen.pictures[law]]
            seen.append(corruptions.series(built, image, chosen.pictures[law], seed=0))
    shown = np.concatenate(seen).reshape(-1, *dataset.facts.shape)
    main = page.figure(table[table.dataset == name], shown, titles, chance, verdicts, name)
    fig = fig or main
plt.show()

# %% [markdown]
# Above: one test image under replacement ($p$) and additive Gaussian noise ($\sigma$; values outside $[0, 1]$ are drawn
# as black or white). a, b, d, e: accuracies at the largest $N$ and width; bars are 95 % intervals of the mean over
# seeds (Student's $t$), dotted is chance. c: the share that is kept of the height above chance without corruption. f:
# accuracy against the theory's, for all $N$, widths, laws and strengths; filled: networks, open: NCM; blue: clean test,
# orange: corrupted test, darker for larger $N$; markers: width. Networks that did not learn are left out.

# %% [markdown]
# ## How far the theory is off
#
# Root mean square and mean difference (measured less predicted), over all strengths and seeds.

# %% tags=["hide-input"]
display(page.errors(learned(table)).map(claims.short))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(table, ["dataset", "law", "training_corruption"]))

# %% [markdown]
# ## Verdicts
#
# At the headline strengths of the parameter file. Networks, rules and theory answer for the same test images;
# differences between network and rule are paired by seed (the same clean training images, other noise); intervals over
# seeds.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "05_survival", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
