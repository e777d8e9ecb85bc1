"""Functions of torch, one by one: the nodes that each of them gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import scalings
from scalings.errors import ArgumentError
from scalings.tapes.translation.table import TABLE
from scalings.tapes.translation.translate import translated
from scalings.tapes.translation.values import NoRule, growing
from tests.empirical.tracing.modules_to_translate import of_function, rotated, words
from tests.empirical.tracing.zoo import points


def matrix(width: int) -> Tensor:
    return points(width, width)


def vector(width: int) -> Tensor:
    return points(width)


CASES: dict[str, tuple[Callable[..., Tensor], dict[str, Callable[[int], Tensor]], list[str]]] = {
    "SwiGLU": (
        lambda h, w, u: functional.silu(functional.linear(h, w)) * functional.linear(h, u),
        {"w": matrix, "u": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "silu: Elementwise(w) activation silu",
            "u: Dense(first) fan_in 1 n, fan_out 1 n",
            "mul: Product(silu, u) units 1 n",
        ],
    ),
    "a product with a vector is a gain, the sum with one a bias": (
        lambda h, g, b: h * g + b,
        {"g": torch.ones, "b": vector},
        ["g: Gain(first) units 1 n", "b: Bias(g) units 1 n, start random"],
    ),
    "numbers of a fixed size are no nodes": (lambda h: 2 * h.neg() / 3 - 1e-6, {}, []),
    "numbers of the width are factors": (lambda h: h * h.shape[-1] ** -0.5, {}, ["mul: Factor(first) order -1/2"]),
    "a number beside entries that may vanish": (
        lambda h, g: h * (1 + g),
        {"g": torch.zeros},
        [
            "g: Weight() fan_in 1, fan_out 1 n, start zero",
            "add: Rearrange(g, input) units 1 n, repeated True",
            "mul: Product(first, add) units 1 n",
        ],
    ),
    "positions are weights that are values": (
        lambda h, p: h[:, None] + p,
        {"p": lambda width: points(3, width)},
        ["p: Weight() fan_in 1, fan_out 1 n", "add: Sum(first, p)"],
    ),
    "sums of entries with a mean follow the law of large numbers": (
        lambda h: h * (h * h).sum(-1, keepdim=True),
        {},
        [
            "mul: Power(first) exponent 2",
            "sum: Mean(mul) units 1, over 1 n, coherent True",
            "sum2: Factor(sum) order 1",
            "mul2: Product(first, sum2) units 1 n",
        ],
    ),
    "sums of entries without one do not": (
        lambda h: h * h.sum(-1, keepdim=True),
        {},
        ["sum: Mean(first) units 1, over 1 n", "sum2: Factor(sum) order 1", "mul: Product(first, sum2) units 1 n"],
    ),
    "a vector with itself": (
        lambda h: h * (h @ h.T)[:, :1],
        {},
        ["matmul: Product(first, first) units 1, summed 1 n, coherent True", "mul: Product(first, matmul) units 1 n"],
    ),
    "a vector with another": (
        lambda h, w: h * (h @ functional.linear(h, w).T)[:, :1],
        {"w": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "matmul: Product(first, w) units 1, summed 1 n",
            "mul: Product(first, matmul) units 1 n",
        ],
    ),
    "a vector with what is added to it": (
        lambda h, w: h * (h @ (h + functional.linear(h, w)).T)[:, :1],
        {"w": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "add: Sum(first, w)",
            "matmul: Product(first, add) units 1, summed 1 n, coherent True",
            "mul: Product(first, matmul) units 1 n",
        ],
    ),
    "side by side": (
        lambda h: torch.cat((h, h.relu()), -1)[:, h.shape[-1] // 2 : 3 * h.shape[-1] // 2],
        {},
        [
            "relu: Elementwise(first) activation relu",
            "cat: Rearrange(first, relu) units 2 n",
            "getitem: Rearrange(cat) units 1 n",
        ],
    ),
    "masks, dropout and views are no nodes": (
        lambda h: functional.dropout(h.view(2, 2, -1).masked_fill(torch.eye(2).bool()[..., None], 0.0)).transpose(0, 1),
        {},
        [],
    ),
    "rotary positions": (
        lambda h, w, u: h * (rotated(heads(h, w)) @ rotated(heads(h, u)).mT).softmax(-1).flatten()[:4, None],
        {"w": matrix, "u": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "getitem: Rearrange(w) units 1/4 n",
            "getitem2: Rearrange(w) units 1/4 n",
            "cat: Rearrange(getitem, getitem2) units 1/2 n",
            "add: Rearrange(w, cat) units 1/2 n",
            "u: Dense(first) fan_in 1 n, fan_out 1 n",
            "getitem3: Rearrange(u) units 1/4 n",
            "getitem4: Rearrange(u) units 1/4 n",
            "cat2: Rearrange(getitem3, getitem4) units 1/2 n",
            "add2: Rearrange(u, cat2) units 1/2 n",
            "matmul: Product(add, add2) units 1, summed 1/2 n",
            "softmax: Softmax(matmul)",
            "mul: Product(first, softmax) units 1 n",
        ],
    ),
    "a matrix for each block of units": (
        lambda h, w: torch.einsum("bhd,hde->bhe", h.view(4, -1, 4), w).flatten(1),
        {"w": lambda width: points(width // 4, 4, 4)},
        ["w: DepthwiseConvolution(first) channels 1 n, kernel 4"],
    ),
    "one matrix for all blocks of units": (
        lambda h, w: torch.einsum("bhd,de->bhe", h.view(4, -1, 4), w).flatten(1),
        {"w": lambda _: points(4, 4)},
        ["w: Weight() fan_in 1, fan_out 16", "einsum: Product(first, w) units 1 n, summed 4"],
    ),
    "a matrix that is rescaled and transposed first": (
        lambda h, w: h @ (w.float() * w.shape[0] ** -0.5).T,
        {"w": matrix},
        ["w: Dense(first) fan_in 1 n, fan_out 1 n", "matmul: Factor(w) order -1/2"],
    ),
    "a bound from below is a rectifier, or guards a division": (
        lambda h: h.clamp(min=0).clamp(min=1e-6),
        {},
        ["clamp: Elementwise(first) activation relu"],
    ),
    "a sum of products with a factor": (
        lambda h, w: torch.baddbmm(h[None], batch1=h[None], batch2=w[None], alpha=h.shape[1] ** -0.5)[0],
        {"w": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "baddbmm: Factor(w) order -1/2",
            "baddbmm2: Sum(baddbmm, first)",
        ],
    ),
    "a leak that is learned": (
        functional.prelu,
        {"weight": lambda _: torch.tensor([0.25])},
        [
            "prelu: Elementwise(first) activation relu",
            "weight: Weight() fan_in 1, fan_out 1",
            "prelu2: Product(prelu, weight) units 1 n",
            "prelu3: Rearrange(prelu, prelu2) units 1 n",
        ],
    ),
    "a cosine": (
        lambda h, w: h * functional.cosine_similarity(h, h @ w)[:, None],
        {"w": matrix},
        [
            "w: Dense(first) fan_in 1 n, fan_out 1 n",
            "norm: Norm(first)",
            "norm2: Norm(w)",
            "cosine_similarity: Product(norm, norm2) units 1 n",
            "cosine_similarity2: Mean(cosine_similarity) units 1, over 1 n",
            "mul: Product(first, cosine_similarity2) units 1 n",
        ],
    ),
    "a softmax over units": (
        lambda h: h.softmax(-1) * h.shape[-1],
        {},
        ["softmax: Softmax(first) over 1 n", "mul: Factor(softmax) order 1"],
    ),
    "normalization by constants": (
        lambda h, g, b: functional.batch_norm(h, torch.zeros(h.shape[1]), torch.ones(h.shape[1]), g, b, training=False),
        {"g": torch.ones, "b": torch.zeros},
        ["g: Gain(first) units 1 n", "b: Bias(g) units 1 n"],
    ),
    "in place": (
        lambda h: h.clone().mul_(h.shape[-1] ** 0.5).relu_(),
        {},
        ["mul: Factor(first) order 1/2", "relu: Elementwise(mul) activation relu"],
    ),
}


def heads(h: Tensor, weight: Tensor) -> Tensor:
    return functional.linear(h, weight).view(2, 2, 2, -1)


@pytest.mark.parametrize("name", CASES)
def test_functions(name: str) -> None:
    function, parameters, expected = CASES[name]
    translation = of_function(function, **parameters).translation
    assert words(translation.network, between=("first", "last")) == expected
    assert not translation.unknown


CUBE = {"w": lambda width: points(width, width, 3)}
KNOWN: dict[str, tuple[Callable[..., Tensor], dict[str, Callable[[int], Tensor]]]] = {
    "addcmul": (lambda h: torch.addcmul(h, h.tanh(), h.sigmoid(), value=0.5), {}),
    "addmm": (lambda h, w, b: torch.addmm(b, h, w), {"w": matrix, "b": vector}),
    "baddbmm": (lambda h, w, b: torch.baddbmm(b[None, None], h[None], w[None])[0], {"w": matrix, "b": vector}),
    "bilinear": (lambda h, w: functional.bilinear(h, h.tanh(), w), {"w": lambda width: points(width, width, width)}),
    "convolution": (lambda h, w: functional.conv1d(h.T[None], w, padding=1)[0].T, CUBE),
    "convolution, transposed": (lambda h, w: functional.conv_transpose1d(h.T[None], w, padding=1)[0].T, CUBE),
    "convolution, standardized": (lambda h, w: functional.conv1d(h.T[None], w / w.std(1, keepdim=True))[0].T, CUBE),
    "cumsum": (lambda h: h.cumsum(0), {}),
    "einsum with an ellipsis": (lambda h, w: torch.einsum("...i,oi->...o", h, w), {"w": matrix}),
    "einsum without a result": (lambda h, w: torch.einsum("bi,ij", h, w), {"w": matrix}),
    "einsum of one": (lambda h: h * torch.einsum("bi->b", h)[:, None], {}),
    "embedding bag": (
        lambda h, w: h + functional.embedding_bag(torch.zeros(4, 1, dtype=torch.long), w),
        {"w": lambda width: points(5, width)},
    ),
    "gather": (lambda h: h.gather(0, torch.zeros(4, h.shape[1], dtype=torch.long)), {}),
    "glu": (lambda h: functional.glu(torch.cat((h, h.relu()), -1)), {}),
    "gumbel": (lambda h: h * functional.gumbel_softmax(h[:, :3])[:, :1], {}),
    "index_put": (lambda h: h.clone().index_put((torch.tensor([0]),), h[1:2].relu()), {}),
    "instance_norm": (lambda h: functional.instance_norm(h[None])[0], {}),
    "lerp": (lambda h: torch.lerp(h, h.tanh(), 0.3), {}),
    "logsumexp": (lambda h: h - h.logsumexp(-1, keepdim=True), {}),
    "maxima": (lambda h: h - h.max(-1, keepdim=True).values + h.amax(0) + torch.maximum(h, -h), {}),
    "norm": (lambda h, w: functional.linear(functional.normalize(h), w / w.norm()), {"w": matrix}),
    "numbers first": (lambda h: 1 / (1 + h.exp()) + 2 ** h.tanh() + 3 - h, {}),
    "powers": (lambda h: h**2 + h.pow(3) + h.abs() ** 0.5 + h.square() ** 1.5 + (h.square() + 1).reciprocal(), {}),
    "prod": (lambda h: h * h[None].expand(3, -1, -1).prod(0), {}),
    "rms_norm": (lambda h, g: functional.rms_norm(h, (h.shape[-1],), g), {"g": torch.ones}),
    "scatter": (lambda h: torch.zeros_like(h).scatter(0, torch.zeros(4, h.shape[1], dtype=torch.long), h), {}),
    "standardized": (lambda h: h / h.std(-1, keepdim=True) + h / (h.var(-1, keepdim=True) + 1e-5).sqrt(), {}),
    "tensordot": (lambda h, w: torch.tensordot(h, w, 1), {"w": matrix}),
    "tensor_split": (lambda h: torch.cat(h.tensor_split(2, -1)[::-1], -1), {}),
    "topk": (lambda h: h * h.topk(2, -1).values.sum(-1, keepdim=True), {}),
    "unfold": (lambda h: h.unfold(-1, 4, 4).flatten(1), {}),
    "where": (lambda h: torch.where(h > 0, h, h.tanh()) + torch.where(h > 0, h, 0.0), {}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_functions_with_a_rule(name: str) -> None:
    """A network that agrees with the tape in its numbers of units, with no function unknown."""
    function, parameters = KNOWN[name]
    network = of_function(function, **parameters)
    assert not network.translation.unknown
    for node, value in network.translation.values.items():
        shape = network.tape.values[value].shape
        assert network.translation.network.units[node].order == growing(shape).order, (node, shape)


def test_a_function_without_a_rule_is_named() -> None:
    translation = of_function(torch.special.i0).translation
    assert translation.unknown == ("special_i0",)
    assert words(translation.network, between=("first", "last")) == ["special_i0: Elementwise(first) activation linear"]


@pytest.mark.parametrize(
    ("function", "stopped"),
    [
        (lambda h: h + h.tanh().detach(), "tanh"),
        (lambda h: h + h.tanh().data, "tanh"),
        (lambda h: h + h.tanh().round(), "tanh"),
        (lambda h: h / torch.no_grad()(torch.std)(h, -1, keepdim=True), "std3"),
    ],
)
def test_no_gradient_passes_where_it_is_stopped(function: Callable[[Tensor], Tensor], stopped: str) -> None:
    network, unknown = of_function(function).translation.network, of_function(function).translation.unknown
    assert not unknown
    assert [node.source for node in network.flat if getattr(node, "activation", "") == "detach"] == [stopped]
    assert not any(
        getattr(node, "activation", "") == "detach" for node in of_function(torch.tanh).translation.network.flat
    )


def test_a_rule_that_fails_is_no_function_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in a rule is said, with its cause; what a rule says nothing of is a function without one."""
    network = of_function(lambda h: h.tanh())

    def fails(*_: object) -> None:
        raise reason

    monkeypatch.setitem(TABLE, "tanh", fails)
    reason: Exception = NoRule("nothing is said of it")
    assert translated(network).unknown == ("tanh",)
    reason = AttributeError("a mistake")
    with pytest.raises(
        ArgumentError, match="no sense can be made of tanh in the module itself: AttributeError, a mistake"
    ):
        translated(network)


