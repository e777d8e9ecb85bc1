"""What theory says of a model as it is set: its orders, the verdict on them, what is wrong, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Node, Repeat, Weighted
from scalings.results.checks import Check, Forbidden, Repair
from scalings.results.derivations import Conflict
from scalings.studies.coupled_decay import decayed_apart, drowning_decays
from scalings.studies.model_reading import Reading
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_tensors import uncovered
from scalings.studies.rows_apart import rows_to_set_apart
from scalings.studies.wishes import RICH, Wish


@dataclass(frozen=True)
class Structure:
    """Multipliers that the code lacks, each between what is read and what reads it, as powers of the width."""

    multipliers: Mapping[tuple[str, str], Exponent]
    repair: Repair
    """With them, what else is to be changed."""


@dataclass(frozen=True)
class ModelTheory:
    """The derived half of a check."""

    check: Check
    predicted: Mapping[Observable, Exponent]
    """The orders of so many steps."""
    causes: Repair | Forbidden
    """The fewest numbers that are wrong, those in the code among them; with the multipliers of the `structure`, if it
    lacks any."""
    remedy: Repair | Forbidden
    """How starts, rates and decays alone would mend it; if they cannot, or no number in the code is wrong, `causes`."""
    conflict: Conflict | None
    """Why no numbers would."""
    structure: Structure | None
    """Which further multipliers would, then, if any do."""
    missed: str
    """What it is instead of what was asked for, in words, where that is all that is wrong; else empty."""
    out_of_reach: str
    """What was asked for, or "rich" if nothing was, where no numbers make it so, and why; else empty."""
    rows_apart: str
    """Which rows of one weight would make that possible if each kind had a weight of its own; empty if none would."""
    drowned: tuple[ParameterSetting, ...]
    """The weights whose epsilons ask for other numbers."""
    forgotten: tuple[ParameterSetting, ...]
    """The weights that the model would train, but its optimizer does not."""
    twice: tuple[ParameterSetting, ...]
    """The weights that are moved more than once in each step."""

    gradients: Mapping[str, Exponent]
    """The order of the entries of each layer's first gradient."""
    kept_frozen: tuple[ParameterSetting, ...]
    """The frozen weights of which some would have to be trained for what was asked for."""
    wish: Wish | None
    drowning: Mapping[str, Fraction]
    """By layer, how much larger the decay is than the gradient that Adam adds it to; empty where that is all right."""
    sizes: Mapping[str, Fraction]
    """The powers of the width by which `check` has multiplied values, where norms make that no matter."""
    mended: Reading
    """The model that `causes` and `remedy` speak of: as it is, or with decay apart from gradients."""

    @property
    def finds_fault(self) -> bool:
        """Whether anything is to be changed, so that training is not asked who is right."""
        changes = isinstance(self.causes, Forbidden) or bool(self.causes.changes)
        return changes or bool(self.missed or self.drowned or self.forgotten or self.twice or self.uncentred)

    @property
    def uncentred(self) -> frozenset[str]:
        """The layers whose starts have means that add up, which theory takes for zero."""
        return frozenset(row.layer for row in self.mended.rows if row.mean != MINUS_INFINITY)

    @property
    def code_remains(self) -> bool:
        """Whether the remedy is but a part: a number in the code is wrong or missing, which nothing else makes up
        for."""
        return self.structure is not None or _in_code(self.remedy)

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
        if self.out_of_reach:
            found.append(f"no init scales and learning rates make it {self.out_of_reach}")
        if self.rows_apart:
            found.append(self.rows_apart)
        if self.forgotten:
            names = ", ".join(row.weight for row in self.forgotten)
            found.append(f"let the optimizer train {names}, too: these numbers take it that it does")
        if self.twice:
            names = ", ".join(row.weight for row in self.twice)
            found.append(f"leave {names} in one group alone, too: these numbers take it that it is")
        if self.drowning:
            found.append("take AdamW in place of Adam: these numbers take decay to be apart from gradients")
        return tuple(found)


