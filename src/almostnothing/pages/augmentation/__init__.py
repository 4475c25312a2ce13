"""What training with random Lp-norm corruptions, and with known augmentation policies, is worth under others."""
