"""The command `richness`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.output import ExplainedOutput
from scalings.command_line.parsing import Whole, parse_widths
from scalings.networks.nodes import Activation


def richness(
    *,
    data: str = "digits",
    activation: Activation = "relu",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole = 1,
    steps: Whole = 20,
    on: Resources = Resources(),  # noqa: B008 - frozen
    answer: ExplainedOutput = ExplainedOutput(),  # noqa: B008 - frozen
) -> int:
    """Follow training from the lazy to the rich end, and tell them apart by what the trained networks are.

    Example: scalings richness --output richness.png

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    activation
        Of the hidden layers.
    widths
        Hidden widths, increasing, at least 4; default 256 to 16384 in octaves.
    seeds
        Runs at the largest width; smaller widths get up to 8 times as many.
    steps
        Number of updates.
    """
    from empirical.data.examples import input_size

    sizes = parse_widths(widths)
    on.check(widths=sizes, seeds=seeds, steps=steps)
    input_size(data)
    answer.check()

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from scalings.figures.richness import richness_figure
    from scalings.reports.richness import richness_document, richness_report
    from scalings.studies.richness import plan

    planned = plan(data, activation=activation, widths=sizes, seeds=seeds, steps=steps, device=on.device)
    on.announce(planned.runs.cost())
    with progress_bar() as progress:
        found = planned.follow(progress)
    answer.give(richness_report(found), richness_document(found), partial(richness_figure, found))
    done = [f"r = {member.richness}" for member in found.members]
    return exit_code(found.verdict, done, interrupted=found.interrupted, variable="member")
