"""The command `transfer`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.options import Chosen
from scalings.command_line.output import Output
from scalings.command_line.parsing import Whole, parse_delta, parse_grid, parse_widths
from scalings.errors import ArgumentError
from scalings.results.trials import Training


def transfer(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole | None = None,
    steps: Whole = 5,
    batch: Whole | None = None,
    grid: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    centered: bool = True,
    delta: str = "0.1",
    on: Resources = Resources(),  # noqa: B008 - frozen
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Measure whether the learning rate transfers: the best and the largest stable one against the width.

    Exits 0 if both stay where the parameterization puts them, 1 if one drifts, 3 if that cannot be told.

    Example: scalings transfer --preset mup --widths 64,91,128,181,256,362,512,724

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 64 to 1024 in half octaves under sgd, and
        those of `measure` for other networks and losses.
    seeds
        Runs at the largest width, default 8, or 4 of other networks and losses; smaller widths get more.
    steps
        Number of updates; the best learning rate has the lowest loss in their mean.
    batch
        Number of examples, all of which make up every update; default 16, or 4 lines of text.
    grid
        The ends of the learning rates tried, as powers of 2 beside the base learning rate; default -10,6, or -6,10 of
        other networks and losses.
    centered
        Train f - f_0 instead of f.
    delta
        A drift within n^delta and n^-delta counts as none.
    """
    from empirical.data import tasks
    from empirical.data.examples import input_size
    from scalings.studies.measuring import check_trained, default_batch

    margin, ends = parse_delta(delta), None if grid is None else parse_grid(grid)
    sizes = parse_widths(widths)
    on.check(widths=sizes, seeds=seeds, steps=steps, batch=batch)
    answer.check()
    if chosen.model.translation:
        raise ArgumentError("network", "expected a ready-made one or a list of operations, which this command trains")
    problem, parameterization = chosen.resolve(input_size(data))
    check_trained(problem)
    network, law, model = problem.network, problem.law, chosen.model
    examples = default_batch(network) if batch is None else batch
    training = Training.of(law.name, data=data, batch=examples, steps=steps, centered=centered, loss=model.objective)
    tasks.load(network, training)

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from scalings.figures.transfer import transfer_figure
    from scalings.reports.transfer import transfer_document, transfer_report
    from scalings.studies.transfer import TransferAgreement, derived_drift
    from scalings.studies.transfer import transfer as measured
    from symbolic.evaluation.check import check

    with progress_bar() as progress:
        found = measured(
            network,
            parameterization,
            training,
            scale=model.scale,
            widths=sizes,
            seeds=seeds,
            grid=ends,
            device=on.device,
            progress=progress,
            announce=on.announce,
        )
    derived = derived_drift(network, parameterization, law, scale=model.scale, loss=model.objective)
    regime = check(network, parameterization, law, scale=model.scale, loss=model.objective)
    agreement = TransferAgreement(found, regime, derived, margin)
    answer.give(transfer_report(agreement), transfer_document(agreement), partial(transfer_figure, agreement))
    return exit_code(agreement.verdict, found.seeds, interrupted=found.interrupted)
