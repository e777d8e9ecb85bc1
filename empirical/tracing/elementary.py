"""Torch functions as elementary ones: those written in Python as their code, fused ones as their parts.

`Elementary` hands each call to whoever extends it; the recorder writes all of it down (`recorder.py`), and `follow`
takes from one more pass of the same module the tensors that are wanted, by their spots on a trail that is known:

>>> from empirical.tracing.batches import Batch
>>> layer, batch = nn.Linear(8, 1), Batch((torch.ones(4, 8),))
>>> trail = [("", "linear"), ("", "square"), ("", "mean")]
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
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Spot:
    """Where a tensor is seen: among those that a call makes, or among those that it is given, before it or after."""

    call: int
    made: bool
    place: int
    among: int
    """How many tensors there are to choose from."""
    after: bool = True


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
    trail: Sequence[Step],
    wanted: Mapping[str, Spot],
    watch: Callable[[str, Tensor], None],
) -> bool:
    """One forward pass and its loss, whose tensors at the wanted spots are watched; whether it kept to the trail."""
    follower = _Follower(module, trail, wanted, watch)
    with warnings.catch_warnings(), torch.enable_grad(), eager(), follower.called_from, follower:
        warnings.simplefilter("ignore")
        loss(batch.run(module))
    return follower.calls == len(trail)


class _Follower(Elementary):
    def __init__(
        self, module: nn.Module, trail: Sequence[Step], wanted: Mapping[str, Spot], watch: Callable[[str, Tensor], None]
    ) -> None:
        super().__init__(module)
        self._trail, self._watch = trail, watch
        self.calls = 0
        """So many were as on the trail; -1 once one was not."""
        self._wanted: defaultdict[int, list[tuple[str, Spot]]] = defaultdict(list)
        for name, spot in wanted.items():
            self._wanted[spot.call].append((name, spot))

    def _write(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number = self.calls
        if number < 0:
            return function(*args, **kwargs)
        if number == len(self._trail) or self._trail[number] != (self.called_from.path, name_of(function)):
            self.calls = -1
            return function(*args, **kwargs)
        self.calls = number + 1
        if number not in self._wanted:
            return function(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            given = list(tensors_in((args, kwargs)))
            self._look(number, given, None)
        result = function(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            self._look(number, given, list(tensors_in(result)))
        return result

    def _look(self, number: int, given: list[Tensor], made: list[Tensor] | None) -> None:
        for name, spot in self._wanted[number]:
            listed = made if spot.made else given
            if spot.after != (made is not None) or listed is None:
                continue
            if len(listed) != spot.among:
                self.calls = -1
                return
            self._watch(name, listed[spot.place])
