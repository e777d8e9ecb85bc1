"""The initial weights of a multilayer perceptron: drawn in full, or revealed where they are touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from empirical.engines.mlp.perceptron import Perceptron
from empirical.tensors.buffers import BufferPool
from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.random_numbers import Stream, filler
from empirical.weights.dense import DenseWeights, Weights
from empirical.weights.revealed import FreeWeights
from scalings.results.trials import EngineName, Training


def draw_revealed(
    perceptron: Perceptron, seeds: Sequence[int], device: str, *, room: int = 0, pool: BufferPool | None = None
) -> tuple[Weights, ...]:
    """W(0) of every layer for these seeds, none of it yet revealed but the output layer.

    The numbers are a function of (width, seed), of the kind of device and of the precision, others than the dense
    engine's. `room` is how many directions there will be.
    """
    layers: list[Weights] = []
    pool = pool or BufferPool(device)
    for number, layer in enumerate(perceptron.layers):
        streams = [Stream((seed, perceptron.width, number), device) for seed in seeds]
        if layer.role == "output":
            # n numbers for each output unit: fewer than the batch has directions.
            matrices = pool.empty(len(streams), *layer.shape)
            for matrix, stream in zip(matrices, streams, strict=True):
                stream.fill(matrix)
            layers.append(DenseWeights(matrices.mul_(layer.scale), pool))
        else:
            layers.append(
                FreeWeights([GaussianMatrix(layer.shape, layer.scale, s, room=room, pool=pool) for s in streams], pool)
            )
    return tuple(layers)


def directions(training: Training) -> tuple[int, int]:
    """How many vectors W(0) and its transpose are applied to; the tangent kernel sends a second signal back.

    Of a coordinate check nobody looks at the signals of the last step, which are not sent back.
    """
    steps = training.steps
    back = steps if training.observing == "coordinates" else steps * (2 if training.kernel else 1) + 1
    return training.batch * (steps + 1), training.batch * back


def draw(
    perceptron: Perceptron, training: Training, seeds: Sequence[int], device: str, engine: EngineName, pool: BufferPool
) -> tuple[Weights, ...]:
    """The initial weights of an engine, of the pool's kind."""
    if engine == "dense":
        return draw_dense(perceptron, seeds, device, pool)
    return draw_revealed(perceptron, seeds, device, room=max(directions(training)), pool=pool)


def draw_dense(
    perceptron: Perceptron, seeds: Sequence[int], device: str, pool: BufferPool | None = None
) -> tuple[DenseWeights, ...]:
    """W(0) of every layer for these seeds; a layer's scale 0 gives zeros.

    The numbers are a function of (width, seed), of the kind of device and of the precision.
    """
    pool = pool or BufferPool(device)
    matrices = [pool.empty(len(seeds), *shape) for shape in perceptron.shapes]
    for index, seed in enumerate(seeds):
        fill = filler(np.random.SeedSequence((seed, perceptron.width)), pool.kind, pool.device)
        for matrix in matrices:
            fill(matrix[index])
    return tuple(
        DenseWeights(matrix.mul_(layer.scale), pool) for matrix, layer in zip(matrices, perceptron.layers, strict=True)
    )