def test_what_index_add_adds_is_multiplied() -> None:
    rows = torch.tensor([0, 2])
    found = of_function(lambda h: h.index_add(0, rows, h[:2].tanh(), alpha=h.shape[1] ** -0.5))
    nodes = words(found.translation.network, between=("first", "last"))
    assert nodes[1:] == ["index_add: Factor(tanh) order -1/2", "index_add2: Rearrange(first, index_add) units 1 n"]


def test_weights_that_no_gradient_reaches_stay_as_they_are() -> None:
    """And nothing is asked of their updates."""
    network = of_function(lambda h, w: h + functional.linear(h, w).detach(), w=matrix)
    assert network.unreached == ("w",)
    assert {node.name: node.frozen for node in network.translation.network.layers} == {
        "first": False,
        "w": True,
        "last": False,
    }
    assert scalings.derive(network, "adam").degrees_of_freedom == 1
    reached = of_function(lambda h, w: h + functional.linear(h, w), w=matrix)
    assert not any(node.frozen for node in reached.translation.network.layers)


def test_of_the_sign_of_a_detached_value_nothing_is_said() -> None:
    nodes = of_function(lambda h: h * (h.detach() > 0)).translation.network.flat
    assert not any(getattr(node, "activation", "") == "detach" for node in nodes)
