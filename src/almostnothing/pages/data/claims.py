"""What `00_data` claims: what a corruption does to an image, before any network."""

from __future__ import annotations

from almostnothing.claims import Declaration

IMAGES = "t over images"

CLAIMS = {
    "exponent-small": Declaration(
        primary=True,
        quote="injects noise of scale \\sqrt{p}",
        source="seed 000, corruption as attenuation + noise",
        statement="at the smallest p, the noise grows as p to an exponent over {limit:g}",
        statistic="exponent of p in the noise's standard deviation, between the two smallest p",
        threshold="exponent",
        reason="a tenth below the 1/2 that a root has",
        interval=IMAGES,
    ),
    "exponent": Declaration(
        primary=True,
        quote="injects noise of scale \\sqrt{p}",
        source="seed 000, corruption as attenuation + noise",
        statement="over the whole range of p, the noise grows as p to an exponent over {limit:g}",
        statistic="exponent of p in the noise's standard deviation, from the smallest p to that of the headline",
        threshold="exponent",
        reason="a tenth below the 1/2 that a root has",
        interval=IMAGES,
    ),
    "unseen": Declaration(
        primary=True,
        quote="far beyond human recognition",
        source="seed 001, abstract",
        statement="over {limit:.0%} of the images stay below Rose's criterion for an observer who knows where to look",
        statistic="share of images below the criterion at the headline's p",
        threshold="share",
        reason="nineteen images of twenty; no person was asked: the criterion is that of an ideal observer",
        range=(0, 1),
        interval="Clopper and Pearson's over images",
    ),
    "human": Declaration(
        primary=True,
        quote="far beyond human recognition",
        source="seed 001, abstract",
        statement="people recognise less than {limit:.0%} of the images",
        statistic="share of images that people recognise at the headline's p: no person has been asked yet",
        threshold="recognised",
        below=True,
        reason="half of what chance leaves above it, for ten classes: people would be wrong about most of them",
        range=(0, 1),
        interval="t over people",
    ),
    "drowned": Declaration(
        source="seed 001: individual training examples carry almost no signal",
        statement="a pixel's noise exceeds its signal by over {limit:g} dB",
        statistic="noise over signal of a pixel at the headline's p [dB]",
        threshold="drowned",
        reason="a power ratio of ten",
        interval=IMAGES,
    ),
}
