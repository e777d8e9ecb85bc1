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
from typing import Any, Literal, TypeGuard, get_args

from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import format_relation, parse_criterion
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.exponents import Exponent, format_exponent, parse_exponent, parse_power
from scalings.hyperparameters.splits import Laws, Split, laws, text
from scalings.hyperparameters.unknowns import KINDS, name_of
from scalings.hyperparameters.unknowns import Kind as UnknownKind
from scalings.hyperparameters.update_laws import UpdateLaw, law_text, optimizer
from scalings.networks.network import Network
from scalings.networks.serialization import network_from_json, network_to_json

Kind = Literal["derivation", "family", "parameterization", "growth", "layer inserted", "layer removed"]
"""What is proved, in this order: which exponents meet the criteria; the same with the richness as an unknown; whether
given exponents meet them; whether orders settle under given exponents; that the criteria on an mlp with one more hidden
layer imply those without it; the converse."""
_CHECKSUM = "checksum"
MOST_CRITERIA, LONGEST_CRITERION, LONGEST_NAME = 100, 1000, 100
"""Of a statement; the tutorial has 12 criteria, and its longest relation 62 characters."""


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
    """The statement as JSON types, fractions as strings; a checksum reveals accidental changes of any part.

    Raises ArgumentError for what could not be read back.
    """
    problem = statement.problem
    document = {
        "kind": statement.kind,
        "network": network_to_json(problem.network),
        "law": _laws_to_json(problem),
        "criteria": [{"name": one.name, "asks": format_relation(one)} for one in statement.criteria],
        "scale": problem.scale,
        "loss": problem.loss,
        "given": {name: format_exponent(exponent) for name, exponent in statement.given},
        "richness": None if statement.richness is None else str(statement.richness),
    }
    document = {**document, _CHECKSUM: _checksum(document)}
    try:
        statement_from_json(document)
    except ArgumentError as error:
        raise ArgumentError("certificate", error.message) from None
    return document


def statement_from_json(document: Any) -> Statement:
    """The statement that `statement_to_json` wrote. Raises ArgumentError for a document that is not one."""
    try:
        content = {name: value for name, value in document.items() if name != _CHECKSUM}
        if document[_CHECKSUM] != _checksum(content):
            raise ValueError("its checksum is that of another one")
        if content["kind"] not in get_args(Kind):
            raise ValueError("its kind is unknown")
        if len(content["criteria"]) > MOST_CRITERIA:
            raise ValueError(f"it has more than {MOST_CRITERIA} criteria")
        network = network_from_json(content["network"])
        law = _laws(network, **content["law"])
        if unknown := content["given"].keys() - _exponents(network):
            raise ValueError(f"the network has no {min(unknown)}")
        return Statement(
            content["kind"],
            Problem(network, law, content["scale"], content["loss"]),
            tuple(_criterion(**one) for one in content["criteria"]),
            tuple((name, parse_exponent(exponent)) for name, exponent in content["given"].items()),
            None if content["richness"] is None else parse_power(content["richness"]),
        )
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ArgumentError("file", f"what the certificate is about cannot be used: {error}") from None


def _exponents(network: Network) -> set[str]:
    """The names of all exponents of a network in the gauge g = 1."""
    numbers: dict[UnknownKind, int] = {kind: network.depth for kind in KINDS} | {"scales": len(network.multipliers)}
    return {name_of(kind, number) for kind, most in numbers.items() for number in range(1, most + 1)}


def _written(value: str | Exponent) -> str:
    return value if isinstance(value, str) else format_exponent(value)


_RARE = {"clip": "none", "input": "0"}


def _laws_to_json(problem: Problem) -> dict[str, Any]:
    """The one law of all weights by its name and exponents; of a split its name, and so the law of each layer."""
    called = problem.law.each(_called)
    if isinstance(called, UpdateLaw):
        return _law_to_json(called)
    if [law.name for law in called.parts] != [law.name for law in problem.law.parts]:
        called = replace(called, name=text(f"{called.hidden.name}+{called.rest.name}", called.by_layer))
    layers = problem.network.layers
    weights = zip((layer.name for layer in layers), map(_law_to_json, called.among(layers)), strict=True)
    return {"name": called.name, "weights": dict(weights)}


def _law_to_json(law: UpdateLaw) -> dict[str, str]:
    """By its name and exponents; what few laws have, clipping and a power of the input, is said where it is there."""
    said = (field.name for field in fields(UpdateLaw) if _RARE.get(field.name) != _written(getattr(law, field.name)))
    return {name: _written(getattr(law, name)) for name in said}


def _laws(network: Network, name: str, weights: dict[str, dict[str, str]] | None = None, **written: str) -> Laws:
    """What `_laws_to_json` wrote. Raises ValueError if it is not stated of each layer, or not as it is called."""
    if weights is None:
        return _law(name, **written)
    if written or list(weights) != [layer.name for layer in network.layers]:
        raise ValueError("its update laws are not stated for each of its layers")
    named, stated = laws(name), {layer: _law(**law) for layer, law in weights.items()}
    for layer, own in zip(network.layers, named.among(network.layers), strict=True):
        if stated[layer.name].name != own.name:
            raise ValueError(f"its update laws are called {name}, and that of {layer.name} is another one")
    return Split(name, named.parts[0], named.parts[-1], tuple(stated.items()))


def _called(law: UpdateLaw) -> UpdateLaw:
    """The law under a name that `optimizer` reads: its own, unless that is of another law; else that of its powers."""
    for name in (law.name, law_text(law, law.decay)):
        try:
            if _named(name, epsilon=law.epsilon, alpha=law.alpha, omega=law.omega) == replace(law, name=name):
                return replace(law, name=name)
        except ArgumentError:
            continue
    raise ArgumentError("certificate", f"expected an update law that has a name, but got {law.name!r:.60}")


def _is_share(exponent: Exponent) -> TypeGuard[Fraction]:
    return isinstance(exponent, Fraction) and 0 <= exponent <= 1


def _named(name: str, *, epsilon: Exponent, alpha: Exponent, omega: Exponent) -> UpdateLaw:
    """The law of this name, with an epsilon, and with assumed alignments from 0 to 1."""
    if len(name) > LONGEST_NAME or not (_is_share(alpha) and _is_share(omega)):
        raise ValueError("its update law has a name or alignments that no law has")
    law = replace(optimizer(name), alpha=alpha, omega=omega)
    return law if epsilon == law.epsilon else with_epsilon(law, format_exponent(epsilon))


def _law(name: str, **written: str) -> UpdateLaw:
    """The law of this name, whose exponents are stated as well. Raises ValueError if they are those of another one."""
    written = {**_RARE, **written}
    if written.keys() | {"name"} != {field.name for field in fields(UpdateLaw)}:
        raise ValueError("its update law is not stated in full")
    read = {key: parse_exponent(written[key]) for key in ("epsilon", "alpha", "omega")}
    law = _named(name, **read)
    for key, value in written.items():
        if _written(getattr(law, key)) != value:
            raise ValueError(f"its update law is called {name}, and has another {key.replace('_', ' ')}")
    return law


def _criterion(name: str, asks: str) -> Criterion:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or ":" in name or len(asks) > LONGEST_CRITERION:
        raise ValueError("a criterion has a name or a relation that none may have")
    return replace(parse_criterion(f"criterion: {asks}"), name=name)


def _checksum(document: dict[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
