"""Where in the module a function is called from, and torch.compile held back meanwhile."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks


class CalledFrom:
    """While it is entered, knows the path of the module whose forward runs.

    By hooks on all modules at once, so that nothing is registered on the user's.
    """

    def __init__(self, module: nn.Module) -> None:
        self._paths = {id(part): name for name, part in module.named_modules()}
        self._running: list[tuple[nn.Module, str]] = []
        self._handles: list[Any] = []
        self.path = ""
        """The path of the module that runs; that of one made on the way is below the one that called it."""

    def __enter__(self) -> None:
        self._handles = [
            hooks.register_module_forward_pre_hook(self._begin),
            hooks.register_module_forward_hook(self._end, always_call=True),
        ]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _begin(self, module: nn.Module, _: Any) -> None:
        path = self._paths.get(id(module))
        if path is None:
            path = f"{self.path}.{type(module).__name__}".lstrip(".")
        self._running.append((module, path))
        self.path = path

    def _end(self, module: nn.Module, *_: Any) -> None:
        while self._running and self._running.pop()[0] is not module:
            pass
        self.path = self._running[-1][1] if self._running else ""


def eager() -> AbstractContextManager[object]:
    """Compiled functions run as they are written. Where torch.compile was never loaded there are none."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
