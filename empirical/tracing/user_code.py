"""Running the user's own code: whatever it raises becomes one line, with what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scalings.errors import ArgumentError

_LONGEST = 300
"""As many characters of an error are told."""


@contextmanager
def user_code(argument: str, failing: str) -> Iterator[None]:
    """Meanwhile the user's own code runs. Raises ArgumentError for any error of it.

    >>> with user_code("build", "it fails at width 64"):
    ...     {}["heads"]
    Traceback (most recent call last):
    scalings.errors.ArgumentError: build: it fails at width 64: KeyError: 'heads'
    """
    try:
        yield
    except ArgumentError:
        raise
    except (Exception, SystemExit) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ArgumentError(argument, f"{failing}: {told:.{_LONGEST}}") from error
