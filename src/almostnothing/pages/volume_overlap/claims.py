"""What `10_volume_overlap` claims: which share of a ball's samples lies in a ball of another norm."""

from __future__ import annotations

from almostnothing.claims import Declaration

SOURCE = "seed 002, Mechanism 2 and Figure 6"
SHARE = (0.0, 1.0)
MATCHED = (
    "share of the L2 ball's samples in the other ball, at the ε at which half of that one's samples are in the L2 ball"
)
IMAGES = "t over seeds, each the mean over training images of its own"
HULL = f"{IMAGES}, or Clopper and Pearson's with images as trials where that is wider"

CLAIMS = {
    "covers": Declaration(
        primary=True,
        quote="covers a broader range of input space that is also covered by other Lp-norm spheres",
        source=SOURCE,
        statement="an L0 ball half of which lies in the L2 ball holds over {limit:.0%} of that ball",
        statistic=MATCHED,
        threshold="half",
        reason="half of a ball's samples are the text's own measure of containment",
        range=SHARE,
        interval=HULL,
    ),
    "overlap": Declaration(
        primary=True,
        quote="the coverage and overlap of the volumes of two different Lp-norm spheres",
        source=SOURCE,
        statement="an Lp ball half of which lies in the L2 ball holds over {limit:.0%} of that ball",
        statistic=MATCHED,
        threshold="half",
        reason="half of a ball's samples are the text's own measure of containment",
        range=SHARE,
        interval=HULL,
    ),
    "whole": Declaration(
        primary=True,
        quote="the unique volume overlap properties of L0-norm spheres",
        source=SOURCE,
        statement="an L0 ball holds half of the L2 ball only if over {limit:.0%} of the values may change",
        statistic="share of values that may change in the smallest L0 ball that holds half of the L2 samples",
        threshold="whole",
        reason="an L0 ball in which all values but one of twenty may change leaves next to nothing out",
        range=SHARE,
        interval=IMAGES,
    ),
    "apart": Declaration(
        primary=True,
        quote="the unique volume overlap properties of L0-norm spheres",
        source=SOURCE,
        statement="L0 has a wider gap than every other norm, by over {limit:.2g} in the ln of the noise's L2 norm",
        statistic="ln of the gap of L0, as L2 norms, less the largest of the other norms",
        threshold="apart",
        reason="ln 2: the gap between both crossings is a factor twice as large as that of any other norm",
        interval=IMAGES,
    ),
    "between": Declaration(
        source=SOURCE,
        statement="neither ball holds half of the other on an interval of ε that is over {limit:g} long in ln ε",
        statistic="ln of the ε at which the ball holds half of the L2 samples over that at which half of it is in L2",
        threshold="between",
        reason="a twentieth of ε, less than the text's figure resolves",
        interval=f"{IMAGES} where there are images",
    ),
    "nested": Declaration(
        source=SOURCE,
        statement="nearly all of one ball lies in the other but for ε within {limit:.2g} in ln ε",
        statistic="ln of the ε at which the ball holds 95 % of the L2 samples over that at which 95 % of it is in L2",
        threshold="nested",
        reason="ln 2: strengths that differ by a factor of 2 are neighbours on the text's grids",
        below=True,
        interval=f"{IMAGES} where there are images",
    ),
    "steady": Declaration(
        source="seed 002, Open questions: dimension against overlap",
        statement="from the fewest values to the most that interval's length changes by less than {limit:g}",
        statistic="size of that change, without clipping",
        threshold="steady",
        reason="as little as the smallest gap that counts",
        below=True,
    ),
    "sharpening": Declaration(
        source="seed 002, Open questions: dimension against overlap",
        statement="a transition narrows with the number of values d faster than d to the power {limit:g}",
        statistic="exponent of d in ln of the ε at which 5 % of the ball is in L2 over that at which 95 % are",
        threshold="sharpening",
        reason="a tenth short of the −1/2 of a mean of d values",
        below=True,
    ),
    "theory": Declaration(
        source="theory/overlap, from no sample",
        statement="the predicted crossing is within {limit:g} of the measured one, in ln, without clipping",
        statistic="size of ln of predicted over measured crossing",
        threshold="theory",
        reason="less than half of the smallest gap that counts",
        below=True,
    ),
    "published-ball": Declaration(
        source="the authors' notebook of the text's first version (brief, section 4)",
        statement="uniform samples explain the published crossing: they agree within {limit:g} in ln ε",
        statistic="size of ln of published over measured crossing",
        threshold="close",
        reason="three per cent: what interpolation between the points of the authors' figure may do",
        below=True,
    ),
    "published-laplace": Declaration(
        source="the authors' notebook of the text's first version (brief, section 4)",
        statement="Laplace noise for every p explains the published crossing: they agree within {limit:g} in ln ε",
        statistic="size of ln of published over measured crossing",
        threshold="close",
        reason="three per cent: what interpolation between the points of the authors' figure may do",
        below=True,
    ),
}
