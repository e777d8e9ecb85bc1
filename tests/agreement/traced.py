"""Modules of torch beside their derived orders: traced, translated, and trained as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.engines.choice import Choice
from empirical.engines.module.engine import ModuleEngine
from empirical.engines.module.problem import ModuleProblem
from empirical.sweeps.sweep import Sweep, carry_out
from empirical.tracing.batches import default_loss
from empirical.tracing.trace import trace
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translate import translated
from scalings.tapes.translation.translation import Translation
from tests.agreement.experiments import Experiment

VOCABULARY = 11
IDS = torch.randint(0, VOCABULARY, (4, 6), generator=torch.Generator().manual_seed(0))
SERIES = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0))
Build = Callable[[int], nn.Module]


def next_token(scores: Tensor) -> Tensor:
    """The cross-entropy of the tokens themselves, which are random."""
    return functional.cross_entropy(scores.flatten(0, 1), IDS.flatten())


@dataclass(frozen=True)
class Traced:
    """A module, its data and its loss."""

    build: Build
    data: Tensor = IDS
    loss: Callable[[Tensor], Tensor] = next_token
    widths: tuple[int, ...] = (32, 64, 128)

    @cached_property
    def traced(self) -> TracedNetwork:
        return trace(self.build, self.data, self.widths, self.loss)

    @cached_property
    def translation(self) -> Translation:
        return translated(self.traced)

    @property
    def network(self) -> Network:
        return self.translation.network

    def train(self, given: Parameterization, training: Training, widths: Sequence[int], seeds: int) -> Experiment:
        problem = ModuleProblem(self.build, self.data, self.loss, self.traced, self.translation, given, training)
        measured = carry_out(Sweep(Choice("auto", (ModuleEngine(problem),)), widths, seeds=seeds, cap=1))
        fits = {observable: fit for observable, fit in measured.fits.items() if isinstance(fit, Fit)}
        return Experiment(self.network, given, replace(training, loss=self.translation.loss), "width", fits)


def linear(fan_in: int, fan_out: int) -> nn.Linear:
    return nn.Linear(fan_in, fan_out, bias=False)


class GroupedQueries(nn.Module):
    """Heads of 4 units, of which n / 4 are queries and sqrt(n) / 2 are keys and values: n^(1/2) queries share one; or a
    fixed number of `groups`, each shared by order n."""

    def __init__(self, width: int, *, skips: bool = True, groups: int | None = None) -> None:
        super().__init__()
        self.skips = skips
        self.groups, self.size = groups or math.isqrt(width) // 2, 4
        self.embed, self.head = nn.Embedding(VOCABULARY, width), linear(width, VOCABULARY)
        self.q, self.o = linear(width, width), linear(width, width)
        self.k, self.v = (linear(width, self.groups * self.size) for _ in range(2))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        q = self.q(x).unflatten(-1, (self.groups, -1, self.size))
        k, v = (each(x).unflatten(-1, (self.groups, self.size)) for each in (self.k, self.v))
        attention = torch.einsum("btgrd,bsgd->bgrts", q, k / 2).softmax(-1)
        mixed = torch.einsum("bgrts,bsgd->btgrd", attention, v).flatten(2)
        return self.head(self.skips * x + self.o(mixed))


class CappedScores(nn.Module):
    """Scores 2 tanh(q.k / 4) of heads of 4 units, so that none is above 2 (Gemma 2, arXiv 2408.00118)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(VOCABULARY, width), linear(width, VOCABULARY)
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        q, k, v = (each(x).unflatten(-1, (-1, 4)).transpose(1, 2) for each in (self.q, self.k, self.v))
        attention = (2 * torch.tanh(q @ k.mT / 4)).softmax(-1)
        return self.head(x + self.o((attention @ v).transpose(1, 2).flatten(2)))


class RoutedExperts(nn.Module):
    """The two of four experts that a router likes best, for each token."""

    def __init__(self, width: int, experts: int = 4, best: int = 2) -> None:
        super().__init__()
        self.embed, self.head, self.best = nn.Embedding(VOCABULARY, width), linear(width, VOCABULARY), best
        self.router = linear(width, experts)
        self.up, self.down = (nn.ModuleList(linear(width, width) for _ in range(experts)) for _ in range(2))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids).flatten(0, 1)
        weights, chosen = self.router(x).softmax(-1).topk(self.best, -1)
        mixed = torch.zeros_like(x)
        for number, (up, down) in enumerate(zip(self.up, self.down, strict=True)):
            token, place = torch.where(chosen == number)
            mixed.index_add_(0, token, down(functional.silu(up(x[token]))) * weights[token, place, None])
        return self.head((x + mixed).unflatten(0, ids.shape))


class SelectiveScan(nn.Module):
    """States h <- exp(-dt a) h + dt b x of each unit, read by c, with b, c and dt that the input gives (Gu and Dao,
    arXiv 2312.00752); the number of states is fixed."""

    def __init__(self, width: int, states: int = 4) -> None:
        super().__init__()
        self.inner, self.gate, self.head = linear(3, width), linear(3, width), linear(width, 2)
        self.b, self.c, self.dt = linear(width, states), linear(width, states), linear(width, width)
        self.register_buffer("a", torch.arange(1.0, states + 1))

    def forward(self, series: Tensor) -> Tensor:
        x = self.inner(series)
        b, c, dt = self.b(x), self.c(x), functional.softplus(self.dt(x))
        decay = torch.exp(-dt[..., None] * self.a)
        driven = (dt * x)[..., None] * b[:, :, None]
        state, outputs = torch.zeros_like(driven[:, 0]), []
        for t in range(series.shape[1]):
            state = decay[:, t] * state + driven[:, t]
            outputs.append((state * c[:, t, None]).sum(-1) + x[:, t])
        return self.head(torch.stack(outputs, 1) * functional.silu(self.gate(series)))


GROUPED = Traced(GroupedQueries, widths=(64, 256, 1024))
ALONE = Traced(partial(GroupedQueries, skips=False), widths=(64, 256, 1024))
"""Nothing but grouped queries reaches the output."""
TWO = Traced(partial(GroupedQueries, skips=False, groups=2))
"""The same with two heads of keys and values."""
CAPPED = Traced(CappedScores)
ROUTED = Traced(RoutedExperts)
SCAN = Traced(SelectiveScan, SERIES, default_loss)
