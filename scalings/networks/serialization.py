"""Networks as JSON: a list of operations, each with its kind, its name, what it reads and its sizes.

>>> from scalings.networks.architectures import mlp, transformer
>>> network_to_json(mlp(2))[0]["fan_out"]
{'size': 1, 'order': '1'}
>>> network_from_json(network_to_json(transformer())) == transformer()
True
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import parse_fraction
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import (
    ACTIVATIONS,
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Gain,
    Mix,
    Node,
    Norm,
    Pool,
    Repeat,
    Scale,
    Scores,
    Start,
    Sum,
)

Json = dict[str, Any]

_KINDS: dict[str, type[Node]] = {
    "dense": Dense,
    "convolution": Convolution,
    "embedding": Embedding,
    "bias": Bias,
    "gain": Gain,
    "depthwise-convolution": DepthwiseConvolution,
    "elementwise": Elementwise,
    "norm": Norm,
    "pool": Pool,
    "scale": Scale,
    "sum": Sum,
    "scores": Scores,
    "mix": Mix,
    "repeat": Repeat,
}
_KEYS = frozenset({"size", "order", "others"})
_NAMES = {kind: name for name, kind in _KINDS.items()}
_DIMENSIONS = frozenset(
    {
        "fan_in",
        "fan_out",
        "channels_in",
        "channels_out",
        "channels",
        "units",
        "vocabulary",
        "heads",
        "head_size",
        "times",
    }
)


def network_to_json(network: Network) -> list[Json]:
    """The network's operations as JSON types; orders become strings."""
    return [_node_to_json(node) for node in network.nodes]


def network_from_json(document: list[Json]) -> Network:
    """The network in a document as `network_to_json` writes it, or a user. Raises ArgumentError for any other."""
    if not isinstance(document, list):
        raise ArgumentError("network", "expected a list of operations")
    try:
        return Network(tuple(_node_from_json(number, item) for number, item in enumerate(document, start=1)))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ArgumentError("network", f"not a list of operations as is to be ({error})") from None


def _node_to_json(node: Node) -> Json:
    return {"op": _NAMES[type(node)]} | {field.name: _to_json(getattr(node, field.name)) for field in fields(node)}


def _to_json(value: Any) -> Any:
    if isinstance(value, Dimension):
        others = {"others": {scale: str(order) for scale, order in value.others}} if value.others else {}
        size = value.size if value.size == int(value.size) else str(value.size)
        return {"size": int(size) if not isinstance(size, str) else size, "order": str(value.order), **others}
    if isinstance(value, tuple):
        return [item if isinstance(item, str) else _node_to_json(item) for item in value]
    return value


def _node_from_json(number: int, document: Any) -> Node:
    if not isinstance(document, dict) or document.get("op") not in list(_KINDS):
        raise ArgumentError("network", f"operation {number}: expected an op among {', '.join(_KINDS)}")
    kind = _KINDS[document["op"]]
    known = [field.name for field in fields(kind)]
    given = {name: value for name, value in document.items() if name != "op"}
    if unknown := sorted(given.keys() - set(known)):
        raise ArgumentError("network", f"operation {number}: {document['op']} has no {unknown[0]!r}")
    if given.get("activation", "relu") not in ACTIVATIONS or given.get("start", "one") not in get_args(Start):
        raise ArgumentError("network", f"operation {number}: no such activation, or no such start")
    try:
        return kind(**{name: _from_json(number, name, value) for name, value in given.items()})
    except TypeError:
        needed = ", ".join(name for name in known if name not in given)
        raise ArgumentError("network", f"operation {number}: {document['op']} needs {needed}") from None


def _from_json(number: int, name: str, value: Any) -> Any:
    if name in _DIMENSIONS:
        return _dimension(number, name, value)
    if isinstance(value, list):
        return tuple(_node_from_json(number, item) if name == "nodes" else item for item in value)
    return value


def _dimension(number: int, name: str, value: Any) -> Dimension:
    """A dimension from a size, or from an object such as {"size": 4, "order": "1"}, four times the width."""
    try:
        given = value if isinstance(value, int) else value["size"]
        size = given if isinstance(given, int) else parse_fraction(str(given))
        order = "0" if isinstance(value, int) else str(value.get("order", 0))
        powers = {} if isinstance(value, int) else value.get("others", {})
        others = tuple((scale, parse_fraction(str(power))) for scale, power in powers.items())
        if size <= 0 or parse_fraction(order) < 0 or set(value if isinstance(value, dict) else ()) - _KEYS:
            raise ValueError
        return Dimension(size, parse_fraction(order), others)
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        raise ArgumentError("network", f"operation {number}: {name} is a size, or has a size and an order") from None
