"""Several outputs as one: theory follows one output, so those of which the loss is computed are put together.

>>> class Two(nn.Module):
...     def forward(self, x):
...         return {"a": x[:, :2], "name": "two", "b": 2 * x[:, 2:]}
>>> x = torch.arange(6.0).reshape(2, 3)
>>> build, loss = joined(lambda width: Two(), lambda output: output["a"].sum() + output["b"].prod(), [0, 1])
>>> output = build(8)(x)
>>> output, float(loss(output))
(tensor([ 0.,  1.,  3.,  4.,  4., 10.]), 48.0)
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from empirical.tracing.arguments import tensors_in
from empirical.tracing.batches import Loss
from empirical.tracing.trace import Build
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.losses import others_of, output_of


def places_of(traced: TracedNetwork) -> list[int]:
    """The places of all outputs of which the loss is computed, among the tensors in the output; but for those that grow
    with the width, such as features."""
    tape = traced.tape
    chosen = output_of(tape)
    own = [place for place, value in enumerate(tape.outputs) if value == chosen]
    found = sorted({*own[:1], *others_of(tape, chosen)})
    return [place for place in found if not any(size.grows for size in tape.values[tape.outputs[place]].shape)]


def joined(build: Build, loss: Loss, places: Collection[int]) -> tuple[Build, Loss]:
    """The modules with the outputs at these places joined to one vector, and the loss of that."""
    held: list[Any] = []

    def join(_: nn.Module, __: Any, output: Any) -> Tensor:
        held[:] = [output]
        chosen = [one for place, one in enumerate(tensors_in(output)) if place in places]
        return torch.cat([one.flatten() for one in chosen])

    def made(make: Any, *width: int) -> nn.Module:
        module: nn.Module = make(*width)
        module.register_forward_hook(join)
        return module

    def loss_of(vector: Tensor) -> Any:
        (output,) = held
        tensors = list(tensors_in(output))
        sizes = [one.numel() for place, one in enumerate(tensors) if place in places]
        parts = iter(torch.split(vector, sizes))
        whole = (next(parts).view(one.shape) if place in places else one for place, one in enumerate(tensors))
        return loss(_filled(output, whole))

    if isinstance(build, Mapping):
        return {width: partial(made, make) for width, make in build.items()}, loss_of
    return partial(made, build), loss_of


def ended(build: Build, loss: Loss) -> tuple[Build, Loss]:
    """The modules with their loss as their output, for those all of whose outputs grow with the width: embeddings that
    are compared with each other. What is small enough to be followed is then in the loss.

    >>> build, loss = ended(lambda width: nn.Identity(), lambda output: output.square().mean())
    >>> float(loss(build(8)(torch.full((4, 8), 3.0))))
    9.0
    """

    def made(make: Any, *width: int) -> nn.Module:
        module: nn.Module = make(*width)
        module.register_forward_hook(lambda _, __, output: loss(output))
        return module

    if isinstance(build, Mapping):
        return {width: partial(made, make) for width, make in build.items()}, _itself
    return partial(made, build), _itself


def _itself(output: Any) -> Any:
    return output


def _filled(structure: Any, tensors: Iterator[Tensor]) -> Any:
    """The structure with other tensors, in the order of `tensors_in`."""
    if isinstance(structure, Tensor):
        return next(tensors)
    if isinstance(structure, Mapping):
        found: Any = copy.copy(structure)
        for name, part in structure.items():
            found[name] = _filled(part, tensors)
        return found
    if isinstance(structure, list | tuple):
        parts = [_filled(part, tensors) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return structure
