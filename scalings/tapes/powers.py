"""Which power of the width a size is, from what it was at three or more widths, or that it is none.

The evidence is taken in this order: a size that is always the same is fixed; one in a fixed ratio to a known size, or
to a product of two, has its power or the sum of theirs; then a power of the width, in halves, up to rounding to whole
numbers, with a constant (n + 32), or up to rounding to multiples (8n/3, made a multiple of 64). A logarithm is none:

>>> sizes = Sizes((64, 128, 256))
>>> [str(sizes.order(seen)) for seen in [(192, 384, 704), (96, 160, 288), (8, 11, 16), (4096, 16384, 65536)]]
['1', '1', '1/2', '2']
>>> sizes.order((6, 7, 8))
Traceback (most recent call last):
scalings.tapes.powers.NoPower: is no power of the width: 6, 7, 8 at widths 64, 128, 256
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import combinations_with_replacement, pairwise

from scalings.networks.dimensions import Dimension
from scalings.tapes.arguments import Power

HALVES = tuple(Fraction(half, 2) for half in range(1, 7))
"""The powers that a size may grow with."""
_ROOTS = tuple(Fraction(quarter, 4) for quarter in (-2, 2, -4, 4, -6, 6, -8, 8, -1, 1, -3, 3))
"""The powers of a size that a number may be, such as 1/sqrt(d), or d^(-1/4) of queries and of keys."""
DIGITS = math.sqrt(sys.float_info.epsilon)
"""Two numbers that agree to half of a float's digits were meant to be the same."""
Seen = tuple[int | None, ...]
"""A size at each width, None where its operation did not run."""


class NoPower(ValueError):
    """A size or a number that is no power of the width; the text says what was seen."""


