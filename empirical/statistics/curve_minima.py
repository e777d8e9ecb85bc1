"""Minima of curves on a grid: their place, finer than the grid, and its standard error.

The curve is the mean over seeds of a loss on an even grid of log2 of the learning rate. Its minimum is that of the
least-squares parabola through the points around the lowest one. The standard error is from resampled seeds (bootstrap),
which includes jumps between two minima that are nearly as low.

>>> grid = np.arange(-3.0, 4.0)
>>> f"{minimum(grid, (grid - 0.25) ** 2):.3f}"
'0.250'
"""

from __future__ import annotations

import numpy as np

from empirical.tensors.arrays import Array

_REACH = 2
"""The number of points on each side of the lowest one that the parabola is fitted to."""
_RESAMPLES = 100


def lowest(curves: Array) -> int:
    """The index of the grid point with the lowest mean of the curves, which are (seeds, points)."""
    return int(np.argmin(curves.mean(axis=0)))


def minimum(grid: Array, curve: Array) -> float:
    """The minimum of the parabola around the lowest point, at most one grid step away from it.

    A bound of half a step would bind too often: losses are steeper on the side of instability, and there the parabola's
    minimum lies well to the other side of the lowest point.
    """
    at = int(np.argmin(curve))
    first, last = max(at - _REACH, 0), min(at + _REACH + 1, len(grid))
    if last - first < 3:
        return float(grid[at])
    x, step = grid[first:last] - grid[at], float(grid[1] - grid[0])
    curvature, slope, _ = np.polyfit(x, curve[first:last], 2)
    shift = -slope / (2 * curvature) if curvature > 0 else 0.0
    return float(grid[at] + np.clip(shift, -step, step))


def minimum_with_error(grid: Array, curves: Array) -> tuple[float, float]:
    """The minimum of the mean of the curves, which are (seeds, points), and its standard error.

    The error is at least a sixteenth of the grid's step, since resampling misses the error of the parabola itself.
    """
    random = np.random.default_rng(0)
    seeds = len(curves)
    drawn = [minimum(grid, curves[random.integers(0, seeds, seeds)].mean(axis=0)) for _ in range(_RESAMPLES)]
    error = max(float(np.std(drawn, ddof=1)), float(grid[1] - grid[0]) / 16)
    return minimum(grid, curves.mean(axis=0)), error
