"""Training of a module: full-batch steps, and what there is to observe after each of them.

The loss is the user's, a mean over examples, so that d, its gradient by a value, is smaller than that of one example by
their number, a constant. Changes are differences of values: whoever trains in less than double precision has to see
that they are large beside roundings (`empirical.models.training.is_known`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from empirical.engines.module.passes import Passes
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.terms import Moving, Uses
from empirical.engines.module.weights import Constants, Stepped, initialize
from empirical.tensors.sizes import sizes_of
from empirical.tracing.state import seeded
from scalings.criteria.observables import Observable, Quantity


@dataclass(frozen=True)
class Trained:
    """The parameter of a weight that is observed, the last copy."""

    name: str
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
        observed[node.name] = Trained(names[-1], stepped[names[-1]])

    def step(gradients: Mapping[str, Tensor]) -> None:
        for name, one in stepped.items():
            one.step(gradients[name])

    passes = Passes(module, problem.batch(width), problem.loss, width, lambda: problem.places, problem.trails)
    with seeded():
        return observations(problem, passes, observed, step, Plan.full(problem.training.steps))


@dataclass(frozen=True)
class Plan:
    """After how many updates what is observed."""

    steps: int
    """Of the last update after which anything is; the loss is after every one."""
    seen: Container[int]
    """Values and weights, which are slow to read."""
    signals: Container[int]
    """Gradients of the loss by values that are seen."""
    changes_of_signals: bool
    terms: bool
    """Whether those of what weights make are, after the last of these updates."""

    @classmethod
    def full(cls, steps: int) -> Plan:
        """Everything but terms, after every update."""
        every = range(steps + 1)
        return cls(steps, every, every, changes_of_signals=True, terms=False)

    @classmethod
    def lean(cls, steps: int) -> Plan:
        """As training starts, after the first update and after the last, between which orders stay what they are; then
        terms, and no signals, so that the last pass is forward alone."""
        return cls(steps, (0, 1, steps), range(steps), changes_of_signals=False, terms=True)


def observations(
    problem: ModuleProblem,
    passes: Passes,
    observed: Mapping[str, Trained],
    step: Callable[[Mapping[str, Tensor]], None],
    plan: Plan,
    least: int = 0,
) -> dict[Observable, float]:
    """What is planned of a training whose steps are given the gradients, by parameter; random numbers are the caller's
    to keep.

    At least so many steps are taken, those beyond the planned ones unobserved.
    """
    found: dict[Observable, float] = {}
    uses = _uses(problem, observed, passes.module) if plan.terms else None
    now, last = passes.run(called=uses.begin if uses else None), max(plan.steps, least)
    at_first = (_at_first(now.values), _at_first(now.signals) if plan.changes_of_signals else {})
    pushed: list[float] = []
    for number in range(last + 1):
        if number:
            pushed = sizes_of([now.gradients[one.name] for one in observed.values()]) if number in plan.seen else []
            step(now.gradients)
            if number > plan.steps:
                continue
            now.gradients.clear()
            called = uses.end if uses and number == plan.steps else None
            if number in plan.seen:
                now = passes.run(weights=number < last, signals=number in plan.signals, called=called)
            else:
                now = passes.unseen()
        found[Observable("loss", "", number)] = float(now.loss)
        if number not in plan.seen:
            continue
        blocks = list(_values(problem, number, at_first, (now.values, now.signals)))
        sizes = sizes_of([block for *_, block in blocks])
        found |= {one: scale * size for (one, scale, _), size in zip(blocks, sizes, strict=True)}
        found |= _weights(observed, number, pushed)
    if not uses:
        return found
    for value in uses.reread:  # its rows are of other examples
        found.pop(Observable("dz", value, plan.steps), None)
    return found | {Observable(term, name, plan.steps): size for (term, name), size in uses.found.items()}


def _uses(problem: ModuleProblem, observed: Mapping[str, Trained], module: nn.Module) -> Uses:
    own = dict(module.named_parameters())
    made = problem.translation.made_by_layers.items()
    return Uses({value: (name, own[observed[name].name], observed[name].stepped) for name, value in made})


@dataclass(frozen=True)
class _First:
    """A tensor as it was at first, and where it was infinite, if it was anywhere."""

    tensor: Tensor
    infinite: Tensor | None


def _at_first(tensors: Mapping[str, Tensor]) -> dict[str, _First]:
    found = {}
    for (name, tensor), size in zip(tensors.items(), sizes_of(tensors.values()), strict=True):
        infinite = None if math.isfinite(size) else tensor.isinf()
        found[name] = _First(tensor, None if infinite is None or not infinite.any() else infinite)
    return found


_Block = tuple[Observable, float, Tensor]
"""What is observed, as the norm of a tensor times a number."""


def _values(
    problem: ModuleProblem,
    step: int,
    at_first: tuple[Mapping[str, _First], Mapping[str, _First]],
    now: tuple[Mapping[str, Tensor], Mapping[str, Tensor]],
) -> Iterator[_Block]:
    """z, dz, d and dd of all nodes, Euclidean over units and root-mean-square over examples.

    Of what was infinite at first, as what a mask hides, nothing counts.
    """
    for name, grows in problem.growing.items():
        for (value, change), before, after in zip(_NAMES, at_first, now, strict=True):
            block = after.get(name)
            if block is None or block.dim() != len(grows) or not block.numel():
                continue
            scale = 1 / math.sqrt(math.prod(size for size, one in zip(block.shape, grows, strict=True) if not one))
            first = before.get(name)
            if first is None or first.tensor.shape != block.shape:
                yield Observable(value, name, step), scale, block
                continue
            if first.infinite is not None:
                block = block.masked_fill(first.infinite, 0.0)
            yield Observable(value, name, step), scale, block
            if step:
                changed = block - first.tensor
                hidden = changed if first.infinite is None else changed.masked_fill(first.infinite, 0.0)
                yield Observable(change, name, step), scale, hidden


_NAMES: tuple[tuple[Quantity, Quantity], ...] = (("z", "dz"), ("d", "dd"))


def _weights(observed: Mapping[str, Trained], step: int, pushed: Sequence[float]) -> dict[Observable, float]:
    """W as it is, what the updates so far did, and the gradients that `pushed` it in the last one."""
    found: dict[Observable, float] = {}
    if not step:
        return {Observable("W_frobenius", name, step): one.stepped.start for name, one in observed.items()}
    for (name, one), gradient in zip(observed.items(), pushed, strict=True):
        found |= {Observable(quantity, name, step): size for quantity, size in one.stepped.sizes.items()}
        found[Observable("gradient", name, step)] = gradient
        if one.stepped.kept < 1:
            found[Observable("decay", name, step)] = 1 - one.stepped.kept
    return found
