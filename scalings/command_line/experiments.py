"""The commands of the inverse experiments: from training runs to the hyperparameters, and to their freedom."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.architectures import mlp
from scalings.arguments import parse_delta, parse_richness, parse_widths
from scalings.calibrations import Closing, tutorial_system
from scalings.console import exit_code, progress_bar
from scalings.errors import ArgumentError
from scalings.families import Family
from scalings.nodes import Activation
from scalings.optimizers import optimizer as update_law
from scalings.outputs import Answer
from scalings.trials import Training


def calibrate(
    *,
    richness: str = "1/2",
    criteria: Closing = "useful-update",
    depth: int = 3,
    optimizer: str = "sgd",
    activation: Activation = "relu",
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int = 24,
    batch: int = 16,
    device: str = "auto",
    delta: str = "0.05",
    answer: Answer = Answer(),  # noqa: B008 - frozen
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
    from empirical import calibration
    from empirical.experiment_figures import calibration_figure
    from scalings.inverse import CalibrationAgreement
    from scalings.inverse_reports import calibration_document, calibration_report

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
    depth: int = 3,
    optimizer: str = "sgd",
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: int = 8,
    batch: int = 16,
    device: str = "auto",
    delta: str = "0.05",
    answer: Answer = Answer(),  # noqa: B008 - frozen
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
    from empirical.experiment_figures import freedom_figure
    from empirical.freedom import count_freedoms
    from scalings.inverse_reports import freedom_document, freedom_report
    from scalings.jacobians import FreedomAgreement, derived_jacobian

    margin = parse_delta(delta)
    # Relu is homogeneous: through it |h| goes like |z| exactly, and not only in its order.
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
    """The derived family, how its networks are to be trained, and the wished richness. Raises ArgumentError."""
    from empirical.examples import input_size
    from symbolic.derivations import derive

    network, law = mlp(depth, activation, inputs=input_size(data)), update_law(optimizer)
    family = derive(network, law).family
    if family is None:
        raise ArgumentError("optimizer", f"no family was derived for {law.name}")
    r = parse_richness(richness)
    if not family.low <= r <= family.high:
        raise ArgumentError("richness", f"expected {family.low} <= r <= {family.high}, but got {r}")
    return family, Training.of(law.name, data=data, batch=batch, steps=1), r
