"""What `03_inductive_bias` claims: the third prediction of seed 000."""

from __future__ import annotations

from almostnothing.claims import Declaration

SOURCE = "seed 000, testable prediction 3"
WORDS = "CNNs should tolerate larger p^* due to inductive bias"
COUNTS = "a hundredth of p: what two doublings of a size must bring to count in 01_knee"

CLAIMS = {
    "advantage": Declaration(
        primary=True,
        quote=WORDS,
        source=SOURCE,
        statement="the CNN's p* exceeds the MLP's by over {limit:g}",
        statistic="p* of the CNN less that of the MLP, pixels in place",
        threshold="shift",
        reason=COUNTS,
        range=(-1, 1),
    ),
    "lost": Declaration(
        primary=True,
        quote=WORDS,
        source=SOURCE,
        statement="permuting the pixels takes over {limit:g} from the CNN's advantage",
        statistic="advantage with pixels in place less that with permuted ones",
        threshold="shift",
        reason=COUNTS,
        range=(-2, 2),
    ),
}
