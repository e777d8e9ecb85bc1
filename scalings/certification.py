"""Certificates as files, and what one proves in plain words.

The proof itself is rechecked by `scalings.certificates`, which knows nothing of this module.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from scalings.errors import ArgumentError
from scalings.exponents import Affine
from scalings.outputs import replacing

SCHEMA_VERSION = 1


def write_certificate(path: Path, certificate: object) -> None:
    """Write a certificate as JSON, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(certificate, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_certificate(path: Path) -> Any:
    """The JSON in a file. Raises ArgumentError if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArgumentError("file", f"cannot read '{path}': {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ArgumentError("file", f"expected a certificate, but '{path}' is not JSON") from None


def certificate_document(certificate: Any, refusal: str | None) -> dict[str, Any]:
    """The answer of `certify`: what was proved, or the reason why it was not."""
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "valid": refusal is None, "reason": refusal}
    if refusal is None:
        document |= {key: value for key, value in certificate.items() if key not in ("program", "proof")}
        document["monomials"] = _monomials(certificate["proof"])
    return document


def certificate_report(certificate: Any, refusal: str | None) -> Iterator[RenderableType]:
    """What a certificate proves, or why it does not."""
    if refusal is not None:
        yield Text(f"refused: {refusal}", style="bold red")
        return
    unknowns, answer = certificate["unknowns"], certificate["answer"]
    yield Text("valid", style="bold green")
    yield Text(f"About {certificate.get('about', 'the program in it')}, in the gauge g = 1.")
    yield Text(f"Unknown exponents: {', '.join(unknowns)}.")
    asked = Counter(criterion["criterion"].partition(" (")[0] for criterion in certificate["criteria"])
    yield Text(f"Asked, at layers and steps: {', '.join(f'{name} ({times})' for name, times in asked.items())}.")
    if not answer:
        yield Text("\nNothing meets all of this.", style="bold")
    for name, piece in answer.items():
        title = "Exactly this does" if len(answer) == 1 else f"Piece {name} of what does"
        yield Text(f"\n{title}, of {_freedoms(piece['freedoms'])}:", style="bold")
        yield from (Text(f"    {unknown} = {_affine(value)}") for unknown, value in piece["solved"].items())
        yield from (Text(f"    {_affine(form)} >= 0") for form in piece["inequalities"])
    for monomial in _monomials(certificate["proof"]):
        yield Text(f"\n{monomial['of']} has the exponent {_affine(monomial['monomial'])} = {monomial['value']}, from")
        yield from (Text(f"    {source}") for source in monomial["path"].values())


def _freedoms(number: int) -> str:
    return "1 degree of freedom" if number == 1 else f"{number} degrees of freedom"


def _monomials(lines: Any) -> list[Any]:
    """Where a proof says which monomial an order is."""
    return [line for line in lines if "monomial" in line]


def _affine(form: Mapping[str, str]) -> Affine:
    coefficients = {name: Fraction(value) for name, value in form.items() if name != "constant"}
    return Affine(Fraction(form.get("constant", 0)), coefficients)
