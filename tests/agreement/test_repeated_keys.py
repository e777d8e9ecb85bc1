"""Keys that are repeated for every query that shares them train as keys that are shared by einsum, and as derived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest
from torch import Tensor
from torch.nn import functional

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.networks.nodes import Node, Rearrange
from scalings.results.trials import Training
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train
from tests.agreement.experiments import p_value
from tests.agreement.traced import TWO, GroupedQueries, Traced

HALF = Fraction(1, 2)
GRADIENTS = [Observable("gradient", name, step) for name in ("k", "v") for step in (1, 2)]


class RepeatedKeys(GroupedQueries):
    """The same function, with a copy of each key and value for every query that shares it."""

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        q = self.q(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
        times = q.shape[1] // self.groups
        k, v = (each(x).unflatten(-1, (self.groups, self.size)).transpose(1, 2) for each in (self.k, self.v))
        k, v = (each.repeat_interleave(times, dim=1) for each in (k, v))
        mixed: Tensor = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.head(self.skips * x + self.o(mixed))


REPEATED = Traced(partial(RepeatedKeys, skips=False, groups=2))


def given(part: Traced) -> Parameterization:
    """Maximal update parametrization, with init scales 1/n of keys and values, whose units are few."""
    init = {"embed": Fraction(0), "k": Fraction(-1), "v": Fraction(-1), "head": Fraction(-1)}
    names = [layer.name for layer in part.network.layers]
    return Parameterization.of(
        multiplier=[0] * len(names),
        init=[init.get(name, -HALF) for name in names],
        lr=[Fraction(-(name != "embed")) for name in names],
    )


def orders(network: Network, parameterization: Parameterization) -> dict[Observable, Exponent]:
    problem = Problem(network, Training.of("adam").law, loss="cross-entropy")
    return dict(train(problem, parameterization.layers, EXACT, 2, scales=parameterization.scales))


def at_random(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """As if copies had nothing in common."""
    return (replace(node, repeated=False) if isinstance(node, Rearrange) else node for node in nodes)


def test_copies_have_the_orders_of_what_is_shared() -> None:
    """Of the gradients, too; and not those of copies that add up at random."""
    shared, repeated = (orders(part.network, given(part)) for part in (TWO, REPEATED))
    assert {one: repeated[one] for one in GRADIENTS} == {one: shared[one] for one in GRADIENTS}
    wrong = orders(Network(tuple(at_random(REPEATED.network.nodes))), given(REPEATED))
    assert any(wrong[one] != repeated[one] for one in GRADIENTS)


@pytest.mark.slow
@pytest.mark.long
def test_what_updates_send_back_to_copies_adds_up_in_training() -> None:
    """The signal that reaches v is larger than at first, so that its order is that of its change, which is measured."""
    found = REPEATED.train(
        given(REPEATED), replace(Training.of("adam", steps=2), lr=0.3), (64, 96, 128, 192, 256, 384), 8
    )
    derived = orders(REPEATED.network, given(REPEATED))
    wrong = orders(Network(tuple(at_random(REPEATED.network.nodes))), given(REPEATED))
    for step in (1, 2):
        signal, change = Observable("d", "v", step), found.fits[Observable("dd", "v", step)]
        assert derived[signal] == 0 > derived[replace(signal, step=0)]
        assert p_value(change, derived[signal]) >= 0.05
        assert wrong[signal] == -HALF
        assert p_value(change, wrong[signal]) < 0.05
