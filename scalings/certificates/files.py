"""Reading and writing certificates as JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scalings.certificates.schema import CERTIFICATE, CERTIFICATES, fault
from scalings.errors import ArgumentError
from scalings.files import replacing


def write_certificate(path: Path, certificate: object) -> None:
    """Write a certificate as JSON, completely or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(certificate, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_certificate(path: Path) -> dict[str, Any]:
    """The certificate in a file. Raises ArgumentError if it cannot be read or does not have a certificate's schema."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArgumentError("file", f"cannot read '{path}': {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ArgumentError("file", f"expected a certificate, but '{path}' is not JSON") from None
    several = isinstance(document, dict) and "parts" in document
    try:
        found = fault(document, CERTIFICATES if several else CERTIFICATE)
    except RecursionError:
        found = "it is nested too deeply"
    if found:
        raise ArgumentError("file", f"expected a certificate, but '{path}' is none: {found}")
    return document if isinstance(document, dict) else {}
