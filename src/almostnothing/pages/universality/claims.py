"""What `08_universality` claims: one rule for all depths, activations and noise laws."""

from __future__ import annotations

from almostnothing.claims import Declaration
from almostnothing.measures.naming import NAMES

ABSTRACT = "seed 001, abstract"
SAME = "nine of ten points, as in 07_infinite_width"


def _rule(rule: str, worst: bool) -> Declaration:
    primary = rule == "ncm"
    of = "each seed's least over" if worst else "mean over"
    quote = (
        "as well as a wide class of activation functions and noise distributions" if worst else "holding for any depth"
    )
    return Declaration(
        primary=primary,
        quote=quote if primary else None,
        source=ABSTRACT if primary else "brief of seed 001, sections 2 and 3",
        statement=f"{'at worst' if worst else 'on average'}, infinitely wide networks agree with {NAMES[rule]} on over "
        "{limit:g} of the test points",
        statistic=f"share of test points, {of} laws, activations and depths",
        threshold="same",
        reason=SAME,
        range=(0, 1),
    )


CLAIMS = {
    **{f"average-{rule}": _rule(rule, worst=False) for rule in ("ncm", "first_order", "resummed")},
    **{f"worst-{rule}": _rule(rule, worst=True) for rule in ("ncm", "first_order", "resummed")},
    "tilt": Declaration(
        source="brief of seed 001, section 2",
        statement="the larger the noise's second moment, the more FO needs its tilt: over {limit:g} of the test points",
        statistic="what the tilt adds to FO's agreement at the largest second moment, less that at the smallest",
        threshold="tilt",
        reason="two points in a hundred",
        range=(-2, 2),
    ),
}
