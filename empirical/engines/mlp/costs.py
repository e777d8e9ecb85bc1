"""Costs of one seed of a multilayer perceptron: operations, bytes, and what its time is made of.

With fans (m, k) at each layer and B examples, a seed's time at width n is close to

    alpha B sum (m + k)  +  beta sum m k,

the first term for what is done to blocks of vectors (activations, norms, dW in its factors), the second for drawing
W(0) and multiplying with it, which is not done matrix-free.

**Which engine is cheaper** is a count of operations, which for a batch of B examples and t steps, K = B (t + 1) without
the tangent kernel, B (3t + 2) / 2 with it and B (t + 1/2) for a coordinate check, is

    dense  m k,        matrix-free  (m + k) (300 + 2 K)

a hidden layer. The constants were fitted to one core's times for K of 40, 64 and 256, where the two engines took
equally long at widths of about 750, 850 and 1600.
"""

from __future__ import annotations

import math

from empirical.engines.mlp.drawing import directions
from empirical.engines.mlp.perceptron import Perceptron
from empirical.engines.mlp.training import kind
from empirical.weights.entrywise_laws import matrices
from scalings.results.trials import EngineName, Training


def operations(perceptron: Perceptron, training: Training, engine: EngineName) -> float:
    """Of all hidden layers."""
    shapes = [layer.shape for layer in perceptron.layers if layer.role == "hidden"]
    if engine == "dense":
        return sum(fan_out * fan_in for fan_out, fan_in in shapes)
    return operations_a_unit(training) * sum(fan_out + fan_in for fan_out, fan_in in shapes)


def operations_a_unit(training: Training) -> float:
    """Of a hidden layer that is revealed, for each unit on either side of it."""
    return 300 + 2 * sum(directions(training)) / 2


def seed_bytes(perceptron: Perceptron, training: Training, engine: EngineName) -> int:
    """The bytes that training one seed takes."""
    # Matrices: W(0), and for the elementwise laws dW, G, its sign; Adam's moments and temporaries.
    # Blocks: a state and temporaries, and for the dense engine the factors of dW, old and new. Gram matrices of one
    # layer's factors.
    weights = _matrices(perceptron) if engine == "dense" else _revealed(perceptron, training)
    rank = 0 if training.checkpoints else training.batch * training.steps  # in full if it is long
    grams = max(4 * min(rank**2, fan_out * fan_in) for fan_out, fan_in in perceptron.shapes)
    blocks = units(perceptron) * training.batch * _blocks(training, engine)
    return kind(training).itemsize * (weights + blocks + grams)


def units(perceptron: Perceptron) -> int:
    """On both sides of all layers."""
    return sum(fan_out + fan_in for fan_out, fan_in in perceptron.shapes)


def entries(perceptron: Perceptron) -> int:
    """Of all matrices."""
    return sum(fan_out * fan_in for fan_out, fan_in in perceptron.shapes)


def _matrices(perceptron: Perceptron) -> int:
    """Numbers that layers hold whose matrices are drawn in full."""
    return sum(matrices(layer.optimizer) * math.prod(layer.shape) for layer in perceptron.layers)


def _revealed(perceptron: Perceptron, training: Training) -> int:
    """Numbers that matrix-free layers hold: bases and images, and dW where it is not in these bases."""
    (forward, backward), total = directions(training), 0
    for layer in perceptron.layers:
        fan_out, fan_in = layer.shape
        if layer.role == "output":
            total += 2 * fan_out * fan_in
        elif layer.role == "input":
            total += min(training.batch, fan_in) * (2 * fan_out + fan_in)
        else:
            total += (min(forward, fan_in) + min(backward, fan_out)) * (fan_out + fan_in)
    return total


def _blocks(training: Training, engine: EngineName) -> int:
    """Blocks of a layer's units in use at a time; factors outside of the bases of W(0) are kept, with their images."""
    factored = not training.checkpoints and (engine == "dense" or training.optimizer != "sgd")
    return 7 + 3 * training.kernel + (3 + 3 * training.steps if factored else 0)