class Sizes:
    """The sizes that are known by now, each with its power of the width."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.widths = tuple(widths)
        self._orders: dict[tuple[int, ...], Fraction] = {self.widths: Fraction(1)}
        self._data: set[tuple[int, int]] = set()

    def learn(self, seen: Seen, order: Fraction) -> None:
        """From now on, sizes like this have this order."""
        if None not in seen:
            self._orders.setdefault(seen, order)  # type: ignore[arg-type]

    def learn_data(self, seen: Seen) -> None:
        """A size that depends on the data, such as how many tokens were routed to an expert, has order 0."""
        if self._related(seen) is None:
            self.learn(seen, Fraction(0))
            self._data.update((place, size) for place, size in enumerate(seen) if size is not None)

    def learn_all(self, shape: Iterable[Seen]) -> None:
        """From now on, sizes like those of this shape are known, as far as the widths tell them."""
        for seen in shape:
            if sum(size is not None for size in seen) > 1:
                with suppress(NoPower):
                    self.order(seen)

    def order(self, seen: Seen) -> Fraction:
        """The power of the width that the size is. Raises NoPower."""
        found = self._related(seen)
        if found is None:
            there = self._pairs(seen)
            found = self._alike(seen) if len(there) < 2 else _rounded(there)
        if found is None:
            raise NoPower(f"is no power of the width: {_listed(self._pairs(seen))}")
        self.learn(seen, found)
        return found

    def dimension(self, seen: Seen) -> Dimension:
        """The size as a power of the width. Raises NoPower."""
        return _dimension(self.order(seen), *self._pairs(seen)[-1])

    def parameter(self, seen: tuple[int, ...], far: Sequence[tuple[int, int]]) -> Dimension:
        """The size of a parameter, also given at two very large widths, or at none. Raises NoPower."""
        if len(far) < 2 or not all(size for _, size in far):
            return self.dimension(seen)
        order, recorded = _order_far(*far), self._related(seen)
        if order is None or (recorded is not None and recorded != order):
            raise NoPower(f"is no power of the width: {_listed([*self._pairs(seen), *far])}")
        self.learn(seen, order)
        return _dimension(order, *far[-1])

    def _pairs(self, seen: Seen) -> list[tuple[int, int]]:
        """The widths at which it was seen, each with its size."""
        return [(width, size) for width, size in zip(self.widths, seen, strict=True) if size is not None]

    def number(self, seen: Sequence[float | None]) -> int | float | Power:
        """A number as a power of the width; as it is where it is always the same, or data. Raises NoPower."""
        pairs = [(width, number) for width, number in zip(self.widths, seen, strict=True) if number is not None]
        (width, last), there = pairs[-1], [number for _, number in pairs]
        order: Fraction | None = Fraction(0)
        if len(there) == 1 and isinstance(last, int):
            order = self._alike(tuple(None if one is None else int(one) for one in seen))
        elif not all(number == last or math.isnan(number) for number in there):
            order = self._order_of_number(seen)
            if order is None:
                raise NoPower(f"is no power of the width: {_listed(pairs)}")
        return Power(last / width**order, order) if order else last

    def _order_of_number(self, seen: Sequence[float | None]) -> Fraction | None:
        """The order of a number that is not always the same; None if it is no power of the width."""
        there = [number for number in seen if number is not None]
        if all(isinstance(number, int) for number in there) and (min(there) > 0 or max(there) < 0):
            with suppress(NoPower):
                return self.order(tuple(None if number is None else abs(int(number)) for number in seen))
            return None
        return self._root(seen) if all(number and math.isfinite(number) for number in there) else None

    def _related(self, seen: Seen) -> Fraction | None:
        """The order, if the size is fixed or in a fixed ratio to known ones."""
        if None not in seen and seen in self._orders:
            return self._orders[seen]  # type: ignore[index]
        places = [place for place, size in enumerate(seen) if size is not None]
        if len(places) < 2:
            return None
        if len({seen[place] for place in places}) == 1:
            return Fraction(0)
        for known, order in self._known():
            if len({Fraction(seen[place] or 0, known[place] or 1) for place in places}) == 1:
                return order
        return None

    def _known(self) -> Iterator[tuple[tuple[int, ...], Fraction]]:
        yield from self._orders.items()
        growing = [(sizes, order) for sizes, order in self._orders.items() if len(set(sizes)) > 1]
        for (one, order), (other, more) in combinations_with_replacement(growing, 2):
            yield tuple(size * times for size, times in zip(one, other, strict=True)), order + more

    def _alike(self, seen: Seen) -> Fraction | None:
        """The order of the known sizes that are the same at the one width where this one was seen, if they agree."""
        [(place, size)] = [(place, size) for place, size in enumerate(seen) if size is not None]
        orders = {order for sizes, order in self._orders.items() if sizes[place] == size}
        if (place, size) in self._data:
            orders.add(Fraction(0))
        return orders.pop() if len(orders) == 1 else None

    def _root(self, seen: Sequence[float | None]) -> Fraction | None:
        """The order of a number that is in a fixed ratio to a power of a known size."""
        places = [place for place, number in enumerate(seen) if number is not None]
        for known, order in self._known():
            for power in _ROOTS:
                ratios = [(seen[place] or 0) / known[place] ** power for place in places if known[place]]
                if max(abs(ratio / ratios[0] - 1) for ratio in ratios) < DIGITS:
                    return order * power
        return None


def _rounded(there: Sequence[tuple[int, int]]) -> Fraction | None:
    """The one power of the width that sizes are, rounded to whole numbers, with a constant, or rounded to multiples."""
    unit = Fraction(math.gcd(*(size for _, size in there)))
    fits = [order for order in HALVES if _fits(there, order, Fraction(1, 2))]
    fits = fits or [order for order in HALVES if _fits(there, order, Fraction(1))]
    fits = fits or [order for order in HALVES if len(there) > 2 and _is_affine(there, order)]
    fits = fits or [order for order in HALVES if _fits(there, order, unit)]
    return fits[0] if len(fits) == 1 else None


def _fits(there: Sequence[tuple[int, int]], order: Fraction, slack: Fraction) -> bool:
    """Whether one factor times n^order is within the slack of every size."""
    low = max(float(size - slack) / width**order for width, size in there)
    high = min(float(size + slack) / width**order for width, size in there)
    return 0 < low <= high


def _is_affine(there: Sequence[tuple[int, int]], order: Fraction) -> bool:
    """Whether the sizes are a multiple of n^order and a constant."""
    powers = [(width**order, size) for width, size in there]
    slopes = [(size - before) / (power - earlier) for (earlier, before), (power, size) in pairwise(powers)]
    return all(slope > 0 and abs(slope / slopes[0] - 1) < DIGITS for slope in slopes)


def _order_far(one: tuple[int, int], other: tuple[int, int]) -> Fraction | None:
    """The power of the width that a size is, from two pairs (width, size) with very large widths; None if it is none.

    The slope between them is taken for a half if it is nearer to it than half of what a factor log(n) would add.

    >>> n, m = 2**20, 2**22
    >>> _order_far((n, n + 32), (m, m + 32)), _order_far((n, 20), (m, 22))
    (Fraction(1, 1), None)
    """
    (width, size), (wider, larger) = one, other
    slope = math.log(larger / size) / math.log(wider / width)
    nearest = Fraction(round(2 * slope), 2)
    return nearest if abs(slope - nearest) < 1 / math.log(wider) / 2 else None


def _dimension(order: Fraction, width: int, size: int) -> Dimension:
    """A dimension of this order that has the size at the width, up to rounding."""
    factor = Fraction(size)
    if order:
        factor = Fraction(size / width**order).limit_denominator(1000) or Fraction(1, 1000)
    return Dimension(int(factor) if factor.denominator == 1 else factor, order)


def _listed(pairs: Sequence[tuple[int, float]]) -> str:
    """What was seen, for a message."""
    values = ", ".join(f"{seen:.6g}" if isinstance(seen, float) else str(seen) for _, seen in pairs)
    return f"{values} at width{'s' * (len(pairs) > 1)} {', '.join(str(width) for width, _ in pairs)}"
