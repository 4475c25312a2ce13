"""What `15_images` claims: what trained networks withstand of images, and how far seed 003 predicts it."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT, TLDR = "seed 003, abstract", "seed 003, TL;DR"
BRIDGE = "our question, the bridge to seeds 000 to 002"
RIGHT = "of correctly classified images"
BOTH = "over images that both classify correctly"
TEXT = ((0.0765, 0.0722), (0.0349, 0.0828), (0.0387, 0.0607), (0.0806, 0.0679))  # |M| and Q over L/2, on ImageNet

CLAIMS = {
    "agrees": Declaration(
        primary=True,
        quote="Our theories match remarkably well with numerical experiments of practically trained NN, including NN "
        "for ImageNet images",
        source=ABSTRACT,
        statement="of networks trained on clean images |M| is Q to within {limit:g}, in ln",
        statistic=f"mean size of ln(|M|/Q) {RIGHT}",
        threshold="agreement",
        reason="the mean of the same over the text's own four images",
        below=True,
        range=(0, float("inf")),
    ),
    "compressed": Declaration(
        primary=True,
        quote="networks rely on a compressed subset of features, enabling small perturbations along those directions "
        "to flip outputs",
        source=TLDR,
        statement="networks trained on clean images withstand less than {limit:g} of half the way to another class",
        statistic=f"mean of Q/(L/2) {RIGHT}",
        threshold="compressed",
        reason="half; each of the text's own four images is below a twelfth",
        below=True,
        range=(0, float("inf")),
    ),
    "compressed-all": Declaration(
        source=TLDR,
        statement="the same over all images is less than {limit:g}",
        statistic="mean of Q/(L/2) over all images, those that are wrong already counted as 0",
        threshold="compressed",
        reason="as of correctly classified images: these are chosen by what is measured",
        below=True,
        range=(0, float("inf")),
    ),
    "root": Declaration(
        quote="neural networks' adversarial robustness can be only $1/\\sqrt{d}$ of the best possible adversarial "
        "robustness of optimal classifiers",
        source=ABSTRACT,
        statement="what clean networks withstand is 1/√d of half the distance to within a factor of {limit:g}",
        statistic=f"mean of Q/(L/2) {RIGHT}, over 1/√d or, if that is smaller, under it",
        threshold="factor",
        reason="the text gives an order of magnitude",
        below=True,
        range=(1, float("inf")),
    ),
    "minimum": Declaration(
        source="our question",
        statement="clean networks withstand less than {limit:g} of what the class of the nearest training image does",
        statistic=f"mean of Q over that of a lower bound for the minimum-distance classifier, {BOTH}",
        threshold="compressed",
        reason="as of half the distance: test images are nearer than that to this classifier's boundary",
        below=True,
        range=(0, float("inf")),
    ),
    "informs": Declaration(
        source="our question",
        statement="|M| predicts Q better than one number for all images of a network, by over {limit:g} in ln",
        statistic=f"mean size of ln(Q/its median) less that of ln(|M|/Q), {RIGHT}",
        threshold="informs",
        reason="better at all: the number is the median, which is known only afterwards",
    ),
    "noisy": Declaration(
        source=BRIDGE,
        statement="of networks trained on noisy images |M| is Q to within {limit:g}, in ln",
        statistic=f"mean size of ln(|M|/Q) {RIGHT}",
        threshold="agreement",
        reason="as of clean ones",
        below=True,
        range=(0, float("inf")),
    ),
    "more": Declaration(
        source=BRIDGE,
        statement="trained on noisy images a network withstands over {limit:g} times what the clean one does",
        statistic=f"mean of Q/(L/2) over that of the clean network of the same seed, {BOTH}",
        threshold="factor",
        reason="twice as much",
        range=(0, float("inf")),
    ),
    "undone": Declaration(
        source=BRIDGE,
        statement="trained on noisy images networks withstand over {limit:g} of half the distance",
        statistic=f"mean of Q/(L/2) {RIGHT}",
        threshold="compressed",
        reason="above what counts as compressed",
        range=(0, float("inf")),
    ),
    "kept": Declaration(
        source=BRIDGE,
        statement="training on noisy images costs less than {limit:g} of clean accuracy",
        statistic="accuracy on all clean test images: clean network less the other, by seed",
        threshold="kept",
        reason="a point: who withstands more and knows less has gained nothing",
        below=True,
        range=(-1, 1),
    ),
    "meets": Declaration(
        source="seed 001's rule; limit derived in theory/compression",
        statement="trained under replacement a network withstands what the nearest class mean does, to within "
        "{limit:g} in ln",
        statistic=f"size of ln of the network's mean Q/(L/2) over the rule's, {BOTH}",
        threshold="meets",
        reason="ten per cent",
        below=True,
        range=(0, float("inf")),
    ),
}
