"""Traced networks written as JSON, one value and one operation a line. `reading.py` reads them back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from scalings.networks.dimensions import Dimension
from scalings.networks.json_parts import Json, dimension_document
from scalings.tapes.arguments import Argument, Power, Reading, Ref, Span, parts
from scalings.tapes.network import TracedNetwork

SCHEMA_VERSION = 1


def network_to_text(network: TracedNetwork) -> str:
    """The network as JSON, one value and one operation a line."""
    tape = network.tape
    lists: dict[str, Sequence[Json]] = {
        "parameters": [
            {"names": one.names, "shape": _shape_to_json(one.shape), "trainable": one.trainable, "start": one.start}
            for one in tape.parameters
        ],
        "values": [
            {
                "shape": _shape_to_json(one.shape),
                "kind": one.kind,
                "origin": one.origin,
                "name": one.name,
                "differentiable": one.differentiable,
                **({"magnitudes": one.magnitudes} if one.magnitudes else {}),
                **({"means": one.means} if one.means else {}),
                **({"errors": one.errors} if one.errors else {}),
            }
            for one in tape.values
        ],
        "operations": [
            {
                "function": one.function,
                "path": one.path,
                "arguments": [_to_json(argument) for argument in one.arguments],
                "keywords": [[name, _to_json(argument)] for name, argument in one.keywords],
                "outputs": one.outputs,
                "overwritten": one.overwritten,
                "readings": [_to_json(number) for number in one.readings],
                **({"within": one.within} if one.within else {}),
            }
            for one in tape.operations
        ],
        "lists": [{"path": one.path, "names": one.names, "classes": one.classes} for one in tape.lists],
        "repeats": [
            {
                "container": one.container,
                "copies": one.copies,
                "start": one.start,
                "stop": one.stop,
                "carried": one.carried,
            }
            for one in network.repeats
        ],
    }
    first: Json = {
        "schema_version": SCHEMA_VERSION,
        "widths": network.widths,
        "outputs": tape.outputs,
        "loss": tape.loss,
    }
    first["unreached"] = network.unreached
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in first.items()]
    lines += [f"{json.dumps(name)}: {_list_text(parts)}" for name, parts in lists.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _list_text(parts: Iterable[Json]) -> str:
    lines = ",\n".join(f"  {json.dumps(part, allow_nan=False)}" for part in parts)
    return f"[\n{lines}\n]" if lines else "[]"


def _shape_to_json(shape: Iterable[Dimension]) -> list[Any]:
    return [int(size.size) if not size.order and not size.others else dimension_document(size) for size in shape]


def _to_json(argument: Argument) -> Any:
    found: Any = argument
    match argument:
        case Ref():
            found = {"value": argument.value}
        case Reading():
            found = {"read_off": argument.value, "number": _to_json(argument.number)}
        case Power():
            found = {"factor": argument.factor, "order": str(argument.order)}
        case Span():
            found = {"slice": [_to_json(part) for part in parts(argument)]}
        case tuple():
            found = [_to_json(part) for part in argument]
        case float() if not math.isfinite(argument):
            found = {"float": str(argument)}
    return found
