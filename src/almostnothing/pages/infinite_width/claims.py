"""What `07_infinite_width` claims: what an infinitely wide network does, and what the leading order leaves out."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 001, abstract"
SAME = "nine of ten points: what is left is what two trainings of one network of finite width leave"


def _is(words: str, primary: bool = False) -> Declaration:
    return Declaration(
        primary=primary,
        quote="the network implements a prototype rule, the nearest-class-mean" if primary else None,
        source=ABSTRACT if primary else "brief of seed 001, sections 2 and 3",
        statement=f"the infinitely wide network is {words}: they agree on over {{limit:g}} of the test points",
        statistic="share of test points, mean over all N ≤ d",
        threshold="same",
        reason=SAME,
        range=(0, 1),
    )


def _bounded(words: str, primary: bool = False) -> Declaration:
    return Declaration(
        primary=primary,
        quote="higher-order corrections never flip the classification outcome" if primary else None,
        source="seed 001, load-bearing premise",
        statement=f"on over {{limit:g}} of the test points, what {words} leaves out is too small to flip a decision",
        statistic="share of test points whose remainder is below half the logit gap, mean over all N ≤ d",
        threshold="same",
        reason="never, but for one point in ten",
        range=(0, 1),
    )


CLAIMS = {
    "ncm": _is("NCM", primary=True),
    "bounded-first_order": _bounded("FO", primary=True),
    "first_order": _is("FO"),
    "resummed": _is("the ridge rule"),
    "bounded-resummed": _bounded("the ridge rule"),
    "predicted": Declaration(
        source="brief of seed 001, section 3",
        statement="FO agrees in noise alone as Marchenko and Pastur's law predicts, to within {limit:g}",
        statistic="|agreement less what is predicted|, each seed's largest over N ≤ d",
        threshold="predicted",
        below=True,
        reason="half of what parts a rule from being the same",
        range=(0, 1),
    ),
    "width": Declaration(
        source="Jacot et al. 2018; seed 001, abstract",
        statement="networks tend to infinite width like 1/√width, the exponent to within {limit:g}",
        statistic="|exponent − ½|",
        threshold="exponent",
        below=True,
        reason="a fifth of the exponent",
    ),
    "own": Declaration(
        source="Lee et al. 2019",
        statement="trained networks are linear in their weights: linearised at their start they choose alike on over "
        "{limit:g} of the test points",
        statistic="share of test points",
        threshold="same",
        reason=SAME,
        range=(0, 1),
    ),
    "left": Declaration(
        source="Lee et al. 2019",
        statement="what parts networks from infinite width is mostly their kernel at the start: with it, under "
        "{limit:g} of the difference is left",
        statistic="difference from the linearised network over that from infinite width",
        threshold="left",
        below=True,
        reason="half: the larger part is accounted for",
    ),
    "started": Declaration(
        source="Lee et al. 2019",
        statement="the start is forgotten: infinitely wide networks that start from a network's function and from zero "
        "agree on over {limit:g} of the test points",
        statistic="share of test points, mean over widths",
        threshold="same",
        reason="nine of ten points, as for a rule",
        range=(0, 1),
    ),
    "shifted-width": Declaration(
        source="Jacot et al. 2018",
        statement="a network's own kernel shifts outputs by 1/√width, the exponent to within {limit:g}",
        statistic="|exponent − ½|, mean over p",
        threshold="exponent",
        below=True,
        reason="a fifth of the exponent",
    ),
    "shifted-strength": Declaration(
        source="our derivation",
        statement="by how much it shifts them does not depend on 1 − p, the exponent to within {limit:g}",
        statistic="|exponent|, mean over widths",
        threshold="steady",
        below=True,
        reason="a quarter of the exponent of the signal, 1",
    ),
    "collapse-square": Declaration(
        source="a common explanation: kernels of images differ by (1 − p)²",
        statement="agreement of own and infinite kernel is a function of √width (1 − p)² alone, to within {limit:g}",
        statistic="leave-one-p-out root mean square error of agreement",
        threshold="predicted",
        below=True,
        reason="half of what parts a rule from being the same",
        interval="bootstrap over seeds",
    ),
    "collapse-contrast": Declaration(
        source="our derivation",
        statement="it is a function of √width × the infinite kernel's contrast alone, to within {limit:g}",
        statistic="leave-one-p-out root mean square error of agreement",
        threshold="predicted",
        below=True,
        reason="half of what parts a rule from being the same",
        interval="bootstrap over seeds",
    ),
}
