"""Parts of JSON documents that describe networks, read strictly: what is wrong is said with its JSON path.

>>> whole(3, "$[0].size", "a size"), fraction("1/2", "$[0].order", 0, 1)
(3, Fraction(1, 2))
>>> keyed([], "$[0]", "an object")
Traceback (most recent call last):
scalings.errors.ArgumentError: network: $[0]: expected an object, but got []
"""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from typing import Any

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import LARGEST, LONGEST, parse_fraction
from scalings.networks.dimensions import WIDTH_SCALE, Dimension

Json = dict[str, Any]
MOST = 10**9
"""No layer that anyone trains has more units, at width 1."""
_SIZE = f'a size from 1 to {MOST}, or an object such as {{"size": 4, "order": "1"}} for 4 n'
_LARGEST_NUMBER = 1e30
"""No factor in the code of a network is larger."""
_SHOWN = 60
"""As many characters of what was given are shown."""


class _Twice(Json):
    """An object in which `key` was written twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.key = Counter(key for key, _ in pairs).most_common(1)[0][0]


def document_in(text: str) -> object:
    """The JSON document in a text. Raises ArgumentError for what is not JSON."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        raise ArgumentError("network", "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ArgumentError("network", f"it is not JSON: {error}") from None


def dimension_document(value: Dimension) -> Json:
    """A size as JSON types."""
    others = {"others": {scale: str(order) for scale, order in value.others}} if value.others else {}
    size = value.size if value.size == int(value.size) else str(value.size)
    return {"size": int(size) if not isinstance(size, str) else size, "order": str(value.order), **others}


def dimension(value: Any, path: str) -> Dimension:
    """A size, or {"size": 4, "order": "1"}: four times the width."""
    if not isinstance(value, dict):
        return Dimension(whole(value, path, _SIZE))
    given = keyed(value, path, _SIZE)
    if "size" not in given or given.keys() - {"size", "order", "others"}:
        raise wrong(path, _SIZE, value)
    size = fraction(given["size"], f"{path}.size", Fraction(1, MOST), MOST)
    order = fraction(given.get("order", 0), f"{path}.order", 0, LARGEST)
    others = keyed(given.get("others", {}), f"{path}.others", 'an object such as {"depth": "1"}')
    for scale in others:
        if not re.fullmatch(r"[A-Za-z]\w{0,30}", scale) or scale == WIDTH_SCALE:
            raise wrong(f"{path}.others", "scale variables such as depth, other than the width", scale)
    powers = ((scale, fraction(power, f"{path}.others.{scale}", -LARGEST, LARGEST)) for scale, power in others.items())
    return Dimension(int(size) if size.denominator == 1 else size, order, tuple(powers))


def whole(value: Any, path: str, expected: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise wrong(path, expected, value)
    return value


def fraction(value: Any, path: str, low: int | Fraction, high: int) -> Fraction:
    try:
        found = None if isinstance(value, bool) else parse_fraction(str(value))
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise wrong(path, f'a number from {low} to {high}, such as 1 or "1/2"', value)
    return found


def number(value: Any, path: str) -> float:
    """A finite number other than zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value or not abs(value) <= _LARGEST_NUMBER:
        raise wrong(path, "a number other than 0, such as 0.125", value)
    return float(value)


def items(value: Any, path: str, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise wrong(path, f"a list of one or more {what}", value)
    return value


def keyed(value: Any, path: str, expected: str) -> Json:
    """A copy of an object."""
    if not isinstance(value, dict):
        raise wrong(path, expected, value)
    if isinstance(value, _Twice):
        raise ArgumentError("network", f"{path}: expected each key once, but got {shown(value.key)} twice")
    return dict(value)


def wrong(path: str, expected: str, given: object) -> ArgumentError:
    return ArgumentError("network", f"{path}: expected {expected}, but got {shown(given)}")


def shown(given: object) -> str:
    text = json.dumps(given)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(pairs)


def _integer(digits: str) -> int | str:
    """One that is too long for a number stays a text, and is refused where a number is expected."""
    return int(digits) if len(digits) <= LONGEST else digits
