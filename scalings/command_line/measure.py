"""The commands that train: measure, verify and richness."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from scalings.arguments import (
    Chosen,
    ChosenModel,
    Format,
    parse_delta,
    parse_widths,
)
from scalings.console import (
    EXIT,
    exit_code,
    print_json,
    print_tables,
    progress_bar,
    warn,
)
from scalings.errors import ArgumentError
from scalings.networks import Network
from scalings.nodes import DEPTH_SCALE, WIDTH_SCALE, Activation, Embedding, Node, Repeat, Scores, fixed
from scalings.optimizers import optimizer
from scalings.outputs import Answer
from scalings.parameterizations import Parameterization

if TYPE_CHECKING:
    from empirical.measurement import Measurement
    from scalings.trials import Training

_HELD = {WIDTH_SCALE: 64, DEPTH_SCALE: 2}
"""Where scale variables stand that are not varied; at 1 if they are not named."""
_BATCH, _LINES, _HEAD_SIZE = 16, 8, 4


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
    answer: Answer = Answer(),  # noqa: B008 - frozen
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
    from empirical.examples import input_size
    from empirical.figures import exponents_figure
    from empirical.measurement import Interrupted
    from scalings import documents, tables
    from scalings.comparisons import compare, no_slopes
    from scalings.trials import Training
    from symbolic.checks import check
    from symbolic.predictions import predict

    margin, model = parse_delta(delta), chosen.model
    network, parameterization, law = chosen.resolve(input_size(data))
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
    if spectra and coordinates:
        raise ArgumentError("spectra", "a coordinate check does not look at weights")
    for name, asked in (("spectra", spectra), ("coordinates", coordinates)):
        if asked and _is_graph(network, model):
            raise ArgumentError(name, "only for multilayer perceptrons in the width")
    sweep = partial(_graph_sweep, model.scale) if _is_graph(network, model) else _sweep
    interrupted = False
    try:
        measurement = sweep(network, parameterization, training, parse_widths(widths), seeds, device, engine)
    except Interrupted as early:
        measurement, interrupted = early.measurement, True
    orders = predict(network, parameterization, law, steps, scale=model.scale, loss=model.loss)
    stable = check(network, parameterization, law, scale=model.scale, loss=model.loss).stable
    reason = no_slopes(network, orders, stable=stable, centered=centered)
    agreement = compare(network, orders, measurement.fits, margin, only_bounds=reason)
    title = parameterization.name
    table, verdict = tables.agreement_table([(title, agreement)], steps), tables.verdict_line(title, agreement)
    answer.give(
        [table, verdict, f"engine: {measurement.engine}"],
        {**documents.measurement_document(measurement, agreement), "interrupted": interrupted},
        partial(exponents_figure, measurement, orders),
    )
    return exit_code(agreement.verdict, measurement.widths, interrupted=interrupted, variable=model.scale)


def _is_graph(network: Network, model: ChosenModel) -> bool:
    """Whether this is beyond multilayer perceptrons in the width, which have engines of their own."""
    return not network.is_chain or (model.scale, model.loss) != (WIDTH_SCALE, "mse")


def _sweep(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    widths: tuple[int, ...] | None,
    seeds: int | None,
    device: str,
    engine: str,
) -> Measurement:
    from empirical import sweeps

    asked = partial(sweeps.estimate, network, parameterization, training)
    cost = asked(widths=widths, seeds=seeds, device=device, engine=engine)
    warn(f"training takes about {max(1, round(cost.seconds))} s and {max(1, cost.bytes >> 20)} MiB")
    with progress_bar() as progress:
        run = partial(sweeps.measure, network, parameterization, training)
        return run(widths=widths, seeds=seeds, device=device, engine=engine, progress=progress)


def _graph_sweep(
    scale: str,
    network: Network,
    parameterization: Parameterization,
    training: Training,
    widths: tuple[int, ...] | None,
    seeds: int | None,
    device: str,
    engine: str,
) -> Measurement:
    """With steps so small that the residual changes little: how it does is no power of the width.

    Other scale variables are held at small values, with the exponents in them that their criteria determine.
    """
    from empirical import graph_sweeps

    if engine == "matrix-free":
        raise ArgumentError("engine", "only multilayer perceptrons in the width are trained matrix-free")
    gentle, small = replace(training, lr=training.lr / 5), Network(tuple(map(_small, network.nodes)))
    held = {other: size for other, size in _HELD.items() if other in network.scales and other != scale}
    beside = {other: _determined(network, training, other) for other in held}
    scaling = graph_sweeps.Scaling(scale, held, beside)
    sizes = widths or graph_sweeps.default_sizes(network, scale)
    run = partial(graph_sweeps.measure, small, parameterization, gentle, seeds=seeds, device=device)
    with progress_bar() as progress:
        return run(widths=sizes, scaling=scaling, progress=progress)


def _small(node: Node) -> Node:
    """The same orders at a fraction of the time: the depth itself is the number of blocks, and heads are small."""
    if isinstance(node, Repeat):
        blocks = replace(node.times, size=1) if node.times.order_in(DEPTH_SCALE) == 1 else node.times
        return replace(node, times=blocks, nodes=tuple(map(_small, node.nodes)))
    if isinstance(node, Scores) and node.heads.grows and not node.head_size.grows:
        share = Fraction(node.heads.size * node.head_size.size) / _HEAD_SIZE
        return replace(node, heads=replace(node.heads, size=share), head_size=fixed(_HEAD_SIZE))
    return node


def _determined(network: Network, training: Training, scale: str) -> Parameterization:
    """The exponents of a scale variable that is held fixed; at the rich end, if they are a family."""
    from symbolic.derivations import derive

    derivation = derive(network, optimizer(training.optimizer), scale=scale, loss=training.loss)
    if derivation.family:
        return derivation.family.member(derivation.family.high)
    if derivation.degrees_of_freedom != 0 or len(derivation.pieces) != 1:
        raise ArgumentError("network", f"its criteria do not determine one answer in the {scale}, to be held fixed")
    [piece] = derivation.pieces
    layers = tuple(layer.each(lambda exponent: exponent.at()) for layer in piece.layers)
    return Parameterization(layers, scales=tuple(exponent.at() for exponent in piece.scales))


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
    answer: Answer = Answer(),  # noqa: B008 - frozen
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
    from empirical.figures import paths_figure
    from scalings import documents, tables
    from scalings.richness import richness

    sizes = parse_widths(widths)
    answer.check()
    with progress_bar() as progress:
        courses = richness(
            data, activation=activation, widths=sizes, seeds=seeds, steps=steps, device=device, progress=progress
        )
    lines = [(f"r = {member.richness}", member.path) for member in courses.members]
    answer.give(tables.richness_report(courses), documents.richness_document(courses), partial(paths_figure, lines))
    return EXIT[courses.verdict]
