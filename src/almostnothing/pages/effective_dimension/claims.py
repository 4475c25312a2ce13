"""What `18_effective_dimension` claims: whether one effective dimension says what memorising images takes."""

from __future__ import annotations

from almostnothing.claims import Declaration

INTERPRETATION = 'seed 004, "Interpretation"'
ESTIMATE = 'seed 004, "MNIST and ImageNet"'
LAW = 'seed 004, "A Universal Law of Robustness"'
DIRECTIONS = 'seed 004, "Open Directions"'
WU = "our question: orders that do not know the size, as of Wu, Huang and Zhang 2022 (arXiv 2202.11592)"

CLAIMS = {
    "collapse": Declaration(
        primary=True,
        quote="Optimistically, law of robustness holds with appropriate effective dimension.",
        source=INTERPRETATION,
        statement="an effective dimension in √(n d̃/P) leaves less than {limit:g} of ln constant unexplained",
        statistic="root mean square over ranks, n and k of ln constant less ln √(n d̃/P), in which d̃ is as said and one "
        "factor, or with a dimension for each rank that, is fitted",
        threshold="collapse",
        reason="ten per cent of the constant",
        below=True,
        range=(0.0, 10.0),
    ),
    "dimension": Declaration(
        primary=True,
        quote="Effective dimension d",  # "= 10", garbled in our copy
        source=ESTIMATE,
        statement="the effective dimension by what memorising takes is within {limit:g} in ln of the slides' 10",
        statistic="size of ln of r (constant on images/constant on random points of r dimensions)² over 10, in the "
        "mean over n and k, at the largest rank r",
        threshold="dimension",
        reason="a factor of two, for an estimate of an order",
        below=True,
        range=(0.0, 10.0),
    ),
    "matched": Declaration(
        quote="Effective dimension d",
        source=ESTIMATE,
        statement="random points that take networks as steep have a dimension within {limit:g} in ln of the slides' 10",
        statistic="size of ln of the dimension over 10, of random points that take as steep networks at the same n and "
        "k as images of the largest rank, ln constant interpolated between ranks; mean over n and k",
        threshold="dimension",
        reason="as by √(n d̃/P)",
        below=True,
        range=(0.0, 10.0),
    ),
    "covariance": Declaration(
        quote="Effective dimension d",
        source=ESTIMATE,
        statement="the dimension of the images themselves is within {limit:g} in ln of the slides' 10",
        statistic="size of ln of the dimension over 10, at the largest rank and n",
        threshold="dimension",
        reason="as by what memorising takes",
        below=True,
        range=(0.0, 10.0),
    ),
    "rival": Declaration(
        source=WU,
        statement="left-out sizes are better predicted by the rival than by √(n d̃/P), by over {limit:g} a network",
        statistic="mean log predictive density of ln constant, each n and k left out in turn, of the rival less of the "
        "law; each with a constant for each rank",
        threshold="held_out",
        reason="equal densities",
    ),
    "points": Declaration(
        source="our question: a law in n/k does not ask how many points there are",
        statement="at the same n/k the constant grows with n by less than {limit:g} in ln a doubling",
        statistic="ln of the constant at 2n points and 2k units over that at n and k, in the mean over both",
        threshold="scale",
        reason="ten per cent of the constant",
        below=True,
    ),
    "noise": Declaration(
        source="our question: the law has σ for a factor, and no word of what the signal takes",
        statement="with a part of signal the constant is that of noise alone times σ, within {limit:g} in ln",
        statistic="size of ln of the constant at labels of which a share q is turned over that at q = 1/2, on the same "
        "images, less ln σ, σ² = 4q(1 − q)",
        threshold="scale",
        reason="ten per cent of the constant",
        below=True,
        range=(0.0, 10.0),
    ),
    "closed": Declaration(
        source="our question: where do networks trained on corrupted images, as of seeds 000 to 002, lie?",
        statement="training on corrupted images closes over {limit:g} of the gap from plain to flattest",
        statistic="(ln plain − ln network)/(ln plain − ln flattest) of slopes found, plain and flattest at the "
        "network's own error, between whose neighbours ln constant is interpolated",
        threshold="closed",
        reason="half of the gap",
    ),
    "proportional": Declaration(
        quote="Good robust accuracy achieved at P = 10",  # "= 10⁶", garbled in our copy
        source=ESTIMATE,
        statement="four times the images and parameters, after as many steps, leave robust training accuracy the same "
        "within {limit:g}",
        statistic="size of the robust accuracy on training images at scale 2s and 4n, less that at s and n, where more "
        "steps surely gain less (*steps*)",
        threshold="accuracy",
        reason="a twentieth of all images",
        below=True,
        range=(0.0, 1.0),
    ),
    "images-alone": Declaration(
        source="our question: does the size that is needed grow with the images at all?",
        statement="four times the images, after as many steps, leave robust training accuracy of the same network the "
        "same within {limit:g}",
        statistic="size of the robust accuracy on training images at 4n, less that at n, of the same scale, where more "
        "steps surely gain less (*steps*)",
        threshold="accuracy",
        reason="as in proportion",
        below=True,
        range=(0.0, 1.0),
    ),
    "steps": Declaration(
        source="our question: has training come to its end, so that its accuracy tells of capacity?",
        statement="all steps gain less than {limit:g} of robust training accuracy over the fewest",
        statistic="robust accuracy on training images after the most steps, less that after the fewest",
        threshold="accuracy",
        reason="as in proportion",
        below=True,
    ),
    "trainable": Declaration(
        source="our question: is it capacity, or the optimiser?",
        statement="over {limit:g} of networks are dead with the radius at once, and learn where it rises",
        statistic="share of pairs of networks, all alike but for the radius",
        threshold="share",
        reason="most",
        range=(0.0, 1.0),
        interval="Clopper and Pearson's over networks",
    ),
    "architecture": Declaration(
        quote="Could there be different slightly different laws of robustness for",
        source=DIRECTIONS,
        statement="convolutional networks withstand over {limit:g} more test images than those of one hidden layer of "
        "as many parameters",
        statistic="robust accuracy on test images, of convolutional networks less of those of one hidden layer",
        threshold="accuracy",
        reason="as in proportion",
    ),
    "generalises": Declaration(
        source="our question: is robustness on training images that on test images?",
        statement="over {limit:g} more training images than test images are withstood",
        statistic="robust accuracy on training images less that on test images, of the largest scale",
        threshold="accuracy",
        reason="as in proportion",
    ),
    "robust": Declaration(
        quote="Connect more precisely to robust test error?",
        source=DIRECTIONS,
        statement="flattest networks' mean distance from test images to the boundary is larger than plain ones'",
        statistic="ln of the mean L2 distance, 0 where wrong, of the flattest over that of the plain at the same error",
        threshold="robust",
        reason="equally far",
    ),
}
