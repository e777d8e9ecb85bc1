"""A certificate's proof, and that it is about what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalings.certificates import verifier

SAME = "Its program is the one that its network, law and criteria give, written anew and compared."
NOT_COMPARED = "Its program was not compared with its network, law and criteria: that needs sympy."


@dataclass(frozen=True)
class Recheck:
    """What became of a certificate: `parts` by name (one without a name, if it is one), why it is refused if it is."""

    parts: Mapping[str, Any]
    compared: str
    refusal: str | None


def recheck(document: Mapping[str, Any]) -> Recheck:
    """Recheck the proof, then, if sympy is there, that the program is what the certificate says that it is."""
    parts = document.get("parts", {"": document})
    try:
        verifier.certify(document)
    except verifier.Refused as refused:
        return Recheck(parts, NOT_COMPARED, str(refused))
    try:
        from symbolic.certificates.assembly import difference
    except ModuleNotFoundError:
        return Recheck(parts, NOT_COMPARED, None)
    differences = ((name, difference(part)) for name, part in parts.items())
    refusal = next((f"{name}: {found}".removeprefix(": ") for name, found in differences if found), None)
    return Recheck(parts, refusal or SAME, refusal)
