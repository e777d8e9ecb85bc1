"""Sums, means, norms and maxima over axes; softmax; normalization."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from scalings.networks.dimensions import ONE, Dimension
from scalings.networks.nodes import Elementwise, Mean, Norm
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.products import entrywise, inverse, joined, multiplied, powered, with_bias
from scalings.tapes.translation.spelled_out import shifted, softmax_of
from scalings.tapes.translation.values import Call, Constant, Held, NoRule, Result, Shape, State, growing, product

HALF = Fraction(1, 2)


def summed(build: Builder, call: Call, state: State, axes: Any) -> State:
    """A mean, times the number of entries that it is taken of."""
    over = over_of(state.shape, axes)
    return build.scaled(averaged(build, call, state, axes), over.order, float(over.size), call)


def averaged(build: Builder, call: Call, state: State, axes: Any) -> State:
    """The mean over axes; over fixed sizes it changes no order."""
    if isinstance(state, Constant):
        return replace(state, shape=call.shape)
    source = build.result(state, call)
    over = over_of(state.shape, axes)
    if not over.grows:
        if is_of_many(state.shape, axes):
            build.summed.add(source.node)
        return replace(source, shape=call.shape)
    name = build.name(call)
    node = build.add(Mean(name, source.node, growing(call.shape), over, source.has_mean), call)
    return replace(source, shape=call.shape, node=node)


def variance(build: Builder, call: Call) -> State:
    """The mean square; that entries are centered first changes no order."""
    square = powered(build, call, call.state(0, "input"), Fraction(2))
    axes = call.get(1, "dim")
    return averaged(build, call, square, None if isinstance(axes, bool) else axes_of(axes))


def deviation(build: Builder, call: Call) -> State:
    return powered(build, call, variance(build, call), HALF)


def norm(build: Builder, call: Call) -> State:
    """The norm over axes: by default the Euclidean one."""
    state = call.state(0, "input")
    if call.function == "frobenius_norm":
        return euclidean(build, call, state, axes_of(call.get(1, "dim")))
    exponent, axes = call.get(1, "p" if call.function == "norm" else "ord"), axes_of(call.get(2, "dim"))
    if call.function == "linalg_norm" and exponent is not None and len(axes or state.shape) > 1:
        exponent = "fro" if exponent == "fro" else "of a matrix"
    return _norm_of(build, call, state, axes, exponent)


def _norm_of(build: Builder, call: Call, state: State, axes: Any, exponent: Any) -> State:
    if exponent in (None, "fro", 2):
        return euclidean(build, call, state, axes)
    sizes = entrywise(build, replace(call, shapes=(state.shape,)), state, "abs")
    if exponent == 1:
        return summed(build, call, sizes, axes)
    if exponent == float("inf"):
        return joined(build, call, [sizes], call.shape)
    raise NoRule("another norm")


def norm_but_one(build: Builder, call: Call) -> State:
    """The norm over all axes but one."""
    x, kept = call.state(0, "v"), call.get(2, "dim")
    others = tuple(axis for axis in range(len(x.shape)) if axis != kept % len(x.shape))
    return _norm_of(build, call, x, others, call.get(1, "pow", 2))


def euclidean(build: Builder, call: Call, state: State, axes: Any) -> State:
    square = powered(build, replace(call, shapes=(state.shape,)), state, Fraction(2))
    return powered(build, call, summed(build, call, square, axes), HALF)


def normalized(build: Builder, call: Call) -> State:
    """A vector over its norm."""
    x, dim, exponent = call.state(0, "input"), call.get(2, "dim", 1), call.get(1, "p", 2)
    if exponent != 2:
        shape = tuple(ONE if axis == dim % len(x.shape) else size for axis, size in enumerate(x.shape))
        return inverse(build, call, _norm_of(build, replace(call, shapes=(shape,)), x, (dim,), exponent), x)
    over = over_of(x.shape, (dim,))
    return build.scaled(_norm(build, call, x, keeps_mean=True), -over.order * HALF, 1.0, call)


def cosine(build: Builder, call: Call) -> State:
    """The mean product of two vectors with entries of size 1."""
    one, other, dim = call.state(0, "x1"), call.state(1, "x2"), call.get(2, "dim", 1)
    shape = max(one.shape, other.shape, key=lambda found: growing(found).order)
    left, right = (_norm(build, call, side, keeps_mean=True) for side in (one, other))
    return averaged(build, call, multiplied(build, replace(call, shapes=(shape,)), left, right), (dim,))


def largest(build: Builder, call: Call) -> State:
    """The largest entries, or the smallest: of the order of all."""
    state, other = call.state(0, "input"), call.get(1, "other")
    if not isinstance(other, Constant | Held | Result):
        return _with_mean(joined(build, call, [state], call.shape))
    states = [one for one in (state, other) if not (isinstance(one, Constant) and one.is_zero)]
    found = joined(build, call, states, call.shape)
    return entrywise(build, call, found, "relu") if len(states) == 1 else _with_mean(found)


def _with_mean(state: State) -> State:
    return replace(state, has_mean=True) if isinstance(state, Result) else state


def log_sum_exp(build: Builder, call: Call) -> State:
    return joined(build, call, [entrywise(build, call, call.first, "softplus")], call.shape)


def softmax(build: Builder, call: Call) -> State:
    state, dim = call.state(0, "input"), call.get(1, "dim", -1)
    over = state.shape[dim] if state.shape else ONE
    if isinstance(state, Constant):  # entries that sum to 1
        return Constant(state.shape, -over.order if over.grows else Fraction(0))
    return softmax_of(build, call, build.result(state, call), over if over.grows else ONE)


def log_softmax(build: Builder, call: Call) -> State:
    found = entrywise(build, call, call.first, "softplus")
    if isinstance(found, Result) and found.shape:
        over = found.shape[call.get(1, "dim", -1)]
        build.log_softmaxes[found.node] = over if over.grows else ONE
    return found


def exponential(build: Builder, call: Call) -> State:
    """Of each entry; of s less log(sum(exp(s))), which a log_softmax is, it is a softmax."""
    state = call.first
    if isinstance(state, Result):
        node = build.nodes.get(state.node)
        if isinstance(node, Elementwise) and node.name in build.log_softmaxes:
            return softmax_of(build, call, replace(state, node=node.source), build.log_softmaxes[node.name])
        if less := shifted(build, state.node, "logsumexp"):
            over = build.units(less[0]) / build.units(less[1])
            return softmax_of(build, call, replace(state, node=less[0]), over if over.order else ONE)
    return entrywise(build, call, state, "exp")


def layer_norm(build: Builder, call: Call) -> State:
    return _normed(build, call, call.get(2, "weight"), call.get(3, "bias"), centered=True)


def rms_norm(build: Builder, call: Call) -> State:
    return _normed(build, call, call.get(2, "weight"), None, centered=False)


def group_norm(build: Builder, call: Call) -> State:
    return _normed(build, call, call.get(2, "weight"), call.get(3, "bias"), channel=1)


def batch_norm(build: Builder, call: Call) -> State:
    """By the statistics of the batch; by running ones, which are constants, it only has a gain and a bias."""
    weight, bias, is_training = call.get(1, "weight"), call.get(2, "bias"), call.get(5, "training", True)
    return _normed(build, call, weight, bias, channel=1, by_constants=not is_training)


def _normed(
    build: Builder,
    call: Call,
    weight: Any,
    bias: Any,
    *,
    channel: int = 0,
    centered: bool = True,
    by_constants: bool = False,
) -> State:
    state = call.first if by_constants else _norm(build, call, call.first, keeps_mean=not centered)
    if weight is not None:
        if channel and len(weight.shape) == 1:
            weight = replace(weight, shape=(*weight.shape, *(ONE,) * (len(call.shape) - 2)))
        state = multiplied(build, call, state, weight)
    return with_bias(build, call, state, bias, channel)


def _norm(build: Builder, call: Call, state: State, *, keeps_mean: bool) -> State:
    if isinstance(state, Constant):
        return replace(state, order=Fraction(0))
    source = build.result(state, call)
    name = build.name(call, "norm")
    return replace(source, node=build.add(Norm(name, source.node), call), has_mean=keeps_mean and source.has_mean)


def axes_of(dim: Any) -> tuple[int, ...] | None:
    """Axes as a tuple; None for all."""
    if isinstance(dim, int) and not isinstance(dim, bool):
        return (dim,)
    return dim if isinstance(dim, tuple) and dim else None


def is_of_many(shape: Shape, axes: tuple[int, ...] | None) -> bool:
    """Whether axes of a shape have more than one entry."""
    return any(str(size) != "1" for size in (shape if axes is None else (shape[axis] for axis in axes if shape)))


def over_of(shape: Shape, axes: tuple[int, ...] | None) -> Dimension:
    chosen: Shape = shape if axes is None else tuple(shape[axis] for axis in axes if shape)
    return product(tuple(size for size in chosen if size.grows)) if any(one.grows for one in chosen) else ONE


def product_of(build: Builder, call: Call) -> State:
    """The product over axes of fixed size, by one factor: the order is that of a power."""
    shape, dim = call.first.shape, call.get(1, "dim")
    chosen = shape if dim is None else (shape[dim],)
    if any(size.grows for size in chosen):
        raise NoRule("a product of more and more factors")
    return powered(build, call, call.first, Fraction(int(product(chosen).size)))
