"""What `16_tightness` claims: for how many kept dimensions the slides' construction is as robust as the law allows."""

from __future__ import annotations

from almostnothing.claims import Declaration

SLIDE = 'seed 004, "A Universal Law of Robustness"'
EXPONENT = "exponent of n of the ratio: slope of ln against ln n, by least squares over a seed's sizes"
SIZES = (0.0, 100.0)  # of a difference

CLAIMS = {
    "tight": Declaration(
        primary=True,
        quote="Tight for any P > n: project down to dimension d = P /n, use n RBFs",
        source=SLIDE,
        statement="projected, the constant over √(nd/P) exceeds that with all dimensions by less than {limit:g} in ln",
        statistic="ln of the ratio, less that of the same points with all dimensions, at the most points",
        threshold="tight",
        reason="a factor of two: tight is up to a constant",
        below=True,
    ),
    "grows": Declaration(
        source="our question: a constant factor would not grow",
        statement="with d̃ dimensions kept the ratio grows with n, to a power above {limit:g}",
        statistic=EXPONENT,
        threshold="grows",
        reason="doubling n a hundredfold would raise the ratio by half: no constant",
    ),
    "exponent": Declaration(
        source="theory/interpolants, derived here",
        statement="with d̃ dimensions kept the ratio grows as n to a power within {limit:g} of 2/d̃",
        statistic=f"size of the {EXPONENT}, less 2/d̃",
        threshold="exponent",
        reason="a tenth of the largest exponent, 2 for d̃ = 1",
        below=True,
        range=SIZES,
    ),
    "law": Declaration(
        source="theory/interpolants, derived here",
        statement="the ratio is within {limit:g} of the closed form's, in ln",
        statistic="size of the mean ln of the ratio over that of the median closest pair, at the most points",
        threshold="law",
        reason="a quarter of the ratio; a smallest distance varies",
        below=True,
        range=SIZES,
    ),
}
