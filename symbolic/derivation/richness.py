"""The richness of an answer: the order of the largest |dz| at the hidden layers, where any freedoms are left.

>>> from scalings.criteria.problem import Problem
>>> from scalings.networks.architectures import mlp
>>> from symbolic.derivation.case import explore
>>> question = Question(Problem.of(mlp(3), "sgd"))
>>> [case] = explore(question.ring, question.train)
>>> print(richness_order(case, question), *richness_ends([case], question))
-sigma_3 - 1/2 0 1/2
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scalings.results.derivations import Ends
from symbolic.derivation.case import Case
from symbolic.orders.unknown_orders import UnknownOrder, Unknowns
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Facts, Form
from symbolic.propagation.question import Question


def richness_ends(cases: Sequence[Case], question: Question) -> Ends:
    """The smallest and the largest richness in an answer; (None, None) too where nothing is hidden."""
    richness = question.ring.gens[-1]
    found = [ends(facts, richness) for case in cases for facts in cells(case, question, richness)]
    lows, highs = ([end[side] for end in found] for side in (0, 1))
    known_lows, known_highs = ([one for one in side if one is not None] for side in (lows, highs))
    return (
        min(known_lows) if known_lows and len(known_lows) == len(lows) else None,
        max(known_highs) if known_highs and len(known_highs) == len(highs) else None,
    )


def richness_order(case: Case, question: Question) -> UnknownOrder:
    """The largest |dz| at the hidden layers when orders have settled, in what the case leaves free."""
    algebra = Unknowns(case.facts)
    changes = [case.orders[change] for change in question.hidden_changes if change in case.orders]
    return algebra.total(*changes) if changes else UnknownOrder(((),))


def cells(case: Case, question: Question, richness: Form) -> Iterator[Facts]:
    """What is known where the case has this richness: a polyhedron for each term that may be the largest |dz|."""
    algebra, order = Unknowns(case.facts), richness_order(case, question)
    wished = algebra.form(richness)
    both = algebra.both(algebra.at_most(order, wished), algebra.at_most(wished, order))
    for alternative in both.forms(case.facts.ring):
        facts = case.facts.together(alternative)
        if facts is not None and inequalities.feasible(facts.inequalities):
            yield facts


def ends(facts: Facts, form: Form) -> Ends:
    """The smallest and the largest value of a form."""
    reduced = facts.reduce(form)
    high = inequalities.greatest(facts.inequalities, reduced)
    low = inequalities.greatest(facts.inequalities, -reduced)
    return None if low is None else -low, high
