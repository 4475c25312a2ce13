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

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.prototype import page
from almostnothing.pages.prototype.parameters import Prototype
from almostnothing.parameters.files import with_changes
from almostnothing.tables import learned, read, statuses

root = project()
path = root / "params" / parameter_set / "06_prototype.yaml"
chosen = with_changes(Prototype, path, sweep=sweep, thresholds=thresholds)
whole = read(root / folder / parameter_set / "06_prototype.csv", chosen.sweep)
table, usual = page.compared(whole), page.usual(chosen.sweep)
verdicts = page.claims(table, usual, chosen.thresholds)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
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
#
# The yardstick is a **re-initialised twin**: a network trained on the same corrupted images in the same order, which
# begins with other weights. Where twins choose apart, the start decides and not the images. It is no bound: a rule that
# is near the average of many starts can agree with each network more often than two of them do with one another. Only
# pairs of which both learned count.
#
# The theory needs $N$ below $d$. The title of the figure says what $N$ is here; panels d and e vary it. Large $N$ may
# take more steps.

# %% tags=["hide-input"]
figures.style()
datasets, names, few = chosen.sweep.dataset, page.NAMES, ("ncm", "resummed", "ntk")
fig, *others = [page.figure(table, usual, verdicts, name, chosen.thresholds.same) for name in datasets]
plt.show()

# %% [markdown]
# Share of test points on which the trained network and a rule choose the same class. Means over seeds with 95 %
# intervals (Student's $t$); every network is compared on its own training images; those that did not learn are left
# out. Dotted: agreement from which on two rules would be the same in practice. Grey: the network against its
# re-initialised twin, in panel c by fifths of the network's own logit gap.

# %% [markdown]
# ## What the recipe changes

# %% tags=["hide-input"]
for name in datasets:
    page.recipes(table, usual, name)
plt.show()

# %% [markdown]
# Every recipe at this $N$, on clean test images: loss, start of the last layer and centring are crossed where networks
# were trained so. Mean ± 95 % over seeds.

# %% tags=["hide-input"]
clean = learned(table[table.test == "clean"], ["agreement"]).dropna(subset="agreement")
middle = page.centre(clean, usual)
for name in datasets:
    display(page.every_recipe(middle[middle.dataset == name], usual).style.set_uuid("").set_caption(name))

# %% [markdown]
# ## The referee's table
#
# Agreement with a rule on clean test images, mean ± 95 % over seeds: rows $p$, columns hidden layers and width. Last
# agreement with the re-initialised twin.

# %% tags=["hide-input"]
base = page.at(clean, **usual)
for name in datasets:
    for rule in (*few, "twin"):
        words = f"{name}: {names[rule]}"
        display(page.grid(base[base.dataset == name], rule).style.set_uuid("").set_caption(words))

# %% [markdown]
# ## By class
#
# At the width and depth at which most else is varied, on clean test images of each class.

# %% tags=["hide-input"]
display(page.by_class(page.at(middle, **usual), few).style.set_uuid("").format("{:.2f}"))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(whole, ["dataset", "train_size", "objective", "readout_scale", "centred", "steps"]))

# %% [markdown]
# ## Verdicts
#
# Means over all $p$, widths and depths of each regime; "worst" is each seed's least over these. Intervals over seeds. A
# majority is the criterion that seed 001's reviewer names. Squared error: the largest $N$ that has every $p$.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "06_prototype", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
