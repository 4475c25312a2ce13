"""What `11_transfer` claims: the texts' statements about which norm's robustness transfers to which."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 002, abstract"
RESULTS = "seed 002, key results"

CLAIMS = {
    "only": Declaration(
        primary=True,
        quote="robustness to L0-norm corruptions is only effectively achieved by training on L0-norm corruptions",
        source=ABSTRACT,
        statement="on L0 tests training with L0 is over {limit:g} ahead of training with any other norm",
        statistic="accuracy on L0 tests: training with L0 less the best other norm; the interval holds for every norm",
        threshold="only",
        reason="a third of the fifteen points that the text's first version publishes",
        range=(-1, 1),
    ),
    "all": Declaration(
        primary=True,
        quote="L0-norm robustness transfers across all Lp-norms",
        source=RESULTS,
        statement="on every other norm's tests training with L0 costs less than {limit:g}",
        statistic="accuracy: training with the tested norm less with L0, where most; the interval holds for every norm",
        threshold="kept",
        below=True,
        reason="as much as counts for L0; the text's first version publishes two points at worst",
        range=(-1, 1),
    ),
    "among": Declaration(
        primary=True,
        quote="robustness to other Lp-norm corruptions transfers across different Lp-norms",
        source=ABSTRACT,
        statement="on every other norm's tests training with any norm but L0 costs less than {limit:g}",
        statistic="accuracy: training with the tested norm less another, where most; the interval holds for every pair",
        threshold="kept",
        below=True,
        reason="as much as counts for L0; the text's first version publishes two points at worst",
        range=(-1, 1),
    ),
    "not-to-L0": Declaration(
        quote="other Lp-norm robustnesses do not transfer to L0-norm",
        source=RESULTS,
        statement="of what training with L0 gains on L0 tests, training with another norm keeps less than {limit:g}",
        statistic="(accuracy − that of the standard network) / (that of training with L0 − the same), mean of norms",
        threshold="share",
        below=True,
        reason="half of the gain; not measured where the gain of some seed is below its own threshold",
    ),
    "kept-all": Declaration(
        quote="L0-norm robustness transfers across all Lp-norms",
        source=RESULTS,
        statement="of what a norm gains on its own tests, training with L0 keeps over {limit:g}",
        statistic="(accuracy − that of the standard network) / (that of training with the norm − the same)",
        threshold="share",
        reason="half of the gain; not measured where the gain of some seed is below its own threshold",
    ),
    "kept-among": Declaration(
        quote="robustness to other Lp-norm corruptions transfers across different Lp-norms",
        source=ABSTRACT,
        statement="of what a norm gains on its own tests, training with the others but L0 keeps over {limit:g}",
        statistic="(accuracy − that of the standard network) / (that of training with the norm − the same), mean of "
        "the other norms",
        threshold="share",
        reason="half of the gain; not measured where the gain of some seed is below its own threshold",
    ),
    "average": Declaration(
        source="our question",
        statement="on other norms' tests training with L0 costs less than {limit:g} on average",
        statistic="accuracy: training with the tested norm less training with L0, mean of the other norms",
        threshold="kept",
        below=True,
        reason="as of each norm: an average hides the worst",
        range=(-1, 1),
    ),
    "clean": Declaration(
        quote="training with L0-norm corruptions significantly improves corruption robustness while maintaining or "
        "slightly improving classification accuracy",
        source=ABSTRACT,
        statement="training with L0 costs less than {limit:g} of clean accuracy",
        statistic="clean accuracy: standard network less training with L0",
        threshold="clean",
        below=True,
        reason="a point: the text's first version publishes .06 points for L0, and one to two for other norms",
        range=(-1, 1),
    ),
}
