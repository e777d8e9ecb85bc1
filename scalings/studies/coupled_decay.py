"""Decay that Adam adds to gradients, where it is larger than they are: what the model would be with it apart.

`torch.optim.Adam(weight_decay=...)` divides G + lambda W by its size. Where lambda W is the larger part, as at widths
far out for entries of W ~ n^(-1/2) beside gradients ~ 1/n, a learning rate that is right by itself moves weights less:
every rate would have to follow its decay. AdamW, which decays apart from the gradient, lets it be.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.studies.model_reading import Reading
from scalings.studies.model_settings import ParameterSetting, problem_of

_ADDED, _APART = "adam+l2", "adamw"


def drowning_decays(read: Reading) -> dict[str, Fraction]:
    """By layer, how much larger the decay is than the gradient that Adam adds it to, as a power of the width; empty if
    it is larger nowhere."""
    from symbolic.evaluation.given_run import train_given

    if not any(_is_added(row) for row in read.rows):
        return {}
    plain = _with_law(read, "adam")
    orders = train_given(plain.problem, plain.given, 1).orders
    found: dict[str, Fraction] = {}
    for row in filter(_is_added, read.rows):
        gradient: Exponent = orders[Observable("gradient", row.layer, 1)]
        weight = orders[Observable("W_frobenius", row.layer, 1)]
        if MINUS_INFINITY not in (gradient, weight) and row.decay + weight > gradient:
            found[row.layer] = Fraction(row.decay + weight - gradient)
    return found


def decayed_apart(read: Reading) -> Reading:
    """The same model with AdamW in place of every Adam that adds its decay to gradients."""
    return _with_law(read, _APART)


def _is_added(row: ParameterSetting) -> bool:
    return row.law == _ADDED and not row.untrained and not row.is_vector


def _with_law(read: Reading, law: str) -> Reading:
    clipped = any(one.clip != "none" for one in read.problem.laws.values())
    rows = tuple(replace(row, law=law) if row.law == _ADDED else row for row in read.rows)
    problems = (
        problem_of(read.traced.translation, rows, clipped=clipped, epsilons=epsilons) for epsilons in (True, False)
    )
    with_epsilons, without = problems
    return replace(read, rows=rows, problem=with_epsilons, without_epsilons=without)
