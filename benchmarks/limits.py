"""Limits: what the machine does at best, so that one sees what is left: products, memory, random numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

from empirical.tensors.random_numbers import Stream


def limits(rounds: int = 3) -> Iterator[tuple[str, float, str]]:
    """What, how much of it a second, and in which unit; the best of some rounds."""
    size = 1024
    left, right = (torch.randn(size, size, dtype=torch.float64) for _ in range(2))
    took = _best(lambda: left @ right, rounds)
    yield "products of 1024 x 1024 float64 matrices", 2 * size**3 / took / 1e9, "GFlop/s"
    block = torch.randn(64, size, dtype=torch.float64)
    took = _best(lambda: block @ right, rounds)
    yield "products of 64 vectors with such a matrix", 2 * 64 * size**2 / took / 1e9, "GFlop/s"
    source, target = (torch.empty(2**24, dtype=torch.float64) for _ in range(2))
    took = _best(lambda: target.copy_(source), rounds)
    yield "memory read and written by a copy", 2 * 8 * 2**24 / took / 2**30, "GiB/s"
    stream = Stream((0,))
    took = _best(lambda: stream.normal(16, 2**20), rounds)
    yield "normal numbers, float64", 2**24 / took / 1e6, "million/s"


def _best(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)
