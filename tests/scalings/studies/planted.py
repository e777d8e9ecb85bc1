"""Small models at maximal update, by hand (Yang et al., arXiv 2203.03466, Table 3), and over twenty mistakes in them.

Starts are n^(-1/2) of what reads n units, n^(-1) of readouts and n^0 of all else; rates of Adam n^(-1) of what reads n
units and n^0 of all else. A case is such a model, with what is planted in it and what `check_model` has to find.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (24, 32, 48, 64, 96, 128, 192, 256)
VOCABULARY, CLASSES = 11, 5
VECTORS = torch.randn(16, 6, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(16, 3, 5, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.randint(CLASSES, (16,), generator=torch.Generator().manual_seed(1))
IDS = torch.randint(VOCABULARY, (6, 5), generator=torch.Generator().manual_seed(0))
NEXT = IDS.roll(-1, 1).flatten()


def classes(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, LABELS)


def tokens(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, NEXT)


class Times(nn.Module):
    """A custom module that multiplies."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Perceptron(nn.Module):
    """Up, two hidden layers with biases and a gain, and down."""

    def __init__(self, width: int, power: float = 0.0) -> None:
        super().__init__()
        self.up, self.one, self.two = nn.Linear(6, width), nn.Linear(width, width), nn.Linear(width, width)
        self.gain, self.times = nn.Parameter(torch.ones(width)), Times(width**power)
        self.down = nn.Linear(width, CLASSES, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.up(x))
        x = torch.tanh(self.one(x)) * self.gain
        scores: Tensor = self.down(torch.tanh(self.times(self.two(x))))
        return scores


class Convolutional(nn.Module):
    """Two convolutions, and a readout of their mean over positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.one = nn.Conv2d(3, width, 3, bias=False), nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.down = nn.Linear(width, CLASSES, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.one(torch.relu(self.up(x))))
        scores: Tensor = self.down(x.mean((-2, -1)))
        return scores


class Language(nn.Module):
    """Embedding, position, one block of attention over heads that grow in size, and a readout, which may be tied.

    Scores are divided by the size of heads, or multiplied by another power of it; or they are cosines, of queries and
    keys that are normalized to length 1.
    """

    def __init__(
        self, width: int, attention: float = -1.0, *, tied: bool = False, output: float = 0.0, cosines: bool = False
    ) -> None:
        super().__init__()
        self.embed, self.position = nn.Embedding(VOCABULARY, width), nn.Parameter(torch.randn(5, width))
        self.norm, self.last = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.down = nn.Linear(width, VOCABULARY, bias=False)
        if tied:
            self.down.weight = self.embed.weight
        self.attention, self.factor, self.is_tied = attention, 4 * width**output, tied
        self.cosines = cosines

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) + self.position
        h = self.norm(x)
        q, k, v = (one(h).unflatten(-1, (2, -1)).transpose(1, 2) for one in (self.query, self.key, self.value))
        if self.cosines:
            q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** self.attention
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))
        found: Tensor = self.down(self.last(x)).flatten(0, 1)
        return found * self.factor if self.is_tied else found


class Adapted(nn.Module):
    """A matrix with an adapter of low rank beside it; where it is trained alone, it may start as LoRA's do."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.base = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.a, self.b = nn.Linear(width, 4, bias=False), nn.Linear(4, width, bias=False)
        self.down = nn.Linear(width, CLASSES, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.up(x))
        scores: Tensor = self.down(torch.tanh(self.base(x) + self.b(self.a(x))))
        return scores


