"""Orders of spectral norms, alignments and the tangent kernel, which training itself does not compute.

**Norms and alignments.** The spectral norm of a random matrix is sigma sqrt(max(fan_in, fan_out)), that of an update of
rank O(1) is its Frobenius norm. The alignments of the three terms with their factors are ratios of orders.

**The tangent kernel** K = sum_l eta_l g_l^2 <j_l, j_l'> <h_(l-1), h_(l-1)'> (scalings.criteria.observables) changes
through inner products, and <h + dh, h' + dh'> - <h, h'> is of order

    |h|^2 x max(n^(-1/2), x),        x = |dh|/|h|:

twice the overlap of dh with h, generic or along it by x, and <dh, dh'> itself, x^2. The same holds for the signals
j = (df/dz)^T residual(0). They are backpropagated from a constant, so that dj is what dd is without the change of
the residual (`predict`): phi' dj_h + dphi' j_h, with dj_h = g W^T dj + g dW^T j of the layer above, and
|dphi'|/|phi'| = |dz|/|z| where phi is smooth, but its square root where phi' jumps.

So with |dz|/|z| = n^(r-1/2) the kernel changes by n^max(2r-1, r-1) if phi is smooth: by n^(-1) in the lazy limit, as
Dyer and Gur-Ari (arXiv 1909.11304) and Huang and Yau (arXiv 1909.08156) have it. For relu it is n^(r-1/2). That the
changes at jumps, of random sign, should not cancel, comes of their being seen by the gradient itself: dz of an
example differs on the two sides of its own jump, so that units leave one side more often than the other, by
a share |dz|/|z| of them. Measured, relu approaches this order slowly from below, while few units jump
(tests/agreement/test_tangent_kernel.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import inf

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import Dimension
from scalings.networks.functions import FUNCTIONS
from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, Elementwise, Weighted
from symbolic.orders.algebra import EXACT

HALF = Fraction(1, 2)
SLOPE_CHANGE = {name: HALF if one.kink else Fraction(1) for name, one in FUNCTIONS.items() if not one.linear}
"""The power of |dz|/|z| in |dphi'|; linear activations have none."""

Orders = Mapping[Observable, Exponent]


def spectral_norms(
    network: Network, parameterization: Parameterization, orders: Orders, steps: int, scale: str
) -> Iterator[tuple[Observable, Exponent]]:
    """|W|_2 of every matrix, at every step."""
    for layer, given in zip(network.layers, parameterization.layers, strict=True):
        if not isinstance(layer, MATRICES):
            continue
        random = given.init + HALF * max(layer.fan_in.order_in(scale), layer.fan_out.order_in(scale))
        yield Observable("W_spectral", layer.name, 0), random
        for step in range(1, steps + 1):
            update = orders[Observable("dW_spectral", layer.name, step)]
            yield Observable("W_spectral", layer.name, step), max(random, update)


def alignments(
    network: Network, parameterization: Parameterization, orders: Orders, steps: int
) -> Iterator[tuple[Observable, Exponent]]:
    """The alignments of passthrough and interaction, at every step."""
    below = ""
    for layer, scale in zip(network.layers, parameterization.layers, strict=True):
        for step in range(1, steps + 1):
            update = orders[Observable("dW_frobenius", layer.name, step)]
            # |dh| = |dz| of the layer below; the data does not move.
            moved = orders.get(Observable("dz", below, step), MINUS_INFINITY)
            through = orders[Observable("passthrough", layer.name, step)]
            both = orders[Observable("interaction", layer.name, step)]
            initial = orders[Observable("W_frobenius", layer.name, 0)]
            aligned = EXACT.ratio(through, scale.multiplier + initial + moved)
            yield Observable("passthrough_alignment", layer.name, step), aligned
            aligned = EXACT.ratio(both, scale.multiplier + update + moved)
            yield Observable("interaction_alignment", layer.name, step), aligned
        below = layer.name


def kernel_change(
    network: Network, parameterization: Parameterization, orders: Orders, step: int
) -> Iterator[tuple[Observable, Exponent]]:
    """The relative change of the tangent kernel of a multilayer perceptron.

    None where a representation or a signal starts at zero and moves: relative to zero there is no change.
    """
    activations = {node.source: node.activation for node in network.nodes if isinstance(node, Elementwise)}
    layers = list(zip(network.layers, parameterization.layers, strict=True))
    kernels, changes = [], []
    signal_change: Exponent = MINUS_INFINITY
    for (layer, scale), (below, _) in zip(reversed(layers), [*reversed(layers[:-1]), (None, None)], strict=True):
        signal = orders[Observable("d", layer.name, 0)]
        moved = MINUS_INFINITY if below is None else _ratio(below, orders, step)
        source = Fraction(0) if below is None else orders[Observable("z", below.name, 0)]
        if inf in (moved, signal_change):
            return
        change = max(_of_product(layer.fan_in, moved), _of_product(layer.fan_out, signal_change))
        kernels.append(EXACT.product(scale.lr, 2 * scale.multiplier, 2 * signal, 2 * source))
        changes.append(EXACT.product(kernels[-1], change))
        if below is not None:
            lower = orders[Observable("d", below.name, 0)]
            random = scale.init + HALF * max(layer.fan_in.order, layer.fan_out.order)
            update = orders[Observable("dW_frobenius", layer.name, step)]
            through = EXACT.product(scale.multiplier, signal, max(EXACT.product(random, signal_change), update))
            power = SLOPE_CHANGE.get(activations.get(below.name, "linear"))
            bent = EXACT.power(min(Fraction(0), moved), power) if power else MINUS_INFINITY
            signal_change = max(EXACT.ratio(through, lower), bent)
    yield Observable("ntk_change", "", step), EXACT.ratio(max(changes), max(kernels))


def _ratio(layer: Weighted, orders: Orders, step: int) -> Exponent:
    """|dh|/|h| behind a layer."""
    return EXACT.ratio(orders[Observable("dz", layer.name, step)], orders[Observable("z", layer.name, 0)])


def _of_product(fan: Dimension, change: Exponent) -> Exponent:
    """The relative change of inner products of vectors that change by this, relatively."""
    return EXACT.product(change, max(-HALF * fan.order, change))
