"""Small models drawn by chance, each set as its derived family says, or with one mistake planted in it.

An architecture, an optimizer and a richness are drawn, and with them depth, activation, biases and how far a step goes.
The member of the derived family says how every start and every rate scales with the width; at the smallest width starts
are what the module itself draws, and rates such that every weight's first step is the same share of it. A mistake
changes one of these numbers by a power of the width, or puts a power of it into the code.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.drawn_architectures import ADDED, ARCHITECTURES, CONVOLUTIONAL, Choices
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.weights import reference_constants
from empirical.tracing.trace import trace
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, power_of
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import laws
from scalings.results.trials import Training
from symbolic.derivation.members import Members
from symbolic.propagation.question import Question

TRACED = (24, 48, 96)
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "muon-jordan+adam")
RICHNESSES = (Fraction(0), Fraction(1, 4), Fraction(1, 2))
_ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.GELU)
_BIASED = 0.3
_SHARES = (3.0, 10.0, 30.0)
_DECAY = 0.02
"""By what share of its learning rate at the smallest width AdamW makes a weight smaller in a step, divided by that."""


@dataclass(frozen=True)
class Draw:
    """What one model is."""

    number: int
    architecture: str
    optimizer: str
    richness: Fraction
    choices: Choices
    share: float
    """How far the first step of every weight goes, in the unit of `reference_constants`."""
    mistake: str
    """Which kind is planted in it, "" for none."""


MISTAKES = ("init", "lr", "multiplier", "untrained", "decay", "attention", "backward")
LATER = 1000
"""From this number on models have the architectures that were added later, and mistakes of these kinds, too:"""
ADDED_MISTAKES = ("epsilon", "branch", "norm")


def drawn(number: int, *, planted: bool) -> Draw:
    """The model of this number."""
    chance = random.Random(f"{number} {planted}")
    architecture = chance.choice(tuple(ARCHITECTURES if number < LATER else ADDED))
    optimizer = chance.choice(OPTIMIZERS[: None if architecture not in CONVOLUTIONAL else -1])  # torch's Muon has none
    possible = {
        "decay": optimizer == "adamw",
        "attention": architecture == "transformer",
        "backward": optimizer in _SEES_THE_LOSS or architecture not in _READOUT_ALONE,
        "epsilon": optimizer in ("adam", "adamw"),
        "branch": architecture == "zero branches",
        "norm": architecture == "cosines",
    }
    mistakes = [one for one in MISTAKES if possible.get(one, True)]
    if number >= LATER:  # so that there are about as many of the new kinds as of all others
        added = [one for one in ADDED_MISTAKES if possible[one]]
        mistakes = added if added and chance.random() < 0.5 else mistakes
    choices = Choices(chance.choice((1, 2)), chance.choice(_ACTIVATIONS), bias=chance.random() < _BIASED)
    return Draw(
        number,
        architecture,
        optimizer,
        Fraction(1, 2) if architecture in _RICH else chance.choice(RICHNESSES),  # it has no other members
        choices,
        chance.choice(_SHARES),
        chance.choice(mistakes) if planted else "",
    )


@dataclass(frozen=True)
class Mistake:
    """What is wrong, of which weight or module, and by which power of the width."""

    what: str
    where: str
    power: Fraction | None
    """None where nothing is a power."""

    def __str__(self) -> str:
        return f"{self.what} of {self.where}" + (f" by n^({self.power})" if self.power else "")


class Model:
    """A draw as `check_model` is given it.

    Raises ArgumentError where nothing that meets the criteria has its richness.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw, architecture = draw, (ARCHITECTURES | ADDED)[draw.architecture]
        self.loss, self.data = architecture.loss, architecture.data
        traced = trace(self._bare, self.data, widths=TRACED, loss=self.loss)
        translation = traced.translation
        problem = Problem(translation.network, laws(draw.optimizer), loss=translation.loss)
        layers = Members(Question(problem)).member(draw.richness).layers
        given, training = Parameterization(layers), Training.of(draw.optimizer)
        training = replace(training, lr=training.lr * draw.share)
        self.constants = reference_constants(
            ModuleProblem(self._bare, self.data, self.loss, traced, translation, given, training)
        )
        self.weights = {node.weight: node for node in translation.network.layers}
        self.parameters = translation.weights
        self.laws = {weight: law.name for weight, law in problem.laws.items()}
        self.exponents = dict(zip(self.weights, layers, strict=True))
        self.mistake = self._planted(random.Random(draw.number)) if draw.mistake else None

    def _bare(self, width: int, **others: Any) -> nn.Module:
        make = (ARCHITECTURES | ADDED)[self.draw.architecture].make
        return make(width, replace(self.draw.choices, **others))

    def build(self, width: int) -> nn.Module:
        """The model at a width, started as its exponents say."""
        module = self._bare(width, **_IN_CODE.get(self.draw.mistake, {}))
        own, ratio = dict(module.named_parameters()), width / TRACED[0]
        with torch.no_grad():
            for weight, node in self.weights.items():
                for name in self.parameters[weight] if node.start == "random" else ():
                    size = self.constants[name].size * power_of(ratio, self.exponents[weight].init)
                    own[name].mul_(size / own[name].square().mean().sqrt())
            if self.mistake and self.draw.mistake == "branch":
                for name in self.parameters[self.mistake.where]:
                    own[name].normal_(std=own[name].shape[1] ** -0.5 * ratio**0.5)
        if self.mistake and self.draw.mistake in ("multiplier", "backward"):
            assert self.mistake.power is not None
            place, factor = module.get_submodule(self.mistake.where), power_of(ratio, self.mistake.power)
            place.forward = partial(_changed, self.draw.mistake, factor, place.forward)
        return module

    def optimizer(self, module: nn.Module) -> list[torch.optim.Optimizer]:
        """Its optimizers, with a group for each parameter."""
        own = dict(module.named_parameters())
        last = next(name for name in reversed(own) if own[name].dim() > 1)
        ratio = own[last].shape[-1] / TRACED[0]
        groups: dict[str, list[dict[str, Any]]] = {}
        for weight, exponents in self.exponents.items():
            if self.mistake and (self.mistake.what, self.mistake.where) == ("untrained", weight):
                continue
            for name in self.parameters[weight]:
                rate = self.constants[name].rate
                decay = _DECAY / rate * power_of(ratio, _decay(exponents))
                group = {"params": [own[name]], "lr": rate * power_of(ratio, exponents.lr), "weight_decay": decay}
                if self.mistake and (self.mistake.what, self.mistake.where) == ("epsilon", weight):
                    group["eps"] = _EPSILON * ratio**0.5
                groups.setdefault(self.laws[weight], []).append(group)
        return [_MAKE[law](listed) for law, listed in groups.items()]

    def _planted(self, chance: random.Random) -> Mistake:
        """A mistake of the drawn kind; what it changes of the exponents is changed here."""
        what, power = self.draw.mistake, chance.choice(_POWERS)
        if what == "attention":
            return Mistake("multiplier", "blocks.0.branch", Fraction(1, 2))
        if what == "norm":
            return Mistake("structure", "blocks.0.branch", Fraction(1))
        if what in ("multiplier", "backward"):
            # What a norm reads may be multiplied by anything.
            is_normalized = what == "multiplier" and self.draw.architecture in ("batch norm", "biased batch norm")
            kinds = (nn.Linear,) if is_normalized else (nn.Linear, nn.Conv2d, nn.Embedding)
            places = [name for name, one in self._bare(TRACED[0]).named_modules() if isinstance(one, kinds)]
            if what == "backward" and self.draw.optimizer not in _SEES_THE_LOSS:
                places.remove(self._readout)
            if self.draw.architecture == "cosines":
                places = [name for name in places if not any(part in name for part in _SHARED)]
            return Mistake(what, chance.choice(places), Fraction(-1, 2) if what == "backward" else power)
        where = chance.choice([weight for weight in self.weights if self._has(weight, what)])
        own = self.exponents[where]
        if what in ("init", "lr"):
            self.exponents[where] = replace(own, **{what: getattr(own, what) + power})
        elif what == "decay":
            self.exponents[where] = replace(own, decay=_decay(own) + power)
        if what == "branch":
            return Mistake("init", where, Fraction(1, 2))
        return Mistake(what, where, None if what in ("untrained", "epsilon") else power)

    def _has(self, weight: str, what: str) -> bool:
        """Whether a weight has such a number, and the family says what it is: not how q and k share q . k."""
        if what != "untrained" and any(part in weight for part in _SHARED):
            return False
        if self.draw.architecture == "biased batch norm" and weight in self._idle:
            return False
        if what == "branch":
            return self.weights[weight].start == "zero" and weight.endswith("branch.2.weight")
        if what == "init":
            return self.weights[weight].start == "random"
        return what != "decay" or _decay(self.exponents[weight]) != MINUS_INFINITY

    @property
    def _readout(self) -> str:
        """The module that makes the output, which is the last one with weights."""
        names: list[str] = [name for name, one in self._bare(TRACED[0]).named_modules() if isinstance(one, nn.Linear)]
        return names[-1]

    @property
    def _idle(self) -> set[str]:
        """The biases that a batch normalization takes away."""
        return {f"{name}.bias" for name, one in self._bare(TRACED[0]).named_modules() if isinstance(one, nn.Conv2d)}


