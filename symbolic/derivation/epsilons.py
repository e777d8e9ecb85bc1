"""The largest epsilon of each layer: as large as the entries of its gradient, and not larger.

Laws that divide a gradient's entries by their size plus an epsilon are what they are called only while no entry is
smaller than epsilon: so the order of epsilon has to follow that of the gradient, which layers need not share. The
largest epsilon is the smallest order that the entries have at any update:

>>> from scalings.criteria.problem import Problem
>>> from scalings.networks.architectures import mlp
>>> from symbolic.derivation.case import explore
>>> question = Question(Problem.of(mlp(3), "adam"))
>>> [case] = explore(question.ring, question.train)
>>> [str(epsilon) for epsilon in largest_epsilons(question, case, case.facts)]
['sigma_3', 'sigma_3', '0']

Sources: Yang et al., arXiv 2203.03466, appendix B.3 (an epsilon that matters scales like 1/fan_in); Everett et al.,
arXiv 2407.05872 (one for each layer); Dey et al., arXiv 2505.01618, Table 1 and Equation 40 (in width and depth).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.epsilons import why_no_epsilon
from scalings.hyperparameters.exponents import Affine
from scalings.hyperparameters.gauges import LayerExponents
from symbolic.derivation.case import Case
from symbolic.orders.unknown_orders import Unknowns
from symbolic.polyhedra.facts import Facts, as_affine
from symbolic.propagation.batch_and_vocabulary import fans
from symbolic.propagation.question import Question
from symbolic.propagation.state import HALF


def check_epsilons(question: Question) -> None:
    """Raises ArgumentError if no law divides a gradient's entries by their size."""
    reasons = [why_no_epsilon(law) for law in question.problem.laws.values()]
    if all(reasons):
        raise ArgumentError("epsilon", reasons[0])


def with_epsilons(
    question: Question, case: Case, facts: Facts, layers: Sequence[LayerExponents[Affine]]
) -> tuple[LayerExponents[Affine], ...]:
    """The layers, in the gauge g = 1, each with its largest epsilon."""
    found = largest_epsilons(question, case, facts)
    return tuple(replace(layer, epsilon=epsilon) for layer, epsilon in zip(layers, found, strict=True))


def largest_epsilons(question: Question, case: Case, facts: Facts) -> Iterator[Affine | None]:
    """Of each layer, in what the facts leave free, in the gauge g = 1; None if it has none, or if that is no one power.

    It is none where its law divides by no entries, and where its gradient is zero for ever.
    """
    problem, algebra = question.problem, Unknowns(facts)
    for layer in problem.network.layers:
        steps = range(1, question.updates + 1)
        seen = [case.orders[Observable("gradient", layer.name, step)] for step in steps]
        seen = [order for order in seen if all(order.clauses)]  # without those that are still zero
        if layer.frozen or why_no_epsilon(problem.laws[layer.weight]) or not seen:
            yield None
            continue
        root = algebra.constant(-HALF * sum(fans(layer, problem.scale)))
        smallest = algebra.product(root, algebra.smaller(*seen))
        forms = list(dict.fromkeys(facts.reduce(form) for form in smallest.forms))
        yield as_affine(forms[0]) if len(forms) == 1 else None
