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
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from almostnothing import claims, figures, params, provenance, stats, sweeps
from almostnothing.tables import infinite, rules

root = provenance.project()
changes = {"sweep": sweep, "headline": headline, "thresholds": thresholds}
chosen = params.with_changes("07_infinite_width", parameter_set, root, **changes)
cells = sweeps.cells_of(chosen.sweep, chosen.folder(root))
table = infinite.read(root / "figures" / parameter_set / "07_infinite_width.csv", cells)
finite, wide = table[table.what == "finite"], table[table.what == "infinite"]
datasets, limits, p = list(wide.dataset.unique()), chosen.thresholds, chosen.headline
first = chosen.infinite[0]
mapped = infinite.of(wide, first)

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 0.68 * figures.DOUBLE * len(datasets)))
for part, dataset in zip(fig.subfigures(len(datasets), 1, squeeze=False).flat, datasets, strict=True):
    axes = part.subplots(2, 3)
    rows = mapped[mapped.dataset == dataset]
    for ax, rule in zip(axes[0], ("ncm", "first_order", "resummed"), strict=True):
        own = rows[rows.rule == rule].pivot_table("agreement", "load", "strength").sort_index(ascending=False)
        figures.heat_map(ax, own.set_axis([f"{load:.2g}" for load in own.index]))
        ax.set(xlabel="$p$", ylabel="$N/d$", title=f"{rules.NAMES[rule]}: agreement")
    figures.remainders(axes[1, 0], rows[rows.strength == p], rules.NAMES)
    axes[1, 0].set_title(f"remainder, $p$ = {p:g}")
    noise = rows[rows.strength == max(chosen.strength)]
    figures.rule_lines(axes[1, 1], noise, "train_size", "agreement", rules.NAMES)
    expected = noise.groupby("train_size").predicted.mean()
    axes[1, 1].plot(expected.index, expected, color="black", ls="--", label="predicted, FO")
    figures.size_axis(axes[1, 1], noise.train_size, "$N$")
    axes[1, 1].set(ylim=(0, 1.02), title=f"agreement, $p$ = {max(chosen.strength):g}")
    part.legend(*figures.handles(axes[1, 1:2]), loc="outside lower center", ncols=6)
    figures.width_lines(axes[1, 2], finite[finite.dataset == dataset])
    part.suptitle(f"{dataset}: {first.activation}, {first.depth - 1} hidden layers")
    figures.panel_letters(list(axes.flat))

# %% [markdown]
# a–c: share of clean test images on which a rule and the infinitely wide network choose the same class, mean over
# seeds. d: the remainder's median with its 10 % and 90 % quantiles over test images (means over seeds); below the
# dotted line no decision can flip. e: noise alone, and the prediction. f: networks of finite width, trained by gradient
# descent on inputs of mean zero, against the infinitely wide network that starts from the same function: root mean
# square of the difference of outputs in units of the outputs; dashed is the law $1/\sqrt{\mathrm{width}}$. Bars are 95
# % intervals over seeds.
#
# ## Where heavy corruption begins
#
# The largest $N/d$ up to which a rule surely agrees on more than the threshold's share of points (lower end of the 95 %
# interval); a dash where it does not at the smallest $N$.

# %%
edges = {rules.NAMES[rule]: infinite.boundary(mapped, rule, limits.same) for rule in ("ncm", "first_order", "resummed")}
display(pd.concat(edges, axis=1).map(claims.short))

# %% [markdown]
# ## Other networks
#
# Agreement at the headline $p$ by activation, depth $L$, what is taken from every pixel, and $N$; means over seeds.

# %%
display(infinite.others(wide[wide.strength == p]).map(claims.short))

# %% [markdown]
# ## Verdict
#
# Agreement, remainder and prediction: means over all $N$ of the map that are at most $d$, at the headline $p$
# (prediction: noise alone). Intervals over seeds.

# %%
verdicts, source = [], "seed 001, abstract and major comment 1"
for dataset in datasets:
    here = mapped[(mapped.dataset == dataset) & (mapped.load <= 1) & (mapped.strength == p)]
    for rule, words in infinite.CLAIMS.items():
        share = stats.mean_over(here[here.rule == rule], "agreement", ["train_size"])
        texts = {"id": f"{rule}-{dataset}", "statement": f"{dataset}: {words}", "source": source}
        verdicts.append(
            claims.claim(share, **texts, statistic="agreement with kernel regression", threshold=limits.same)
        )
    for rule in infinite.SCALED:
        bound = stats.mean_over(here[here.rule == rule], "bounded", ["train_size"])
        texts = {"id": f"bounded-{rule}-{dataset}", "source": source}
        texts["statement"] = f"{dataset}: what {rules.NAMES[rule]} leaves out is too small to flip a decision"
        verdicts.append(
            claims.claim(bound, **texts, statistic="share of points with a remainder below 1", threshold=limits.same)
        )
    noise = mapped[(mapped.dataset == dataset) & (mapped.load <= 1) & (mapped.strength == max(chosen.strength))]
    noise = noise[noise.rule == "first_order"].assign(error=lambda t: t.agreement - t.predicted)
    error = stats.absolute(stats.mean_over(noise, "error", ["train_size"]))
    texts = {"id": f"predicted-{dataset}", "source": "brief of seed 001, section 3"}
    texts["statement"] = f"{dataset}: the agreement of FO in noise alone is as Marchenko and Pastur's law predicts"
    verdicts.append(claims.claim(error, **texts, statistic="error", threshold=limits.predicted, below=True))
    exponent = infinite.exponent(finite[finite.dataset == dataset])
    texts = {"id": f"width-{dataset}", "source": "Jacot et al. 2018; seed 001, abstract"}
    texts["statement"] = f"{dataset}: networks tend to their infinite width like 1/√width"
    verdicts.append(claims.claim(exponent, **texts, statistic="exponent in 1/width", threshold=limits.exponent))
figures.save(fig, verdicts, "07_infinite_width", output)
claims.summary(verdicts)
