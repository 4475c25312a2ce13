"""How much less than a minimum-distance classifier networks withstand, and whether noise in training mends it."""
