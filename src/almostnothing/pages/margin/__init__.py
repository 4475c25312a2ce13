"""Which images fail."""
