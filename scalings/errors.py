"""The error for a wrong argument: one line with its name, what was expected and what was given."""

from __future__ import annotations


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