_SEES_THE_LOSS = ("sgd", "momentum")
"""Those that do not divide by the gradient. To the others a readout that sends back less is but another loss."""
_READOUT_ALONE = ("LSTM",)
"""Architectures where a backward pass could be changed at the readout alone."""
_RICH = ("transformer", "cosines", "zero branches")
_SHARED = ("query", "key")
_IN_CODE: dict[str, dict[str, Any]] = {"attention": {"attention": 0.5}, "norm": {"normalizes": False}}
"""What a mistake changes in the code of an architecture."""
_EPSILON = 1.0
"""Adam's where it is too large, at the smallest width; no gradient grows with the width as it does."""
_POWERS = (Fraction(1, 2), Fraction(-1, 2), Fraction(1), Fraction(-1))
_MAKE: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon-jordan": torch.optim.Muon,
}


def _decay(exponents: LayerExponents[Exponent]) -> Exponent:
    return MINUS_INFINITY if exponents.decay is None else exponents.decay


def _changed(kind: str, factor: float, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What a module gives, multiplied; or its gradient alone."""
    if kind != "backward":
        return forward(x) * factor
    found: Tensor = _Multiplied.apply(forward(x), factor)  # type: ignore[no-untyped-call]  # torch has no types for it
    return found


class _Multiplied(torch.autograd.Function):
    """The identity, whose gradient is multiplied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None
