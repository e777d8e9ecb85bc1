"""Measure: any network trained at many widths from many seeds, every observable at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

from empirical.engines.choice import choose
from empirical.engines.engine import Scaling, TrainingProblem
from empirical.sweeps.measurement import Measurement
from empirical.sweeps.plans import CAP
from empirical.sweeps.sweep import Progress, Sweep, carry_out
from empirical.tensors.devices import choose_device
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.trials import Training


class Plan(TypedDict, total=False):
    """How a sweep is laid out; what is left out, or None, is up to the engines."""

    widths: Sequence[int] | None
    seeds: int | None
    """Their number at the largest width; smaller ones get up to `cap` times as many."""
    first_seed: int
    cap: int
    device: str
    """auto, cpu or cuda."""
    engine: str
    """auto, dense or matrix-free: auto takes at each width the one with the fewest operations."""
    scaling: Scaling


def plan(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    **planned: Unpack[Plan],
) -> Sweep:
    """The sweep that `measure` carries out, checked at the door: raises ArgumentError."""
    scaling = planned.get("scaling", Scaling())
    on = choose_device(planned.get("device", "auto"))
    choice = choose(TrainingProblem(network, parameterization, training, on, scaling), planned.get("engine", "auto"))
    widths, seeds = planned.get("widths"), planned.get("seeds")
    chosen = choice.default_widths if widths is None else tuple(widths)
    number = choice.default_seeds(chosen) if seeds is None else seeds
    sweep = Sweep(choice, chosen, number, planned.get("first_seed", 0), planned.get("cap", CAP))
    sweep.refuse_beyond_memory()
    return sweep


def measure(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    progress: Progress | None = None,
    **planned: Unpack[Plan],
) -> Measurement:
    """Train the network at every width, or other value of the scale variable, and record every observable.

    A run that diverges is a result, recorded as inf or nan. Raises ArgumentError, in one line, for what cannot be
    measured; and Interrupted with what there is, if that is enough for fits, instead of KeyboardInterrupt.
    """
    return carry_out(plan(network, parameterization, training, **planned), progress)
