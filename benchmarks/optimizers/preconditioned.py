"""Optimizers that act on singular values and singular vectors of a gradient."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter

from benchmarks.optimizers.matrixwise import Matrixwise, State, adam, average


def power(gram: Tensor, exponent: float, eps: float = 1e-12) -> Tensor:
    """A power of a symmetric matrix, of eigenvalues that are at least a share eps of the largest; zero elsewhere."""
    values, vectors = torch.linalg.eigh(gram)
    kept = values > eps * values[-1]
    powers = torch.where(kept, values.clamp(min=torch.finfo(values.dtype).tiny) ** exponent, 0.0)
    made: Tensor = (vectors * powers) @ vectors.mT
    return made


def orthogonalized(matrix: Tensor) -> Tensor:
    """All its singular values made 1, but for those that are rounding."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = (values > 1e-12 * values[0]).to(matrix.dtype)
    made: Tensor = (left * kept) @ right
    return made


class Shampoo(Matrixwise):
    """L^(-e) G R^(-e), L and R the sums of G G^T and of G^T G (Gupta et al., arXiv 1802.09568; e = 1/2 is that of
    Anil et al., arXiv 2002.09018, and of Morwani et al., arXiv 2406.17748)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.1, exponent: float = 0.25) -> None:
        super().__init__(parameters, lr)
        self._exponent = exponent

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        left = state["left"] = state.get("left", 0.0) + gradient @ gradient.mT
        right = state["right"] = state.get("right", 0.0) + gradient.mT @ gradient
        return power(left, -self._exponent) @ gradient @ power(right, -self._exponent)


class Soap(Matrixwise):
    """Adam in the eigenbases of Shampoo's L and R (Vyas et al., arXiv 2409.11321), found anew every ten steps."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 3e-3) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        left = average(state, "left", gradient @ gradient.mT, 0.95)
        right = average(state, "right", gradient.mT @ gradient, 0.95)
        if state["step"] % 10 == 1:
            state["bases"] = tuple(torch.linalg.eigh(gram).eigenvectors for gram in (left, right))
        outputs, inputs = state["bases"]
        mean = average(state, "mean", gradient, 0.95) / (1 - 0.95 ** state["step"])
        rotated, seen = outputs.mT @ gradient @ inputs, outputs.mT @ mean @ inputs
        square = average(state, "second", rotated.square(), 0.95) / (1 - 0.95 ** state["step"])
        made: Tensor = outputs @ (seen / (square.sqrt() + 1e-8)) @ inputs.mT
        return made


class Psgd(Matrixwise):
    """P G with P = (Q_R^T Q_R) x (Q_L^T Q_L), fitted by whitening G (Li, arXiv 2402.04553, Kronecker factors), from
    the size of the first gradient's entries on."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3, fit: float = 0.1) -> None:
        super().__init__(parameters, lr)
        self._fit = fit

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        if state["step"] == 1:
            size = float(gradient.pow(4).mean()) ** 0.25 or 1.0
            scale = size ** (-1 / 4)
            state["factors"] = [scale * torch.eye(fan, dtype=gradient.dtype) for fan in gradient.shape]
            state["noise"] = torch.Generator().manual_seed(0)
        left, right = state["factors"]
        noise = torch.randn(gradient.shape, generator=state["noise"], dtype=gradient.dtype)
        whitened = left @ gradient @ right.mT
        other = torch.linalg.solve(left.mT, torch.linalg.solve(right.mT, noise.mT).mT)
        for factor, one, two in ((left, whitened, other), (right, whitened.mT, other.mT)):
            now, target = one @ one.mT, two @ two.mT
            size = torch.linalg.matrix_norm(now + target, ord=2)
            factor.sub_((now - target) @ factor, alpha=self._fit / float(size))
        made: Tensor = left.mT @ left @ gradient @ right.mT @ right
        return made


class Dion(Matrixwise):
    """Muon of a low rank: one power iteration on momentum, with what is left over fed back (Ahn et al., arXiv
    2504.05295); steps times sqrt(fan_out / fan_in)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.01, rank: int = 16) -> None:
        super().__init__(parameters, lr)
        self._rank = rank

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        fan_out, fan_in = gradient.shape
        if state["step"] == 1:
            noise = torch.Generator().manual_seed(0)
            state["moment"] = torch.zeros_like(gradient)
            state["right"] = torch.randn(fan_in, self._rank, generator=noise, dtype=gradient.dtype)
        moment = state["moment"].add_(gradient)
        left = torch.linalg.qr(moment @ state["right"]).Q
        right = moment.mT @ left
        moment.sub_(left @ right.mT, alpha=0.05)
        state["right"] = right / (torch.linalg.vector_norm(right, dim=0) + 1e-8)
        made: Tensor = (fan_out / fan_in) ** 0.5 * left @ state["right"].mT
        return made


class Scion(Matrixwise):
    """Orthogonalized momentum times sqrt(fan_out / fan_in) (Pethick et al., arXiv 2502.07529, hidden layers)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.01) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        fan_out, fan_in = gradient.shape
        made: Tensor = (fan_out / fan_in) ** 0.5 * orthogonalized(average(state, "moment", gradient, 0.9))
        return made


class NorMuon(Matrixwise):
    """Muon with the rows of its steps made alike in size, and these 0.2 in each entry (Li et al., arXiv 2510.05491)."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.01) -> None:
        super().__init__(parameters, lr)

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        step = orthogonalized(average(state, "moment", gradient, 0.95))
        rows = average(state, "rows", step.square().mean(dim=1, keepdim=True), 0.95)
        scaled = step / (rows.sqrt() + 1e-8)
        made: Tensor = 0.2 * step.numel() ** 0.5 * scaled / scaled.norm()
        return made


class GaLore(Matrixwise):
    """Adam of the gradient's part along its first singular vectors, on its shorter side (Zhao et al., arXiv
    2403.03507), found anew every 200 steps."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 0.01, rank: int = 4) -> None:
        super().__init__(parameters, lr)
        self._rank = rank

    def direction(self, gradient: Tensor, weight: Tensor, state: State) -> Tensor:
        tall = gradient.shape[0] > gradient.shape[1]
        wide = gradient.mT if tall else gradient
        if state["step"] % 200 == 1:
            state["basis"] = torch.linalg.svd(wide, full_matrices=False).U[:, : self._rank]
        basis: Tensor = state["basis"]
        step = 0.25 * basis @ adam(basis.mT @ wide, state)
        return step.mT if tall else step
