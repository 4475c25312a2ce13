"""Networks of several layers that fit noise, flat as may be, with equally many parameters."""
