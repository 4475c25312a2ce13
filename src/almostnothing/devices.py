"""Where to compute: the CPU or a card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

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


def arithmetic(portable: bool) -> AbstractContextManager[Any]:
    """Within it, `portable`: square roots of float32 are correctly rounded, beside `environment.portable`.

    MKL's start from the processor's own approximation (rsqrtps), of which each maker has another, and are up to a unit
    in the last place off. A root to less than a unit of float64, rounded to float32, is the correctly rounded one: no
    root of a float32 is nearer than 2^-51 of itself to the middle between two, whose square has an odd 50th bit.
    """
    return _Rounded() if portable else nullcontext()


class _Rounded(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (torch.sqrt, torch.Tensor.sqrt) and args[0].dtype == torch.float32 and not kwargs:
            return func(args[0].double()).float()
        return func(*args, **(kwargs or {}))
