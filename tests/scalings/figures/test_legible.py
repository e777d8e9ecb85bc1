"""The checker of legibility sees what cannot be read: without that, a figure without findings would say nothing."""

from __future__ import annotations

from matplotlib.figure import Figure

from scalings.figures.style import WIDTH, canvas, end_label, styled, title
from tests.scalings.figures.legible import illegible


@styled
def crowded(apart: float, *, labelled: bool = False) -> Figure:
    figure, (axes,) = canvas(1, 1, (WIDTH, 2.0))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for number in range(2):
        y = 0.5 + apart * number
        if labelled:
            end_label(axes, 1, y, f"line {number}", "#000000")
        else:
            axes.text(0.2, y, f"text {number}")
    return figure


def test_texts_that_overlap_are_found() -> None:
    assert illegible(crowded(0.01)) == ["'text 0' overlaps 'text 1'"]
    assert illegible(crowded(0.3)) == []


def test_labels_at_the_ends_of_lines_are_moved_apart() -> None:
    assert illegible(crowded(0.01, labelled=True)) == []


def test_texts_that_are_cut_off_are_found() -> None:
    figure = crowded(0.3)
    figure.text(0.95, 0.5, "longer than there is room", in_layout=False)
    assert "'longer than there is room' is cut off" in illegible(figure)


def test_numbers_along_an_axis_are_looked_at() -> None:
    figure = crowded(0.3)
    figure.axes[0].set_xticks([0.5, 0.501], ["first", "second"])
    assert illegible(figure) == ["'first' overlaps 'second'"]


def test_a_title_of_any_length_is_not_cut_off() -> None:
    for words in (3, 30, 90):
        figure = styled(canvas)(1, 1, (WIDTH, 2.0))[0]
        title(figure, "verdict " * words, "detail " * words, verdict="PASS")
        assert illegible(figure) == []
