"""Blocks that repeat become one, and only these."""

from __future__ import annotations

from dataclasses import replace

from scalings.tapes.alignment import align
from scalings.tapes.arguments import Ref
from scalings.tapes.network import Repeat, TracedNetwork
from scalings.tapes.tape import Operation, Siblings, Tape, Value
from tests.scalings.tapes.tapes import chain

WIDTHS = (64, 128, 256)


def deep(layers: int = 6) -> list[Tape[int]]:
    return [chain(width, layers) for width in WIDTHS]


def test_equal_layers_are_one() -> None:
    """Of six layers the four in the middle do the same; what one makes is what the next one reads."""
    network = align(deep())
    assert network.repeats == (Repeat("layers", ("1", "2", "3", "4"), 2, 4, ((3, 6),)),)
    assert [one.names[0] for one in network.tape.parameters] == [
        "layers.0.weight",
        "layers.1.weight",
        "layers.5.weight",
    ]
    assert list(network.names_of(network.tape.parameters[1])) == [f"layers.{layer}.weight" for layer in (1, 2, 3, 4)]
    assert "layers.*.weight (x4)  n x n  hidden  linear" in str(network)
    assert network.tape.operations[4].inputs()[0] == 6


def test_a_frozen_layer_is_no_copy_of_a_trained_one() -> None:
    def frozen(tape: Tape[int]) -> Tape[int]:
        values = [
            replace(one, differentiable=one.name != "layers.1.weight" and one.differentiable) for one in tape.values
        ]
        parameters = [replace(one, trainable=one.names != ("layers.1.weight",)) for one in tape.parameters]
        return replace(tape, values=tuple(values), parameters=tuple(parameters))

    network = align([frozen(tape) for tape in deep()])
    assert [repeat.copies for repeat in network.repeats] == [("2", "3", "4")]


def test_a_hundred_layers_are_as_many_operations_as_four() -> None:
    def of(layers: int) -> TracedNetwork:
        network = align(deep(layers))
        return replace(network, tape=replace(network.tape, lists=()), repeats=())

    assert align(deep(100)).repeats[0].copies == tuple(str(layer) for layer in range(1, 99))
    (one, *_, last), (first, *_, end) = (of(layers).tape.operations for layers in (100, 4))
    assert (one, last) == (first, end)
    assert len(of(100).tape.operations) == len(of(4).tape.operations)


def test_what_keeps_blocks_apart() -> None:
    classes = replace(deep()[0].lists[0], classes=("Linear", "Linear", "Other", "Linear", "Linear", "Linear"))
    assert align([replace(tape, lists=(classes,)) for tape in deep()]).repeats[0].copies == ("3", "4")
    assert align([replace(tape, lists=()) for tape in deep()]).repeats == ()
    sizes = [64, 64, 32]
    narrower = [chain(width, sizes=[width * size // 64 for size in sizes]) for width in WIDTHS]
    assert align(narrower).repeats == ()


def test_blocks_that_are_read_again_later_stay_apart() -> None:
    """As in a U-Net: what the second and the third layer make is read in the end."""

    def skipping(tape: Tape[int]) -> Tape[int]:
        number = len(tape.values)
        extra = Operation("add", "", (Ref(6), Ref(9)), outputs=(number,))
        return replace(tape, values=(*tape.values, Value((2, tape.width))), operations=(*tape.operations, extra))

    assert [repeat.copies for repeat in align([skipping(tape) for tape in deep()]).repeats] == [("3", "4")]


def test_blocks_that_are_wired_in_another_way_stay_apart() -> None:
    """The fourth layer reads what the second one made, not the third, and the fifth what the fourth one made."""

    def wired(tape: Tape[int]) -> Tape[int]:
        operations = list(tape.operations)
        operations[6] = replace(operations[6], arguments=(Ref(6), operations[6].arguments[1]))
        return replace(tape, operations=tuple(operations))

    (repeat,) = align([wired(tape) for tape in deep()]).repeats
    assert (repeat.copies, repeat.carried) == (("3", "4"), ((6, 12),))


def test_what_the_first_block_reads_in_two_ways_is_not_folded_with_it() -> None:
    """Every layer also reads what the first one made, and the second layer reads nothing else."""

    def reading(tape: Tape[int]) -> Tape[int]:
        operations, values = list(tape.operations), list(tape.values)
        for layer in range(1, 5):
            number = len(values)
            values.append(Value((2, tape.width)))
            (weight, source) = (operations[3 * layer - 1].arguments[1], operations[3 * layer - 1].arguments[0])
            operations[3 * layer - 1] = replace(operations[3 * layer - 1], arguments=(Ref(number), weight))
            operations.insert(3 * layer - 1, Operation("cat", f"layers.{layer}", (source, Ref(3)), outputs=(number,)))
        return replace(tape, operations=tuple(operations), values=tuple(values))

    assert [repeat.copies for repeat in align([reading(tape) for tape in deep()]).repeats] == [("2", "3", "4")]


def test_lists_in_lists_are_folded_once_from_the_outside() -> None:
    inner = Siblings("layers.1", ("0", "1"), ("Linear", "Linear"))
    network = align([replace(tape, lists=(*tape.lists, inner)) for tape in deep()])
    assert [repeat.container for repeat in network.repeats] == ["layers"]
