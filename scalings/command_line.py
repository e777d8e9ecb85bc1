"""The command line: `python -m scalings derive | check | predict | measure | verify`.

Exit codes: 0 yes, 1 no (a check failed, a run diverged, a family is empty), 2 unusable arguments,
3 inconclusive. With `--format json` one JSON document goes to stdout and nothing else; progress and warnings go
to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from scalings import __version__, experiments, inversions, outputs
from scalings.arguments import (
    Chosen,
    ChosenModel,
    Format,
    Given,
    parse_delta,
    parse_richness,
    parse_widths,
)
from scalings.console import (
    BROKEN_PIPE,
    EXIT,
    INTERRUPTED,
    NO,
    UNUSABLE,
    YES,
    print_json,
    print_tables,
    progress_bar,
    warn,
)
from scalings.criteria import CRITERIA, TUTORIAL, Criterion
from scalings.errors import ArgumentError
from scalings.nodes import WIDTH_SCALE, Activation
from scalings.parameterizations import Gauge
from scalings.relations import parse_criterion

REPAIRED = 128
"""Of networks with more weights no repair is looked for: it would take longer than the check itself."""

app = App(
    name="scalings",
    version=__version__,
    help="Which powers of the width may init scales and learning rates be? Derive it, check it, measure it.",
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for command in (inversions.calibrate, inversions.freedom, experiments.transfer, experiments.law):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        code = app(arguments)
        sys.stdout.flush()
    except ArgumentError as error:
        return _unusable(f"--{error.argument.replace('_', '-')}: {error.message}")
    except CycloptsError as error:
        return _unusable(" ".join(str(error).split()))
    except BrokenPipeError:
        # The reader has seen enough, as in `... | head`; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _unusable(f"cannot write: {error.strerror or error}")
    except KeyboardInterrupt:
        print("scalings: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    return code if isinstance(code, int) else YES


def _unusable(message: str) -> int:
    print(f"scalings: {message}", file=sys.stderr)
    return UNUSABLE


@app.command
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
            raise ArgumentError("all_depths", "the induction is over an mlp's layers, in its width, with nothing given")
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


@app.command
def check(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    criteria: Literal["stability", "tutorial"] = "stability",
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
    richness
        A wished richness r, which a yes asks for too, and the repair has.
    minimal
        Name no more reasons than are needed for what is implied; takes longer.
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
    verdict = check(network, parameterization, law, scale=chosen.model.scale, loss=chosen.model.loss)
    asked = TUTORIAL if criteria == "tutorial" else ()
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


@app.command
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


@app.command
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


@app.command
def measure(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int | None = None,
    steps: int = 3,
    batch: int = 16,
    engine: str = "auto",
    device: str = "auto",
    centered: bool = True,
    delta: str = "0.05",
    output: Path | None = None,
    overwrite: bool = False,
    format: Format = "text",
) -> int:
    """Train at many widths from many seeds, fit every exponent, and compare it with the derived one.

    Example: scalings measure --preset mup --widths 64,128,256,512

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 128 to 65536 in octaves where updates are
        of low rank, as those of sgd, else 64 to 2048 in half octaves.
    seeds
        Runs at the largest width, default 1 or 12; smaller widths get more.
    steps
        Number of updates.
    batch
        Number of examples, all of which make up every update.
    engine
        auto, dense or matrix-free: matrices that are drawn in full, or only where they are multiplied with; auto
        takes the cheaper one at each width. The law is the same.
    device
        auto, cpu or cuda.
    centered
        Train f - f_0 instead of f: the same orders with less noise.
    delta
        The margin within which a measured exponent agrees with the derived one.
    output
        A figure to write (.png, .pdf or .svg).
    overwrite
        Replace the figure if it exists.
    format
        Of the answer.
    """
    from empirical import sweeps
    from empirical.examples import input_size
    from empirical.figures import exponents_figure
    from scalings import documents, tables
    from scalings.comparisons import compare, no_slopes
    from scalings.outputs import check_output, replacing
    from scalings.trials import Training
    from symbolic.checks import check
    from symbolic.predictions import predict

    margin = parse_delta(delta)
    network, parameterization, law = chosen.resolve(input_size(data))
    if output:
        check_output("output", output, overwrite=overwrite)
    training = Training.of(law.name, data=data, batch=batch, steps=steps, centered=centered)
    sizes = parse_widths(widths)
    cost = sweeps.estimate(network, parameterization, training, widths=sizes, seeds=seeds, device=device, engine=engine)
    warn(f"training takes about {max(1, round(cost.seconds))} s and {max(1, cost.bytes >> 20)} MiB")
    try:
        with progress_bar() as progress:
            measurement = sweeps.measure(
                network,
                parameterization,
                training,
                widths=sizes,
                seeds=seeds,
                device=device,
                engine=engine,
                progress=progress,
            )
    except sweeps.Interrupted as interrupted:
        measurement = interrupted.measurement
        warn(f"interrupted: this is what the widths up to {measurement.widths[-1]} say")
    orders = predict(network, parameterization, law, steps)
    stable = check(network, parameterization, law).stable
    reason = no_slopes(network, orders, stable=stable, centered=centered)
    agreement = compare(network, orders, measurement.fits, margin, only_bounds=reason)
    if format == "json":
        print_json(documents.measurement_document(measurement, agreement))
    else:
        title = parameterization.name
        print_tables([tables.agreement_table([(title, agreement)], steps), tables.verdict_line(title, agreement)])
        print(f"engine: {measurement.engine}")
    if output:
        with replacing(output) as path:
            exponents_figure(measurement, orders, path)
    return EXIT[agreement.verdict]


@app.command
def verify(
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int | None = None,
    device: str = "auto",
    wide: Annotated[bool, Parameter(negative="")] = False,
    delta: str = "0.05",
    output: Path = Path("verify.png"),
    overwrite: bool = False,
    format: Format = "text",
) -> int:
    """Derive the family, train members of it on real data, and say whether the two agree.

    Example: scalings verify --data digits --output verify.png

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 8 for a verdict; default 64 to 2048 in half octaves, or 2^13 to
        2^20 if wide.
    seeds
        Runs at the largest width; smaller widths get more.
    device
        auto, cpu or cuda.
    wide
        Three members at widths up to 2^20, matrix-free: some minutes on two cores, and 4 GiB.
    delta
        The margin within which a measured exponent agrees with the derived one.
    output
        The figure to write (.png, .pdf or .svg).
    overwrite
        Replace the figure if it exists.
    format
        Of the answer.
    """
    from empirical.figures import richness_figure
    from scalings import documents, tables
    from scalings.outputs import check_output, replacing
    from scalings.verification import RICHNESS, estimate, verify

    margin, sizes = parse_delta(delta), parse_widths(widths)
    check_output("output", output, overwrite=overwrite)
    cost = estimate(data, widths=sizes, seeds=seeds, device=device, wide=wide)
    warn(f"training takes about {max(1, round(cost.seconds))} s and {max(1, cost.bytes >> 20)} MiB")
    with progress_bar() as progress:
        verification = verify(
            data, widths=sizes, seeds=seeds, device=device, wide=wide, delta=margin, progress=progress
        )
    if format == "json":
        print_json(documents.verification_document(verification, str(output)))
    else:
        print_tables(tables.verification_report(verification, str(output)))
    named = verification.members[: len(RICHNESS)]
    with replacing(output) as path:
        richness_figure([(member.name, member.measurement, member.richness) for member in named], path)
    return EXIT[verification.verdict]


@app.command
def richness(
    *,
    data: str = "digits",
    activation: Activation = "relu",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int = 1,
    steps: int = 20,
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
    format: Format = "text",
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
    device
        auto, cpu or cuda.
    output
        A figure to write (.png, .pdf or .svg).
    overwrite
        Replace the figure if it exists.
    format
        Of the answer.
    """
    from empirical.figures import paths_figure
    from scalings import documents, tables
    from scalings.outputs import check_output, replacing
    from scalings.richness import richness

    sizes = parse_widths(widths)
    if output:
        check_output("output", output, overwrite=overwrite)
    with progress_bar() as progress:
        courses = richness(
            data, activation=activation, widths=sizes, seeds=seeds, steps=steps, device=device, progress=progress
        )
    if format == "json":
        print_json(documents.richness_document(courses))
    else:
        print_tables(tables.richness_report(courses))
    if output:
        with replacing(output) as path:
            paths_figure([(f"r = {member.richness}", member.path) for member in courses.members], path)
    return EXIT[courses.verdict]
