"""Check a model and its optimizer as they are: derived orders beside measured ones, the cause, and the repair.

*Derived.* The module is traced and translated into a network on orders of magnitude; how it is set is read off its own
initial tensors and its optimizer's groups. The criteria are then checked at infinite width, exactly.

*Measured.* The model is trained a few steps by its own optimizer at several widths and seeds, and every value is fitted
that theory has an order of. Where the two witnesses differ by more than finite widths explain, theory does not know
what the model does: a gradient of the user's own that is off by a power of the width is seen here alone.

*The cause.* The fewest numbers whose change meets the criteria, of starts, rates and the code's own multipliers: one
mistake is one number, not its many consequences (`symbolic.evaluation.causes`). Where no numbers do, the structure is
named, with the smallest change of it. Where theory finds nothing, but training differs, the first value that does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.displays import Displayed, json_text
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, power_of
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Check, Forbidden, Repair
from scalings.results.fits import Fit, Verdict
from scalings.results.trials import Training
from scalings.studies import modules
from scalings.studies.comparisons import Agreement
from scalings.studies.model_findings import (
    ModelFinding,
    of_changes,
    of_conflict,
    of_epsilons,
    of_training,
    of_untrained,
    of_values,
)
from scalings.studies.model_reading import reading
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_tensors import (
    NOT_YET,
    TensorVerdict,
    local_failures,
    measured_richness,
    tensors,
    uncovered,
)
from scalings.studies.prescribed_models import Model, Parameterized, repaired_model
from scalings.studies.quick_checks import quick_verdict
from scalings.tapes.translation.translation import Translation

if TYPE_CHECKING:
    from empirical.models.settings import Setting
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.measurement import Measurement
    from empirical.sweeps.sweep import Progress
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build

STEPS, SEEDS = 3, 3
MARGIN, EXCLUDED = Fraction(1, 4), Fraction(1, 2)
"""Where measured orders differ from derived ones by more than the first, theory does not know what the model does. What
is done wrong differs by the second or more, which PASS excludes; what finite widths do, by less than the first."""
_READ = ("W_frobenius", "W_spectral", "dW_spectral")
"""What is known of the weights from how the model is set, and the costly norm of updates, which have another."""
_EARLY = 0.1
"""A slope that is foretold to be further from its order than this says nothing of the order."""
_CHANGES = ("dW_frobenius", "decay")
"""What is not told apart of a weight that decays: what the updates did, and what decay took."""
_CAP, _ENOUGH = 2, 3
"""Small widths have at most so many times the seeds, unless these are enough."""
_QUICK = (64, 80, 96, 128, 160, 192, 224, 256)
"""Widths of a quick check."""


@dataclass(frozen=True, repr=False)
class ModelCheck(Displayed):
    """The verdict on a model and its optimizer, and what it rests on.

    - `check`: derived, at infinite width, from how the model is set.
    - `agreement`: the orders that were measured while the model trained, beside the derived ones.
    - `findings`: what to change, one for each mistake; empty if there is nothing.
    - `repair`: the nearest setting that meets the criteria, or those that forbid any.
    - `measured_richness`: the order of the largest measured |dz| of hidden values; None if none of them moved.
    - `tensors`: each value by itself, by its name.
    - `repaired`: the model, set as the repair says, where it changes anything; `verified` is the check of that.
    """

    verdict: Verdict
    reason: str
    problem: Problem
    parameterization: Parameterization
    settings: tuple[ParameterSetting, ...]
    check: Check
    agreement: Agreement
    findings: tuple[ModelFinding, ...]
    repair: Repair | Forbidden
    notes: tuple[str, ...] = ()
    measured_richness: Fit | None = None
    tensors: Mapping[str, TensorVerdict] = field(default_factory=dict)
    repaired: Parameterized | None = None
    verified: ModelCheck | None = None

    @property
    def regime(self) -> str:
        """Unstable, trivial, lazy or rich, as derived."""
        return self.check.regime

    @property
    def richness(self) -> Exponent | None:
        """The derived richness r; None if training is not stable, or the output does not move."""
        return self.check.richness

    def to_json(self) -> str:
        """The check as JSON text."""
        return json_text(self)


def check_model(
    build: Build,
    optimizer: Callable[[Any], Any],
    data: object,
    loss: Loss | None = None,
    *,
    widths: Sequence[int] | None = None,
    steps: int = STEPS,
    seeds: int = SEEDS,
    verify: bool = False,
    clip: float | None = None,
    quick: bool = False,
    announce: Callable[[Cost], object] | None = None,
    progress: Progress | None = None,
) -> ModelCheck:
    """Whether a model and its optimizer are set so that training is stable, moves and learns alike at every width.

    - `build`: a function of the width that makes the module, or a dict with one without arguments for each width.
    - `optimizer`: a function of the module that makes its torch optimizer, a list of them, or a pair with a scheduler.
    - `data`: what the module is given, as for `trace`; `loss`: a function of its output.
    - `widths`: of training, eight or more for a verdict; default half octaves from 64 on.
    - `verify`: check the repaired model too, where there is a repair, which takes as long again.
    - `clip`: the norm of all gradients together at which they are clipped before each step.
    - `quick`: one seed, two steps and widths up to 256 unless others are given: seconds, and wider intervals.
    - `announce`: is told what training will cost, before it starts.

    Raises ArgumentError, in one line, for what cannot be traced, set or trained.
    """
    from empirical.engines.module.problem import ModuleProblem
    from empirical.sweeps.modules import plan
    from empirical.sweeps.sweep import carry_out
    from symbolic.evaluation.causes import causes_of, conflict_within
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import prediction_of

    if not callable(optimizer):
        raise ArgumentError("optimizer", "expected a function that is given the module and makes its optimizer")
    _check_numbers(widths, steps, seeds)
    if quick:
        steps, seeds, widths = min(steps, 2), 1, widths or (None if isinstance(build, Mapping) else _QUICK)
    read = reading(build, optimizer, data, loss, widths=_traced_widths(build, widths), steps=steps, clip=clip)
    traced, seen, problem, given = read.traced, read.seen, read.problem, read.given
    translation, rows, notes = traced.translation, read.rows, [*read.notes]
    run = train_given(problem, given, steps)
    derived = verdict_on(run)
    repaired = causes_of(read.without_epsilons, given)
    drowned = read.drowned if read.drowned and _changes(causes_of(problem, given)) != _changes(repaired) else []
    training = Training.of("sgd", steps=steps)
    module = ModuleProblem(read.build, data, read.loss, traced, translation, given, training)
    cap = _CAP if seeds < _ENOUGH and not quick else 1
    sweep = plan(module, widths=widths, seeds=seeds, cap=cap, optimizer=read.optimizer)
    if announce:
        announce(sweep.cost())
    measured = carry_out(sweep, progress)
    decaying = {row.layer for row in rows if row.decay != MINUS_INFINITY}
    without_rule = uncovered(translation)
    predicted = prediction_of(run, steps)
    orders = {
        one: order
        for one, order in predicted.items()
        if one.quantity not in _READ
        and not (one.quantity in _CHANGES and one.layer in decaying)
        and one.layer not in without_rule
    }
    early = set(_not_yet(problem, translation, seen, orders, measured, traced.widths[-1])) if derived.stable else set()
    notes += _on_early(early)
    orders = {one: order for one, order in orders.items() if one not in early}
    # What the initial output leaves of a slow sum moves exponents by less than MARGIN.
    agreement = modules.agreement(
        translation, orders, measured, MARGIN, stable=derived.stable, centered=True, excluded=EXCLUDED
    )
    frozen = {node.weight for node in translation.network.layers if node.frozen}
    findings = [*of_untrained(rows, frozen), *of_epsilons(drowned)]
    if isinstance(repaired, Repair):
        # Where no rule covers a value, what theory would change of it is no finding: measured orders decide.
        findings += of_changes([one for one in repaired.changes if one[0] not in without_rule], rows)
    else:
        findings.append(of_conflict(conflict_within(problem)))
    if not any(one.is_wrong for one in findings):
        findings += of_training(translation.network, agreement, MARGIN)
        findings += of_values(local_failures(translation, measured.fits, MARGIN))
    verdict, reason = _verdict(derived, agreement, findings)
    if quick and verdict == "INCONCLUSIVE":
        verdict, reason = quick_verdict(derived, agreement)
    mended = repaired_model(Model(build, optimizer, data, loss), traced, problem, rows, seen, repaired)
    verified = mended.check(widths=widths, steps=steps, seeds=seeds, clip=clip) if mended and verify else None
    return ModelCheck(
        *(verdict, reason, problem, given, rows, derived, agreement, tuple(findings), repaired, tuple(notes)),
        measured_richness=measured_richness(translation.network, measured.fits),
        tensors=tensors(translation, derived, predicted, measured.fits, agreement, early, MARGIN),
        repaired=mended,
        verified=verified,
    )


def _changes(repaired: Repair | Forbidden) -> tuple[object, ...]:
    return repaired.changes if isinstance(repaired, Repair) else repaired.criteria


def _traced_widths(build: Build, widths: Sequence[int] | None) -> Sequence[int] | None:
    """The ends and the middle of the widths of training; None where there are too few, or none are given."""
    given = sorted(set(build if isinstance(build, Mapping) and widths is None else widths or ()))
    return [given[0], given[len(given) // 2], given[-1]] if len(given) > 2 else None


def _not_yet(
    problem: Problem,
    translation: Translation,
    seen: Mapping[str, Setting],
    orders: Mapping[Observable, Exponent],
    measured: Measurement,
    reference: int,
) -> Iterator[Observable]:
    """What is not yet of its order at these widths, as theory itself foretells of the sizes of weights and steps there:
    the slope that it foretells is another one, and it is the one that was measured."""

    def weights_at(width: int) -> list[LayerExponents[float]]:
        ratio = width / reference
        settings = [seen[translation.weights[node.weight][-1]] for node in translation.network.layers]
        return [
            LayerExponents(1.0, one.size * power_of(ratio, one.init), _rate(one) * power_of(ratio, one.lr))
            for one in settings
        ]

    steps = max(one.step for one in orders)
    slopes = modules.foretold(problem, weights_at, measured.widths, steps)
    for one, fit in measured.fits.items():
        order = orders.get(one, MINUS_INFINITY)
        if one in slopes and order != MINUS_INFINITY and isinstance(fit, Fit):
            off = abs(slopes[one] - order)
            if off > _EARLY and abs(fit.plain - slopes[one]) <= max(_EARLY, off / 2):
                yield one


def _rate(setting: Setting) -> float:
    return setting.options.lr if setting.options else 0.0


def _on_early(early: Collection[Observable]) -> list[str]:
    names = sorted({one.layer or "the loss" for one in early})
    if not names:
        return []
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return [
        f"{NOT_YET}: at these widths, as theory foretells of these sizes, values of {shown} are not of their orders"
    ]


def _check_numbers(widths: Sequence[int] | None, steps: int, seeds: int) -> None:
    for name, number in (("steps", steps), ("seeds", seeds)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ArgumentError(name, f"expected a whole number of at least 1, but got {number!r:.60}")
    if widths is not None and not (isinstance(widths, Sequence) and all(isinstance(one, int) for one in widths)):
        raise ArgumentError("widths", f"expected whole numbers, but got {widths!r:.60}")


def _verdict(check: Check, agreement: Agreement, findings: Sequence[ModelFinding]) -> tuple[Verdict, str]:
    if wrong := [one for one in findings if one.is_wrong]:
        others = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return "FAIL", f"{wrong[0].sentence}{others}"
    if agreement.verdict == "FAIL":
        return "FAIL", f"training does not do what theory says: {agreement.reason}"
    if agreement.verdict == "INCONCLUSIVE":
        return "INCONCLUSIVE", agreement.reason
    return "PASS", f"it is {check.regime}, r = {check.richness}; {agreement.reason}"
