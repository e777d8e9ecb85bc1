"""Sums and products of two states, and what numbers, constants and parameters are in them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.functions import FUNCTIONS
from scalings.networks.nodes import INPUT, Bias, Elementwise, Gain, Norm, Power, Product, Rearrange, Sum
from scalings.tapes.translation.builder import Builder, kept
from scalings.tapes.translation.spelled_out import divided_by_itself
from scalings.tapes.translation.values import (
    Call,
    Constant,
    Held,
    NoRule,
    Result,
    Shape,
    State,
    growing,
    is_plain,
    order_of,
    size_of,
    state_of,
)

UNSEEN = 2.0**-8
"""A number that bfloat16 does not see beside 1, such as the eps of a norm: it guards a division and is no term."""


def add(build: Builder, call: Call) -> State:
    """a + alpha b; also of differences."""
    left, right = call.get(0, "input"), call.get(1, "other")
    if (alpha := call.get(2, "alpha")) is not None:
        right = scaled(build, call, state_of(right), alpha)
    return added(build, call, left, right)


def added(build: Builder, call: Call, left: Any, right: Any) -> State:
    for one, other in ((left, right), (right, left)):
        if is_plain(one) and not order_of(one) and size_of(one) < UNSEEN:
            return state_of(other)
    one, other = state_of(left), state_of(right)
    if isinstance(one, Constant) and isinstance(other, Constant):
        if one.is_zero or other.is_zero:
            return replace(one if other.is_zero else other, shape=call.shape)
        depends, has_mean = one.depends or other.depends, one.has_mean or other.has_mean
        return Constant(call.shape, max(one.order, other.order), depends=depends, has_mean=has_mean)
    for this, that in ((one, other), (other, one)):
        if isinstance(this, Constant) and (this.is_zero or this.only_masks):
            return _repeated(build, call, that)
        if isinstance(this, Held) and isinstance(that, Result) and _is_vector(this):
            return _with_bias(build, call, that, this)
    found = _sum(build, call, build.result(one, call), build.result(other, call))
    terms = build.terms(one), build.terms(other)
    if all(terms) and one.shape == other.shape:
        build.merged[found.node] = terms[0] + terms[1]
    return found


def multiply(build: Builder, call: Call) -> State:
    left, right = call.get(0, "input"), call.get(1, "other")
    for number, other in ((left, right), (right, left)):
        if is_plain(number) or isinstance(number, bool):
            return scaled(build, call, state_of(other), number)
    return multiplied(build, call, left, right)


def multiplied(build: Builder, call: Call, left: State, right: State, summed: Dimension = ONE) -> State:
    """The product, entry by entry, or summed over so many units."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Constant) and (one.is_zero or not summed.grows):
            return _by_constant(build, call, other, one)
        if isinstance(one, Held) and isinstance(other, Result) and summed == ONE and _fits(build, one, other, call):
            return _gained(build, call, other, one)
    if left == right and summed == ONE:
        return powered(build, call, left, Fraction(2))
    one, other = build.result(left, call), build.result(right, call)
    if summed == ONE:
        for above, below in ((one, other), (other, one)):
            if whole := divided_by_itself(build, call, above, below) or _divided_first(build, call, above, below):
                return whole
    if summed.grows and not any(build.are_weights(side.made_of) for side in (one, other)):
        (left_alone, before), (right_alone, behind) = (build.without_factors(side) for side in (one, other))
        if before or behind:  # of a sum of products it does not matter which factor a number stands at
            made = build.result(multiplied(build, call, left_alone, right_alone, summed), call)
            return build.with_factors(made, (*before, *behind))
    if one.node == other.node and one.vectors != other.vectors:
        one, other = build.part(one, call), build.part(other, call)
    units = growing(call.shape)
    chosen = any(isinstance(side, Constant) and side.depends for side in (left, right))
    depend = chosen or bool(one.vectors & other.vectors)
    has_mean = depend or (one.has_mean and other.has_mean)
    vectors = (one.vectors if other.has_mean else frozenset()) | (other.vectors if one.has_mean else frozenset())
    coherent = has_mean and summed.grows
    name = build.name(call)
    node = build.add(Product(name, one.node, other.node, units, summed, coherent), call)
    if summed == ONE:
        build.factors[node] = left, right
    made_of = one.made_of | other.made_of
    return Result(call.shape, node, made_of, vectors or frozenset((name,)), has_mean)


