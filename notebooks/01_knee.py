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
# # The knee: accuracy against corruption

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; the sections below change what its file says
sweep: dict = {}
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures, stats, tables
from almostnothing.files import project
from almostnothing.naming import dataset_name
from almostnothing.pages.knee import page
from almostnothing.pages.knee.parameters import Knee
from almostnothing.parameters.files import with_changes

root = project()
path = root / "params" / parameter_set / "01_knee.yaml"
knee = with_changes(Knee, path, sweep=sweep, thresholds=thresholds)
whole = tables.each_test(tables.read(root / folder / parameter_set / "01_knee.csv", knee.sweep))
source = knee.sources(knee.folder(root))[0]
chance = 1 / source.facts.classes
asked = whole[whole.test.isin(page.TESTS)]
tested = tables.learned(asked)  # no claim rests on the others
knees, gains = stats.free_knees(tested, page.CURVE, chance), stats.form_gain(tested, page.CURVE, chance)
fits = stats.fit_knees(tested, page.CURVE, chance, "log")
verdicts = page.claims(whole, gains, knees, knee, chance)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Every pixel of an image is replaced, with probability $p$, by a random grey value; labels stay clean. A network is
# trained on such images and tested twice: on *clean* test images and on test images *corrupted* by the same law. Seed
# 000 describes the accuracy $A(p)$ as a knee and makes three statements about it:
#
# > **Shift:** the midpoint $p^*$ of the accuracy drop increases with model size or data size, reflecting improved
# > margins.
#
# > **Sharpening:** the slope $|A'(p^*)|$ increases with size, producing an apparently “critical” knee.
#
# > This is a finite-size crossover that can mimic a phase transition in the large-system limit.
#
# $p^*$ is where half of the height above chance is left that the curve has at its smallest $p$; the slope is that of
# the straight line, against $\ln(1-p)$, between where three quarters and one quarter are left. No shape is assumed.
# Clean and corrupted tests ask different questions: the first is limited by what can be learnt from corrupted examples,
# the second also by what is left of the test image.
#
# Against $\ln(1-p)$ a knee can move without changing its shape; then in $p$ it sharpens by that alone. For the
# nearest-class-mean rule theory says just this of the clean test, with $1 - p^* \propto N^{-1/2}$.

# %% tags=["hide-input"]
figures.style()
names, fig = list(dict.fromkeys(asked.dataset)), None
for name in names:
    here = [page.at(t, dataset=name) for t in (asked, tested, fits, knees)]
    usual = page.usual(knee.sweep, int(here[0].pixels.max()))
    main = page.figure(*here, usual, chance, verdicts, dataset_name(name))
    if main is not None:
        fig = fig or main
plt.show()

# %% [markdown]
# a, b: accuracy by $N$ at the middle width; dots are seeds, bars 95 % intervals of the mean over seeds (Student's $t$),
# lines the sigmoid in $\ln(1-p)$ (thin: no fit is trusted), hollow points of which some networks did not learn. c, d:
# what $1-p^*$ is, on logarithmic axes; full lines and filled markers clean test, dashed and open corrupted test. e, f:
# slope in $p$, and against $\ln(1-p)$. A seed varies the training subset, its corruption, the initial weights and the
# order of the data.

# %% [markdown]
# ## What the recipe does
#
# The usual recipe (raw inputs, Adam, a fixed number of steps) beside the sound one (inputs of mean zero, trained until
# the training images are fitted): the share of hidden units that respond to any image, and training and clean test
# accuracy, by width at the largest $N$; means over seeds.

# %% tags=["hide-input"]
page.recipe_figure(whole, knee.sweep)
plt.show()

# %% [markdown]
# The learning rate that classifies most of the held-out training images, corrupted as the others are, by size and $p$;
# a dash where fewer than two rates were tried, or trained every network:

# %% tags=["hide-input"]
display(page.chosen_rates(tables.learned(whole), knee.sweep).map(claims.short))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(tables.statuses(asked, ["dataset", "training_corruption", "objective", "centred", "steps"]))

# %% [markdown]
# ## Verdicts
#
# Statistics are growths per doubling of a size, by least squares against $\log_2$ size within each level of the other
# size, averaged over these levels, with an interval over seeds; a pair of sizes counts where all seeds have a value.
# Thresholds were fixed before the run.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "01_knee", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
