"""A training run on orders with given exponents, trained once for all that is asked of it: until it has told its fate.

A run *rests* when an update raises no |dW| and no decay: then no later one does (`propagation.settling`). It *explodes*
when a bound of stability breaks. It *grows* if neither happens and changes come back as large as they went. For let
F be what m updates make of the carried orders x, increasing and, as long as bounds hold, convex: a maximum of sums of
orders with factors >= 0. (Its minima, as of |phi(z)| and n^(1/2), bind only where bounds break. Those of an epsilon may
end a growth that began below it; clipping and powers p < 0 of a gradient have factors below 0.) If x rose by v over m
updates and by w >= v over the next m, then

    F(x + w)  >=  F(x + v)  >=  2 F(x) - F(x - v)  =  F(x) + w,

so that it rises by w or more over the m updates after these, and so on for ever: it leaves every bound. Changes that
pass through a cycle of weights whose gain has a positive mean are such for some m. Where all gains are below 1, as for
a gradient to the power p < 1, they shrink, and tend to an order that no number of updates reaches: such a run is judged
by the orders that it has reached after twice as many updates as it has weights, through which every cycle has passed.

>>> from scalings.hyperparameters.presets import preset
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.architectures import mlp
>>> run = train_given(Problem(mlp(3), optimizer("sgd")), preset("mup", 3))
>>> run.settled, run.growing
(3, False)
>>> str(run.until(1)[Observable("dz", "layer2", 1)]), Observable("dz", "layer2", 2) in run.until(1)
('1/2', False)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from scalings.criteria.observables import Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import STABILITY
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from symbolic.orders.algebra import EXACT
from symbolic.propagation.requirements import requirements
from symbolic.propagation.training import UPDATES, train

Orders: TypeAlias = Mapping[Observable, Exponent]
Carried: TypeAlias = dict[tuple[Quantity, str], Exponent]
"""What one update hands on to the next, by quantity and layer."""
_CARRIED: tuple[Quantity, ...] = ("dW_frobenius", "decay")


@dataclass(frozen=True)
class GivenRun:
    """The orders of what the training loop computes, at every step of so many updates."""

    problem: Problem
    parameterization: Parameterization
    updates: int
    orders: Orders
    settled: int
    """The update after which a verdict is taken: the run has come to rest, has exploded, or grows."""
    growing: bool
    """Whether it rises for ever, and has kept its bounds so far."""

    @property
    def steps(self) -> range:
        """The updates that a verdict is about."""
        return range(1, self.settled + 1)

    def until(self, step: int) -> dict[Observable, Exponent]:
        """Those of the run that ends after this many updates."""
        return {observable: order for observable, order in self.orders.items() if observable.step <= step}


def train_given(problem: Problem, parameterization: Parameterization, updates: int = 0) -> GivenRun:
    """Train once, until the verdict is clear and for at least so many updates.

    Raises ArgumentError if there is not one entry for each layer and multiplier of the network.
    """
    most = max(updates, 2 * problem.network.depth + UPDATES)
    run = train(problem, parameterization.layers, EXACT, most, scales=parameterization.scales)
    orders: dict[Observable, Exponent] = {}
    carried: list[Carried] = []
    settled, growing, exploded = 0, False, False
    for step, observed in groupby(run, key=lambda pair: pair[0].step):
        orders |= (now := dict(observed))
        carried.append({(key.quantity, key.layer): now[key] for key in now if key.quantity in _CARRIED})
        if not settled and step >= UPDATES and carried[-1] != carried[-2]:
            exploded = exploded or any(_explodes(problem, orders, one) for one in range(step + 1))
            growing = not exploded and _grows(problem, carried, surely=step < most)
            settled = step if (exploded and not _wakes(carried)) or growing or step == most else 0
        elif not settled and step >= UPDATES:
            settled = step
        if settled and step >= updates:
            break
    return GivenRun(problem, parameterization, step, orders, settled, growing)


def _explodes(problem: Problem, orders: Orders, step: int) -> bool:
    """Whether a bound of stability breaks at this step; or signal propagation does, at initialization."""
    for one in requirements(problem, STABILITY, 1):
        if one.step == min(step, 1):
            left, right = replace(one, step=step).sides(orders, EXACT)
            if left > right or (one.criterion.sign == "~" and MINUS_INFINITY != left != right):
                return True
    return False


def _wakes(carried: Sequence[Carried]) -> bool:
    """Whether the last update moved a weight that none before it did."""
    return any(carried[-2][key] == MINUS_INFINITY != order for key, order in carried[-1].items())


def _grows(problem: Problem, carried: Sequence[Carried], *, surely: bool) -> bool:
    """Whether the last updates raised every order by no less than as many did before them, from the second one on.

    Unless that is to be so `surely`, it is enough that one order was; an epsilon, clipping or a gradient to a power
    below 0 may end the growth.
    """
    span = (len(carried) - 3) // 2
    laws = problem.laws.values()
    convex = all(
        law.epsilon == MINUS_INFINITY and min(law.gradient, law.input) >= 0 and law.clip == "none" for law in laws
    )
    if not span or (surely and not convex):
        return False
    before, middle, last = carried[-1 - 2 * span], carried[-1 - span], carried[-1]
    if any(before[key] == MINUS_INFINITY != last[key] for key in last):
        return False
    rises = [(middle[key] - before[key], last[key] - middle[key]) for key in last if last[key] != MINUS_INFINITY]
    return all(old <= new for old, new in rises) if surely else any(0 < old <= new for old, new in rises)
