"""`18_effective_dimension`: the law of robustness on images: dimension, size and number of points (seed 004)."""
