"""Torch modules of the user's own, named on the command line as MODULE:NAME. Naming one runs its code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalings.errors import ArgumentError, unknown_name

if TYPE_CHECKING:
    from scalings.tapes.network import TracedNetwork
    from scalings.tapes.translation.translation import Translation


@dataclass(frozen=True)
class UserModule:
    """What was named: a function of the width, data and a loss; and what it is in powers of the width."""

    build: Any
    data: Any
    loss: Any
    """None for the default."""
    traced: TracedNetwork

    @property
    def translation(self) -> Translation:
        """The network of nodes that it is."""
        return self.traced.translation


def is_module(text: str) -> bool:
    """Whether it is meant as MODULE:NAME."""
    return ":" in text and not text.endswith(".json")


def traced(
    argument: str,
    place: str,
    *,
    data: str = "data",
    loss: str | None = None,
    widths: Sequence[int] | None = None,
    prefix: str = "",
) -> UserModule:
    """The module at MODULE:NAME, traced; data and loss are at MODULE:NAME, or names in the same module.

    Raises ArgumentError, about `argument` or about the options `prefix` + data and loss, for what cannot be imported or
    traced.
    """
    from empirical.tracing.trace import trace

    module, _, name = place.partition(":")
    with running():
        build = _named(argument, module, name)
        given = _named(f"{prefix}data", *_place(data, module))
        judged = None if loss is None else _named(f"{prefix}loss", *_place(loss, module))
        try:
            return UserModule(build, given, judged, trace(build, given, widths, judged))
        except ArgumentError as error:
            names = {"build": argument, "data": f"{prefix}data", "loss": f"{prefix}loss"}
            raise ArgumentError(names.get(error.argument, error.argument), error.message) from error


def described(argument: str, place: str, needed: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """What the module, or what is in it at MODULE:NAME, has by these names: a module's own, a dict's keys, an object's
    attributes; a function or a class is called first, without arguments. To be called while `running`.

    Raises ArgumentError if one that is needed is missing, and for keys of a dict that are none of the names.
    """
    from empirical.tracing.user_code import user_code

    module, colon, name = place.partition(":")
    found = _named(argument, module, name) if colon else _module(argument, module)
    if callable(found):
        with user_code(argument, f"{place} fails, which is to be called without arguments"):
            found = found()
    names = (*needed, *others)
    if isinstance(found, Mapping):
        if unknown := [key for key in found if key not in names]:
            raise unknown_name(argument, str(unknown[0]), names)
        parts = dict(found)
    else:
        parts = {one: getattr(found, one) for one in names if hasattr(found, one)}
    if missing := [one for one in needed if one not in parts]:
        raise ArgumentError(argument, f"expected {', '.join(needed)} in {place}, but there is no {missing[0]}")
    return parts


@contextmanager
def running() -> Iterator[None]:
    """Meanwhile modules are imported from the current folder first, as `python -m` does by itself, and what they print
    goes to stderr."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path.remove(folder)


def _place(text: str, module: str) -> tuple[str, str]:
    """The module and the name in MODULE:NAME, or in a NAME of the same module."""
    before, colon, name = text.rpartition(":")
    return before if colon else module, name


def _named(argument: str, module: str, name: str) -> Any:
    """What has the name in the module. Raises ArgumentError, also for whatever the module's own code raises."""
    given = f"{module}:{name}"
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ArgumentError(argument, f"expected MODULE:NAME, as in mymodule:build, but got {given!r:.100}")
    found = _module(argument, module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ArgumentError(argument, f"expected a name in {module}, but there is no {name!r:.100}")
        found = getattr(found, part)
    return found


def _module(argument: str, name: str) -> Any:
    """The module of this name, imported."""
    from empirical.tracing.user_code import user_code

    if not all(part.isidentifier() for part in name.split(".")):
        raise ArgumentError(argument, f"expected a module, or MODULE:NAME, but got {name!r:.100}")
    with user_code(argument, f"{name} cannot be imported"):
        return importlib.import_module(name)
