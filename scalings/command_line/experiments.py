"""The commands of single experiments: law, transfer, calibrate and freedom."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.console import EXIT, exit_code, progress_bar
from scalings.command_line.options import Chosen
from scalings.command_line.output import Output
from scalings.command_line.parsing import Whole, parse_delta, parse_grid, parse_richness, parse_widths
from scalings.criteria.conditions import Closing, tutorial_system
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer as update_law
from scalings.networks.architectures import mlp
from scalings.networks.nodes import Activation
from scalings.results.derivations import Family
from scalings.results.trials import Training


def calibrate(
    *,
    richness: str = "1/2",
    criteria: Closing = "useful-update",
    depth: Whole = 3,
    optimizer: str = "sgd",
    activation: Activation = "relu",
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole = 24,
    batch: Whole = 16,
    device: str = "auto",
    delta: str = "0.05",
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Solve for the init scales and learning rates that meet the criteria at each width, and compare their powers of n.

    The other way round from `measure`: no exponent is given, they are found by root finding on training runs.

    Example: scalings calibrate --richness 1/4 --criteria maximality

    Parameters
    ----------
    richness
        How rich training is to be: |dz| of the first hidden layer is to go like n^richness.
    criteria
        Which of the tutorial's criteria complete the system; the others then must hold by themselves.
    depth
        Number of weight matrices.
    optimizer
        sgd, adam, muon, or another that `measure` trains.
    activation
        Of the hidden layers.
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 64 to 1024 in half octaves under sgd.
    seeds
        Networks at the largest width; smaller widths get more.
    batch
        Number of examples of the update.
    device
        auto, cpu or cuda.
    delta
        The margin within which a solved exponent agrees with the derived one.
    """
    from empirical.experiments import calibration
    from scalings.reports.experiments import calibration_document, calibration_report
    from scalings.reports.figures import calibration_figure
    from scalings.studies.calibration import CalibrationAgreement

    margin = parse_delta(delta)
    family, training, r = _asked(depth, optimizer, activation, data, batch, richness)
    answer.check()
    system = tutorial_system(family.network, r, criteria, training.steps)
    with progress_bar() as progress:
        found = calibration.calibrate(
            family.network,
            system,
            training,
            widths=parse_widths(widths),
            seeds=seeds,
            device=device,
            progress=progress,
        )
    agreement = CalibrationAgreement(found, family, r, margin)
    draw = partial(calibration_figure, found, {key: one.derived for key, one in agreement.solved.items()})
    answer.give(calibration_report(agreement), calibration_document(agreement), draw)
    return exit_code(agreement.verdict, found.seeds, interrupted=found.interrupted)


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
    device: str = "auto",
    delta: str = "0.05",
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
    device
        auto, cpu or cuda.
    delta
        A singular value within this of 0 is a freedom, an entry within this of the derived one agrees.
    """
    from empirical.experiments.freedom import count_freedoms
    from scalings.reports.experiments import freedom_document, freedom_report
    from scalings.reports.figures import freedom_figure
    from scalings.studies.freedom import FreedomAgreement, derived_jacobian

    margin = parse_delta(delta)
    # Relu is homogeneous, so that |h| is exactly proportional to |z|, and not only in order.
    family, training, r = _asked(depth, optimizer, "relu", data, batch, richness)
    answer.check()
    system = tutorial_system(family.network, r, criteria, training.steps)
    with progress_bar() as progress:
        measured = count_freedoms(
            family.network,
            system,
            training,
            widths=parse_widths(widths),
            seeds=seeds,
            device=device,
            progress=progress,
        )
    derived = derived_jacobian(family.member(r), family.network, family.law, measured.conditions)
    agreement = FreedomAgreement(measured, family, derived, margin)
    answer.give(freedom_report(agreement), freedom_document(agreement), partial(freedom_figure, measured))
    return exit_code(agreement.verdict, measured.seeds, interrupted=measured.interrupted)


def _asked(
    depth: int, optimizer: str, activation: Activation, data: str, batch: int, richness: str
) -> tuple[Family, Training, Fraction]:
    """The derived family, how its networks are trained, and the richness. Raises ArgumentError for wrong options."""
    from empirical.data.examples import input_size
    from symbolic.derivation.derive import derive

    network, law = mlp(depth, activation, inputs=input_size(data)), update_law(optimizer)
    family = derive(network, law).family
    if family is None:
        raise ArgumentError("optimizer", f"no family was derived for {law.name}")
    r = parse_richness(richness)
    if not family.low <= r <= family.high:
        raise ArgumentError("richness", f"expected {family.low} <= r <= {family.high}, but got {r}")
    return family, Training.of(law.name, data=data, batch=batch, steps=1), r


def law(
    optimizer: str,
    /,
    *,
    options: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    expect: str | None = None,
    gradient: float = 1e-2,
    weight: float = 1e-1,
    lr: float | None = None,
    points: Whole = 200,
    steps: Whole = 8,
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Measure the update law of a torch optimizer: feed it gradients and fit all powers of its steps.

    Exits 0 if it has a law where it was asked (and, with --expect, the expected one), 1 if it has none or another.

    Example: scalings law adamw --options weight_decay=0.1 --expect adam

    Parameters
    ----------
    optimizer
        A class of torch.optim by name, as in adamw; or module:factory, a function of yours that is given a list of
        parameters and returns the optimizer. Its module is imported, so the code in it runs: name only code that you
        trust. Modules of the current folder are found.
    options
        Keyword arguments for the optimizer, numbers or true or false, as in eps=1e-4,nesterov=true.
    expect
        An optimizer of the theory's table (sgd, sign, adam, ...) whose law it must have.
    gradient
        Size of the gradients' entries that are asked about (root mean square).
    weight
        Size of the weights' entries that are asked about (root mean square).
    lr
        Learning rate; default the optimizer's own.
    points
        Probes that the law is fitted to at least.
    steps
        Steps that each probe takes, the last of which is measured.
    """
    from empirical.experiments.optimizer_laws import measure_law
    from empirical.experiments.torch_optimizers import find_factory
    from scalings.reports.experiments import law_document, law_report
    from scalings.reports.figures import law_figure

    try:
        expected = update_law(expect) if expect else None
    except ArgumentError as error:
        raise ArgumentError("expect", error.message) from None
    answer.check()
    try:
        factory = find_factory(optimizer, options)
        with progress_bar() as progress:
            measured = measure_law(
                factory,
                optimizer,
                gradient=gradient,
                weight=weight,
                lr=lr,
                points=points,
                steps=steps,
                progress=progress,
            )
    except ArgumentError as error:
        # It is given by its place: there is no --optimizer.
        raise ArgumentError(error.argument.replace("optimizer", "OPTIMIZER"), error.message) from None
    answer.give(law_report(measured, expected), law_document(measured, expected), partial(law_figure, measured))
    return EXIT[measured.meets(expected)]


