"""The commands on given exponents: check and predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from scalings.command_line.bounds import DIVIDED, PROVED, REPAIRED, check_predicted, check_weights
from scalings.command_line.console import NO, YES, print_json, print_tables, warn
from scalings.command_line.options import Chosen, Format, kept_criteria, own_criteria
from scalings.command_line.output import CERTIFICATES, Explained, Output, check_output, drawing, write_certificate
from scalings.command_line.parsing import File, Whole, parse_richness
from scalings.criteria.tutorial import CRITERIA, MOVING_OUTPUT, STABILITY, TUTORIAL
from scalings.errors import ArgumentError
from scalings.results.checks import Repair
from scalings.results.phases import phase_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    criteria: Literal["stability", "tutorial", "spectral"] = "stability",
    without: Annotated[list[str] | None, Parameter(negative="")] = None,
    criterion: Annotated[list[str] | None, Parameter(negative="")] = None,
    richness: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    output: File | None = None,
    certificate: File | None = None,
    overwrite: bool = False,
    format: Format = "text",
) -> int:
    """Say whether a parameterization is stable, moves the output and learns features, and why.

    `scalings check MODULE:NAME` checks a torch model with its optimizer: see `scalings check-model --help`.

    Example: scalings check --init 0,-1/2,-1 --lr 1,0,-1

    Example: scalings check --preset standard --output phases.svg

    Parameters
    ----------
    criteria
        What a yes asks for: stability and a moving output; the tutorial's criteria too; or spectral, that every unit
        moves by order 1, while it may start smaller.
    without
        One of these criteria that a yes does not ask for, by name, as in "maximality"; may be given several
        times.
    criterion
        One of your own that a yes asks for too, as in "quiet: |dz| <= n^(1/4) at hidden after updates", with quantities
        as tables print them or in words: dz; may be given several times.
    richness
        A wished richness r, which a yes asks for too, and the repair has.
    output
        A figure to write (.png, .pdf or .svg): the phase diagram, what is unstable, trivial, lazy and rich between this
        parameterization, its repair and the derived family. Where no family of one freedom is derived there is none,
        and a line says why.
    certificate
        A file (.json) to write a proof to, for `scalings certify`.
    overwrite
        Replace the figure and the certificate if they exist.
    format
        Of the answer.
    """
    from scalings.reports import checks
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given

    problem, parameterization = chosen.resolve()
    network = problem.network
    if output:
        check_weights(network, DIVIDED, "with an --output")
        check_output("output", output, overwrite=overwrite)
    if certificate:
        check_weights(network, PROVED, "with a --certificate")
        check_output("certificate", certificate, overwrite=overwrite, endings=CERTIFICATES)
    kept = kept_criteria(() if criteria == "stability" else CRITERIA[criteria], without or ())
    asked = (*kept, *own_criteria(criterion or (), (*STABILITY, MOVING_OUTPUT, *TUTORIAL)))
    verdict = verdict_on(train_given(problem, parameterization), asked)
    wished = None if richness is None else parse_richness(richness)
    works = not verdict.growing if criteria == "spectral" else verdict.nontrivial
    yes = works and verdict.meets(*asked) and wished in (None, verdict.richness)
    remedy = None
    if not yes and network.depth <= REPAIRED:
        from symbolic.evaluation.repair import repair_of

        remedy = repair_of(problem, parameterization, wished)
    if not yes and network.depth > REPAIRED:
        warn(f"no repair is looked for where there are more than {REPAIRED} weights")
    diagram = None
    if output:
        from symbolic.evaluation.phases import phases_of

        try:
            diagram = phases_of(problem, parameterization, remedy if isinstance(remedy, Repair) else None)
        except ArgumentError as error:  # not every parameterization is in a plane with a family; the answer stands
            warn(f"scalings: no figure is written: {error.message}")
    if certificate:
        from symbolic.certificates.writing import check_certificate

        proof = check_certificate(problem, parameterization, verdict, remedy, asked, wished)
        write_certificate(certificate, proof)

    def draw() -> Figure:
        from scalings.figures.phase_diagrams import phase_figure

        assert diagram
        missed = [f"{one.name} is not met" for one in asked if not verdict.meets(one)]
        wish = [] if wished in (None, verdict.richness) else [f"r = {wished} was asked for"]
        return phase_figure(diagram, ", ".join([*missed, *wish]))

    with drawing(output if diagram else None, draw):
        if format == "json":
            print_json(checks.check_document(problem, parameterization, verdict, asked, remedy, satisfied=yes))
        else:
            print_tables(checks.check_report(problem, parameterization, verdict, asked, remedy))
    return YES if yes else NO


def predict(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    steps: Whole = 3,
    explained: Explained = Explained(),  # noqa: B008 - frozen
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Predict the power of the width of every observable, at every step.

    Example: scalings predict --preset ntp --steps 2

    Example: scalings predict --preset mup --output orders.svg

    Parameters
    ----------
    steps
        Number of updates.
    """
    from scalings.reports import checks
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import check_steps, everywhere, prediction_of

    answer.check()
    problem, parameterization = chosen.resolve()
    network = problem.network
    check_predicted(network, steps)
    check_steps(steps)
    run = train_given(problem, parameterization, steps)
    orders = prediction_of(run, steps)
    if chosen.model.translation:
        orders = everywhere(orders, steps)

    def draw() -> Figure:
        from scalings.figures.predictions import prediction_figure
        from symbolic.evaluation.check import verdict_on

        return prediction_figure(problem, parameterization.name, orders, phase_of(verdict_on(run)))

    answer.give(
        [*checks.prediction_report(problem, parameterization, orders), *explained.glossary()],
        checks.prediction_document(problem, parameterization, orders),
        draw,
    )
    return YES
