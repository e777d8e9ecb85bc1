"""The commands that compute with orders: derive, check, certify and predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scalings import outputs
from scalings.arguments import (
    Chosen,
    ChosenModel,
    Format,
    Given,
    parse_richness,
)
from scalings.console import (
    NO,
    YES,
    print_json,
    print_tables,
    warn,
)
from scalings.criteria import CRITERIA, TUTORIAL, Criterion
from scalings.errors import ArgumentError
from scalings.nodes import WIDTH_SCALE
from scalings.parameterizations import Gauge
from scalings.relations import parse_criterion

REPAIRED = 128
"""Of networks with more weights no repair is looked for: it would take longer than the check itself."""


def derive(
    model: ChosenModel = ChosenModel(),  # noqa: B008 - frozen
    fixed: Given = Given(),  # noqa: B008 - frozen
    *,
    criteria: Literal["tutorial", "stability"] = "tutorial",
    without: Annotated[list[str] | None, Parameter(negative="")] = None,
    criterion: Annotated[list[str] | None, Parameter(negative="")] = None,
    gauge: Gauge = "unit-multiplier",
    all_depths: Annotated[bool, Parameter(negative="")] = False,
    minimal: Annotated[bool, Parameter(negative="")] = False,
    certificate: Path | None = None,
    overwrite: bool = False,
    format: Literal["text", "json", "latex", "markdown"] = "text",
) -> int:
    """Derive the family of parameterizations that meet the criteria, step by step.

    Example: scalings derive --network transformer --grows heads --optimizer adamw --loss cross-entropy

    Parameters
    ----------
    criteria
        The tutorial's, or stability and a moving output alone.
    without
        A criterion to drop, by name, as in "maximality"; may be given several times.
    criterion
        One of your own to add, as in "quiet: dz <= n^(1/4) at hidden after updates"; may be given several times.
    gauge
        How the family is written: g = 1, unit init, or one global learning rate.
    all_depths
        Prove for an mlp that the answer has as many freedoms at every depth, by induction over a hidden layer.
    minimal
        Name no more reasons than are needed for what is implied; takes longer.
    certificate
        A file (.json) to write a proof to, for `scalings certify`.
    overwrite
        Replace the certificate if it exists.
    format
        Of the answer.
    """
    from symbolic.derivations import derive

    if certificate:
        outputs.check_output("certificate", certificate, overwrite=overwrite, endings=outputs.CERTIFICATES)
    network, law = model.resolve()
    kept = [*_kept(CRITERIA[criteria], without or ()), *map(parse_criterion, criterion or ())]
    given = fixed.resolve(network, law)
    if len(model.scales) > 1:
        if given or all_depths or certificate:
            raise ArgumentError("scale", "with several, no exponents are given, and nothing is certified or inducted")
        return _derive_each(model, kept, gauge, minimal, format)
    derivation = derive(network, law, kept, gauge, scale=model.scale, loss=model.loss, given=given, minimal=minimal)
    if all_depths:
        from symbolic.inductions import induct

        if not network.is_chain or given or (model.scale, model.loss) != (WIDTH_SCALE, "mse"):
            raise ArgumentError(
                "all_depths", "the induction is over an mlp's layers, without biases, in its width, with nothing given"
            )
        derivation = replace(derivation, induction=induct(law, kept, model.activation or "relu"))
    if certificate:
        from scalings import certification
        from symbolic.certificates import derivation_certificate, induction_certificate

        proof = derivation_certificate(
            network, law, kept, scale=model.scale, loss=model.loss, given=given, derivation=derivation
        )
        if all_depths:
            proof = induction_certificate(proof, network.depth, law, kept, model.activation or "relu")
        certification.write_certificate(certificate, proof)
    if format == "json":
        from scalings.documents import derivation_document

        print_json(derivation_document(derivation, gauge))
    elif format == "text":
        from scalings.tables import derivation_report

        print_tables(derivation_report(derivation, gauge))
    else:
        from scalings import explanations

        print({"latex": explanations.latex, "markdown": explanations.markdown}[format](derivation, gauge))
    return NO if derivation.degrees_of_freedom is None else YES


def _derive_each(model: ChosenModel, kept: Sequence[Criterion], gauge: Gauge, minimal: bool, format: str) -> int:
    """The answer of derive in several scale variables."""
    from scalings import monomial_reports
    from symbolic.several import derive_each

    network, law = model.resolve()
    answer = derive_each(network, law, kept, gauge, scales=model.scales, loss=model.loss, minimal=minimal)
    match format:
        case "json":
            print_json(monomial_reports.monomials_document(answer))
        case "text":
            print_tables(monomial_reports.monomials_report(answer))
        case "latex":
            print(monomial_reports.monomials_latex(answer))
        case "markdown":
            print(monomial_reports.monomials_markdown(answer))
    return NO if any(one.degrees_of_freedom is None for one in answer.derivations) else YES


def _kept(criteria: Sequence[Criterion], dropped: Sequence[str]) -> list[Criterion]:
    """Those that are not dropped by name. Raises ArgumentError."""
    names = {name.replace("-", " ").replace("_", " ") for name in dropped}
    known = dict.fromkeys(criterion.name for criterion in criteria)
    if unknown := sorted(names - known.keys()):
        raise ArgumentError("without", f"expected one of {', '.join(known)}, but got {unknown[0]!r}")
    return [criterion for criterion in criteria if criterion.name not in names]


def check(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    criteria: Literal["stability", "tutorial"] = "stability",
    without: Annotated[list[str] | None, Parameter(negative="")] = None,
    criterion: Annotated[list[str] | None, Parameter(negative="")] = None,
    richness: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    certificate: Path | None = None,
    overwrite: bool = False,
    format: Format = "text",
) -> int:
    """Say whether a parameterization is stable, moves the output and learns features, and why.

    Example: scalings check --init 0,-1/2,-1 --lr 1,0,-1

    Parameters
    ----------
    criteria
        What a yes asks for: stability and a moving output, or the tutorial's criteria too.
    without
        One of the tutorial's criteria that a yes does not ask for, by name, as in "maximality"; may be given several
        times.
    criterion
        One of your own that a yes asks for too, as in "quiet: dz <= n^(1/4) at hidden after updates"; may be given
        several times.
    richness
        A wished richness r, which a yes asks for too, and the repair has.
    certificate
        A file (.json) to write a proof to, for `scalings certify`.
    overwrite
        Replace the certificate if it exists.
    format
        Of the answer.
    """
    from scalings import documents, tables
    from symbolic.checks import check

    network, parameterization, law = chosen.resolve()
    if certificate:
        outputs.check_output("certificate", certificate, overwrite=overwrite, endings=outputs.CERTIFICATES)
    kept = _kept(TUTORIAL if criteria == "tutorial" else (), without or ())
    asked = (*kept, *map(parse_criterion, criterion or ()))
    verdict = check(network, parameterization, law, scale=chosen.model.scale, loss=chosen.model.loss, criteria=asked)
    wished = None if richness is None else parse_richness(richness)
    yes = verdict.nontrivial and verdict.meets(*asked) and wished in (None, verdict.richness)
    remedy = None
    if not yes and network.depth <= REPAIRED:
        from symbolic.repairs import repair

        remedy = repair(network, parameterization, law, wished, scale=chosen.model.scale, loss=chosen.model.loss)
    if not yes and network.depth > REPAIRED:
        warn(f"no repair is looked for where there are more than {REPAIRED} weights")
    if certificate:
        from scalings import certification
        from symbolic.certificates import check_certificate

        proof = check_certificate(
            network, parameterization, remedy, law, asked, wished, scale=chosen.model.scale, loss=chosen.model.loss
        )
        certification.write_certificate(certificate, proof)
    if format == "json":
        print_json(documents.check_document(network, parameterization, verdict, asked, remedy, satisfied=yes))
    else:
        print_tables(tables.check_report(network, parameterization, verdict, asked, remedy, chosen.model.symbol))
    return YES if yes else NO


def certify(file: Path, *, format: Format = "text") -> int:
    """Recheck a certificate that derive or check wrote: its proof, and that it is about what it says.

    Example: scalings certify family.json

    Parameters
    ----------
    file
        The certificate.
    format
        Of the answer.
    """
    from scalings import certification

    verdict = certification.recheck(certification.read_certificate(file))
    if format == "json":
        print_json(certification.certificate_document(verdict))
    else:
        print_tables(certification.certificate_report(verdict))
    return NO if verdict.refusal else YES


def predict(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    steps: int = 3,
    format: Format = "text",
) -> int:
    """Predict the power of the width of every observable, at every step.

    Example: scalings predict --preset ntp --steps 2

    Parameters
    ----------
    steps
        Number of updates.
    format
        Of the answer.
    """
    from scalings import documents, tables
    from symbolic.predictions import predict

    network, parameterization, law = chosen.resolve()
    orders = predict(network, parameterization, law, steps, scale=chosen.model.scale, loss=chosen.model.loss)
    if format == "json":
        print_json(documents.prediction_document(network, parameterization, orders))
    else:
        print_tables([tables.prediction_table(network, orders, chosen.model.symbol)])
    return YES
