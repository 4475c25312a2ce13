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
        source="our question: do other laws foretell the same networks better? An order of n^(1/d) does not know k "
        "(Wu, Huang and Zhang 2022); a free power of n/k; what every function needs plus c√(n/k)",
        statement="√(nd/P) times a constant foretells the flattest networks of a size left out better than others",
        statistic="ln predictive density of ln slope found at a size k left out, by the law's constants and spread at "
        "a seed's other sizes (Student's t), in the mean over k: of √(nd/P) less the other law's",
        threshold="rival",
        reason="equal densities",
    ),
    "linf": Declaration(
        quote="Other norms",
        source=DIRECTIONS,
        statement="in L∞, too, networks flattened in L2 are steep as n/k to a power within {limit:g} of 1/2",
        statistic=f"size of the {EXPONENT}, less 1/2, of the least certified constant for L∞ of penalised networks, "
        "which are not the flattest in L∞: an upper bound on the least constant",
        threshold="exponent",
        reason="as in L2",
        below=True,
        range=SIZES,
    ),
    "sobolev": Declaration(
        quote="Need small gradient everywhere.",
        source=DIRECTIONS,
        statement="networks of the smallest average gradient are steeper than the flattest by over {limit:g} in ln",
        statistic="ln of the slope found on networks trained for the least mean squared gradient over the certified "
        "bound of the flattest",
        threshold="gap",
        reason="a factor of two",
    ),
    "average": Declaration(
        quote="Need small gradient everywhere.",
        source=DIRECTIONS,
        statement="the average gradient of these is smaller than that of the flattest",
        statistic="ln of the root mean square gradient at fresh points of networks trained for it, over the flattest's",
        threshold="average",
        reason="equal averages",
        below=True,
    ),
    "stability": Declaration(
        source="our question: does class stability, a mean of distances, grow with size (von Berg et al. 2026)?",
        statement="points of training are further from the decision boundary, in the mean, in larger networks",
        statistic="slope of ln mean distance found per doubling of k, by least squares over a seed's sizes",
        threshold="grows",
        reason="no growth",
    ),
    "inverse": Declaration(
        source="our question: does a norm, the Lipschitz constant, tell the same?",
        statement="1/constant is larger in larger networks",
        statistic="slope of ln 1/certified constant per doubling of k, by least squares over a seed's sizes",
        threshold="grows",
        reason="no growth",
    ),
    "outgrows": Declaration(
        source="our question: does the mean distance grow where the constant says nothing (von Berg et al. 2026)?",
        statement="the mean distance grows faster with size than 1/constant",
        statistic="slope of ln mean distance found × certified constant per doubling of k",
        threshold="grows",
        reason="equal growth",
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
