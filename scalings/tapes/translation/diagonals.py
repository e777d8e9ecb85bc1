"""Diagonals of matrices: of a product of two values, the terms that have the same unit twice.

The diagonal of c_ij = sum over b of x_bi y_bj, a cross-correlation, is sum over b of x_bi y_bi: a product unit by unit.
Its gradient has n entries in place of n^2, and what it sends back to x is as large in each unit as there; as that of
entries chosen from a matrix of n^2, of which each row meets all of y, it would be larger by n^(1/2).
"""

from __future__ import annotations

from dataclasses import replace

from scalings.networks.nodes import Factor
from scalings.tapes.translation import rearranging
from scalings.tapes.translation.builder import Builder
from scalings.tapes.translation.contractions import Labels, contract
from scalings.tapes.translation.values import Call, Result, State


def diagonal(build: Builder, call: Call) -> State:
    """Entries on a diagonal, which need no node if they do not grow."""
    return _of_product(build, call) or rearranging.diagonal(build, call)


def _of_product(build: Builder, call: Call) -> State | None:
    """The main diagonal of a product of two values; None of anything else."""
    state = call.first
    if not isinstance(state, Result) or len(state.shape) < 2 or len(call.shape) != len(state.shape) - 1:
        return None
    if call.get(1, "diagonal" if call.function == "diag" else "offset", 0):
        return None
    numbers, name = list[Factor](), state.node
    while name not in build.contracted and isinstance(node := build.nodes.get(name), Factor):
        numbers, name = [node, *numbers], node.source
    left, right, labels, shape = build.contracted.get(name, (state, state, ((), (), ()), ()))
    axes = [call.get(place, f"dim{place - 1}", place - 2) % len(state.shape) for place in (2, 3)]
    if shape != state.shape or not all(shape[axis].grows for axis in axes):
        return None
    row, column = (labels[2][axis] for axis in axes)

    def renamed(names: Labels) -> Labels:
        return tuple(row if name == column else name for name in names)

    of_left, of_right = renamed(labels[0]), renamed(labels[1])
    if any(len(set(names)) < len(names) for names in (of_left, of_right)):
        return None
    kept = tuple(name for name in labels[2] if name not in (row, column))
    made = build.result(contract(build, call, left, right, (of_left, of_right, (*kept, row))), call)
    return replace(build.with_factors(made, numbers), shape=call.shape)
