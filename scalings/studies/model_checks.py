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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.displays import Displayed, json_text
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Change, Check, Forbidden, Repair
from scalings.results.fits import Fit, Verdict
from scalings.studies import modules
from scalings.studies.comparisons import Agreement
from scalings.studies.early_orders import comparable, early_note, early_orders
from scalings.studies.model_findings import (
    ModelFinding,
    contradiction,
    in_one_sentence,
    of_changes,
    of_conflict,
    of_epsilons,
    of_moved_twice,
    of_training,
    of_untrained,
    of_values,
)
from scalings.studies.model_reading import Model, Reading, apart, reading, runs_of, traced_as_one
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_tensors import TensorVerdict, local_failures, measured_richness, tensors
from scalings.studies.model_theory import ModelTheory, theory_of
from scalings.studies.prescribed_models import Parameterized, repaired_model
from scalings.studies.quick_checks import quick_verdict
from scalings.studies.wishes import WishedRegime, wish_of

if TYPE_CHECKING:
    from empirical.models.building import Starts
    from empirical.models.training import Runs
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.measurement import Measurement
    from empirical.sweeps.sweep import Progress
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build

STEPS, SEEDS = 3, 3
MARGIN, EXCLUDED = Fraction(1, 4), Fraction(1, 2)
"""Where measured orders differ from derived ones by more than the first, theory does not know what the model does. What
is done wrong differs by the second or more, which PASS excludes; what finite widths do, by less than the first."""
_CAP, _ENOUGH = 2, 3
"""Small widths have at most so many times the seeds, unless these are enough."""
_QUICK = (64, 80, 96, 128, 160, 192, 224, 256)
"""Widths of a quick check."""


@dataclass(frozen=True, repr=False)
class ModelCheck(Displayed):
    """The verdict on a model and its optimizer, and what it rests on.

    - `reading`: the model as theory sees it: its network, and how each weight is set.
    - `check`: derived, at infinite width, from how the model is set.
    - `agreement`: the orders that were measured while the model trained, beside the derived ones.
    - `findings`: what to change, one for each mistake; empty if there is nothing.
    - `repair`: the nearest setting that meets the criteria, numbers in the code among it, or those that forbid any.
    - `measured_richness`: the order of the largest measured |dz| of hidden values; None if none of them moved.
    - `tensors`: each value by itself, by its name.
    - `repaired`: the model, set as the repair says, where starts, rates or decays change; `verified` is the check of
      that.
    """

    verdict: Verdict
    reason: str
    reading: Reading
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
    def problem(self) -> Problem:
        """The network, the law of each weight, and the loss, that theory was asked about."""
        return self.reading.problem

    @property
    def settings(self) -> tuple[ParameterSetting, ...]:
        """How each weight is set."""
        return self.reading.rows

    @property
    def parameterization(self) -> Parameterization:
        """The same as exponents."""
        return self.reading.given

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
    regime: WishedRegime | None = None,
    richness: Fraction | int | str | None = None,
    device: object = None,
    announce: Callable[[Cost], object] | None = None,
    progress: Progress | None = None,
) -> ModelCheck:
    """Whether a model and its optimizer are set so that training is stable, moves and learns alike at every width.

    - `build`: a function of the width that makes the module, or a dict with one without arguments for each width.
    - `optimizer`: a function of the module that makes its torch optimizer, a list of them, or a pair with a scheduler.
    - `data`: what the module is given, as for `trace`; `loss`: a function of its output.
    - `widths`: of training, eight or more for a verdict; default half octaves from 64 on.
    - `verify`: check the repaired model too; `clip`: the norm that all gradients together are clipped to in each step.
    - `quick`: one seed, two steps and widths up to 256 unless others are given: seconds, and wider intervals.
    - `regime` ("rich" or "lazy") or `richness`: FAIL for any other, with the repair that leads there; default any.
    - `device`: "auto", "cpu", "cuda" or a torch device to train on; `announce`: is told the cost of that before.

    Raises ArgumentError, in one line, for what cannot be traced, set or trained.
    """
    wish = wish_of(regime, richness)
    if not callable(optimizer):
        raise ArgumentError("optimizer", "expected a function that is given the module and makes its optimizer")
    check_numbers(widths, steps, seeds)
    if quick:
        steps, seeds, widths = min(steps, 2), 1, widths or (None if isinstance(build, Mapping) else _QUICK)
    starts, remarks = _as_trained(build, optimizer, widths)
    build = starts.build
    model = Model(build, optimizer, data, loss)
    traced = apart(traced_as_one(build, data, loss, _traced_widths(build, widths)), optimizer, starts)
    runs = runs_of(model, traced, steps, clip, device)
    read = reading(model, traced, steps=steps, clip=clip, runs=runs)
    theory = theory_of(read, steps, wish)
    cap = _CAP if seeds < _ENOUGH and not quick else 1
    measured = _trained(read, runs, widths, seeds, cap, announce, progress)
    agreement, early = _compared(read, theory, measured)
    findings = _findings(read, theory, agreement, measured)
    verdict, reason = _verdict(theory, agreement, findings)
    if quick and verdict == "INCONCLUSIVE":
        verdict, reason = quick_verdict(theory.check, agreement)
    repaired = repaired_model(read, theory.remedy, theory.remarks)
    verified = None
    if verify and repaired and not theory.code_remains:
        asked: dict[str, Any] = {"widths": widths, "steps": steps, "seeds": seeds, "clip": clip, "quick": quick}
        wished = {"regime": regime, "richness": richness}
        verified = repaired.check(**asked, **wished, device=device, progress=progress)
    return ModelCheck(
        *(verdict, reason, read, theory.check, agreement, findings, theory.causes),
        notes=(
            *(*read.notes, *remarks, *_remarks(theory, asked=wish is not None)),
            *(*_resized_note(measured), *early_note(early)),
        ),
        measured_richness=measured_richness(read.traced.translation.network, measured.fits),
        tensors=tensors(
            *(read.traced.translation, theory.check, theory.predicted, measured.fits, agreement, early, MARGIN)
        ),
        repaired=repaired,
        verified=verified,
    )


