"""Names that somebody else gave, as they can be shown: what steers a terminal or cannot be written, as its escape."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """The text, with all that is no printable character, nor one to `keep`, as its escape in Python.

    >>> print(printable(chr(27) + "[31m größe" + chr(0xD800)))
    \\x1b[31m größe\\ud800
    """
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)
