"""Steps of an optimizer on the weights of a graph, each (copies, seeds, *shape), every matrix by itself.

| optimizer | step |
|---|---|
| sgd | eta G |
| sign | eta sign(G) |
| adam, adamw | eta times the first moment over the root of the second, eps = 0 (0/0 read as no step) |
| muon | eta times the polar factor of G: all its singular values become 1; of vectors and kernels, eta G / |G| |

adamw also takes the fraction eta lambda of every matrix. The polar factor is exact, not iterated, and takes singular
values below 1e-6 of the largest for zero: G has the rank of the batch at most, and beyond that only rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.engines.graph.module import Graph
from scalings.errors import ArgumentError
from scalings.networks.nodes import MATRICES

MEASURABLE = ("sgd", "sign", "adam", "adamw", "muon")
_BETAS = (0.9, 0.999)
_SMALLEST = 1e-6


class Steps:
    """The state of one optimizer over one graph. Raises ArgumentError for an optimizer that is not there."""

    def __init__(self, graph: Graph, optimizer: str, rank: int) -> None:
        check_graph_optimizer(optimizer)
        self._graph, self._optimizer, self._rank, self._taken = graph, optimizer, rank, 0
        self._moments: dict[str, tuple[Tensor, Tensor]] = {}

    def take(self, gradients: dict[str, Tensor]) -> None:
        """One step, from the gradients of all weights."""
        self._taken += 1
        setting = self._graph.setting
        for weight, gradient in gradients.items():
            is_matrix = isinstance(self._graph.owners[weight], MATRICES)
            rate = setting.rate * setting.power(weight, "lr")
            update = self._graph.updates[weight].data
            if self._optimizer == "adamw" and is_matrix:
                fraction = rate * setting.decay * setting.power(weight, "decay")
                self._graph.shrunk[weight] += fraction * (1 - self._graph.shrunk[weight])
                update *= 1 - fraction
            update -= rate * self._direction(weight, gradient, is_matrix)

    def _direction(self, weight: str, gradient: Tensor, is_matrix: bool) -> Tensor:
        match self._optimizer:
            case "sgd":
                return gradient
            case "sign":
                return gradient.sign()
            case "muon":
                return polar(gradient, self._rank) if is_matrix else _unit(gradient)
        return self._adam(weight, gradient)

    def _adam(self, weight: str, gradient: Tensor) -> Tensor:
        if weight not in self._moments:
            self._moments[weight] = torch.zeros_like(gradient), torch.zeros_like(gradient)
        (first, second), (b1, b2) = self._moments[weight], _BETAS
        first.mul_(b1).add_(gradient, alpha=1 - b1)
        second.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        size = (second / (1 - b2**self._taken)).sqrt_()
        return torch.where(size == 0, 0.0, first / (1 - b1**self._taken) / size)


def check_graph_optimizer(optimizer: str) -> None:
    """Raises ArgumentError, naming those that can be measured."""
    if optimizer not in MEASURABLE:
        raise ArgumentError("optimizer", f"expected one of {', '.join(MEASURABLE)}, but got {optimizer!r}")


def polar(gradient: Tensor, rank: int) -> Tensor:
    """U V^T of G = U S V^T, for a batch of matrices of at most this rank."""
    rows, columns = gradient.shape[-2:]
    if rows > columns:
        return polar(gradient.mT, rank).mT
    left = torch.eye(rows, dtype=gradient.dtype, device=gradient.device)
    small = gradient
    if rank < rows:  # a basis of G's range: G times any block of `rank` generic vectors
        generator = torch.Generator(gradient.device).manual_seed(0)
        block = torch.randn(columns, rank, dtype=gradient.dtype, device=gradient.device, generator=generator)
        left = torch.linalg.qr(gradient @ block)[0]
        small = left.mT @ gradient
    u, s, v = torch.linalg.svd(small, full_matrices=False)
    kept = (s > _SMALLEST * s[..., :1]).to(s.dtype)
    found: Tensor = left @ ((u * kept[..., None, :]) @ v)
    return found


def _unit(gradient: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(gradient.flatten(2), dim=2)
    return gradient / torch.where(norm == 0, 1.0, norm)[(..., *[None] * (gradient.dim() - 2))]
