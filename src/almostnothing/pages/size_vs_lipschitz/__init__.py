"""`17_size_vs_lipschitz`: how flat two-layer networks of a size can be that fit noise (seed 004)."""
