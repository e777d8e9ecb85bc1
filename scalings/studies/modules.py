"""Measuring a traced module: what `measure` does where it is given one.

A traced network holds what a module does, and no module: what it was traced with is given again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.results.trials import Training, check_device, check_engine
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translate import translated

if TYPE_CHECKING:
    from empirical.sweeps.sweep import Sweep
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


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
    cap: int,
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
    translation = translated(traced)
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
