"""What `06_prototype` claims: that trained networks are the nearest class mean, in named regimes."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 001, abstract"
RIVALS = {  # rules beside NCM, and what a claim calls them
    "debiased": "debiased NCM",
    "correlation": "the correlation rule",
    "first_order": "FO, the first order of the kernel",
    "resummed": "the ridge rule",
    "ntk": "regression with the NTK",
}
MAJORITY = "seed 001, what would settle it"
TWINS = {"ncm": "NCM", "resummed": "the ridge rule"}  # rules that are held against the network's twin
TWIN = "brief of seed 001, section 7"

CLAIMS = {
    "majority": Declaration(
        primary=True,
        quote="check whether the network's test predictions match the nearest-centroid rule on a majority of points",
        source=MAJORITY,
        statement="on average, network and NCM agree on over {limit:g} of the test points",
        statistic="share of test points, mean over p, widths and depths",
        threshold="majority",
        reason="a majority: the text's own criterion",
        range=(0, 1),
    ),
    "majority-uniformly": Declaration(
        primary=True,
        quote="the current qualitative statement leaves open whether the match holds uniformly or only on average",
        source="seed 001, referee's report",
        statement="at the worst p, width and depth, network and NCM agree on over {limit:g} of the test points",
        statistic="share of test points, each seed's least over p, widths and depths",
        threshold="majority",
        reason="a majority: the text's own criterion",
        range=(0, 1),
    ),
    "same-ncm": Declaration(
        primary=True,
        quote="The same centroid mechanism closely matches finite-width network behavior",
        source=ABSTRACT,
        statement="the network is NCM: they agree on over {limit:g} of the test points",
        statistic="share of test points, mean over p, widths and depths",
        threshold="same",
        reason="nine of ten: what is left is within the disagreement of two trainings of one network",
        range=(0, 1),
    ),
    **{
        f"same-{rule}": Declaration(
            source="brief of seed 001, sections 2 and 3",
            statement=f"the network is {words}: they agree on over {{limit:g}} of the test points",
            statistic="share of test points, mean over p, widths and depths",
            threshold="same",
            reason="as for NCM",
            range=(0, 1),
        )
        for rule, words in RIVALS.items()
    },
    "twins-agree": Declaration(
        source=TWIN,
        statement="a network and its re-initialised twin agree on over {limit:g} of the test points",
        statistic="share of test points, mean over p, widths and depths",
        threshold="same",
        reason="as for NCM: where two trainings of one network agree less, as much is not asked of a rule",
        range=(0, 1),
    ),
    **{
        f"below-twin-{rule}": Declaration(
            source=TWIN,
            statement=f"{words} agrees with a network less often than the network's twin does, by over {{limit:g}}",
            statistic="twin's agreement less the rule's, mean over p, widths and depths",
            threshold="below_twin",
            reason="half of the tenth by which rules may differ and still be the same: what a reader would call less",
            range=(-1, 1),
        )
        for rule, words in TWINS.items()
    },
    "more-images": Declaration(
        source="brief of seed 001, section 3",
        statement="agreement with NCM grows by over {limit:g} a doubling of N",
        statistic="slope in log2 N, mean over p",
        threshold="per_doubling",
        reason="at less it takes over a thousand times the images from 0.8 to 0.9; N to 10,000 had been seen before",
    ),
}
