"""`trace`: what it answers, what it leaves as it was, and one line for what it cannot use."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tracing.trace import trace
from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.tapes.arguments import Power
from scalings.tapes.roles import role_of
from tests.empirical.tracing.zoo import ZOO, points

X = points(4, 6)


def mlp(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 2))


class Function(nn.Module):
    """A function of a module's weight and of what it is given."""

    def __init__(self, width: int, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.weight, self.function = nn.Parameter(points(6, width)), function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.weight, x)


def function(called: Callable[[Tensor, Tensor], Any]) -> Callable[[int], nn.Module]:
    return lambda width: Function(width, called)


class Heads(nn.Module):
    """Attention whose heads grow in number or in size."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(6, 3 * width), nn.Linear(width, 2), heads

    def forward(self, x: Tensor) -> Tensor:
        parts = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return self.out(functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))


@pytest.mark.parametrize(("heads", "orders"), [(lambda width: width // 8, (1, 0)), (lambda _: 4, (0, 1))])
def test_heads_that_grow_in_number_or_in_size(heads: Callable[[int], int], orders: tuple[int, int]) -> None:
    tape = trace(lambda width: Heads(width, heads(width)), points(2, 5, 6)).tape
    (first, _) = [one for one in tape.operations if one.function == "matmul"]
    query = tape.values[first.inputs()[0]]
    assert (query.shape[1].order, query.shape[3].order) == orders
    scale = next(one for one in tape.operations if one.function == "mul").arguments[1]
    assert scale == (Power(pytest.approx(2.0), Fraction(-1, 2)) if orders[1] else 1 / math.sqrt(8))


@pytest.mark.parametrize(
    ("number", "order"),
    [
        (lambda n: n**-0.5, Fraction(-1, 2)),
        (lambda n: 3.5 / n, Fraction(-1)),
        (lambda n: math.sqrt(2 / (3 * n)), Fraction(-1, 2)),
        (lambda n: n**1.5, Fraction(3, 2)),
    ],
)
def test_numbers_are_powers(number: Callable[[int], float], order: Fraction) -> None:
    network = trace(function(lambda weight, x: x @ weight * number(weight.shape[1])), X)
    (mul,) = [one for one in network.tape.operations if one.function == "mul"]
    power = mul.arguments[1]
    assert isinstance(power, Power)
    assert power.order == order
    assert power.factor * 256 ** float(order) == pytest.approx(number(256))


def test_a_list_that_is_the_module_itself() -> None:
    def build(width: int) -> nn.Module:
        layers = [nn.Sequential(nn.Linear(width, width), nn.Sequential(nn.ReLU(), nn.Dropout())) for _ in range(4)]
        return nn.Sequential(nn.Linear(6, width), *layers, nn.Linear(width, 2))

    network = trace(build, X)
    assert [(repeat.container, repeat.copies) for repeat in network.repeats] == [("", ("1", "2", "3", "4"))]
    assert str(network).splitlines()[3] == "*.0.weight (x4)  n x n  hidden  linear"
    assert [list(network.names_of(one))[-1] for one in network.tape.parameters][2:4] == ["4.0.weight", "4.0.bias"]


def test_lists_that_grow() -> None:
    """Of parts of a fixed size there are more at larger widths."""
    network = trace(function(lambda weight, x: torch.stack([part.sum(-1) for part in (x @ weight).split(16, -1)])), X)
    (stack,) = [one for one in network.tape.operations if one.function == "stack"]
    assert network.tape.values[stack.outputs[0]].shape == (Dimension(Fraction(1, 16), Fraction(1)), Dimension(4))
    (split,) = [one for one in network.tape.operations if one.function.startswith("split")]
    assert network.tape.values[split.outputs[-1]].shape == (Dimension(4), Dimension(16))


def test_roles_and_readers() -> None:
    text = str(trace(ZOO["tied weights"].build, ZOO["tied weights"].data, (16, 32, 64)))
    assert text.splitlines() == [
        "parameter                      shape   role    read by",
        "embed.weight = readout.weight  11 x n  input   embedding, linear in readout",
        "mix.weight                     n x n   hidden  linear",
        "mix.bias                       n       vector  linear",
        "",
        "Recorded at widths 16, 32, 64: 9 operations of 8 functions.",
    ]
    network = trace(ZOO["einsum"].build, ZOO["einsum"].data, (16, 32, 64), ZOO["einsum"].loss)
    roles = {one.names[0]: role_of(network.tape, one) for one in network.tape.parameters}
    assert roles == {"embed": "input", "q": "hidden", "k": "hidden", "v": "hidden", "o": "output"}


def test_a_parameter_that_no_loss_reaches_is_named() -> None:
    class Partial(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.used, self.unused, self.detached = mlp(width), nn.Linear(width, 1), nn.Linear(6, width)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x) + self.detached(x).mean().detach()

    network = trace(Partial, X)
    assert network.unreached == ("unused.weight", "unused.bias", "detached.weight", "detached.bias")
    assert "No gradient reaches unused.weight, unused.bias, detached.weight, detached.bias." in str(network)
    assert [role_of(network.tape, one) for one in network.tape.parameters if "unused" in one.names[0]] == ["unused"] * 2


def test_data_and_loss_in_all_their_forms() -> None:
    def same(*args: Any, **kwargs: Any) -> object:
        return trace(mlp, *args, **kwargs).tape.operations[:3]

    plain = same(X)
    assert same((X,)) == same([X]) == same({"input": X}) == same(lambda _: X) == plain
    assert trace({width: partial(mlp, width) for width in (8, 16, 32)}, X).widths == (8, 16, 32)
    own = trace(
        function(lambda weight, x: {"loss": None, "scores": x @ weight}), X, loss=lambda out: out["scores"].sum()
    )
    assert [one.function for one in own.tape.operations] == ["matmul", "sum"]
    assert trace(lambda width: nn.Linear(width, 2), lambda width: points(4, width)).tape.values[0].shape[1].order == 1


def test_everything_is_left_as_it_was() -> None:
    """State, hooks, gradients, random numbers, mode, attributes, data."""

    class Busy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.drop, self.out = nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 64)
            self.calls, self.seen, self.last = 0, [], None

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.seen.append(x.shape)
            self.last = self.drop(self.norm(x))
            self.register_buffer("new", x.clone())
            x += 1
            with torch.no_grad():
                self.out.bias.add_(1)
            return self.out(self.last)

    module, data = Busy(), X.clone()
    module.drop.eval()
    module.out.register_forward_hook(lambda *_: None)
    module.out.weight.grad = torch.ones(64, 6)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    attributes, gradient = (
        {key: value for key, value in vars(module).items() if key != "_buffers"},
        module.out.weight.grad,
    )
    hooks, modes = dict(module.out._forward_hooks), [part.training for part in module.modules()]
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    state = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    built = {64: lambda: module, 128: lambda: nn.Linear(6, 128), 256: lambda: nn.Linear(6, 256)}
    with pytest.raises(ArgumentError, match="expected the same parameters"):
        trace(built, data)
    assert module.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())
    assert {key: value for key, value in vars(module).items() if key != "_buffers"} == attributes
    assert (module.calls, module.seen, module.last) == (0, [], None)
    assert module.out.weight.grad is gradient
    assert torch.equal(gradient, torch.ones(64, 6))
    assert (dict(module.out._forward_hooks), [part.training for part in module.modules()]) == (hooks, modes)
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(state[0], after[0])
    assert state[1:] == after[1:]
    assert torch.equal(data, X)
    module(data)
    assert not torch.equal(data, X)  # the control: it does write to all of these
    assert module.calls == 1


class Changing(nn.Module):
    """A module that does something else at every call."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.calls = mlp(width), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.inner(x) * self.calls


