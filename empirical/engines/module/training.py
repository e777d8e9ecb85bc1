"""Training of a module: full-batch steps, and what there is to observe after each of them.

The loss is the user's, a mean over examples, so that d, its gradient by a value, is smaller than that of one example by
their number, a constant. Changes are differences of values: whoever trains in less than double precision has to see
that they are large beside roundings (`empirical.models.training.is_known`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from empirical.engines.module.passes import Passes
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
    at_first = (_at_first(now.values), _at_first(now.signals))
    starts = {name: norm(one.stepped.initial) for name, one in observed.items()}
    pushed: dict[str, float] = {}
    for number in range(last + 1):
        if number:
            pushed = {name: norm(now.gradients[one.name]) for name, one in observed.items()}
            step(now.gradients)
            if number > steps:
                continue
            now.gradients.clear()
            now = passes.run(weights=number < last)
        seen = sizes_of_values(problem, number, at_first, (now.values, now.signals))
        for name, one in observed.items():
            weights = _of_weight(one, starts[name], pushed.get(name))
            seen |= {Observable(quantity, name, number): size for quantity, size in weights.items()}
        found |= seen | {Observable("loss", "", number): float(now.loss)}
    return found


@dataclass(frozen=True)
class _First:
    """A tensor as it was at first, and where it was infinite, if it was anywhere."""

    tensor: Tensor
    infinite: Tensor | None


def _at_first(tensors: Mapping[str, Tensor]) -> dict[str, _First]:
    found = {}
    for name, tensor in tensors.items():
        infinite = tensor.isinf()
        found[name] = _First(tensor, infinite if infinite.any() else None)
    return found


def sizes_of_values(
    problem: ModuleProblem,
    step: int,
    at_first: tuple[Mapping[str, _First], Mapping[str, _First]],
    now: tuple[Mapping[str, Tensor], Mapping[str, Tensor]],
) -> dict[Observable, float]:
    """|z|, |dz|, |d| and |dd| of all nodes, Euclidean over units and root-mean-square over examples.

    Of what was infinite at first, as what a mask hides, nothing counts.
    """
    blocks: list[tuple[Observable, float, Tensor]] = []
    for node in problem.network.flat:
        grows = problem.growing(node.name)
        for (value, change), before, after in zip(_NAMES, at_first, now, strict=True):
            seen = after.get(node.name)
            if seen is None or seen.dim() != len(grows) or not seen.numel():
                continue
            examples = math.prod(size for size, one in zip(seen.shape, grows, strict=True) if not one)
            first, block = before.get(node.name), seen
            changed = block - first.tensor if step and first and first.tensor.shape == block.shape else None
            for quantity, part in ((value, block), (change, changed)):
                if part is not None:
                    hidden = first.infinite if first and first.tensor.shape == block.shape else None
                    known = part if hidden is None else part.masked_fill(hidden, 0.0)
                    blocks.append((Observable(quantity, node.name, step), 1 / math.sqrt(examples), known))
    sizes = norms([block for *_, block in blocks])
    return {one: scale * size for (one, scale, _), size in zip(blocks, sizes, strict=True)}


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


def norms(tensors: list[Tensor]) -> list[float]:
    """Euclidean norms, summed in double precision where squares may leave the range of single.

    >>> [f"{one:.3g}" for one in norms([torch.tensor([3e-30, 4e-30]), torch.tensor([3.0, 4.0])])]
    ['5e-30', '5']
    """
    if not tensors:
        return []
    found: list[float] = torch.stack(list(torch._foreach_norm(tensors))).tolist()
    return [
        size if _SMALL < size < 1 / _SMALL or (not size and not tensor.any()) else float(_norm_in_double(tensor))
        for size, tensor in zip(found, tensors, strict=True)
    ]


def _norm_in_double(tensor: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(tensor.double())
    return norm


def norm(tensor: Tensor) -> float:
    """The Euclidean norm of one, which may be sparse."""
    return norms([tensor.to_dense() if tensor.is_sparse else tensor])[0]


_SMALL = 1e-12
