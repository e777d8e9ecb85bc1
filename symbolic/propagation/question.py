"""What a derivation is asked: a network, an optimizer and criteria, as one training run that imposes requirements.

The run is the same over every `Algebra`: with unknown exponents it is the derivation, written down it is the program
of a certificate. In the gauge g = 1 a weight has a learning rate n^eta_l unless it is frozen, an init scale n^sigma_l
unless it starts at zero or one, and n^lambda_l if it decays; a multiplier without a weight is n^kappa_k. Layers are
numbered from input to output. Exponents that are given are not asked for:

>>> from scalings.networks.architectures import resmlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> Question(Problem(resmlp(), optimizer("sgd"))).unknowns
('eta_1', 'eta_2', 'eta_3', 'sigma_1', 'sigma_2', 'sigma_3', 'kappa_1')
>>> given = ("kappa_1", Fraction(0)), ("sigma_3", Fraction(-1))
>>> Question(Problem(resmlp(), optimizer("sgd")), given=given).unknowns
('eta_1', 'eta_2', 'eta_3', 'sigma_1', 'sigma_2')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.unknowns import name_of
from scalings.networks.nodes import Start
from scalings.results.derivations import PARAMETER
from symbolic.orders.algebra import EXACT, Algebra, O
from symbolic.polyhedra.facts import Facts, as_affine
from symbolic.propagation.requirements import Requirement, awake, requirements
from symbolic.propagation.settling import updates_until_rest
from symbolic.propagation.training import Surroundings, train

_KNOWN: dict[Start, Exponent] = {"zero": MINUS_INFINITY, "one": Fraction(0)}


class Runner(Protocol):
    """Training with these unknowns, over any algebra; what it observes goes into `orders`."""

    def __call__(
        self, algebra: Algebra[O], unknown: Callable[[str], O], orders: dict[Observable, O]
    ) -> Iterator[Requirement]:
        """Each requirement, as soon as what it is about is among the orders."""


@dataclass(frozen=True)
class Question:
    """Which exponents meet these criteria? `given` are pairs of an unknown's name and its value."""

    problem: Problem
    criteria: tuple[Criterion, ...] = TUTORIAL
    given: tuple[tuple[str, Exponent], ...] = ()
    further: int = 0
    """Updates beyond those after which orders rest."""

    @cached_property
    def ring(self) -> Any:
        """The ring QQ[eta_1, ..., r]; earlier unknowns are eliminated first, the richness last."""
        return ring([*self.unknowns, PARAMETER], QQ)[0]

    @cached_property
    def unknowns(self) -> tuple[str, ...]:
        """The names of the unknown exponents; the richness, which is defined by them, is not one."""
        given = dict(self.given)
        return tuple(name for name in self.owners if name not in given)

    @cached_property
    def owners(self) -> dict[str, str]:
        """Exponent -> the layer or multiplier that it belongs to, given ones among them."""
        layers = list(enumerate(self.problem.network.layers, start=1))
        found = {name_of("lr", number): layer.name for number, layer in layers if not layer.frozen}
        found |= {name_of("decay", number): layer.name for number, layer in layers if self.problem.decays(layer)}
        found |= {name_of("init", number): layer.name for number, layer in layers if layer.start == "random"}
        multipliers = enumerate(self.problem.network.multipliers, start=1)
        return found | {name_of("scales", number): node.name for number, node in multipliers}

    @cached_property
    def updates(self) -> int:
        """For how many updates training runs."""
        return updates_until_rest(self.problem, *self._with_zeros) + self.further

    @property
    def hidden_changes(self) -> list[Observable]:
        """|dz| at the hidden layers when orders have settled: what the richness is the exponent of."""
        hidden = (one for one in self.problem.network.representations if one.is_hidden)
        return [Observable("dz", one.read_at, self.updates) for one in hidden]

    def train(
        self,
        algebra: Algebra[O],
        unknown: Callable[[str], O],
        orders: dict[Observable, O],
        boundary: Surroundings[O] | None = None,
    ) -> Iterator[Requirement]:
        """Train, putting each observable into `orders`, and say which requirement is to be imposed when.

        A requirement comes as soon as all its observables exist, and again whenever one of them is renewed. Where one
        is zero at the first copy of a block alone, which reads nothing that is trained, those that follow are asked.
        """
        layers, scales = self.exponents(unknown, algebra.constant)
        every = requirements(self.problem, self.criteria, self.updates)
        waiting = _waiting(list(awake(every, self._zeros)))
        run = train(self.problem, layers, algebra, self.updates, scales=scales, boundary=boundary)
        zero, zeros = algebra.constant(MINUS_INFINITY), self._zeros

        def is_asleep(one: Observable) -> bool:
            return orders[one] == zero and zeros[one] != MINUS_INFINITY

        for observable, order in run:
            orders[observable] = order
            for requirement, needed in waiting.get(observable, ()):
                if needed <= orders.keys() and not (zeros and any(map(is_asleep, requirement.observables))):
                    yield requirement

    @cached_property
    def _zeros(self) -> dict[Observable, Exponent]:
        """Where weights start at zero, orders of a run: what is zero there is so whatever is unknown."""
        layers, scales = self._with_zeros
        if all(one.init != MINUS_INFINITY != one.lr for one in layers) and MINUS_INFINITY not in scales:
            return {}
        return dict(train(self.problem, layers, EXACT, self.updates, scales=scales))

    @cached_property
    def _with_zeros(self) -> tuple[list[LayerExponents[Exponent]], list[Exponent]]:
        """Exponents with the zeros of any run: 0 for all that is unknown."""
        return self.exponents(lambda _: Fraction(0), EXACT.constant)

    def solution(self, facts: Facts) -> tuple[list[LayerExponents[Affine]], list[Affine]]:
        """Every exponent of the layers and of the multipliers in terms of what the facts leave free."""
        gens = dict(zip(self.unknowns, self.ring.gens, strict=False))
        return self.exponents(lambda name: as_affine(facts.reduce(gens[name])), Affine)

    def exponents(
        self, unknown: Callable[[str], O], constant: Callable[[Exponent], O]
    ) -> tuple[list[LayerExponents[O]], list[O]]:
        """Those of the layers and of the multipliers, built from what is unknown and what is not."""
        given = dict(self.given)

        def named(name: str) -> O:
            return constant(given[name]) if name in given else unknown(name)

        layers = [
            LayerExponents(
                constant(Fraction(0)),
                named(name_of("init", number))
                if layer.start == "random" or name_of("init", number) in given
                else constant(_KNOWN[layer.start]),
                constant(MINUS_INFINITY) if layer.frozen else named(name_of("lr", number)),
                named(name_of("decay", number)) if self.problem.decays(layer) else None,
            )
            for number, layer in enumerate(self.problem.network.layers, start=1)
        ]
        multipliers = range(1, len(self.problem.network.multipliers) + 1)
        return layers, [named(name_of("scales", number)) for number in multipliers]


def _waiting(all_of_them: Sequence[Requirement]) -> dict[Observable, list[tuple[Requirement, frozenset[Observable]]]]:
    """For each observable the requirements that wait for it, each with all that it waits for.

    A bound also waits for the equations of its step: what they imply is then seen to be implied. But while no equation
    is asked of a layer (`first_update`) its bound is all that is known of it, and comes at once, before terms multiply.
    """
    equations: dict[int, set[Observable]] = {}
    for requirement in all_of_them:
        if requirement.criterion.sign == "~":
            equations.setdefault(requirement.step, set()).update(requirement.observables)
    waiting: dict[Observable, list[tuple[Requirement, frozenset[Observable]]]] = {}
    for requirement in all_of_them:
        needed = frozenset(requirement.observables)
        if requirement.criterion.sign == "<=" and not (1 <= requirement.step < requirement.layer.first_update):
            needed |= equations.get(requirement.step, set())
        for observable in needed:
            waiting.setdefault(observable, []).append((requirement, needed))
    return waiting
