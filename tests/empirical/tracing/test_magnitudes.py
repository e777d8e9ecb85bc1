"""Constants and functions without a rule are as large as they are measured, as powers of the width."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from empirical.tracing.magnitudes import Magnitudes, over_seeds
from empirical.tracing.trace import trace
from scalings.networks.nodes import Factor
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Tape, Value
from scalings.tapes.translation.translation import Translation
from tests.empirical.tracing.modules_to_translate import of_function, traced, words

WIDTHS = (16, 32, 64)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def of_constant(
    make: Callable[[int], Tensor], use: Callable[[Tensor, Tensor], Tensor], *, is_buffer: bool = True
) -> TracedNetwork:
    """A function of the result h of a first layer and of a constant, which a readout reads."""

    class Module(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(6, width, bias=False), nn.Linear(width, 2, bias=False)
            if is_buffer:
                self.register_buffer("held", make(width))
            else:
                self.held = [make(width)]

        def forward(self, x: Tensor) -> Tensor:
            return self.last(use(self.first(x), self.held if is_buffer else self.held[0]))

    return traced(Module)


def between(translation: Translation) -> list[str]:
    return words(translation.network, between=("first", "last"))


@pytest.mark.parametrize("is_buffer", [True, False])
@pytest.mark.parametrize(
    ("make", "use", "nodes"),
    [
        (lambda n: torch.tensor(n**-0.5), torch.mul, ["mul: Factor(first) order -1/2"]),
        (lambda n: torch.full((), float(n)), torch.div, ["div: Factor(first) order -1"]),
        (torch.tensor, torch.div, ["div: Factor(first) order -1"]),
        (lambda n: noise(n) / n, torch.mul, ["mul: Factor(first) order -1"]),
        (lambda n: torch.tensor(3.0 + 0 * n), torch.mul, []),
        (torch.ones, torch.mul, []),
    ],
    ids=[
        "a scale",
        "a large number",
        "a whole number",
        "a random vector",
        "a fixed number",
        "a vector",
    ],
)
def test_constants_have_the_order_of_their_entries(
    make: Callable[[int], Tensor], use: Any, nodes: list[str], *, is_buffer: bool
) -> None:
    translation = of_constant(make, use, is_buffer=is_buffer).translation
    assert between(translation) == nodes
    what = "the buffer held" if is_buffer else "a constant tensor"
    assert translation.notes == tuple(f"{what} is n^{_said(one)}" for one in _orders(nodes, make))


def _orders(nodes: list[str], make: Callable[[int], Tensor]) -> list[int]:
    """The power of the constant, twice, if it grows."""
    ratio = float(make(64).double().square().mean() / make(16).double().square().mean())
    return [round(math.log(ratio) / math.log(4))] if nodes else []


def _said(twice: int) -> str:
    return {-1: "(-1/2)", -2: "(-1)", 2: "1"}[twice]


@pytest.mark.parametrize("power", [0, 0.5])
def test_numbers_that_are_read_off_have_the_order_of_what_they_are_read_off(power: float) -> None:
    """Also what is read off a result, as a scale that no gradient passes."""
    translation = of_constant(lambda n: torch.tensor(n**power), lambda h, held: h / held.item()).translation
    assert between(translation) == ["div: Factor(first) order -1/2"] * bool(power)
    assert ("a number that is read off is n^(1/2)" in translation.notes) == bool(power)
    of_result = of_function(lambda h: h / h.norm().item()).translation
    assert between(of_result)[-1].startswith("div: Factor(first) order -1/2, size")


@pytest.mark.parametrize(
    ("make", "coherent", "order"),
    [
        (lambda n: noise(n, n) / n**0.5, False, "-1/2"),
        (torch.eye, False, "-1/2"),
        (lambda n: torch.ones(n, n) / n, True, "-1"),
    ],
    ids=["a random projection", "an identity", "a mean"],
)
def test_sums_with_constants_are_coherent_if_both_have_a_mean(
    make: Callable[[int], Tensor], order: str, *, coherent: bool
) -> None:
    nodes = between(of_constant(make, lambda h, held: h.relu() @ held).translation)
    assert nodes[-2:] == [
        f"constant2: Factor(constant) order {order}",
        "matmul: Product(relu, constant2) units 1 n, summed 1 n" + ", coherent True" * coherent,
    ]


ATTENTION = [
    "matmul: Product(first, first) units 1, summed 1 n, coherent True",
    "mul: Factor(matmul) order -1",
    "softmax: Softmax(mul)",
    "matmul2: Product(softmax, first) units 1 n, summed 4",
]


def attended(scores: Tensor, h: Tensor) -> Tensor:
    return scores.softmax(-1) @ h


def scores_of(h: Tensor) -> Tensor:
    return h @ h.mT * (1 / h.shape[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda _: torch.full((4, 4), -torch.inf).triu(1),
        lambda _: (1 - torch.ones(4, 4).tril()) * torch.finfo(torch.float32).min,
        lambda _: (1 - torch.ones(4, 4).tril()) * -1e9,
    ],
    ids=["infinite", "the least float", "large"],
)
def test_what_only_masks_is_no_term(make: Callable[[int], Tensor]) -> None:
    """Held, or made in the forward pass; what has entries of size 1 besides is one."""
    assert between(of_constant(make, lambda h, held: attended(scores_of(h) + held, h)).translation) == ATTENTION
    assert between(of_function(lambda h: attended(scores_of(h) + make(0), h)).translation) == ATTENTION
    other = of_constant(make, lambda h, held: attended(scores_of(h) + held + torch.eye(4), h)).translation
    assert [node for node in between(other) if "Rearrange(mul, input)" in node]


def test_a_constant_that_is_no_power_is_named() -> None:
    translation = of_constant(lambda n: torch.tensor(math.log(n)), torch.mul).translation
    assert between(translation) == []
    seen = "2.77, 3.47, 4.16 at widths 16, 32, 64"
    assert translation.notes == (f"the buffer held is no power of the width, {seen}, and taken for n^0",)


@pytest.mark.parametrize(("power", "nodes"), [(0, []), (-0.5, ["0: Factor(input) order -1/2"])])
def test_data_are_as_large_as_the_width_makes_them(power: float, nodes: list[str]) -> None:
    def build(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(6, width, bias=False), nn.Linear(width, 2, bias=False))

    found = trace(build, lambda width: noise(4, 6) * width**power, WIDTHS).translation
    orders = [node.order for node in found.network.nodes if isinstance(node, Factor)]
    assert len(orders) == len(nodes)
    assert all(order == power for order in orders)


class Grown(torch.autograd.Function):
    """h sqrt(n), which nothing sees."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:  # noqa: ARG004
        return h * h.shape[-1] ** 0.5

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> Tensor:  # noqa: ARG004
        return signal * signal.shape[-1] ** 0.5


