"""Training a network beside its derived orders, and beside neighbouring theories that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from empirical.engines.engine import Scaling
from empirical.statistics import regression
from empirical.sweeps.measure import measure
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import transformer
from scalings.networks.dimensions import Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Node, Repeat, Scores
from scalings.results.fits import Fit
from scalings.results.trials import Training
from symbolic.derivation.derive import derive
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train

WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
WIDE = (64, 96, 128, 192, 256, 320, 384, 512)
SQUARES = (64, 100, 144, 196, 256, 324, 400, 576)
"""Of which n^(1/2) is a whole number."""
NARROW = (16, 24, 32, 48, 64, 96, 128, 192)
"""For networks whose layers see many positions."""
DEPTHS = (4, 6, 8, 12, 16, 24, 32, 64, 128, 256)
DELTA = 0.05
QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)
CHANGES = ("dz", "layer", "passthrough", "dW_frobenius")
ENDS_AND_MIDDLE = ("0", "1/4", "1/2")


@dataclass(frozen=True)
class Experiment:
    """What was measured, of one network that was trained by one parameterization, and all that predicts it."""

    network: Network
    given: Parameterization
    training: Training
    variable: str
    fits: Mapping[Observable, Fit]

    def predicted(self, given: Parameterization | None = None) -> dict[Observable, Exponent]:
        used = given or self.given
        law, loss = self.training.law, self.training.loss
        problem = Problem(self.network, law, self.variable, loss)
        return dict(train(problem, used.layers, EXACT, self.training.steps, scales=used.scales))

    def asserted(self, slow: Sequence[str] = ()) -> dict[Observable, Fit]:
        """Without what is `slow`, by the beginning of its name ("passthrough readout")."""
        return {
            observable: fit
            for observable, fit in self.fits.items()
            if observable in self.predicted() and is_asserted(observable)
            if not any(f"{observable.quantity} {observable.layer}".startswith(name) for name in slow)
        }


def is_asserted(observable: Observable) -> bool:
    if observable.quantity in ("z", "d"):
        return observable.step == 0
    return observable.quantity in CHANGES or (observable.quantity == "gradient" and observable.step == 1)


def experiment(
    network: Network,
    given: Parameterization,
    training: Training,
    widths: Sequence[int],
    seeds: int,
    scaling: Scaling = Scaling(),  # noqa: B008 - frozen
) -> Experiment:
    measured = measure(network, given, training, widths=widths, seeds=seeds, scaling=scaling)
    fits = {observable: fit for observable, fit in measured.fits.items() if isinstance(fit, Fit)}
    return Experiment(network, given, training, scaling.variable, fits)


def p_value(fit: Fit, exponent: Exponent) -> float:
    """Of the exponent being within the margin."""
    return regression.p_value(fit, float(exponent), DELTA)


def refuted(fits: Mapping[Observable, Fit], orders: Mapping[Observable, Exponent]) -> list[str]:
    """The exponents that are refuted after Holm's correction."""
    ranked = sorted((p_value(fit, orders[observable]), observable) for observable, fit in fits.items())
    found = []
    for number, (p, observable) in enumerate(ranked):
        if p * (len(ranked) - number) >= 0.05:
            break
        fit = fits[observable]
        found.append(f"{observable}: derived {orders[observable]}, measured [{fit.low:.3f}, {fit.high:.3f}]")
    return found


def neighbours(given: Parameterization) -> Iterator[Parameterization]:
    """One learning rate, or one multiplier, moved by 1/4."""
    for by in (QUARTER, -QUARTER):
        for number, layer in enumerate(given.layers):
            if layer.lr != MINUS_INFINITY:
                moved = replace(layer, lr=layer.lr + by)
                yield replace(given, layers=(*given.layers[:number], moved, *given.layers[number + 1 :]))
        for number, scale in enumerate(given.scales):
            yield replace(given, scales=(*given.scales[:number], scale + by, *given.scales[number + 1 :]))


def confirm(found: Experiment, slow: Sequence[str] = (), least: int = 20) -> None:
    """Nothing is refuted, and everything that is wrong by 1/4 is."""
    fits, orders = found.asserted(slow), found.predicted()
    assert len(fits) >= least
    assert not refuted(fits, orders)
    for observable, fit in fits.items():
        for by in (QUARTER, -QUARTER):
            assert p_value(fit, orders[observable] + by) < 0.05, f"{observable}: {fit} cannot tell"
    for neighbour in neighbours(found.given):
        others = found.predicted(neighbour)
        told = {observable: fit for observable, fit in fits.items() if others[observable] != orders[observable]}
        assert refuted(told, others), neighbour


def member(network: Network, law: str, r: str, **options: object) -> Parameterization:
    family = derive(network, law, **options).family  # type: ignore[arg-type]
    assert family is not None
    return family.member(r)


def how(optimizer: str, **options: object) -> Training:
    """Steps small enough that the residual changes little: how it does is no power of the width."""
    rate = {"sgd": 0.1, "muon": 0.02}.get(optimizer, 0.01)
    return replace(Training(optimizer=optimizer, lr=rate, batch=8, steps=2), **options)  # type: ignore[arg-type]


def with_heads(network: Network, heads: Dimension, head_size: Dimension) -> Network:
    """The architectures' heads are too large for networks as small as these."""

    def smaller(node: Node) -> Node:
        if isinstance(node, Repeat):
            return replace(node, nodes=tuple(map(smaller, node.nodes)))
        return replace(node, heads=heads, head_size=head_size) if isinstance(node, Scores) else node

    return Network(tuple(map(smaller, network.nodes)))


def decoder(blocks: int = 1, **options: object) -> Network:
    """A transformer whose heads grow in number, of size 4."""
    network = transformer(blocks, vocabulary=16, grows="heads", **options)  # type: ignore[arg-type]
    return with_heads(network, Dimension(QUARTER, Fraction(1)), fixed(4))


def equation(name: str, value: int) -> str:
    return f"{name} {'-' if value > 0 else '+'} {abs(value)}" if value else name


def agrees(found: Experiment, quantity: str, layer: str, step: int, exponent: Fraction | int) -> None:
    """One exponent is derived, is not refuted by what was measured, and would be if it were wrong by 1/4."""
    observable = next(o for o in found.fits if (o.quantity, o.layer, o.step) == (quantity, layer, step))
    fit = found.fits[observable]
    assert quantity == "dd" or found.predicted()[observable] == exponent
    assert p_value(fit, exponent) >= 0.05, f"{observable}: {fit}"
    for by in (QUARTER, -QUARTER):
        assert p_value(fit, exponent + by) < 0.05, f"{observable}: {fit} cannot tell"
