"""Statements: what a certificate is about, as data: the question, the network, the update law and the criteria.

A certificate proves something about a straight-line program. Its statement says where that program comes from, so that
anybody can write the program again and compare. Criteria are written as text (`scalings.criteria.parsing`).

>>> from scalings.networks.architectures import mlp
>>> from scalings.criteria.tutorial import BOUNDED_OUTPUT
>>> from scalings.hyperparameters.update_laws import optimizer
>>> statement = Statement("derivation", Problem(mlp(2), optimizer("sgd")), (BOUNDED_OUTPUT,))
>>> written = statement_to_json(statement)
>>> written["criteria"], statement_to_json(statement_from_json(written)) == written
([{'name': 'bounded output', 'asks': 'z <= 1 at output initially'}], True)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from hashlib import sha256
from typing import Any, Literal, get_args

from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import format_relation, parse_criterion
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent, format_exponent, parse_exponent, parse_fraction
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.serialization import network_from_json, network_to_json

Kind = Literal["derivation", "family", "parameterization", "growth", "layer inserted", "layer removed"]
"""What is proved, in this order: which exponents meet the criteria; the same with the richness as an unknown; whether
given exponents meet them; whether orders settle under given exponents; that the criteria on an mlp with one more hidden
layer imply those without it; the converse."""
_CHECKSUM = "checksum"


@dataclass(frozen=True)
class Statement:
    """A claim about which exponents of a network, in the gauge g = 1, meet these criteria.

    Exponents are powers of the scale variable. `given` are those with a given value (for a parameterization all), by
    unknown; `richness` is the value that is asked for, if there is one.
    """

    kind: Kind
    problem: Problem
    criteria: tuple[Criterion, ...]
    given: tuple[tuple[str, Exponent], ...] = ()
    richness: Fraction | None = None


def statement_to_json(statement: Statement) -> dict[str, Any]:
    """The statement as JSON types, fractions as strings; a checksum reveals accidental changes of any part."""
    problem = statement.problem
    document = {
        "kind": statement.kind,
        "network": network_to_json(problem.network),
        "law": {field.name: _written(getattr(problem.law, field.name)) for field in fields(UpdateLaw)},
        "criteria": [{"name": one.name, "asks": format_relation(one)} for one in statement.criteria],
        "scale": problem.scale,
        "loss": problem.loss,
        "given": {name: format_exponent(exponent) for name, exponent in statement.given},
        "richness": None if statement.richness is None else str(statement.richness),
    }
    return {**document, _CHECKSUM: _checksum(document)}


def statement_from_json(document: Any) -> Statement:
    """The statement that `statement_to_json` wrote. Raises ArgumentError for a document that is not one."""
    try:
        content = {name: value for name, value in document.items() if name != _CHECKSUM}
        if document[_CHECKSUM] != _checksum(content):
            raise ValueError("its checksum is that of another one")
        if content["kind"] not in get_args(Kind):
            raise ValueError("its kind is unknown")
        network, law = network_from_json(content["network"]), _law(content["law"])
        return Statement(
            content["kind"],
            Problem(network, law, content["scale"], content["loss"]),
            tuple(_criterion(**one) for one in content["criteria"]),
            tuple((name, parse_exponent(exponent)) for name, exponent in content["given"].items()),
            None if content["richness"] is None else parse_fraction(content["richness"]),
        )
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ArgumentError("file", f"what the certificate is about cannot be used: {error}") from None


def _written(value: str | Exponent) -> str:
    return value if isinstance(value, str) else format_exponent(value)


def _law(document: dict[str, str]) -> UpdateLaw:
    texts = ("name", "decay", "at_zero")
    return UpdateLaw(**{key: value if key in texts else parse_exponent(value) for key, value in document.items()})  # type: ignore[arg-type]


def _criterion(name: str, asks: str) -> Criterion:
    return replace(parse_criterion(f"criterion: {asks}"), name=name)


def _checksum(document: dict[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
