"""The nodes of a translation as they are written: names, and what a block leaves behind."""

from __future__ import annotations

from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.nodes import INPUT, Dense
from scalings.tapes.alignment import align
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.values import Call, Result
from tests.scalings.tapes.tapes import chain

CALL = Call("mul", "block", ())


def a_builder() -> Builder:
    build = Builder(align([chain(width) for width in (8, 16, 32)]))
    build.add(Dense("first", INPUT, "w", fixed(4), WIDTH), CALL)
    return build


def test_parts_within_a_block_are_none_outside() -> None:
    """A node outside would else read one inside."""
    build = a_builder()
    one = Result((WIDTH,), "first", vectors=frozenset(("a",)))
    before = build.part(one, CALL).node
    with build.block("blocks.*", WIDTH) as inner:
        assert build.part(one, CALL).node == before
        other = build.part(Result((WIDTH,), "first", vectors=frozenset(("b",))), CALL).node
        assert other in inner
    again = build.part(Result((WIDTH,), "first", vectors=frozenset(("b",))), CALL).node
    assert again != other
    assert again in build.order


def test_names_stay_short_enough_for_networks() -> None:
    build = a_builder()
    for number in range(12):
        long = Call("mul", "module." * 40, ())
        name = build.name(long)
        build.add(Dense(name, "first", f"w{number}", WIDTH, WIDTH), long)
        assert len(name) <= 100
