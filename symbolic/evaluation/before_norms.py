"""Weights in front of a norm, to which it does not matter how large what it reads is.

Let nothing but norms read z = W h. Then W and c W compute the same, and still do after every update if the learning
rate is multiplied by c^(1 + p - s), p and s the powers of |G|_F and |W|_F in the update law: a gauge (`scalings.
hyperparameters.gauges`), in which the multiplier is 1. Criteria ask entries of size 1 of every hidden z, which chooses
c; a model may have chosen another one, and is the same. Under SGD, for a readout's exponents in front of a norm:

>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.dimensions import WIDTH, fixed
>>> from scalings.networks.nodes import Dense
>>> up, own = Dense("up", "input", "u", fixed(8), WIDTH), Dense("own", "up", "v", WIDTH, WIDTH)
>>> network = Network((up, own, Norm("norm", "own"), Dense("out", "norm", "w", WIDTH, fixed(1))))
>>> problem = Problem(network, optimizer("sgd"))
>>> given = Parameterization.of(multiplier="0,0,0", init="0,-1,-1", lr="1,-1,-1")
>>> full = Sizes.of(problem, given).full(given).layers[1]
>>> str(full.init), str(full.lr)
('-1/2', '0')

Source: Arora, Li and Lyu, arXiv 1812.03981, section 2 (weights and learning rates in front of batch normalization).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents, shifted
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Convolution, Dense, DepthwiseConvolution, Norm, Weighted
from scalings.networks.numbers_in_code import numbers_behind
from scalings.results.checks import Change, Repair
from symbolic.evaluation.given_run import train_given


@dataclass(frozen=True)
class Sizes:
    """How much larger than of order 1 entries are of what only norms read, as powers of the width, by layer; those of
    order 1 are left out."""

    problem: Problem
    excess: Mapping[str, Fraction]

    @classmethod
    def of(cls, problem: Problem, given: Parameterization) -> Sizes:
        """Of a model that is set so."""
        free = [node for node in problem.network.layers if _is_free(problem, node)]
        orders = train_given(problem, given, 1).orders if free else {}
        small = {one.name for one in problem.network.representations if one.starts_small}
        found: dict[str, Fraction] = {}
        for node in free:
            order = orders[Observable("z", node.name, 0)]
            if not isinstance(order, Fraction):
                continue
            excess = order - node.fan_out.order_in(problem.scale) / 2
            if excess > 0 or (excess and node.name not in small):
                found[node.name] = excess
        return cls(problem, found)

    def full(self, given: Parameterization) -> Parameterization:
        """The same model, with entries of order 1 there."""
        return self._moved(given, 1)

    def as_they_were(self, repair: Repair, given: Parameterization) -> Repair:
        """A repair of the model with entries of order 1, as one of the model as it is given."""
        restored = self._moved(repair.parameterization, -1)
        old, new = ({node.name: layer for node, layer in self._pairs(one)} for one in (given, restored))

        def change(one: Change) -> Change:
            name, which, _, _ = one
            if name not in self.excess or which == "scale":
                return one
            return name, which, old[name].named[which], new[name].named[which]

        return replace(repair, parameterization=restored, changes=tuple(map(change, repair.changes)))

    def _moved(self, parameterization: Parameterization, by: int) -> Parameterization:
        def moved(node: Weighted, layer: LayerExponents[Exponent]) -> LayerExponents[Exponent]:
            excess = by * self.excess.get(node.name, Fraction(0))
            # The gauge moves the multiplier, too, which the norm takes out.
            law = self.problem.laws[node.weight]
            return replace(shifted(layer, excess, law), multiplier=layer.multiplier) if excess else layer

        layers = tuple(moved(node, layer) for node, layer in self._pairs(parameterization))
        return replace(parameterization, layers=layers)

    def _pairs(self, one: Parameterization) -> Iterator[tuple[Weighted, LayerExponents[Exponent]]]:
        return zip(self.problem.network.layers, one.layers, strict=True)


def _is_free(problem: Problem, node: Weighted) -> bool:
    """Whether only norms read what it gives, and nothing else fixes how large it is."""
    network, law = problem.network, problem.laws[node.weight]
    return (
        isinstance(node, Dense | Convolution | DepthwiseConvolution)
        and node.start == "random"
        and Counter(one.weight for one in network.flat if isinstance(one, WEIGHTED))[node.weight] == 1
        and _is_normalized(network, node)
        and law.epsilon == MINUS_INFINITY
        and law.clip == "none"
    )


def _is_normalized(network: Network, node: Weighted) -> bool:
    last = [node, *numbers_behind(network, node)][-1]
    read_by = network.readers.get(last.name, [])
    return bool(read_by) and all(isinstance(one, Norm) for one in read_by)
