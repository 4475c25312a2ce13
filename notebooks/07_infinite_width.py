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
#
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

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
headline = 0.0  # p of the claims
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import pandas as pd

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.measures import naming
from almostnothing.pages.infinite_width import page
from almostnothing.pages.infinite_width.parameters import InfiniteWidth
from almostnothing.parameters.files import with_changes

root = project()
changes = {"sweep": sweep, "headline": headline, "thresholds": thresholds}
chosen = with_changes(InfiniteWidth, root / "params" / parameter_set / "07_infinite_width.yaml", **changes)
table = page.both_kinds(root / folder / parameter_set / "07_infinite_width.csv", chosen.sweep)
finite, wide = table[table.what == "finite"], table[table.what == "infinite"]
datasets, limits, p = list(wide.dataset.unique()), chosen.thresholds, chosen.headline
first = chosen.infinite[0]
mapped = page.of(wide, first)

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 0.56 * figures.DOUBLE * len(datasets)))
for part, dataset in zip(fig.subfigures(len(datasets), 1, squeeze=False).flat, datasets, strict=True):
    axes = part.subplots(2, 4)
    rows = mapped[mapped.dataset == dataset]
    for ax, rule in zip(axes[0], page.CLAIMS, strict=False):
        own = rows[rows.rule == rule].pivot_table("agreement", "load", "strength").sort_index(ascending=False)
        figures.heat_map(ax, own.set_axis([f"{load:.2g}" for load in own.index]))
        ax.set(xlabel="$p$", ylabel="$N/d$", title=naming.NAMES[rule])
    page.remainders(axes[0, 3], rows[rows.strength == p], naming.NAMES)
    axes[0, 3].set_title(f"at $p$ = {p:g}")
    below = rows[(rows.load <= 1) & (rows.strength == p)]
    figures.rule_lines(axes[1, 0], page.flips(below), "fifth", "flipped", naming.NAMES)
    axes[1, 0].set(
        xlabel="fifth of points by logit gap", ylim=(0, 1), title=f"flipped, $p$ = {p:g}", xticks=range(1, 6)
    )
    noise = rows[rows.strength == 1]
    figures.rule_lines(axes[1, 1], noise, "load", "agreement", naming.NAMES)
    expected = noise.groupby("load").predicted.mean()
    axes[1, 1].plot(expected.index, expected, color="black", ls="--", label="FO, predicted")
    axes[1, 1].set(xscale="log", xlabel="$N/d$", ylim=(0, 1.02), title="agreement, $p$ = 1")
    mine = finite[finite.dataset == dataset]
    page.width_lines(axes[1, 2], mine)
    axes[1, 2].set(title="difference", xlabel="finite width")
    figures.mean_line(axes[1, 3], mine.groupby("width").agreement, color="C0", marker="o")
    figures.size_axis(axes[1, 3], mine.width, "width")
    axes[1, 3].set(ylim=(0, 1.02), title="agreement", xlabel="finite width")
    part.legend(*figures.handles(axes[1, :2]), loc="outside lower center", ncols=6)
    part.suptitle(f"{dataset}: {first.activation}, {first.depth - 1} hidden layers")
    figures.panel_letters(list(axes.flat))

# %% [markdown]
# a–c: share of clean test images on which a rule and the infinitely wide network choose the same class, mean over
# seeds. d: the remainder's median with its 10 % and 90 % quantiles over test images (means over seeds); below the
# dotted line no decision can flip. e: share of decisions that a rule flips at $N < d$, from the points with the
# smallest logit gap to those with the largest. f: noise alone, and the prediction, which is for white noise and knows
# neither $\kappa$ nor the offset that raw inputs bring. g, h: networks of finite width, trained by gradient descent on
# inputs of mean zero, against the infinitely wide network that starts from the same function: root mean square of the
# difference of outputs in units of the outputs (dashed: the law $1/\sqrt{\mathrm{width}}$), and agreement. Bars are 95
# % intervals over seeds.
#
# ## Where heavy corruption begins
#
# The largest $N/d$ up to which a rule surely agrees on more than the threshold's share of points (lower end of the 95 %
# interval); a dash where it does not at the smallest $N$.

# %%
edges = {naming.NAMES[rule]: page.boundary(mapped, rule, limits.same) for rule in page.CLAIMS}
pd.concat(edges, axis=1).map(claims.short)

# %% [markdown]
# ## Other networks
#
# Agreement at the headline $p$ by activation, depth $L$, what is taken from every pixel, and $N$; means over seeds.

# %%
page.others(wide[wide.strength == p]).map(claims.short)

# %% [markdown]
# ## Verdict
#
# Agreement and remainder: means over all $N$ of the map that are at most $d$, at the headline $p$. Prediction: noise
# alone, the $N$ of these at which it is worst, its interval widened for having been chosen. Intervals over seeds.

# %%
verdicts = page.claims(mapped, finite, chosen)
figures.save(fig, verdicts, "07_infinite_width", output)
claims.summary(verdicts)
