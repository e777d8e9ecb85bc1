"""Reading a model and its optimizer: what it does, how it is set, and the problem that theory is asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.studies.model_settings import ParameterSetting, parameter_settings, parameterization_of, problem_of
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from empirical.models.settings import Setting
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


@dataclass(frozen=True)
class Model:
    """What the user has given: how to build the model at a width, its optimizer, data and loss."""

    build: Build
    optimizer: Callable[[Any], Any]
    data: object
    loss: Loss | None = None


@dataclass(frozen=True)
class Traced:
    """What is traced, with the loss of its output: the user's, but that several outputs are one."""

    build: Build
    loss: Loss
    network: TracedNetwork


@dataclass(frozen=True)
class Reading:
    """A model as theory sees it."""

    model: Model
    trained: Model
    """The same, but that several outputs are one, and that gradients are clipped where that is asked."""
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


def traced_as_one(build: Build, data: object, loss: Loss | None, widths: Sequence[int] | None) -> Traced:
    """Trace a model at these widths. Raises ArgumentError as `trace` does."""
    from empirical.models.outputs import joined, places_of
    from empirical.tracing.batches import default_loss
    from empirical.tracing.trace import trace

    loss = default_loss if loss is None else loss
    traced = trace(build, data, widths, loss)
    if len(places := places_of(traced)) > 1:
        build, loss = joined(build, loss, places)
        traced = trace(build, data, widths, loss)
    return Traced(build, loss, traced)


def apart(traced: Traced, optimizer: Callable[[Any], Any]) -> Traced:
    """The same, with each copy of a block by itself where one of them is set in another way: in theory they are one,
    and what is done to one alone would not be seen."""
    from empirical.models.copies import treated_alike

    network = traced.network
    copies = [names for one in network.tape.parameters if len(names := tuple(network.names_of(one))) > 1]
    ends = network.widths[0], network.widths[-1]
    if network.unfolded is None or treated_alike(traced.build, optimizer, ends, copies):
        return traced
    return replace(traced, network=network.unfolded)


def reading(model: Model, traced: Traced, *, steps: int, clip: float | None = None) -> Reading:
    """Read how a model is set, and by which laws it trains for so many steps.

    Raises ArgumentError as `check_model` does.
    """
    from empirical.experiments.model_laws import settings_with_laws
    from empirical.models.optimizers import clipping

    optimizer = model.optimizer if clip is None else clipping(model.optimizer, clip)
    trained = Model(traced.build, optimizer, model.data, traced.loss)
    network, translation = traced.network, traced.network.translation
    seen = settings_with_laws(traced.build, optimizer, model.data, traced.loss, network.widths, steps)
    rows, notes = parameter_settings(network, translation, seen)
    problem = problem_of(translation, rows, clipped=clip is not None, epsilons=True)
    without_epsilons = problem_of(translation, rows, clipped=clip is not None)
    return Reading(model, trained, network, seen, tuple(rows), tuple(notes), problem, without_epsilons)
