"""How the weights of a model are set, as the rows of a table: what they are now, and what a repair makes of them.

There is a column of multipliers where the code of the model has any beside a weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power
from scalings.hyperparameters.update_laws import optimizer
from scalings.results.checks import Changed, Repair
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.multipliers import Multiplier, beside_no_weight


class Pair(NamedTuple):
    """An exponent as it is shown."""

    given: Exponent
    wanted: Exponent | None = None
    """What the repair has in its place; None where that is the same."""
    words: str = ""
    """What else is told of it."""

    @property
    def shown(self) -> str:
        """What it is now."""
        return f"{format_power(self.given, 'n')} {self.words}".rstrip()

    @property
    def instead(self) -> str | None:
        """What it is to be."""
        return None if self.wanted is None else format_power(self.wanted, "n")


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
        told: dict[Changed, str] = {"init": _start(row)}
        cells = [[Pair(own, wanted.get((row.layer, which)), told.get(which, ""))] for which, own in given]
        pairs = (_multiplier(one, wanted) for one in row.multipliers)
        yield row, [list(dict.fromkeys(pairs)), *cells] if has_multipliers else cells


def other_multipliers(answer: ModelCheck) -> Iterator[tuple[str, Pair]]:
    """The powers of the width that the code multiplies by beside no weight, with their places, such as of attention
    scores."""
    wanted = _wanted(answer)
    for one in beside_no_weight(answer.problem.network):
        pair = Pair(one.order, wanted.get((one.name, "scale")))
        if pair != Pair(Fraction(0)):
            yield one.name, pair


def _start(row: ParameterSetting) -> str:
    """What is told of a start beside its size."""
    mean = "" if row.mean == MINUS_INFINITY or row.start else f"with a mean {format_power(row.mean, 'n')}"
    return f"{row.start} {mean}".strip()


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
        return Pair(one.order)
    new: list[Exponent] = [wanted.get((number, "scale"), order) for number, order in one.numbers]
    return Pair(one.order, sum(new, Fraction(0)))


def _has_multipliers(answer: ModelCheck) -> bool:
    """Whether any weight has one that is, or is to be, another than n^0."""
    wanted = _wanted(answer)
    return any(_multiplier(one, wanted) != Pair(Fraction(0)) for row in answer.settings for one in row.multipliers)