@dataclass(frozen=True)
class Case:
    """A model with its optimizer, as `check_model` takes them."""

    kind: type[nn.Module]
    found: tuple[tuple[str, str, str], ...] = ()
    """What is to be found: parameter, what, power."""
    options: Mapping[str, Any] = field(default_factory=dict)
    starts: Mapping[str, float] = field(default_factory=dict)
    """By parameter, by which power of the width its start is off."""
    rates: Mapping[str, float] = field(default_factory=dict)
    law: str = "adam"
    left_out: str = ""
    """A parameter in no group."""
    frozen: tuple[str, ...] = ()
    zero: str = "b"
    """Layers that start at zero."""
    default: bool = False
    """Whether all weights start as torch's modules draw them."""
    epsilons: Mapping[str, float] = field(default_factory=dict)
    """By parameter, Adam's epsilon, where it is not torch's."""
    decays: Mapping[str, float] | None = None
    """By parameter, by which power of the width AdamW's decay is off; None without any."""

    @property
    def data(self) -> Tensor:
        if issubclass(self.kind, Language):
            return IDS
        return IMAGES if self.kind is Convolutional else VECTORS

    @property
    def loss(self) -> Callable[[Tensor], Tensor]:
        return tokens if issubclass(self.kind, Language) else classes

    def build(self, width: int) -> nn.Module:
        model = self.kind(width, **self.options)
        for name, one in model.named_parameters():
            layer = name.partition(".")[0]
            if self.default:
                continue
            if name.endswith("bias") or layer in self.zero.split():
                nn.init.zeros_(one)
            elif layer not in ("gain", "norm", "last"):
                fan_in = 1 if layer in ("embed", "position") else one[0].numel()
                std = fan_in ** (-1.0 if layer == "down" else -0.5)
                nn.init.normal_(one, std=std * _power(width, self.starts.get(name, 0.0)))
            if name in self.frozen:
                one.requires_grad_(requires_grad=False)
        return model

    def optimizer(self, model: nn.Module) -> list[torch.optim.Optimizer]:
        width = dict(model.named_modules())["down"].in_features
        matrices: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        for name, one in model.named_parameters():
            kind = _kind(name, one, width)
            is_muons = kind == "hidden" and self.law.startswith("muon")
            power = _RATES[self.law if is_muons or self.law == "sgd" else "adam"][kind] + self.rates.get(name, 0.0)
            group = {"params": [one], "lr": _RATE * _power(width, power), "weight_decay": 0.0}
            if name in self.epsilons:
                group["eps"] = self.epsilons[name]
            if self.decays is not None and kind != "input":
                group["weight_decay"] = 0.5 * _power(width, 1.0 + self.decays.get(name, 0.0))
            if name != self.left_out:
                (matrices if is_muons else others).append(group)
        if self.law == "sgd":
            return [torch.optim.SGD(others)]
        adjust = "match_rms_adamw" if self.law == "muon-rms" else "original"
        muon = [torch.optim.Muon(matrices, adjust_lr_fn=adjust)] if matrices else []
        return [*muon, torch.optim.AdamW(others)]


def _kind(name: str, parameter: Tensor, width: int) -> str:
    reads = parameter.dim() > 1 and parameter.shape[1] == width and name not in ("embed.weight", "position")
    return "input" if not reads else "hidden" if parameter.shape[0] == width else "output"


_RATE = 0.03
_RATES = {
    "adam": {"input": 0.0, "hidden": -1.0, "output": -1.0},
    "sgd": {"input": 1.0, "hidden": 0.0, "output": -1.0},
    "muon": {"hidden": 0.0},
    "muon-rms": {"hidden": -0.5},  # its own factor is the root of the width
}
"""The powers of the width that rates are."""


def _power(width: int, power: float) -> float:
    return float((width / WIDTHS[0]) ** power)


class WeakGradient(torch.autograd.Function):
    """The identity, whose gradient is too small by n^(1/2)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - as torch calls it
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]  # noqa: ARG004 - as torch calls it
        return gradient / gradient.shape[-1] ** 0.5


def start_in_turn(*layers: nn.Module, readout: nn.Linear) -> None:
    """Draw layers, and then a readout eight times as large as 1/n, at maximal update; biases start at zero."""
    for layer in (*layers, readout):
        assert isinstance(layer, nn.Linear)
        reads = layer.in_features
        nn.init.normal_(layer.weight, std=8 / reads if layer is readout else reads**-0.5)
        nn.init.zeros_(layer.bias)


def weak(x: Tensor) -> Tensor:
    """The value itself, whose gradient is too small."""
    found: Tensor = WeakGradient.apply(x)  # type: ignore[no-untyped-call]  # torch has no types for it
    return found


def adam_by_width(model: nn.Module, inputs: int, *, wrong: str = "") -> torch.optim.Optimizer:
    """Rates like 1/n of matrices that read more than so many inputs, but of one that is wrong."""
    groups = []
    for name, one in model.named_parameters():
        reads_width = one.dim() > 1 and one.shape[1] > inputs and name != wrong
        groups.append({"params": [one], "lr": 1e-3 * (64 / one.shape[1] if reads_width else 1)})
    return torch.optim.Adam(groups)


class Weakened(Perceptron):
    """With a backward pass of its own."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.one(torch.tanh(self.up(x)))) * self.gain
        scores: Tensor = self.down(torch.tanh(weak(self.two(x))))
        return scores


_FROZEN = ("up.weight", "frozen", "None"), ("base.weight", "frozen", "None")
RIGHT = {
    "perceptron": Case(Perceptron),
    "perceptron, SGD": Case(Perceptron, law="sgd"),
    "perceptron, AdamW": Case(Perceptron, decays={}),
    "perceptron, Muon": Case(Perceptron, law="muon"),
    "perceptron, Muon at the size of Adam": Case(Perceptron, law="muon-rms"),
    "convolutions": Case(Convolutional),
    "language model": Case(Language),
    "tied with 1/n": Case(Language, options={"tied": True, "output": -1.0}),
    "frozen": Case(Perceptron, (("one.weight", "frozen", "None"),), frozen=("one.weight",)),
    "adapter": Case(Adapted, _FROZEN, frozen=("up.weight", "base.weight")),
    "cosines of queries and keys": Case(Language, options={"attention": 0.0, "cosines": True}),
    "residual branch that starts at zero": Case(Language, zero="out"),
}


