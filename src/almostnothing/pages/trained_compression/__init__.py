"""`14_trained_compression`: is compression found in trained networks, too (seed 003)?"""
