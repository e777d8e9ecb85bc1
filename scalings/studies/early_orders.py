"""Which measured orders may be held against derived ones, and which are not yet asymptotic: theory itself foretells, of
the sizes of weights and steps at these widths, that their slopes are not their orders there."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, power_of
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.network import Network
from scalings.networks.nodes import Bias, Weight, sources
from scalings.results.fits import Diverged, Fit
from scalings.studies import modules
from scalings.studies.model_reading import Reading
from scalings.studies.model_tensors import NOT_YET, uncovered
from scalings.studies.model_words import listed
from scalings.studies.optimizer_audit import is_rounding
from scalings.studies.roles import AT_FIRST

_READ = ("W_frobenius", "W_spectral", "dW_spectral")
"""What is known of the weights from how the model is set, and the costly norm of updates, which have another."""
_CHANGES = ("dW_frobenius", "decay", "layer", "interaction")
"""What may not be told apart of a weight that decays: what the updates did, and what decay took."""
_VALUES = ("z", "dz", "d", "dd")
"""What is of the value that a weight makes, and not of the weight itself."""
_OFF = 0.1
"""A slope that is foretold to be further from its order than this says nothing of the order."""
_CONSTANT = 4.0
"""Theory knows sizes but for constants: how much of an update is along what a weight reads, and how much of a value a
function takes away."""


def comparable(
    read: Reading, predicted: Mapping[Observable, Exponent], measured: Collection[Observable]
) -> dict[Observable, Exponent]:
    """Of the derived orders those that training is asked about: what no rule covers is judged by itself."""
    apart = {one.layer for one in measured if one.quantity == "decay"}
    together = {row.layer for row in read.rows if row.decay != MINUS_INFINITY} - apart
    without_rule = uncovered(read.traced.translation)
    idle = {row.layer for row in read.rows if is_rounding(read.seen[row.parameters[-1]])}
    return {
        one: order
        for one, order in predicted.items()
        if one.quantity not in _READ
        and not (one.quantity in _CHANGES and one.layer in together)
        and (one.quantity in _VALUES or one.layer not in idle)
        and one.layer not in without_rule
    }


def early_orders(
    read: Reading,
    orders: Mapping[Observable, Exponent],
    measured: Mapping[Observable, Fit | Diverged],
    widths: tuple[int, ...],
    *,
    loosely: bool = False,
) -> frozenset[Observable]:
    """Those whose slope is foretold to be another one, which is the one that was measured; or, `loosely`, which would
    be if updates did less by a constant, so that what they have to outgrow first hides them longer.

    At the start it is what biases and positions add that hides what matrices make of values: functions make these
    smaller, by constants that theory does not know. So slopes are early in which that is larger by up to a constant.
    And a loss of squares sends back the output itself until targets are larger than that, of which residual branches
    make more than theory knows: first gradients are early as well whose slopes are those for the size that it has.
    """
    last = max(one.step for one in orders)
    slopes = _foretold(read, widths, last, rates=1 / _CONSTANT if loosely else 1.0)
    hidden = _foretold(read, widths, 1, added=_CONSTANT)
    outputs = _output_beside_theory(read, measured)
    large = _foretold(read, widths, 1, outputs=outputs) if outputs > 1 else {}

    def is_early(one: Observable, fit: Fit | Diverged) -> bool:
        order = orders.get(one, MINUS_INFINITY)
        if one not in slopes or order == MINUS_INFINITY or not isinstance(fit, Fit):
            return False
        if (one.quantity, one.step) in AT_FIRST and one in hidden:
            reach = sorted((float(order), slopes[one], hidden[one]))
            if reach[-1] - reach[0] > _OFF and reach[0] - _OFF <= fit.plain <= reach[-1] + _OFF:
                return True
        is_first = (one.quantity, one.step) in AT_FIRST
        return any(
            abs(slope - order) > _OFF and abs(fit.plain - slope) <= max(_OFF, abs(slope - order) / 2)
            for slope in (slopes[one], *([large[one]] if is_first and one in large else []))
        )

    return frozenset(one for one, fit in measured.items() if is_early(one, fit))


def _output_beside_theory(read: Reading, measured: Mapping[Observable, Fit | Diverged]) -> float:
    """How many times the initial output is as large as theory says of these sizes of weights."""
    one = Observable("z", read.traced.translation.network.function.name, 0)
    fit = measured.get(one)
    if not isinstance(fit, Fit):
        return 1.0
    sizes = modules.foretold_sizes(read.problem, _weights(read), [width for width, _, _ in fit.points], 1)
    logs = [
        log - math.log(at[one]) for (_, log, _), at in zip(fit.points, sizes, strict=True) if 0 < at[one] < math.inf
    ]
    return math.exp(statistics.fmean(logs)) if logs else 1.0


def _foretold(
    read: Reading, widths: tuple[int, ...], steps: int, *, rates: float = 1.0, added: float = 1.0, outputs: float = 1.0
) -> dict[Observable, float]:
    """The slopes that sizes have over these widths, with all rates, with what is added at the start, and with what
    readouts make multiplied."""
    return modules.foretold(read.problem, _weights(read, rates, added, outputs), widths, steps)


def _weights(
    read: Reading, rates: float = 1.0, added: float = 1.0, outputs: float = 1.0
) -> Callable[[int], list[LayerExponents[float]]]:
    """What each weight is at a width."""
    translation, reference = read.traced.translation, read.traced.widths[-1]
    layers = translation.network.layers
    settings = [read.seen[translation.weights[node.weight][-1]] for node in layers]
    options = [None if node.frozen else one.options for node, one in zip(layers, settings, strict=True)]
    last = _readouts(translation.network)
    factors = [outputs if node.name in last else added if isinstance(node, Bias | Weight) else 1.0 for node in layers]

    def weights_at(width: int) -> list[LayerExponents[float]]:
        ratio = width / reference
        return [
            LayerExponents(
                1.0,
                factor * one.size * power_of(ratio, one.init),
                rates * option.lr * power_of(ratio, one.lr) if option else 0.0,
            )
            for factor, one, option in zip(factors, settings, options, strict=True)
        ]

    return weights_at


def _readouts(network: Network) -> set[str]:
    """The values of a few units that the output is computed from by way of such values alone."""
    nodes, found, open_ones = {node.name: node for node in network.flat}, set[str](), [network.function.name]
    while open_ones:
        name = open_ones.pop()
        if name in nodes and name not in found and not network.units[name].grows:
            found.add(name)
            open_ones += sources(nodes[name])
    return found


def early_note(early: Collection[Observable]) -> Iterator[str]:
    """What is said of them, if there are any."""
    names = sorted({one.layer or "the loss" for one in early})
    if names:
        why = "at these widths, as theory foretells of these sizes"
        yield f"{NOT_YET}: {why}, values of {listed(names)} are not of their orders"
