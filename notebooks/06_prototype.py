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
# # Is the network the nearest-class-mean rule?
#
# Seed 001 claims more than robustness:
#
# > the network implements a prototype rule, the nearest-class-mean, assigning each test point to the class whose
# > training-set average it most closely resembles. \[...\] The same centroid mechanism closely matches finite-width
# > network behavior in our experiments
#
# and its referee asks for the fraction of test points on which both agree, by corruption level and architecture. That
# is the table of this page. What "the rule" is must be said. Means $m_i$ and $m$ are of the corrupted training images
# $\tilde x$, $q_i$ and $q$ of $|\tilde x|^2$:
#
# - **NCM**, the claim as stated: the smallest $|x - m_i|$.
# - **debiased**: the same with the corruption's mean taken from the $m_i$; $x$ stays as it is.
# - **correlation**: the largest $\langle x, \cdot\rangle$ with class means of images of length 1.
# - **FO**: kernel regression of the infinitely wide network to first order in the images, the largest $\langle x -
#   \lambda m, m_i - m\rangle + \kappa (q_i - q)$ with $\lambda$ and $\kappa$ from the kernel.
# - **ridge**: the same with what noise correlates taken into account: a ridge classifier with the network's own ridge.
# - **NTK**: regression with the infinitely wide network's kernel, without approximation; **NTK from its start** adds
#   that a network of finite width starts from a random function of its own. The kernel is that of gradient descent on
#   squared error to convergence, without biases; the networks here have biases and are trained by Adam for so many
#   steps. `07_infinite_width` trains networks as the kernel assumes.
# - **fit λ**: $\langle x - \lambda m, m_i - m\rangle$ with the $\lambda$ that agrees best on the other half of the test
#   points: how much of the decisions is the direction of the class means.
# - **NCM, other noise**: NCM against NCM of another corruption of the same training images. No network is involved: it
#   tells how noisy the class means themselves are. A network shares its noise with the rules, so this is no bound.
#
# The theory needs $N$ below $d$. The title of the figure says what $N$ is here; panel e varies it.

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt
from IPython.display import display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.prototype import page
from almostnothing.pages.prototype.parameters import Prototype
from almostnothing.parameters.files import with_changes
from almostnothing.tables import long, read

root = project()
path = root / "params" / parameter_set / "06_prototype.yaml"
chosen = with_changes(Prototype, path, sweep=sweep, thresholds=thresholds)
table = long(read(root / folder / parameter_set / "06_prototype.csv", chosen.sweep), list(page.NAMES), "rule")
usual = page.usual(chosen.sweep)
base, some = page.at(table, **usual), page.centre(table, usual)
p = sorted(table.strength.unique())[-2:][0]  # of the panels that are about one p
datasets, names, few = list(table.dataset.unique()), page.NAMES, ("ncm", "resummed", "ntk", "self")

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, 0.62 * figures.DOUBLE * len(datasets)))
for part, dataset in zip(fig.subfigures(len(datasets), 1, squeeze=False).flat, datasets, strict=True):
    axes = part.subplots(2, 4, sharey=True)
    rows = some[some.dataset == dataset]
    clean = rows[rows.test == "clean"]
    here = page.at(clean, **usual)
    for ax, test in zip(axes[0], ("clean", "corrupted"), strict=False):
        mine = page.at(rows[rows.test == test], **usual)
        figures.rule_lines(ax, mine, "strength", "agreement", names)
        ax.set(xlabel="$p$", title=f"{test} test")
    figures.rule_lines(axes[0, 2], page.fifths(here[here.strength == p]), "fifth", "agreement", names)
    axes[0, 2].set(xlabel="fifth of points by the rule's margin", title=f"by margin, $p$ = {p:g}")
    alike = table[(table.dataset == dataset) & (table.test == "clean") & (table.depth == here.depth.iloc[0])]
    squared = page.at(alike, **usual | {"objective": "mse"})
    figures.rule_lines(axes[0, 3], squared[squared.strength == p], "width", "agreement", names)
    figures.size_axis(axes[0, 3], alike.width, "width")
    axes[0, 3].set_title(f"squared error, $p$ = {p:g}")
    for ax, column, label in zip(axes[1], page.VARIED, page.VARIED.values(), strict=True):
        varied = page.but_one(clean, usual, column)
        figures.rule_lines(ax, varied[varied.strength == p], column, "agreement", names)
        if column in page.SIZES:
            figures.size_axis(ax, varied[column], label)
        else:
            ax.set_xticks(sorted(varied[column].unique()))
        ax.set_xlabel(label)
        ax.set_title(f"$p$ = {p:g}")
    for ax in axes.flat:
        ax.set_ylim(0, 1.02)
        ax.axhline(chosen.thresholds.same, color="0.5", lw=0.8, ls=":")
    axes[0, 0].set_ylabel("agreement with the network")
    part.legend(*figures.handles(axes.flat), loc="outside lower center", ncols=5)
    part.suptitle(f"{dataset}: {page.described(clean, usual)}")
    figures.panel_letters(list(axes.flat))

# %% [markdown]
# Share of test points on which the trained network and a rule choose the same class. Means over seeds with 95 %
# intervals (Student's $t$); every network is compared on its own training images. Dotted: agreement from which on two
# rules would be the same in practice.
#
# ## The referee's table
#
# Agreement with a rule on clean test images, mean ± 95 % over seeds: rows $p$, columns hidden layers and width.

# %%
for dataset in datasets:
    for rule in few:
        rows = base[(base.dataset == dataset) & (base.test == "clean")]
        display(page.grid(rows, rule).style.set_uuid("").set_caption(f"{dataset}: {names[rule]}"))

# %% [markdown]
# ## By class
#
# At the width and depth of the figure, on clean test images of each class.

# %%
display(page.by_class(page.at(some[some.test == "clean"], **usual), few).style.set_uuid("").format("{:.2f}"))

# %% [markdown]
# ## Verdict
#
# Means over all $p$, widths and depths of the referee's table, with inputs as they are, or shifted to mean zero where
# that is said; "everywhere" is about the combination of $p$, width and depth with the smallest mean, its interval
# widened for having been chosen. Intervals over seeds. A majority is the criterion that seed 001's reviewer names.

# %%
verdicts = page.claims(table, usual, chosen.thresholds)
figures.save(fig, verdicts, "06_prototype", output)
claims.summary(verdicts)
