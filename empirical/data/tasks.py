"""Tasks: inputs and targets for any network, in the form that its first operation reads.

- Dense: digits as vectors of norm 1 (`empirical.data.examples`).
- Convolution, depthwise or not: the same digits as images of 4 x 4 positions (each the mean of 2 x 2 pixels, or of
  7 x 7 for MNIST), scaled so that the mean square of a position is 1. Colour c is the image turned by c quarters.
- Embedding: the first 8 letters of each of the 14 lines of a sonnet, one-hot; the target is the next letter.
  A letter's number is taken modulo the vocabulary; a space is letter 26.

Targets are one-hot, of norm 1. Nothing here depends on the width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from empirical.data import examples
from empirical.tensors.arrays import Array
from scalings.errors import ArgumentError
from scalings.networks.network import Network
from scalings.networks.nodes import Convolution, Dense, Embedding
from scalings.results.trials import Training

SIDE = 4
"""The number of rows, and of columns, of positions in an image."""
WINDOW = 8
"""The number of letters in a text."""
# Shakespeare, Sonnet 18, with its punctuation removed.
_SONNET = """shall i compare thee to a summers day
thou art more lovely and more temperate
rough winds do shake the darling buds of may
and summers lease hath all too short a date
sometime too hot the eye of heaven shines
and often is his gold complexion dimmd
and every fair from fair sometime declines
by chance or natures changing course untrimmd
but thy eternal summer shall not fade
nor lose possession of that fair thou owst
nor shall death brag thou wanderst in his shade
when in eternal lines to time thou growst
so long as men can breathe or eyes can see
so long lives this and this gives life to thee"""


@dataclass(frozen=True)
class Task:
    """What to train on: `inputs` (batch, positions, units), `targets` (batch, positions of the output, outputs)."""

    inputs: Array
    targets: Array


def load(network: Network, training: Training) -> Task:
    """The first `training.batch` examples for this network.

    Raises ArgumentError for a network that cannot read the data, and for an output that grows.
    """
    first, outputs = network.nodes[0], network.units[network.output.name]
    if outputs.grows:
        raise ArgumentError("network", f"expected an output of a fixed size, but {network.output.name} grows")
    if isinstance(first, Embedding):
        return _text(training.batch, first.vocabulary.at(1), outputs.at(1))
    loaded = examples.load(training.data, training.batch, outputs=outputs.at(1))
    targets = loaded.targets[:, None, :]
    if isinstance(first, Convolution):
        return Task(images(loaded.inputs, first.channels_in.at(1)), targets)
    if not isinstance(first, Dense):
        raise ArgumentError(
            "network", f"expected a first operation with a weight matrix, but {first.name} is {type(first).__name__}"
        )
    has, needs = first.fan_in.at(1), loaded.inputs.shape[1]
    if first.fan_in.grows or has != needs:
        raise ArgumentError("network", f"expected {needs} inputs, as {training.data} has, but got {has}")
    return Task(loaded.inputs[:, None, :], targets)


def images(vectors: Array, colors: int) -> Array:
    """Pixels (images, pixels) as images of SIDE x SIDE positions, (images, positions, colors), as the module says."""
    side = int(np.sqrt(vectors.shape[1]))
    block = side // SIDE
    coarse = vectors.reshape(-1, SIDE, block, SIDE, block).mean(axis=(2, 4))
    stacked = np.stack([np.rot90(coarse, color, axes=(1, 2)) for color in range(colors)], axis=-1)
    flat = stacked.reshape(len(vectors), SIDE * SIDE, colors)
    size: Array = np.sqrt(np.mean(np.sum(flat**2, axis=2), axis=1))
    return flat / size[:, None, None]


def _text(batch: int, vocabulary: int, outputs: int) -> Task:
    lines = _SONNET.split("\n")
    if not 1 <= batch <= len(lines):
        raise ArgumentError("batch", f"expected 1 to {len(lines)} lines of text, but got {batch}")
    letters = np.array([[_number(letter) for letter in line[: WINDOW + 1]] for line in lines[:batch]])
    return Task(np.eye(vocabulary)[letters[:, :-1] % vocabulary], np.eye(outputs)[letters[:, 1:] % outputs])


def _number(letter: str) -> int:
    return 26 if letter == " " else ord(letter) - ord("a")
