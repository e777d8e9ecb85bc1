"""One forward and backward pass of a module, with what was made on the way where it is wanted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from empirical.engines.module.places import Place, on_tape
from empirical.engines.module.precision import double_precision
from empirical.tracing.batches import Batch, Loss
from empirical.tracing.elementary import Called, Follower, Spot, Trail
from empirical.tracing.memory import version
from empirical.tracing.modules import eager
from empirical.tracing.recorder import Recording, record
from empirical.tracing.state import reseed
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError


@dataclass(frozen=True)
class Pass:
    """The loss; values, and the gradients of the loss by them, by name; and its gradients by parameters, if they were
    asked for, which are zero where one is frozen."""

    loss: Tensor
    values: Mapping[str, Tensor]
    signals: Mapping[str, Tensor]
    gradients: dict[str, Tensor]


Followed: TypeAlias = tuple[Trail, Mapping[str, Spot]]
"""What a pass calls, and where on that each wanted value is seen, by its name."""
Trails: TypeAlias = dict[int, Followed]
"""Those of the last pass at each width."""


def followed(recording: Recording, wanted: Mapping[str, Place]) -> Followed:
    """How another pass is followed that does what was recorded."""
    numbers = on_tape(wanted, recording.tape)
    return recording.trail, {
        name: recording.spots[number] for name, number in numbers.items() if number in recording.spots
    }


@dataclass
class Passes:
    """Passes of one module on one batch, every time with the same random numbers, which the caller keeps (`seeded`).

    What is done at a width is recorded once; other passes, and other widths that do the same, are followed.
    """

    module: nn.Module
    batch: Batch
    loss: Loss
    width: int
    wanted: Callable[[], Mapping[str, Place]]
    """Where the values are that are seen."""
    known: Trails = field(default_factory=dict)
    running_in: Callable[[], AbstractContextManager[None]] = double_precision
    precision: float = 0.0
    """The distance of 1 to the next number in the coarsest type of what was seen."""
    _follower: Follower | None = None
    _overwritten: set[str] | None = None
    """The values that the module writes to later in a pass, of which copies are kept; of all before that is known."""

    @cached_property
    def _own(self) -> dict[str, nn.Parameter]:
        return dict(self.module.named_parameters())

    def run(self, *, weights: bool = True, signals: bool = True, called: Called | None = None) -> Pass:
        """One more; without `weights` it has no gradients by parameters, without `signals` none by values. What is done
        is looked up again where it has changed. `called` is given the calls that make wanted values."""
        if not self.known:
            self._prepare()
            self._record()
        for _ in range(3):
            known = self.known.get(self.width) or next(reversed(self.known.values()))
            if self._follower is None:
                self._follower = Follower(self.module, *known)
            if found := self._followed(self._follower, weights=weights, signals=signals, called=called):
                self.known[self.width] = known
                return found
            self._record()
        raise ArgumentError("build", f"the module does something else in every forward pass at width {self.width}")

    def unseen(self) -> Pass:
        """One more of which there are only the loss and its gradients by parameters: nothing in it is followed."""
        with self._running(), warnings.catch_warnings(action="ignore"), torch.enable_grad(), eager():
            loss = self.loss(self.batch.copy().run(self.module))
        return Pass(loss.detach(), {}, *self._sent_back(loss, {}, self._own))

    def _prepare(self) -> None:
        """Some modules prepare something in their first pass."""
        with self._running(), torch.no_grad(), eager():
            self.loss(self.batch.copy().run(self.module))

    def _record(self) -> None:
        with self._running():
            recording = record(self.module, self.batch.copy(), self.loss, width=self.width, replayed=False)
        self.known[self.width], self._follower = followed(recording, self.wanted()), None

    @contextmanager
    def _running(self) -> Iterator[None]:
        reseed()
        with user_code("build", f"its forward pass or loss fails at width {self.width}"), self.running_in():
            yield

    def _followed(self, follower: Follower, *, weights: bool, signals: bool, called: Called | None) -> Pass | None:
        """None if the module does not do what it did on its trail."""
        values: dict[str, Tensor] = {}
        kept: dict[str, tuple[Tensor, int]] = {}
        edges: dict[str, GradientEdge] = {}
        losses: list[Tensor] = []

        def watch(name: str, tensor: Tensor) -> None:
            is_copied = self._overwritten is None or name in self._overwritten
            values[name] = tensor.detach().clone() if is_copied else tensor.detach()
            kept[name] = tensor, version(tensor)
            if tensor.is_floating_point():
                self.precision = max(self.precision, torch.finfo(tensor.dtype).eps)
            if signals and tensor.requires_grad:
                edges[name] = get_gradient_edge(tensor)  # before it is written to, if it is

        def loss(output: Any) -> Any:
            losses.append(self.loss(output))
            return losses[0]

        with self._running():
            is_same = follower.follows(self.batch.copy(), loss, watch, called)
        if not is_same:
            return None
        written = {name for name, (tensor, before) in kept.items() if version(tensor) != before}
        if self._overwritten is not None and written - self._overwritten:  # which it did not do before
            self._overwritten = None
            return None
        self._overwritten = (self._overwritten or set()) | written
        return Pass(losses[0].detach(), values, *self._sent_back(losses[0], edges, self._own if weights else {}))

    def _sent_back(
        self, loss: Tensor, edges: Mapping[str, GradientEdge], own: Mapping[str, nn.Parameter]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The gradients of the loss by values, and by parameters, which are zero where they are none."""
        trained = {name: one for name, one in own.items() if one.requires_grad}
        slopes: list[Tensor | None] = [None] * (len(edges) + len(trained))
        if loss.requires_grad and slopes:
            asked: Any = [*edges.values(), *trained.values()]
            with user_code("build", f"its backward pass fails at width {self.width}"):
                slopes = list(torch.autograd.grad(loss, asked, allow_unused=True))
        by_value = {name: one for name, one in zip(edges, slopes, strict=False) if one is not None}
        found = {name: one for name, one in zip(trained, slopes[len(edges) :], strict=True) if one is not None}
        return by_value, {name: found[name] if name in found else torch.zeros_like(one) for name, one in own.items()}
