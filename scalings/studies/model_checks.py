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
from functools import partial
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.displays import Displayed, json_text
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Change, Check, Forbidden, Repair
from scalings.results.fits import Fit, Verdict
from scalings.studies.asked import STEPS, Asked
from scalings.studies.comparisons import Agreement
from scalings.studies.default_widths import widths_it_takes
from scalings.studies.model_findings import (
    ModelFinding,
    contradiction,
    in_one_sentence,
    of_changes,
    of_conflict,
    of_drowning_decays,
    of_epsilons,
    of_kept_frozen,
    of_moved_twice,
    of_norms,
    of_training,
    of_untrained,
    of_values,
)
from scalings.studies.model_reading import Model, Reading, apart, reading, runs_of, traced_as_one
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_tensors import TensorVerdict, local_failures, measured_richness, tensors
from scalings.studies.model_theory import ModelTheory, theory_of
from scalings.studies.model_trials import MARGIN, Trial, trial_of
from scalings.studies.prescribed_models import Parameterized, repaired_model
from scalings.studies.quick_checks import quick_verdict
from scalings.studies.uncentred_starts import harmless_means, of_means
from scalings.studies.wishes import WishedRegime

if TYPE_CHECKING:
    from empirical.models.building import Starts
    from empirical.models.training import Runs
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.sweep import Progress, Sweep
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build


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
    seeds: int | None = None,
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
    - `widths`: eight or more, default half octaves from 64; `seeds`: 3, or 12 if 3 leave it open.
    - `verify`: check the repaired model too; `clip`: the norm that all gradients together are clipped to in each step.
    - `quick`: one seed, two steps and widths up to 256 unless others are given: seconds, and wider intervals.
    - `regime` ("rich" or "lazy") or `richness`: FAIL for any other, with the repair that leads there; default any.
    - `device`: "auto", "cpu", "cuda" or a torch device to train on; `announce`: is told the cost of that before.

    Raises ArgumentError, in one line, for what cannot be traced, set or trained.
    """
    training = {"widths": widths, "steps": steps, "seeds": seeds, "clip": clip, "quick": quick, "device": device}
    asked = Asked.of(build, **training, regime=regime, richness=richness)
    if not callable(optimizer):
        raise ArgumentError("optimizer", "expected a function that is given the module and makes its optimizer")
    check = partial(_checked, Model(build, optimizer, data, loss), verify=verify, announce=announce, progress=progress)
    try:
        return check(asked)
    except ArgumentError as error:
        others = None
        if widths is None and error.argument == "build" and not isinstance(build, Mapping):
            others = widths_it_takes(build, data, loss, quick=quick)
        if others is None:
            raise
        why = f"the usual ones cannot all be had: {error.message}"
        said = f"trained at widths {', '.join(map(str, others))}, since {why}"
        return check(replace(asked, widths=others), remarks=(said,))


def _checked(
    model: Model,
    asked: Asked,
    *,
    verify: bool,
    announce: Callable[[Cost], object] | None,
    progress: Progress | None,
    remarks: Sequence[str] = (),
) -> ModelCheck:
    """The check of `check_model`, at the widths that are asked for."""
    starts, kept = _as_trained(model.build, model.optimizer, asked.widths)
    model = replace(model, build=starts.build)
    traced = apart(
        traced_as_one(model.build, model.data, model.loss, asked.traced_widths(model.build)), model.optimizer, starts
    )
    runs = runs_of(model, traced, asked.steps, asked.clip, asked.device)
    read = reading(model, traced, steps=asked.steps, clip=asked.clip, runs=runs)
    theory = theory_of(read, asked.steps, asked.wish)
    trial, findings, verdict, reason = _tried(read, theory, runs, asked, announce, progress)
    drowned = {row.weight: theory.gradients.get(row.layer, MINUS_INFINITY) for row in theory.drowned}
    repaired = repaired_model(theory.mended, theory.remedy, theory.remarks, drowned) if verdict != "PASS" else None
    verify = verify and not theory.code_remains
    return ModelCheck(
        *(verdict, reason, read, theory.check, trial.agreement, findings, theory.causes),
        notes=(
            *read.notes,
            *remarks,
            *kept,
            *_remarks(theory, verdict, asked=asked.wish is not None),
            *trial.notes,
            *_drawn(trial, asked),
        ),
        measured_richness=measured_richness(read.traced.translation.network, trial.measured.fits, theory.sizes),
        tensors=_tensors(read, theory, trial),
        repaired=repaired,
        verified=repaired.check(**vars(asked), progress=progress) if repaired and verify else None,
    )


def _as_trained(
    build: Build, optimizer: Callable[[Any], Any], widths: Sequence[int] | None
) -> tuple[Starts, Sequence[str]]:
    """Models that are new each time and as the function of the optimizer sets them, and remarks on that."""
    from empirical.models.building import as_trained
    from empirical.tracing.trace import WIDTHS

    given = widths or (build if isinstance(build, Mapping) else WIDTHS)
    return as_trained(build, optimizer, min(given, default=WIDTHS[0]))


def _tried(
    read: Reading,
    theory: ModelTheory,
    runs: Runs,
    asked: Asked,
    announce: Callable[[Cost], object] | None,
    progress: Progress | None,
) -> tuple[Trial, tuple[ModelFinding, ...], Verdict, str]:
    """Training beside theory, what is found, and the verdict; from more seeds where they may tell what is open."""
    from empirical.sweeps.sweep import carry_out

    for seeds in asked.looks:
        sweep = _sweep(read, runs, asked, seeds)
        if announce:
            try:
                announce(sweep.cost())
            except ArgumentError:  # that takes too long
                if seeds == asked.looks[0]:
                    raise
                break
        trial = trial_of(read, theory, carry_out(sweep, progress), len(asked.looks))
        findings = _findings(read, theory, trial)
        verdict, reason = _verdict(theory, trial, findings, quick=asked.quick)
        if verdict != "INCONCLUSIVE" or not trial.is_open:
            break
    else:
        if not asked.quick and (enough := trial.seeds_to_settle(seeds)):
            reason = f"{reason}; if theory is right, about seeds={enough} settle all of them"
    return trial, findings, verdict, reason


def _sweep(read: Reading, runs: Runs, asked: Asked, seeds: int) -> Sweep:
    """The model, to be trained by its own optimizer; runs that were done are not done again."""
    from empirical.sweeps.modules import plan

    problem = replace(runs.problem, parameterization=read.given)
    return plan(problem, widths=asked.widths, seeds=seeds, cap=asked.cap, runs=runs)


def _tensors(read: Reading, theory: ModelTheory, trial: Trial) -> dict[str, TensorVerdict]:
    """The verdict on each value."""
    derived = read.traced.translation, theory.check, theory.predicted
    return tensors(*derived, trial.measured.fits, trial.agreement, trial.early, MARGIN)


def _findings(read: Reading, theory: ModelTheory, trial: Trial) -> tuple[ModelFinding, ...]:
    """What theory finds wrong; if it is nothing, what does not normalize, or where training does something else."""
    translation = read.traced.translation
    changes: tuple[Change, ...] = theory.causes.changes if isinstance(theory.causes, Repair) else ()
    findings = [*of_untrained(read.rows, changes), *of_moved_twice(read.rows)]
    findings += of_epsilons(theory.drowned, theory.gradients)
    if theory.conflict:
        findings += of_conflict(theory.conflict, theory.structure, translation.network)
    findings += of_drowning_decays(theory.drowning, read.rows, changes)
    changes = tuple(one for one in changes if not (one[1] == "decay" and one[0] in theory.drowning))
    findings += of_means(read.rows, changes, trial.agreement)
    findings += of_changes(changes, read.rows, translation.reading)
    if not any(one.is_wrong for one in findings):
        findings += of_norms(trial.norms)
    if not trial.runaway and not any(one.is_wrong for one in findings):
        findings += of_training(translation.network, trial.agreement, MARGIN)
        measured = trial.measured.fits
        findings += of_values(local_failures(translation, measured, MARGIN), translation.network, measured)
    kept = {row.weight for row in theory.kept_frozen}
    findings = [one for one in findings if not (one.what == "frozen" and one.parameter in kept)]
    return (*findings, *of_kept_frozen(theory.kept_frozen, str(theory.wish)))


def _remarks(theory: ModelTheory, verdict: Verdict, *, asked: bool) -> Iterator[str]:
    yield from harmless_means(theory.mended.rows, verdict)
    if theory.conflict and theory.structure:
        yield f"without that no numbers {contradiction(theory.conflict)}"
    causes, is_reachable = theory.causes, not theory.out_of_reach
    if not asked and is_reachable and isinstance(causes, Repair) and causes.changes and causes.verdict.regime == "lazy":
        yield (
            "the fewest changes make it lazy (r = 0): features change ever less as n grows; "
            'regime="rich" asks for those with which they are learned'
        )


def _drawn(trial: Trial, asked: Asked) -> Iterator[str]:
    few, many = asked.looks[0], max(trial.measured.seeds.values())
    if len(asked.looks) > 1 and many > few:
        yield f"trained from {many} seeds, since {few} left orders open"


def _verdict(
    theory: ModelTheory, trial: Trial, findings: Sequence[ModelFinding], *, quick: bool
) -> tuple[Verdict, str]:
    agreement = trial.agreement
    wrong = [one for one in findings if one.is_wrong]
    if wrong or theory.missed:
        what = in_one_sentence(wrong) if wrong else "no init scales and learning rates make it so"
        return "FAIL", f"{theory.missed}{': ' if theory.missed else ''}{what}"
    if trial.runaway:
        return "INCONCLUSIVE", trial.runaway
    if agreement.verdict == "FAIL":
        return "FAIL", f"training does not do what theory says: {agreement.reason}"
    check = theory.check
    if agreement.verdict == "INCONCLUSIVE":
        return quick_verdict(check, agreement) if quick else ("INCONCLUSIVE", agreement.reason)
    return "PASS", f"it is {check.regime}, r = {check.richness}; {agreement.reason}"