def _divided_first(build: Builder, call: Call, multiple: Result, other: Result) -> State | None:
    """(x g) times 1/|x|, or x times (g 1/|x|), as g times x/|x|; None for any other product."""
    parts = build.factors.get(multiple.node)
    if parts is None or multiple.shape != _together(*parts):
        return None  # it has been rearranged since
    for part, rest in (parts, parts[::-1]):
        for above, below in ((part, other), (other, part)):
            if isinstance(above, Result) and isinstance(below, Result):
                wide = replace(call, shapes=(above.shape,))
                if whole := divided_by_itself(build, wide, above, below):
                    return multiplied(build, call, whole, rest)
    return None


def _together(one: State, other: State) -> Shape:
    """The shape of their product, in which axes of size 1 are repeated."""
    shapes = zip_longest(one.shape[::-1], other.shape[::-1], fillvalue=ONE)
    return tuple(left if str(left) != "1" else right for left, right in shapes)[::-1]


def divide(build: Builder, call: Call) -> State:
    return inverse(build, call, call.get(1, "other"), call.get(0, "input"))


def inverse(build: Builder, call: Call, below: Any, above: Any) -> State:
    """A state, or a number, over another."""
    if is_plain(below):
        return scaled(build, call, state_of(above), below, -1)
    if isinstance(below, Constant):
        return multiplied(build, call, state_of(above), replace(below, order=-below.order, is_zero=False))
    over = powered(build, replace(call, shapes=(below.shape,)), below, Fraction(-1))
    return multiplied(build, call, state_of(above), over)


def reversed_power(build: Builder, call: Call) -> State:
    """A number to the power of a state."""
    return entrywise(build, call, call.first, "exp")


def scaled(build: Builder, call: Call, state: State, number: Any, sign: int = 1) -> State:
    """A state times a number, or divided by it."""
    if size_of(number) == 0 and sign > 0:
        return Constant(state.shape, is_zero=True)
    return build.scaled(state, sign * order_of(number), size_of(number) ** sign, call)


def power(build: Builder, call: Call) -> State:
    """A state to a fixed power; a fixed number to the power of a state is an exponential."""
    base, exponent = call.state(0, "input"), call.get(1, "exponent")
    if is_plain(exponent) and not order_of(exponent):
        return powered(build, call, base, Fraction(exponent).limit_denominator(1000))
    if not isinstance(base, Constant) or base.order:
        raise NoRule("a power that is no number")
    return entrywise(build, call, state_of(exponent), "exp")


def powered(build: Builder, call: Call, state: State, exponent: Fraction) -> State:
    if exponent == 1:
        return state
    is_odd = exponent.denominator == 1 and exponent.numerator % 2 == 1
    if not exponent:
        return Constant(state.shape)
    if isinstance(state, Constant):
        is_zero, has_mean = state.is_zero and exponent > 0, state.has_mean or not is_odd
        return replace(state, order=state.order * exponent, is_zero=is_zero, has_mean=has_mean)
    source = build.result(state, call)
    node = build.add(Power(build.name(call), source.node, exponent), call)
    if is_odd:
        return replace(source, node=node)
    return replace(
        source, node=node, has_mean=True, vectors=source.vectors if exponent.denominator > 1 else frozenset()
    )


