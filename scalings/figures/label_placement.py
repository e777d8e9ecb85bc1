"""Where words stand in a picture of areas: inside the area that they name, over nothing else.

All lengths are in pixels of the figure as it is laid out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.path import Path
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

_PLACES = 48
"""As many places along each side of an area's box are tried."""
_AROUND = 7
"""A label is inside an area if a grid of so many points along each of its sides is."""
_MARGINS = (16.0, 10.0, 5.0)
"""Room around a label: as much as there is, of these."""
_POINTS = np.ndarray[Any, np.dtype[np.float64]]


def place(texts: Sequence[Text], area: Path, taken: Sequence[Bbox]) -> Bbox | None:
    """Put the first of these texts that fits inside an area, as near to its middle as it can, over nothing that is
    taken; the others are removed. Returns the room that it takes, or None if none fits."""
    chosen = None
    inside = _points(area)
    inside = inside[area.contains_points(inside)]
    for text in texts:
        if chosen is None and len(inside) and (center := _center(text, area, inside, taken)) is not None:
            _move(text, center)
            chosen = text
        else:
            text.remove()
    return chosen.get_window_extent() if chosen else None


def place_beside(text: Text, point: tuple[float, float], frame: Bbox, taken: Sequence[Bbox]) -> Bbox | None:
    """Put a text as near to a point as it can be within a frame, over nothing that is taken."""
    from matplotlib.path import Path

    area = Path([(frame.x0, frame.y0), (frame.x1, frame.y0), (frame.x1, frame.y1), (frame.x0, frame.y1)], closed=True)
    center = _center(text, area, np.array([point]), taken)
    if center is None:
        text.remove()
        return None
    _move(text, center)
    return text.get_window_extent()


def deepest_point(area: Path) -> tuple[float, float]:
    """The point inside an area that is farthest from its outside, of a grid."""
    box = area.get_extents()
    # With some of what is around it, since along its box an area ends too.
    points = _points(area, box.expanded(1.1, 1.1))
    inside = area.contains_points(points)
    if not inside.any():
        x, y = np.asarray(area.vertices).mean(axis=0)
        return float(x), float(y)
    away = np.hypot(*(points[inside][:, None] - points[~inside][None]).transpose(2, 0, 1)).min(axis=1, initial=np.inf)
    best = points[inside][int(np.argmax(away))]
    return float(best[0]), float(best[1])


def _move(text: Text, center: tuple[float, float]) -> None:
    x, y = text.get_transform().inverted().transform(center)
    text.set_position((float(x), float(y)))


def _center(text: Text, area: Path, wanted: _POINTS, taken: Sequence[Bbox]) -> tuple[float, float] | None:
    """The place for the middle of a text that is nearest to the middle of the wanted points."""
    size, points = text.get_window_extent(), _points(area)
    for margin in _MARGINS:
        width, height = size.width + 2 * margin, size.height + 2 * margin
        free = np.ones(len(points), dtype=bool)
        for one in taken:
            free &= _apart(points, width, height, one)
        for across in np.linspace(-0.5, 0.5, _AROUND):
            for along in np.linspace(-0.5, 0.5, _AROUND):
                free[free] = area.contains_points(points[free] + [across * width, along * height])
        if free.any():
            away = np.hypot(*(points - wanted.mean(axis=0)).T)
            best = points[int(np.argmin(np.where(free, away, np.inf)))]
            return float(best[0]), float(best[1])
    return None


def _points(area: Path, box: Bbox | None = None) -> _POINTS:
    """A grid over an area's box, or over another."""
    box = box or area.get_extents()
    xs, ys = np.linspace(box.x0, box.x1, _PLACES), np.linspace(box.y0, box.y1, _PLACES)
    return np.array([(x, y) for x in xs for y in ys])


def _apart(points: _POINTS, width: float, height: float, taken: Bbox) -> Any:
    """Whether boxes of this size around the points do not meet the one that is taken."""
    x, y = points.T
    beside = (x + width / 2 <= taken.x0) | (x - width / 2 >= taken.x1)
    return beside | (y + height / 2 <= taken.y0) | (y - height / 2 >= taken.y1)
