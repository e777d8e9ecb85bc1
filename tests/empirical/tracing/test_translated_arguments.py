"""Functions of torch whose rule depends on their arguments: masks, numbers, axes, exponents, bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.empirical.tracing.modules_to_translate import of_function, traced, words
from tests.empirical.tracing.zoo import points


def matrix(width: int) -> Tensor:
    return points(width, width)


def largest(h: Tensor) -> Tensor:
    return h.topk(h.shape[-1] // 2, -1).indices


def written(zeros: Tensor) -> Tensor:
    zeros[:2] = 1.0
    return zeros


CASES: dict[str, tuple[Callable[..., Tensor], dict[str, Callable[[int], Tensor]], list[str]]] = {
    "a mask that chooses by the entries": (
        lambda h: torch.where(h > 0, h, 0.0) + h.masked_fill(h > 0, 0.0) + h * (h > 0),
        {},
        [
            "where: Elementwise(first) activation relu",
            "masked_fill: Elementwise(first) activation relu",
            "add: Rearrange(where, masked_fill) units 1 n",
            "add2: Rearrange(add, first) units 1 n",
        ],
    ),
    "a choice between numbers": (lambda h: h * torch.where(h > 0, 1.0, 0.01), {}, []),
    "a choice between a value and another": (
        lambda h: h.where(h > 0, h.tanh()),
        {},
        ["tanh: Elementwise(first) activation tanh", "where: Rearrange(first, tanh) units 1 n"],
    ),
    "numbers written into zeros": (
        lambda h: h * written(torch.zeros_like(h)) * torch.zeros_like(h).masked_fill(torch.eye(4)[:, :1].bool(), 1.0),
        {},
        [],
    ),
    "the diagonal of a product": (
        lambda h: h * (h.T @ h.tanh() / 4).diagonal(),
        {},
        [
            "tanh: Elementwise(first) activation tanh",
            "diagonal: Product(first, tanh) units 1 n, summed 4",
            "mul: Product(first, diagonal) units 1 n",
        ],
    ),
    "the diagonal of a product times a number": (
        lambda h: h * torch.diag((h.T @ h.tanh()) / h.shape[-1]),
        {},
        [
            "tanh: Elementwise(first) activation tanh",
            "diag: Product(first, tanh) units 1 n, summed 4",
            "div: Factor(diag) order -1",
            "mul: Product(first, div) units 1 n",
        ],
    ),
    "infinity written into scores": (
        lambda h: h * (h @ h.T).masked_fill(torch.eye(4).bool(), float("-inf")).softmax(-1)[:, :1],
        {},
        [
            "matmul: Product(first, first) units 1, summed 1 n, coherent True",
            "softmax: Softmax(matmul)",
            "mul: Product(first, softmax) units 1 n",
        ],
    ),
    "infinity chosen in place of scores": (
        lambda h: h * torch.where(torch.eye(4).bool(), h @ h.T, -1e9).softmax(-1)[:, :1],
        {},
        [
            "matmul: Product(first, first) units 1, summed 1 n, coherent True",
            "softmax: Softmax(matmul)",
            "mul: Product(first, softmax) units 1 n",
        ],
    ),
    "the sum of the entries that a mask chooses": (
        lambda h: h * (h @ (1 - (h > 0).float()).T)[:, :1] + h * (h * (h > 0)).sum(-1, keepdim=True),
        {},
        [
            "constant: Rearrange(input) units 1 n",
            "matmul: Product(first, constant) units 1, summed 1 n, coherent True",
            "mul: Product(first, matmul) units 1 n",
            "sum: Mean(first) units 1, over 1 n, coherent True",
            "sum2: Factor(sum) order 1",
            "mul2: Product(first, sum2) units 1 n",
            "add: Rearrange(mul, mul2) units 1 n",
        ],
    ),
    "the sum of the largest entries": (
        lambda h: h * (h * torch.zeros_like(h).scatter(-1, largest(h), 1.0)).sum(-1, keepdim=True),
        {},
        [
            "sum: Mean(first) units 1, over 1 n, coherent True",
            "sum2: Factor(sum) order 1",
            "mul: Product(first, sum2) units 1 n",
        ],
    ),
    "averages by a softmax of zeros": (
        lambda h: h * torch.zeros_like(h).softmax(-1) * torch.sigmoid(torch.full_like(h, h.shape[-1])),
        {},
        ["mul: Factor(first) order -1"],
    ),
    "matrices one after the other": (
        lambda h, w, u: torch.linalg.multi_dot((h, w, u)),
        {"w": matrix, "u": matrix},
        ["w: Dense(first) fan_in 1 n, fan_out 1 n", "u: Dense(w) fan_in 1 n, fan_out 1 n"],
    ),
    "a sum of sizes": (
        lambda h: h * h.norm(1, -1, keepdim=True),
        {},
        [
            "linalg_vector_norm: Elementwise(first) activation abs",
            "linalg_vector_norm2: Mean(linalg_vector_norm) units 1, over 1 n, coherent True",
            "linalg_vector_norm3: Factor(linalg_vector_norm2) order 1",
            "mul: Product(first, linalg_vector_norm3) units 1 n",
        ],
    ),
    "the largest size": (
        lambda h: h * h.norm(float("inf"), -1, keepdim=True),
        {},
        [
            "linalg_vector_norm: Elementwise(first) activation abs",
            "linalg_vector_norm2: Rearrange(linalg_vector_norm) units 1",
            "mul: Product(first, linalg_vector_norm2) units 1 n",
        ],
    ),
    "axes of one operand alone": (
        lambda h, w: h * torch.einsum("bi,ij->b", h, w)[:, None],
        {"w": matrix},
        [
            "w: Weight() fan_in 1 n, fan_out 1 n",
            "einsum: Mean(w) units 1 n, over 1 n",
            "einsum2: Factor(einsum) order 1",
            "einsum3: Product(first, einsum2) units 1, summed 1 n",
            "mul: Product(first, einsum3) units 1 n",
        ],
    ),
    "the larger of a value and zero": (
        lambda h: torch.maximum(h, torch.zeros_like(h)),
        {},
        ["maximum: Elementwise(first) activation relu"],
    ),
    "odd functions have no mean": (
        lambda h: h * (functional.hardtanh(h) + h.clamp(-1, 1) + functional.softshrink(h)).sum(axis=-1, keepdim=True),
        {},
        [
            "hardtanh: Elementwise(first) activation tanh",
            "clamp: Elementwise(first) activation tanh",
            "add: Rearrange(hardtanh, clamp) units 1 n",
            "softshrink: Elementwise(first) activation silu",
            "add2: Rearrange(add, softshrink) units 1 n",
            "sum: Mean(add2) units 1, over 1 n",
            "sum2: Factor(sum) order 1",
            "mul: Product(first, sum2) units 1 n",
        ],
    ),
    "the largest have a mean": (
        lambda h: h * h.view(4, -1, 2).amax(axis=-1).sum(-1, keepdim=True),
        {},
        [
            "sum: Mean(first) units 1, over 1/2 n, coherent True",
            "sum2: Factor(sum) order 1, size 0.5",
            "mul: Product(first, sum2) units 1 n",
        ],
    ),
    "bounds away from zero": (
        lambda h: h.clamp(min=1.0).clamp_max(-1.0).clamp(1, 2),
        {},
        [
            "clamp: Elementwise(first) activation softplus",
            "clamp_max: Elementwise(clamp) activation softplus",
            "clamp2: Elementwise(clamp_max) activation sigmoid",
        ],
    ),
    "a product with a factor": (
        lambda h: torch.addcmul(h, h, h.tanh(), value=h.shape[-1]),
        {},
        [
            "tanh: Elementwise(first) activation tanh",
            "addcmul: Product(first, tanh) units 1 n",
            "addcmul2: Factor(addcmul) order 1",
            "addcmul3: Rearrange(first, addcmul2) units 1 n",
        ],
    ),
    "noise has no mean": (
        lambda h: h * (h.tanh() @ torch.randn_like(h).T)[:, :1] + (h.abs() * torch.randn_like(h)).sum(-1, keepdim=True),
        {},
        [
            "tanh: Elementwise(first) activation tanh",
            "constant: Rearrange(input) units 1 n",
            "matmul: Product(tanh, constant) units 1, summed 1 n",
            "mul: Product(first, matmul) units 1 n",
            "abs: Elementwise(first) activation abs",
            "sum: Mean(abs) units 1, over 1 n",
            "sum2: Factor(sum) order 1",
            "add: Rearrange(mul, sum2) units 1 n, repeated True",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_functions(name: str) -> None:
    function, parameters, expected = CASES[name]
    translation = of_function(function, **parameters).translation
    assert words(translation.network, between=("first", "last")) == expected
    assert not translation.unknown


UNKNOWN: dict[str, tuple[Callable[..., Tensor], dict[str, Callable[[int], Tensor]], str]] = {
    "a power that is learned": (lambda h, p: h.sigmoid().pow(p), {"p": torch.ones}, "pow"),
    "a power of the width": (lambda h: h.sigmoid() ** h.shape[-1], {}, "pow"),
    "another norm": (lambda h: h / h.norm(3, -1, keepdim=True), {}, "linalg_vector_norm"),
    "a norm of a matrix": (lambda h: h / torch.linalg.norm(h, ord=2), {}, "linalg_norm"),
    "a diagonal": (lambda h, w: h * torch.einsum("bi,jj->b", h, w)[:, None], {"w": matrix}, "einsum"),
    "a diagonal matrix": (lambda h, g: h @ torch.diag(g), {"g": torch.ones}, "diag"),
    "another diagonal of a product": (lambda h: h * (h.T @ h.tanh()).diagonal(1).norm(), {}, "diagonal"),
    "a diagonal of what is no product": (lambda h: h * (h.T @ h.tanh()).exp().diagonal(), {}, "diagonal"),
    "an identity": (lambda h: h @ torch.eye(h.shape[-1]), {}, "eye"),
    "sums of all before": (lambda h: h.cumsum(-1), {}, "cumsum"),
    "a pool over all units": (lambda h: h * functional.adaptive_avg_pool1d(h, 1), {}, "adaptive_avg_pool1d"),
    "a product over all units": (lambda h: h * h.prod(-1, keepdim=True), {}, "prod"),
    "a second result": (lambda h: h - torch.aminmax(h, dim=-1, keepdim=True)[1], {}, "aminmax"),
    "a trace": (lambda h, w: h * torch.einsum("ii", w), {"w": matrix}, "einsum"),
    "tensors in a list": (lambda h: torch.block_diag(h, h)[:4, : h.shape[-1]], {}, "block_diag"),  # type: ignore[no-untyped-call]
}

_MEASURED = ("a diagonal", "a product over all units", "sums of all before", "a pool over all units")
"""What they give is measured, from many seeds."""


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.slow) if one in _MEASURED else one for one in UNKNOWN]
)
def test_arguments_without_a_rule_are_named(name: str) -> None:
    """And what the function reads stays."""
    function, parameters, named = UNKNOWN[name]
    translation = of_function(function, **parameters).translation
    assert translation.unknown == (named,)
    assert "first" in [node.name for node in translation.network.nodes]


class WithPenalty(nn.Module):
    """A readout, and a penalty that is a scalar, which is made last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, width), nn.Linear(width, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.first(x)
        return self.last(h), h.square().mean()


def test_a_penalty_is_not_the_output() -> None:
    """It is named if the loss has it; what the loss reads by way of the output alone is not."""
    both = traced(WithPenalty, loss=lambda outputs: outputs[0].square().mean() + outputs[1]).translation
    assert (both.network.nodes[-1].name, both.unknown, both.left_out) == ("last.bias", (), ("output 2",))
    assert not traced(WithPenalty, loss=lambda outputs: outputs[0].square().mean()).translation.unknown
