"""Factories: optimizers by the name of their class in torch.optim, or made by a function of the user's."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from empirical.experiments.probes import Factory
from scalings.errors import ArgumentError, unknown_name

_CLASSES = {
    name.lower(): getattr(torch.optim, name)
    for name in dir(torch.optim)
    if isinstance(getattr(torch.optim, name), type) and issubclass(getattr(torch.optim, name), torch.optim.Optimizer)
}
OPTIMIZERS = tuple(sorted(_CLASSES.keys() - {"optimizer"}))


def find_factory(name: str, options: str | None = None) -> Factory:
    """The factory of "adamw" or of "module:function", with keyword arguments such as "eps=1e-4,nesterov=true".

    The second form imports the module (from the current folder too): whoever names it chose to run it. Raises
    ArgumentError.
    """
    made: Any = _imported(name) if ":" in name else _CLASSES.get(name.lower())
    if made is None or name.lower() == "optimizer":
        raise unknown_name("optimizer", name, OPTIMIZERS, also=", or module:function")
    return partial(made, **_options(options)) if options else made


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), function, None)
    except Exception as error:
        text = " ".join(str(error).split())
        raise ArgumentError("optimizer", f"{module!r} cannot be imported: {type(error).__name__}: {text}") from None
    if not callable(made):
        raise ArgumentError("optimizer", f"{module!r} has no function {function!r}")
    return made


def _options(text: str) -> dict[str, float | bool]:
    options: dict[str, float | bool] = {}
    for item in text.split(","):
        key, _, value = item.partition("=")
        try:
            options[key.strip()] = {"true": True, "false": False}[value] if value in ("true", "false") else float(value)
        except ValueError:
            raise ArgumentError("options", f"expected name=number or name=true, but got {item!r}") from None
    return options
