"""Sizes that a model may choose: what norms read may be of any size, with the learning rates that belong to it.

Let only norms read z = W h. Then W and c W compute the same, and still do after every update if the learning rate is
multiplied by c^(1 + p - s), p and s the powers of |G|_F and |W|_F in the update law: a gauge, but that the norm takes
up the multiplier. So it is with numbers in the code: hidden states on a sphere of radius 1, as those of nGPT
(Loshchilov et al., arXiv 2410.01131), are those on one of radius sqrt(n), if numbers and weights between them and the
next norms take up the difference. Criteria ask entries of size 1, which chooses; a model may have chosen otherwise,
and is the same. Under SGD, a layer in front of a norm that is set as readouts are:

>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import Dense
>>> up, own = Dense("up", "input", "u", fixed(8), WIDTH), Dense("own", "up", "v", WIDTH, WIDTH)
>>> network = Network((up, own, Norm("norm", "own"), Dense("out", "norm", "w", WIDTH, fixed(1))))
>>> problem = Problem(network, optimizer("sgd"))
>>> given = Parameterization.of(multiplier="0,0,0", init="0,-1,-1", lr="1,-1,-1")
>>> sizes = Sizes.of(problem, given)
>>> full = sizes.full(given).layers[1]
>>> str(full.init), str(full.lr)
('-1/2', '0')

Every value gets a power n^s by which it is multiplied, so that the function stays; of all ways to do so one is taken in
which most hidden values have entries of size 1, and the fewest numbers change. A readout stays as it is but
behind a norm: how large what it reads is tells whether features are learned.

Source: Arora, Li and Lyu, arXiv 1812.03981, section 2 (weights and learning rates in front of batch normalization).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import z3

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents, shifted
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    WEIGHTED,
    Bias,
    Elementwise,
    Factor,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Repeat,
    Scores,
    Softmax,
    Top,
    Weight,
    Weighted,
    sources,
)
from scalings.networks.numbers_in_code import is_read_out
from scalings.results.checks import Change, Repair
from symbolic.orders.algebra import EXACT
from symbolic.polyhedra.z3_forms import number, value
from symbolic.propagation.training import train

_HOMOGENEOUS = ("relu", "leaky_relu", "abs", "linear", "detach")
"""phi(c z) = c phi(z) for c > 0."""


@dataclass(frozen=True)
class Sizes:
    """The powers of the width by which weights, and numbers in the code, are multiplied so that most hidden values have
    entries of size 1, by layer and by name; those that are not multiplied are left out."""

    problem: Problem
    weights: Mapping[str, Fraction]
    numbers: Mapping[str, Fraction]
    values: Mapping[str, Fraction]
    """What every operation gives is then multiplied by, by its name."""

    @classmethod
    def of(cls, problem: Problem, given: Parameterization) -> Sizes:
        """Of a model that is set so."""
        wanted = dict(_wanted(problem, given))
        if not any(wanted.values()):
            return cls(problem, {}, {}, {})
        network = problem.network
        free = {node.weight: z3.Real(f"w {node.name}") for node in network.layers if _is_free(problem, node)}
        between = [node for node in network.flat if isinstance(node, Factor) and not _is_fixed(network, node)]
        numbers = {node.name: z3.Real(f"c {node.name}") for node in between}
        powers = {name: z3.Real(f"s {name}") for name in (INPUT, *(node.name for node in network.flat))}
        solver = z3.Optimize()
        solver.add(powers[INPUT] == 0, powers[network.output.name] == 0)
        for node in network.flat:
            solver.add(*_as_before(node, powers, free, numbers))
            if node.name in network.readouts and _is_fixed(network, node):
                solver.add(*(powers[name] == 0 for name in sources(node)))
        for name, power in wanted.items():
            solver.add_soft(powers[name] == number(power), id="sizes")
        for unknown in (*free.values(), *numbers.values()):
            solver.add_soft(unknown == 0, id="kept")
        assert solver.check() == z3.sat, "nothing need be multiplied"
        model = solver.model()

        def moved(unknowns: Mapping[str, Any]) -> dict[str, Fraction]:
            found = {name: value(model, unknown) for name, unknown in unknowns.items()}
            return {name: power for name, power in found.items() if power}

        owners = {node.weight: node.name for node in network.layers}
        weights = {owners[weight]: power for weight, power in moved(free).items()}
        return cls(problem, weights, moved(numbers), moved(powers))

    def __bool__(self) -> bool:
        return bool(self.weights or self.numbers)

    @property
    def full_problem(self) -> Problem:
        """The same, with these numbers in the code."""
        nodes = tuple(self._multiplied(self.problem.network.nodes))
        return replace(self.problem, network=replace(self.problem.network, nodes=nodes))

    def full(self, given: Parameterization) -> Parameterization:
        """How it is set, with these weights."""
        return self._moved(given, 1)

    def as_it_was(self, repair: Repair, given: Parameterization) -> Repair:
        """A repair of the model with entries of size 1, as one of the model as it is given."""
        restored = self._moved(repair.parameterization, -1)
        old, new = ({node.name: layer for node, layer in self._pairs(one)} for one in (given, restored))
        if restored.scales:
            named = zip(self._multipliers, restored.scales, strict=True)
            scales = tuple(scale - self.numbers.get(name, Fraction(0)) for name, scale in named)
            restored = replace(restored, scales=scales)

        def change(one: Change) -> Change:
            name, which, before, after = one
            if which == "scale":
                power = self.numbers.get(name, Fraction(0))
                return name, which, before - power, after - power
            return name, which, old[name].named[which], new[name].named[which]

        return replace(repair, parameterization=restored, changes=tuple(map(change, repair.changes)))

    @property
    def _multipliers(self) -> Iterator[str]:
        """As a repair of the code has them."""
        of_network = {node.name for node in self.problem.network.multipliers}
        return (one.name for one in self.problem.network.flat if isinstance(one, Factor) or one.name in of_network)

    def _multiplied(self, nodes: tuple[Node, ...]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node, Repeat):
                yield replace(node, nodes=tuple(self._multiplied(node.nodes)))
            elif isinstance(node, Factor):
                yield replace(node, order=node.order + self.numbers.get(node.name, Fraction(0)))
            else:
                yield node

    def _moved(self, parameterization: Parameterization, by: int) -> Parameterization:
        def moved(node: Weighted, layer: LayerExponents[Exponent]) -> LayerExponents[Exponent]:
            power = -by * self.weights.get(node.name, Fraction(0))
            # The gauge moves the multiplier, too, which others take up.
            law = self.problem.laws[node.weight]
            return replace(shifted(layer, power, law), multiplier=layer.multiplier) if power else layer

        layers = tuple(moved(node, layer) for node, layer in self._pairs(parameterization))
        return replace(parameterization, layers=layers)

    def _pairs(self, one: Parameterization) -> Iterator[tuple[Weighted, LayerExponents[Exponent]]]:
        return zip(self.problem.network.layers, one.layers, strict=True)


def _wanted(problem: Problem, given: Parameterization) -> Iterator[tuple[str, Fraction]]:
    """By which powers hidden values would be multiplied to have entries of size 1."""
    orders = dict(train(problem, given.layers, EXACT, 0, scales=given.scales))
    for one in problem.network.representations:
        order = orders.get(Observable("z", one.read_at, 0), MINUS_INFINITY)
        if one.is_hidden and isinstance(order, Fraction):
            power = one.units.order_in(problem.scale) / 2 - order
            if not (one.starts_small and power > 0):
                yield one.read_at, power


def _is_free(problem: Problem, node: Weighted) -> bool:
    """Whether a weight may be multiplied, and its learning rate with it."""
    law = problem.laws[node.weight]
    uses = Counter(one.weight for one in problem.network.flat if isinstance(one, WEIGHTED))
    if _is_fixed(problem.network, node):
        return False
    is_random = node.start == "random" or (isinstance(node, Bias) and node.start == "zero" and law.at_zero == "alike")
    return is_random and uses[node.weight] == 1 and law.epsilon == MINUS_INFINITY and law.clip == "none"


def _is_fixed(network: Network, node: Node) -> bool:
    """Whether it is a readout, or a number in front of one, of what no norm makes."""
    if node.name not in network.readouts and not is_read_out(network, node):
        return False
    nodes = {one.name: one for one in network.flat}

    def is_normalized(name: str) -> bool:
        while isinstance(one := nodes.get(name), Factor | Repeat):
            name = one.source if isinstance(one, Factor) else one.nodes[-1].name
        return isinstance(one, Norm)

    read = set(sources(node)) - network.made_of_weights
    return not read or not all(map(is_normalized, read))


def _as_before(
    node: Node, powers: Mapping[str, Any], free: Mapping[str, Any], numbers: Mapping[str, Any]
) -> Iterator[Any]:
    """What holds of the powers of values if an operation does the same as before."""
    own, read = powers[node.name], [powers[name] for name in sources(node)]
    weight = free.get(node.weight, z3.RealVal(0)) if isinstance(node, WEIGHTED) else z3.RealVal(0)
    match node:
        case Norm():
            yield own == 0
        case Factor():
            yield own == read[0] + numbers.get(node.name, z3.RealVal(0))
        case Weight():
            yield own == weight
        case Bias():
            yield z3.And(own == read[0], own == weight)
        case Product():
            yield own == read[0] + read[1]
        case Scores():
            yield z3.And(own == read[0] + read[1], own == 0)
        case Mix():
            yield z3.And(read[0] == 0, own == read[1])
        case Power():
            yield own == number(node.exponent) * read[0]
        case Softmax() | Top():
            yield z3.And(own == 0, read[0] == 0)
        case Elementwise() if node.activation not in _HOMOGENEOUS:
            yield z3.And(own == 0, read[0] == 0)
        case Repeat():
            yield z3.And(own == read[0], own == powers[node.nodes[-1].name])
        case _:  # the weights of a layer; of a sum every term alike
            yield from (own == one + weight for one in read)
