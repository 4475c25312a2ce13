"""MLP against CNN."""
