"""Reading a model and its optimizer: what it does, how it is set, and the problem that theory is asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.trials import Training
from scalings.studies.model_settings import ParameterSetting, parameter_settings, parameterization_of, problem_of
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from empirical.models.building import Starts
    from empirical.models.settings import Setting
    from empirical.models.training import Runs
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build, Made


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
    made: Mapping[int, Made] = field(default_factory=dict)
    """What was traced, by width."""
    starts: Starts | None = None
    """The same, or others, with their optimizers."""


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
    from empirical.models.outputs import ended, joined, places_of
    from empirical.tracing.batches import default_loss
    from empirical.tracing.trace import trace

    is_own, loss = loss is not None, default_loss if loss is None else loss
    made: dict[int, Made] = {}
    traced = trace(build, data, widths, loss, made=made)
    if len(places := places_of(traced)) > 1:
        build, loss = joined(build, loss, places)
    elif not places and is_own:
        build, loss = ended(build, loss)
    else:
        return Traced(build, loss, traced, made)
    traced = trace(build, data, widths, loss, made=made)
    return Traced(build, loss, traced, made)


def apart(traced: Traced, optimizer: Callable[[Any], Any], starts: Starts | None = None) -> Traced:
    """The same with its starts, which are those that are given if these are of what is traced; and with each copy of a
    block by itself where one of them is set in another way: in theory they are one, and what is done to one alone would
    not be seen."""
    from empirical.models.building import Starts
    from empirical.models.copies import treated_alike
    from empirical.tracing.trace import renewed

    network = traced.network
    if starts is None or starts.build is not traced.build:
        starts = Starts(renewed(traced.build, network.widths[0]), optimizer)
    if starts.build is traced.build:  # else it keeps its modules, which are not to be trained
        starts.modules |= {width: one.module for width, one in traced.made.items()}
    traced = replace(traced, starts=starts)
    copies = [names for one in network.tape.parameters if len(names := tuple(network.names_of(one))) > 1]
    ends = network.widths[0], network.widths[-1]
    if network.unfolded is None or treated_alike(starts, ends, copies):
        return traced
    return replace(traced, network=network.unfolded)


def runs_of(model: Model, traced: Traced, steps: int, clip: float | None = None, device: object = None) -> Runs:
    """Runs of a model by its own optimizer, of so many steps; none is done before it is asked for.

    Raises ArgumentError for a norm to clip at that is none, and for a device that is not there.
    """
    from empirical.engines.module.problem import ModuleProblem
    from empirical.models.building import Starts
    from empirical.models.training import Runs
    from empirical.tensors.devices import device_of

    network, chosen, training = traced.network, device_of(device), Training.of("sgd", steps=steps)
    # The optimizer brings its own numbers: what the problem would set them to is not asked.
    unasked: LayerExponents[Exponent] = LayerExponents(Fraction(0), Fraction(0), Fraction(0))
    own = Parameterization((unasked,) * network.translation.network.depth, "as it is set")
    where = chosen.type if chosen else "cpu"
    recorded = {width: one.recording for width, one in traced.made.items()}
    given = traced.build, model.data, traced.loss, network, network.translation, own, training, where
    problem = ModuleProblem(*given, recorded)
    starts = traced.starts if clip is None else None
    return Runs(problem, starts or Starts(problem.renewed, _clipped(model.optimizer, clip)), chosen)


def _clipped(optimizer: Callable[[Any], Any], clip: float | None) -> Callable[[Any], Any]:
    from empirical.models.optimizers import clipping

    return optimizer if clip is None else clipping(optimizer, clip)


def reading(
    model: Model, traced: Traced, *, steps: int, clip: float | None = None, runs: Runs | None = None
) -> Reading:
    """Read how a model is set, and by which laws it trains for so many steps; in these runs, if some will be observed.

    Raises ArgumentError as `check_model` does.
    """
    from empirical.experiments.model_laws import settings_with_laws

    optimizer = _clipped(model.optimizer, clip)
    trained = Model(traced.build, optimizer, model.data, traced.loss)
    network, translation = traced.network, traced.network.translation
    runs = runs or runs_of(model, traced, steps, clip)
    seen = settings_with_laws(traced.build, optimizer, network.widths, steps, runs.seen)
    rows, notes = parameter_settings(network, translation, seen)
    problem = problem_of(translation, rows, clipped=clip is not None, epsilons=True)
    without_epsilons = problem_of(translation, rows, clipped=clip is not None)
    return Reading(model, trained, network, seen, tuple(rows), tuple(notes), problem, without_epsilons)
