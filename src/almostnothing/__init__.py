"""Almost Nothing: how much can an image be corrupted before a classifier fails, and why so late?"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from almostnothing.theory.prototypes import predict_knee

__all__ = ["predict_knee"]


def __getattr__(name: str) -> Any:
    """Import on demand: planning does without torch."""
    if name == "predict_knee":
        from almostnothing.theory.prototypes import predict_knee

        return predict_knee
    raise AttributeError(f"almostnothing has no {name}")
