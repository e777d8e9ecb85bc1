"""What theory says of a model as it is set: its orders, the verdict on them, what is wrong, and what would mend it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.results.checks import Check, Forbidden, Repair
from scalings.results.derivations import Conflict
from scalings.studies.model_reading import Reading
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_tensors import uncovered


@dataclass(frozen=True)
class ModelTheory:
    """The derived half of a check."""

    check: Check
    predicted: Mapping[Observable, Exponent]
    """The orders of so many steps."""
    causes: Repair | Forbidden
    """The fewest numbers that are wrong, those in the code among them."""
    remedy: Repair | Forbidden
    """How starts, rates and decays alone would mend it; if they cannot, or no number in the code is wrong, `causes`."""
    conflict: Conflict | None
    """Why no numbers would."""
    drowned: tuple[ParameterSetting, ...]
    """The weights whose epsilons ask for other numbers."""
    forgotten: tuple[ParameterSetting, ...]
    """The weights that the model would train, but its optimizer does not."""

    @property
    def code_remains(self) -> bool:
        """Whether the remedy is but a part: a number in the code is wrong, which nothing else makes up for."""
        return _in_code(self.remedy)

    @property
    def _richness(self) -> str:
        """Where it is another one than with the code changed."""
        if not isinstance(self.causes, Repair) or not isinstance(self.remedy, Repair):
            return ""
        own, other = self.remedy.richness, self.causes.richness
        return "" if own == other else f" at r = {own}; with the code changed as said it would be {other}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known of the remedy."""
        found = []
        if self.code_remains:
            found.append("first change the multipliers in the code as said: these numbers alone do not mend them")
        elif _in_code(self.causes):
            found.append(f"this leaves the multipliers in the code as they are, and makes up for them{self._richness}")
        if self.forgotten:
            names = ", ".join(row.weight for row in self.forgotten)
            found.append(f"let the optimizer train {names}, too: these numbers take it that it does")
        if self.drowned:
            found.append("make the epsilons smaller, too: these numbers take them for small")
        return tuple(found)


def theory_of(read: Reading, steps: int) -> ModelTheory:
    """What is derived for a model, over so many steps."""
    from symbolic.evaluation.causes import causes_of, conflict_within
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import prediction_of

    run = train_given(read.problem, read.given, steps)
    causes = remedy = causes_of(read.without_epsilons, read.given)
    if isinstance(causes, Repair) and _in_code(causes):
        remedy = _remedy(read, causes)
    drowned = read.drowned
    if drowned and _answer(causes_of(read.problem, read.given)) == _answer(causes):
        drowned = []
    without_rule = uncovered(read.traced.translation)
    return ModelTheory(
        verdict_on(run, small_starts=True),
        prediction_of(run, steps),
        _covered(causes, read, without_rule),
        _covered(remedy, read, without_rule),
        conflict_within(read.problem) if isinstance(causes, Forbidden) else None,
        tuple(drowned),
        tuple(row for row in read.rows if row.untrained and not row.frozen),
    )


def _remedy(read: Reading, causes: Repair) -> Repair:
    """The nearest with the code as it is: at the richness that the code would have, if there is one."""
    from symbolic.evaluation.causes import causes_of

    for richness in (causes.richness, None):
        found = causes_of(read.without_epsilons, read.given, code=False, richness=richness)
        if isinstance(found, Repair):
            return found
    return causes


def _in_code(repair: Repair | Forbidden) -> bool:
    """Whether it changes a number in the code."""
    return isinstance(repair, Repair) and any(which == "scale" for _, which, _, _ in repair.changes)


def _answer(repair: Repair | Forbidden) -> tuple[object, ...]:
    return repair.changes if isinstance(repair, Repair) else repair.criteria


def _covered(repair: Repair | Forbidden, read: Reading, without_rule: Collection[str]) -> Repair | Forbidden:
    """The repair but for what no rule covers, which stays as it is: there measured orders decide."""
    if isinstance(repair, Forbidden) or not without_rule:
        return repair
    each = zip(read.problem.network.layers, read.given.layers, repair.parameterization.layers, strict=True)
    layers = tuple(old if node.name in without_rule else new for node, old, new in each)
    changes = tuple(one for one in repair.changes if one[0] not in without_rule)
    return replace(repair, parameterization=replace(repair.parameterization, layers=layers), changes=changes)
