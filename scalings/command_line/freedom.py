"""The command `freedom`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.calibrate import member_asked
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.output import Output
from scalings.command_line.parsing import Whole, parse_delta, parse_widths
from scalings.criteria.conditions import Closing, tutorial_system


def freedom(
    *,
    richness: str = "1/4",
    criteria: Closing = "useful-update",
    depth: Whole = 3,
    optimizer: str = "sgd",
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole = 8,
    batch: Whole = 16,
    delta: str = "0.05",
    on: Resources = Resources(),  # noqa: B008 - frozen
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Count the freedom that the criteria leave, by training: the null space of their Jacobian in the hyperparameters.

    Example: scalings freedom --richness 1/4

    Parameters
    ----------
    richness
        Where on the family to look: |dz| goes like n^richness at the networks that are varied.
    criteria
        Which of the tutorial's criteria those networks were solved for.
    depth
        Number of weight matrices.
    optimizer
        sgd, adam, muon, or another that `measure` trains.
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3; default 64 to 1024 in half octaves under sgd.
    seeds
        Networks at the largest width, at least 2; smaller widths get more.
    batch
        Number of examples of the update.
    delta
        A singular value within this of 0 is a freedom, an entry within this of the derived one agrees.
    """
    margin, sizes = parse_delta(delta), parse_widths(widths)
    on.check(widths=sizes, seeds=seeds, batch=batch)
    answer.check()
    # Relu is homogeneous, so that |h| is exactly proportional to |z|, and not only in order.
    family, training, r = member_asked(depth, optimizer, "relu", data, batch, richness)
    system = tutorial_system(family.network, r, criteria, training.steps)

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from empirical.experiments.freedom import count_freedoms
    from scalings.figures.freedom import freedom_figure
    from scalings.reports.freedom import freedom_document, freedom_report
    from scalings.studies.freedom import FreedomAgreement, derived_jacobian

    with progress_bar() as progress:
        measured = count_freedoms(
            family.network,
            system,
            training,
            widths=sizes,
            seeds=seeds,
            device=on.device,
            progress=progress,
            announce=on.announce,
        )
    derived = derived_jacobian(family.member(r), family.network, family.law, measured.conditions)
    agreement = FreedomAgreement(measured, family, derived, margin)
    answer.give(freedom_report(agreement), freedom_document(agreement), partial(freedom_figure, agreement))
    return exit_code(agreement.verdict, measured.seeds, interrupted=measured.interrupted)
