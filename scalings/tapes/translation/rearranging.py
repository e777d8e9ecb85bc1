"""Functions whose results hold the entries of what they are given: views, parts, repetitions, lookups, writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scalings.networks.nodes import INPUT, Embedding, Norm, Rearrange
from scalings.tapes.arguments import Span
from scalings.tapes.translation.builder import Builder, kept
from scalings.tapes.translation.products import UNSEEN, entrywise, joined, scaled, stopped
from scalings.tapes.translation.values import (
    Call,
    Constant,
    Held,
    NoRule,
    Result,
    Shape,
    State,
    growing,
    is_plain,
    order_of,
    product,
    size_of,
    state_of,
    transposed,
)

States = State | tuple[State, ...]
FAR = 1 / UNSEEN
"""A number beside which bfloat16 does not see 1, such as the 1e9 of a mask: what is left of it by softmax is zero."""
_PLACES = {"setitem": 2, "index_put": 2, "masked_scatter": 2, "slice_scatter": 1, "select_scatter": 1}
"""Where the functions that write are given what they write, if not as the fourth argument."""


def same(_: Builder, call: Call) -> State:
    """A view, or what keeps the order of every entry: transposition, a change of type, dropout, a mask."""
    state: State = call.first
    return replace(state, shape=call.shape)


def exchanged(_: Builder, call: Call) -> State:
    """Axes in another order."""
    state: State = call.first
    return replace(transposed(state) if len(call.shape) == 2 else state, shape=call.shape)


def part(build: Builder, call: Call) -> States:
    """One part, or several, along an axis."""
    state: State = call.first
    key = (call.function, *call.arguments[1:], *sorted(call.keywords.items()))
    found = tuple(
        _taken(build, call, state, shape, (*map(_hashable, key), place)) for place, shape in enumerate(call.shapes)
    )
    return found if len(found) > 1 else found[0]


def item(build: Builder, call: Call) -> States:
    """x[...]: a view, a part, or what an index of data looks up."""
    state, index = call.state(0, "input"), call.get(1, "index")
    if any(isinstance(one, Constant | Result) and one.shape for one in leaves(index)):
        return looked_up(build, call, state, call.shape)
    if _is_view(index):
        return replace(state, shape=call.shape)
    return part(build, call)


def lookup(build: Builder, call: Call) -> State:
    """Rows of a table, by data."""
    return looked_up(build, call, call.state(0, "input"), call.shape)


def embedding(build: Builder, call: Call) -> State:
    return looked_up(build, call, call.state(0, "weight"), call.shape)


def looked_up(build: Builder, call: Call, table: State, shape: Shape) -> State:
    """Of a parameter, an embedding: each row is a random vector of its own."""
    if isinstance(table, Result) and (rows := _normalized_rows(build, call, table, shape)):
        return rows
    if not isinstance(table, Held) or len(table.shape) < 2:
        source = table if isinstance(table, Constant) else build.result(table, call)
        return _taken(build, call, source, shape, (call.function, len(build.nodes)))
    units = product(tuple(size for size in table.shape[1:] if size.grows or not growing(table.shape[1:]).grows))
    name, of = (
        build.weight_name(call, table.parameter),
        build.weight_of(table.parameter, "matrix", table.shape[0], units),
    )
    node = Embedding(name, INPUT, of, table.shape[0], units, **kept(table.parameter))
    return build.matrix(node, table, replace(call, shapes=(shape,)))


def _normalized_rows(build: Builder, call: Call, table: Result, shape: Shape) -> Result | None:
    """Of a parameter that is normalized, row by row, the rows of the parameter, normalized; None of another table.

    Which rows those are the data say: what is computed from them is not made of parameters alone.
    """
    normed, factors = build.without_factors(table)
    norm = build.nodes.get(normed.node)
    if not isinstance(norm, Norm) or norm.source not in build.held:
        return None
    rows = looked_up(build, call, build.held[norm.source], shape)
    if not isinstance(rows, Result) or isinstance(build.nodes[rows.node], Rearrange):
        return None
    alone = replace(norm, name=build.name(call, "norm"), source=rows.node)
    return build.with_factors(replace(rows, node=build.add(alone, call)), factors)


def repeated(build: Builder, call: Call) -> State:
    """Entries repeated along axes."""
    return resized(build, call, call.first, call.shape, repeated=True)


def padded(build: Builder, call: Call) -> State:
    """Entries beside others, in patches, or in another order: along axes that do not grow."""
    return resized(build, call, call.first, call.shape)


def pooled(build: Builder, call: Call) -> State:
    """Means or maxima of patches, whose numbers of entries do not grow."""
    _no_other_order(call)
    return resized(build, call, call.first, call.shape)


def rounded(build: Builder, call: Call) -> State:
    """Whole numbers, through which torch passes no gradient."""
    return stopped(build, call, same(build, call))


def diagonal(build: Builder, call: Call) -> State:
    """Entries on a diagonal, which is the rule of no node if it grows."""
    _no_other_order(call)
    return padded(build, call)


def cumulative(build: Builder, call: Call) -> State:
    """Sums of as many entries as come before, along an axis of fixed size."""
    if call.first.shape[call.get(1, "dim")].grows:
        raise NoRule("a sum for each entry of an axis that grows")
    return padded(build, call)


def identity(_: Builder, call: Call) -> State:
    if growing(call.shape).grows:
        raise NoRule("most entries are zero, and some are not")
    return Constant(call.shape)


def _no_other_order(call: Call) -> None:
    if growing(call.first.shape).order != growing(call.shape).order:
        raise NoRule("an axis that grows is lost, or there is one more")


def together(build: Builder, call: Call) -> State:
    """Several values side by side."""
    given = call.get(0, "tensors")
    return joined(build, call, list(given if isinstance(given, tuple) else call.arguments), call.shape)


def either(build: Builder, call: Call) -> State:
    """Entries of one value where a condition holds, and of another elsewhere."""
    given = [state_of(one) for one in (*call.arguments, *call.keywords.values()) if not _is_far(one)]
    place = next(place for place, one in enumerate(given) if isinstance(one, Constant) and one.is_mask)
    return _chosen(build, call, [given[place]], [*given[:place], *given[place + 1 :]])


def filled(build: Builder, call: Call) -> State:
    """A value with a number written to some entries; one that is as infinity for a softmax leaves the others alone."""
    state, number = call.state(0, "input"), call.get(2, "value")
    written = [] if _is_far(number) else [state_of(number)]
    return _chosen(build, call, [call.state(1, "mask")], [state, *written])


def written(build: Builder, call: Call) -> State:
    """A value with others written to some of its entries, or added to them."""
    place = _PLACES.get(call.function.rstrip("_"), 3)
    named = next((call.keywords[name] for name in ("value", "src", "source", "values") if name in call.keywords), None)
    value = call.get(place, "", named)
    if _is_far(value):
        return replace(call.first, shape=call.shape)
    state = state_of(value)
    if "alpha" in call.keywords:  # of index_add
        state = scaled(build, call, state, call.keywords["alpha"])
    return _chosen(build, call, leaves((*call.arguments[1:place], *call.keywords.values())), [call.first, state])


def _is_far(number: Any) -> bool:
    return is_plain(number) and not order_of(number) and size_of(number) > FAR


def _chosen(build: Builder, call: Call, masks: Iterable[Any], states: list[State]) -> State:
    """Entries of some values or of others: if a mask chooses by their entries, what is chosen has a mean."""
    depends = any(isinstance(one, Constant) and one.depends for one in masks)
    found = joined(build, call, states, call.shape)
    if isinstance(found, Constant):
        return replace(found, depends=found.depends or depends)
    zeros = [one for one in states if isinstance(one, Constant) and one.is_zero]
    if depends and zeros and len(zeros) == len(states) - 1:
        return entrywise(build, call, found, "relu")
    return replace(found, has_mean=True) if depends and isinstance(found, Result) else found


def copied(build: Builder, call: Call) -> State:
    return resized(build, call, call.state(1, "src"), call.shape)


def constant(_: Builder, call: Call) -> State:
    """A new tensor, whatever it is given."""
    return Constant(call.shape)


def noise(_: Builder, call: Call) -> State:
    return Constant(call.shape, has_mean=False)


def sign(_: Builder, call: Call) -> State:
    """Entries of size 1, which go with those that they are the signs of."""
    chosen = isinstance(call.first, Result) and growing(call.shape).grows
    return Constant(call.shape, has_mean=chosen, depends=chosen)


def number(_: Builder, call: Call) -> State:
    """A tensor of a number, or of those below it."""
    numbers = [one for one in (*call.arguments, *call.keywords.values()) if is_plain(one)]
    if len(numbers) == 1 and not call.function.startswith("arange"):
        return Constant(call.shape, order_of(numbers[0]), not size_of(numbers[0]))
    return Constant(call.shape, max(map(order_of, numbers), default=Fraction(0)))


def zero(_: Builder, call: Call) -> State:
    return Constant(call.shape, is_zero=True)


def _taken(build: Builder, call: Call, state: State, shape: Shape, key: Any) -> State:
    """A part of a state."""
    found = resized(build, call, state, shape)
    return found.of_part(key) if isinstance(found, Result) else found


def resized(build: Builder, call: Call, state: State, shape: Shape, *, repeated: bool = False) -> State:
    """A state with another number of units: a node, unless nothing but its shape changes."""
    if isinstance(state, (Constant, Held)) or str(growing(state.shape)) == str(growing(shape)):
        return replace(state, shape=shape)
    return joined(build, call, [state], shape, repeated=repeated)


def _is_view(index: Any) -> bool:
    """Whether an index only adds axes, or takes all of them."""
    if isinstance(index, tuple):
        return all(map(_is_view, index))
    whole = isinstance(index, Span) and index.start in (None, 0) and index.stop is None and index.step in (None, 1)
    return whole or index is None or index == "..."


def leaves(index: Any) -> Iterator[Any]:
    if isinstance(index, tuple):
        for one in index:
            yield from leaves(one)
    else:
        yield index


def _hashable(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(_hashable, argument))
    return repr(argument)
