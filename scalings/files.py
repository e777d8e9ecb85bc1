"""Atomic file writing: a file is written completely or not at all, and no other file is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_PREFIX = ".scalings-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, on the same disk as `path`: renamed to `path` when the block ends, deleted if it raises.

    It lies in a folder of its own, which only this user may enter: no other file has its name, and nobody can put a
    symlink there.
    """
    with TemporaryDirectory(prefix=_PREFIX, dir=path.parent) as folder:
        partial = Path(folder) / path.name
        yield partial
        partial.replace(path)


def check_writable(path: Path) -> None:
    """Raises OSError if no file of this name can be written in its folder."""
    with TemporaryDirectory(prefix=_PREFIX, dir=path.parent) as folder:
        (Path(folder) / path.name).touch()