def _one(what: str, name: str, power: str) -> tuple[tuple[str, str, str], ...]:
    return ((name, what, power),)


MISTAKES = {
    "hidden rate as of an input": Case(Perceptron, _one("lr", "one.weight", "1"), rates={"one.weight": 1.0}),
    "hidden rate too small": Case(Perceptron, _one("lr", "two.weight", "-1/2"), rates={"two.weight": -0.5}),
    "readout rate as of an input": Case(Perceptron, _one("lr", "down.weight", "1"), rates={"down.weight": 1.0}),
    "first rate as of a hidden matrix": Case(Perceptron, _one("lr", "up.weight", "-1"), rates={"up.weight": -1.0}),
    "bias as a matrix": Case(Perceptron, _one("lr", "one.bias", "-1"), rates={"one.bias": -1.0}),
    "gain as a matrix": Case(Perceptron, _one("lr", "gain", "-1"), rates={"gain": -1.0}),
    "readout not scaled": Case(Perceptron, _one("init", "down.weight", "1/2"), starts={"down.weight": 0.5}),
    "hidden start 1/n": Case(Perceptron, _one("init", "two.weight", "-1/2"), starts={"two.weight": -0.5}),
    "first start by fan out": Case(Perceptron, _one("init", "up.weight", "-1/2"), starts={"up.weight": -0.5}),
    "module that multiplies by sqrt(n)": Case(
        Perceptron, _one("multiplier", "times.mul", "1/2"), options={"power": 0.5}
    ),
    "module that divides by n": Case(Perceptron, _one("multiplier", "times.mul", "-1"), options={"power": -1.0}),
    "in no group": Case(Perceptron, _one("untrained", "two.weight", "None"), left_out="two.weight"),
    "decay coupled twice": Case(Perceptron, _one("decay", "one.weight", "1"), decays={"one.weight": 1.0}),
    "rate scaled twice by Muon": Case(
        Perceptron, _one("lr", "one.weight", "-1"), law="muon", rates={"one.weight": -1.0}
    ),
    "rate not scaled for Muon at the size of Adam": Case(
        Perceptron, _one("lr", "two.weight", "1/2"), law="muon-rms", rates={"two.weight": 0.5}
    ),
    "first rate of SGD not scaled": Case(
        Perceptron, _one("lr", "up.weight", "-1"), law="sgd", rates={"up.weight": -1.0}
    ),
    "backward pass of its own": Case(Weakened, _one("training", "two.bias", "-1/2"), law="sgd"),
    "convolution's start by fan out": Case(
        Convolutional, _one("init", "up.weight", "-1/2"), starts={"up.weight": -0.5}
    ),
    "convolution's start not scaled": Case(
        Convolutional, _one("init", "one.weight", "1/2"), starts={"one.weight": 0.5}
    ),
    "attention 1/sqrt(d)": Case(Language, _one("multiplier", "mul", "1/2"), options={"attention": -0.5}),
    "embedding rate as of a matrix": Case(Language, _one("lr", "embed.weight", "-1"), rates={"embed.weight": -1.0}),
    "embedding start 1/sqrt(n)": Case(Language, _one("init", "embed.weight", "-1/2"), starts={"embed.weight": -0.5}),
    "position rate as of a matrix": Case(Language, _one("lr", "position", "-1"), rates={"position": -1.0}),
    "value's rate": Case(Language, _one("lr", "value.weight", "1"), rates={"value.weight": 1.0}),
    "torch's default starts": Case(Perceptron, _one("init", "down.weight", "1/2"), default=True),
    "epsilon too large": Case(Perceptron, _one("epsilon", "two.weight", "1"), epsilons={"two.weight": 1.0}),
    "norm of queries and keys missing": Case(Language, _one("structure", "softmax", "1"), options={"attention": 0.0}),
    "residual branch not zero": Case(Language, _one("init", "out.weight", "1/2"), starts={"out.weight": 0.5}),
    "tied without a multiplier": Case(Language, _one("structure", "down", "1"), options={"tied": True}),
    "tied with 1/sqrt(n)": Case(Language, _one("multiplier", "mul2", "1/2"), options={"tied": True, "output": -0.5}),
    "both matrices of an adapter at zero": Case(
        Adapted, (*_FROZEN, ("a.weight", "init", "None")), frozen=("up.weight", "base.weight"), zero="a b"
    ),
}