def entrywise(build: Builder, call: Call, state: State, function: str, *, is_odd: bool = False) -> State:
    """A function of each entry."""
    if isinstance(state, Constant):
        growth = FUNCTIONS[function]
        order = min(state.order, Fraction(0)) if growth.bounded else state.order
        order = max(order, Fraction(0)) if growth.offset else order
        is_zero, has_mean = state.is_zero and not growth.offset, state.has_mean or not is_odd
        return replace(state, order=order, is_zero=is_zero, has_mean=has_mean)
    source = build.result(state, call)
    node = build.add(Elementwise(build.name(call), source.node, function), call)
    even = function in ("abs", "cos")
    return replace(
        source,
        node=node,
        has_mean=source.has_mean or not is_odd,
        vectors=frozenset() if even else source.vectors,
    )


def stopped(build: Builder, call: Call, state: State) -> State:
    """A state through which no gradient passes, as it is detached, or computed where gradients are off."""
    if isinstance(state, Constant) or (isinstance(state, Held) and not state.parameter.trainable):
        return state
    return entrywise(build, call, build.result(state, call), "detach", is_odd=True)


def joined(build: Builder, call: Call, states: list[State], shape: Shape, *, repeated: bool = False) -> State:
    """Entries of several states in one: side by side, or some of each; or `repeated`."""
    states = [one for one in states if not (isinstance(one, Constant) and (one.is_zero or _is_empty(one.shape)))]
    if not states:
        return Constant(shape, is_zero=True)
    if all(isinstance(one, Constant) for one in states):
        return Constant(shape, max(one.order for one in states if isinstance(one, Constant)))
    if len(states) == 1 and str(growing(states[0].shape)) == str(growing(shape)):
        return replace(states[0], shape=shape)
    results = [build.result(one, call) for one in states]
    names = tuple(dict.fromkeys(one.node for one in results))
    node = build.add(Rearrange(build.name(call), names, growing(shape), repeated=repeated), call)
    return Result(
        shape,
        node,
        frozenset().union(*(one.made_of for one in results)),
        frozenset().union(*(one.vectors for one in results)),
        any(one.has_mean for one in results),
    )


def with_bias(build: Builder, call: Call, made: State, bias: Any, channel: int = 0) -> State:
    """What a layer makes, and its bias; `channel` says that it belongs to the second axis and not to the last."""
    if bias is None:
        return made
    if channel and len(bias.shape) == 1:
        bias = replace(bias, shape=(*bias.shape, *(ONE,) * (len(call.shape) - 2)))
    return added(build, call, made, bias)


def _sum(build: Builder, call: Call, one: Result, other: Result) -> Result:
    one, other = (build.once(side) for side in (one, other))
    units = growing(call.shape)
    same = str(growing(one.shape)) == str(growing(other.shape)) == str(units)
    result = joined_entries(one, other, call.shape)
    same = same and one.made_of != other.made_of and not build.are_weights(result.made_of)
    if INPUT in (one.node, other.node) or not units.grows or not same:
        names = tuple(dict.fromkeys((one.node, other.node)))
        repeated = any(growing(side.shape).order < units.order for side in (one, other))
        return replace(result, node=build.add(Rearrange(build.name(call), names, units, repeated=repeated), call))
    first, second = (one, other) if build.is_stream(one.node) or not build.is_stream(other.node) else (other, one)
    wanted = build.units(first.node)
    branch = build.with_units(second, wanted, call)
    first_name = build.with_units(first, wanted, call)
    return replace(result, node=build.add(Sum(build.name(call), (first_name, branch)), call))


def joined_entries(one: Result, other: Result, shape: Shape) -> Result:
    """What is known of a sum before it has a node."""
    return Result(shape, "", one.made_of | other.made_of, one.vectors | other.vectors, one.has_mean or other.has_mean)


def _repeated(build: Builder, call: Call, state: State) -> State:
    """A state that is repeated to the shape of a result."""
    if str(growing(state.shape)) == str(growing(call.shape)):
        return replace(state, shape=call.shape)
    return joined(build, call, [state], call.shape, repeated=True)


