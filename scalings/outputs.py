"""Files that a command writes: refused before the work if they cannot be, and never half written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scalings.errors import ArgumentError

FIGURES = (".png", ".pdf", ".svg")
CERTIFICATES = (".json",)


def check_output(argument: str, path: Path, *, overwrite: bool, endings: Sequence[str] = FIGURES) -> None:
    """Raises ArgumentError if a file cannot be written there, or if it would overwrite one unasked."""
    if path.suffix.lower() not in endings:
        raise ArgumentError(argument, f"expected a file that ends in {', '.join(endings)}, but got '{path}'")
    if not path.parent.is_dir():
        raise ArgumentError(argument, f"expected a file in an existing folder, but there is no '{path.parent}'")
    if path.exists() and not overwrite:
        raise ArgumentError(argument, f"'{path}' exists; give another name, or --overwrite")
    try:
        _partial(path).touch()
        _partial(path).unlink()
    except OSError as error:
        raise ArgumentError(
            argument, f"expected a file that can be written, but got '{path}': {error.strerror}"
        ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if all went well, and is deleted if not."""
    partial = _partial(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.stem}.partial{path.suffix}")
