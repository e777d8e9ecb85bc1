"""Reading and writing certificates as JSON files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from scalings.certificates.schema import CERTIFICATE, CERTIFICATES, escaped, fault
from scalings.errors import ArgumentError
from scalings.files import replacing

LARGEST = 64 * 2**20
"""Bytes of a file that is read; the largest certificate of this project's networks has 7 MB."""


def write_certificate(path: Path, certificate: object) -> None:
    """Write a certificate as JSON, completely or not at all. Raises ArgumentError for one that could not be read."""
    content = json.dumps(certificate, indent=1, allow_nan=False) + "\n"
    found = f"it has more than {LARGEST // 2**20} MiB" if len(content) > LARGEST else _fault_of(json.loads(content))
    if found:
        raise ArgumentError("certificate", f"the proof is none that could be rechecked: {escaped(found)}")
    with replacing(path) as partial:
        partial.write_text(content, encoding="utf-8")


def read_certificate(path: Path) -> dict[str, Any]:
    """The certificate in a file. Raises ArgumentError if it cannot be read or does not have a certificate's schema."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ArgumentError("file", f"expected at most {LARGEST // 2**20} MiB, but '{escaped(path)}' has more")
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused)
        return _certificate(document)
    except OSError as error:
        raise ArgumentError("file", f"cannot read '{escaped(path)}': {error.strerror}") from None
    except _Fault as found:
        problem = f"is none: {escaped(found)}"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        if isinstance(error, ArgumentError):
            raise
        problem = "is not JSON"
    raise ArgumentError("file", f"expected a certificate, but '{escaped(path)}' {problem}")


class _Fault(Exception):
    """What keeps a JSON document from being a certificate."""


def _certificate(document: Any) -> dict[str, Any]:
    if found := _fault_of(document):
        raise _Fault(found)
    assert isinstance(document, dict), "that is the schema"
    return document


def _fault_of(document: Any) -> str | None:
    several = isinstance(document, dict) and "parts" in document
    return fault(document, CERTIFICATES if several else CERTIFICATE)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each key of which is there once: of two values readers could take either."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Fault(f"it has {Counter(name for name, _ in pairs).most_common(1)[0][0]!r:.40} twice")
    return found


def _refused(name: str) -> None:
    raise _Fault(f"it has {name}, which is no number")
