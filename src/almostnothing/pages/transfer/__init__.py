"""Which random Lp-norm corruption a network must have seen to withstand another."""
