"""What the authors published of Figure 6: crossings of 50 %, read off the output of their notebook.

The authors' repository at 7e32f54 (11 May 2023), the text's first version:
training image 1 of CIFAR-10, clipped, an L2 ball of ε = 4, 1,000 samples a point; interpolated between points.
"""

RADIUS, PIXELS, IMAGE = 4.0, 3072, 1
# of each norm: the ε at which half of its samples lie in the L2 ball, and that at which it holds half of the L2 samples
CROSSINGS = {
    "L0": {"inside": 0.017, "holds": 1.0},  # 0 of 1,000 at 0.999
    "L0.5": {"inside": 390e3, "holds": 371e3},
    "L1": {"inside": 161.5, "holds": 153.0},
    "L10": {"inside": 0.478, "holds": 0.445},
    "L50": {"inside": 0.443, "holds": 0.406},
    "L∞": {"inside": 0.127, "holds": 0.402},
}
