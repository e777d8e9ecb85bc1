"""Planted mistakes as a coordinate check sees them (microsoft/mup), and as `check_model` does.

A coordinate check is a plot: the mean absolute entry of every module's output against the width, after each step. A
person looks for what grows or falls. Here that is a slope in the logarithms: a model is flagged if any output grows by
more than n^(1/4) at any step, or if one other than the readout's falls by as much. (At initialization a readout falls,
as it should.) Widths, seeds and steps are the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from scalings.studies.model_checks import check_model
from tests.scalings.studies.planted import LABELS, MISTAKES, NEXT, RIGHT, WIDTHS, Case, Language

STEPS, SEEDS = 3, 2
SLOPE = 0.25


@dataclass(frozen=True)
class Beside:
    """What both say of one model."""

    case: str
    coordinates: str
    """"flat", or "flagged"."""
    slope: float
    """The largest, of the output of this `module`."""
    module: str
    check: str
    """What `check_model` finds, or its verdict."""


def beside(most: int | None = None) -> Iterator[Beside]:
    """Right models, and such with a mistake."""
    for name, case in list((RIGHT | MISTAKES).items())[:most]:
        slope, module = steepest(case)
        found = check_model(case.build, case.optimizer, case.data, case.loss, widths=WIDTHS, seeds=SEEDS, steps=STEPS)
        said = found.reason if found.verdict == "FAIL" else found.verdict
        yield Beside(name, "flagged" if abs(slope) > SLOPE else "flat", slope, module, said)


def steepest(case: Case) -> tuple[float, str]:
    """The largest slope that a person would see, and the module whose output has it."""
    from mup.coord_check import _get_coord_data

    labels: Tensor = NEXT if case.kind is Language else LABELS
    seen: Any = _get_coord_data(
        {width: partial(case.build, width) for width in WIDTHS},
        [(case.data, labels)],
        partial(_Together, case),
        nsteps=STEPS,
        nseeds=SEEDS,
        cuda=False,
        show_progress=False,
    )
    slopes: list[tuple[float, str]] = []
    for (module, _), rows in seen.groupby(["module", "t"]):
        means = rows.groupby("width")["l1"].mean()
        if (means <= 0).any():
            continue
        slope = float(np.polyfit(np.log(means.index), np.log(means), 1)[0])
        is_output = module in ("", "down")
        slopes.append((slope if slope > 0 or not is_output else 0.0, module or "the model"))
    return max(slopes, key=lambda one: abs(one[0]))


class _Together:
    """All optimizers of a model as the one that mup steps."""

    def __init__(self, case: Case, model: Any) -> None:
        self.optimizers = case.optimizer(model)

    def zero_grad(self) -> None:
        for one in self.optimizers:
            one.zero_grad()

    def step(self) -> None:
        for one in self.optimizers:
            one.step()
