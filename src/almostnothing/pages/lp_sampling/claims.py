"""What `09_lp_sampling` claims: which samplers of noise of a given norm are uniform in its ball."""

from __future__ import annotations

from almostnothing.claims import Declaration

QUOTE = "uniformly distributed corruptions within Lp-norm spheres"
SOURCE = "seed 002, method summary"
INTERVAL = "Kolmogorov's, over samples"
REASON = "twice the distance that as many samples of the law itself stay below in 999 cases of 1,000"
SHARE = (0.0, 1.0)


def _within(
    who: str, what: str, primary: bool = False, quote: str | None = None, statistic: str | None = None
) -> Declaration:
    return Declaration(
        primary=primary,
        quote=quote,
        source=SOURCE,
        statement=f"{who}: {what} within {{limit:g}} of the law of the uniform ball",
        statistic=statistic or "Kolmogorov's distance",
        threshold="distance",
        reason=REASON,
        below=True,
        range=SHARE,
        interval=INTERVAL,
    )


OURS, LAPLACE, FLOAT32 = "this library", "Laplace noise for every p, rescaled", "float32 Gamma variables"
LARGEST = "the largest of Kolmogorov's distances over p"
CLAIMS = {
    "uniform": _within(OURS, "at every p samples are", True, QUOTE, LARGEST),
    "uniform-laplace": _within(f"{LAPLACE} (the text's first version)", "at every p samples are", True, QUOTE, LARGEST),
    "uniform-float32": _within(
        f"{FLOAT32} (the authors' later version)", "at every p samples are", True, QUOTE, LARGEST
    ),
    "value": _within(OURS, "a value is"),
    "value-laplace": _within(LAPLACE, "a value is"),
    "value-float32": _within(FLOAT32, "a value is"),
    "radius-laplace": _within(LAPLACE, "the norm is"),
    "radius-float32": _within(FLOAT32, "the norm is"),
}
