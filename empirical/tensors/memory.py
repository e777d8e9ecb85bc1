"""Memory: how much is free, and an error of one line, with what would fit, if it is not enough."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from scalings.errors import ArgumentError


def available_bytes(device: str) -> int:
    """The free memory of a device in bytes; sys.maxsize where the system does not tell."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return sys.maxsize
    kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kibibytes) * 2**10


def largest(most: int, bytes_at: Callable[[int], int], free: int) -> int:
    """The largest width up to `most` that fits into `free` bytes, 0 if none does; `bytes_at` must increase.

    >>> largest(1000, lambda width: 8 * width**2, free=80_000)
    100
    """
    return bisect.bisect_right(range(1, most + 1), free, key=bytes_at)


def check_room(
    widths: Sequence[int],
    bytes_at: Callable[[int], int],
    device: str,
    *,
    variable: str = "width",
    otherwise: Callable[[int], str] = lambda _: "",
) -> None:
    """Raises ArgumentError, with the largest width that fits, if one of the widths needs more memory than is free.

    `widths` may be values of another scale `variable`. `otherwise` adds advice to the message, given the free bytes.
    """
    free = available_bytes(device)
    # The widest need not be the one: the widest networks are trained one at a time, narrower ones side by side.
    beyond = [width for width in widths if bytes_at(width) > free]
    if not beyond:
        return
    fits = largest(beyond[0], bytes_at, free)
    hint = f"expected {variable}s up to {fits}" if fits else f"no {variable} fits"
    needed = bytes_at(beyond[-1]) / 2**30
    raise ArgumentError(
        "widths",
        f"{variable} {beyond[-1]} needs {needed:.3g} GiB, but {device} has {free / 2**30:.3g} GiB free:"
        f" {hint}{otherwise(free)}",
    )


@contextmanager
def exhausted_as(error: Callable[[], ArgumentError]) -> Iterator[None]:
    """Context manager: an out-of-memory error of numpy or torch is raised again as this error."""
    try:
        yield
    except (MemoryError, RuntimeError) as raised:
        if _is_exhausted(raised):
            raise error() from None
        raise


def did_not_do(device: str, where: str) -> ArgumentError:
    """The error for memory that ran out while training at these widths."""
    return ArgumentError("widths", f"the memory of {device} did not do for {where}")


def _is_exhausted(error: BaseException) -> bool:
    """Whether torch or numpy raised this since the system gave no memory."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and "allocate memory" in str(error))
