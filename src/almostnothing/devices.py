"""Where to compute: the CPU or a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

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


@contextmanager
def arithmetic(portable: bool) -> Iterator[None]:
    """Within it, `portable`: square roots of float32 are correctly rounded, beside `environment.portable`.

    MKL's start from the processor's own approximation (rsqrtps), of which each maker has another, and are up to a unit
    in the last place off. A root to less than a unit of float64, rounded to float32, is the correctly rounded one: no
    root of a float32 is nearer than 2^-51 of itself to the middle between two, whose square has an odd 50th bit.

    The two functions are replaced: a `TorchFunctionMode`, which sees every call of torch, made some tables take a third
    longer.
    """
    with ExitStack() as replaced:
        for owner in (torch, torch.Tensor) if portable else ():
            replaced.enter_context(patch.object(owner, "sqrt", _rounded(owner.sqrt)))
        yield


def _rounded(root: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A square root that goes by way of float64 where it is of float32."""

    def rounded(x: Tensor, **options: Any) -> Tensor:
        return root(x.double()).float() if x.dtype == torch.float32 and not options else root(x, **options)

    return rounded
