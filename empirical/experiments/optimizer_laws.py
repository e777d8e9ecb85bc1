"""Laws: which powers describe one step of a `torch.optim.Optimizer`, found by feeding it gradients.

A probe is a weight matrix of Gaussian entries, of a wished shape and norm, and a stream of gradients of a wished norm,
as a network gives them: of rank 4 between spaces that stay the same, with coefficients half of which are new
at every step. The optimizer takes a few steps, the weight is put back after each but the last (the state of the
optimizer goes on), and the last one is measured.

1. **Decay.** Without gradients, is a step -eta lambda W? It is then taken out of all that follows.
2. **Scans.** |dW|_F along learning rate, gradient and weight, over many decades, one at a time. Where it is straight
   in logarithms a power law may hold; the stretch with the base point in it bounds the first regime, any other
   stretch is another regime (below Adam's eps, above a clipping threshold).
3. **The law.** In each regime probes at random, log-uniform, all shapes mixed, and a fit of all exponents together.
   Replicates differ in the draw of W and G, so that noise is not taken for a bend.
4. **Coupling.** Does a layer's step change if another layer's gradient grows a thousandfold?
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from empirical.experiments.probes import (
    FANS,
    GRADIENT,
    WEIGHT,
    Factory,
    Probe,
    Subject,
    base_probe,
    find_coupling,
    find_decay,
)
from empirical.statistics.power_laws import fit_monomial, plateaus
from empirical.sweeps import workers
from empirical.tensors.arrays import Array
from scalings.errors import ArgumentError
from scalings.results.measured_laws import AXES, POWERS, Axis, Interval, LawMeasurement, LawRegime, RegimeBoundary

Progress = Callable[[float, str], None]
DEFAULT_POINTS, DEFAULT_STEPS = 200, 8
LEAST_POINTS, MOST_POINTS, MOST_STEPS = 40, 10_000, 1_000
_REPLICATES = 2
_MOST, _PRECISE = 8, 0.012
"""Times as many probes are taken at most, until all half-widths are below this."""
_DECADES: dict[Axis, tuple[float, float]] = {"gradient": (-13, 6), "weight": (-6, 3), "lr": (-4, 3)}
"""How far a scan goes: of entries, and of the learning rate relative to the base."""
_WINDOW = 1.5
"""Decades around the base point in which a law is fitted at most."""
_MARGIN = 1.0
"""Decades between the probes of a law and where a scan bends: shapes move the bend by less."""
_STRAIGHT = 0.02
_SHORTEST = 6
"""Points of a stretch: two and a half decades."""
_PER_DECADE = 2


@dataclass(frozen=True)
class Stretch:
    """A range along an axis over which a scan is straight, in entries or learning rates."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return float((self.low * self.high) ** 0.5)


def scan(subject: Subject, base: Probe, axis: Axis) -> tuple[tuple[float, float], ...]:
    """(entry size or learning rate, |dW|_F) along one axis; what rounding hides is left out."""
    low, high = _DECADES[axis]
    reference = base.lr if axis == "lr" else 1.0
    values = reference * np.logspace(low, high, round((high - low) * _PER_DECADE) + 1)
    sizes = [(float(value), subject.step_size(_moved(base, axis, float(value)))) for value in values]
    seen = tuple((value, size) for value, size in sizes if np.isfinite(size) and size > 0)
    if not seen:
        raise _unusable([size for _, size in sizes])
    return seen


def _moved(probe: Probe, axis: Axis, size: float) -> Probe:
    """The probe with entries of this size along this axis, or with this learning rate."""
    if axis == "lr":
        return replace(probe, lr=size)
    norm = size * probe.entries
    return replace(probe, gradient=norm) if axis == "gradient" else replace(probe, weight=norm)


def _size(probe: Probe, axis: Axis) -> float:
    return probe.lr if axis == "lr" else float(getattr(probe, axis)) / probe.entries


def stretches(seen: Sequence[tuple[float, float]]) -> list[Stretch]:
    """Where a scan is straight in logarithms."""
    if len(seen) < _SHORTEST:
        return []
    x, y = ([float(np.log(value)) for value in column] for column in zip(*seen, strict=True))
    runs = plateaus(x, y, tolerance=_STRAIGHT, least=_SHORTEST)
    return [Stretch(seen[first][0], seen[last][0]) for first, last in runs]


