"""How the weights of a model are set, as the rows of a table: what they are now, and what a repair makes of them.

There is a column of multipliers where the code of the model has any beside a weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power
from scalings.hyperparameters.update_laws import optimizer
from scalings.results.checks import Changed, Repair
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.multipliers import Multiplier, beside_no_weight

Pair = tuple[Exponent, Exponent | None]
"""An exponent, and what the repair has in its place; None where that is the same."""
_WHICH: dict[Changed, str] = {"init": "init scale", "lr": "learning rate", "decay": "decay"}
_MULTIPLIER = "multiplier"


def settings_columns(answer: ModelCheck) -> tuple[str, ...]:
    """The names of the columns."""
    multiplier = (_MULTIPLIER,) if _has_multipliers(answer) else ()
    return ("parameter", "shape", "role", *multiplier, *_WHICH.values(), "law")


def settings_rows(answer: ModelCheck) -> Iterator[tuple[ParameterSetting, list[list[Pair]]]]:
    """Each weight with its exponents: of multipliers, if there is such a column, of which each use of a tied weight may
    have another, of the init scale, the learning rate and the decay."""
    wanted, has_multipliers = _wanted(answer), _has_multipliers(answer)
    for row in answer.settings:
        given: tuple[tuple[Changed, Exponent], ...] = (("init", row.init), ("lr", row.lr), ("decay", row.decay))
        cells = [[(exponent, wanted.get((row.layer, which)))] for which, exponent in given]
        pairs = (_multiplier(one, wanted) for one in row.multipliers)
        yield row, [list(dict.fromkeys(pairs)), *cells] if has_multipliers else cells


def other_multipliers(answer: ModelCheck) -> Iterator[tuple[str, Pair]]:
    """The powers of the width that the code multiplies by beside no weight, with their places, such as of attention
    scores."""
    wanted = _wanted(answer)
    for one in beside_no_weight(answer.problem.network):
        pair: Pair = one.order, wanted.get((one.name, "scale"))
        if pair != (0, None):
            yield one.name, pair


def shown_law(row: ParameterSetting) -> str:
    """The law by its name, or its powers as they were measured; and its epsilon, where that counts."""
    law = optimizer(row.law)
    shown = row.law
    if row.measured:
        fans = f", m={law.larger_fan}" if law.larger_fan else ""
        weight = f", s={law.weight}" if law.weight else ""
        shown = f"measured p={law.gradient}, q={law.fan_in},{law.fan_out}{fans}{weight}"
    return shown if row.epsilon == MINUS_INFINITY else f"{shown}, epsilon {format_power(row.epsilon, 'n')}"


def _wanted(answer: ModelCheck) -> dict[tuple[str, Changed], Exponent]:
    """What the repair changes, by the operation and the number."""
    if not isinstance(answer.repair, Repair):
        return {}
    return {(layer, which): new for layer, which, _, new in answer.repair.changes}


def _multiplier(one: Multiplier, wanted: Mapping[tuple[str, Changed], Exponent]) -> Pair:
    """The power that the code multiplies by, with what all of its numbers would be."""
    if not any((number, "scale") in wanted for number, _ in one.numbers):
        return one.order, None
    new: list[Exponent] = [wanted.get((number, "scale"), order) for number, order in one.numbers]
    return one.order, sum(new, Fraction(0))


def _has_multipliers(answer: ModelCheck) -> bool:
    """Whether any weight has one that is, or is to be, another than n^0."""
    wanted = _wanted(answer)
    return any(_multiplier(one, wanted) != (0, None) for row in answer.settings for one in row.multipliers)
