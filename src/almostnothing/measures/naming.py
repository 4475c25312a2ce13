"""What the rules of seed 001 are called. No torch: pages draw with it."""

from __future__ import annotations

NAMES = {  # as a figure calls them
    "ncm": "NCM",
    "debiased": "debiased",
    "correlation": "correlation",
    "first_order": "FO",
    "resummed": "ridge",
}

BINS = 5  # equally many test points each, by a rule's own margin
SCALED = ("first_order", "resummed")  # rules that predict the outputs themselves, not their order alone
