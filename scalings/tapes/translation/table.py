"""Which torch function is translated by which rule. Functions in place have the names of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

from scalings.networks.nodes import Elementwise
from scalings.tapes.translation import contractions, diagonals, products, rearranging, reductions
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.rearranging import States
from scalings.tapes.translation.reductions import HALF
from scalings.tapes.translation.values import Call, Constant, Held, NoRule, Result, State, growing, is_plain, size_of

Translator: TypeAlias = Callable[[Builder, Call], States]


def _entrywise(function: str, *, is_odd: bool = False) -> Translator:
    """A function of each entry, which grows as that of this name does."""

    def translator(build: Builder, call: Call) -> State:
        return products.entrywise(build, call, call.first, function, is_odd=is_odd)

    return translator


def _power(exponent: Fraction) -> Translator:
    return lambda build, call: products.powered(build, call, call.first, exponent)


def _gated(build: Builder, call: Call) -> State:
    """a sigmoid(b) for the two halves of a value."""
    halves = replace(call, function="chunk", shapes=(call.shape,) * 2)
    left, right = rearranging.part(build, halves)  # type: ignore[misc] # as many as it has shapes
    return products.multiplied(build, call, left, products.entrywise(build, call, right, "sigmoid"))


def _leaking(build: Builder, call: Call) -> State:
    """max(0, x) + a min(0, x)."""
    rectified = products.entrywise(build, call, call.first, "relu")
    return products.joined(
        build, call, [rectified, products.multiplied(build, call, rectified, call.state(1, "weight"))], call.shape
    )


def _clamped(build: Builder, call: Call) -> State:
    """Bounded if both bounds are given; from below by a number that is a guard, as it was."""
    low, high = (None, call.get(1, "max")) if call.function.startswith("clamp_max") else _bounds(call)
    if high is None and is_plain(low) and 0 < size_of(low) < products.UNSEEN:
        return rearranging.same(build, call)
    if not all(one is None or isinstance(one, int | float) for one in (low, high)):
        raise NoRule("bounds that are no numbers of a fixed size")
    away = (low is not None and low > 0) or (high is not None and high < 0)
    if low is None or high is None:
        touches = 0 in (low, high)
        return products.entrywise(build, call, call.first, "softplus" if away else "relu" if touches else "elu")
    return products.entrywise(build, call, call.first, "sigmoid" if away else "tanh", is_odd=low == -high)


def _bounds(call: Call) -> tuple[Any, Any]:
    if call.function.startswith("hardtanh"):
        return call.get(1, "min_val", -1), call.get(2, "max_val", 1)
    return call.get(1, "min"), call.get(2, "max")


def _multiplied_and_added(build: Builder, call: Call) -> State:
    """a + value b c."""
    first, left, right = call.state(0, "input"), call.state(1, "tensor1"), call.state(2, "tensor2")
    made = products.multiplied(build, call, left, right)
    return products.added(build, call, first, products.scaled(build, call, made, call.get(3, "value", 1)))


def _between(build: Builder, call: Call) -> State:
    """a + w (b - a)."""
    start, end, weight = call.state(0, "input"), call.state(1, "end"), call.state(2, "weight")
    moved = products.added(build, call, end, start)
    return products.added(build, call, start, products.multiplied(build, call, moved, weight))


def _straight_through(build: Builder, call: Call) -> State:
    """An autograd.Function: nothing is known of it."""
    return entry_of_unknown(build, call, call.arguments[1], call.arguments[2])


def unknown(build: Builder, call: Call) -> States:
    """A function without a rule, as one of each entry of the first value that it reads."""
    given = rearranging.leaves((*call.arguments, *call.keywords.values()))
    states = [one for one in given if isinstance(one, Constant | Held | Result)]
    states.sort(key=lambda one: isinstance(one, Result), reverse=True)
    first = next((one for one in states if not isinstance(one, Constant)), None)
    if first is not None:
        return entry_of_unknown(build, call, call.function, first)
    if growing(call.shape).grows or any(isinstance(one, Constant) and one.order for one in states):
        build.unknown.setdefault(call.function)
    order = build.measured(f"what {call.function} gives is", call.magnitudes, call.shape)
    return Constant(call.shape, order)


def entry_of_unknown(build: Builder, call: Call, function: str, state: State) -> State:
    """As a function of each entry, times what its results are larger by than what it reads, at initialization."""
    build.unknown.setdefault(function)
    both = zip(call.magnitudes, state.magnitudes, strict=False)
    larger = [one / other if other else 0.0 for one, other in both]
    what = f"what {function} gives, over what it reads, is"
    order = build.measured_over_seeds(what, larger, call.errors, call.shape, state.shape)
    if isinstance(state, Held) and state.shape == call.shape:
        return build.scaled(state, order, 1.0, call)
    source = build.result(state, call)
    node = build.add(Elementwise(build.name(call, function), source.node, "linear"), call)
    made = build.scaled(replace(source, node=node), order, 1.0, call)
    return rearranging.resized(build, call, made, call.shape)


def _named(translator: Translator, *functions: str) -> dict[str, Translator]:
    return dict.fromkeys(functions, translator)


TABLE: dict[str, Translator] = {
    **_named(rearranging.exchanged, "T", "mT", "H", "t", "transpose", "swapaxes", "permute", "movedim", "moveaxis"),
    **_named(rearranging.same, "view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel"),
    **_named(rearranging.same, "squeeze", "unsqueeze", "contiguous", "clone", "data", "set_data", "requires_grad_"),
    **_named(rearranging.same, "to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda", "real"),
    **_named(rearranging.same, "dropout", "alpha_dropout", "feature_dropout", "tril", "triu"),
    **_named(rearranging.same, "flip", "roll", "rot90", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
    **_named(rearranging.same, "neg", "negative", "positive", "nan_to_num"),
    **_named(rearranging.rounded, "round", "floor", "ceil", "trunc", "fix"),
    **_named(
        rearranging.pooled, "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d"
    ),
    **_named(rearranging.pooled, "adaptive_avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d", "lp_pool2d"),
    **_named(rearranging.pooled, "adaptive_max_pool1d", "adaptive_max_pool2d", "upsample_nearest1d"),
    **_named(rearranging.pooled, "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d", "interpolate"),
    **_named(rearranging.same, "grid_sampler", "grid_sample", "as_strided", "detach", "alias", "conj", "resolve_conj"),
    **_named(rearranging.repeated, "expand", "expand_as", "repeat", "repeat_interleave", "tile", "broadcast_to"),
    **_named(rearranging.padded, "pad", "constant_pad_nd", "im2col", "unfold"),
    **_named(rearranging.padded, "col2im", "fold", "masked_select", "sort", "logcumsumexp"),
    **_named(diagonals.diagonal, "diagonal", "diag", "diag_embed", "diagflat"),
    **_named(rearranging.cumulative, "cumsum"),
    **_named(rearranging.identity, "eye"),
    **_named(rearranging.part, "chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split"),
    **_named(rearranging.part, "unbind", "select", "narrow", "topk", "kthvalue", "hsplit", "vsplit"),
    **_named(rearranging.item, "getitem"),
    **_named(rearranging.lookup, "index_select", "gather", "take", "take_along_dim", "index"),
    **_named(rearranging.embedding, "embedding", "embedding_bag", "_embedding_bag"),
    **_named(rearranging.together, "cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"),
    **_named(rearranging.together, "column_stack", "broadcast_tensors"),
    **_named(rearranging.either, "where"),
    **_named(rearranging.filled, "masked_fill"),
    **_named(rearranging.written, "setitem", "index_add", "index_copy", "index_fill", "index_put", "masked_scatter"),
    **_named(rearranging.written, "scatter", "scatter_add", "scatter_reduce", "slice_scatter", "select_scatter"),
    **_named(rearranging.copied, "copy"),
    **_named(rearranging.zero, "zeros", "zeros_like", "new_zeros", "zero", "empty", "empty_like", "new_empty"),
    **_named(rearranging.number, "tensor", "as_tensor", "scalar_tensor", "full", "full_like", "fill", "arange"),
    **_named(rearranging.number, "new_full", "new_tensor"),
    **_named(
        rearranging.constant,
        "linspace",
        "ones",
        "ones_like",
        "new_ones",
        "rand_like",
        "rand",
    ),
    **_named(rearranging.constant, "bernoulli", "uniform"),
    **_named(rearranging.noise, "randn", "randn_like", "normal"),
    **_named(rearranging.sign, "sign", "sgn", "heaviside"),
    **_named(products.add, "add", "sub", "subtract", "rsub", "radd"),
    **_named(products.multiply, "mul", "multiply", "rmul"),
    **_named(products.divide, "div", "divide", "true_divide", "truediv"),
    **_named(lambda build, call: products.inverse(build, call, call.first, call.get(1, "other")), "rdiv", "rtruediv"),
    **_named(products.power, "pow", "float_power"),
    **_named(products.reversed_power, "rpow"),
    **_named(_power(Fraction(2)), "square"),
    **_named(_power(HALF), "sqrt"),
    **_named(_power(-HALF), "rsqrt"),
    **_named(_power(Fraction(-1)), "reciprocal"),
    **_named(_multiplied_and_added, "addcmul"),
    **_named(_between, "lerp"),
    **_named(reductions.largest, "maximum", "minimum", "max", "min", "amax", "amin", "fmax", "fmin", "median"),
    **_named(_clamped, "clamp", "clip", "clamp_min", "clamp_max", "hardtanh"),
    **_named(_entrywise("abs"), "abs", "absolute"),
    **{name: _entrywise(name) for name in ("relu", "gelu", "silu", "elu", "selu", "leaky_relu", "mish", "softplus")},
    **{name: _entrywise(name) for name in ("sigmoid", "cos")},
    **_named(reductions.exponential, "exp"),
    **{name: _entrywise(name, is_odd=True) for name in ("tanh", "erf", "sin", "atan", "softsign")},
    **_named(_entrywise("leaky_relu"), "rrelu", "celu", "threshold"),
    **_named(_entrywise("silu"), "hardswish"),
    **_named(_entrywise("silu", is_odd=True), "tanhshrink", "softshrink", "hardshrink"),
    **_named(_entrywise("tanh"), "relu6"),
    **_named(_entrywise("tanh", is_odd=True), "asinh"),
    **_named(_entrywise("sigmoid"), "hardsigmoid"),
    **_named(_entrywise("softplus"), "logsigmoid", "log_sigmoid", "exp2"),
    **_named(_entrywise("elu"), "expm1", "log1p"),
    **_named(_gated, "glu"),
    **_named(_leaking, "prelu"),
    **_named(contractions.mean, "mean", "nanmean"),
    **_named(contractions.sum_, "sum", "nansum"),
    **_named(reductions.product_of, "prod"),
    **_named(reductions.variance, "var"),
    **_named(lambda build, call: (reductions.variance(build, call), contractions.mean(build, call)), "var_mean"),
    **_named(lambda build, call: (reductions.deviation(build, call), contractions.mean(build, call)), "std_mean"),
    **_named(reductions.deviation, "std"),
    **_named(reductions.norm, "norm", "vector_norm", "linalg_vector_norm", "linalg_norm", "frobenius_norm"),
    **_named(reductions.norm_but_one, "norm_except_dim"),
    **_named(reductions.normalized, "normalize"),
    **_named(reductions.cosine, "cosine_similarity"),
    **_named(reductions.log_sum_exp, "logsumexp"),
    **_named(reductions.log_softmax, "log_softmax"),
    **_named(reductions.softmax, "softmax", "_safe_softmax", "softmin", "_softmax"),
    **_named(reductions.layer_norm, "layer_norm", "native_layer_norm"),
    **_named(reductions.rms_norm, "rms_norm"),
    **_named(reductions.group_norm, "group_norm"),
    **_named(reductions.batch_norm, "batch_norm", "instance_norm", "native_batch_norm"),
    **_named(contractions.linear, "linear"),
    **_named(contractions.matmul, "matmul", "mm", "bmm", "mv", "dot", "vdot", "rmatmul", "_sparse_mm", "smm"),
    **_named(contractions.chain, "chain_matmul", "linalg_multi_dot"),
    **_named(contractions.addmm, "addmm", "baddbmm", "addmv"),
    **_named(contractions.grouped, "_grouped_mm"),
    **_named(contractions.einsum, "einsum"),
    **_named(contractions.bilinear, "bilinear"),
    **_named(contractions.tensordot, "tensordot"),
    **_named(contractions.outer, "outer", "ger"),
    **_named(contractions.vecdot, "vecdot", "linalg_vecdot"),
    **_named(contractions.convolution, "conv1d", "conv2d", "conv3d"),
    **_named(contractions.transposed_convolution, "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    **_named(_straight_through, "autograd.Function"),
}


def translator_of(function: str) -> Translator:
    """The rule of a torch function."""
    found: Any = TABLE.get(function) or TABLE.get(function.rstrip("_"))
    return found or unknown
