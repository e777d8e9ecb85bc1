"""Torch functions as elementary ones: those written in Python as their code, fused ones as their parts.

`Elementary` hands each call to whoever extends it; the recorder writes all of it down (`recorder.py`), and `follow`
takes from one more pass of the same module the tensors that are wanted, by their spots on a trail that is known:

>>> from empirical.tracing.batches import Batch
>>> layer, batch = nn.Linear(8, 1), Batch((torch.ones(4, 8),))
>>> trail = Trail((("", "linear"), ("", "square"), ("", "mean")))
>>> seen = {}
>>> mean_square = lambda output: output.square().mean()
>>> follow(layer, batch, mean_square, trail, {"z": Spot(0, True, 0, 1)}, seen.__setitem__)
True
>>> tuple(seen["z"].shape), follow(layer, batch, torch.sum, trail, {}, seen.__setitem__)
((4, 1), False)
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from empirical.tracing.arguments import tensors_in
from empirical.tracing.batches import Batch, Loss
from empirical.tracing.functions import HOOKS, Function, body_of, has_body, name_of
from empirical.tracing.fused import EQUIVALENTS
from empirical.tracing.modules import CalledFrom, eager

Step: TypeAlias = tuple[str, str]
"""A call of a torch function: the path of the module that makes it, and the function's name."""
Called: TypeAlias = Callable[[str, Function, tuple[Any, ...], dict[str, Any]], None]
"""Is given the name of a tensor, and the function that made it with its arguments."""


@dataclass(frozen=True)
class Spot:
    """Where a tensor is seen: among those that a call makes, or among those that it is given, before it or after."""

    call: int
    made: bool
    place: int
    among: int
    """How many tensors there are to choose from."""
    after: bool = True


@dataclass(frozen=True)
class Whole:
    """A call of a function that is not elementary, and that no other one makes: where its elementary calls end."""

    step: Step
    stop: int


@dataclass(frozen=True)
class Trail:
    """What a pass calls: elementary functions, and where the first of them is, the ones that are made of several."""

    steps: tuple[Step, ...] = ()
    wholes: Mapping[int, Whole] = field(default_factory=dict)


class Elementary(TorchFunctionMode):
    """While it is entered, every call of a torch function is one of an elementary function."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.called_from = CalledFrom(module)
        self._bodies: list[Function] = []

    def __torch_function__(
        self, func: Function, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, or what stands for it."""
        kwargs = kwargs or {}
        if _is_elementary(func) or func in self._bodies:
            return self._write(func, args, kwargs)
        instead = EQUIVALENTS.get(func) or body_of(func)
        result = NotImplemented if instead is None else self._run_instead(func, instead, args, kwargs)
        return self._write(func, args, kwargs) if result is NotImplemented else result

    def _run_instead(self, func: Function, instead: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run other code in place of the function; if that comes back to the function itself, it is elementary."""
        self._bodies.append(func)
        try:
            with self:
                return instead(*args, **kwargs)
        finally:
            self._bodies.remove(func)

    @abstractmethod
    def _write(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an elementary function, and do what there is to do with it."""


@lru_cache(maxsize=4096)
def _is_elementary(function: Function) -> bool:
    return name_of(function) in HOOKS or not (function in EQUIVALENTS or has_body(function))


def spot_of(call: int, tensor: Tensor, given: Sequence[Tensor], made: Sequence[Tensor] | None) -> Spot | None:
    """Where a tensor is seen at a call, which has `made` some if it is over; None if it is not among its tensors."""
    for is_made, listed in ((True, made or ()), (False, given)):
        for place, one in enumerate(listed):
            if one is tensor:
                return Spot(call, is_made, place, len(listed), made is not None)
    return None


def follow(
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    trail: Trail,
    wanted: Mapping[str, Spot],
    watch: Callable[[str, Tensor], None],
) -> bool:
    """One forward pass and its loss, whose tensors at the wanted spots are watched; whether it kept to the trail."""
    return Follower(module, trail, wanted).follows(batch, loss, watch)


class Follower(Elementary):
    """Passes of one module that are followed on one trail.

    Functions that are not elementary are run as they are, where nothing in them is wanted.
    """

    def __init__(self, module: nn.Module, trail: Trail, wanted: Mapping[str, Spot]) -> None:
        super().__init__(module)
        self._module, self._steps = module, trail.steps
        self._calls = 0
        """So many were as on the trail; -1 once one was not."""
        self._before: dict[int, list[tuple[str, Spot]]] = {}
        self._after: dict[int, list[tuple[str, Spot]]] = {}
        for name, spot in wanted.items():
            (self._after if spot.after else self._before).setdefault(spot.call, []).append((name, spot))
        self._given = {spot.call for spot in wanted.values() if not spot.made}
        # By where they start, what is only counted: calls at which nothing is wanted, and where the next one is.
        self._passed = {number: (step, number + 1) for number, step in enumerate(trail.steps)}
        self._passed |= {first: (whole.step, whole.stop) for first, whole in trail.wholes.items()}
        for first, (_, stop) in list(self._passed.items()):
            if any(number in self._before or number in self._after for number in range(first, stop)):
                del self._passed[first]

    def follows(
        self, batch: Batch, loss: Loss, watch: Callable[[str, Tensor], None], called: Called | None = None
    ) -> bool:
        """One more pass, as `follow`; after each call that makes a wanted tensor, `called` is given its name and it."""
        self._calls, self._watch, self._called = 0, watch, called
        with warnings.catch_warnings(action="ignore"), torch.enable_grad(), eager(), self.called_from, self:
            loss(batch.run(self._module))
        return self._calls == len(self._steps)

    def __torch_function__(
        self, func: Function, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        passed = None if self._bodies else self._passed.get(self._calls)
        if passed is None or passed[0] != (self.called_from.path, name_of(func)):
            return super().__torch_function__(func, types, args, kwargs)
        self._calls = passed[1]
        return func(*args, **kwargs) if kwargs else func(*args)

    def _write(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number = self._calls
        if number < 0:
            return function(*args, **kwargs)
        if number == len(self._steps) or self._steps[number] != (self.called_from.path, name_of(function)):
            self._calls = -1
            return function(*args, **kwargs)
        self._calls = number + 1
        before, after = self._before.get(number), self._after.get(number)
        if before is None and after is None:
            return function(*args, **kwargs)
        given = list(tensors_in((args, kwargs))) if number in self._given else []
        if before:
            with torch._C.DisableTorchFunction():
                self._look(before, given, [])
        result = function(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            self._look(after or (), given, [result] if isinstance(result, Tensor) else list(tensors_in(result)))
            if self._called:
                for name in (name for name, spot in after or () if spot.made):
                    self._called(name, function, args, kwargs)
        return result

    def _look(self, wanted: Iterable[tuple[str, Spot]], given: list[Tensor], made: list[Tensor]) -> None:
        for name, spot in wanted:
            listed = made if spot.made else given
            if len(listed) != spot.among:
                self._calls = -1
                return
            self._watch(name, listed[spot.place])
