"""A traced network: the tape of a module, with sizes and numbers as powers of the width, and repeated blocks once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scalings.displays import Displayed
from scalings.networks.dimensions import Dimension
from scalings.tapes.tape import Parameter, Tape

if TYPE_CHECKING:
    from scalings.tapes.translation.translation import Translation


@dataclass(frozen=True)
class Repeat:
    """A block that is repeated: the operations `start` to `stop` of the tape are those of its first copy."""

    container: str
    """The path of the list of blocks, such as "h" for h.0, h.1, ..."""
    copies: tuple[str, ...]
    """Their names in it."""
    start: int
    stop: int
    carried: tuple[tuple[int, int], ...] = ()
    """Pairs of values: what the first copy reads from before the block, and what it hands to the next copy instead."""

    def path(self, copy: str) -> str:
        """The path of a copy; `*` stands for any."""
        return f"{self.container}.{copy}".lstrip(".")

    def holds(self, path: str) -> bool:
        """Whether the path of a parameter or a module is within the first copy."""
        return f"{path}.".startswith(f"{self.path(self.copies[0])}.")

    def of_copy(self, path: str, copy: str) -> str:
        """The path of the same in another copy; as it is for what is not within the first."""
        return self.path(copy) + path.removeprefix(self.path(self.copies[0])) if self.holds(path) else path


@dataclass(frozen=True, repr=False)
class TracedNetwork(Displayed):
    """What a torch module does, in powers of the width."""

    widths: tuple[int, ...]
    """Those that it was recorded at."""
    tape: Tape[Dimension]
    """As at the largest of them; of a repeated block it holds the first copy."""
    unreached: tuple[str, ...] = ()
    """The first names of trainable parameters, of all copies, from which no gradient comes."""
    repeats: tuple[Repeat, ...] = ()
    unfolded: TracedNetwork | None = field(default=None, compare=False)
    """The same with each copy of a repeated block by itself; None where none is repeated, and where it is not known."""

    @property
    def functions(self) -> tuple[str, ...]:
        """The torch functions that were called, each once, in alphabetical order."""
        return tuple(sorted({operation.function for operation in self.tape.operations}))

    @cached_property
    def translation(self) -> Translation:
        """The network of nodes that it is, on which `derive`, `check`, `predict` and `repair` run.

        Raises ArgumentError for what orders of magnitude do not know, such as complex values.
        """
        from scalings.tapes.translation.translate import translated

        return translated(self)

    def repeat_of(self, name: str) -> Repeat | None:
        """The repeated block that a parameter belongs to, by a name of it."""
        return next((repeat for repeat in self.repeats if repeat.holds(name)), None)

    def names_of(self, parameter: Parameter[Any]) -> Iterator[str]:
        """The first names of a parameter and of its copies."""
        name = parameter.names[0]
        repeat = self.repeat_of(name)
        yield from (repeat.of_copy(name, copy) for copy in repeat.copies) if repeat else (name,)

    def to_json(self) -> str:
        """The network as JSON text, which `from_json` reads back."""
        from scalings.tapes.writing import network_to_text

        return network_to_text(self)

    @classmethod
    def from_json(cls, text: str) -> TracedNetwork:
        """The network that `to_json` wrote. Nothing in the text is evaluated. Raises ArgumentError for other texts."""
        from scalings.tapes.reading import network_from_text

        return network_from_text(text)
