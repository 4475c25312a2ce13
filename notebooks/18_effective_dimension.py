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
# # Does one effective dimension say what robust memorising of images takes?

# %% tags=["parameters", "hide-input"]
parameter_set = "quick"  # a folder of params/; what is not empty below changes what its file says
thresholds: dict = {}
folder = "figures"  # of the sets' tables
output = ""  # a folder for the figure's files; nothing is written without one

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from almostnothing import claims, figures
from almostnothing.files import project
from almostnothing.pages.effective_dimension import page
from almostnothing.pages.effective_dimension.parameters import EffectiveDimension
from almostnothing.parameters.files import with_changes
from almostnothing.tables import read

root = project()
path = root / "params" / parameter_set / "18_effective_dimension.yaml"
chosen = with_changes(EffectiveDimension, path, thresholds=thresholds)
table = read(root / folder / parameter_set / "18_effective_dimension.csv")
verdicts = page.claims(table, chosen)
display(Markdown(claims.answer(verdicts)))

# %% [markdown]
# Seed 004 carries its law from random points to images with one number:
#
# > Optimistically, law of robustness holds with appropriate effective dimension. […] Determine naive vs effective
# > dimension scaling empirically to extrapolate?
#
# The law says that $P$ parameters which fit $n$ noisy labels have a Lipschitz constant of at least the order of
# $\sqrt{n\tilde d/P}$, $\tilde d$ the effective dimension; from the size at which networks become robust on MNIST the
# slides read off $\tilde d = P/n \approx 10$. This page asks the images. Each is taken by its first $r$ principal
# components and scaled to length 1, so that random points of the unit sphere in $r$ dimensions, where $\tilde d = r$,
# can be put in its place one for one. Labels are 1 and −1 by chance; two-layer ReLU networks of $k$ units, $P =
# k(r+2)$, are held at one error while a penalty flattens them (as in `17_size_vs_lipschitz`): the constants are those
# of the flattest networks that were found. If all that counts is one dimension, then
#
# * √(n d̃/P) with one d̃, with the rank, or with a dimension for each rank leaves little unexplained over $n$ and $k$;
# * at the same $P$ images need networks that are less steep than random points do, as $\sqrt{\tilde d}$.
#
# Sizes of which some network did not reach the error are left out.

# %% tags=["hide-input"]
figures.style()
fig = page.figure(table, verdicts, chosen)
plt.show()

# %% [markdown]
# **a**, **b** Slopes found on the flattest networks on images and on random points, against points a unit; a law in
# $n/k$ alone would put all sizes $n$ of a rank on one curve, of slope 1/2. **c** The effective dimension that
# $\sqrt{n\tilde d/P}$ reads off the constants, $r\,(L_\mathrm{images}/L_\mathrm{random})^2$ at the same $n$, $k$ and
# $r$, if the law's order were the networks' own; it is no dimension where it exceeds $r$. Another reading, the claim
# *matched*: random points of which dimension take as steep networks of as many units? (Of more dimensions they take
# flatter ones, panel **b**.) Beside it the images' own dimension by three definitions (`theory/dimensions`): the stable
# rank is what the proof of the law would use for a Gaussian of the images' covariance. **d** Rival laws, each with a
# fitted constant for each rank (the last with two powers): how much better than $\sqrt{nd/P}$ they predict pairs of $n$
# and $k$ that were left out of the fit, all ranks together, by Student's predictive density. *n^(1/r)*: the order of
# Wu, Huang and Zhang for points in $r$ dimensions, as far as their abstract tells; *floor*: the least constant of any
# function with this error on the same points (`theory/partial_fits`). **e** Labels that are classes (the lower half
# against the upper), a part of them turned: constants of plain and flattest networks at several errors, and of networks
# trained on images corrupted anew at each step, wherever their error ends; the flattest of small errors have a smaller
# penalty, in proportion to the error, without which they would not reach it. **f** Convolutional networks that are
# trained adversarially (PGD, every pixel within ε) on classes, one by one: the share of test images on which PGD of
# some steps found nothing, an upper bound of what they withstand, against their parameters. ε rises during the first
# part of training, or, of the fewest images, is there at once, as in the published curves, though with another rate and
# other steps; all after the fewest steps. Crosses gave (nearly) one answer to all images, or learned nothing better.
# All points but those of **f** are means over seeds with their intervals (geometric ones in **a** to **c**).
#
# What the law says is a bound from below: networks that are steeper than $\sqrt{n\tilde d/P}$ do not refute it. What
# is asked here is whether the number carries over, and so whether sizes can be read off from it.

# %% [markdown]
# ## Distances to the boundary, and robust accuracy against size
#
# **g** The networks of panel **e** on clean test images with true labels: the mean distance to where the answer
# changes, 0 where it is wrong, which is the area under the curve of robust accuracy against radius; networks on
# corrupted images count whatever their error. Where that lies beyond the errors at which others are held, no share of
# the gap is told. **h**, **i** Robust accuracy on training and on test images of networks for which ε rises:
# convolutional ones, and those of one hidden layer of about as many parameters, after the most steps. Whether that was
# enough is told by what the fewest steps had reached (the claim *steps*): what more steps would still gain is no lack
# of capacity: sizes are compared (*proportional*, *images-alone*) only where they surely gain little, and *not
# measured* elsewhere, though all networks learned. *architecture* and *generalises* are about networks after these
# steps, whether or not more would help; more images are each seen less often. Of few seeds *trainable* cannot be
# decided size by size.

# %% tags=["hide-input"]
page.supplement(table, chosen)
plt.show()

# %% [markdown]
# ## The text's numbers
#
# The slides' rule is $P = n\tilde d$. Ranges follow from those of its numbers: $n$ of MNIST between the original and
# the rounded one, $P$ between the sizes at which robust accuracy is good and very good in the figure that the slides
# cite.

# %% tags=["hide-input"]
display(page.predictions(table, chosen))

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
figures.save(fig, verdicts, "18_effective_dimension", output)
display(claims.summary(verdicts))

# %% [markdown]
# Exploratory, each for itself:

# %% tags=["hide-input"]
display(claims.summary(verdicts, "exploratory"))

# %% [markdown]
# ## What would change these verdicts
#
# Steeper networks than need be, which a better search would flatten: most at many units, where the certified bounds
# above the slopes found leave most room. Sizes that are left out, which are those of low rank and many points. Another
# scaling: every image has length 1 here, so that bright and dark images count alike. Adversarial training was tried
# with one recipe; whether a small network is dead hangs on how ε comes (**f**), and so may hang on the rate and the
# number of steps. What the implied dimension is goes with $n$ and $k$, too, upwards with both; its interval is over
# seeds alone. Rival laws have a constant for each rank; with one for all of them all gains and losses are smaller, and
# that the floor alone loses on MNIST is not sure. At twice its threshold the law with a dimension for each rank would
# leave little enough.

# %% [markdown]
# ## What was trained

# %% tags=["hide-input"]
display(page.trained_summary(table))

# %% [markdown]
# On noisy labels, and on labels with signal:

# %% tags=["hide-input"]
display(page.summary(table))
