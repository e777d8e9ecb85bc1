"""Tapes at several widths become one network."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.errors import ArgumentError
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.tapes.alignment import align
from scalings.tapes.arguments import Power, Ref
from scalings.tapes.tape import Operation, Value
from tests.scalings.tapes.tapes import chain

WIDTHS = (64, 128, 256)


def test_shapes_and_numbers() -> None:
    network = align([chain(width, 2, scale=width**-0.5) for width in WIDTHS])
    assert [one.shape for one in network.tape.parameters] == [(WIDTH, fixed(5)), (fixed(1), WIDTH)]
    assert [one.shape for one in network.tape.values if one.origin == "operation"][:2] == [(fixed(2), WIDTH)] * 2
    scales = [one.arguments[1] for one in network.tape.operations if one.function == "mul"]
    assert scales == [Power(pytest.approx(1.0), Fraction(-1, 2))] * 2


def test_operations_are_matched_by_key_and_not_by_place() -> None:
    """Another operation in between, at one width, moves no other."""
    tapes = [chain(width, 2) for width in WIDTHS]
    values = (*tapes[1].values, Value((2, 128)))
    extra = Operation("relu", "layers.0", (Ref(2),), outputs=(len(tapes[1].values),))
    operations = (*tapes[1].operations[:1], extra, *tapes[1].operations[1:])
    moved = replace(tapes[1], values=values, operations=operations)
    assert align([tapes[0], moved, tapes[2]]) == align(tapes)


def test_what_ran_at_the_largest_width_only_has_the_order_of_its_size() -> None:
    tapes = [chain(width, 2) for width in WIDTHS]
    number = len(tapes[2].values)
    extra = Operation("relu", "layers.0", (Ref(2),), outputs=(number,))
    for size, order in ((256, 1), (5, 0)):
        last = replace(tapes[2], values=(*tapes[2].values, Value((2, size))), operations=(*tapes[2].operations, extra))
        assert align([*tapes[:2], last]).tape.values[number].shape[1].order == order
    unknown = replace(tapes[2], values=(*tapes[2].values, Value((2, 99))), operations=(*tapes[2].operations, extra))
    with pytest.raises(
        ArgumentError, match=r"dimension 1 of what relu makes in 'layers.0' is no power of the width: 99"
    ):
        align([*tapes[:2], unknown])


def test_shapes_at_very_large_widths_come_first() -> None:
    """Three widths could not tell 1, 1, 2 units from a power."""
    sizes = {64: 1, 128: 1, 256: 2}
    tapes = [chain(width, sizes=[width, sizes[width]]) for width in WIDTHS]
    with pytest.raises(ArgumentError, match=r"dimension 0 of 'layers.1.weight' is no power of the width: 1, 1, 2"):
        align(tapes)
    far = [
        (n, {"layers.0.weight": (n, 5), "layers.1.weight": (n // 128, n), "layers.2.weight": (1, n // 128)})
        for n in (2**20, 2**22)
    ]
    assert align(tapes, far).tape.parameters[1].shape == (Dimension(Fraction(1, 128), Fraction(1)), WIDTH)


def test_what_is_refused() -> None:
    same = [replace(chain(64, 2), width=width) for width in WIDTHS]
    with pytest.raises(
        ArgumentError, match=r"no parameter reads the width: all have the same shape at widths 64, 128, 256"
    ):
        align(same)
    with pytest.raises(
        ArgumentError, match=r"expected the same parameters at width 128 and at width 256, but 'layers.2"
    ):
        align([chain(64), chain(128, 2), chain(256)])
    with pytest.raises(ArgumentError, match=r"a number in mul in 'layers.0' is no power of the width: 1.5, 2.5, 7"):
        align([chain(width, scale=scale) for width, scale in zip(WIDTHS, (1.5, 2.5, 7.0), strict=True)])
