"""Optima: where a curve over a grid has its minimum, finer than the grid, and how well that is known.

The curve is the mean over seeds of a loss at each point of a grid that is even in log2 of the learning rate. Its
minimum is that of the parabola through the points around the lowest one, by least squares; its standard error is that
of resampled seeds (bootstrap), which includes jumps between two valleys that are nearly as deep.
"""

from __future__ import annotations

import numpy as np

from empirical.tensors.arrays import Array

_REACH = 2
"""Points on each side of the lowest one that the parabola goes through."""
_RESAMPLES = 100


def lowest(curves: Array) -> int:
    """The grid point at which the mean of curves, of shape (seeds, points), is lowest."""
    return int(np.argmin(curves.mean(axis=0)))


def minimum(grid: Array, curve: Array) -> float:
    """The minimum of the parabola around the lowest point, never further off than a step.

    Half a step would not do: where the curve is steeper on one side, as losses are on that of instability, the parabola
    of several points always has its minimum on the other, and the bound would decide where.
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
    """The minimum of the mean of curves, of shape (seeds, points), and its standard error.

    Which is no less than a sixteenth of the grid's step: resampling does not see what the grid does to a parabola.
    """
    random = np.random.default_rng(0)
    seeds = len(curves)
    drawn = [minimum(grid, curves[random.integers(0, seeds, seeds)].mean(axis=0)) for _ in range(_RESAMPLES)]
    error = max(float(np.std(drawn, ddof=1)), float(grid[1] - grid[0]) / 16)
    return minimum(grid, curves.mean(axis=0)), error
