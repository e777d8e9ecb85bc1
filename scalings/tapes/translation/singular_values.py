"""Spectral normalization: the largest singular value of a matrix, as power iteration computes it.

With u and v of length 1, through which no gradient passes, and v = W^T u / |W^T u|,

    sigma = u^T W v = |W^T u|,      d sigma / dW = u v^T

exactly, whether the iteration has converged or not; and the same with u = W v / |W v|. As a product of u and W v it
would be a sum of random signs, smaller by n^(1/2): no rule sees that u goes with W v for this v. What is left is made
of the weight alone: buffers in which the iteration remembers u and v are no data.

Source: Miyato et al., arXiv 1802.05957, section 2.2 and appendix A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from scalings.networks.dimensions import Dimension
from scalings.networks.nodes import Dense, Elementwise, Factor, Mean, Norm, Product, Rearrange
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.reductions import euclidean
from scalings.tapes.translation.values import Call, Result, State, growing

HALF = Fraction(1, 2)
_RANDOM = 4
"""A sum of n random signs is that many sqrt(n) one time in 16,000."""


@dataclass(frozen=True)
class _Vector:
    """n^order W h, or, if it is a direction, n^order times that over its length, without a gradient."""

    made: Dense
    order: Fraction
    is_direction: bool


def singular_value(build: Builder, call: Call, left: State, right: State) -> Result | None:
    """What u^T W v is, for such u and v; None for any other product."""
    if not isinstance(left, Result) or not isinstance(right, Result) or growing(call.shape).grows:
        return None
    for one, other in ((left, right), (right, left)):
        made, along = _vector(build, one.node), _vector(build, other.node)
        if made is None or along is None or made.is_direction or not along.is_direction:
            continue
        if not _is_aligned(build, call, one, other):
            continue
        read = _vector(build, made.made.source)
        if read is None or not read.is_direction or {made.made.weight} != {read.made.weight, along.made.weight}:
            continue
        fan_in, fan_out = made.made.fan_in, made.made.fan_out
        order = made.order + along.order + read.order
        if along.made.source == made.made.source:  # u = W v / |W v|
            return _length(build, call, made.made, order, (fan_in, fan_out))
        if read.made.source == other.node:  # v = W^T u / |W^T u|
            return _length(build, call, made.made, order, (fan_out, fan_in))
    return None


def _is_aligned(build: Builder, call: Call, one: Result, other: Result) -> bool:
    """Whether their product, as measured at the largest width, is larger than that of two random vectors would be, as
    it is not if W takes the place of W^T in the iteration."""
    measured = call.magnitudes, one.magnitudes, other.magnitudes
    if not all(measured):
        return True
    whole, left, right = (sizes[-1] for sizes in measured)
    return whole > _RANDOM * left * right * math.sqrt(growing(one.shape).at(build.traced.widths[-1]))


def _vector(build: Builder, name: str) -> _Vector | None:
    """What a node is, if it is a vector that a matrix gives, as it is or of another length."""
    order, stops, is_direction = Fraction(0), False, False
    while not isinstance(node := build.nodes.get(name), Dense):
        match node:
            case Factor():
                order += Fraction(0) if is_direction else node.order
            case Norm():
                order += Fraction(0) if is_direction else build.units(name).order * HALF
                is_direction = True
            case Elementwise(activation="detach"):
                stops = True
            case Rearrange(sources=(_,), repeated=False):
                pass
            case _:
                return None
        name = node.sources[0] if isinstance(node, Rearrange) else node.source
    return _Vector(node, order, is_direction) if stops == is_direction else None


def _length(build: Builder, call: Call, made: Dense, order: Fraction, sizes: tuple[Dimension, Dimension]) -> Result:
    """n^order |W^T u|, with the direction u of a sum over the rows of W; `sizes` are those of u and of W^T u."""
    own, other = sizes
    weight = build.result(build.matrices[made.name], call)
    rows = build.add(Mean(build.name(call, "rows"), weight.node, own, other), call)
    stopped = build.add(Elementwise(build.name(call, "direction"), rows, "detach"), call)
    unit = build.add(Norm(build.name(call, "direction"), stopped), call)
    unit = build.add(Factor(build.name(call, "direction"), unit, -HALF * own.order), call)
    along = build.add(Product(build.name(call, "along"), unit, weight.node, other, own), call)
    found = euclidean(build, call, Result((other,), along, weight.made_of, frozenset((along,))), None)
    return build.result(build.scaled(found, order, 1.0, call), call)
