"""Rechecking a certificate: its proof, that the program it is about is that of its statement, and that parts fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scalings.certificates.conclusions import Part, untied
from scalings.certificates.statements import statement_from_json
from scalings.certificates.verifier import Refused, verify
from scalings.errors import ArgumentError

SAME = "Its program is the one that its network, law and criteria give, written anew and compared."
NOT_COMPARED = (
    "The proof holds of a program of which it is not known what it is about. "
    "To compare it with its network, law and criteria takes sympy."
)


@dataclass(frozen=True)
class Recheck:
    """The outcome for a certificate: what is known of its parts, by name ("" if there is one), or why it is refused.

    Without sympy nothing is `compared`, and no part is known to be about anything.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    programs: Mapping[str, Any] = field(default_factory=dict)
    """The lines of each part's program, which are those that its statement gives."""
    refusal: str | None = None

    @property
    def compared(self) -> bool:
        """Whether the programs were compared with the statements."""
        return bool(self.parts)


def recheck(document: Mapping[str, Any]) -> Recheck:
    """Recheck the proof, then, if sympy is installed, that the program is that of the network, law and criteria."""
    documents = document.get("parts", {"": document})
    try:
        proved = verify(document)
        parts = {name: Part(statement_from_json(documents[name]["about"]), one) for name, one in proved.items()}
        refusal = untied(parts)
    except Refused as refused:
        refusal = str(refused)
    except ArgumentError as error:
        refusal = error.message
    if refusal:
        return Recheck(refusal=refusal)
    try:
        from symbolic.certificates.assembly import difference
    except ModuleNotFoundError:
        return Recheck()
    differences = ((name, difference(documents[name], part.statement)) for name, part in parts.items())
    if refusal := next((f"{name}: {found}".removeprefix(": ") for name, found in differences if found), None):
        return Recheck(refusal=refusal)
    return Recheck(parts, {name: one["program"] for name, one in documents.items()})
