"""Reading a model and its optimizer: what it does, how it is set, and the problem that theory is asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.studies.model_settings import ParameterSetting, laws_of, parameter_settings, parameterization_of
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from empirical.models.settings import Setting
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


@dataclass(frozen=True)
class Reading:
    """A model as theory sees it, and what is trained, whose outputs are one and whose gradients are clipped."""

    build: Build
    optimizer: Callable[[Any], Any]
    loss: Loss
    traced: TracedNetwork
    seen: Mapping[str, Setting]
    rows: tuple[ParameterSetting, ...]
    notes: tuple[str, ...]
    problem: Problem
    without_epsilons: Problem
    """The same as if every epsilon were small beside gradients: so an epsilon that is not is mended."""

    @property
    def given(self) -> Parameterization:
        """How it is set."""
        return parameterization_of(self.rows)

    @property
    def drowned(self) -> list[ParameterSetting]:
        """The weights whose gradients are small beside their epsilon."""
        return [row for row in self.rows if row.epsilon != MINUS_INFINITY]


def reading(
    build: Build,
    optimizer: Callable[[Any], Any],
    data: object,
    loss: Loss | None,
    *,
    widths: Sequence[int] | None = None,
    steps: int,
    clip: float | None,
) -> Reading:
    """Trace a model at these widths, and read its optimizer. Raises ArgumentError as `check_model` does."""
    from empirical.experiments.model_laws import settings_with_laws
    from empirical.models.optimizers import clipping
    from empirical.models.outputs import joined, places_of
    from empirical.tracing.batches import default_loss
    from empirical.tracing.trace import trace

    loss = default_loss if loss is None else loss
    optimizer = optimizer if clip is None else clipping(optimizer, clip)
    traced = trace(build, data, widths, loss)
    if len(places := places_of(traced)) > 1:
        build, loss = joined(build, loss, places)
        traced = trace(build, data, widths, loss)
    seen = settings_with_laws(build, optimizer, data, loss, traced.widths, steps)
    translation = traced.translation
    rows, notes = parameter_settings(traced, translation, seen)
    problem, without_epsilons = (
        Problem(translation.network, laws_of(rows, clipped=clip is not None, epsilons=one), loss=translation.loss)
        for one in (True, False)
    )
    return Reading(build, optimizer, loss, traced, seen, tuple(rows), tuple(notes), problem, without_epsilons)
