"""Memory: what is free now, and one clear line where it will not do."""

from __future__ import annotations

import sys
from pathlib import Path

import torch


def available_bytes(device: str) -> int:
    """The memory that can be had now; where the system does not say, as much as anyone could want."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return sys.maxsize
    kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kibibytes) * 2**10


def is_exhausted(error: BaseException) -> bool:
    """Whether this is what torch or numpy raise for memory that the system does not give."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and "allocate memory" in str(error))
