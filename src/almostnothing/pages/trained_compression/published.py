"""What the text reports of its linear networks with d = 12 (seed 003, experiments behind Figure 2)."""

from __future__ import annotations

D = 12
RUNS = 18  # that it calls valid, of a number it does not tell
MEANS = (0.3645, 0.3280)  # of φ and of |cos θ₁|
DIFFERENCE = 0.0367  # mean of their absolute differences
