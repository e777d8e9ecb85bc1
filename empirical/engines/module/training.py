"""Training of a module: full-batch steps, and what there is to observe after each of them.

The loss is the user's, a mean over examples, so that d, its gradient by a value, is smaller than that of one example by
their number, a constant. Changes are differences of values, in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from empirical.engines.module.passes import Pass, Passes
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.weights import Constants, Stepped, as_matrix, initialize
from empirical.tensors.spectral_norms import spectral_norm
from scalings.criteria.observables import Observable, Quantity
from scalings.networks.nodes import MATRICES


class Moving(Protocol):
    """A parameter that is trained."""

    @property
    def parameter(self) -> Tensor: ...
    @property
    def initial(self) -> Tensor: ...
    @property
    def update(self) -> Tensor:
        """What its updates did, without what decay took."""
        ...

    @property
    def shrunk(self) -> Tensor | None:
        """By which fraction decay has made W(0) smaller."""
        ...


@dataclass(frozen=True)
class Trained:
    """The parameter of a weight that is observed, the last copy."""

    name: str
    is_matrix: bool
    """Whether the spectral norm of its updates is observed."""
    stepped: Moving


def train(problem: ModuleProblem, width: int, seed: int, constants: Mapping[str, Constants]) -> dict[Observable, float]:
    """Every observable at every step."""
    module = problem.module(width, seed)
    initialize(problem, module, width, constants)
    own = dict(module.named_parameters())
    stepped: dict[str, Stepped] = {}
    observed: dict[str, Trained] = {}
    for node, names in problem.weights():
        for name in names:
            stepped[name] = Stepped(problem, node, own[name], constants[name].rate, width)
        observed[node.name] = Trained(names[-1], isinstance(node, MATRICES), stepped[names[-1]])

    def step(gradients: Mapping[str, Tensor]) -> None:
        for name, one in stepped.items():
            one.step(gradients[name])

    passes = Passes(module, problem.batch(width), problem.loss, width, lambda _: problem.places, problem.trails)
    return observations(problem, passes, observed, step, problem.training.steps)


def observations(
    problem: ModuleProblem,
    passes: Passes,
    observed: Mapping[str, Trained],
    step: Callable[[Mapping[str, Tensor]], None],
    steps: int,
    least: int = 0,
) -> dict[Observable, float]:
    """Every observable at every step of a training whose steps are given the gradients, by parameter.

    At least so many steps are taken, those beyond `steps` unobserved.
    """
    found: dict[Observable, float] = {}
    now, last = passes.run(), max(steps, least)
    first = replace(now, gradients={})
    starts = {name: norm(one.stepped.initial) for name, one in observed.items()}
    pushed: dict[str, float] = {}
    for number in range(last + 1):
        if number:
            pushed = {name: norm(now.gradients[one.name]) for name, one in observed.items()}
            step(now.gradients)
            if number > steps:
                continue
            now = first  # what it held is not needed any more
            now = passes.run(weights=number < last)
        seen = sizes_of_values(problem, number, first, now)
        for name, one in observed.items():
            weights = _of_weight(one, starts[name], pushed.get(name))
            seen |= {Observable(quantity, name, number): size for quantity, size in weights.items()}
        found |= seen | {Observable("loss", "", number): float(now.loss)}
    return found


def sizes_of_values(problem: ModuleProblem, step: int, first: Pass, now: Pass) -> dict[Observable, float]:
    """|z|, |dz|, |d| and |dd| of all nodes, Euclidean over units and root-mean-square over examples."""
    blocks: dict[Observable, Tensor] = {}
    scales: list[float] = []
    for node in problem.network.flat:
        grows = problem.growing(node.name)
        seen = (first.values, now.values), (first.signals, now.signals)
        for (value, change), (before, after) in zip(_NAMES, seen, strict=True):
            parts = zip((value, change), _terms(grows, before.get(node.name), after.get(node.name)), strict=True)
            for quantity, block in parts:
                if block is not None and (step or quantity == value):
                    blocks[Observable(quantity, node.name, step)] = block
                    scales.append(1 / math.sqrt(_examples(block, grows)))
    if not blocks:
        return {}
    norms = torch.stack(torch._foreach_norm(list(blocks.values())))
    return dict(zip(blocks, (norms * norms.new_tensor(scales)).tolist(), strict=True))


_NAMES: tuple[tuple[Quantity, Quantity], ...] = (("z", "dz"), ("d", "dd"))


def _of_weight(trained: Trained, start: float, pushed: float | None) -> dict[Quantity, float]:
    """W as it is, and what the updates so far did; without a gradient that pushed it there was none."""
    stepped = trained.stepped
    found: dict[Quantity, float] = {"W_frobenius": norm(stepped.parameter.detach()) if pushed is not None else start}
    if pushed is not None:
        found |= {"dW_frobenius": norm(stepped.update), "gradient": pushed}
        if trained.is_matrix:
            found["dW_spectral"] = float(spectral_norm(as_matrix(stepped.update)))
        if stepped.shrunk is not None and stepped.shrunk.any():
            found["decay"] = float(stepped.shrunk)
    return found


def _terms(grows: tuple[bool, ...], first: Tensor | None, now: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """A value and its change, in double precision; None where it is not there, or had another shape at first.

    What is infinite from the start is masked, and counts as zero.
    """
    if now is None or now.dim() != len(grows) or not now.numel():
        return None, None
    now = now.double()
    if first is None or first.shape != now.shape:
        return now, None
    first = first.double()
    change, masked = now - first, first.isinf()
    if masked.any():
        now, change = now.masked_fill(masked, 0.0), change.masked_fill(masked, 0.0)
    return now, change


def _examples(value: Tensor, grows: tuple[bool, ...]) -> int:
    """How many there are: units are the sizes that grow, examples all others."""
    return math.prod(size for size, one in zip(value.shape, grows, strict=True) if not one)


def norm(tensor: Tensor) -> float:
    """The Euclidean norm; summed in double precision where squares may leave the range of single.

    >>> norm(torch.tensor([3e-30, 4e-30]))
    5e-30
    """
    found = float(torch.linalg.vector_norm(tensor))
    if _SMALL < found < 1 / _SMALL or tensor.dtype == torch.float64:
        return found
    return float(torch.linalg.vector_norm(tensor.double()))


_SMALL = 1e-12

