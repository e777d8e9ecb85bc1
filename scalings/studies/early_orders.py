"""Which measured orders may be held against derived ones, and which are not yet asymptotic: theory itself foretells, of
the sizes of weights and steps at these widths, that their slopes are not their orders there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, power_of
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.nodes import Bias, Weight
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
    """
    last = max(one.step for one in orders)
    slopes = _foretold(read, widths, last, rates=1 / _CONSTANT if loosely else 1.0)
    hidden = _foretold(read, widths, 1, added=_CONSTANT)

    def is_early(one: Observable, fit: Fit | Diverged) -> bool:
        order = orders.get(one, MINUS_INFINITY)
        if one not in slopes or order == MINUS_INFINITY or not isinstance(fit, Fit):
            return False
        if (one.quantity, one.step) in AT_FIRST and one in hidden:
            reach = sorted((float(order), slopes[one], hidden[one]))
            if reach[-1] - reach[0] > _OFF and reach[0] - _OFF <= fit.plain <= reach[-1] + _OFF:
                return True
        off = abs(slopes[one] - order)
        return off > _OFF and abs(fit.plain - slopes[one]) <= max(_OFF, off / 2)

    return frozenset(one for one, fit in measured.items() if is_early(one, fit))


def _foretold(
    read: Reading, widths: tuple[int, ...], steps: int, *, rates: float = 1.0, added: float = 1.0
) -> dict[Observable, float]:
    """The slopes that sizes have over these widths, with all rates and with what is added at the start multiplied."""
    translation, reference = read.traced.translation, read.traced.widths[-1]
    layers = translation.network.layers
    settings = [read.seen[translation.weights[node.weight][-1]] for node in layers]
    options = [None if node.frozen else one.options for node, one in zip(layers, settings, strict=True)]
    factors = [added if isinstance(node, Bias | Weight) else 1.0 for node in layers]

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

    return modules.foretold(read.problem, weights_at, widths, steps)


def early_note(early: Collection[Observable]) -> Iterator[str]:
    """What is said of them, if there are any."""
    names = sorted({one.layer or "the loss" for one in early})
    if names:
        why = "at these widths, as theory foretells of these sizes"
        yield f"{NOT_YET}: {why}, values of {listed(names)} are not of their orders"