class Kept(Grown):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:  # noqa: ARG004
        return h.sin()


@pytest.mark.parametrize(
    ("function", "name", "nodes"),
    [
        (
            Grown.apply,
            "Grown",
            [
                "last.Grown: Elementwise(first) activation linear",
                "last.autograd.Function: Factor(last.Grown) order 1/2",
            ],
        ),
        (Kept.apply, "Kept", ["last.Kept: Elementwise(first) activation linear"]),
        (torch.special.i0, "special_i0", ["special_i0: Elementwise(first) activation linear"]),
        (
            lambda h: h.cumsum(-1),
            "cumsum",
            ["cumsum: Elementwise(first) activation linear", "cumsum2: Factor(cumsum) order 1/2"],
        ),
    ],
    ids=["grown", "entrywise", "of torch", "a sum for each entry"],
)
def test_functions_without_a_rule_are_as_large_as_they_are_measured(function: Any, name: str, nodes: list[str]) -> None:
    translation = of_function(function).translation
    assert (between(translation), translation.unknown) == (nodes, (name,))
    said = f"what {name} gives, over what it reads, is n^(1/2)"
    assert translation.notes == ((said,) if "order 1/2" in nodes[-1] else ())


def test_what_was_not_measured_is_taken_for_one_of_each_entry() -> None:
    """The same tape without its magnitudes: what a measurement says is not in the code."""
    network = of_function(Grown.apply)
    bare = tuple(replace(value, magnitudes=(), errors=()) for value in network.tape.values)
    unmeasured = replace(network, tape=replace(network.tape, values=bare))
    assert between(unmeasured.translation) == ["last.Grown: Elementwise(first) activation linear"]


def test_several_seeds_have_an_error() -> None:
    def tape(size: float) -> Tape[int]:
        return Tape(8, (Value((2,), magnitudes=(size,)),), (), (), (), 0)

    [value] = over_seeds(tape(3.0), [tape(4.0)]).values
    assert value.magnitudes == (pytest.approx(math.sqrt(12.5), rel=1e-5),)
    assert value.errors == (pytest.approx(math.sqrt((9 - 12.5) ** 2 * 2) / 12.5 / 2 / math.sqrt(2), rel=1e-5),)
    assert over_seeds(tape(3.0), []) == tape(3.0)


def test_only_real_numbers_are_measured() -> None:
    seen = Magnitudes()
    for number, tensor in enumerate((torch.ones(2), torch.arange(3), torch.ones(2) > 0, torch.empty(0))):
        seen(number, tensor)
    values = tuple(Value((2,)) for _ in range(4))
    measured = seen.of(Tape(8, values, (), (), (), 0)).values
    assert [one.magnitudes for one in measured] == [(1.0,), (), (), ()]