def _as_trained(
    build: Build, optimizer: Callable[[Any], Any], widths: Sequence[int] | None
) -> tuple[Starts, Sequence[str]]:
    """Models that are new each time and as the function of the optimizer sets them, and remarks on that."""
    from empirical.models.building import as_trained
    from empirical.tracing.trace import WIDTHS

    given = widths or (build if isinstance(build, Mapping) else WIDTHS)
    return as_trained(build, optimizer, min(given, default=WIDTHS[0]))


def _resized_note(measured: Measurement) -> list[str]:
    names = sorted({name.partition(":")[0] for name in modules.resized_layers(measured)})
    if not names:
        return []
    return [f"rows of {', '.join(names)} are of other examples after a step, so that their change is not compared"]


def _trained(
    read: Reading,
    runs: Runs,
    widths: Sequence[int] | None,
    seeds: int,
    cap: int,
    announce: Callable[[Cost], object] | None,
    progress: Progress | None,
) -> Measurement:
    """What is measured while the model trains by its own optimizer."""
    from empirical.sweeps.modules import plan
    from empirical.sweeps.sweep import carry_out

    problem = replace(runs.problem, parameterization=read.given)
    sweep = plan(problem, widths=widths, seeds=seeds, cap=cap, runs=runs)
    if announce:
        announce(sweep.cost())
    return carry_out(sweep, progress)


def _compared(read: Reading, theory: ModelTheory, measured: Measurement) -> tuple[Agreement, frozenset[Observable]]:
    """Measured orders beside derived ones, and those left out, of which theory foretells that these widths show other
    slopes."""
    translation, orders, is_stable = read.traced.translation, comparable(read, theory.predicted), theory.check.stable
    early = early_orders(read, orders, measured.fits, measured.widths) if is_stable else frozenset()
    orders = {one: order for one, order in orders.items() if one not in early}
    # What the initial output leaves of a slow sum moves exponents by less than MARGIN.
    agreement = modules.agreement(
        translation, orders, measured, MARGIN, stable=is_stable, centered=True, excluded=EXCLUDED
    )
    return agreement, early


def _findings(
    read: Reading, theory: ModelTheory, agreement: Agreement, measured: Measurement
) -> tuple[ModelFinding, ...]:
    """What theory finds wrong; if it is nothing, where training does something else."""
    translation = read.traced.translation
    changes: tuple[Change, ...] = theory.causes.changes if isinstance(theory.causes, Repair) else ()
    if theory.structure:
        changes = theory.structure.besides
    findings = [*of_untrained(read.rows, changes), *of_moved_twice(read.rows)]
    findings += of_epsilons(theory.drowned, theory.gradients)
    if theory.conflict:
        findings += of_conflict(theory.conflict, theory.structure, translation.network)
    findings += of_changes(changes, read.rows, translation.reading)
    if not any(one.is_wrong for one in findings):
        findings += of_training(translation.network, agreement, MARGIN)
        findings += of_values(local_failures(translation, measured.fits, MARGIN))
    return tuple(findings)


def _remarks(theory: ModelTheory, *, asked: bool) -> Iterator[str]:
    if theory.conflict and theory.structure:
        yield f"without that no numbers {contradiction(theory.conflict)}"
    causes = theory.causes
    if not asked and isinstance(causes, Repair) and causes.changes and causes.verdict.regime == "lazy":
        yield (
            "the fewest changes make it lazy (r = 0): features change ever less as n grows; "
            'regime="rich" asks for those with which they are learned'
        )


def _traced_widths(build: Build, widths: Sequence[int] | None) -> Sequence[int] | None:
    """The ends and the middle of the widths of training; None where there are too few, or none are given."""
    given = sorted(set(build if isinstance(build, Mapping) and widths is None else widths or ()))
    return [given[0], given[len(given) // 2], given[-1]] if len(given) > 2 else None


def check_numbers(widths: object, steps: object, seeds: object) -> None:
    """Raises ArgumentError for what are no whole numbers."""
    for name, number in (("steps", steps), ("seeds", seeds)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ArgumentError(name, f"expected a whole number of at least 1, but got {number!r:.60}")
    if widths is not None and not (isinstance(widths, Sequence) and all(isinstance(one, int) for one in widths)):
        raise ArgumentError("widths", f"expected whole numbers, but got {widths!r:.60}")


def _verdict(theory: ModelTheory, agreement: Agreement, findings: Sequence[ModelFinding]) -> tuple[Verdict, str]:
    wrong = [one for one in findings if one.is_wrong]
    if wrong or theory.missed:
        what = in_one_sentence(wrong) if wrong else "no init scales and learning rates make it so"
        return "FAIL", f"{theory.missed}{': ' if theory.missed else ''}{what}"
    if agreement.verdict == "FAIL":
        return "FAIL", f"training does not do what theory says: {agreement.reason}"
    if agreement.verdict == "INCONCLUSIVE":
        return "INCONCLUSIVE", agreement.reason
    check = theory.check
    return "PASS", f"it is {check.regime}, r = {check.richness}; {agreement.reason}"
