"""The commands on unknown exponents: derive, and certify, which rechecks what derive and check have proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from scalings.command_line.bounds import DERIVED, MINIMAL, PROVED, check_weights
from scalings.command_line.console import NO, NOT_COMPARED, YES, print_json, print_tables, print_text
from scalings.command_line.options import ASKED, ChosenModel, Format, Given, kept_criteria, own_criteria
from scalings.command_line.output import CERTIFICATES, check_output, drawing, write_certificate
from scalings.command_line.parsing import File
from scalings.criteria.criterion import Criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import CRITERIA
from scalings.errors import ArgumentError
from scalings.hyperparameters.gauges import Gauge
from scalings.networks.architectures import mlp
from scalings.results.derivations import Derivation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def derive(
    model: ChosenModel = ChosenModel(),  # noqa: B008 - frozen
    fixed: Given = Given(),  # noqa: B008 - frozen
    *,
    criteria: Literal["tutorial", "stability", "spectral"] = "tutorial",
    without: Annotated[list[str] | None, Parameter(negative="")] = None,
    criterion: Annotated[list[str] | None, Parameter(negative="")] = None,
    gauge: Gauge | None = None,
    all_depths: Annotated[bool, Parameter(negative="")] = False,
    minimal: Annotated[bool, Parameter(negative="")] = False,
    output: File | None = None,
    certificate: File | None = None,
    overwrite: bool = False,
    format: Literal["text", "json", "latex", "markdown"] = "text",
) -> int:
    """Derive the family of parameterizations that meet the criteria, step by step.

    Example: scalings derive --network transformer --grows heads --optimizer adamw --loss cross-entropy

    Example: scalings derive --output family.svg

    Parameters
    ----------
    criteria
        The tutorial's; stability and a moving output alone; or spectral: that every unit moves by order 1, while it may
        start smaller, as units of averaged experts and of layers narrower than what they read do.
    without
        A criterion to drop, by name, as in "maximality"; may be given several times.
    criterion
        One of your own to add, as in "quiet: |dz| <= n^(1/4) at hidden after updates", with quantities as tables print
        them or in words: dz; may be given several times.
    gauge
        How the family is written: g = 1 (if not given), unit init, or one global learning rate.
    all_depths
        Prove for an mlp that the answer has as many freedoms at every depth, by induction over a hidden layer.
    minimal
        Name no more reasons than are needed for what is implied; takes longer.
    output
        A figure to write (.png, .pdf or .svg): the family over r, in --gauge, or in all that there are; where the
        answer is no family, the range of every exponent.
    certificate
        A file (.json) to write a proof to, for `scalings certify`.
    overwrite
        Replace the figure and the certificate if they exist.
    format
        Of the answer.
    """
    from symbolic.derivation.derive import derivation_of

    written = gauge or "unit-multiplier"
    if output:
        check_output("output", output, overwrite=overwrite)
    if certificate:
        check_output("certificate", certificate, overwrite=overwrite, endings=CERTIFICATES)
    epsilons = model.epsilon == ASKED
    model = replace(model, epsilon=None) if epsilons else model
    network, law = model.resolve()
    check_weights(network, DERIVED, "to derive for")
    if minimal:
        check_weights(network, MINIMAL, "with --minimal")
    if certificate:
        check_weights(network, PROVED, "with a --certificate")
    kept = kept_criteria(CRITERIA[criteria], without or ())
    kept += own_criteria(criterion or (), kept)
    given = fixed.resolve(network, law)
    if len(model.scales) > 1:
        if given or all_depths or certificate or output:
            raise ArgumentError(
                "scale", "with several, no exponents are given, and nothing is certified, inducted or drawn"
            )
        return _derive_each(model, kept, written, format, minimal=minimal, epsilons=epsilons)
    problem = Problem(network, law, model.scale, model.objective)
    derivation = derivation_of(problem, kept, written, given=given, minimal=minimal, epsilons=epsilons)
    if output:
        _check_drawn(derivation)
    if all_depths:
        from symbolic.derivation.induction import induct

        activation = model.activation or "relu"
        if given or not problem.is_mlp_in_width or network != mlp(network.depth, activation):
            raise ArgumentError(
                "all_depths", "the induction is over an mlp's layers, without biases, in its width, with nothing given"
            )
        derivation = replace(derivation, induction=induct(law, kept, activation))
    if certificate:
        from symbolic.certificates.writing import derivation_certificate, induction_certificate

        proof = derivation_certificate(problem, kept, given=given, derivation=derivation)
        if all_depths:
            proof = induction_certificate(proof, network.depth, law, kept, model.activation or "relu")
        write_certificate(certificate, proof)

    def draw() -> Figure:
        from scalings.figures.families import family_figure
        from scalings.figures.ranges import ranges_figure

        return (family_figure if derivation.family else ranges_figure)(derivation, gauge)

    with drawing(output, draw):
        _print(derivation, written, format)
    return NO if derivation.degrees_of_freedom is None else YES


def _check_drawn(derivation: Derivation) -> None:
    """Raises ArgumentError for an answer that has no figure."""
    if derivation.degrees_of_freedom is None:
        raise ArgumentError("output", "there is nothing to draw: derive without it says why nothing meets the criteria")
    if any(polytope.vertices is None for polytope in derivation.polytopes):
        raise ArgumentError("output", "the answer has too many corners to draw: derive without it prints its relations")


def _print(derivation: Derivation, gauge: Gauge, format: str) -> None:
    if format == "json":
        from scalings.reports.derivations import derivation_document

        print_json(derivation_document(derivation, gauge))
    elif format == "text":
        from scalings.reports.derivations import derivation_report

        print_tables(derivation_report(derivation, gauge))
    else:
        from scalings.reports import articles

        print_text({"latex": articles.latex, "markdown": articles.markdown}[format](derivation, gauge))


def _derive_each(
    model: ChosenModel, kept: Sequence[Criterion], gauge: Gauge, format: str, *, minimal: bool, epsilons: bool
) -> int:
    """Print the derivations in several scale variables side by side; returns the exit code."""
    from scalings.reports import monomials
    from symbolic.derivation.several_scales import derive_each

    network, law = model.resolve()
    answer = derive_each(
        network, law, kept, gauge, scales=model.scales, loss=model.objective, minimal=minimal, epsilons=epsilons
    )
    match format:
        case "json":
            print_json(monomials.monomials_document(answer))
        case "text":
            print_tables(monomials.monomials_report(answer))
        case "latex":
            print_text(monomials.monomials_latex(answer))
        case "markdown":
            print_text(monomials.monomials_markdown(answer))
    return NO if any(one.degrees_of_freedom is None for one in answer.derivations) else YES


def certify(file: File, *, format: Format = "text") -> int:
    """Recheck a certificate that derive or check wrote: its proof, and that it is about what it says.

    Example: scalings certify family.json

    The exit code is 4 where the proof holds, but sympy is not there to say what it is about.

    Parameters
    ----------
    file
        The certificate.
    format
        Of the answer.
    """
    from scalings.certificates import files
    from scalings.reports import certificates
    from scalings.studies import rechecking

    checked = rechecking.recheck(files.read_certificate(file))
    if format == "json":
        print_json(certificates.certificate_document(checked))
    else:
        print_tables(certificates.certificate_report(checked))
    if checked.refusal:
        return NO
    return YES if checked.compared else NOT_COMPARED
