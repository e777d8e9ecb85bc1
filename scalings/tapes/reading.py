"""Traced networks read from JSON. Nothing is evaluated; what is wrong is said with its JSON path.

>>> network_from_text('{"schema_version": 1, "widths": [64]}')
Traceback (most recent call last):
scalings.errors.ArgumentError: network: $: a traced network needs parameters, values, operations, outputs, loss
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import LARGEST
from scalings.networks.dimensions import Dimension
from scalings.networks.json_parts import MOST, Json, dimension, document_in, fraction, items, keyed, whole, wrong
from scalings.networks.nodes import Start
from scalings.tapes.arguments import Argument, Power, Reading, Ref, Span
from scalings.tapes.network import Repeat, TracedNetwork
from scalings.tapes.tape import KINDS, ORIGINS, Operation, Parameter, Siblings, Tape, Value
from scalings.tapes.writing import SCHEMA_VERSION

T = TypeVar("T")
Read = Callable[[Any, str], T]
"""Reads a part of the document; the string is its JSON path."""
_MEASURED = ("magnitudes", "means", "errors")
"""What a value may have besides, a number at each width."""
_MOST_PARTS, _LONGEST, _DEEPEST = 10**6, 1000, 20
"""Bounds on the length of lists, on that of names, and on how deep arguments are nested."""
_LARGEST_TEXT = 10**9
"""Characters of a document."""


def network_from_text(text: str) -> TracedNetwork:
    """The network that `network_to_text` wrote. Raises ArgumentError for any other text."""
    if len(text) > _LARGEST_TEXT:
        raise ArgumentError("network", f"expected at most {_LARGEST_TEXT} characters, but got {len(text)}")
    document = keyed(document_in(text), "$", 'an object such as {"schema_version": 1, "widths": [64, 128, 256]}')
    if document.pop("schema_version", None) != SCHEMA_VERSION:
        raise ArgumentError("network", f"expected a traced network of schema version {SCHEMA_VERSION}")
    names = ("widths", "parameters", "values", "operations", "outputs", "loss")
    given = _only(document, "$", names, ("unreached", "lists", "repeats"), "a traced network")
    widths = tuple(_many(given["widths"], "$.widths", _positive))
    if not widths or list(widths) != sorted(set(widths)):
        raise wrong("$.widths", "widths that increase", list(widths))
    values = tuple(_many(given["values"], "$.values", _value))
    for place, value in enumerate(values):
        for name in _MEASURED:
            if len(seen := getattr(value, name)) not in (0, len(widths)):
                raise wrong(f"$.values[{place}].{name}", f"{len(widths)} numbers, one a width", list(seen))
    number = _number_below(len(values))
    operations = tuple(_many(given["operations"], "$.operations", lambda one, path: _operation(one, path, number)))
    _check_order(values, operations)
    tape = Tape(
        widths[-1],
        values,
        operations,
        tuple(_many(given["parameters"], "$.parameters", _parameter)),
        tuple(_many(given["outputs"], "$.outputs", number)),
        number(given["loss"], "$.loss"),
        tuple(_many(given.get("lists", []), "$.lists", _siblings)),
    )
    repeats = _many(
        given.get("repeats", []), "$.repeats", lambda one, path: _repeat(one, path, len(operations), number)
    )
    unreached = _many(given.get("unreached", []), "$.unreached", _name)
    return TracedNetwork(widths, tape, tuple(unreached), tuple(repeats))


def _argument(given: Any, path: str, number: Read[int], depth: int = 0) -> Argument:
    """An argument as it is written: numbers, strings and null as they are, all else as a list or an object."""

    def parts(given: Any, path: str) -> list[Argument]:
        return _many(given, path, lambda one, there: _argument(one, there, number, depth + 1))

    if depth > _DEEPEST:
        raise ArgumentError("network", f"{path}: it is nested too deeply")
    found: Argument = given
    match given:
        case list():
            found = tuple(parts(given, path))
        case dict():
            found = _object(keyed(given, path, "an argument"), path, number, parts)
        case str():
            found = _name(given, path)
        case float() if not math.isfinite(given):
            raise wrong(path, "a finite number", str(given))
    return found


def _object(given: Json, path: str, number: Read[int], parts: Read[list[Argument]]) -> Argument:
    """A value of the tape, a number that is no plain one, or a slice."""
    match sorted(given):
        case ["value"]:
            return Ref(number(given["value"], f"{path}.value"))
        case ["number", "read_off"]:
            return Reading(number(given["read_off"], f"{path}.read_off"), _real(given["number"], f"{path}.number"))
        case ["factor", "order"]:
            order = fraction(given["order"], f"{path}.order", -LARGEST, LARGEST)
            return Power(_finite(given["factor"], f"{path}.factor"), order)
        case ["slice"] if isinstance(given["slice"], list) and len(given["slice"]) == 3:
            return Span(*parts(given["slice"], f"{path}.slice"))
        case ["float"] if given["float"] in ("inf", "-inf", "nan"):
            return float(given["float"])
    raise wrong(path, 'an object such as {"value": 3} or {"slice": [0, 1, null]}', given)


def _value(given: Any, path: str) -> Value[Dimension]:
    needed = ("shape", "kind", "origin", "name", "differentiable")
    one = _only(given, path, needed, _MEASURED, "a value")
    return Value(
        tuple(_many(one["shape"], f"{path}.shape", _size)),
        _among(one["kind"], f"{path}.kind", KINDS),
        _among(one["origin"], f"{path}.origin", ORIGINS),
        _name(one["name"], f"{path}.name"),
        _truth(one["differentiable"], f"{path}.differentiable"),
        *(tuple(_many(one.get(name, []), f"{path}.{name}", _finite)) for name in _MEASURED),
    )


def _operation(given: Any, path: str, number: Read[int]) -> Operation:
    names = ("function", "path", "arguments", "keywords", "outputs", "overwritten", "readings")
    one = _only(given, path, names, ("within",), "an operation")
    return Operation(
        _name(one["function"], f"{path}.function"),
        _name(one["path"], f"{path}.path"),
        tuple(_many(one["arguments"], f"{path}.arguments", lambda part, there: _argument(part, there, number))),
        tuple(
            _pair(part, there, _name, lambda argument, where: _argument(argument, where, number))
            for part, there in _placed(one["keywords"], f"{path}.keywords")
        ),
        tuple(_many(one["outputs"], f"{path}.outputs", number)),
        tuple(_pair(part, there, number, number) for part, there in _placed(one["overwritten"], f"{path}.overwritten")),
        tuple(_many(one["readings"], f"{path}.readings", _real)),
        _name(one.get("within", ""), f"{path}.within"),
    )


def _parameter(given: Any, path: str) -> Parameter[Dimension]:
    one = _only(given, path, ("names", "shape", "trainable"), ("start",), "a parameter")
    return Parameter(
        tuple(_many(items(one["names"], f"{path}.names", "names"), f"{path}.names", _name)),
        tuple(_many(one["shape"], f"{path}.shape", _size)),
        _truth(one["trainable"], f"{path}.trainable"),
        _among(one.get("start", "random"), f"{path}.start", get_args(Start)),
    )


def _siblings(given: Any, path: str) -> Siblings:
    one = _only(given, path, ("path", "names", "classes"), (), "a list of modules")
    names, classes = (tuple(_many(one[key], f"{path}.{key}", _name)) for key in ("names", "classes"))
    if len(names) != len(classes):
        raise wrong(f"{path}.classes", f"{len(names)} classes", list(classes))
    return Siblings(_name(one["path"], f"{path}.path"), names, classes)


def _repeat(given: Any, path: str, operations: int, number: Read[int]) -> Repeat:
    one = _only(given, path, ("container", "copies", "start", "stop", "carried"), (), "a repeated block")
    copies = tuple(_many(one["copies"], f"{path}.copies", _name))
    if len(set(copies)) != len(copies) or len(copies) < 2:
        raise wrong(f"{path}.copies", "two or more different names", list(copies))
    place = _number_below(operations + 1)
    start, stop = place(one["start"], f"{path}.start"), place(one["stop"], f"{path}.stop")
    if start >= stop:
        raise wrong(f"{path}.stop", f"a number above {start}", stop)
    carried = (_pair(part, there, number, number) for part, there in _placed(one["carried"], f"{path}.carried"))
    return Repeat(_name(one["container"], f"{path}.container"), copies, start, stop, tuple(carried))


def _check_order(values: tuple[Value[Dimension], ...], operations: tuple[Operation, ...]) -> None:
    """Every value is made once, and before it is read."""
    there = {number for number, value in enumerate(values) if value.origin != "operation"}
    for place, operation in enumerate(operations):
        if missing := [value for value in operation.inputs() if value not in there]:
            raise ArgumentError(
                "network", f"$.operations[{place}]: it reads value {missing[0]}, which nothing made yet"
            )
        if twice := [value for value in operation.results() if value in there]:
            raise ArgumentError("network", f"$.operations[{place}]: it makes value {twice[0]}, which is there already")
        there.update(operation.results())
    if len(there) < len(values):
        raise ArgumentError("network", f"$.values[{min(set(range(len(values))) - there)}]: nothing makes it")


def _only(given: Any, path: str, needed: tuple[str, ...], others: tuple[str, ...], what: str) -> Json:
    """An object with these keys."""
    document = keyed(given, path, f"an object that is {what}")
    if missing := [name for name in needed if name not in document]:
        raise ArgumentError("network", f"{path}: {what} needs {', '.join(missing)}")
    if unknown := [name for name in document if name not in (*needed, *others)]:
        raise ArgumentError("network", f"{path}: {what} has no {unknown[0]!r:.{_LONGEST}}")
    return document


def _placed(given: Any, path: str) -> list[tuple[Any, str]]:
    """The parts of a list, which may be empty, each with its path."""
    if not isinstance(given, list) or len(given) > _MOST_PARTS:
        raise wrong(path, f"a list of at most {_MOST_PARTS} parts", given)
    return [(one, f"{path}[{place}]") for place, one in enumerate(given)]


def _many(given: Any, path: str, read: Read[T]) -> list[T]:
    return [read(one, there) for one, there in _placed(given, path)]


def _pair(given: Any, path: str, first: Read[T], second: Read[Any]) -> tuple[T, Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise wrong(path, "a list of two", given)
    return first(given[0], f"{path}[0]"), second(given[1], f"{path}[1]")


def _number_below(most: int) -> Read[int]:
    def read(given: Any, path: str) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < most:
            raise wrong(path, f"a whole number from 0 to {most - 1}", given)
        return given

    return read


def _positive(given: Any, path: str) -> int:
    return whole(given, path, f"a whole number from 1 to {MOST}")


def _size(given: Any, path: str) -> Dimension:
    return Dimension(0) if given == 0 and not isinstance(given, bool) else dimension(given, path)


def _real(given: Any, path: str) -> int | float:
    """A number, which may be infinite or none."""
    number = _argument(given, path, _number_below(0))
    if not isinstance(number, int | float):
        raise wrong(path, "a number", given)
    return number


def _finite(given: Any, path: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise wrong(path, "a finite number", given if not isinstance(given, float) else str(given))
    return given


def _name(given: Any, path: str) -> str:
    if not isinstance(given, str) or len(given) > _LONGEST:
        raise wrong(path, f"a string of at most {_LONGEST} characters", given)
    return given


def _truth(given: Any, path: str) -> bool:
    if not isinstance(given, bool):
        raise wrong(path, "true or false", given)
    return given


def _among(given: Any, path: str, known: tuple[T, ...]) -> T:
    if given not in known:
        raise wrong(path, f"one of {', '.join(map(str, known))}", given)
    return cast(T, given)
