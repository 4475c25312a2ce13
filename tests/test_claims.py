import json
import math

import pytest

from almostnothing import claims
from almostnothing.stats.intervals import Interval

TEXTS = {"id": "a", "statement": "It grows", "source": "seed 000", "statistic": "growth", "threshold": 0.1}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.11, 0.3, "supported"),
        (-0.3, 0.09, "refuted"),
        (0.05, 0.2, "inconclusive"),
        (math.nan, math.nan, "inconclusive"),
    ],
)
def test_the_interval_decides_the_verdict(low, high, verdict):
    assert claims.claim(Interval((low + high) / 2, low, high, 5), **TEXTS).verdict == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.11, 0.3, "refuted"), (-0.3, 0.09, "supported"), (0.05, 0.2, "inconclusive")]
)
def test_a_claim_can_ask_for_little(low, high, verdict):
    assert claims.claim(Interval((low + high) / 2, low, high, 5), below=True, **TEXTS).verdict == verdict


def test_record_is_strict_json():
    record = claims.claim(Interval(math.nan, math.nan, math.nan, 0), **TEXTS).record()
    assert json.loads(json.dumps(record, allow_nan=False))["estimate"] is None
    assert claims.estimate_text(record) == "– [–, –]"


def test_summary_shows_estimate_threshold_and_verdict():
    table = claims.summary([claims.claim(Interval(0.25, 0.2, 0.3, 8), **TEXTS)])
    assert table.iloc[0].tolist() == ["It grows", "growth", "0.25 [0.2, 0.3]", "> 0.1", "8 seeds", "supported"]
