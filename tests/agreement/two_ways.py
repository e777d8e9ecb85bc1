"""Modules that compute one function in several ways, with the same parameters, and what is derived of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.tapes.network import TracedNetwork

_GENERATOR = torch.Generator().manual_seed(0)
FLAT = torch.randn(4, 10, generator=_GENERATOR)
SERIES = torch.randn(4, 6, 10, generator=_GENERATOR)
Forward = Callable[["Way", Tensor], Tensor]
Shapes = Callable[[int], Mapping[str, tuple[int, ...] | Tensor]]


class Way(nn.Module):
    """A hidden value of the data, something that is computed of it, and a readout."""

    w: Tensor
    v: Tensor
    a: Tensor
    b: Tensor
    q: Tensor
    k: Tensor
    o: Tensor

    def __init__(self, width: int, shapes: Shapes, middle: Forward) -> None:
        super().__init__()
        self.n, self.middle = width, middle
        self.first, self.head = nn.Linear(10, width, bias=False), nn.Linear(width, 3, bias=False)
        for name, shape in shapes(width).items():
            values = shape if isinstance(shape, Tensor) else torch.randn(shape) / math.sqrt(shape[-1])
            self.register_parameter(name, nn.Parameter(values))

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.head(self.middle(self, torch.tanh(self.first(x))))
        return value


@dataclass(frozen=True, eq=False)
class Function:
    """A function, the shapes of its parameters, and the ways in which it is written."""

    shapes: Shapes
    ways: Mapping[str, Forward]
    data: Tensor = FLAT
    widths: tuple[int, ...] = (32, 64, 128)

    def traced(self, way: str) -> TracedNetwork:
        return _traced(self, way)

    def value(self, way: str) -> Tensor:
        """What the module gives at the smallest width, from the same weights."""
        torch.manual_seed(0)
        found: Tensor = Way(self.widths[0], self.shapes, self.ways[way]).double()(self.data.double())
        return found

    def exponents(self, way: str, law: str, r: Fraction) -> dict[str, tuple[Exponent, Exponent]]:
        """Init scale and learning rate by parameter, as richness r has them."""
        traced = self.traced(way)
        network = traced.translation.network
        layers = zip(network.layers, scalings.member(network, law, r).layers, strict=True)
        return {traced.translation.weights[node.weight][0]: (one.init, one.lr) for node, one in layers}

    def predicted(self, way: str, given: Mapping[str, tuple[Fraction, Fraction]], law: str) -> dict[str, Exponent]:
        """The orders of every update and of the output, by parameter and step."""
        traced = self.traced(way)
        weights, network = traced.translation.weights, traced.translation.network
        rows = [given[weights[node.weight][0]] for node in network.layers]
        starts = {"zero": "-oo", "one": "0"}
        parameterization = Parameterization.of(
            multiplier=[0] * len(rows),
            init=[str(starts.get(node.start, init)) for node, (init, _) in zip(network.layers, rows, strict=True)],
            lr=[lr for _, lr in rows],
        )
        found: dict[str, Exponent] = {}
        names = {node.name: weights[node.weight][0] for node in network.layers}
        for observable, order in scalings.predict(traced, parameterization, law, 3).items():
            if observable.quantity == "dW_frobenius" and observable.layer in names:
                found[f"{names[observable.layer]} step {observable.step}"] = order
            elif observable.layer == network.output.name and observable.quantity in ("z", "dz"):
                found[f"{observable.quantity} step {observable.step}"] = order
        return found


@cache
def _traced(function: Function, way: str) -> TracedNetwork:
    middle = function.ways[way]
    return scalings.trace(lambda width: Way(width, function.shapes, middle), function.data, widths=function.widths)


def usual(function: Function, way: str) -> dict[str, tuple[Fraction, Fraction]]:
    """What each parameter usually has: 1/sqrt(fan_in), and a rate of 1/n where it reads the width."""
    translation = function.traced(way).translation
    return {
        translation.weights[node.weight][0]: (-node.fan_in.order / 2, Fraction(-node.fan_in.grows))
        for node in translation.network.layers
    }


def square(n: int) -> dict[str, tuple[int, ...] | Tensor]:
    return {"w": (n, n)}


def two(n: int) -> dict[str, tuple[int, ...] | Tensor]:
    return {"w": (n, n), "v": (n, n)}


def by_value(of: Callable[[Tensor], Tensor]) -> Forward:
    return lambda m, h: of(h @ m.w.T)


def beside(of: Callable[[int, Tensor], Tensor]) -> Forward:
    """Another matrix, times what is made of a value."""
    return lambda m, h: (h @ m.v.T) * of(m.n, torch.relu(h @ m.w.T))


def _affine(of: Callable[[Tensor], Tensor]) -> Forward:
    return lambda m, h: of(h @ m.w.T) * m.a + m.b


def _gained(of: Callable[[Tensor, Tensor], Tensor]) -> Forward:
    return lambda m, h: of(h @ m.w.T, m.a)


def _by_both(z: Tensor, variance: Tensor, mean: Tensor) -> Tensor:
    return (z - mean) * variance.rsqrt()


def _divided_last(weights: Tensor, values: Tensor) -> Tensor:
    return weights @ values / weights.sum(-1, keepdim=True)


def mean_of(z: Tensor) -> Tensor:
    return z.mean(-1, keepdim=True)


def _halves(m: Way, h: Tensor) -> Tensor:
    half = m.n // 2
    return functional.linear(h[:, :half], m.w[:, :half]) + functional.linear(h[:, half:], m.w[:, half:])


def _split(chunk: Callable[[Way, Tensor], tuple[Tensor, ...]]) -> Forward:
    def forward(m: Way, h: Tensor) -> Tensor:
        one, other = chunk(m, h)
        return one * torch.sigmoid(other)

    return forward


def _less_its_maximum(z: Tensor) -> Tensor:
    e = (z - z.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def _kernel(n: int) -> dict[str, tuple[int, ...] | Tensor]:
    return {"w": (n, n, 3)}


def _shifted(m: Way, h: Tensor) -> Tensor:
    padded = functional.pad(h, (0, 0, 1, 1))
    return sum((functional.linear(padded[:, i : i + 6], m.w[..., i]) for i in range(3)), torch.zeros(()))


FUNCTIONS: dict[str, Function] = {
    "matrix": Function(
        square,
        {
            "linear": lambda m, h: functional.linear(h, m.w),
            "matmul": lambda m, h: h @ m.w.T,
            "einsum": lambda m, h: torch.einsum("bi,oi->bo", h, m.w),
            "conv1d": lambda m, h: functional.conv1d(h[..., None], m.w[..., None])[..., 0],
            "tensordot": lambda m, h: torch.tensordot(h, m.w, ([1], [1])),
            "a sum of products": lambda m, h: (h[:, None] * m.w).sum(-1),
            "of halves": _halves,
        },
    ),
    "rescaled": Function(
        square,
        {
            "as it is": lambda m, h: torch.tanh(functional.linear(h, m.w)),
            "of the weight": lambda m, h: torch.tanh(functional.linear(h * m.n**0.5, m.w / m.n**0.5)),
            "behind": lambda m, h: torch.tanh(functional.linear(h / m.n, m.w) * m.n),
        },
    ),
    "1/sqrt(n) in the code": Function(
        square,
        {
            "behind": lambda m, h: torch.tanh(functional.linear(h, m.w) / m.n**0.5),
            "of the weight": lambda m, h: torch.tanh(functional.linear(h, m.w / m.n**0.5)),
            "before": lambda m, h: torch.tanh(functional.linear(h / m.n**0.5, m.w)),
            "n^(-1/4) twice": lambda m, h: torch.tanh(functional.linear(h * m.n**-0.25, m.w) * m.n**-0.25),
        },
    ),
    "square": Function(
        square,
        {name: by_value(of) for name, of in {
            "x * x": lambda z: z * z,
            "x ** 2": lambda z: z**2,
            "square": torch.square,
            "einsum": lambda z: torch.einsum("bi,bi->bi", z, z),
            "of abs": lambda z: z.abs() ** 2,
        }.items()},
    ),
    "mean": Function(
        two,
        {name: beside(of) for name, of in {
            "mean": lambda _, z: mean_of(z),
            "sum / n": lambda n, z: z.sum(-1, keepdim=True) / n,
            "ones": lambda n, z: z @ z.new_full((n, 1), 1 / n),
            "of halves": lambda n, z: (mean_of(z[:, : n // 2]) + mean_of(z[:, n // 2 :])) / 2,
            "twice": lambda _, z: z.unflatten(-1, (-1, 4)).mean(1).mean(-1, keepdim=True),
        }.items()},
    ),
    "softmax": Function(
        two,
        {name: beside(of) for name, of in {
            "softmax": lambda n, z: n * z.softmax(-1),
            "exp / sum": lambda n, z: n * z.exp() / z.exp().sum(-1, keepdim=True),
            "exp of log": lambda n, z: n * z.log_softmax(-1).exp(),
            "less its maximum": lambda n, z: n * _less_its_maximum(z),
            "less logsumexp": lambda n, z: n * (z - z.logsumexp(-1, keepdim=True)).exp(),
            "normalize": lambda n, z: n * functional.normalize(z.exp(), p=1.0, dim=-1),
        }.items()},
    ),
    "layer norm": Function(
        lambda n: {"w": (n, n), "a": torch.ones(n), "b": torch.zeros(n)},
        {name: _affine(of) for name, of in {
            "layer_norm": lambda z: functional.layer_norm(z, z.shape[-1:], eps=0),
            "std": lambda z: (z - mean_of(z)) / z.std(-1, keepdim=True, correction=0),
            "var": lambda z: (z - mean_of(z)) * z.var(-1, keepdim=True, correction=0).rsqrt(),
            "centered first": lambda z: (z - mean_of(z)) / mean_of((z - mean_of(z)) ** 2).sqrt(),
            "E[z^2] - E[z]^2": lambda z: (z - mean_of(z)) / (mean_of(z * z) - mean_of(z) ** 2).sqrt(),
            "var_mean": lambda z: _by_both(z, *torch.var_mean(z, -1, keepdim=True, correction=0)),
        }.items()},
    ),
    "gain of a norm": Function(
        lambda n: {"w": (n, n), "a": torch.ones(n)},
        {name: _gained(of) for name, of in {
            "rms_norm": lambda z, a: functional.rms_norm(z, z.shape[-1:], a, eps=0),
            "as Llama's": lambda z, a: a * (z * mean_of(z * z).rsqrt()),
            "(z a) / rms": lambda z, a: (z * a) / mean_of(z * z).sqrt(),
            "z (a / rms)": lambda z, a: z * (a / mean_of(z * z).sqrt()),
        }.items()},
    ),
    "low rank": Function(
        lambda n: {"w": (n, n), "a": (4, n), "b": (n, 4)},
        {
            "one by one": lambda m, h: h @ m.w.T + (h @ m.a.T) @ m.b.T,
            "merged": lambda m, h: functional.linear(h, m.w + m.b @ m.a),
            "multiplied first": lambda m, h: h @ m.w.T + h @ (m.b @ m.a).T,
            "transposed": lambda m, h: h @ m.w.T + h @ (m.a.T @ m.b.T),
        },
    ),
    "applied softmax": Function(
        two,
        {
            "softmax": lambda m, h: (h @ m.w.T).softmax(-1) @ m.v.T * m.n**0.5,
            "divided last": lambda m, h: _divided_last((h @ m.w.T).exp(), m.v.T) * m.n**0.5,
        },
    ),
    "positions": Function(
        lambda n: {"w": (n, n), "a": (6, n)},
        {
            "added": lambda m, h: torch.tanh(h + m.a) @ m.w.T,
            "in a loop": lambda m, h: torch.stack([torch.tanh(h[:, t] + m.a[t]) for t in range(6)], 1) @ m.w.T,
            "embedding": lambda m, h: torch.tanh(h + functional.embedding(torch.arange(6), m.a)) @ m.w.T,
        },
        SERIES,
    ),
    "RMS norm": Function(
        square,
        {name: by_value(of) for name, of in {
            "rms_norm": lambda z: functional.rms_norm(z, z.shape[-1:], eps=0),
            "as Llama's": lambda z: z * torch.rsqrt(mean_of(z.pow(2))),
            "norm": lambda z: z / z.norm(dim=-1, keepdim=True) * z.shape[-1] ** 0.5,
            "normalize": lambda z: functional.normalize(z, dim=-1) * z.shape[-1] ** 0.5,
            "einsum": lambda z: z * (torch.einsum("bi,bi->b", z, z) / z.shape[-1])[:, None] ** -0.5,
        }.items()},
    ),
    "gated": Function(
        lambda n: {"w": (2 * n, n)},
        {
            "glu": lambda m, h: functional.glu(h @ m.w.T),
            "chunk": _split(lambda m, h: (h @ m.w.T).chunk(2, -1)),
            "two linears": _split(lambda m, h: (functional.linear(h, m.w[: m.n]), functional.linear(h, m.w[m.n :]))),
            "unbind": _split(lambda m, h: (h @ m.w.T).unflatten(-1, (2, -1)).unbind(1)),
        },
    ),
    "convolution": Function(
        _kernel,
        {
            "conv1d": lambda m, h: functional.conv1d(h.mT, m.w, padding=1).mT,
            "of shifts": _shifted,
            "unfold": lambda m, h: functional.linear(
                functional.pad(h, (0, 0, 1, 1)).unfold(1, 3, 1).flatten(-2), m.w.flatten(1)
            ),
        },
        SERIES,
    ),
    "a gate of each head": Function(
        lambda n: {"w": (n, n), "k": (4, n)},
        {
            "broadcast": lambda m, h: ((h @ m.w.T).unflatten(-1, (4, -1)) * (h @ m.k.T)[..., None]).flatten(-2),
            "repeat_interleave": lambda m, h: (h @ m.w.T) * (h @ m.k.T).repeat_interleave(m.n // 4, -1),
            "expand": lambda m, h: (h @ m.w.T) * (h @ m.k.T)[..., None].expand(-1, -1, m.n // 4).flatten(-2),
            "einsum": lambda m, h: torch.einsum(
                "bhd,bh->bhd", (h @ m.w.T).unflatten(-1, (4, -1)), h @ m.k.T
            ).flatten(-2),
        },
    ),
    "a gain of each head": Function(
        lambda n: {"w": (n, n), "a": torch.ones(4)},
        {
            "broadcast": lambda m, h: ((h @ m.w.T).unflatten(-1, (4, -1)) * m.a[:, None]).flatten(-2),
            "repeat_interleave": lambda m, h: (h @ m.w.T) * m.a.repeat_interleave(m.n // 4),
            "expand": lambda m, h: (h @ m.w.T) * m.a[:, None].expand(4, m.n // 4).flatten(),
        },
    ),
    "added to each head": Function(
        lambda n: {"w": (n, n), "k": (4, n)},
        {
            "broadcast": lambda m, h: ((h @ m.w.T).unflatten(-1, (4, -1)) + (h @ m.k.T)[..., None]).flatten(-2),
            "repeat_interleave": lambda m, h: (h @ m.w.T) + (h @ m.k.T).repeat_interleave(m.n // 4, -1),
            "expand": lambda m, h: (h @ m.w.T) + (h @ m.k.T)[..., None].expand(-1, -1, m.n // 4).flatten(-2),
        },
    ),
}  # fmt: skip
EXPECTED_FAMILIES = (
    "matrix", "rescaled", "1/sqrt(n) in the code", "square", "softmax", "layer norm", "RMS norm", "gated",
    "convolution", "gain of a norm", "positions",
)  # fmt: skip
"""Those that have a family of every richness."""
