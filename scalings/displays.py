"""How answers show themselves: one line in a session, their tables when printed, and the same tables in a notebook.

The tables are those of the commands; `scalings.reports.displays` makes them, and is loaded when something is shown.
"""

from __future__ import annotations


class Displayed:
    """An answer that shows itself as a person reads it, and not as the data that it is.

    For dataclasses with repr=False, since a dataclass else writes a __repr__ of its own.
    """

    def __repr__(self) -> str:
        from scalings.reports import displays

        return displays.line(self)

    def __str__(self) -> str:
        from scalings.reports import displays

        return displays.text(self)

    def _repr_html_(self) -> str:
        from scalings.reports import displays

        return displays.html(self)


def json_text(answer: Displayed) -> str:
    """The answer as the JSON that commands write."""
    from scalings.reports import displays

    return displays.json_text(answer)