class Caching(nn.Module):
    """A module that prepares something at its first call."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.cache = mlp(width), None

    def forward(self, x: Tensor) -> Tensor:
        if self.cache is None:
            self.cache = torch.arange(2.0)
        return self.inner(x) + self.cache


def test_a_module_that_prepares_something_is_not_one_that_changes() -> None:
    assert "arange" not in trace(Caching, X).functions


def failing(width: int) -> nn.Module:
    if width > 64:
        raise RuntimeError("too\nwide")
    return mlp(width)


def leaving(_: int) -> nn.Module:
    raise SystemExit(0)


def wide_only(width: int) -> nn.Module:
    """Its data fits one width."""
    return nn.Linear(width, width)


class Logarithmic(nn.Module):
    """Its hidden layer has log(n) units."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(6, int(math.log2(width))), nn.Linear(int(math.log2(width)), width)

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.one(x))


LAZY = "'weight' has no shape before the first call: let build make that call"
BAD: list[tuple[dict[str, Any], str]] = [
    ({"build": 3}, "build: expected a function of the width, or a dict of widths, but got build=3 (int)"),
    ({"build": lambda width: width}, "build: expected a torch module at width 64, but got a int"),
    (
        {"build": lambda _: nn.Linear(6, 2)},
        "no parameter reads the width: all have the same shape at widths 64, 128, 256",
    ),
    ({"build": failing}, "build: it fails at width 128: RuntimeError: too wide"),
    ({"build": leaving}, "build: it fails at width 64: SystemExit: 0"),
    (
        {"build": wide_only, "data": points(4, 64)},
        "its forward pass or loss fails at width 128: RuntimeError: mat1 and mat2",
    ),
    (
        {"build": Changing},
        "the module changes between calls: mul in the module, and then the same with other arguments",
    ),
    ({"build": Logarithmic}, "dimension 0 of 'one.weight' is no power of the width: 6, 7, 8, 20, 22 at widths 64, 128"),
    ({"build": lambda width: nn.Linear(6, min(width, 300))}, "no power of the width: 64, 128, 256, 300, 300 at widths"),
    (
        {"build": {64: lambda: nn.Linear(6, 70), 128: lambda: nn.Linear(6, 100), 256: lambda: nn.Linear(6, 300)}},
        "dimension 0 of 'weight' is no power of the width: 70, 100, 300 at widths 64, 128, 256",
    ),
    (
        {"build": function(lambda weight, x: x @ weight * math.log(weight.shape[1]))},
        "a number in mul is no power of the width: 4.15888, 4.85203, 5.54518 at widths 64, 128, 256",
    ),
    (
        {"build": function(lambda weight, x: x @ weight @ torch.ones(weight.shape[1], weight.shape[1].bit_length()))},
        "dimension 1 of what ones makes is no power of the width: 7, 8, 9 at widths 64, 128, 256",
    ),
    (
        {"build": lambda width: nn.Sequential(*(nn.Linear(6, 6) for _ in range(width // 64)))},
        "expected the same parameters at",
    ),
    ({"build": nn.LazyLinear}, LAZY),
    ({"widths": (64, 128)}, "widths: expected three or more whole numbers that increase, but got (64, 128)"),
    ({"widths": (64, 32, 128)}, "expected three or more whole numbers that increase, but got (64, 32, 128)"),
    ({"widths": (64, 128, 256.5)}, "expected three or more whole numbers that increase"),
    ({"build": {1: lambda: mlp(1)}, "widths": (1, 2, 3)}, "expected widths among those of build, but got 2"),
    (
        {"data": 3},
        "data: expected a tensor, a tuple, a dict, or a function of the width that gives one, but got data=3",
    ),
    ({"data": lambda _: 1 / 0}, "data: it fails at width 64: ZeroDivisionError: division by zero"),
    ({"data": ("text",)}, "data: expected at least one tensor, but got none in ('text',)"),
    ({"loss": 3}, "loss: expected a function of the module's output, but got loss=3 (int)"),
    ({"loss": lambda out: out}, "loss: expected one real number, but got torch.float32 of shape (4, 2) at width 64"),
    ({"loss": lambda _: 3.0}, "loss: expected one real number, but got float at width 64"),
    ({"loss": lambda out: out.argmax()}, "loss: expected one real number, but got torch.int64 of shape () at width 64"),
    (
        {"build": function(lambda weight, x: (x @ weight).argmax(1))},
        "expected a real output, but got torch.int64: give a",
    ),
    (
        {"build": function(lambda weight, x: (x @ weight) * 1j)},
        "expected a real output, but got torch.complex64: give a",
    ),
    ({"build": function(lambda *_: "text")}, "loss: the output has no tensor, but is a str: give a loss"),
    (
        {"build": function(lambda weight, x: (x @ weight - 100).log())},
        "build: expected a finite loss, but got nan at width 64, first after log in the module",
    ),
]


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
@pytest.mark.parametrize(("given", "said"), BAD, ids=[said for _, said in BAD])
def test_what_it_cannot_use_is_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError) as error:
        trace(**{"build": mlp, "data": X, **given})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_was_computed_out_of_sight_is_found_by_changing_the_parameters() -> None:
    """It has no gradient, and so looks like a constant."""

    def hidden(weight: Tensor, x: Tensor) -> Tensor:
        with torch._C.DisableTorchFunction():
            scale = (weight.detach() ** 2).mean()
        return x @ weight / scale

    with pytest.raises(ArgumentError, match=r"with other parameters, the tape has a loss of .* instead of"):
        trace(function(hidden), X)
