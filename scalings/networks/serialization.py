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
scalings.errors.ArgumentError: network: $[0]: pool has no "sources"; expected name, source
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from fractions import Fraction
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import LARGEST, LONGEST, parse_fraction
from scalings.networks.dimensions import WIDTH_SCALE, Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import (
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
    Sum,
)
from scalings.networks.validation import A_NAME, is_name

Json = dict[str, Any]

KINDS: dict[str, type[Node]] = {
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
"""By the op that a file calls them."""
_NAMES = {kind: name for name, kind in KINDS.items()}
_MOST = 10**9
"""No layer that anyone trains has more units, at width 1."""
_MOST_NODES = 20_001
"""As many as the deepest mlp has, with an activation between every two layers; a repeated block is one."""
_SIZE = f'a size from 1 to {_MOST}, or an object such as {{"size": 4, "order": "1"}} for 4 n'
_SHOWN = 60
"""As many characters of what was given are shown."""


class _Twice(Json):
    """An object in which `key` was written twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.key = Counter(key for key, _ in pairs).most_common(1)[0][0]


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
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        raise ArgumentError("network", "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ArgumentError("network", f"it is not JSON: {error}") from None
    return network_from_json(document)


def _node_to_json(node: Node) -> Json:
    values = {field.name: _to_json(getattr(node, field.name)) for field in fields(node)}
    return {"op": _NAMES[type(node)]} | {name: value for name, value in values.items() if value is not False}


def _to_json(value: Any) -> Any:
    if isinstance(value, Dimension):
        others = {"others": {scale: str(order) for scale, order in value.others}} if value.others else {}
        size = value.size if value.size == int(value.size) else str(value.size)
        return {"size": int(size) if not isinstance(size, str) else size, "order": str(value.order), **others}
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


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(pairs)


def _integer(digits: str) -> int | str:
    """One that is too long for a number stays a text, and is refused where a number is expected."""
    return int(digits) if len(digits) <= LONGEST else digits


def _nodes_from_json(document: object, path: str, kinds: list[str]) -> tuple[Node, ...]:
    items = enumerate(_items(document, path, "operations"))
    return tuple(_node_from_json(item, f"{path}[{number}]", kinds) for number, item in items)


def _node_from_json(document: object, path: str, kinds: list[str]) -> Node:
    given = _keyed(document, path, 'an operation such as {"op": "pool", "name": "mean", "source": "input"}')
    op = given.pop("op", None)
    if op not in kinds:
        where, what = (path, document) if op is None else (f"{path}.op", op)
        raise _wrong(where, f"an op among {', '.join(kinds)}", what)
    kind = KINDS[op]
    needed = {field.name: field.default is MISSING for field in fields(kind)}
    if unknown := [name for name in given if name not in needed]:
        raise ArgumentError("network", f"{path}: {op} has no {_shown(unknown[0])}; expected {', '.join(needed)}")
    if missing := [name for name in needed if needed[name] and name not in given]:
        raise ArgumentError("network", f"{path}: {op} needs {', '.join(missing)}, but got {_shown(document)}")
    types = _annotations(op)
    return kind(**{name: _field_from_json(types[name], value, f"{path}.{name}") for name, value in given.items()})


@cache
def _annotations(op: str) -> dict[str, Any]:
    return get_type_hints(KINDS[op])


def _field_from_json(kind: Any, value: Any, path: str) -> Any:
    """The value of a node's field that has the annotation `kind`."""
    if kind is Dimension:
        return _dimension(value, path)
    if kind is int:
        return _whole(value, path, f"a whole number from 1 to {_MOST}")
    if kind is str:
        if not is_name(value):
            raise _wrong(path, A_NAME, value)
        return value
    if kind is bool or get_origin(kind) is Literal:
        values = get_args(kind) or (False, True)
        if not any(value is one or (isinstance(value, str) and value == one) for one in values):
            raise _wrong(path, f"one of {', '.join(get_args(kind)) or 'false, true'}", value)
        return value
    (item, _) = get_args(kind)  # of tuple[item, ...]
    if item is not str:
        return _nodes_from_json(value, path, [name for name in KINDS if name != "repeat"])
    names = enumerate(_items(value, path, "names"))
    return tuple(_field_from_json(str, name, f"{path}[{number}]") for number, name in names)


def _dimension(value: Any, path: str) -> Dimension:
    """A size, or {"size": 4, "order": "1"}: four times the width."""
    if not isinstance(value, dict):
        return Dimension(_whole(value, path, _SIZE))
    given = _keyed(value, path, _SIZE)
    if "size" not in given or given.keys() - {"size", "order", "others"}:
        raise _wrong(path, _SIZE, value)
    size = _fraction(given["size"], f"{path}.size", Fraction(1, _MOST), _MOST)
    order = _fraction(given.get("order", 0), f"{path}.order", 0, LARGEST)
    others = _keyed(given.get("others", {}), f"{path}.others", 'an object such as {"depth": "1"}')
    for scale in others:
        if not re.fullmatch(r"[A-Za-z]\w{0,30}", scale) or scale == WIDTH_SCALE:
            raise _wrong(f"{path}.others", "scale variables such as depth, other than the width", scale)
    powers = ((scale, _fraction(power, f"{path}.others.{scale}", -LARGEST, LARGEST)) for scale, power in others.items())
    return Dimension(int(size) if size.denominator == 1 else size, order, tuple(powers))


def _whole(value: Any, path: str, expected: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        raise _wrong(path, expected, value)
    return value


def _fraction(value: Any, path: str, low: int | Fraction, high: int) -> Fraction:
    try:
        found = None if isinstance(value, bool) else parse_fraction(str(value))
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise _wrong(path, f'a number from {low} to {high}, such as 1 or "1/2"', value)
    return found


def _items(value: Any, path: str, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _wrong(path, f"a list of one or more {what}", value)
    return value


def _keyed(value: Any, path: str, expected: str) -> Json:
    """A copy of an object."""
    if not isinstance(value, dict):
        raise _wrong(path, expected, value)
    if isinstance(value, _Twice):
        raise ArgumentError("network", f"{path}: expected each key once, but got {_shown(value.key)} twice")
    return dict(value)


def _wrong(path: str, expected: str, given: object) -> ArgumentError:
    return ArgumentError("network", f"{path}: expected {expected}, but got {_shown(given)}")


def _shown(given: object) -> str:
    text = json.dumps(given)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
