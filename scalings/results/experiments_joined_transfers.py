"""Learning-rate transfer: how the best and the largest stable learning rate move with the width.

Both are factors on all learning rates of a parameterization. If they go like n^0 the learning rate tuned at one width
is right at every other: it transfers. Else its exponent is the drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scalings.fits import Fit
from scalings.networks import Network
from scalings.parameterizations import Parameterization
from scalings.trials import Training

Rate = Literal["best", "largest stable"]
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Transfer:
    """What was measured: the drift exponents, and what they come from.

    `drifts` lacks a rate that lay on the edge of the grid at some width; `edges` says at which widths and on which
    side. `curves` are, for each width, (factor, mean over seeds of log loss). An interrupt leaves out the widths that
    were to follow.
    """

    network: Network
    parameterization: Parameterization
    training: Training
    seeds: Mapping[int, int]
    grid: tuple[float, float]
    drifts: Mapping[Rate, Fit]
    edges: Mapping[Rate, tuple[tuple[int, Side], ...]]
    device: str
    interrupted: bool
    seconds: float = field(compare=False)
    curves: Mapping[int, tuple[tuple[float, float], ...]] = field(repr=False, default_factory=dict)
