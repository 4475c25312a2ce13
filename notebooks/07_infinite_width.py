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
# # Infinite width: the rule, what it leaves out, and when

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
headline = 0.0  # p of the claims
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.measures import naming
from almostnothing.pages.infinite_width import page
from almostnothing.pages.infinite_width.parameters import InfiniteWidth
from almostnothing.parameters.files import with_changes
from almostnothing.tables import learned, statuses

root = project()
changes = {"sweep": sweep, "headline": headline, "thresholds": thresholds}
chosen = with_changes(InfiniteWidth, root / "params" / parameter_set / "07_infinite_width.yaml", **changes)
table = page.all_kinds(root / folder / parameter_set / "07_infinite_width.csv", chosen.sweep)
asked, wide = table[table.what == "finite"], table[table.what == "infinite"]
own = table[table.what == "own"]
finite = learned(asked, ["agreement", "difference", "agreement_own"])
mapped, verdicts = page.of(wide, chosen.infinite[0]), page.claims(wide, asked, own, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 001 derives its rule from infinitely wide networks; the referee's first objection is that terms of higher order
# might flip decisions:
#
# > The mean-field-inspired derivation \[...\] requires explicit control showing that higher-order terms in the
# > expansion do not flip the sign of logit differences for a positive-measure set of test points near decision
# > boundaries
#
# Here nothing is expanded: the infinitely wide network, trained on squared error to convergence, is kernel regression
# $f(x) = \Theta(x, X)\, \Theta(X, X)^{-1} y$ with the neural tangent kernel, in float64. Against it stand NCM; FO, the
# leading order
#
# $$f_i - \bar f = \frac{n\, T_1 C_w}{a\, d} \{ \langle x - \lambda m, m_i - m \rangle + \kappa (q_i - q) \},$$
#
# and the ridge rule, which replaces the centred one-hot labels $\hat y_i$ in it by $(X_c X_c^\top + \lambda_r)^{-1}
# \hat y_i$. FO neglects that noisy images are correlated by chance: it needs $N v \ll \lambda_r$. How far is settled by
# the remainder: twice the largest error of an output over the logit gap. A point where it is below 1 cannot flip.
#
# Scores of ridge rule and FO at vanishing signal are Gaussian pairs. Their correlation over Marchenko and Pastur's law
# predicts how often both choose alike, without a fit; at $p = 1$ there is noise alone.

# %% tags=["hide-input"]
figures.style()
datasets, p = list(wide.dataset.unique()), chosen.headline
fig, *others = [page.figure(mapped, finite, verdicts, name, p) for name in datasets]
plt.show()

# %% [markdown]
# a–c: share of clean test images on which a rule and the infinitely wide network choose the same class, mean over
# seeds. d: the remainder's median with its 10 % and 90 % quantiles over test images (means over seeds); below the
# dotted line no decision can flip. e: share of decisions that a rule flips at $N < d$, from the points with the
# smallest logit gap to those with the largest. f: networks of finite width, trained by gradient descent on inputs of
# mean zero, against the infinitely wide network that starts from the same function: root mean square of the difference
# of outputs in units of the outputs (dashed: the law $1/\sqrt{\mathrm{width}}$). Bars are 95 % intervals over seeds.

# %% [markdown]
# ## Noise alone, and agreement at finite width
#
# The prediction is for white noise and knows neither $\kappa$ nor the offset that raw inputs bring. At finite width, a
# network that is trained in the kernel's way may part from infinite width for two reasons: its own kernel
# $\hat\Theta(x, z) = \langle \nabla f(x), \nabla f(z) \rangle$ at the start is not $\Theta$, or that kernel moves in
# training. Without movement the network would be regression with $\hat\Theta$ from its start (brown).

# %% tags=["hide-input"]
page.supplement(mapped, finite)
plt.show()

# %% [markdown]
# ## Why finite width costs so much
#
# Networks that are not trained: regression with $\hat\Theta$ against regression with $\Theta$, both from zero. A first
# explanation holds that kernels of corrupted images of one class and of two differ by $(1-p)^2$, and that agreement
# follows $\sqrt{\mathrm{width}}\,(1-p)^2$. But decisions are about *clean* images: outputs tell classes apart by
# $\langle x, m_i - m \rangle$, of order $1-p$, plus what the $n$ noisy images of a class leave in their mean,
# $\sqrt{v/n}$. Entries of $\hat\Theta - \Theta$ are of order $1/\sqrt{\mathrm{width}}$ at any $p$, and nearly
# independent from one noisy image to the next: their sum over a class should not depend on $1-p$. Agreement should then
# follow $\sqrt{\mathrm{width}}$ times the contrast: the root mean square of the infinitely wide network's outputs less
# their mean over classes, which includes chance in the class means.

# %% tags=["hide-input"]
page.own_kernels(own)
plt.show()

# %% [markdown]
# Left: by how much the kernels of finite width shift outputs (less their mean over classes), and the contrast. Middle
# and right: agreement of both regressions against what should decide it; dots are seeds, lines join means at one $p$,
# and a law holds where lines of all $p$ fall on one.
#
# Networks do not start from zero, and linear training keeps what the images say nothing about. How often the infinitely
# wide network from a network's start chooses as the one from zero, mean over seeds:

# %% tags=["hide-input"]
display(own.pivot_table("started", ["dataset", "width"], "strength", sort=False).map(claims.short))

# %% [markdown]
# ## Where heavy corruption begins
#
# The largest $N/d$ up to which a rule surely agrees on more than the threshold's share of points (lower end of the 95 %
# interval); a dash where it does not at the smallest $N$.

# %% tags=["hide-input"]
edges = {naming.NAMES[rule]: page.boundary(mapped, rule, chosen.thresholds.same) for rule in page.RULES}
display(pd.concat(edges, axis=1).map(claims.short))

# %% [markdown]
# ## Other networks
#
# Agreement at the headline $p$ by activation, depth $L$, what is taken from every pixel, and $N$; means over seeds.

# %% tags=["hide-input"]
display(page.others(wide[wide.strength == p]).map(claims.short))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(asked, ["dataset", "width"]))

# %% [markdown]
# ## Verdicts
#
# Agreement and remainder: means over all $N$ that are at most $d$, at the headline $p$. Prediction: noise alone, each
# seed's worst $N$ of these. Intervals over seeds.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "07_infinite_width", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
