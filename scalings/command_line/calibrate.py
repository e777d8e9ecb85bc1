"""The command `calibrate`."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import DERIVED, Resources, check_weights
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.output import ExplainedOutput
from scalings.command_line.parsing import Whole, parse_delta, parse_richness, parse_widths
from scalings.criteria.conditions import Closing, tutorial_system
from scalings.errors import ArgumentError
from scalings.hyperparameters.splits import laws
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
    delta: str = "0.05",
    on: Resources = Resources(),  # noqa: B008 - frozen
    answer: ExplainedOutput = ExplainedOutput(),  # noqa: B008 - frozen
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
    delta
        The margin within which a solved exponent agrees with the derived one.
    """
    margin, sizes = parse_delta(delta), parse_widths(widths)
    on.check(widths=sizes, seeds=seeds, batch=batch)
    answer.check()
    family, training, r = member_asked(depth, optimizer, activation, data, batch, richness)
    system = tutorial_system(family.network, r, criteria, training.steps)

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from empirical.experiments import calibration
    from scalings.figures.calibration import calibration_figure
    from scalings.reports.calibration import calibration_document, calibration_report
    from scalings.studies.calibration import CalibrationAgreement

    with progress_bar() as progress:
        found = calibration.calibrate(
            family.network,
            system,
            training,
            widths=sizes,
            seeds=seeds,
            device=on.device,
            progress=progress,
            announce=on.announce,
        )
    agreement = CalibrationAgreement(found, family, r, margin)
    draw = partial(calibration_figure, agreement)
    answer.give(calibration_report(agreement), calibration_document(agreement), draw)
    return exit_code(agreement.verdict, found.seeds, interrupted=found.interrupted)


def member_asked(
    depth: int, optimizer: str, activation: Activation, data: str, batch: int, richness: str
) -> tuple[Family, Training, Fraction]:
    """The derived family, how its networks are trained, and the richness. Raises ArgumentError for wrong options."""
    from empirical.data import examples
    from symbolic.derivation.derive import derive

    network, law = mlp(depth, activation, inputs=examples.input_size(data)), laws(optimizer)
    check_weights(network, DERIVED, "to derive for")
    examples.load(data, batch)
    family = derive(network, law).family
    if family is None:
        raise ArgumentError("optimizer", f"no family was derived for {law.name}")
    r = parse_richness(richness)
    if not family.low <= r <= family.high:
        raise ArgumentError("richness", f"expected {family.low} <= r <= {family.high}, but got {r}")
    return family, Training.of(law.name, data=data, batch=batch, steps=1), r