def theory_of(read: Reading, steps: int, wish: Wish | None = None) -> ModelTheory:
    """What is derived for a model, over so many steps; where the nearest setting is not what is asked for, what leads
    there."""
    from symbolic.evaluation.before_norms import Sizes
    from symbolic.evaluation.causes import causes_of, conflict_within
    from symbolic.evaluation.check import verdict_on
    from symbolic.evaluation.given_run import train_given
    from symbolic.evaluation.predict import prediction_of

    run = train_given(read.problem, read.given, steps)
    sizes = Sizes.of(read.problem, read.given)
    judged = train_given(sizes.full_problem, sizes.full(read.given), steps) if sizes else run
    check, nearest = verdict_on(judged, small_starts=True), causes_of(read.without_epsilons, read.given)
    drowning = drowning_decays(read)
    if drowning and _is_nearer(found := causes_of(decayed_apart(read).without_epsilons, read.given), nearest):
        read, nearest = decayed_apart(read), found
    else:
        drowning = {}
    drowned = read.drowned
    if drowned and _answer(causes_of(read.problem, read.given)) == _answer(nearest):
        drowned = []
    conflict = conflict_within(read.problem) if isinstance(nearest, Forbidden) else None
    structure = _structure(read, conflict, wish) if conflict else None
    aim = _Aim(structure.repair) if structure else _aimed(read, check, nearest, wish)
    causes = remedy = aim.causes
    if isinstance(causes, Repair) and _in_code(causes):
        remedy = _remedy(read, causes)
    without_rule = uncovered(read.traced.translation)
    return ModelTheory(
        check,
        prediction_of(run, steps),
        _covered(causes, read, without_rule),
        _covered(remedy, read, without_rule),
        conflict,
        structure,
        aim.missed,
        aim.out_of_reach,
        _rows_apart(read, wish) if aim.out_of_reach or (aim.missed and isinstance(aim.causes, Forbidden)) else "",
        tuple(drowned),
        tuple(row for row in read.rows if row.untrained and not row.frozen),
        tuple(row for row in read.rows if row.moved_twice),
        {node.name: _entries(node, run.orders) for node in read.problem.network.layers},
        _kept_frozen(read, wish) if wish and (aim.missed or aim.out_of_reach) else (),
        wish,
        drowning,
        sizes.values,
        read,
    )


def _rows_apart(read: Reading, wish: Wish | None) -> str:
    """What the rows of one weight keep it from, in words; empty if a weight for each kind of them would not help."""
    name = rows_to_set_apart(read.without_epsilons, read.given, wish.richness if wish else RICH)
    if not name:
        return ""
    (weight,) = (row.weight for row in read.rows if row.layer == name)
    rows = f"the rows of {weight} are of several kinds, whose numbers grow differently"
    return f"{rows}: with a weight of its own for each kind it can be {wish or 'rich'}"


def _kept_frozen(read: Reading, wish: Wish) -> tuple[ParameterSetting, ...]:
    """The frozen weights, if what no numbers reach while they are would be reached with all of them trained."""
    from symbolic.evaluation.causes import causes_of

    frozen = tuple(row for row in read.rows if row.frozen)
    if not frozen or isinstance(causes_of(read.without_epsilons, read.given, richness=wish.richness), Repair):
        return ()
    thawed = Network(tuple(_thawed(read.problem.network.nodes)), of_module=True)
    found = causes_of(replace(read.without_epsilons, network=thawed), read.given, richness=wish.richness)
    return frozen if isinstance(found, Repair) else ()


def _thawed(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Repeat):
            yield replace(node, nodes=tuple(_thawed(node.nodes)))
        else:
            yield replace(node, frozen=False) if isinstance(node, WEIGHTED) else node


@dataclass(frozen=True)
class _Aim:
    """What is to be changed, and what `ModelTheory` says of the same names."""

    causes: Repair | Forbidden
    missed: str = ""
    out_of_reach: str = ""


