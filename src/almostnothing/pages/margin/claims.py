"""What `02_margin` claims: the second prediction of seed 000."""

from __future__ import annotations

from almostnothing.claims import Declaration

PREDICTION = "seed 000, testable prediction 2"
WORDS = "predicts failures"
USEFUL = "a hundredth of AUROC: one pair in a hundred ranked right that was wrong"
GAIN = "a hundredth, a fifth of the error up to which a probability counts as useful"

BOTH = "t over seeds, its variance increased by the bootstrap's over images"

CLAIMS = {
    "rank-margin": Declaration(
        primary=True,
        quote=WORDS,
        source=PREDICTION,
        statement="γ/σ ranks failures better than γ alone, by over {limit:g} of AUROC",
        statistic="gain in AUROC, mean over test strengths",
        threshold="ranking",
        reason=USEFUL,
        range=(-1, 1),
        interval=BOTH,
    ),
    "calibrated": Declaration(
        primary=True,
        quote=WORDS,
        source=PREDICTION,
        statement="Φ(−γ/σ) is the frequency of failure, to within {limit:g}",
        statistic="calibration error, mean over test strengths",
        threshold="calibrated",
        below=True,
        reason="five points in a hundred: what a person would still call the same frequency",
        range=(0, 1),
        interval=BOTH,
    ),
    "rank-softmax": Declaration(
        source="our question",
        statement="γ/σ ranks failures better than softmax, by over {limit:g} of AUROC",
        statistic="gain in AUROC, mean over test strengths",
        threshold="ranking",
        reason=USEFUL,
        range=(-1, 1),
        interval=BOTH,
    ),
    **{
        name: Declaration(
            source="our question",
            statement=f"{words}, by over {{limit:g}}",
            statistic="fall of the calibration error, mean over test strengths",
            threshold="gain",
            reason=GAIN,
            range=(-1, 1),
            interval=BOTH,
        )
        for name, words in (
            ("drift", "the drift improves γ/σ"),
            ("even", "the even part improves on the drift"),
            ("mean-image", "linearising about x̄ improves on the drift"),
            ("all-classes", "all classes improve on the pair, about x̄"),
        )
    },
}
