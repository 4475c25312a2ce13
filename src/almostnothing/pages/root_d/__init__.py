"""How much less a linear classifier withstands than a minimum-distance one, as dimensions grow."""
