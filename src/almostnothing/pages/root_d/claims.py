"""What `13_root_d` claims: how what linear classifiers withstand changes with the number of dimensions."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT, TLDR = "seed 003, abstract", "seed 003, TL;DR"
EXPONENT = "exponent of d: slope of ln against ln d, by least squares over a seed's draws"
SIZES = (0.0, 10.0)  # of an exponent

CLAIMS = {
    "root": Declaration(
        primary=True,
        quote="neural networks' adversarial robustness can be only $1/\\sqrt{d}$ of the best possible adversarial "
        "robustness of optimal classifiers",
        source=ABSTRACT,
        statement="with as many points as dimensions the ratio falls as d to a power within {limit:g} of −1/2",
        statistic=f"size of the {EXPONENT}, plus 1/2",
        threshold="exponent",
        reason="a fifth of the exponent",
        below=True,
        range=SIZES,
    ),
    "lengths": Declaration(
        primary=True,
        quote="NN robustness can scale as $O(1)$ while the optimal scales as $O(\\sqrt{d})$",
        source=TLDR,
        statement="both lengths grow as the text says, to a power of d within {limit:g} of it",
        statistic=f"size of the {EXPONENT}, less 0 (classifier) or 1/2 (minimum distance)",
        threshold="exponent",
        reason="as of their ratio",
        below=True,
        range=SIZES,
    ),
    "any-class": Declaration(
        source=ABSTRACT,
        statement="the ratio of any-class perturbations falls with d, as d to a power below {limit:g}",
        statistic=f"{EXPONENT} of the smallest perturbation to any class over half of the smallest distance",
        threshold="any_class",
        reason="−1/2 and a fifth of it; among d classes some pair of weights is further apart, by about √ln d",
        below=True,
    ),
    "fewer": Declaration(
        source="our question",
        statement="with fewer points than dimensions the ratio does not fall: as d to a power above {limit:g}",
        statistic=f"{EXPONENT} of the ratio",
        threshold="flat",
        reason="a fifth of the text's exponent; the text names no number of points",
    ),
    "layers": Declaration(
        source="seed 003, Theorem 4; exponent derived here",
        statement="behind a generator of t factors the ratio falls as d to a power within {limit:g} of −t/2",
        statistic=f"size of the {EXPONENT}, plus t/2",
        threshold="layers",
        reason="half of what a factor more would change",
        below=True,
    ),
    "noise": Declaration(
        source="our question, the bridge to seeds 000 and 001",
        statement="trained with noise of a fixed share of the values' deviation, the ratio does not fall: as d to a "
        "power above {limit:g}",
        statistic=f"{EXPONENT} of the ratio",
        threshold="flat",
        reason="a fifth of the text's exponent",
    ),
    "restored": Declaration(
        source="our question, the bridge to seeds 000 and 001",
        statement="trained with this share of values replaced, the ratio is over {limit:g}",
        statistic="mean ratio over the draws of a seed, at the most dimensions",
        threshold="restored",
        reason="nine tenths of what a minimum-distance classifier withstands",
        range=(0, 1),
    ),
    "law": Declaration(
        source="theory/compression, exact at every d",
        statement="the mean ln ratio is within {limit:g} of the exact law's",
        statistic="size of the mean of ln ratio less E ln|cos θ|, cos²θ ~ Beta((d − n + 1)/2, (n − 1)/2)",
        threshold="law",
        reason="five per cent of the ratio",
        below=True,
    ),
    "noise-law": Declaration(
        source="theory/compression, in the limit of many dimensions",
        statement="the ratio of noise in training is within {limit:g} of Marchenko and Pastur's, in ln",
        statistic="size of the mean of ln ratio less its limit's ln",
        threshold="law",
        reason="five per cent of the ratio",
        below=True,
    ),
    "phi": Declaration(
        source="seed 003, Theorem 6; law derived here",
        statement="the mean of ln φ of a normal matrix is within {limit:g} of that of the same exact law",
        statistic="size of the mean of ln φ less E ln|cos θ| for n = d; no classifier is fitted",
        threshold="law",
        reason="five per cent of φ",
        below=True,
    ),
}
