"""Texts of figures: how long they are, where they break, and how they keep apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

LONGEST: Final = 18
"""Letters of a name that is written out; longer ones are shortened."""


def shortened(name: str) -> str:
    """A name that has room beside a panel: its start and its end, if it is long.

    >>> shortened("block/attention/query/weights")
    'block/att…/weights'
    """
    name = on_a_line(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"


def on_a_line(text: str) -> str:
    """Without what breaks a line or is no letter, and with the signs that plain text writes as +-.

    >>> on_a_line("two\\nlines, \\x1b[1m +- 1")
    'two lines, [1m ± 1'
    """
    letters = (letter if letter.isprintable() else " " for letter in text)
    return " ".join("".join(letters).split()).replace("+-", "\u00b1")


def letters(figure: Figure | SubFigure, text: str, size: float, weight: str = "normal") -> float:
    """The width of a text in inches."""
    probe = figure.text(0, 0, text, size=size, weight=weight, parse_math=False)
    width = probe.get_window_extent().width / figure.dpi
    probe.remove()
    return width


def lines_of(figure: Figure, text: str, size: float, weight: str, room: float) -> list[str]:
    """The text in as few lines of at most `room` inches as it takes; those of a title as even as they can be."""

    def pieces(word: str) -> list[str]:
        """A word as it fits on a line, in halves if it is longer."""
        if len(word) < 2 or letters(figure, word, size, weight) <= room:
            return [word]
        return [*pieces(word[: len(word) // 2]), *pieces(word[len(word) // 2 :])]

    words = [piece for word in on_a_line(text).split() for piece in pieces(word)]
    widths = [letters(figure, word, size, weight) for word in words]
    space = letters(figure, "x x", size, weight) - letters(figure, "xx", size, weight)

    def filled(room: float) -> list[str]:
        lines, used = [words[0]] if words else [], sum(widths[:1])
        for word, width in zip(words[1:], widths[1:], strict=True):
            if used + space + width > room:
                lines, used = [*lines, word], width
            else:
                lines[-1], used = f"{lines[-1]} {word}", used + space + width
        return lines

    if weight != "bold":
        return filled(room)
    count = len(filled(room))
    narrowest = min(
        (share for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0) if len(filled(share * room)) == count), default=1.0
    )
    return filled(narrowest * room)


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Centers of labels along a line, in the order given: as near to the wanted ones (increasing) as possible in least
    squares, without overlap, and within [low, high] if there is room.

    >>> spread([0, 1, 9], [2, 2, 2], -10, 10), spread([0, 1], [2, 2], 0, 10)
    ([-0.5, 1.5, 9.0], [1.0, 3.0])
    """
    # Without the room that labels before take, centers must not decrease: isotonic regression, by pooling neighbours.
    before = [0.0]
    for one, other in pairwise(sizes):
        before.append(before[-1] + (one + other) / 2)
    pools: list[list[float]] = []
    for at, taken in zip(wanted, before, strict=True):
        pools.append([at - taken])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    least, most = low + sizes[0] / 2, high - sizes[-1] / 2 - before[-1]
    free = [_mean(pool) for pool in pools for _ in pool]
    return [max(min(at, most), least) + taken for at, taken in zip(free, before, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
