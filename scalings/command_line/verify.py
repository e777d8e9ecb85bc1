"""The command `verify`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.options import Format
from scalings.command_line.output import ExplainedOutput
from scalings.command_line.parsing import File, Whole, parse_delta, parse_widths


def verify(
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole | None = None,
    wide: Annotated[bool, Parameter(negative="")] = False,
    delta: str = "0.05",
    on: Resources = Resources(),  # noqa: B008 - frozen
    output: File = Path("verify.png"),
    figure: bool = True,
    overwrite: bool = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
    format: Format = "text",
) -> int:
    """Derive the family of an mlp, train members of it on real data, and say whether the two agree.

    `measure --preset family:R` does so with one member, of any network.

    Example: scalings verify --data digits --output verify.png

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 8 for a verdict; default 64 to 16384 in octaves, or 2^13 to
        2^20 if wide.
    seeds
        Runs at the largest width; smaller widths get more.
    wide
        Three members at widths up to 2^20, matrix-free: some minutes on two cores, and 4 GiB.
    delta
        The margin within which a measured exponent agrees with the derived one.
    output
        The figure to write (.png, .pdf or .svg).
    figure
        Write it.
    overwrite
        Replace it if it exists.
    quiet
        Leave out the glossary below the table.
    format
        Of the answer.
    """
    from empirical.data.examples import input_size

    margin, sizes = parse_delta(delta), parse_widths(widths)
    answer = ExplainedOutput(output=output if figure else None, overwrite=overwrite, quiet=quiet, format=format)
    on.check(widths=sizes, seeds=seeds)
    input_size(data)
    answer.check()

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from scalings.figures.verification import verification_figure
    from scalings.reports.verification import verification_document, verification_report
    from scalings.studies.verification import estimate, verify

    written = str(output) if figure else None
    on.announce(estimate(data, widths=sizes, seeds=seeds, device=on.device, wide=wide))
    with progress_bar() as progress:
        verification = verify(
            data, widths=sizes, seeds=seeds, device=on.device, wide=wide, delta=margin, progress=progress
        )
    report, document = verification_report(verification, written), verification_document(verification, written)
    answer.give(report, document, partial(verification_figure, verification))
    done = [member.name for member in verification.members]
    return exit_code(verification.verdict, done, interrupted=verification.interrupted, variable="member")
