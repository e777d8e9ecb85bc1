"""Products that are summed: linear, matmul, einsum, convolutions.

Axes have labels, as in Einstein's notation. With a parameter on one side and all growing axes of the other side summed,
a contraction is a matrix (`Dense`); of two values it is a `Product`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.nodes import INPUT, Convolution, Dense, DepthwiseConvolution
from scalings.tapes.translation.builder import Builder, kept
from scalings.tapes.translation.products import added, multiplied, scaled, with_bias
from scalings.tapes.translation.reductions import averaged, axes_of, over_of
from scalings.tapes.translation.reductions import summed as sum_over
from scalings.tapes.translation.singular_values import singular_value
from scalings.tapes.translation.values import (
    Call,
    Constant,
    Held,
    NoRule,
    Result,
    Shape,
    State,
    growing,
    product,
    transposed,
)

Labels = tuple[str, ...]


def contract(build: Builder, call: Call, left: State, right: State, labels: tuple[Labels, Labels, Labels]) -> State:
    """The sum over the labels that the result has not."""
    if any(len(set(names)) < len(names) for names in labels):
        raise NoRule("a diagonal")
    for matrix, other, names, others in ((left, right, labels[0], labels[1]), (right, left, labels[1], labels[0])):
        terms = build.merged.get(matrix.node) if isinstance(matrix, Result) else None
        if terms and not build.terms(other) and len({*names} - {*others}) == 1:
            turned = isinstance(matrix, Result) and matrix.turned
            return _one_by_one(build, call, other, terms, (others, names[::-1] if turned else names, labels[2]))
    left, right = (_once(build, call, side) for side in (left, right))
    left, left_names = _alone(build, call, left, labels[0], {*labels[1], *labels[2]})
    right, right_names = _alone(build, call, right, labels[1], {*labels[0], *labels[2]})
    sides = [_labelled(left.shape, left_names), _labelled(right.shape, right_names)]
    sizes = {**sides[0], **sides[1]}
    shape = tuple(sizes.get(name, ONE) for name in labels[2])
    summed = {name: size for name, size in sizes.items() if name not in labels[2]}
    made = replace(call, shapes=(shape,))
    if isinstance(left, Constant) and isinstance(right, Constant):
        order = left.order + right.order + product(tuple(summed.values())).order
        return Constant(shape, order, left.is_zero or right.is_zero)
    if any(isinstance(side, Constant) and side.is_zero for side in (left, right)):
        return Constant(shape, is_zero=True)
    for one, other, own, its in ((left, right, sides[0], sides[1]), (right, left, sides[1], sides[0])):
        if isinstance(one, Held) and not isinstance(other, Held):
            common = {name: size for name, size in summed.items() if name in own and name in its}
            rest = [size for name, size in own.items() if name not in its]
            shared = any(name in its and size.grows for name, size in own.items() if name not in common)
            if not shared and common.keys() >= {name for name, size in its.items() if size.grows}:
                return dense(build, made, one, other, (product(tuple(common.values())), product(tuple(rest))))
            if shared and not any(size.grows for size in common.values()):
                channels = product(tuple(size for name, size in own.items() if name not in common))
                return depthwise(build, made, one, other, product(tuple(common.values())), channels)
    both = {name: size for name, size in summed.items() if name in sides[0] and name in sides[1]}
    found = singular_value(build, made, left, right) or multiplied(
        build, made, left, right, product(tuple(both.values()))
    )
    if isinstance(left, Held) and isinstance(right, Held) and isinstance(found, Result) and _is_matrix(*labels):
        build.merged[found.node] = ((left, right),)
    if isinstance(found, Result):
        build.contracted[found.node] = left, right, (left_names, right_names, labels[2]), call.shape
    return found


def _is_matrix(left: Labels, right: Labels, result: Labels) -> bool:
    """Whether it is the product of two matrices, of one's rows with the other's columns."""
    return len(left) == len(right) == 2 and left[1] == right[0] and result == (left[0], right[1])


def _one_by_one(
    build: Builder, call: Call, source: State, terms: Sequence[tuple[Held, ...]], labels: tuple[Labels, Labels, Labels]
) -> State:
    """(W + B A) h as W h + B (A h): B A has as few ranks as there are units between, whatever is multiplied first."""
    own, (rows, columns), end = labels
    inner, found = "between", []
    for term in terms:
        if len(term) == 1:
            found.append(contract(build, call, source, term[0], labels))
            continue
        sides = ((term[0], (rows, inner)), (term[1], (inner, columns)))
        (first, its), (last, others) = sides if rows in own else sides[::-1]
        middle = (*(name for name in own if name not in its), inner)
        read = contract(build, call, source, first, (own, its, middle))
        found.append(contract(build, call, read, last, (middle, others, end)))
    total = found[0]
    for one in found[1:]:
        total = added(build, replace(call, shapes=(one.shape,)), total, one)
    return total


def dense(
    build: Builder, call: Call, weight: Held, source: State, fans: tuple[Dimension, Dimension], kernel: int = 0
) -> State:
    """A matrix applied to a value; with a kernel, to patches of so many positions."""
    read = source_node(build, call, source, fans[0])
    name, given = build.weight_name(call, weight.parameter), kept(weight.parameter)
    if given["start"] == "one":  # of a matrix they are no gain, but numbers that may be others
        given["start"] = "random"
    if kernel:
        of = build.weight_of(weight.parameter, "matrix", Dimension(kernel) * fans[0], fans[1])
        return build.matrix(Convolution(name, read, of, *fans, kernel, **given), weight, call)
    return build.matrix(
        Dense(name, read, build.weight_of(weight.parameter, "matrix", *fans), *fans, **given), weight, call
    )


def depthwise(build: Builder, call: Call, weight: Held, source: State, kernel: Dimension, units: Dimension) -> State:
    """A kernel of fixed size for each unit."""
    read = source_node(build, call, source, units)
    name, size = build.weight_name(call, weight.parameter), max(1, int(kernel.size))
    of = build.weight_of(weight.parameter, "matrix", Dimension(size), units)
    node = DepthwiseConvolution(name, read, of, units, size, **kept(weight.parameter))
    return build.matrix(node, weight, call)


def source_node(build: Builder, call: Call, source: State, units: Dimension) -> str:
    """The node that a weight reads with so many units."""
    if isinstance(source, Constant) and not source.order and not growing(source.shape).grows:
        return INPUT
    result = build.result(source, call)
    return result.node if result.node == INPUT else build.with_units(result, units, call)


def linear(build: Builder, call: Call) -> State:
    """x W^T + b."""
    x, weight, bias = call.state(0, "input"), call.state(1, "weight"), call.get(2, "bias")
    return with_bias(build, call, matmul_of(build, call, x, transposed(weight)), bias)


def matmul(build: Builder, call: Call) -> State:
    return matmul_of(build, call, call.state(0, "input"), call.state(1, "other"))


def chain(build: Builder, call: Call) -> State:
    """Matrices one after the other, from left to right."""
    given = call.arguments[0] if isinstance(call.arguments[0], tuple) else call.arguments
    found: State = given[0]
    for one in given[1:]:
        found = matmul_of(build, call, found, one)
    return found


def addmm(build: Builder, call: Call) -> State:
    """beta b + alpha x W."""
    matrices = ("batch1", "batch2") if "batch1" in call.keywords else ("mat1", "mat2")
    left, right = (call.state(place, name) for place, name in enumerate(matrices, start=1))
    made = matmul_of(build, call, left, right)
    alpha, beta = call.get(4, "alpha", 1), call.get(3, "beta", 1)
    return with_bias(build, call, scaled(build, call, made, alpha), scaled(build, call, call.state(0, "input"), beta))


def grouped(build: Builder, call: Call) -> State:
    """Each group of rows times its own matrix."""
    x, weights = call.state(0, "input"), call.state(1, "weight")
    return matmul_of(build, call, x, replace(weights, shape=weights.shape[1:]))


def matmul_of(build: Builder, call: Call, left: State, right: State) -> State:
    one, other = _names(left.shape, "ik"), _names(right.shape, "kj" if len(right.shape) > 1 else "k")
    if len(left.shape) == 1:
        one = ("k",)
    batch = max(len(one), len(other), 2) - 2
    result = (*(f"b{place}" for place in range(batch, 0, -1)), *(name for name in "ij" if name in (*one, *other)))
    return contract(build, call, left, right, (one, other, result))


def einsum(build: Builder, call: Call) -> State:
    """Two operands at a time, from left to right, over the labels that nothing reads any more."""
    equation, operands = call.arguments[0].replace(" ", ""), call.arguments[1:]
    if len(operands) == 1 and isinstance(operands[0], tuple):
        operands = operands[0]
    given, _, result = equation.partition("->")
    labels = [_expanded(one, len(state.shape)) for one, state in zip(given.split(","), operands, strict=True)]
    if "->" not in equation:
        seen = [name for one in labels for name in one]
        end: Labels = tuple(sorted(name for name in set(seen) if seen.count(name) == 1))
    else:
        end = _expanded(result, len(call.shape))
    left: State = operands[0]
    own = labels[0]
    if len(set(own)) < len(own):
        raise NoRule("a diagonal")
    for place, right in enumerate(operands[1:], start=1):
        later = {name for one in (*labels[place + 1 :], end) for name in one}
        made = tuple(name for name in dict.fromkeys((*own, *labels[place])) if name in later)
        made = end if place == len(operands) - 1 else made
        left, own = contract(build, call, left, right, (own, labels[place], made)), made
    if len(operands) > 1:
        return left
    gone = tuple(axis for axis, name in enumerate(own) if name not in end)
    return sum_over(build, call, left, gone)


def sum_(build: Builder, call: Call) -> State:
    """A sum; of products with a parameter it is a contraction, as `einsum` writes it."""
    state, axes = call.state(0, "input"), axes_of(call.get(1, "dim"))
    found = _of_products(build, call, state, axes)
    return sum_over(build, call, state, axes) if found is None else found


def mean(build: Builder, call: Call) -> State:
    """A mean; of products with a parameter a contraction, over the number of terms."""
    state, axes = call.state(0, "input"), axes_of(call.get(1, "dim"))
    found, over = _of_products(build, call, state, axes), over_of(state.shape, axes)
    return (
        averaged(build, call, state, axes)
        if found is None
        else build.scaled(found, -over.order, 1 / float(over.size), call)
    )


def _of_products(build: Builder, call: Call, state: State, axes: Any) -> State | None:
    """The sum over axes that grow of what is a product with a parameter, entry by entry."""
    factors = build.factors.get(state.node) if isinstance(state, Result) else None
    if factors is None or not any(isinstance(one, Held) for one in factors) or not over_of(state.shape, axes).grows:
        return None
    names = [f"a{axis}" for axis in range(len(state.shape))]
    labels = [tuple(names[len(names) - len(one.shape) :]) for one in factors]
    sizes = {
        name: str(size)
        for one, own in zip(factors, labels, strict=True)
        for name, size in _labelled(one.shape, own).items()
    }
    if any(sizes.get(name, "1") != str(size) for name, size in zip(names, state.shape, strict=True)):
        return None  # it has been rearranged since
    summed = set(range(len(names))) if axes is None else {axis % len(names) for axis in axes}
    kept_names = tuple(name for axis, name in enumerate(names) if axis not in summed)
    found = contract(build, call, *factors, (labels[0], labels[1], kept_names))
    return replace(found, shape=call.shape)


def vecdot(build: Builder, call: Call) -> State:
    """The sum of products along an axis of both."""
    one, other, axis = call.state(0, "x"), call.state(1, "y"), call.get(2, "dim", -1)
    names = [f"a{place}" for place in range(max(len(one.shape), len(other.shape)))]
    result = tuple(name for name in names if name != names[axis])
    own, its = (tuple(names[len(names) - len(side.shape) :]) for side in (one, other))
    return contract(build, call, one, other, (own, its, result))


def bilinear(build: Builder, call: Call) -> State:
    """x W y + b."""
    one, other, weight = call.state(0, "input1"), call.state(1, "input2"), call.state(2, "weight")
    made = einsum(build, replace(call, arguments=("...i,oij,...j->...o", (one, weight, other))))
    return with_bias(build, call, made, call.get(3, "bias"))


def tensordot(build: Builder, call: Call) -> State:
    """The sum over some axes of the one, and as many of the other."""
    left, right = call.state(0, "a"), call.state(1, "b")
    one, other = [f"a{axis}" for axis in range(len(left.shape))], [f"b{axis}" for axis in range(len(right.shape))]
    for own, its in zip(call.arguments[2], call.arguments[3], strict=True):
        other[its] = one[own]
    result = tuple(name for name in (*one, *other) if (name in one) != (name in other))
    return contract(build, call, left, right, (tuple(one), tuple(other), result))


def outer(build: Builder, call: Call) -> State:
    return contract(build, call, call.state(0, "input"), call.state(1, "vec2"), (("i",), ("j",), ("i", "j")))


def convolution(build: Builder, call: Call) -> State:
    """Of patches: W has the shape (channels out, channels in of a group, kernel)."""
    x, weight, bias = call.state(0, "input"), call.state(1, "weight"), call.get(2, "bias")
    return _convolved(build, call, x, weight, bias, weight.shape[:2][::-1], call.get(6, "groups", 1))


def transposed_convolution(build: Builder, call: Call) -> State:
    """W has the shape (channels in, channels out of a group, kernel)."""
    x, weight, bias = call.state(0, "input"), call.state(1, "weight"), call.get(2, "bias")
    return _convolved(build, call, x, weight, bias, weight.shape[:2], call.get(6, "groups", 1))


def _convolved(build: Builder, call: Call, x: State, weight: State, bias: Any, fans: Shape, groups: Any) -> State:
    kernel = product(weight.shape[2:])
    channels = fans
    if getattr(groups, "order", 0) and not (channels[0].grows and channels[1].grows):
        if isinstance(weight, Held) and not isinstance(x, Held):
            of_group = next((size for size in channels if not size.grows), ONE)
            return with_bias(
                build, call, depthwise(build, call, weight, x, kernel * of_group, growing(call.shape)), bias, channel=1
            )
        summed = kernel
    elif isinstance(weight, Held) and not isinstance(x, Held):
        times = Dimension(groups) if isinstance(groups, int) else ONE
        made = dense(build, call, weight, x, (channels[0] * times, channels[1]), max(1, int(kernel.size)))
        return with_bias(build, call, made, bias, channel=1)
    else:
        summed = kernel * channels[0]
    return with_bias(build, call, multiplied(build, call, x, weight, summed), bias, channel=1)


def _once(build: Builder, call: Call, state: State) -> State:
    """A parameter whose entries are repeated is no matrix of so many entries, but a value that has copies."""
    is_larger = isinstance(state, Held) and growing(state.shape).order > growing(state.parameter.shape).order
    return build.result(state, call) if is_larger else state


def _alone(build: Builder, call: Call, state: State, names: Labels, others: set[str]) -> tuple[State, Labels]:
    """An operand, summed first over the growing axes that neither the other operand nor the result has."""
    gone = [axis for axis, name in enumerate(names) if name not in others and state.shape[axis].grows]
    if not gone:
        return state, names
    left = [axis for axis in range(len(names)) if axis not in gone]
    shape = tuple(state.shape[axis] for axis in left)
    made = sum_over(build, replace(call, shapes=(shape,)), state, tuple(gone))
    return replace(made, shape=shape), tuple(names[axis] for axis in left)


def _names(shape: Shape, last: str) -> Labels:
    axes = len(shape) - len(last)
    return (*(f"b{place}" for place in range(axes, 0, -1)), *last)


def _labelled(shape: Shape, names: Sequence[str]) -> dict[str, Dimension]:
    """The sizes by label, without those of size 1, which are repeated."""
    return {name: size for name, size in zip(names, shape, strict=True) if str(size) != "1"}


def _expanded(labels: str, axes: int) -> Labels:
    """The labels of an operand, with numbers for the axes of an ellipsis."""
    if "..." not in labels:
        return tuple(labels)
    before, _, after = labels.partition("...")
    rest = axes - len(before) - len(after)
    return (*before, *(f".{place}" for place in range(rest, 0, -1)), *after)
