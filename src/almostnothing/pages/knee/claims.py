"""What `01_knee` claims: the first predictions of seed 000, and what they hang on."""

from __future__ import annotations

from almostnothing.claims import Declaration

PREDICTION = "seed 000, finite-size scaling hypothesis and testable prediction 1"
MOVES = "the midpoint p^* of the accuracy drop increases with model size or data size"
STEEPER = "the slope $|A'(p^*)|$ increases with size"
GROWTH = "half a hundredth of p a doubling is what five seeds can tell; ten doublings of it would move the knee by .05"
STEEP = "5 % a doubling: less than that, a thousandfold size makes the knee half as steep again, which no eye sees"

CLAIMS = {
    "shift-width": Declaration(
        primary=True,
        quote=MOVES,
        source=PREDICTION,
        statement="p* grows by over {limit:g} a doubling of the width",
        statistic="growth of p* per doubling of the width",
        threshold="shift",
        reason=GROWTH,
    ),
    "shift-N": Declaration(
        primary=True,
        quote=MOVES,
        source=PREDICTION,
        statement="p* grows by over {limit:g} a doubling of N",
        statistic="growth of p* per doubling of N",
        threshold="shift",
        reason=GROWTH,
    ),
    "sharpening": Declaration(
        primary=True,
        quote=STEEPER,
        source=PREDICTION,
        statement="ln |A'(p*)| grows by over {limit:g} a doubling of a size",
        statistic="growth of ln |A'(p*)| per doubling",
        threshold="sharpening",
        reason=STEEP,
    ),
    "transition": Declaration(
        primary=True,
        quote="can mimic a phase transition in the large-system limit",
        source="seed 000, finite-size scaling hypothesis",
        statement="against ln(1−p), where a shift alone steepens nothing, the knee still steepens by over {limit:g} a "
        "doubling of a size",
        statistic="growth of ln |dA/d ln(1−p)| per doubling",
        threshold="sharpening",
        reason="that of the slope: a transition sharpens in every coordinate, a knee that moves to p = 1 in p alone",
    ),
    "shift-depth": Declaration(
        source="our question",
        statement="p* grows by over {limit:g} a doubling of the depth",
        statistic="growth of p* per doubling of the depth",
        threshold="shift",
        reason=GROWTH,
    ),
    "shift-d": Declaration(
        source="our question",
        statement="p* grows by over {limit:g} a doubling of d",
        statistic="growth of p* per doubling of d",
        threshold="shift",
        reason=GROWTH,
    ),
    "interaction": Declaration(
        source="our question",
        statement="the growth of p* with N is larger, by over {limit:g}, at the largest width than at the smallest",
        statistic="growth of p* per doubling of N, largest less smallest width",
        threshold="shift",
        reason=GROWTH,
    ),
    "exponent": Declaration(
        source="theory of seed 001: α = 1/2 for clean test images",
        statement="1 − p* falls with N, as N^−α with α over {limit:g}",
        statistic="exponent α",
        threshold="exponent",
        reason="half of what theory says of the nearest class mean",
    ),
    "form": Declaration(
        source="our question",
        statement="a sigmoid in ln(1−p) predicts held-out accuracies better than one in p, by over {limit:g}",
        statistic="gain in ln-likelihood a point",
        threshold="form",
        reason="a tenth of a nat a point: a factor e over a curve of ten points",
    ),
    "loss": Declaration(
        source="our question",
        statement="with squared error, the last layer starting as usual, p* is larger by over {limit:g}",
        statistic="p* with squared error less p* with cross-entropy",
        threshold="shift",
        reason=GROWTH,
    ),
    "fresh": Declaration(
        source="our question",
        statement="with images corrupted anew at each presentation p* is larger by over {limit:g}",
        statistic="p* with fresh less p* with fixed corruption",
        threshold="shift",
        reason=GROWTH,
    ),
    "recipe": Declaration(
        source="our question",
        statement="the usual recipe (raw inputs, a fixed number of steps) alone makes p* smaller by over {limit:g}",
        statistic="p* with inputs of mean zero, trained until they fit, less p* with the usual recipe; the latter's "
        "networks need not have learned",
        threshold="recipe",
        reason="ten doublings of a size at the growth that counts",
    ),
    "centre": Declaration(
        source="our question",
        statement="another centre of the inputs (none, or 1/2) changes p* by over {limit:g}, networks fitted alike",
        statistic="|p* less p* with inputs of mean zero|",
        threshold="shift",
        reason=GROWTH,
    ),
    "rate": Declaration(
        source="our question",
        statement="a learning rate three times smaller or larger changes p* by over {limit:g}, networks fitted alike",
        statistic="|p* less p* with the usual rate|",
        threshold="shift",
        reason=GROWTH,
    ),
    "tuned": Declaration(
        source="our question",
        statement="the learning rate that classifies most held-out images at each p, in place of one rate for all, "
        "changes p* by over {limit:g}",
        statistic="|p* less p* with the usual rate|, rates chosen by the mean over seeds",
        threshold="shift",
        reason=GROWTH,
    ),
    "early": Declaration(
        source="our question",
        statement="early stopping, where most held-out images are classified, changes p* by over {limit:g}",
        statistic="|p* of the best step less p* of the last|, of one training each",
        threshold="shift",
        reason=GROWTH,
    ),
}
