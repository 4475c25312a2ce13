"""What `04_collapse` claims: the fourth prediction of seed 000."""

from __future__ import annotations

from almostnothing.claims import Declaration

SOURCE = "seed 000, finite-size scaling hypothesis and testable prediction 4"
WORDS = "curves for different sizes align"
ALIGNED = "a twentieth of accuracy: curves that are drawn over one another so are one curve to the eye"
SEEDS = "bootstrap over seeds"
RMS = "leave-one-size-out root mean square, in accuracy"


def _aligned(candidate: str, primary: bool, source: str = SOURCE) -> Declaration:
    return Declaration(
        primary=primary,
        quote=WORDS if primary else None,
        source=source,
        statement=f"accuracies of all sizes are a function of {candidate}, to within {{limit:g}}",
        statistic=RMS,
        threshold="rms",
        below=True,
        reason=ALIGNED,
        range=(0, 1),
        interval=SEEDS,
    )


CLAIMS = {
    "collapse-proxy": _aligned("(1−p)/√p", True),
    "collapse-ratio": _aligned("the measured margin-to-noise ratio", True),
    "collapse-signal": _aligned("√n (1−p)/√v", False, "our question"),
    "collapse-theory": _aligned("the nearest class mean's expected accuracy", False, "theory of seed 001"),
    **{
        f"gain-{name}": Declaration(
            source="our question",
            statement=f"{words} aligns sizes better than (1−p)/√p, by over {{limit:g}}",
            statistic="RMS of (1−p)/√p less its own",
            threshold="gain",
            reason="two fifths of what counts as aligned",
            range=(-1, 1),
            interval=SEEDS,
        )
        for name, words in (
            ("ratio", "the measured margin-to-noise ratio"),
            ("signal", "√n (1−p)/√v"),
            ("theory", "the nearest class mean's expected accuracy"),
        )
    },
    "halfway": Declaration(
        source="seed 001, the theory's prediction for seed 000",
        statement="p at half-way is as predicted without training, to within {limit:g}",
        statistic="mean absolute error of p",
        threshold="error",
        below=True,
        reason="ten doublings of a size at the growth that counts in 01_knee",
        range=(0, 1),
    ),
}
