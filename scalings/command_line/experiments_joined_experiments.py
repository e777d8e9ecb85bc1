"""The commands of experiments on optimizers: what law one has, and whether its learning rate transfers."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.arguments import Chosen, parse_delta, parse_list, parse_widths
from scalings.console import EXIT, exit_code, progress_bar
from scalings.errors import ArgumentError
from scalings.optimizers import optimizer as update_law
from scalings.outputs import Answer
from scalings.trials import Training


def law(
    optimizer: str,
    /,
    *,
    options: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    expect: str | None = None,
    gradient: float = 1e-2,
    weight: float = 1e-1,
    lr: float | None = None,
    points: int = 200,
    steps: int = 8,
    answer: Answer = Answer(),  # noqa: B008 - frozen
) -> int:
    """Measure the update law of a torch optimizer: feed it gradients and fit all powers of its steps.

    Exits 0 if it has a law where it was asked (and, with --expect, the expected one), 1 if it has none or another.

    Example: scalings law adamw --options weight_decay=0.1 --expect adam

    Parameters
    ----------
    optimizer
        A class of torch.optim by name, as in adamw; or module:factory, a function of yours that is given a list of
        parameters and returns the optimizer. Its module is imported, so the code in it runs: name only code that you
        trust. Modules of the current folder are found.
    options
        Keyword arguments for the optimizer, numbers or true or false, as in eps=1e-4,nesterov=true.
    expect
        An optimizer of the theory's table (sgd, sign, adam, ...) whose law it must have.
    gradient
        Size of the gradients' entries that are asked about (root mean square).
    weight
        Size of the weights' entries that are asked about (root mean square).
    lr
        Learning rate; default the optimizer's own.
    points
        Probes that the law is fitted to at least.
    steps
        Steps that each probe takes, the last of which is measured.
    """
    from empirical.experiment_figures import law_figure
    from empirical.factories import find_factory
    from empirical.update_laws import measure_law
    from scalings.reports import law_document, law_report

    try:
        expected = update_law(expect) if expect else None
    except ArgumentError as error:
        raise ArgumentError("expect", error.message) from None
    answer.check()
    factory = find_factory(optimizer, options)
    with progress_bar() as progress:
        measured = measure_law(
            factory, optimizer, gradient=gradient, weight=weight, lr=lr, points=points, steps=steps, progress=progress
        )
    answer.give(law_report(measured, expected), law_document(measured, expected), partial(law_figure, measured))
    return EXIT[measured.meets(expected)]


def transfer(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int = 8,
    steps: int = 5,
    batch: int = 16,
    grid: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-10,6",
    device: str = "auto",
    centered: bool = True,
    delta: str = "0.1",
    answer: Answer = Answer(),  # noqa: B008 - frozen
) -> int:
    """Measure whether the learning rate transfers: the best and the largest stable one against the width.

    Exits 0 if both stay where the parameterization puts them, 1 if one drifts, 3 if that cannot be told.

    Example: scalings transfer --preset mup --widths 64,91,128,181,256,362,512,724

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 64 to 1024 in half octaves under sgd.
    seeds
        Runs at the largest width; smaller widths get more.
    steps
        Number of updates; the best learning rate has the lowest loss in their mean.
    batch
        Number of examples, all of which make up every update.
    grid
        The ends of the learning rates tried, as powers of 2 beside the base learning rate.
    device
        auto, cpu or cuda.
    centered
        Train f - f_0 instead of f.
    delta
        A drift within n^delta and n^-delta counts as none.
    """
    from empirical import learning_rates
    from empirical.examples import input_size
    from empirical.experiment_figures import transfer_figure
    from scalings.inverse import TransferAgreement, derived_drift
    from scalings.reports import transfer_document, transfer_report

    margin, ends = parse_delta(delta), parse_list("grid", grid, float)
    if len(ends) != 2:
        raise ArgumentError("grid", f"expected two powers of 2, as in -10,6, but got {grid!r}")
    if chosen.model.loss != "mse":
        raise ArgumentError("loss", f"expected mse, on which learning rates are tried, but got {chosen.model.loss}")
    network, parameterization, law = chosen.resolve(input_size(data))
    answer.check()
    training = Training.of(law.name, data=data, batch=batch, steps=steps, centered=centered)
    with progress_bar() as progress:
        found = learning_rates.transfer(
            network,
            parameterization,
            training,
            widths=parse_widths(widths),
            seeds=seeds,
            low=ends[0],
            high=ends[1],
            device=device,
            progress=progress,
        )
    agreement = TransferAgreement(found, derived_drift(network, parameterization, law), margin)
    answer.give(transfer_report(agreement), transfer_document(agreement), partial(transfer_figure, found))
    return exit_code(agreement.verdict, found.seeds, interrupted=found.interrupted)