def fit_regime(subject: Subject, base: Probe, box: Mapping[Axis, Stretch], points: int) -> LawRegime:
    """Fit all exponents from random probes around the base point, well within the box.

    From so many points, or up to eight times as many where the intervals are still wide.
    """
    random = np.random.default_rng(0)
    ranges = {axis: _inner(_size(base, axis), box[axis]) for axis in AXES}
    rows: list[list[float]] = []
    values: list[Array] = []
    seen: list[float] = []
    for number in range(_MOST * points):
        fan_out, fan_in = (int(fan) for fan in random.choice(FANS, 2))
        probe = Probe(fan_out, fan_in, 0.0, 0.0, base.lr, 0)
        for axis, (low, high) in ranges.items():
            probe = _moved(probe, axis, float(np.exp(random.uniform(np.log(low), np.log(high)))))
        sizes = [subject.step_size(replace(probe, seed=2 + number * _REPLICATES + copy)) for copy in range(_REPLICATES)]
        seen += sizes
        if np.all(np.isfinite(sizes)) and min(sizes) > 0:
            rows.append(_row(probe))
            values.append(np.log(sizes))
        if (number + 1) % points == 0:
            if len(rows) <= number // 2:
                raise _unusable(seen)
            fitted = fit_monomial(np.array(rows), np.array(values))
            if max(fitted.half_widths[1 : len(POWERS) + 1]) < _PRECISE:
                break
    powers = {
        power: Interval(float(value), float(value - half), float(value + half))
        for power, value, half in zip(POWERS, fitted.coefficients[1:], fitted.half_widths[1:], strict=False)
    }
    return LawRegime(ranges, powers, float(fitted.coefficients[0]), fitted.lack, fitted.noise, len(rows))


def _unusable(sizes: Sequence[float]) -> ArgumentError:
    """The error for steps too few of which have a size."""
    if np.isnan(sizes).any():
        return ArgumentError("optimizer", "expected its steps to be numbers, but most of them, or all, are NaN")
    if np.isinf(sizes).any():
        return ArgumentError("optimizer", "expected its steps to be finite, but most of them, or all, are infinite")
    return ArgumentError(
        "optimizer", "expected it to move the weights, but most of its steps are zero or lost in rounding"
    )


def _inner(center: float, stretch: Stretch) -> tuple[float, float]:
    margin, window = 10.0**_MARGIN, 10.0**_WINDOW
    low, high = max(stretch.low * margin, center / window), min(stretch.high / margin, center * window)
    # Where a bend is nearer than the margin on both sides, a factor of 4 has to do.
    return (low, high) if low < high / 2 else (stretch.middle / 2, stretch.middle * 2)


def _row(probe: Probe) -> list[float]:
    """1, the logarithms of what the powers are of, in the order of POWERS, and one over the fans, as a correction."""
    fan_in, fan_out = np.log(probe.fan_in), np.log(probe.fan_out)
    numbers = (np.log(probe.lr), np.log(probe.gradient), fan_in / 2, fan_out / 2, max(fan_in, fan_out))
    corrections = (FANS[0] / probe.fan_in, FANS[0] / probe.fan_out)
    return [1.0, *map(float, numbers), float(np.log(probe.weight)), *corrections]


def find_boundary(base: Probe, axis: Axis, low: LawRegime, high: LawRegime) -> RegimeBoundary | None:
    """Where the laws of two regimes give the same step; None where they are parallel along the axis."""
    lower, upper = (np.array([one.powers[power].value for power in POWERS]) for one in (low, high))
    steeper = high.powers[axis].value - low.powers[axis].value
    if abs(steeper) < _STRAIGHT:
        return None
    at = np.array(_row(_moved(base, axis, 1.0))[1 : len(POWERS) + 1])
    apart = float((lower - upper) @ at) + low.log_constant - high.log_constant
    fans: list[Fraction | None] = [None, None]
    if low.law and high.law and axis != "lr" and low.law.larger_fan == high.law.larger_fan:
        drop = getattr(high.law, axis) - getattr(low.law, axis)
        fans = [(low.law.fan_in - high.law.fan_in) / drop / 2, (low.law.fan_out - high.law.fan_out) / drop / 2]
    return RegimeBoundary(axis, float(np.exp(apart / steeper)), *fans)


