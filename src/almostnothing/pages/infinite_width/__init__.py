"""Infinitely wide networks against their approximations."""
