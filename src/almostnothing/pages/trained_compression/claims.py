"""What `14_trained_compression` claims: whether trained networks are compressed as linear maps are."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 003, abstract"
EXPONENT = (
    "exponent of d of the ratio: slope of ln against ln d, by least squares over a seed's networks; the closed form of "
    "the same points, whose mean is known, is its control variate"
)
SIZES = (0.0, 10.0)  # of an exponent
OURS = "our question"

CLAIMS = {
    "phi": Declaration(
        primary=True,
        quote="Theoretical predictions $\\phi$ (from QR decomposition) match empirical NN's $|\\cos(\\theta_1)|$",
        source="seed 003, Figure 2",
        statement="φ and |cos θ₁| of trained linear networks differ by less than {limit:g} in the mean",
        statistic="mean size of φ − |cos θ₁| over the networks of a seed, each with a matrix A of its own",
        threshold="phi",
        reason="the mean difference that the text reports of 18 networks",
        below=True,
        range=(0, 1),
    ),
    "root": Declaration(
        primary=True,
        quote="Our theories match remarkably well with numerical experiments of practically trained NN",
        source=ABSTRACT,
        statement="trained on as many points as dimensions, networks have a ratio that falls as d to a power within "
        "{limit:g} of −1/2, as that of linear maps does",
        statistic=f"size of the {EXPONENT}, plus 1/2",
        threshold="exponent",
        reason="a fifth of the exponent",
        below=True,
        range=SIZES,
    ),
    "most": Declaration(
        source=OURS,
        statement="with as many points as dimensions the ratio is over {limit:g} at the most dimensions",
        statistic="mean ratio over a seed's networks",
        threshold="most",
        reason="half of what a minimum-distance classifier withstands",
        range=(0, 1),
    ),
    "fewer": Declaration(
        source=OURS,
        statement="with fewer points the ratio does not fall: as d to a power above {limit:g}",
        statistic=EXPONENT,
        threshold="flat",
        reason="a fifth of the text's exponent; the text names no number of points",
    ),
    "start": Declaration(
        source=OURS,
        statement="from smaller initial weights, too, the ratio falls as d to a power within {limit:g} of −1/2",
        statistic=f"size of the {EXPONENT}, plus 1/2; n = d",
        threshold="exponent",
        reason="a fifth of the exponent",
        below=True,
        range=SIZES,
    ),
    "closed": Declaration(
        source="theory/compression, exact for an exact fit",
        statement="linear networks that fit exactly have the closed form's ratio on the same points, within {limit:g} "
        "in ln",
        statistic="size of the mean ln of trained over closed form, over a seed's networks of squared error, n = d",
        threshold="law",
        reason="five per cent of the ratio",
        below=True,
        range=SIZES,
    ),
    "phi-more": Declaration(
        source="seed 003, Figure 2",
        statement="φ and |cos θ₁| differ by less than {limit:g} in the mean at other d and other initial weights",
        statistic="mean size of φ − |cos θ₁| over the networks of a seed",
        threshold="phi",
        reason="the mean difference that the text reports of 18 networks",
        below=True,
        range=(0, 1),
    ),
    "max-margin": Declaration(
        source="theory/compression",
        statement="under cross-entropy |cos θ₁| is that of the largest margin, within {limit:g} in the mean",
        statistic="mean size of their difference over the networks of a seed",
        threshold="phi",
        reason="as of φ",
        below=True,
        range=(0, 1),
    ),
    "selected": Declaration(
        source=OURS,
        statement="networks that classify all corners after a hundredth of their steps have a φ that is larger by over "
        "{limit:g} in the mean",
        statistic="their mean φ less that of all networks of the seed",
        threshold="selected",
        reason="half of what the smaller of the text's two means, of networks that it calls valid, is above the law's",
        range=(-1, 1),
    ),
}
