"""GPU code without a GPU: tensors of torch's FakeTensorMode have shapes, types and devices, but no numbers.

The second device is "meta", which every build of torch has, and which no code of the engines tells from "cuda". An
operation on tensors of two devices raises, as it does where there is a GPU. (By a rule of its own, `_check`: torch's
lets `add_` pass, and numbers of two devices in a stack.) So does a generator of another device, and `numpy` of what is
not on the CPU. A number that is asked for, to choose a branch or to end a loop, is answered by `Answers`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

import empirical

DEVICE = "meta"
Answers: TypeAlias = Callable[[torch.dtype], bool | float]
_ATEN = torch.ops.aten
_COPIES = (_ATEN._to_copy.default, _ATEN.copy_.default)
_JOINS = (_ATEN.stack.default, _ATEN.cat.default)
_INDEXED = (_ATEN.index.Tensor, _ATEN.index_put_.default)
_NUMPY = {torch.float64: np.float64, torch.float32: np.float32}
_ROOT = Path(empirical.__file__).parent
_UNNAMED = ("buffers.py", "random_numbers.py", "growing_rows.py")
"""Files that create tensors for others."""


def affirmative() -> Answers:
    """Yes, and positive numbers each smaller than the one before."""
    numbers = count(1)
    return lambda kind: True if kind == torch.bool else 1 / next(numbers)


def undecided(seed: int = 0) -> Answers:
    """Yes or no, and positive numbers each smaller than the one before."""
    numbers, toss = affirmative(), np.random.default_rng(seed)
    return lambda kind: bool(toss.integers(2)) if kind == torch.bool else numbers(kind)


class Generator(torch.Generator):
    """A generator that says which device it was made for."""

    made_for: torch.device

    def __new__(cls, device: torch.device | str = "cpu") -> Generator:
        found = super().__new__(cls)
        found.made_for = torch.device(device)
        return found


class _Tensors(FakeTensorMode):
    """Tensors without numbers, that answer when they are asked for one."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers

    def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _ATEN._local_scalar_dense.default:
            return self._answers(args[0].dtype)
        _check(func, args, kwargs)
        if func is _ATEN.index.Tensor and any(one is not None and one.dtype == torch.bool for one in args[1]):
            return args[0].clone()  # all of them
        return super().dispatch(func, types, args, kwargs)


def _check(func: Any, args: Any, kwargs: Any) -> None:
    """All tensors are on one device. Only copies cross; numbers on the CPU take part in what is done entry by entry
    elsewhere, and so do indices."""
    if func in _COPIES:
        return
    given = [one for one in tree_leaves((args[:1], args[2:]) if func in _INDEXED else (args, kwargs or {}))]
    tensors = [one for one in given if isinstance(one, Tensor)]
    devices = {one.device.type for one in tensors if one.dim() or one.device.type != "cpu" or func in _JOINS}
    if func._schema.is_mutable and devices and isinstance(args[0], Tensor):
        devices.add(args[0].device.type)
    if len(devices) > 1:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {devices} in {func}")


class _Calls(TorchFunctionMode):
    """What those leave open; and a mix-up to plant: what is created at one place is created on the CPU."""

    def __init__(self, planted: str | None) -> None:
        super().__init__()
        self.fetched = list[Tensor]()
        """What was brought to the CPU."""
        self.places = set[str]()
        """Where tensors on the device were created."""
        self.is_used = False
        """Whether anything was computed from what was planted."""
        self._planted, self._moved = planted, list[Tensor]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        generator = kwargs.get("generator")
        if generator is not None and generator.made_for != args[0].device:
            raise RuntimeError(f"Expected a generator on the device {args[0].device}, but found {generator.made_for}")
        if func is Tensor.numpy:
            return _numpy(args[0])
        if func is Tensor.cpu:
            self.fetched.append(args[0])
        if func is torch.tensor:  # which is no fake tensor if it is created on the device "meta"
            device = kwargs.pop("device", "cpu")
            found = func(*args, **kwargs).to(device)
        else:
            found = func(*args, **kwargs)
        if self._moved and isinstance(found, Tensor):
            given = tree_leaves((args, kwargs))
            self.is_used = self.is_used or any(one is moved for one in given for moved in self._moved)
        return self._created(found) if _is_placed(found, func, args) else found

    def _created(self, tensor: Tensor) -> Tensor:
        place = _place(sys._getframe(2))
        self.places.add(place)
        if place != self._planted:
            return tensor
        self._moved.append(tensor.cpu())
        return self._moved[-1]


def _is_placed(found: Any, func: Any, args: Any) -> bool:
    """Whether this is a new tensor on the device that is there because somebody said so."""
    if not isinstance(found, FakeTensor) or found.device.type != DEVICE:
        return False
    if not args or not isinstance(args[0], Tensor) or args[0].device != found.device:
        return True
    return func.__name__.startswith("new_") or func.__name__.endswith("_like")


def _place(frame: FrameType | None) -> str:
    """The file and the function that wanted the tensor."""
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and path.name not in _UNNAMED:
            return f"{path.relative_to(_ROOT)} {frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""


def _numpy(tensor: Tensor) -> Any:
    if tensor.device.type != "cpu":
        raise TypeError(f"can't convert {tensor.device} device type tensor to numpy")
    return np.ones(tensor.shape, dtype=_NUMPY[tensor.dtype])


@contextmanager
def no_device(answers: Answers | None = None, planted: str | None = None) -> Iterator[_Calls]:
    """Where tensors have no numbers; what is created at the place `planted` is on the CPU."""
    calls = _Calls(planted)
    with pytest.MonkeyPatch.context() as patched, _Tensors(answers or affirmative()), calls:
        patched.setattr(torch, "Generator", Generator)
        yield calls
