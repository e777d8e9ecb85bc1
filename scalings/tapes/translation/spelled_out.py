"""Normalizations and softmaxes that a module spells out: x rsqrt(mean(x x) + eps), exp(s) / sum(exp(s)).

As a product of two values, each of them would be bounded by how far the other one has moved. What is divided by its own
size is not: its entries stay of size 1, and those of a softmax sum to 1. So they are the nodes that the torch functions
are, whatever way they are written.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.nodes import Elementwise, Factor, Mean, Norm, Power, Product, Rearrange, Softmax, Sum, sources
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.values import Call, Result

HALF = Fraction(1, 2)


def divided_by_itself(build: Builder, call: Call, above: Result, below: Result) -> Result | None:
    """x times 1/|x|, or exp(s) times 1/sum(exp(s)), as a normalization or a softmax; None for any other product."""
    node, power, order = below.node, Fraction(1), Fraction(0)
    while isinstance(found := build.nodes.get(node), Power | Factor | Rearrange) and node not in build.summed:
        if isinstance(found, Power):
            power *= found.exponent
        elif isinstance(found, Factor):
            order += power * found.order
        elif not found.repeated or len(found.sources) > 1:
            break
        node = found.sources[0] if isinstance(found, Rearrange) else found.source
    exponential = build.nodes.get(above.node)
    if power == -1 and isinstance(exponential, Elementwise) and _is(build, above.node, "exp"):
        over = _summed_over(build, above, node)
        if over is None:
            return None
        made = softmax_of(build, call, replace(above, node=exponential.source), over)
        return build.scaled(made, order + over.order, 1.0, call)
    squared = _squared(build, node)
    if power != -HALF or squared is None or _with_mean(build, above.node) != _with_mean(build, squared[0]):
        return None
    name = build.add(Norm(build.name(call, "norm"), above.node), call)
    return build.scaled(replace(above, shape=call.shape, node=name), order - HALF * squared[1], 1.0, call)


def softmax_of(build: Builder, call: Call, source: Result, over: Dimension) -> Result:
    """The softmax of a value, or of that value less its maximum, which is the same."""
    less, suffix = shifted(build, source.node, "amax", "max"), "" if "softmax" in call.function else "softmax"
    node = build.add(Softmax(build.name(call, suffix), less[0] if less else source.node, over), call)
    return replace(source, shape=call.shape, node=node, has_mean=True)


def _summed_over(build: Builder, above: Result, node: str) -> Dimension | None:
    """Over which units a node is the mean of another one, none if over positions alone; None if it is no mean of it."""
    found = build.nodes.get(node)
    if isinstance(found, Mean) and found.source == above.node:
        return found.over
    return ONE if node == above.node and node in build.summed else None


def shifted(build: Builder, node: str, *functions: str) -> tuple[str, str] | None:
    """The value s and the result of such a function of it that a node is the difference of."""
    found = build.nodes.get(node)
    if isinstance(found, Rearrange | Sum) and len(found.sources) == 2:
        for source, other in (found.sources, found.sources[::-1]):
            if _is(build, other, *functions) and source in _behind(build, other):
                return source, other
    return None


def _behind(build: Builder, node: str) -> set[str]:
    """What a node is computed from, through one node at most that the same function made."""
    found = set(sources(build.nodes[node]))
    return found | {
        one for each in found if _is(build, each, build.functions[node]) for one in sources(build.nodes[each])
    }


def _is(build: Builder, node: str, *functions: str) -> bool:
    """Whether a node was made by one of these torch functions."""
    return build.functions.get(node, "").strip("_") in functions


def _squared(build: Builder, node: str) -> tuple[str, Fraction] | None:
    """The value whose mean square over all of its units, or those of each group, a node is, times a power of the
    width."""
    found = build.nodes.get(node)
    if isinstance(found, Rearrange | Sum) and len(found.sources) == 2:  # E[z^2] - E[z]^2
        for whole, less in (found.sources, found.sources[::-1]):
            squared, mean = _squared(build, whole), build.nodes.get(less)
            if squared and isinstance(mean, Power) and mean.exponent == 2 and _is_mean(build, mean.source, squared[0]):
                return squared
    square = build.nodes.get(found.source) if isinstance(found, Mean) else found
    if isinstance(square, Power) and square.exponent == 2:
        over, left = (found.over, found.units) if isinstance(found, Mean) else (ONE, build.units(node))
        is_sum = isinstance(found, Mean) or node in build.summed
        return (square.source, Fraction(0)) if is_sum and _is_all(build, square.source, over, left) else None
    is_square = isinstance(found, Product) and found.left == found.right and found.summed != ONE
    if isinstance(found, Product) and is_square and _is_all(build, found.left, found.summed, found.units):
        return found.left, found.summed.order
    return None


def _is_all(build: Builder, node: str, over: Dimension, left: Dimension) -> bool:
    """Whether a sum over some units leaves one of each group of those that a value has, which are one group or more."""
    return over.order + left.order == build.units(node).order


def _with_mean(build: Builder, node: str) -> str:
    """The value that a node is without its mean, or the node itself."""
    found = build.nodes.get(node)
    if isinstance(found, Rearrange | Sum) and len(found.sources) == 2:
        for source, other in (found.sources, found.sources[::-1]):
            if _is_mean(build, other, source):
                return source
    return node


def _is_mean(build: Builder, node: str, of: str) -> bool:
    """Whether a node is the mean of another one, times a number."""
    while isinstance(found := build.nodes.get(node), Factor):
        node = found.source
    return isinstance(found, Mean) and found.source == of
