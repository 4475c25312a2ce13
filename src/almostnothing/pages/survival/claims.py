"""What `05_survival` claims: the first statement of seed 001, and how far the nearest class mean explains it."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 001, abstract"

CLAIMS = {
    "above": Declaration(
        primary=True,
        quote="maintaining well-above-chance accuracy even when inputs are >90% corrupted",
        source=ABSTRACT,
        statement="networks are over {limit:g} above chance",
        statistic="accuracy less chance",
        threshold="above",
        reason="three times the chance of ten classes",
        range=(-1, 1),
    ),
    "kept": Declaration(
        source="our question",
        statement="networks keep over {limit:g} of what they have above chance without corruption",
        statistic="(accuracy − chance) / (that without corruption − chance)",
        threshold="above",
        reason="a fifth of it: where the best possible accuracy is low, three times chance cannot be asked",
    ),
    "ncm": Declaration(
        source=ABSTRACT,
        statement="the nearest class mean is as accurate as the network, to within {limit:g}",
        statistic="|accuracy of the network less that of NCM|",
        threshold="close",
        below=True,
        reason="a quarter of what counts as well above chance",
        range=(0, 1),
    ),
    "theory-ncm": Declaration(
        source="brief of seed 001, section 4",
        statement="theory predicts the accuracy of NCM to within {limit:g}",
        statistic="mean absolute error over all sizes and strengths",
        threshold="error",
        below=True,
        reason="the counting error of 500 test images",
        range=(0, 1),
    ),
    "theory-networks": Declaration(
        source="brief of seed 001, section 4",
        statement="theory of NCM predicts the accuracy of networks to within {limit:g}",
        statistic="mean absolute error over all sizes and strengths",
        threshold="error",
        below=True,
        reason="the counting error of 500 test images",
        range=(0, 1),
    ),
}
