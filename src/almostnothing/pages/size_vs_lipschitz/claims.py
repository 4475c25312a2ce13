"""What `17_size_vs_lipschitz` claims: whether the flattest two-layer networks are as steep as the conjecture says."""

from __future__ import annotations

from almostnothing.claims import Declaration

SLIDE = 'seed 004, "A Universal Law of Robustness"'
CONJECTURE = "Conjecture [Bubeck-Li-Nagaraj 20]: Lip(f)"  # the formula, √(n/k) for two layers, is garbled in our copy
DIRECTIONS = 'seed 004, "Open Directions"'
EXPONENT = "exponent of n/k of the constant: slope of ln against ln n/k, by least squares over a seed's sizes k"
SIZES = (0.0, 10.0)  # of a difference

CLAIMS = {
    "slope": Declaration(
        primary=True,
        quote=CONJECTURE,
        source=SLIDE,
        statement="the flattest networks found are steep as n/k to a power within {limit:g} of 1/2",
        statistic=f"size of the {EXPONENT}, less 1/2",
        threshold="exponent",
        reason="a fifth of the exponent; its order is all that the conjecture states",
        below=True,
        range=SIZES,
    ),
    "envelope": Declaration(
        primary=True,
        quote=CONJECTURE,
        source=SLIDE,
        statement="the certified constant over √(n/k) is less than {limit:g} smaller, in ln, at the fewest units than "
        "at the most",
        statistic="ln of the certified upper bound over √(n/k) at the most units, less that at the fewest",
        threshold="envelope",
        reason="a factor of two, as the order is up to a constant; only an upper bound can refute a lower one",
        below=True,
    ),
    "smooth": Declaration(
        quote=CONJECTURE,
        source=SLIDE,
        statement="with a smooth activation, too, the power of n/k is within {limit:g} of 1/2",
        statistic=f"size of the {EXPONENT}, less 1/2",
        threshold="exponent",
        reason="as of ReLU",
        below=True,
        range=SIZES,
    ),
    "above-floor": Declaration(
        source="our question: every function needs some steepness, which an order does not know",
        statement="less what every function needs, the constant grows as n/k to a power within {limit:g} of 1/2",
        statistic=f"size of the {EXPONENT}, from slopes found less the floor of the same points, less 1/2",
        threshold="exponent",
        reason="as without the floor",
        below=True,
        range=SIZES,
    ),
    "fewest": Declaration(
        source="our question, asked after a look at quick's results: do exponents differ along the curve?",
        statement="from the fewest units to the next size the power of n/k is within {limit:g} of 1/2",
        statistic="size of the slope of ln constant against ln n/k between the two fewest sizes k, less 1/2",
        threshold="exponent",
        reason="as of all sizes",
        below=True,
        range=SIZES,
    ),
    "most": Declaration(
        source="our question, asked after a look at quick's results: do exponents differ along the curve?",
        statement="from the last but one size to the most units the power of n/k is within {limit:g} of 1/2",
        statistic="size of the slope of ln constant against ln n/k between the two largest sizes k, less 1/2",
        threshold="exponent",
        reason="as of all sizes",
        below=True,
        range=SIZES,
    ),
    "gained": Declaration(
        source="our question: is it the law, or the search?",
        statement="the last three quarters of the steps flatten networks by less than {limit:g} in ln",
        statistic="ln of the slope found after a quarter of the steps, over that after all",
        threshold="gained",
        reason="ten per cent of the constant",
        below=True,
    ),
    "rival": Declaration(
        source="our question: an order of n^(1/d), which does not know k (Wu, Huang and Zhang 2022)",
        statement="√(nd/P) times a constant fits the flattest networks better than n^(1/d) times a constant",
        statistic="root mean square misfit of ln over sizes k, of the first order less of the second",
        threshold="rival",
        reason="equal misfits",
        below=True,
    ),
    "gap": Declaration(
        quote="Algorithmic law of robustness for gradient-based training?",
        source=DIRECTIONS,
        statement="plain training ends steeper than the flattest networks of its size by over {limit:g} in ln",
        statistic="ln of the slope found on plain networks over the certified bound of the flattest",
        threshold="gap",
        reason="a factor of two",
    ),
    "closed": Declaration(
        quote="Algorithmic law of robustness for gradient-based training?",
        source=DIRECTIONS,
        statement="weight decay and adversarial training close over {limit:g} of the gap from plain to flattest",
        statistic="(ln plain − ln mode)/(ln plain − ln flattest) of slopes found, in the mean over sizes k",
        threshold="closed",
        reason="half of the gap",
    ),
    "features": Declaration(
        source="our question: what does training the first layer give?",
        statement="fits in random or NTK features are steeper than the flattest networks by over {limit:g} in ln",
        statistic="ln of the slope found on the fit over the certified bound of the flattest network",
        threshold="gap",
        reason="a factor of two",
    ),
}
