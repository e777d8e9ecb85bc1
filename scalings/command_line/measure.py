"""The command `measure`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import exit_code, progress_bar
from scalings.command_line.long_training import measure_long
from scalings.command_line.options import Chosen
from scalings.command_line.output import ExplainedOutput, Output
from scalings.command_line.parsing import Whole, parse_delta, parse_gamma, parse_widths
from scalings.command_line.user_modules import running
from scalings.errors import ArgumentError
from scalings.results.trials import Training, check_engine


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Looking:
    """What is looked at in training."""

    spectra: Annotated[bool, Parameter(negative="")] = False
    """Take the spectral norms of weights too, where they are drawn in full, as auto then does; of a weight that is
    square in the width the order is asserted. Costs more than training."""
    coordinates: Annotated[bool, Parameter(negative="")] = False
    """Look at the sizes of representations, of their changes, and the loss only: a coordinate check, in a fraction of
    the time, in single precision where changes are carried and not subtracted (an mlp in the width, but for
    shampoo)."""
    long: Annotated[bool, Parameter(negative="")] = False
    """Train for hundreds of updates, and print by layer how far updates are aligned with what they act on, beside what
    theory assumes (--alpha, --omega): whether, and when, that stops to hold."""

    def check(self, *, is_module: bool) -> None:
        """Raises ArgumentError for what cannot be looked at together, or at all."""
        if self.long and (is_module or self.spectra or self.coordinates):
            asked = "of networks alone" if is_module else "without --spectra and --coordinates"
            raise ArgumentError("long", f"alignments are measured {asked}")
        if self.spectra and self.coordinates:
            raise ArgumentError("spectra", "a coordinate check does not look at weights")


def measure(
    chosen: Chosen = Chosen(),  # noqa: B008 - frozen
    *,
    gamma: str = "1",
    data: str = "digits",
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    seeds: Whole | None = None,
    steps: Whole | None = None,
    batch: Whole | None = None,
    engine: str = "auto",
    centered: bool = True,
    looking: Looking = Looking(),
    delta: str | None = None,
    on: Resources = Resources(),  # noqa: B008 - frozen
    answer: ExplainedOutput = ExplainedOutput(),  # noqa: B008 - frozen
) -> int:
    """Train at many widths from many seeds, fit every exponent, and compare it with the derived one.

    Example: scalings measure --preset mup --widths 64,128,256,512

    Example: scalings measure --preset mup --long

    Parameters
    ----------
    gamma
        Prefactor of the richness of family:R, |dz| = gamma n^R at the hidden layers; no exponent depends on it.
    data
        digits, or mnist (needs the extra "data").
    widths
        Hidden widths, increasing, at least 3 and 8 for a verdict; default 128 to 65536 in octaves where updates are
        of low rank, as those of sgd, else 64 to 2048 in half octaves; of networks that are not an mlp 64 to 1024 or
        32 to 384.
    seeds
        Runs at the largest width; smaller widths get more. Default 1 or 12; of networks that are not an mlp as many
        as a minute on two cores allows, 8 to 96.
    steps
        Number of updates; default 3, or 2 of networks that are not an mlp, or 300 with --long.
    batch
        Number of examples, all of which make up every update; default 16, or 4 lines of text.
    engine
        auto, dense or matrix-free: matrices that are drawn in full, or only where they are multiplied with; auto
        takes the cheaper one at each width. The law is the same.
    centered
        Train f - f_0 instead of f: the same orders with less noise.
    delta
        The margin within which a measured exponent agrees with the derived one; default 0.05, or 0.1 of networks that
        are not an mlp. With --long alignments agree within twice as much; default 0.125.
    """
    from empirical.data import tasks
    from empirical.data.examples import input_size
    from scalings.studies import long_training, measuring, modules

    margin, sizes, model = None if delta is None else parse_delta(delta), parse_widths(widths), chosen.model
    on.check(widths=sizes, seeds=seeds, steps=steps, batch=batch, long=looking.long)
    check_engine(engine)
    looking.check(is_module=model.module is not None)
    answer.check()
    problem, parameterization = chosen.resolve(input_size(data), parse_gamma(gamma))
    network, law, own = problem.network, problem.law, model.module
    if own is None and model.translation:
        raise ArgumentError("network", "expected MODULE:NAME, since what trace wrote holds no module to train")
    if own:
        measuring.check_trained(problem)
    updates = (
        (long_training.LONG_STEPS if looking.long else measuring.default_steps(network)) if steps is None else steps
    )
    training = (
        Training.of(law.name, steps=updates)
        if own
        else Training.of(
            law.name,
            data=data,
            batch=measuring.default_batch(network) if batch is None else batch,
            steps=updates,
            centered=centered,
            loss=model.objective,
            spectra=looking.spectra,
            observing="coordinates" if looking.coordinates else "all",
        )
    )
    if own:
        modules.check_options(model.scale, engine, on.device)
        given = {
            "data": data != "digits",
            "batch": batch is not None,
            "spectra": looking.spectra,
            "coordinates": looking.coordinates,
        }
        if unused := next((name for name, is_given in given.items() if is_given), ""):
            raise ArgumentError(unused, "expected none, since a module brings its own data and is observed as it is")
        centered = False
    else:
        tasks.load(network, training)
    if looking.long:
        return measure_long(
            problem,
            parameterization,
            training,
            widths=sizes,
            seeds=seeds,
            engine=engine,
            margin=2 * float(margin or long_training.LONG_DELTA),
            on=on,
            answer=Output(output=answer.output, overwrite=answer.overwrite, format=answer.format),
        )

    # What is wrong with the options is said by now: here torch is loaded, which takes seconds.
    from empirical.sweeps.measurement import Interrupted
    from empirical.sweeps.sweep import carry_out
    from scalings.figures.measurements import measurement_figure
    from scalings.reports import documents, measurements, tables
    from scalings.studies.comparisons import compare
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import prediction_of

    interrupted, on_orders = False, train_given(problem, parameterization, updates)
    try:
        with running() if own else nullcontext():
            sweep = (
                modules.plan(
                    own.traced,
                    parameterization,
                    training,
                    build=own.build,
                    data=own.data,
                    loss=own.loss,
                    widths=sizes,
                    seeds=seeds,
                )
                if own
                else measuring.plan(
                    network,
                    measuring.with_epsilons(parameterization, problem),
                    measuring.beside_epsilons(measuring.gentle(training, network, model.scale), on_orders),
                    scale=model.scale,
                    widths=sizes,
                    seeds=seeds,
                    device=on.device,
                    engine=engine,
                )
            )
            on.announce(sweep.cost())
            with progress_bar() as progress:
                measurement = carry_out(sweep, progress)
    except Interrupted as early:
        measurement, interrupted = early.measurement, True
    orders, check = prediction_of(on_orders, updates), verdict_on(on_orders)
    if own:
        agreement = modules.agreement(own.translation, orders, measurement, margin, stable=check.stable)
    else:
        agreement = compare(network, orders, measurement.fits, margin, stable=check.stable, centered=centered)
    title = parameterization.name
    answer.give(
        [
            *tables.split_report(network, tuple(problem.laws.values())),
            *tables.choice_report(parameterization),
            tables.in_theory([(title, check)], tables.AGREES),
            measurements.agreement_table([(title, agreement)], updates),
            f"engine: {measurement.engine}",
            tables.verdict_line(title, agreement),
        ],
        {
            **measurements.measurement_document(measurement, agreement),
            **documents.regime_document(check),
            "interrupted": interrupted,
        },
        partial(measurement_figure, measurement, agreement, check, scale=model.scale),
    )
    return exit_code(agreement.verdict, measurement.widths, interrupted=interrupted, variable=model.scale)
