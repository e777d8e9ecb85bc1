"""The rules of nodes that make one value of several units: means, softmaxes, and the choice of the largest."""

from __future__ import annotations

from typing import Any

from scalings.errors import ArgumentError
from scalings.networks.nodes import Mean, Softmax
from symbolic.orders.algebra import O
from symbolic.propagation.fading import carried, fade
from symbolic.propagation.state import HALF, Parts, Run, Steps
from symbolic.propagation.weightless_rules import PoolRule, root_of_units


class MeanRule:
    """The mean over N units: |h| = |z| / N, or |z| / sqrt(N) where entries have a mean; |d_z| = |d_h| / sqrt(N).

    A change is aligned, |dh| = |dz| / sqrt(N), since gradients push all entries in one direction; but where the result
    is dormant, as the variance of a normalization is, what is passed on at the first update is generic, |dz| / N. This
    is the rule of `bilinear_rules` with (1, ..., 1) / N as the other factor.
    """

    def initialize(self, run: Run[O], node: Mean) -> Steps[O]:
        run.initial[node.name] = self._at_start(run, node, run.initial[node.source])
        yield from ()

    def forward(self, run: Run[O], node: Mean) -> Steps[O]:
        over, change, own = run.order(node.over), run.change[node.source], run.own.get(node.source, run.zero)
        if run.step > 1 or not over or node.name not in run.problem.network.dormant:
            aligned = tuple(run.scaled(-HALF * over, part) for part in change)
        else:
            if node.coherent and node.source in run.curved:
                own = run.algebra.total(own, along_itself(run, node.source))
            generic = tuple(run.scaled(-over, part) for part in change)
            aligned = run.coherently(generic, run.scaled(-HALF * over, own))
        run.change[node.name] = aligned
        fade(run, node.name, carried(run, node.source, lambda order: self._at_start(run, node, order)))
        if node.name in run.heeded:
            run.own[node.name] = run.scaled(-HALF * over, own)
        yield from ()

    def backward(self, run: Run[O], node: Mean, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, tuple(run.scaled(-HALF * run.order(node.over), part) for part in signal))
        yield from ()

    def _at_start(self, run: Run[O], node: Mean, order: O) -> O:
        return run.scaled(-run.order(node.over) * (HALF if node.coherent else 1), order)


class SoftmaxRule:
    """p_i = exp(s_i) / sum_j exp(s_j): entries 1/N over N units, |dp| = |p| min(1, entries of ds), |d_s| = |d_p| / N.

    Source: dp_i/ds_j = p_i (delta_ij - p_j), for s with entries of size 1 at most: no power of n holds of larger ones.
    """

    def initialize(self, run: Run[O], node: Softmax) -> Steps[O]:
        run.initial[node.name] = run.scaled(-run.order(node.over), root_of_units(run, node))
        yield from ()

    def forward(self, run: Run[O], node: Softmax) -> Steps[O]:
        over, root = run.order(node.over), root_of_units(run, node)
        run.carry(node, lambda part: run.scaled(-over, run.algebra.smaller(root, part)))
        yield from ()

    def backward(self, run: Run[O], node: Softmax, signal: Parts[O]) -> Steps[O]:
        run.send(node.source, tuple(run.scaled(-run.order(node.over), part) for part in signal))
        yield from ()


class TopRule(PoolRule):
    """A fixed number out of a fixed number of units: what is left has the order of all, forward and backward.

    That another unit is chosen is a change of the size of the largest ones. Where there are ever more units, few of
    them are chosen, and no order of all is the order of those. Source: Shazeer et al., arXiv 1701.06538 (routers).
    """

    def initialize(self, run: Run[O], node: Any) -> Steps[O]:
        if run.order(node.over):
            units = f"the units of which {node.name} takes {node.count}"
            raise ArgumentError("scale", f"expected one that leaves {units} as many, but got {run.problem.scale!r}")
        yield from super().initialize(run, node)


def along_itself(run: Run[O], name: str) -> O:
    """Of the first change of a curved value, the part along the value: min(1, |dz|/|z|) of it (weighted_rules)."""
    moved = run.total(run.change[name])
    share = run.algebra.smaller(run.one, run.algebra.ratio(moved, run.initial[name]))
    return run.algebra.product(share, moved)
