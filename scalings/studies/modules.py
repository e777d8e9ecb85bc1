"""Measuring a traced module: what `measure` does where it is given one.

A traced network holds what a module does, and no module: what it was traced with is given again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.observables import TERMS, Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.results.trials import Training, check_device, check_engine
from scalings.studies.comparisons import Agreement, compare
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement
    from empirical.sweeps.sweep import Sweep
    from empirical.tensors.arrays import Array
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


_VALUES: tuple[Quantity, ...] = ("z", "dz", "d")
_CAP = 8
"""Small widths have at most so many times the seeds."""


def agreement(
    translation: Translation,
    derived: Mapping[Observable, Exponent],
    measured: Measurement,
    delta: Fraction | None = None,
    *,
    asked: Collection[Observable] | None = None,
    stable: bool = True,
    centered: bool = False,
    excluded: Fraction | None = None,
    looks: int = 1,
) -> Agreement:
    """Derived orders beside those of what the module has, of those that are `asked`, by default all: W x in W x + b is
    no value of its own.

    But for |dd|: after the small steps of a module it is made of the few units whose kink was crossed.
    """
    resized, made = resized_layers(measured), translation.made_by_layers
    observed = {(one.quantity, one.step) for one in measured.values}
    compared = {
        one
        for one in (derived if asked is None else asked)
        if one.quantity != "dd"
        and (one.quantity not in _VALUES or one.layer in translation.values)
        and (one in measured.values if one.quantity in TERMS else (one.quantity, one.step) in observed)
        and not (one.quantity in ("dz", *TERMS) and made.get(one.layer, one.layer) in resized)
    }
    # What is zero in theory is no failure where it is so in some runs.
    never = {one for one in compared if derived[one] == MINUS_INFINITY and _is_zero_at_times(measured.values.get(one))}
    fits = {one: fit for one, fit in measured.fits.items() if one in compared - never}
    return compare(
        translation.network,
        derived,
        fits,
        delta,
        asked=compared,
        stable=stable,
        centered=centered,
        excluded=excluded,
        looks=looks,
    )


def _is_zero_at_times(by_width: Mapping[int, Array] | None) -> bool:
    return by_width is not None and not all(seen.all() for seen in by_width.values())


def resized_layers(measured: Measurement) -> list[str]:
    """The values that had another shape after some step, as those of an expert that other tokens are routed to then, or
    were made of other rows of a weight.

    Their rows are of other examples, so that their change says nothing, even where there happen to be as many.
    """
    seen = {one: len(by_width) for one, by_width in measured.values.items()}
    later = [one for one in seen if one.quantity == "z" and one.step]
    return sorted({one.layer for one in later if seen.get(replace(one, quantity="dz"), 0) < seen[one]})


def foretold(
    problem: Problem,
    weights_at: Callable[[int], Sequence[LayerExponents[float]]],
    widths: Sequence[int],
    steps: int,
) -> dict[Observable, float]:
    """The slopes that the rules give over these widths for the sizes of weights and of learning rates there.

    `weights_at` has the multiplier, init scale and learning rate of each weight at a width, as numbers.
    """
    import numpy as np

    found = foretold_sizes(problem, weights_at, widths, steps)
    finite = [one for one in found[0] if all(0 < at[one] < math.inf for at in found)]
    if not finite:
        return {}
    slopes = np.polyfit(np.log(widths), np.log([[at[one] for one in finite] for at in found]), 1)[0]
    return dict(zip(finite, slopes.tolist(), strict=True))


def foretold_sizes(
    problem: Problem,
    weights_at: Callable[[int], Sequence[LayerExponents[float]]],
    widths: Sequence[int],
    steps: int,
) -> list[dict[Observable, float]]:
    """The same as sizes at each width."""
    from symbolic.evaluation.sizes import sizes

    return [sizes(problem, weights_at(width), width, steps) for width in widths]


def plan(
    traced: TracedNetwork,
    parameterization: Parameterization | str,
    training: Training,
    *,
    build: Build | None,
    data: object,
    loss: Loss | None = None,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    cap: int = _CAP,
) -> Sweep:
    """What `measure` carries out of a module. `parameterization` may be "standard", the module's own.

    Raises ArgumentError as `measure` does.
    """
    from empirical.engines.module.problem import ModuleProblem
    from empirical.engines.module.standard import standard
    from empirical.sweeps.modules import plan as plan_modules
    from empirical.tracing.batches import default_loss

    if build is None or data is None:
        missing = "build" if build is None else "data"
        raise ArgumentError(missing, "expected what the network was traced with, since it holds no module")
    translation = traced.translation
    if parameterization == "standard":
        parameterization = standard(build, traced, translation)
    if not isinstance(parameterization, Parameterization):
        raise wrong_type("parameterization", "a Parameterization, or 'standard'", parameterization)
    problem = ModuleProblem(
        build,
        data,
        default_loss if loss is None else loss,
        traced,
        translation,
        parameterization,
        replace(training, data="its own data", centered=False, loss=translation.loss),
    )
    return plan_modules(problem, widths=widths, seeds=seeds, first_seed=first_seed, cap=cap)


def check_options(scale: str, engine: str, device: str) -> None:
    """Raises ArgumentError for what a module is not trained by."""
    check_engine(engine)
    check_device(device)
    if scale != WIDTH_SCALE:
        raise ArgumentError("scale", f"expected {WIDTH_SCALE}, in which a module was traced, but got {scale!r:.100}")
    if engine == "matrix-free":
        raise ArgumentError(
            "engine", "expected auto or dense, since a module has its own weights, but got 'matrix-free'"
        )
    if device == "cuda":
        raise ArgumentError("device", "expected auto or cpu, on which modules are trained, but got 'cuda'")
