"""Perceptrons: a multilayer perceptron's layers at one width, with every power of the width worked out.

    g_l = n^multiplier,  sigma_l = init gain n^init,  eta_l = lr n^lr,  lambda_l = decay n^decay,  eps_l ~ n^epsilon,

each times its power of gamma. `init`, `lr`, `decay` and the gain do not depend on the width. The gain of a layer
behind an activation phi is 1 / sqrt(E phi(u)^2), u ~ N(0, 1), so that with hidden scales n^(-1/2) preactivations have
variance 1 at any depth; the data has |h_0| = 1, so the first layer needs none. No exponent depends on it, but how far
finite widths are from their limit does.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from empirical.tensors.activations import PHI, Phi
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import power_of
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network, wrong_depth
from scalings.networks.nodes import INPUT, Dense, Elementwise, Role, sources
from scalings.results.trials import Training


@dataclass(frozen=True)
class Layer:
    """One layer at one width: g, sigma, eta, the activation behind it (linear at the output), lambda, its law, and
    Adam's epsilon, 0 if it has none."""

    name: str
    role: Role
    shape: tuple[int, int]
    """(fan_out, fan_in)"""
    multiplier: float
    scale: float
    lr: float
    phi: Phi
    decay: float = 0.0
    optimizer: str = "sgd"
    epsilon: float = 0.0


@dataclass(frozen=True)
class Perceptron:
    """The layers at one width, from input to output."""

    width: int
    layers: tuple[Layer, ...]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        return tuple(layer.shape for layer in self.layers)


def perceptron(network: Network, parameterization: Parameterization, training: Training, width: int) -> Perceptron:
    """The network at this width.

    Raises ArgumentError for what is not a multilayer perceptron, and for another number of exponents than layers.
    """
    activations = _activations(network)
    if parameterization.depth != network.depth:
        raise wrong_depth(network, parameterization.depth)
    gamma = float(parameterization.gamma)
    layers: list[Layer] = []
    dense = [node for node in network.nodes if isinstance(node, Dense)]
    rows = zip(dense, parameterization.layers, training.laws_of(network), strict=True)
    for index, (node, power, law) in enumerate(rows):
        gain = activations[index - 1].gain if index else 1.0
        exponents = (power.multiplier, power.init, power.lr, power.decay or Fraction(0))
        g, sigma, eta, shrinking = (power_of(width, exponent) for exponent in exponents)
        if parameterization.gamma_powers:
            prefactor = parameterization.gamma_powers[index]
            g *= power_of(gamma, prefactor.multiplier)
            sigma *= power_of(gamma, prefactor.init)
            eta *= power_of(gamma, prefactor.lr)
            shrinking *= power_of(gamma, prefactor.decay or Fraction(0))
        shape = node.shape(width)
        of_lr, of_decay = training.factors(law)
        scale, lr, decay = (
            training.init * gain * sigma,
            training.lr * of_lr * eta,
            training.decay * of_decay * shrinking,
        )
        epsilon = 0.0 if power.epsilon is None else training.epsilon(index) * power_of(width, power.epsilon)
        layers.append(Layer(node.name, node.role, shape, g, scale, lr, activations[index], decay, law.name, epsilon))
    return Perceptron(width, tuple(layers))


def _activations(network: Network) -> tuple[Phi, ...]:
    """What follows each dense node, checking that the nodes are dense and elementwise in turn, each on the last."""
    source = INPUT
    for position, node in enumerate(network.nodes):
        if not isinstance(node, Elementwise if position % 2 else Dense) or sources(node) != (source,):
            raise ArgumentError(
                "network",
                "expected a multilayer perceptron, dense and elementwise operations in turn and each on the one before"
                f" it, but operation {position + 1}, {node.name!r}, is {type(node).__name__} of {sources(node)[0]!r}",
            )
        source = node.name
    layers = len(network.nodes) // 2 + 1
    if len(network.nodes) % 2 == 0 or network.depth < layers:
        raise ArgumentError(
            "network",
            "expected a multilayer perceptron that ends with a dense layer and has a weight matrix for each layer,"
            f" but got {len(network.nodes)} operations, {layers} layers and {network.depth} weight matrices",
        )
    others = [node.activation for node in network.nodes if isinstance(node, Elementwise) and node.activation not in PHI]
    if others:
        raise ArgumentError("network", f"expected an activation among {', '.join(PHI)} here, but got {others[0]}")
    hidden = [PHI[node.activation] for node in network.nodes if isinstance(node, Elementwise)]
    return (*hidden, PHI["linear"])
