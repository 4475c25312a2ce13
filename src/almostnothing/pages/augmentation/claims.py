"""What `12_augmentation` claims: the text's statements about training with L0 noise, sets of noise, and policies."""

from __future__ import annotations

from almostnothing.claims import Declaration

ABSTRACT = "seed 002, abstract"
RESULTS = "seed 002, key results"
LIMITS = "half a point of error: half of what the text's first version publishes for L0m .01 (22.7 to 21.7 %)"

CLAIMS = {
    "robust": Declaration(
        primary=True,
        quote="training with L0-norm corruptions significantly improves corruption robustness",
        source=ABSTRACT,
        statement="training with L0 lowers the mean corrupted error but that of noise type by over {limit:g}",
        statistic="mean error over common corruptions but those of noise type: standard network less training with L0",
        threshold="gain",
        reason=LIMITS,
        range=(-1, 1),
    ),
    "clean": Declaration(
        primary=True,
        quote="while maintaining or slightly improving classification accuracy",
        source=ABSTRACT,
        statement="training with L0 costs less than {limit:g} of clean accuracy",
        statistic="clean error: training with L0 less the standard network",
        threshold="clean",
        below=True,
        reason="a point: the text's first version publishes .06 points for L0, and one to two for other norms",
        range=(-1, 1),
    ),
    "better": Declaration(
        primary=True,
        quote="L0-norm corruption training outperforms several state-of-the-art data augmentation methods",
        source=RESULTS,
        statement="training with L0 beats a known policy by over {limit:g} of mean corrupted error",
        statistic="mean error over all common corruptions: the policy less training with L0",
        threshold="gain",
        reason=LIMITS,
        range=(-1, 1),
    ),
    "broad": Declaration(
        primary=True,
        quote="C2C1 outperformed its counterpart C1C1, which features a smaller range of corruptions, in terms of "
        "corruption robustness",
        source="seed 002, mechanism 3",
        statement="training with the broad set C2C1 lowers the mean corrupted error of C1C1 by over {limit:g}",
        statistic="mean error over all common corruptions: training with C1C1 less training with C2C1",
        threshold="broad",
        reason="half of what the text's first version publishes (19.35 to 18.56 %)",
        range=(-1, 1),
    ),
    "robust-all": Declaration(
        quote="training with L0-norm corruptions significantly improves corruption robustness",
        source=ABSTRACT,
        statement="training with L0 lowers the mean corrupted error by over {limit:g}",
        statistic="mean error over all common corruptions: standard network less training with L0",
        threshold="gain",
        reason="as without those of noise type, which are like what was trained",
        range=(-1, 1),
    ),
    "robust-lp": Declaration(
        quote="training with L0-norm corruptions significantly improves corruption robustness",
        source=ABSTRACT,
        statement="training with L0 lowers the mean error over the text's Lp laws by over {limit:g}",
        statistic="mean error over the Lp laws of the text's first version: standard network less training with L0",
        threshold="gain",
        reason="as of common corruptions",
        range=(-1, 1),
    ),
    "broad-but-light": Declaration(
        source="our question",
        statement="C2C1 lowers the mean corrupted error of C1C1, fog, brightness, contrast aside, by over {limit:g}",
        statistic="mean error over common corruptions but fog, brightness, contrast: C1C1 less C2C1",
        threshold="broad",
        reason="as over all of them: C2C1 alone has a shift of brightness among its members",
        range=(-1, 1),
    ),
    "better-lp": Declaration(
        quote="L0-norm corruption training outperforms several state-of-the-art data augmentation methods",
        source=RESULTS,
        statement="training with L0 beats a known policy by over {limit:g} of mean error over the text's Lp laws",
        statistic="mean error over the Lp laws of the text's first version: the policy less training with L0",
        threshold="gain",
        reason=LIMITS,
        range=(-1, 1),
    ),
    "better-other-lp": Declaration(
        source="our question",
        statement="training with L0 beats a known policy by over {limit:g} of mean error over Lp laws of other norms",
        statistic="mean error over the Lp laws but those of L0: the policy less training with L0",
        threshold="gain",
        reason="as over all of them, of which ten are of the trained kind",
        range=(-1, 1),
    ),
    "adds": Declaration(
        source="our question",
        statement="noise beside a policy lowers its mean corrupted error but that of noise type by over {limit:g}",
        statistic="mean error over common corruptions but those of noise type: the policy less both",
        threshold="gain",
        reason=LIMITS,
        range=(-1, 1),
    ),
    "costs": Declaration(
        source="our question",
        statement="noise beside a policy costs less than {limit:g} of clean accuracy",
        statistic="clean error: both less the policy",
        threshold="clean",
        below=True,
        reason="as of L0 noise alone",
        range=(-1, 1),
    ),
    "mostly-noise": Declaration(
        source="our question",
        statement="over {limit:g} of what training with L0 gains in mean corrupted error is on noise types",
        statistic="of the error that training with L0 saves on all common corruptions, the part on those of noise type",
        threshold="share",
        reason="most of it; not measured where the whole gain of some seed is below its own threshold",
    ),
    "imperceptible": Declaration(
        source="our question",
        statement="imperceptible noise raises the error of networks trained without noise by over {limit:g} of it",
        statistic="relative iCE: (mean error over the six laws − clean error) / clean error",
        threshold="imperceptible",
        reason="half of what the text's first version publishes of the standard network (.089)",
    ),
    "harmless": Declaration(
        source="our question",
        statement="imperceptible noise raises the error of networks trained with noise by less than {limit:g} of it",
        statistic="relative iCE: (mean error over the six laws − clean error) / clean error",
        threshold="imperceptible",
        below=True,
        reason="half of what the text's first version publishes of the standard network (.089)",
    ),
}
