"""The commands of the inverse experiments: from a run to the hyperparameters, instead of the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from scalings.arguments import Format
from scalings.console import EXIT, print_json, print_tables, progress_bar
from scalings.optimizers import optimizer as update_law


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
    output: Path | None = None,
    overwrite: bool = False,
    format: Format = "text",
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
    output
        A figure to write (.png, .pdf or .svg).
    overwrite
        Replace the figure if it exists.
    format
        Of the answer.
    """
    from empirical.factories import find_factory
    from empirical.update_laws import measure_law
    from scalings.outputs import check_output, replacing
    from scalings.reports import law_document, law_report

    expected = update_law(expect) if expect else None
    if output:
        check_output("output", output, overwrite=overwrite)
    factory = find_factory(optimizer, options)
    with progress_bar() as progress:
        measured = measure_law(
            factory, optimizer, gradient=gradient, weight=weight, lr=lr, points=points, steps=steps, progress=progress
        )
    if format == "json":
        print_json(law_document(measured, expected))
    else:
        print_tables(law_report(measured, expected))
    if output:
        from empirical.experiment_figures import law_figure

        with replacing(output) as path:
            law_figure(measured, path)
    return EXIT[measured.meets(expected)]
