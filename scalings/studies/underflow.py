"""What a number format does to starts and steps that become small at large widths.

A start below the smallest normal number of a format loses digits. A step that is smaller than half the distance between
neighbours of a weight is rounded away, where weights have no copy of higher precision:

>>> FORMATS["bf16"].rounded_away(0.001), FORMATS["fp8"].smallest
(True, 0.015625)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scalings.results.prescriptions import ParameterRule
from scalings.results.rules import Rule

_SHOWN = 3


@dataclass(frozen=True)
class Format:
    """A format of floating point numbers."""

    name: str
    digits: int
    """Binary digits behind the leading one."""
    smallest: float
    """The smallest normal number."""

    def rounded_away(self, share: float) -> bool:
        """Whether adding this share of a number leaves it as it is, at the middle of an octave."""
        return share < 2.0 ** -(self.digits + 1)


FORMATS = {
    "fp32": Format("float32", 23, 2.0**-126),
    "bf16": Format("bfloat16", 7, 2.0**-126),
    "fp16": Format("float16", 10, 2.0**-14),
    "fp8": Format("float8_e4m3", 3, 2.0**-6),
}
_ENTRYWISE = ("adam", "adamw", "adamw-independent", "lion", "sign")


def underflow_warnings(rule: Rule, dtype: str) -> Iterator[str]:
    """What underflows at the end of a rule, in sentences."""
    form = FORMATS[dtype]
    yield from _of_starts_and_multipliers(rule, form)
    yield from _of_steps(rule, form)


def _of_starts_and_multipliers(rule: Rule, form: Format) -> Iterator[str]:
    below = f"below {form.smallest:.2g}, the smallest normal number of {form.name}"
    starts = [(one.weight, rule.before_and_after(one)[1].init) for one in rule.prescription.of_weights]
    if small := [name for name, start in starts if 0 < start < form.smallest]:
        yield f"init scales {below}: {_listed(small)}"
    ratios, base = rule.at_end.ratios_at(rule.width), rule.prescription.base_width
    if factors := [name for name, multiplier in rule.multipliers if multiplier.at(ratios) < form.smallest]:
        yield f"multipliers {below}, where they are 1 at width {base}: {_listed(factors)}"
    if numbers := [f"{name} ({number:.2g})" for name, number in rule.in_code if 0 < number < form.smallest]:
        yield f"numbers that the code multiplies by are {below}, at width {rule.width}: {_listed(numbers)}"


def _of_steps(rule: Rule, form: Format) -> Iterator[str]:
    """Steps of SGD are as large as gradients, which are not known: it is said that they are not judged."""
    lost, kept, laws = [], [], dict[str, None]()
    for one in rule.prescription.of_weights:
        _, numbers = rule.before_and_after(one)
        step = entry_step(one, numbers.lr, rule.width)
        if step and numbers.init and form.rounded_away(step / numbers.init):
            lost.append(one.weight)
        if step is None and one.law and numbers.lr:
            laws[one.law] = None
        if numbers.decay and form.rounded_away(numbers.lr * numbers.decay):
            kept.append(one.weight)
    copy = f"where weights are kept in {form.name} without a copy in float32"
    if lost:
        yield f"steps are rounded away, {copy}: {_listed(lost)}"
    if kept:
        yield f"decay is rounded away, {copy}: {_listed(kept)}"
    if laws:
        yield f"steps of {' and '.join(laws)} are not judged: they are as large as gradients, which are not known"


def entry_step(rule: ParameterRule, lr: float, width: int) -> float | None:
    """The root mean square of the entries of one step; None if it is as large as the gradient, or not known."""
    law = rule.law.partition("+")[0]
    if law in _ENTRYWISE:
        return lr
    if not law.startswith("muon") or not rule.shape or len(rule.shape) != 2:
        return None
    rows, columns = (size.at(width) for size in rule.shape)
    flat = lr / math.sqrt(max(rows, columns))
    match law:
        case "muon-jordan":
            return flat * math.sqrt(max(1.0, rows / columns))
        case "muon-rms":
            return 0.2 * lr
        case "muon-spectral":
            return flat * math.sqrt(rows / columns)
    return flat


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
