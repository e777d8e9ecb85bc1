"""What cannot be read in a figure: texts that overlap, and texts that are cut off at its border."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from scalings.figures.style import settle

_TOUCH = 1.0
"""Pixels (hundredths of an inch) by which boxes may overlap: letters do not fill the box of their text."""


def illegible(figure: Figure) -> list[str]:
    """A sentence for each pair of texts that overlap, and for each text that is not inside the figure."""
    boxes = drawn_texts(figure)
    border = figure.bbox
    cut = [
        f"{text!r} is cut off"
        for text, box in boxes
        if box.x0 < border.x0 - _TOUCH
        or box.y0 < border.y0 - _TOUCH
        or box.x1 > border.x1 + _TOUCH
        or box.y1 > border.y1 + _TOUCH
    ]
    pairs = combinations(boxes, 2)
    return cut + [f"{text!r} overlaps {other!r}" for (text, box), (other, second) in pairs if _overlap(box, second)]


def drawn_texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, as it is saved, with its box in pixels."""
    settle(figure)
    drawn: list[Text] = []
    draw = Text.draw

    def record(text: Text, *args: object, **options: object) -> None:
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        draw(text, *args, **options)  # type: ignore[arg-type]

    with patch.object(Text, "draw", record):
        figure.draw_without_rendering()
    # An annotation's own extent has its arrow in it, which is no text.
    return [(text.get_text(), Text.get_window_extent(text)) for text in drawn]


def is_same_picture(one: Path, other: Path) -> bool:
    """Whether two files show the same, but for what versions of matplotlib draw in other ways."""
    first, second = imread(one), imread(other)
    return first.shape == second.shape and float(np.abs(first - second).mean()) < 0.005


def _overlap(one: Bbox, other: Bbox) -> bool:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(width > _TOUCH and height > _TOUCH)
