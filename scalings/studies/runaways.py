"""Training that runs away: its learning rate is too large by a constant, and its orders are evidence of nothing.

>>> import numpy as np
>>> def losses(*later):
...     return {Observable("loss", "", step): {64: np.array([size])} for step, size in enumerate((1.2, *later))}
>>> runaway(losses(1.4, 1.5)), runaway(losses(30.0, 1.5)).partition(":")[0]
('', 'the loss grows from 1.2 to 30 within 1 update at every width')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scalings.criteria.observables import Observable

if TYPE_CHECKING:
    from empirical.tensors.arrays import Array

_GROWN = 10.0
"""A loss that works may rise in the first updates, but not so many times."""


def runaway(values: Mapping[Observable, Mapping[int, Array]]) -> str:
    """What to change where the loss grows tenfold or more at every width, in words; else empty."""
    by_step = {one.step: widths for one, widths in values.items() if one.quantity == "loss"}
    if not by_step or not all(_is_usual(seen) for widths in by_step.values() for seen in widths.values()):
        return ""
    first, width = by_step[0], min(by_step[0])

    def growth(step: int) -> float:
        return min(_typical(by_step[step][each]) / _typical(first[each]) for each in first)

    worst = max(by_step, key=growth)
    if growth(worst) <= _GROWN:
        return ""
    sizes = f"from {_typical(first[width]):.3g} to {_typical(by_step[worst][width]):.3g}"
    return (
        f"the loss grows {sizes} within {worst} update{'s' * (worst > 1)} at every width: the learning rate is too "
        "large, whatever power of the width it is; make it smaller at every width, by ten, say, and check again"
    )


def _is_usual(seen: Array) -> bool:
    return all(0 < loss < math.inf for loss in seen.tolist())


def _typical(seen: Array) -> float:
    """The geometric mean over seeds."""
    import numpy as np

    return math.exp(float(np.log(seen).mean()))
