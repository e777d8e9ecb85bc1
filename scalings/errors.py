"""What a wrong argument gets: one line that names it, what was given and what is expected."""

from __future__ import annotations


class ArgumentError(ValueError):
    """An argument that cannot be used; `argument` is its name, that of the command line's option too.

    >>> raise ArgumentError("seeds", "expected at least 1, but got 0")
    Traceback (most recent call last):
    scalings.errors.ArgumentError: seeds: expected at least 1, but got 0
    """

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument
        self.message = message
