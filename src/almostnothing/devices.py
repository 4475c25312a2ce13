"""Where to compute: the CPU or a card."""

from __future__ import annotations

import torch

from almostnothing.errors import UserError


def device_for(name: str) -> torch.device:
    """The device that a parameter file asks for: "cpu", "cuda", or "auto" (cuda where there is one).

    Raises `UserError` for "cuda" on a machine without one.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda is asked for, but this machine has no CUDA device: use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """What a table says of where its numbers were made: "cpu", or the name of the card."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of the card, has run out."""
    texts = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in texts)
