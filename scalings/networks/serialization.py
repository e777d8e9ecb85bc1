"""Networks as JSON: a list of operations, each with its kind, its name, what it reads and its sizes.

docs/reference/network-files.md describes the format. What is wrong in a file is found by its JSON path:

>>> from scalings.networks.architectures import mlp, transformer
>>> network_to_json(mlp(2))[0]["fan_out"]
{'size': 1, 'order': '1'}
>>> network_from_text(network_to_text(transformer())) == transformer()
True
>>> network_from_text('[{"op": "pool", "name": "mean", "sources": "input"}]')
Traceback (most recent call last):
...
scalings.errors.ArgumentError: network: $[0]: pool has no "sources"; expected name, source, first
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from fractions import Fraction
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import LARGEST
from scalings.networks.dimensions import Dimension
from scalings.networks.functions import FUNCTIONS
from scalings.networks.json_parts import (
    MOST,
    Json,
    dimension,
    dimension_document,
    document_in,
    fraction,
    items,
    keyed,
    number,
    shown,
    whole,
    wrong,
)
from scalings.networks.network import Network
from scalings.networks.nodes import (
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Node,
    Norm,
    Pool,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scale,
    Scores,
    Softmax,
    Sum,
    Top,
    Weight,
)
from scalings.networks.validation import A_NAME, is_name

KINDS: dict[str, type[Node]] = {
    "dense": Dense,
    "convolution": Convolution,
    "embedding": Embedding,
    "bias": Bias,
    "gain": Gain,
    "depthwise-convolution": DepthwiseConvolution,
    "weight": Weight,
    "elementwise": Elementwise,
    "power": Power,
    "norm": Norm,
    "pool": Pool,
    "mean": Mean,
    "softmax": Softmax,
    "top": Top,
    "scale": Scale,
    "factor": Factor,
    "rearrange": Rearrange,
    "sum": Sum,
    "product": Product,
    "scores": Scores,
    "mix": Mix,
    "repeat": Repeat,
}
"""By the op that a file calls them."""
_NAMES = {kind: name for name, kind in KINDS.items()}
_MOST_NODES = 20_001
"""As many as the deepest mlp has, with an activation between every two layers; a repeated block is one."""


def network_to_json(network: Network) -> list[Json]:
    """The network's operations as JSON types; orders become strings."""
    return [_node_to_json(node) for node in network.nodes]


def network_to_text(network: Network) -> str:
    """The same as a person would write it: one operation a line, and a fixed size as a number."""
    return "[\n" + ",\n".join(_lines(network_to_json(network), "  ")) + "\n]"


def network_from_json(document: object) -> Network:
    """The network in a document as `network_to_json` writes it, or a user. Raises ArgumentError for any other."""
    if isinstance(document, list) and len(document) > _MOST_NODES:
        raise ArgumentError("network", f"expected at most {_MOST_NODES} operations, but got {len(document)}")
    try:
        return Network(_nodes_from_json(document, "$", list(KINDS)))
    except RecursionError:
        raise ArgumentError("network", "it is nested too deeply") from None


def network_from_text(text: str) -> Network:
    """The network that is written in a text. Raises ArgumentError for what is not JSON, or not a network."""
    return network_from_json(document_in(text))


def _node_to_json(node: Node) -> Json:
    values = {field.name: _to_json(getattr(node, field.name)) for field in fields(node)}
    return {"op": _NAMES[type(node)]} | {
        name: value for name, value in values.items() if value is not False and value is not None
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, Dimension):
        return dimension_document(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, tuple):
        return [item if isinstance(item, str) else _node_to_json(item) for item in value]
    return value


def _lines(nodes: Iterable[Json], indent: str) -> Iterator[str]:
    for node in nodes:
        line = indent + json.dumps({name: _short(value) for name, value in node.items() if name != "nodes"})
        if "nodes" in node:
            block = ",\n".join(_lines(node["nodes"], indent + "  "))
            line = f'{line[:-1]}, "nodes": [\n{block}\n{indent}]}}'
        yield line


def _short(value: Any) -> Any:
    is_fixed = isinstance(value, dict) and value["order"] == "0" and "others" not in value
    return value["size"] if is_fixed and isinstance(value["size"], int) else value


def _nodes_from_json(document: object, path: str, kinds: list[str]) -> tuple[Node, ...]:
    found = enumerate(items(document, path, "operations"))
    return tuple(_node_from_json(item, f"{path}[{number}]", kinds) for number, item in found)


def _node_from_json(document: object, path: str, kinds: list[str]) -> Node:
    given = keyed(document, path, 'an operation such as {"op": "pool", "name": "mean", "source": "input"}')
    op = given.pop("op", None)
    if op not in kinds:
        where, what = (path, document) if op is None else (f"{path}.op", op)
        raise wrong(where, f"an op among {', '.join(kinds)}", what)
    kind = KINDS[op]
    needed = {field.name: field.default is MISSING for field in fields(kind)}
    if unknown := [name for name in given if name not in needed]:
        raise ArgumentError("network", f"{path}: {op} has no {shown(unknown[0])}; expected {', '.join(needed)}")
    if missing := [name for name in needed if needed[name] and name not in given]:
        raise ArgumentError("network", f"{path}: {op} needs {', '.join(missing)}, but got {shown(document)}")
    types = _annotations(op)
    if "activation" in given and given["activation"] not in list(FUNCTIONS):
        raise wrong(f"{path}.activation", f"one of {', '.join(FUNCTIONS)}", given["activation"])
    return kind(**{name: _field_from_json(types[name], value, f"{path}.{name}") for name, value in given.items()})


def _name(value: Any, path: str) -> str:
    if not is_name(value):
        raise wrong(path, A_NAME, value)
    return str(value)


_READERS: dict[Any, Callable[[Any, str], Any]] = {
    Dimension: dimension,
    Dimension | None: dimension,
    Fraction: lambda value, path: fraction(value, path, -LARGEST, LARGEST),
    float: number,
    int: lambda value, path: whole(value, path, f"a whole number from 1 to {MOST}"),
    str: _name,
}
"""How a field of each type is read, but for choices and lists."""


@cache
def _annotations(op: str) -> dict[str, Any]:
    return get_type_hints(KINDS[op])


def _field_from_json(kind: Any, value: Any, path: str) -> Any:
    """The value of a node's field that has the annotation `kind`."""
    if kind in _READERS:
        return _READERS[kind](value, path)
    if kind is bool or get_origin(kind) is Literal:
        values = get_args(kind) or (False, True)
        if not any(value is one or (isinstance(value, str) and value == one) for one in values):
            raise wrong(path, f"one of {', '.join(get_args(kind)) or 'false, true'}", value)
        return value
    (item, _) = get_args(kind)  # of tuple[item, ...]
    if item is not str:
        return _nodes_from_json(value, path, [name for name in KINDS if name != "repeat"])
    names = enumerate(items(value, path, "names"))
    return tuple(_name(name, f"{path}[{number}]") for number, name in names)
