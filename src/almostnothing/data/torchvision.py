"""torchvision, importable also where its compiled operators do not fit the build of torch. Import it from here alone.

The package index's torchvision is compiled against CUDA; beside a CPU build of torch its operators do not load, and
importing it fails for want of the schemas of two of them. Data sets and transforms need none.
"""

from __future__ import annotations

import importlib
import sys

import torch

SCHEMAS = (  # the operators that torchvision registers shapes for when it is imported
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::" not in str(error):
        raise
    LIBRARY = torch.library.Library("torchvision", "FRAGMENT")  # kept alive: with it the schemas would go
    for schema in SCHEMAS:
        LIBRARY.define(schema)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    torchvision = importlib.import_module("torchvision")

datasets = importlib.import_module("torchvision.datasets")
transforms = importlib.import_module("torchvision.transforms.v2")
