"""What a claim can be found to be, in words and as marks. No pandas here: whatever reads records imports it."""

from __future__ import annotations

SUPPORTED, REFUTED, SMALLER = "supported", "refuted", "smaller than asked"
INCONCLUSIVE, UNKNOWN, MIXED = "inconclusive", "not measured", "mixed"
VERDICTS = (SUPPORTED, REFUTED, SMALLER, INCONCLUSIVE, UNKNOWN)
MARKS = dict(zip(VERDICTS, "✓✗<?–", strict=True))