@dataclass(frozen=True)
class Survey:
    """The scans of an optimizer, and the stretches that were found in them."""

    subject: Subject
    base: Probe
    found: Mapping[Axis, Sequence[Stretch]]

    def home(self, axis: Axis) -> Stretch | None:
        """The stretch with the base point in it."""
        at = _size(self.base, axis)
        return next((stretch for stretch in self.found[axis] if stretch.low <= at <= stretch.high), None)

    def boxes(self) -> Iterator[tuple[Axis, Probe, dict[Axis, Stretch]]]:
        """Where a law is to be fitted: the box with the base point in it first, if all axes have one, and others.

        The others differ from it along one axis; where the base point is on no stretch of some axis, they are all
        stretches of the first such axis, with whatever the other axes allow.
        """
        homes = {axis: self.home(axis) or _point(_size(self.base, axis)) for axis in AXES}
        homeless = [axis for axis in AXES if self.home(axis) is None]
        if not homeless:
            yield "gradient", self.base, homes
        for axis in homeless[:1] or AXES:
            for stretch in self.found[axis]:
                if stretch != homes[axis]:
                    yield axis, _moved(self.base, axis, stretch.middle), homes | {axis: stretch}


def _point(size: float) -> Stretch:
    return Stretch(size, size)


@workers.one_thread()
def measure_law(
    factory: Factory,
    name: str,
    *,
    gradient: float = GRADIENT,
    weight: float = WEIGHT,
    lr: float | None = None,
    points: int = DEFAULT_POINTS,
    steps: int = DEFAULT_STEPS,
    neighbours: bool = True,
    progress: Progress | None = None,
) -> LawMeasurement:
    """Measure the law of an optimizer around entries of G and W of this size (root mean square), and those beside it
    (`neighbours`).

    `lr` is its own learning rate unless given. Raises ArgumentError for what cannot be probed: an optimizer that
    wants a closure or sparse gradients, or one without a learning rate.
    """
    _check(gradient=gradient, weight=weight, lr=1.0 if lr is None else lr, points=points, steps=steps)
    report = progress or (lambda *_: None)
    begin = time.perf_counter()
    base = base_probe(factory, gradient, weight)
    base = base if lr is None else replace(base, lr=lr)
    subject = Subject(factory, steps, find_decay(factory, base, steps))
    coupling = find_coupling(factory, base, steps)
    scans: dict[Axis, tuple[tuple[float, float], ...]] = {}
    for number, axis in enumerate(AXES):
        report(0.1 + 0.1 * number, f"scanning {axis}")
        scans[axis] = scan(subject, base, axis)
    survey = Survey(subject, base, {axis: stretches(seen) for axis, seen in scans.items()})
    boxes = list(survey.boxes())[: None if neighbours else 1]
    regimes = []
    for number, (axis, center, box) in enumerate(boxes):
        report(0.4 + 0.6 * number / len(boxes), f"fitting the law of regime {number + 1}")
        fewer = points if number == 0 else max(LEAST_POINTS, points // 2)
        regimes.append((axis, fit_regime(subject, center, box, fewer)))
    report(1.0, "done")
    at_base = regimes[0][1] if all(survey.home(axis) for axis in AXES) else None
    others = [(axis, regime) for axis, regime in regimes if regime is not at_base]
    return LawMeasurement(
        name=name,
        steps=steps,
        regime=at_base,
        others=tuple(regime for _, regime in others),
        boundaries=tuple(_boundaries(base, at_base, others)),
        scans=scans,
        base={axis: _size(base, axis) for axis in AXES},
        decay=subject.decay,
        coupling=coupling,
        seconds=time.perf_counter() - begin,
    )


def _check(*, points: int, steps: int, **sizes: float) -> None:
    for argument, number, least, most in (
        ("points", points, LEAST_POINTS, MOST_POINTS),
        ("steps", steps, 1, MOST_STEPS),
    ):
        if number < least:
            raise ArgumentError(argument, f"expected at least {least}, but got {number}")
        if number > most:
            why = f"since every probe takes --steps, up to {_MOST * _REPLICATES} times --points"
            raise ArgumentError(argument, f"expected at most {most}, {why}, but got {number}")
    for argument, size in sizes.items():
        if not 0 < size < float("inf"):
            raise ArgumentError(argument, f"expected a number above 0, but got {size:g}")


def _boundaries(
    base: Probe, at_base: LawRegime | None, others: Sequence[tuple[Axis, LawRegime]]
) -> Iterator[RegimeBoundary]:
    """Those between regimes that are neighbours along an axis."""
    for axis in AXES:
        along = [regime for other, regime in others if other == axis]
        ordered = sorted([*along, at_base] if at_base else along, key=lambda regime: regime.ranges[axis])
        for low, high in pairwise(ordered):
            boundary = find_boundary(base, axis, low, high)
            if boundary:
                yield boundary
