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
# # The margin criterion: which images fail?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
test_strength: list = []
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.margin import page
from almostnothing.pages.margin.parameters import Margin
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read, statuses

root = project()
changes = {"sweep": sweep, "test_strength": test_strength, "thresholds": thresholds}
chosen = with_changes(Margin, root / "params" / parameter_set / "02_margin.yaml", **changes)
whole = read(root / folder / parameter_set / "02_margin.csv", chosen.sweep)
asked = page.at_strengths(whole, chosen.test_strength)
table = asked[asked.status == "learned"]
quality = page.quality(table, chosen.draws)
verdicts = page.claims(asked, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 000 linearises the margin $\gamma = f_y - \max_{k \neq y} f_k$ of a trained network and predicts:
#
# > Compute $g(x) = \nabla_x \gamma(x)$ on a held-out set; test whether
# > $\gamma(x)/\sqrt{\mathrm{Var}(\Delta\gamma \mid x)}$ predicts failures.
#
# With $\sigma^2 = \sum_i g_i^2\,\mathrm{Var}(\tilde x_i \mid x)$ an image fails with probability
# $\Phi(-\gamma/\sigma)$, if four things hold that the text does not check. The change of the margin has *mean zero*: it
# has not, for the mean corrupted image $\bar x = \mathbb{E}[\tilde x \mid x]$ is not $x$, and the drift is
# $g \cdot (\bar x - x)$. The margin is *linear* over the size of the noise. The *same* class stays second. The sum over
# pixels is *Gaussian*. So the predictors compared here are $\gamma$ and the softmax probability of the label, which
# know nothing of the noise; $\gamma/\sigma$; $(\gamma + \text{drift})/\sigma$; the same with the mean of the even part
# of the change (to leading order its second-order term, here sampled at the size of the noise); the linearisation about
# $\bar x$ in place of $x$; and about $\bar x$ with all classes, whose margins are jointly Gaussian. The networks differ
# in training: on clean images (the criterion's own case), and on corrupted ones.

# %% tags=["hide-input"]
figures.style()
shown = chosen.test_strength[len(chosen.test_strength) // 2]
fig, pairs = None, [(n, table[table.dataset == n], quality[quality.dataset == n]) for n in asked.dataset.unique()]
for name, rows, scored in pairs:
    main = page.figure(rows, scored, verdicts, name)
    fig = fig or main
plt.show()

# %% [markdown]
# A column is one way of training. Above: probability that a failure is ranked below a survival (0.5: by chance); below:
# expected calibration error of the predicted probability of failure. Means over seeds with 95 % intervals (Student's
# $t$). Predictors: $\gamma$ alone, $\gamma/\sigma$, and the same linearised about the mean corrupted image $\bar x$.

# %% [markdown]
# ## All predictors, and where the linearisation breaks
#
# Right: reliability, measured against predicted frequency of failure; on the diagonal a prediction is right. Last row:
# how often images fail, and root mean square of the even over that of the odd part of
# $\gamma(x + \Delta) - \gamma(x)$, at the size of the noise.

# %% tags=["hide-input"]
for name, rows, scored in pairs:
    if len(rows):
        page.supplement(rows, scored, name, shown)
plt.show()

# %% [markdown]
# ## For which $p$ a prediction is useful
#
# The largest test $p$ up to which the calibration error stays surely below the threshold (its interval's upper end, at
# this and every smaller $p$).

# %% tags=["hide-input"]
display(page.useful_up_to(quality, chosen.thresholds.calibrated).rename(columns=page.SCORES))

# %% [markdown]
# ## Did the networks learn?

# %% tags=["hide-input"]
display(statuses(asked, ["dataset", "training_corruption", "strength"]))

# %% [markdown]
# ## Verdicts
#
# Statistics are means over the test strengths of the parameter file, paired within each seed; intervals are over seeds,
# and their variance is increased by that over test images, which all networks share.

# %% tags=["hide-input"]
figures.save(fig, verdicts, "02_margin", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))
