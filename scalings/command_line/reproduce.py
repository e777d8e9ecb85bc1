"""The command `reproduce`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar, warn
from scalings.command_line.options import Format
from scalings.command_line.output import FIGURES, Output, check_output, write_figure
from scalings.command_line.parsing import File
from scalings.errors import ArgumentError

if TYPE_CHECKING:
    from scalings.studies.reproduction.plan import Reproduction


def reproduce(
    *,
    only: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    full: Annotated[bool, Parameter(negative="")] = False,
    data: str | None = None,
    on: Resources = Resources(),  # noqa: B008 - frozen
    output: File = Path("reproduction.png"),
    figure: bool = True,
    overwrite: bool = False,
    format: Format = "text",
) -> int:
    """Carry out the experiments of Karkada's tutorial (arXiv 2404.19719), and say which of its claims hold.

    Example: scalings reproduce --only learning-rates --output rates.png

    Parameters
    ----------
    only
        One experiment, and again for another: five-curves, rich-ends-lower, update-sizes,
        learning-rates, cnn, transient.
    full
        Go on to widths of 2^20, and to where ntp's best learning rate stops drifting (transient):
        some minutes more on two cores.
    data
        digits, or mnist (needs the extra "data"); default mnist, as in the tutorial, if it is installed.
    output
        The figure to write (.png, .pdf or .svg), or a folder for one of each experiment.
    figure
        Write it.
    overwrite
        Replace it if it exists.
    format
        Of the answer.
    """
    from empirical.data.examples import input_size
    from scalings.studies.reproduction.claims import Settings
    from scalings.studies.reproduction.plan import choose_data, plan

    on.check(widths=None, seeds=None)
    chosen = choose_data(data)
    input_size(chosen)
    names = [one.name for one in plan(Settings(data=chosen), only=only, full=full).experiments]
    folder = output if figure and output.suffix.lower() not in FIGURES else None
    answer = Output(output=output if figure and folder is None else None, overwrite=overwrite, format=format)
    answer.check()
    if folder:
        _check_folder(folder, names, overwrite=overwrite)

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from empirical.tensors.devices import choose_device
    from scalings.figures.reproduction import claim_figure, reproduction_figure
    from scalings.reports.reproduction import reproduction_document, reproduction_report

    if chosen != (data or "mnist"):
        warn("the tutorial's mnist needs the extra \"data\" (pip install 'scalings[data]'): trained on the digits")
    planned = plan(Settings(data=chosen, device=choose_device(on.device)), only=only, full=full)
    on.announce(planned.cost(), otherwise="--only one experiment")
    with progress_bar() as progress:
        found = planned.carry_out(progress)
    written = str(output) if figure else None
    report, document = reproduction_report(found, written), reproduction_document(found, written)
    try:
        answer.give(report, document, partial(reproduction_figure, found))
    finally:  # as `answer` does
        if folder:
            folder.mkdir(exist_ok=True)
            for finding in found.findings:
                write_figure(_path(folder, finding.name), partial(claim_figure, finding))
    return _code(found)


def _code(found: Reproduction) -> int:
    done = [finding.name for finding in found.findings]
    return exit_code(found.verdict, done, interrupted=found.interrupted, variable="experiment")


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.png"


def _check_folder(folder: Path, names: list[str], *, overwrite: bool) -> None:
    """Raises ArgumentError for a folder that cannot be made, or where one of the figures exists."""
    if folder.suffix or (folder.exists() and not folder.is_dir()):
        expected = f"expected a file that ends in {', '.join(FIGURES)}, or a folder"
        raise ArgumentError("output", f"{expected}, but got '{folder}'")
    for name in names:
        if folder.is_dir():
            check_output("output", _path(folder, name), overwrite=overwrite)
        else:
            check_output("output", folder.with_suffix(".png"), overwrite=True)
