"""What `19_depth` claims: whether depth matters where the law of robustness knows parameters alone."""

from __future__ import annotations

from almostnothing.claims import Declaration

SLIDE = 'seed 004, "A Universal Law of Robustness"'
DIRECTIONS = 'seed 004, "Open Directions"'
SIZES = (0.0, 10.0)  # of a difference

CLAIMS = {
    "depth": Declaration(
        primary=True,
        quote="Theorem [Bubeck-S. 21]: for P-parameter function classes F",
        source=SLIDE,
        statement="of as many parameters the flattest networks of more hidden layers are within {limit:g}, in ln, as "
        "steep as those of one",
        statistic="size of ln of the slope found on the flattest networks of D hidden layers over that at D = 1",
        threshold="same",
        reason="a factor of two, as of 16_tightness: the law is an order in P, and has no word of depth",
        below=True,
        range=SIZES,
    ),
    "certified": Declaration(
        quote="Theorem [Bubeck-S. 21]: for P-parameter function classes F",
        source=SLIDE,
        statement="of as many parameters the certified bound at more hidden layers is within {limit:g}, in ln, of that "
        "at one",
        statistic="size of ln of the certified bound of the flattest networks of D hidden layers over that at D = 1",
        threshold="same",
        reason="as of slopes found",
        below=True,
        range=SIZES,
    ),
    "falls": Declaration(
        source="our question: the theorem for networks of depth D is weaker, √(nd/(DP)) "
        "(Bubeck and Sellke 2021, arXiv 2105.12806): do networks use that room?",
        statement="the flattest networks' constant goes as a power of D within {limit:g} of -1/2",
        statistic="size of the slope of ln of the slope found against ln D, by least squares, plus 1/2",
        threshold="exponent",
        reason="a fifth of the exponent",
        below=True,
        range=SIZES,
    ),
    "plain": Declaration(
        quote="Algorithmic law of robustness for gradient-based training?",
        source=DIRECTIONS,
        statement="plain training ends at networks as steep at every depth, within {limit:g} in ln",
        statistic="size of ln of the slope found on plain networks of D hidden layers over that at D = 1",
        threshold="same",
        reason="as of the flattest",
        below=True,
        range=SIZES,
    ),
    "gap": Declaration(
        quote="Algorithmic law of robustness for gradient-based training?",
        source=DIRECTIONS,
        statement="plain training ends over {limit:g} in ln above the flattest networks of the same depth",
        statistic="ln of the slope found on plain networks over that on the flattest",
        threshold="same",
        reason="as of depths",
    ),
    "gained": Declaration(
        source="our question: has the search for flat networks ended?",
        statement="trained with four times as many steps networks are less than {limit:g} in ln flatter",
        statistic="ln of the slope found after a quarter as many steps over that after all, from the same start",
        threshold="gained",
        reason="ten per cent of the constant",
        below=True,
    ),
}
