"""One rule for all activations, depths, laws and data sets?"""