def _by_constant(build: Builder, call: Call, state: State, constant: Constant) -> State:
    if constant.is_zero:
        return Constant(call.shape, is_zero=True)
    found = _repeated(build, call, build.scaled(state, constant.order, 1.0, call))
    if constant.depends and isinstance(found, Constant | Result):  # as of h (h > 0)
        return replace(found, depends=True) if isinstance(found, Constant) else replace(found, has_mean=True)
    is_noise = not constant.has_mean and growing(constant.shape).order == growing(call.shape).order
    return replace(found, has_mean=False) if is_noise and isinstance(found, Constant | Result) else found


def _is_vector(weight: Held) -> bool:
    """Whether it has but one axis that is not of size 1, however often it was repeated."""
    shapes = weight.shape, weight.parameter.shape
    return any(sum(str(size) != "1" for size in shape) <= 1 for shape in shapes)


def _is_empty(shape: Shape) -> bool:
    return any(not size.size for size in shape)


def _fits(build: Builder, weight: Held, result: Result, call: Call) -> bool:
    """Whether a parameter has one entry for each unit of a result, which is not made of weights itself."""
    units = growing(weight.shape)
    same = units.order == growing(result.shape).order == growing(call.shape).order
    return same and result.node != INPUT and _is_whole(weight) and not build.are_weights(result.made_of)


def _is_whole(weight: Held) -> bool:
    """Whether it is all of a parameter, once."""
    return str(growing(weight.shape)) == str(growing(weight.parameter.shape))


def _gained(build: Builder, call: Call, source: Result, weight: Held) -> State:
    normed, factors = build.without_factors(source)
    if isinstance(build.nodes.get(normed.node), Norm):  # x / |x| has entries of size 1 but for a number
        source = normed
    else:
        factors = []
    name, wanted = build.weight_name(call, weight.parameter), _own_units(build, source, weight)
    of = build.weight_of(weight.parameter, "vector", wanted)
    node = Gain(name, build.with_units(source, wanted, call), of, wanted, **kept(weight.parameter))
    build.factors[build.add(node, call)] = source, weight
    is_random = weight.parameter.start == "random"
    result = replace(
        source,
        shape=call.shape,
        node=name,
        made_of=source.made_of | {name},
        vectors=frozenset((name,)) if is_random else source.vectors,
        has_mean=source.has_mean and not is_random,
    )
    return build.with_factors(build.scaled(result, weight.order, weight.size, call), factors)


def _with_bias(build: Builder, call: Call, source: Result, weight: Held) -> State:
    units = growing(weight.shape)
    whole = _is_whole(weight) and not weight.order and source.node != INPUT
    if not whole or units.order != growing(call.shape).order:
        return _sum(build, call, source, build.result(weight, call))
    if growing(source.shape).order != units.order:  # fewer units, repeated
        return _sum(build, call, source, build.result(weight, call))
    name, wanted = build.weight_name(call, weight.parameter), _own_units(build, source, weight)
    of = build.weight_of(weight.parameter, "vector", wanted)
    node = Bias(name, build.with_units(source, wanted, call), of, wanted, **kept(weight.parameter))
    build.add(node, call)
    is_one = weight.parameter.start == "one"
    vectors = source.vectors | {name} if weight.parameter.start == "random" else source.vectors
    has_mean = source.has_mean or is_one
    return replace(
        source, shape=call.shape, node=name, made_of=source.made_of | {name}, vectors=vectors, has_mean=has_mean
    )


def _own_units(build: Builder, source: Result, weight: Held) -> Dimension:
    """The units of a gain or a bias: those of its parameter, of its own axes that grow or else of all."""
    units = growing(weight.shape)
    if units.grows:
        return units
    found = build.units(source.node)
    sizes = [size for size in weight.shape if str(size) != "1"]
    return sizes[0] if len(sizes) == 1 else found
