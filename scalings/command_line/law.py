"""The command `law`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.console import EXIT, progress_bar
from scalings.command_line.output import Output
from scalings.command_line.parsing import Whole
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer as update_law


def law(
    optimizer: str,
    /,
    *,
    options: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    expect: str | None = None,
    gradient: float = 1e-2,
    weight: float = 1e-1,
    lr: float | None = None,
    points: Whole = 200,
    steps: Whole = 8,
    answer: Output = Output(),  # noqa: B008 - frozen
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
    from empirical.experiments.optimizer_laws import measure_law
    from empirical.experiments.torch_optimizers import find_factory
    from scalings.figures.optimizer_laws import law_figure
    from scalings.reports.optimizer_laws import law_document, law_report

    try:
        expected = update_law(expect) if expect else None
    except ArgumentError as error:
        raise ArgumentError("expect", error.message) from None
    answer.check()
    try:
        factory = find_factory(optimizer, options)
        with progress_bar() as progress:
            measured = measure_law(
                factory,
                optimizer,
                gradient=gradient,
                weight=weight,
                lr=lr,
                points=points,
                steps=steps,
                progress=progress,
            )
    except ArgumentError as error:
        # It is given by its place: there is no --optimizer.
        raise ArgumentError(error.argument.replace("optimizer", "OPTIMIZER"), error.message) from None
    draw = partial(law_figure, measured, expected)
    answer.give(law_report(measured, expected), law_document(measured, expected), draw)
    return EXIT[measured.meets(expected)]
