"""The error for a wrong argument: one line with its name, what was expected and what was given."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from difflib import get_close_matches

_SHOWN = 100
"""As many characters of what was given are shown."""


class ArgumentError(ValueError):
    """An argument that cannot be used. `argument` is the parameter's name and, with dashes, the command line option's.

    >>> raise ArgumentError("seeds", "expected at least 1, but got 0")
    Traceback (most recent call last):
    scalings.errors.ArgumentError: seeds: expected at least 1, but got 0
    """

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument
        self.message = message


def unknown_name(argument: str, given: str, known: Collection[str], *, also: str = "", more: str = "") -> ArgumentError:
    """The error for a name that is none of the known ones, with the nearest of them; `also` belongs to their list.

    >>> raise unknown_name("optimizer", "adma", ["sgd", "adam"], also=", or law:p")
    Traceback (most recent call last):
    scalings.errors.ArgumentError: optimizer: did you mean adam? expected one of sgd, adam, or law:p, but got 'adma'
    """
    near = get_close_matches(given[:_SHOWN], known, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return ArgumentError(
        argument, f"{guess}expected one of {', '.join(known)}{also}, but got {given!r:.{_SHOWN}}{more}"
    )


def wrong_type(argument: str, expected: str, given: object) -> ArgumentError:
    """The error for a value of another type.

    >>> raise wrong_type("network", "a Network or the name of one", 3)
    Traceback (most recent call last):
    scalings.errors.ArgumentError: network: expected a Network or the name of one, but got network=3 (int)
    """
    shown = " ".join(reprlib.repr(given).split())
    return ArgumentError(argument, f"expected {expected}, but got {argument}={shown} ({type(given).__name__})")
