"""What is wrong with a model, one finding for each mistake, from the numbers whose change would mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.observables import SYMBOLS, Observable, Quantity
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power
from scalings.networks.network import Network
from scalings.results.checks import Change, Changed
from scalings.results.derivations import Conflict
from scalings.results.fits import Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison
from scalings.studies.model_settings import ParameterSetting

What = Literal["init", "lr", "decay", "multiplier", "epsilon", "untrained", "twice", "structure", "training"]
_WORDS: dict[Changed, str] = {"init": "init scale", "lr": "learning rate", "decay": "decay"}
_NOW = {"be": "is", "fall": "falls", "grow": "grows"}


@dataclass(frozen=True)
class ModelFinding:
    """One thing to change, and by which power of the width it is off.

    `parameter` is a weight; of a multiplier, a structure or a training it is the operation, by the path of its module.
    """

    parameter: str
    what: What
    power: Exponent | None
    """What it is, divided by what it should be; None where nothing is a power."""
    sentence: str
    is_wrong: bool = True
    """Whether it is a mistake: a weight that is frozen is said, but may be meant."""


def of_untrained(rows: Sequence[ParameterSetting]) -> Iterator[ModelFinding]:
    """Weights that nothing moves. To freeze one may be meant, to leave it out of all groups is a mistake."""
    for row in rows:
        if row.untrained:
            sentence = f"{row.weight} {row.untrained}"
            yield ModelFinding(row.weight, "untrained", None, sentence, is_wrong=not row.frozen)


def of_moved_twice(rows: Sequence[ParameterSetting]) -> Iterator[ModelFinding]:
    """Weights that are in two optimizers, or twice in one."""
    for row in rows:
        if row.moved_twice:
            sentence = f"{row.weight} is moved twice in each step, {row.moved_twice}: it is to be in one group alone"
            yield ModelFinding(row.weight, "twice", None, sentence)


def of_epsilons(rows: Sequence[ParameterSetting]) -> Iterator[ModelFinding]:
    """Weights that move less, since an epsilon is larger than their gradients."""
    for row in rows:
        is_large = f"goes like {format_power(row.epsilon, 'n')}, and is larger than the entries of its gradient"
        yield ModelFinding(row.weight, "epsilon", None, f"the epsilon of {row.weight} {is_large}")


def of_changes(changes: Sequence[Change], rows: Sequence[ParameterSetting]) -> Iterator[ModelFinding]:
    """The numbers that are to be changed."""
    weights = {row.layer: row.weight for row in rows}
    untrained = {row.layer for row in rows if row.untrained}
    for layer, which, old, new in changes:
        if which == "scale":
            sentence = (
                f"the code multiplies by {format_power(old, 'n')} at {layer}, and should by {format_power(new, 'n')}"
            )
            yield ModelFinding(layer, "multiplier", old - new, sentence)
        elif which == "init" or layer not in untrained:  # else that is said
            name = weights[layer]
            power = None if MINUS_INFINITY in (old, new) else old - new
            yield ModelFinding(name, which, power, change_in_words(name, which, old, new))


def change_in_words(name: str, which: Changed, old: Exponent, new: Exponent) -> str:
    """What is to be changed of a weight, for a person who knows no theory.

    >>> change_in_words("out.weight", "lr", Fraction(0), Fraction(-1))
    'the learning rate of out.weight is the same at every width n, and should fall like 1/n'
    """
    (verb, is_now), (wanted, should) = _growth(old), _growth(new)
    return f"the {_WORDS[which]} of {name} {_NOW[verb]} {is_now}, and should {wanted} {should}"


def _growth(order: Exponent) -> tuple[str, str]:
    """What something of this order does as the width n grows: a verb, and the rest."""
    if order == MINUS_INFINITY:
        return "be", "zero"
    assert isinstance(order, Fraction)
    if not order:
        return "be", "the same at every width n"
    size = {Fraction(1): "n", Fraction(1, 2): "sqrt(n)"}.get(abs(order))
    if order < 0:
        return "fall", f"like {f'1/{size}' if size else format_power(order)}"
    return "grow", f"like {size or format_power(order)}"


def of_conflict(conflict: Conflict) -> ModelFinding:
    """That no numbers meet the criteria, with the smallest change of the structure that would help."""
    imposed = " and ".join(f"{criterion} at {layer}" for criterion, layer in conflict.imposed)
    why = f"no init scales, learning rates and multipliers that are there meet {imposed} together"
    if not conflict.add:
        return ModelFinding("", "structure", None, why)
    source, reader = conflict.add[0]
    sentence = f"multiply by a power of the width, in the code, what {reader} reads from {source}: {why}"
    return ModelFinding(reader, "structure", None, sentence)


def of_training(network: Network, agreement: Agreement, margin: Fraction) -> Iterator[ModelFinding]:
    """Where training does something else than theory says: where a signal first differs, forward, else backward.

    What a custom function does to gradients is seen at the value that it reads, the last whose gradient differs.
    """
    if agreement.verdict != "FAIL":
        return
    place = {node.name: number for number, node in enumerate(network.flat)}
    off = [one for one in agreement.comparisons if _is_off(one, margin)]
    forward, backward = ([one for one in off if (one.of.quantity, one.of.step) == (what, 0)] for what in ("z", "d"))
    judged = [one for one in off if one.role != "reported"]
    if forward:
        found = min(forward, key=lambda one: place[one.of.layer])
    elif backward:
        found = max(backward, key=lambda one: place[one.of.layer])
    elif judged:
        found = min(judged, key=lambda one: one.of.step)
    else:
        return
    assert isinstance(found.fit, Fit)
    measured = format_power(Fraction(round(100 * found.fit.exponent), 100), "n")
    sentence = (
        f"training does not do what theory says: {_of(found.of)} goes like {measured}, in theory like "
        f"{format_power(found.derived, 'n')}"
    )
    power = Fraction(round(2 * (found.fit.exponent - found.derived)), 2)
    yield ModelFinding(found.of.layer, "training", power, sentence)


def of_values(failures: Iterable[tuple[str, str]]) -> Iterator[ModelFinding]:
    """Values that no rule covers, and whose measured orders break a criterion."""
    yield from (
        ModelFinding(name, "training", None, f"no rule covers {name}, and {reason}") for name, reason in failures
    )


_SPOKEN: dict[Quantity, str] = {"z": "the value", "d": "the gradient that reaches", "dz": "the change of"}


def _of(one: Observable) -> str:
    words = _SPOKEN.get(one.quantity, SYMBOLS[one.quantity] + " of")
    when = f" after {one.step} update{'s' * (one.step > 1)}" if one.step else ""
    return f"{words} {one.layer or 'the network'}{when}"


def _is_off(one: Comparison[Observable], margin: Fraction) -> bool:
    """Whether its interval is further from the derived order than the margin."""
    if not isinstance(one.fit, Fit) or one.derived == MINUS_INFINITY:
        return False
    is_below = one.fit.high < one.derived - margin and one.role != "upper bound"
    return is_below or one.fit.low > one.derived + margin
