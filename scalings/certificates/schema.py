"""The schema of certificates: their keys and the kinds of their values.

A document of another shape is refused with its first fault. One of this shape may still prove nothing:
`scalings.certificates.verifier` decides that.

>>> fault({"unknowns": ["x"]}, CERTIFICATE)
'it has no about'
>>> fault({"x": "1e9"}, FORM)
"x: expected a number such as -1/2, but got '1e9'"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"-?[0-9]{1,400}(/0*[1-9][0-9]{0,400})?")
NUMBER, TEXT, ANY = "number", "text", "any"


@dataclass(frozen=True)
class Keyed:
    """A JSON object with any keys and with values of one shape."""

    shape: Any


@dataclass(frozen=True)
class OneOf:
    """A JSON object of one of several shapes, told apart by the first key of each."""

    shapes: tuple[dict[str, Any], ...]


FORM = Keyed(NUMBER)
PROOF: list[Any] = []
"""A list of lines; the line of a case distinction contains a proof for each case."""
PROOF.append(
    OneOf(
        (
            {"drop": [FORM], "in": TEXT, "by": FORM},
            {"lemma": FORM, "by": FORM},
            {"impose": TEXT},
            {"either": [FORM]},
            {"cases": [{"if": FORM, "then": PROOF}]},
            {"contradiction": FORM},
            {"piece": TEXT, "within": [FORM], "whole?": [FORM]},
        )
    )
)
CERTIFICATE: dict[str, Any] = {
    "about": Keyed(ANY),
    "unknowns": [TEXT],
    "program": [{"order": TEXT, "is": TEXT, "of": [TEXT], "exponent?": NUMBER}],
    "criteria": [{"criterion": TEXT, "left": TEXT, "sign": TEXT, "right": TEXT}],
    "implied?": [TEXT],
    "answer": Keyed(
        {
            "freedoms": NUMBER,
            "solved": Keyed(FORM),
            "inequalities": [FORM],
            "points": [{"at": FORM, "distances": [NUMBER]}],
        }
    ),
    "proof": PROOF,
}
CERTIFICATES = {"parts": Keyed(CERTIFICATE)}


def escaped(text: object) -> str:
    """A text of a file as it may be printed: in ASCII, on one line, and without gaps that could pass for columns.

    >>> escaped("asked\\nvalid \\u202e")
    'asked\\\\nvalid \\\\u202e'
    """
    return str(text).encode("unicode_escape").decode("ascii").replace("  ", r"\x20\x20")


def fault(value: Any, shape: Any) -> str | None:
    """The first place where a value does not have the shape, as a sentence; None if it has it."""
    return next(_faults(value, shape, ""), None)


def _faults(value: Any, shape: Any, where: str) -> Iterator[str]:
    at = f"{where}: " if where else ""
    match shape:
        case "any":
            return
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | str) or not _NUMBER.fullmatch(str(value)):
                yield f"{at}expected a number such as -1/2, but got {value!r:.40}"
        case "text":
            if not isinstance(value, str) or not value:
                yield f"{at}expected a text, but got {value!r:.40}"
        case list():
            if not isinstance(value, list):
                yield f"{at}expected a list, but got {value!r:.40}"
                return
            for number, one in enumerate(value, start=1):
                yield from _faults(one, shape[0], f"{where} {number}".strip())
        case _:
            if isinstance(value, dict):
                yield from _object_faults(value, shape, where)
            else:
                yield f"{at}expected an object, but got {value!r:.40}"


def _object_faults(value: dict[str, Any], shape: Any, where: str) -> Iterator[str]:
    it = where or "it"
    match shape:
        case Keyed(inner):
            for key, one in value.items():
                yield from _faults(one, inner, f"{where} {key}".strip())
        case OneOf(shapes):
            kind = next((one for one in shapes if next(iter(one)) in value), None)
            if kind is None:
                yield f"{it} is no line of a proof"
            else:
                yield from _object_faults(value, kind, where)
        case _:
            names = {key.removesuffix("?"): key for key in shape}
            for name, key in names.items():
                if name in value:
                    yield from _faults(value[name], shape[key], f"{where} {name}".strip())
                elif not key.endswith("?"):
                    yield f"{it} has no {name}"
            for name in value.keys() - names.keys():
                yield f"{it} has a {name!r:.40}, which means nothing"
