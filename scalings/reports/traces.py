"""Reports of `trace`: a row for each kind of parameter, and what else there is to know.

Names are the module's own, or a file's: what a terminal would take for a command is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from scalings.errors import ArgumentError
from scalings.networks.dimensions import Dimension
from scalings.reports.tables import empty_table
from scalings.results.printable import printable
from scalings.tapes.network import TracedNetwork
from scalings.tapes.roles import readers_of, role_of
from scalings.tapes.shapes import shape_text
from scalings.tapes.tape import Parameter

_MOST_NAMED = 8
"""More names than this are counted."""


def trace_report(network: TracedNetwork) -> Iterator[RenderableType]:
    """The network as a table and a few sentences."""
    table = empty_table("parameter", "shape", "role", "read by")
    for parameter in network.tape.parameters:
        table.add_row(*map(Text, _row(network, parameter)))
    yield table
    yield Text("\n" + "\n".join(_sentences(network)))


def trace_summary(network: TracedNetwork) -> str:
    """The network in a few words."""
    parameters = sum(1 for parameter in network.tape.parameters for _ in network.names_of(parameter))
    return f"{parameters} parameters, {_widths(network)}"


def _row(network: TracedNetwork, parameter: Parameter[Dimension]) -> tuple[str, str, str, str]:
    repeat = network.repeat_of(parameter.names[0])

    def kind(path: str) -> str:
        """The path with a star in place of the first copy."""
        return repeat.of_copy(path, "*") if repeat else path

    home = parameter.names[0].rpartition(".")[0]
    readers = dict.fromkeys(
        one.function if one.path == home else f"{one.function} in {kind(one.path) or 'the module'}"
        for one in readers_of(network.tape, parameter)
    )
    copies = f" (x{len(repeat.copies)})" if repeat else ""
    return (
        printable(" = ".join(map(kind, parameter.names))) + copies,
        shape_text(parameter.shape),
        role_of(network.tape, parameter),
        printable(_some(tuple(readers))),
    )


def _sentences(network: TracedNetwork) -> Iterator[str]:
    operations = len(network.tape.operations)
    yield f"Recorded {_widths(network)}: {operations} operations of {len(network.functions)} functions."
    for repeat in network.repeats:
        what, size = printable(repeat.container) or "The module", repeat.stop - repeat.start
        yield f"{what} is one block of {size} operations, {len(repeat.copies)} times."
    if network.unreached:
        yield f"No gradient reaches {printable(_some(network.unreached))}."
    yield from _limits(network)


def _limits(network: TracedNetwork) -> Iterator[str]:
    """What of it the theory of orders does not know."""
    try:
        translation = network.translation
    except ArgumentError as error:
        yield f"No orders are known of it: {printable(error.message)}."
    else:
        if translation.unknown:
            named = printable(_some(translation.unknown))
            yield f"Theory has no rule for {named}: taken for functions of each entry, as large as measured."
        if translation.left_out:
            yield f"Theory leaves out {_some(translation.left_out)}."
        if translation.notes:
            yield f"Measured at initialization: {printable('; '.join(translation.notes))}."


def _widths(network: TracedNetwork) -> str:
    return f"at widths {', '.join(map(str, network.widths))}"


def _some(names: Sequence[str]) -> str:
    """The names, or the first of them and how many more."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
