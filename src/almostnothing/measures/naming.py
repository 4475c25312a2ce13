"""What the rules of seed 001 are called, and who says that a network is one of them. No torch: pages draw with it."""

from __future__ import annotations

NAMES = {  # as a figure calls them
    "ncm": "NCM",
    "debiased": "debiased",
    "correlation": "correlation",
    "first_order": "FO",
    "resummed": "ridge",
}


SOURCES = {  # of the claim that a network is the rule
    "ncm": "seed 001, abstract",
    "ntk": "seed 001, abstract",
    **dict.fromkeys(("debiased", "correlation", "first_order", "resummed"), "brief of seed 001, sections 2 and 3"),
}
BINS = 5  # equally many test points each, by a rule's own margin
SCALED = ("first_order", "resummed")  # rules that predict the outputs themselves, not their order alone
