"""Minima of curves on a grid: their place, finer than the grid, and its standard error.

The curve is the mean over seeds of a loss on an even grid of log2 of the learning rate. Its minimum is that of the
least-squares parabola through the points around the lowest one. The standard error is from resampled seeds (bootstrap),
which includes jumps between two minima that are nearly as low.

>>> grid = np.arange(-3.0, 4.0)
>>> f"{minimum(grid, (grid - 0.25) ** 2):.3f}"
'0.250'
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from empirical.statistics.over_seeds import resampled
from empirical.tensors.arrays import Array
from scalings.results.reproduction import Estimate

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


def drift(grid: Array, curves: Mapping[int, Array]) -> Estimate:
    """The slope of log(minimum) against log(width) by least squares, from curves (seeds, points) of each width.

    A line, without finite-width corrections: what is asked is how far the minimum moves over these widths, not its
    power beyond them.
    """
    log_widths = np.log(list(curves))

    def slope(seeds: npt.NDArray[np.int64]) -> float:
        minima = [minimum(grid, each[seeds].mean(axis=0)) for each in curves.values()]
        return float(np.polyfit(log_widths, np.log(2) * np.array(minima), 1)[0])

    return resampled(slope, _seeds(curves))


def regret(grid: Array, curves: Mapping[int, Array]) -> Estimate:
    """How far the mean curve of the largest width is above its lowest point, where the smallest width has its own."""
    smallest, largest = curves[min(curves)], curves[max(curves)]

    def carried(seeds: npt.NDArray[np.int64]) -> float:
        at, curve = minimum(grid, smallest[seeds].mean(axis=0)), largest[seeds].mean(axis=0)
        return float(np.interp(at, grid, curve) - curve.min())

    return resampled(carried, _seeds(curves))


def _seeds(curves: Mapping[int, Array]) -> int:
    return len(next(iter(curves.values())))
