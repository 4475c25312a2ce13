"""Learning from almost nothing."""
