"""Rechecking a certificate: its proof, and that the program it proves something about is that of its statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalings.certificates import verifier

SAME = "Its program is the one that its network, law and criteria give, written anew and compared."
NOT_COMPARED = "Its program was not compared with its network, law and criteria: that needs sympy."


@dataclass(frozen=True)
class Recheck:
    """The outcome for a certificate: its `parts` by name ("" if there is one), and why it is refused, if it is.

    `compared` says whether its program was compared with its statement.
    """

    parts: Mapping[str, Any]
    compared: str
    refusal: str | None


def recheck(document: Mapping[str, Any]) -> Recheck:
    """Recheck the proof, then, if sympy is installed, that the program is that of the network, law and criteria."""
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
