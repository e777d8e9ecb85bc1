"""Intervals of trained networks: a reduced form of `python -m benchmarks coverage`, one sweep of each optimizer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.coverage import OPTIMIZERS, Interval, Sweep, by_group, drawn, resumed, trained


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    return [trained(drawn(number)) for number in range(len(OPTIMIZERS))]


def shortened(one: Interval) -> Interval:
    """To a quarter."""
    middle, half = (one.low + one.high) / 2, one.half_width / 4
    return replace(one, low=middle - half, high=middle + half)


@pytest.mark.slow
def test_asserted_intervals_hold_the_derived_exponents(sweeps: list[Sweep]) -> None:
    """The bootstrap interval of their share reaches 93 %; that of intervals a quarter as long does not."""
    *_, every = by_group(sweeps)
    assert (every.what, every.high >= 0.93) == ("all trained", True), every
    *_, short = by_group([replace(one, intervals=tuple(map(shortened, one.intervals))) for one in sweeps])
    assert short.high < 0.93, short


def test_a_study_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def train(sweep: Sweep) -> Sweep:
        calls.append(sweep.number)
        return replace(sweep, intervals=(Interval("dz", "layer1", 1, 0.5, 0.4, 0.6),))

    monkeypatch.setattr("benchmarks.coverage.trained", train)
    store = tmp_path / "coverage.jsonl"
    first, again = list(resumed(2, store)), list(resumed(3, store))
    assert calls == [0, 1, 2]
    assert again[:2] == first
    other = store.read_text().replace('"depth": ', '"depth": 1')
    store.write_text(other)
    list(resumed(1, store))
    assert calls == [0, 1, 2, 0], "a line of another grid is not taken for one of this"