def transfer(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole | None = None,
    steps: Whole = 5,
    batch: Whole | None = None,
    grid: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    device: str = "auto",
    centered: bool = True,
    delta: str = "0.1",
    answer: Output = Output(),  # noqa: B008 - frozen
) -> int:
    """Measure whether the learning rate transfers: the best and the largest stable one against the width.

    Exits 0 if both stay where the parameterization puts them, 1 if one drifts, 3 if that cannot be told.

    Example: scalings transfer --preset mup --widths 64,91,128,181,256,362,512,724

    Parameters
    ----------
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 64 to 1024 in half octaves under sgd, and
        those of `measure` for other networks and losses.
    seeds
        Runs at the largest width, default 8, or 4 of other networks and losses; smaller widths get more.
    steps
        Number of updates; the best learning rate has the lowest loss in their mean.
    batch
        Number of examples, all of which make up every update; default 16, or 8 lines of text.
    grid
        The ends of the learning rates tried, as powers of 2 beside the base learning rate; default -10,6, or -6,10 of
        other networks and losses.
    device
        auto, cpu or cuda.
    centered
        Train f - f_0 instead of f.
    delta
        A drift within n^delta and n^-delta counts as none.
    """
    from empirical.data.examples import input_size
    from scalings.reports.experiments import transfer_document, transfer_report
    from scalings.reports.figures import transfer_figure
    from scalings.studies.measuring import default_batch
    from scalings.studies.transfer import TransferAgreement, derived_drift
    from scalings.studies.transfer import transfer as measured

    margin, ends = parse_delta(delta), None if grid is None else parse_grid(grid)
    problem, parameterization = chosen.resolve(input_size(data))
    network, law, model = problem.network, problem.law, chosen.model
    answer.check()
    examples = default_batch(network) if batch is None else batch
    training = Training.of(law.name, data=data, batch=examples, steps=steps, centered=centered, loss=model.loss)
    with progress_bar() as progress:
        found = measured(
            network,
            parameterization,
            training,
            scale=model.scale,
            widths=parse_widths(widths),
            seeds=seeds,
            grid=ends,
            device=device,
            progress=progress,
        )
    derived = derived_drift(network, parameterization, law, scale=model.scale, loss=model.loss)
    agreement = TransferAgreement(found, derived, margin)
    answer.give(transfer_report(agreement), transfer_document(agreement), partial(transfer_figure, found))
    return exit_code(agreement.verdict, found.seeds, interrupted=found.interrupted)
