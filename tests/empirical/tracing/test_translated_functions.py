"""Functions of torch, one by one: the nodes that each of them gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

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
            "add: Rearrange(g, input) units 1 n",
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
        lambda h: functional.dropout(h.view(2, 2, -1).masked_fill(h.view(2, 2, -1) > 0, 0.0)).transpose(0, 1),
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


def test_a_function_without_a_rule_is_named() -> None:
    translation = of_function(torch.special.i0).translation
    assert translation.unknown == ("special_i0",)
    assert words(translation.network, between=("first", "last")) == ["special_i0: Elementwise(first) activation linear"]


def test_a_value_without_its_gradient_is_named() -> None:
    assert of_function(lambda h: h + h.tanh().detach()).translation.unknown == ("detach",)
    assert not of_function(lambda h: h * (h.detach() > 0)).translation.unknown
