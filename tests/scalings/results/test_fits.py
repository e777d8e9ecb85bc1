"""A fit of an observable that is multiplied by a power of the width."""

from __future__ import annotations

import math

from scalings.results.fits import Fit


def test_a_fit_times_a_power_is_that_of_the_product() -> None:
    """As of the |dz| of a layer that the code multiplies by 1/sqrt(n): what others read of it has this order."""
    fit = Fit(0.5, 0.4, 0.6, 6, 0.55, local=(0.5, 0.6), points=((64, 2.0, 0.1),), components=((0.5, 0.1, 1.0),))
    moved = fit.times(-0.5)
    assert (moved.exponent, round(moved.half_width, 9), moved.degrees_of_freedom) == (0, round(fit.half_width, 9), 6)
    assert moved.points == ((64, 2.0 - 0.5 * math.log(64), 0.1),)
    assert moved.components == ((0.0, 0.1, 1.0),)
    assert fit.times(0) is fit
