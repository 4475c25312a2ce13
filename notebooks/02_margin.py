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
#
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

# %% tags=["parameters"]
parameter_set = "quick"  # a folder of params/; what is not empty below looks at a part of what its file says
sweep: dict = {}
test_strength: list = []
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %%
import matplotlib.pyplot as plt

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.margin import page
from almostnothing.pages.margin.parameters import Margin
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
changes = {"sweep": sweep, "test_strength": test_strength, "thresholds": thresholds}
chosen = with_changes(Margin, root / "params" / parameter_set / "02_margin.yaml", **changes)
whole = read(root / folder / parameter_set / "02_margin.csv", chosen.sweep)
table = page.at_strengths(whole, chosen.test_strength)
quality = page.quality(table, chosen.draws)
trainings = [(name, kind) for name, rows in table.groupby("dataset", sort=False) for kind in rows.training.unique()]

# %%
figures.style()
fig = plt.figure(figsize=(figures.DOUBLE, (1.2 + 1.9 * len(trainings)) * figures.DOUBLE / 7))
grid = fig.subplots(len(trainings) + 1, 3)
shown = chosen.test_strength[len(chosen.test_strength) // 2]
for row, (dataset, training) in zip(grid, trainings, strict=False):
    here = quality[(quality.dataset == dataset) & (quality.training == training)]
    rows = table[(table.dataset == dataset) & (table.training == training) & (table.test_strength == shown)]
    page.predictor_curves(row[0], here, "auroc", page.SCORES)
    page.predictor_curves(row[1], here, "calibration", page.SCORES)
    page.reliability_curves(row[2], rows, page.SCORES, page.survival)
    row[0].set_ylabel("AUROC")
    row[0].set_title(f"{dataset}, trained {training}", loc="right", fontsize=6)
    row[1].set(ylabel="calibration error")
    row[2].set_title(f"test $p$ = {shown:g}", loc="right", fontsize=7)
page.training_curves(grid[-1][0], table, "failures", "share of failures")
page.training_curves(grid[-1][1], table, "bending", "even over odd part")
grid[-1][0].legend(title="trained", loc="upper center", bbox_to_anchor=(0.5, -0.3))
page.predictor_legend(grid[-1][2], page.SCORES)
figures.panel_letters(list(grid.flat)[:-1])

# %% [markdown]
# Each row is one way of training. Left: probability that a failure is ranked below a survival (0.5: by chance). Middle:
# expected calibration error of the predicted probability of failure. Right: reliability, measured against predicted
# frequency of failure; on the diagonal a prediction is right. Below: how often images fail, and where the linearisation
# breaks: root mean square of the even over that of the odd part of $\gamma(x + \Delta) - \gamma(x)$, at the size of the
# noise. Means over seeds with 95 % intervals (Student's $t$).
#
# ## For which $p$ a prediction is useful
#
# The largest test $p$ up to which the calibration error stays surely below the threshold (its interval's upper end, at
# this and every smaller $p$).

# %%
page.useful_up_to(quality, chosen.thresholds.calibrated).rename(columns=page.SCORES)

# %% [markdown]
# ## Verdict
#
# Statistics are means over the test strengths of the parameter file, paired within each seed; intervals over seeds. All
# networks see the same images under the same corruptions: the intervals are about networks, not about other images.

# %%
verdicts = page.claims(quality, trainings, chosen.thresholds)
figures.save(fig, verdicts, "02_margin", output)
claims.summary(verdicts)
