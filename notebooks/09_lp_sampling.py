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
# # Is noise of a given norm uniform in its ball?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, data, figures
from almostnothing.files import project
from almostnothing.pages.lp_sampling import page
from almostnothing.pages.lp_sampling.parameters import LpSampling
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "09_lp_sampling.yaml"
chosen = with_changes(LpSampling, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "09_lp_sampling.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 002 trains and tests under noise of a given norm, drawn by an algorithm (Calafiore et al. 1998)
#
# > to generate uniformly distributed corruptions within Lp-norm spheres
#
# Let $g$ have independent entries of density $\propto e^{-|g|^p}$ and $E$ be exponential: $\delta = \varepsilon\, g /
# (\|g\|_p^p + E)^{1/p}$ is uniform in the ball $\|\delta\|_p \le \varepsilon$. Two laws tell: $(\|\delta\|_p /
# \varepsilon)^d$ is uniform on $[0, 1]$, and $|\delta_i / \varepsilon|^p$ has the law Beta$(1/p, (d-1)/p + 1)$. Three
# samplers are held against them:
#
# - **this library**: the entries by inversion of a random word each;
# - **Laplace for every p**, the text's first version: entries of density $e^{-|g|}$ whatever $p$ is, rescaled to norm
#   $\|\delta\|_p$. It is right for $p = 1$ alone;
# - **float32 Gamma**, the authors' later version: $|g| = G^{1/p}$ with $G$ of a Gamma law of shape $1/p$, in float32,
#   where no $G$ is below $1.2 \cdot 10^{-38}$.
#
# Both shortcuts rescale to the norm that is asked for, so their norms are right: it is the direction that is not.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(chosen, table, verdicts)
plt.show()

# %% [markdown]
# Above: samples of balls, and their outlines. a, b, c: the distribution of samples less the exact one; grey: where all
# but one in twenty sets of samples of the exact law itself stay (Kolmogorov). d: the largest of these differences for a
# value; dotted: the threshold. Each value is that of another sample: values of one sample are not independent, samples
# are. The norm and single values show neither signs nor how the values of a sample depend on one another. Intervals
# of a distance are Kolmogorov's as well: by as much as samples may be from their own law.

# %% [markdown]
# ## Distances
#
# "Clamped": the share of values that float32 makes equal, from the Gamma law.

# %% tags=["hide-input"]
display(page.distances(table))

# %% [markdown]
# ## What the text's noise looks like
#
# Its "imperceptible" strengths and those it trains under, which are those of images of 3,072 values. At $d$ values they
# are multiplied by $(d/3072)^{1/p}$, so that each value changes as much. Noise of different norms is of different
# size: beside each picture stands the L2 norm of what has changed, after clipping.

# %% tags=["hide-input"]
for source in chosen.sources(chosen.folder(root)):
    page.image_figure(data.load(source, chosen.folder(root)), chosen)
plt.show()

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "09_lp_sampling", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
