"""The epsilons of normalizations: x / sqrt(mean(x^2) + eps) is x / |x| as long as the mean square is larger than eps.

Where what is normalized becomes smaller with the width, from some width on it is smaller than eps; then nothing is
normalized any more, and what follows falls as what comes in does. Theory takes eps for 0. So mean squares are compared
with it as they were measured at initialization, those of which the width is a power alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from scalings.networks.dimensions import Dimension
from scalings.studies.model_words import listed
from scalings.tapes.arguments import Power, Ref, is_number
from scalings.tapes.magnitudes import errors_of, power_of
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Operation, Tape, Value

_EPSILONS = {
    **dict.fromkeys(("layer_norm", "native_layer_norm", "group_norm"), 4),
    **dict.fromkeys(("batch_norm", "native_batch_norm", "instance_norm"), 7),
    "rms_norm": 3,
}
"""Functions that normalize, with the place of eps among their arguments."""
_ROOTS = {"sqrt", "rsqrt"}
_SMALL = 2.0**-8
"""A larger number that is added below a root is a term of its own."""
FAR = 100_000
"""The largest width that is looked ahead to."""


@dataclass(frozen=True)
class NormEpsilon:
    """The epsilon of a normalization of what becomes smaller with the width."""

    place: str
    """The path of the module that normalizes."""
    epsilon: float
    mean_square: float
    """Of what is normalized, at the width `at`."""
    order: Fraction
    """Of that mean square, as a power of the width."""
    width: float
    """From which on the mean square is smaller."""
    at: int
    """The largest width that was traced."""

    @property
    def drowns(self) -> bool:
        """Whether it is larger than the mean square at the widths that were traced."""
        return self.epsilon > self.mean_square


def norm_epsilons(traced: TracedNetwork) -> Iterator[NormEpsilon]:
    """Those that what is normalized falls below before long."""
    tape = traced.tape
    for place, value, epsilon, is_square in _normalizing(tape):
        sizes = [math.sqrt(one) for one in value.magnitudes] if is_square else value.magnitudes
        order = power_of(traced.widths, sizes, value.errors or _errors(value.shape, traced.widths))
        if order is None or order >= 0:
            continue
        mean_square, falls = sizes[-1] ** 2, 2 * order
        width = traced.widths[-1] * (mean_square / epsilon) ** (1 / float(-falls))
        if width <= FAR:
            yield NormEpsilon(place, epsilon, mean_square, falls, width, traced.widths[-1])


def near_an_epsilon(found: Sequence[NormEpsilon]) -> Iterator[str]:
    """Remarks on those that are still small enough."""
    if near := [one for one in found if not one.drowns]:
        first = min(one.width for one in near)
        yield (
            f"near an eps: the mean square of what {listed([one.place for one in near])} normalizes, "
            f"which will be smaller than that from a width of about {first:.0e} on"
        )


def _normalizing(tape: Tape[Dimension]) -> Iterator[tuple[str, Value[Dimension], float, bool]]:
    """Where something is normalized: what is, or its mean square, with the epsilon, and whether it is the square."""
    for operation in tape.operations:
        place = operation.path or operation.function
        if operation.function in _EPSILONS:
            given = _argument(operation, _EPSILONS[operation.function], "eps")
            first = operation.arguments[0] if operation.arguments else dict(operation.keywords).get("input")
            if isinstance(first, Ref) and is_number(given) and 0 < float(given) < math.inf:
                yield place, tape.values[first.value], float(given), False
        elif operation.function == "add" and _is_below_a_root(tape, operation):
            left, right = (*operation.arguments, None, None)[:2]
            for one, other in ((left, right), (right, left)):
                if isinstance(one, Ref) and is_number(other) and 0 < float(other) < _SMALL:
                    yield place, tape.values[one.value], float(other), True


def _argument(operation: Operation, place: int, name: str) -> object:
    given = dict(operation.keywords).get(name)
    return operation.arguments[place] if given is None and len(operation.arguments) > place else given


def _is_below_a_root(tape: Tape[Dimension], operation: Operation) -> bool:
    (made,) = operation.results() or (-1,)
    readers = [one for one in tape.operations if made in one.inputs()]
    return bool(readers) and all(one.function in _ROOTS or _is_root(one) for one in readers)


def _is_root(operation: Operation) -> bool:
    exponent = operation.arguments[1] if operation.function == "pow" and len(operation.arguments) > 1 else None
    return exponent in (0.5, -0.5) and not isinstance(exponent, Power)


def _errors(shape: Sequence[Dimension], widths: Sequence[int]) -> tuple[float, ...]:
    return errors_of([math.prod(int(size.at(width)) for size in shape) for width in widths])
