"""What `measure --long` does: train for hundreds of updates, and look at alignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.output import Output
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.trials import Training

if TYPE_CHECKING:
    from empirical.sweeps.sweep import Sweep


def measure_long(
    problem: Problem,
    parameterization: Parameterization,
    training: Training,
    *,
    widths: Sequence[int] | None,
    seeds: int | None,
    engine: str,
    margin: float,
    on: Resources,
    answer: Output,
) -> int:
    """Measure alignments at checkpoints, and print them beside those assumed; returns the exit code."""
    from scalings.studies import long_training, measuring

    long_training.summing(problem)
    from empirical.sweeps.measurement import Interrupted
    from empirical.sweeps.sweep import carry_out
    from scalings.figures.long_training import long_figure
    from scalings.reports.long_training import long_document, long_report

    def plan(what: Training) -> Sweep:
        return measuring.plan(
            problem.network,
            measuring.with_epsilons(parameterization, problem),
            measuring.gentle(what, problem.network, problem.scale),
            scale=problem.scale,
            widths=widths or long_training.WIDTHS,
            seeds=seeds or long_training.SEEDS,
            device=on.device,
            engine=engine,
        )

    interrupted = False
    try:
        short, times = long_training.timed(training)
        cost = plan(short).cost()
        on.announce(replace(cost, seconds=cost.seconds * times))
        with progress_bar() as progress:
            measurement = carry_out(plan(long_training.training_of(training, training.steps)), progress)
    except Interrupted as early:
        measurement, interrupted = early.measurement, True
    found = long_training.alignments_of(problem, measurement, margin)
    answer.give(
        long_report(problem, found),
        {**long_document(problem, found), "interrupted": interrupted},
        partial(long_figure, problem, found),
    )
    return exit_code(found.verdict, measurement.widths, interrupted=interrupted, variable=problem.scale)
