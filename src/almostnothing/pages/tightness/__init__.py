"""How close constructions come to the law of robustness, by the number of dimensions that are kept (seed 004)."""
