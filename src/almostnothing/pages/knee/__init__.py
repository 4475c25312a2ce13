"""The knee: accuracy against corruption."""