def _aimed(read: Reading, check: Check, nearest: Repair | Forbidden, wish: Wish | None) -> _Aim:
    """The nearest setting; of the richness that is asked for, if the nearest of any is another one."""
    from symbolic.evaluation.causes import causes_of

    def at(richness: Fraction) -> Repair | Forbidden:
        return causes_of(read.without_epsilons, read.given, richness=richness)

    if isinstance(nearest, Forbidden) or (wish and wish.is_met(nearest.verdict)):
        return _Aim(nearest)
    if wish is None:
        return _as_few_to_rich(nearest, at)
    found = at(wish.richness)
    if nearest.changes:
        return _Aim(found) if isinstance(found, Repair) else _Aim(nearest, out_of_reach=_excluded(str(wish), found))
    return _Aim(found, missed=wish.missed_by(check))


def _as_few_to_rich(nearest: Repair, at: Callable[[Fraction], Repair | Forbidden]) -> _Aim:
    """As many changes as the nearest setting takes, but to a rich one, if there are. One number is a mistake, and says
    what was meant; where several are wrong, nobody meant the member of the family that happens to be nearest."""
    if len(nearest.changes) < 2 or nearest.verdict.regime == "rich":
        return _Aim(nearest)
    rich = at(RICH)
    if isinstance(rich, Forbidden):
        return _Aim(nearest, out_of_reach=_excluded("rich", rich))
    return _Aim(rich if len(rich.changes) <= len(nearest.changes) else nearest)


def _excluded(what: str, found: Forbidden) -> str:
    exclude = "excludes" if len(found.criteria) == 1 else "exclude"
    return f"{what}: {' and '.join(found.criteria)} {exclude} that"


def _remedy(read: Reading, causes: Repair) -> Repair:
    """The nearest with the code as it is: at the richness that the code would have, if there is one."""
    from symbolic.evaluation.causes import causes_of

    for richness in (causes.richness, None):
        found = causes_of(read.without_epsilons, read.given, code=False, richness=richness)
        if isinstance(found, Repair):
            return found
    return causes


def _structure(read: Reading, conflict: Conflict, wish: Wish | None) -> Structure | None:
    """The multiplier that leaves the fewest numbers to change, or those that help only together; of the richness that
    is asked for, if there is one."""
    alone: list[tuple[tuple[str, str], ...]] = [(edge,) for edge in conflict.add]
    found = [_with_multipliers(read, edges, wish) for edges in alone or [conflict.add_all] if edges]
    return min((one for one in found if one), key=lambda one: len(one.repair.changes), default=None)


def _with_multipliers(read: Reading, edges: Sequence[tuple[str, str]], wish: Wish | None) -> Structure | None:
    """What is to be changed if the code multiplied there; None if that does not help."""
    from symbolic.evaluation.causes import causes_of, with_multipliers

    problem, names = with_multipliers(read.without_epsilons, edges)

    def at(richness: Fraction | None) -> Repair | Forbidden:
        return causes_of(problem, read.given, richness=richness)

    repair = wished = at(wish.richness) if wish else at(None)
    if wish and isinstance(wished, Forbidden):
        repair = at(None)
    if isinstance(repair, Forbidden):
        return None
    if wish is None and isinstance(rich := _as_few_to_rich(repair, at).causes, Repair):
        repair = rich
    powers = {name: new for name, _, _, new in repair.changes}
    besides = tuple(one for one in repair.changes if one[0] not in names.values())
    multipliers = {edge: powers.get(name, Fraction(0)) for edge, name in names.items()}
    return Structure(multipliers, replace(repair, changes=besides))


def _is_nearer(one: Repair | Forbidden, other: Repair | Forbidden) -> bool:
    """Whether one repair takes as few changes as the other."""
    return isinstance(one, Repair) and (isinstance(other, Forbidden) or len(one.changes) <= len(other.changes))


def _in_code(repair: Repair | Forbidden) -> bool:
    """Whether it changes a number in the code."""
    return isinstance(repair, Repair) and any(which == "scale" for _, which, _, _ in repair.changes)


def _entries(node: Weighted, orders: Mapping[Observable, Exponent]) -> Exponent:
    """The order of the entries of a weight's first gradient."""
    norm = orders.get(Observable("gradient", node.name, 1), MINUS_INFINITY)
    return norm - (node.fan_in * node.fan_out).order / 2


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
