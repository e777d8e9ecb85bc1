"""Weights of a module: how large they start, and how far a step takes them.

    W(0)  =  the module's own, rescaled to the root mean square  c (n / n_0)^sigma,      eta  =  e (n / n_0)^eta_l

At the reference width n_0, the smallest that was traced, c is what the module itself draws, and e is such that the
first step of each weight by itself is the same small share of it. Constants change no exponent, but a share that is the
same for all weights hides none behind the others. Weights that start at zero or one stay so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import torch
from torch import Tensor, nn

from empirical.engines.module.passes import Passes
from empirical.engines.module.problem import ModuleProblem
from empirical.tensors.sizes import sizes_of
from empirical.tensors.spectral_norms import spectral_norm
from empirical.tracing.state import seeded
from empirical.weights.decay import plain
from empirical.weights.explicit_steps import EVERYTHING, ExplicitSteps
from scalings.criteria.observables import Quantity
from scalings.hyperparameters.exponents import Exponent, power_of
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.nodes import MATRICES, Weighted
from scalings.results.trials import Training

FIRST_STEP = 0.001
"""|dW| / |W(0)| of the first step at the reference width, at the optimizer's default learning rate: with many weights,
of a hundred inputs each, preactivations move by a few hundredths, and the second step is much as the first."""
_ROUNDING = math.sqrt(torch.finfo(torch.float64).eps)
"""Half of the digits: steps that are smaller beside the others are none."""


@dataclass(frozen=True)
class Constants:
    """Of one parameter at the reference width: its root mean square, and its learning rate."""

    size: float
    rate: float


def reference_constants(problem: ModuleProblem) -> dict[str, Constants]:
    """The constants of every parameter, by name, from one pass at the reference width."""
    width = reference_width(problem)
    module = problem.module(width, 0)
    with seeded():
        seen = Passes(module, problem.batch(width), problem.loss, width, dict).run()
    own = dict(module.named_parameters())
    share = FIRST_STEP * problem.training.lr / Training.of(problem.training.optimizer).lr
    found: dict[str, tuple[float, float, float]] = {}
    for node, names in problem.weights():
        for name in names:
            size = _root_mean_square(own[name])
            typical = size or 1 / math.sqrt(node.fan_in.at(width))
            step = _root_mean_square(_first_step(problem.laws[node.weight].name, own[name], seen.gradients.get(name)))
            found[name] = size, share * typical, step
    # The gradient of a key's bias is zero, since a softmax knows no shift, but for rounding errors.
    nothing = _ROUNDING * median(step for *_, step in found.values())
    rates = [moved / step for _, moved, step in found.values() if step > nothing]
    usual = median(rates) if rates else 0.0
    return {
        name: Constants(size, moved / step if step > nothing else usual) for name, (size, moved, step) in found.items()
    }


def reference_width(problem: ModuleProblem) -> int:
    """The width at which constants are those of the module."""
    return problem.traced.widths[0]


def initialize(problem: ModuleProblem, module: nn.Module, width: int, constants: Mapping[str, Constants]) -> None:
    """Rescale the random weights of a module, in place."""
    own = dict(module.named_parameters())
    with torch.no_grad():
        for node, names in problem.weights():
            for name in names if node.start == "random" else ():
                size = constants[name].size * _power(problem, width, problem.exponents[node.weight].init)
                own[name].mul_(size / (_root_mean_square(own[name]) or 1.0))


def sizes_at(
    problem: ModuleProblem, width: int, constants: Mapping[str, Constants]
) -> tuple[LayerExponents[float], ...]:
    """The multiplier, init scale and learning rate of each weight at this width, as numbers; of the last copy."""

    def layer(node: Weighted, name: str) -> LayerExponents[float]:
        exponents, own = problem.exponents[node.weight], constants[name]
        starts = {"zero": 0.0, "one": 1.0, "random": own.size * _power(problem, width, exponents.init)}
        return LayerExponents(1.0, starts[node.start], own.rate * _power(problem, width, exponents.lr))

    return tuple(layer(node, names[-1]) for node, names in problem.weights())


class Stepped:
    """One parameter that is trained: W = (1 - s) W(0) + dW, as a matrix."""

    def __init__(
        self, problem: ModuleProblem, node: Weighted, parameter: nn.Parameter, rate: float, width: int
    ) -> None:
        exponents, law, training = problem.exponents[node.weight], problem.laws[node.weight], problem.training
        self.parameter = parameter
        self.initial = parameter.detach().clone(memory_format=torch.contiguous_format)
        self.update = torch.zeros_like(self.initial)
        self._is_matrix = isinstance(node, MATRICES)
        decays = self._is_matrix and training.decay
        constant = training.decay * training.factors(law)[1] if training.decay else 0.0
        decay = 0.0 if exponents.decay is None else constant * _power(problem, width, exponents.decay)
        self._steps = ExplicitSteps(
            law.name if decays else plain(law.name),
            as_matrix(self.initial),
            as_matrix(self.update),
            lr=rate * _power(problem, width, exponents.lr),
            decay=decay,
        )

    @property
    def kept(self) -> float:
        """What decay has left of W(0)."""
        return 1.0 if self._steps.shrunk is None else float(1 - self._steps.shrunk)

    @cached_property
    def start(self) -> float:
        """|W(0)|"""
        return sizes_of([self.initial])[0]

    @property
    def sizes(self) -> Mapping[Quantity, float]:
        """|W| and |dW|, which is a spectral norm too of a matrix."""
        whole, moved = sizes_of([self.parameter.detach(), self.update])
        found: dict[Quantity, float] = {"W_frobenius": whole, "dW_frobenius": moved}
        if self._is_matrix:
            found["dW_spectral"] = float(spectral_norm(as_matrix(self.update)))
        return found

    def step(self, gradient: Tensor) -> None:
        """One step, of the update and of the parameter itself."""
        self._steps.step([(EVERYTHING, as_matrix(gradient).clone())])
        with torch.no_grad():
            self.parameter.copy_(self.kept * self.initial + self.update)


def as_matrix(parameter: Tensor) -> Tensor:
    """A parameter as (1, rows, columns), in the same memory if it is contiguous; a vector is one column."""
    return parameter.reshape(1, parameter.shape[0], -1) if parameter.dim() else parameter.view(1, 1, 1)


def _first_step(optimizer: str, parameter: Tensor, gradient: Tensor | None) -> Tensor:
    """What a step is divided by the learning rate, without decay."""
    initial = parameter.detach()
    update = torch.zeros_like(initial, memory_format=torch.contiguous_format)
    if gradient is not None:
        steps = ExplicitSteps(plain(optimizer), as_matrix(initial), as_matrix(update), lr=1.0)
        steps.step([(EVERYTHING, as_matrix(gradient).clone())])
    return update


def _power(problem: ModuleProblem, width: int, exponent: Exponent) -> float:
    """(n / n_0)^exponent"""
    return power_of(width / reference_width(problem), exponent)


def _root_mean_square(tensor: Tensor) -> float:
    return float(tensor.detach().square().mean().sqrt())
