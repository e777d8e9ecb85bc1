"""The commands that train: measure, verify and richness."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.console import EXIT, exit_code, print_json, print_tables, progress_bar, warn
from scalings.command_line.options import Chosen, Format
from scalings.command_line.output import Output
from scalings.command_line.parsing import parse_delta, parse_widths
from scalings.errors import ArgumentError
from scalings.networks.nodes import Activation, Embedding
from scalings.studies import measuring

_BATCH, _LINES = 16, 8


def measure(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int | None = None,
    steps: int = 3,
    batch: int | None = None,
    engine: str = "auto",
    device: str = "auto",
    centered: bool = True,
    spectra: Annotated[bool, Parameter(negative="")] = False,
    coordinates: Annotated[bool, Parameter(negative="")] = False,
    delta: str = "0.05",
    answer: Output = Output(),  # noqa: B008 - frozen
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
        Number of examples, all of which make up every update; default 16, or 8 lines of text.
    engine
        auto, dense or matrix-free: matrices that are drawn in full, or only where they are multiplied with; auto
        takes the cheaper one at each width. The law is the same.
    device
        auto, cpu or cuda.
    centered
        Train f - f_0 instead of f: the same orders with less noise.
    spectra
        Take the spectral norms of weights too, where they are drawn in full; costs more than their training.
    coordinates
        Look at the sizes of representations, of their changes, and the loss only, in single precision but for shampoo:
        a coordinate check, in a fraction of the time.
    delta
        The margin within which a measured exponent agrees with the derived one.
    """
    from empirical.data.examples import input_size
    from empirical.sweeps.measurement import Interrupted
    from scalings.reports import measurements, tables
    from scalings.reports.figures import exponents_figure
    from scalings.results.trials import Training
    from scalings.studies.comparisons import compare, no_slopes
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import TELLS_GROWTH, train_given
    from symbolic.evaluation.predict import prediction_of

    margin, model = parse_delta(delta), chosen.model
    problem, parameterization = chosen.resolve(input_size(data))
    network, law = problem.network, problem.law
    answer.check()
    if batch is None:
        batch = _LINES if isinstance(network.nodes[0], Embedding) else _BATCH
    training = Training.of(
        law.name,
        data=data,
        batch=batch,
        steps=steps,
        centered=centered,
        loss=model.loss,
        spectra=spectra,
        observing="coordinates" if coordinates else "all",
    )
    graph = measuring.is_graph(network, model.scale, model.loss)
    if spectra and coordinates:
        raise ArgumentError("spectra", "a coordinate check does not look at weights")
    for name, asked in (("spectra", spectra), ("coordinates", coordinates)):
        if asked and graph:
            raise ArgumentError(name, "only for multilayer perceptrons in the width")
    trained, gentle = measuring.tamed(network, training) if graph else (network, training)
    forecast = partial(measuring.estimate, trained, parameterization, gentle, scale=model.scale, seeds=seeds)
    run = partial(measuring.measure, trained, parameterization, gentle, scale=model.scale, seeds=seeds)
    sizes, interrupted = parse_widths(widths), False
    try:
        if cost := forecast(widths=sizes, device=device, engine=engine):
            warn(cost.sentence)
        with progress_bar() as progress:
            measurement = run(widths=sizes, device=device, engine=engine, progress=progress)
    except Interrupted as early:
        measurement, interrupted = early.measurement, True
    on_orders = train_given(problem, parameterization, max(steps, TELLS_GROWTH))
    orders, stable = prediction_of(on_orders, steps), verdict_on(on_orders).stable
    reason = no_slopes(network, orders, stable=stable, centered=centered)
    agreement = compare(network, orders, measurement.fits, margin, only_bounds=reason)
    title = parameterization.name
    table, verdict = measurements.agreement_table([(title, agreement)], steps), tables.verdict_line(title, agreement)
    answer.give(
        [table, verdict, f"engine: {measurement.engine}"],
        {**measurements.measurement_document(measurement, agreement), "interrupted": interrupted},
        partial(exponents_figure, measurement, orders),
    )
    return exit_code(agreement.verdict, measurement.widths, interrupted=interrupted, variable=model.scale)


def verify(
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int | None = None,
    device: str = "auto",
    wide: Annotated[bool, Parameter(negative="")] = False,
    delta: str = "0.05",
    output: Path = Path("verify.png"),
    figure: bool = True,
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
    figure
        Write it.
    overwrite
        Replace it if it exists.
    format
        Of the answer.
    """
    from scalings.command_line.output import check_output
    from scalings.files import replacing
    from scalings.reports import measurements
    from scalings.reports.figures import richness_figure
    from scalings.studies.verification import RICHNESS, estimate, verify

    margin, sizes = parse_delta(delta), parse_widths(widths)
    if figure:
        check_output("output", output, overwrite=overwrite)
    written = str(output) if figure else None
    cost = estimate(data, widths=sizes, seeds=seeds, device=device, wide=wide)
    warn(cost.sentence)
    with progress_bar() as progress:
        verification = verify(
            data, widths=sizes, seeds=seeds, device=device, wide=wide, delta=margin, progress=progress
        )
    if format == "json":
        print_json(measurements.verification_document(verification, written))
    else:
        print_tables(measurements.verification_report(verification, written))
    named = verification.members[: len(RICHNESS)]
    if figure:
        with replacing(output) as path:
            richness_figure([(member.name, member.measurement, member.richness) for member in named], path)
    done = [member.name for member in verification.members]
    return exit_code(verification.verdict, done, interrupted=verification.interrupted, variable="member")


def richness(
    *,
    data: str = "digits",
    activation: Activation = "relu",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int = 1,
    steps: int = 20,
    device: str = "auto",
    answer: Output = Output(),  # noqa: B008 - frozen
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
    """
    from scalings.reports import measurements
    from scalings.reports.figures import paths_figure
    from scalings.studies.richness import richness

    sizes = parse_widths(widths)
    answer.check()
    with progress_bar() as progress:
        courses = richness(
            data, activation=activation, widths=sizes, seeds=seeds, steps=steps, device=device, progress=progress
        )
    lines = [(f"r = {member.richness}", member.path) for member in courses.members]
    answer.give(
        measurements.richness_report(courses), measurements.richness_document(courses), partial(paths_figure, lines)
    )
    return EXIT[courses.verdict]
