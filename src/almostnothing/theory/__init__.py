"""What can be computed without training a network."""
