"""Laws that keep the low rank of gradients, for a batch of seeds at once, each in two forms of one function.

With the gradients as matrices, a law makes a matrix of them, as one that acts on entries does. With G_s = U_s^T V_s
the gradient of step s and U, V the rows of all steps so far, it is a matrix S of k x k coefficients (k = batch *
steps so far), for a step

    dW  =  -eta U^T S V,

and S follows from the Gram matrices U U^T and V V^T alone. With roots U U^T = A A^T and V V^T = B B^T, so that
A^+ U has orthonormal rows, any function of singular values is one of the k x k matrix A^T D B:

    U^T D V  =  (A^+ U)^T (A^T D B) (B^+ V).

D is diagonal, and weighs the steps: 1 for the last one (SGD), powers of 0.9 (momentum).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from empirical.tensors.singular_values import newton_schulz, power, root
from empirical.weights import decay
from empirical.weights.gradient_factors import Past
from empirical.weights.law import Law, Size, divided, trust_ratio


class LowRankLaw(Law, Protocol):
    """A law in both forms: called with matrices, or asked for S."""

    def coefficients(self, past: Past, /) -> Tensor:
        """S, of shape (seeds, k, k); where it is diagonal only its diagonal, (seeds, k), with one seed if they
        agree."""
        ...


@dataclass(frozen=True)
class Momentum:
    """The gradients so far, weighted by beta^age, as torch.optim.SGD has it: SGD itself with beta = 0."""

    beta: float = 0.0
    nesterov: bool = False
    local: ClassVar[bool] = True

    @property
    def moments(self) -> int:
        return 1 if self.beta else 0

    def weights(self, ages: Tensor) -> Tensor:
        """The share of a gradient of this age."""
        powers = self.beta**ages
        return (ages == 0).to(ages.dtype) + self.beta * powers if self.nesterov else powers

    def coefficients(self, past: Past) -> Tensor:
        return self.weights(past.ages)[None]

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], _step: int, _size: Size) -> Tensor:
        if not self.beta:
            return gradient
        (moment,) = moments
        moment.mul_(self.beta).add_(gradient)
        return gradient.add_(moment, alpha=self.beta) if self.nesterov else moment


@dataclass(frozen=True)
class Scaled:
    """The gradient times a number that depends on |G|_F and |W|_F, both (seeds,)."""

    factor: Callable[[Tensor, Size], Tensor]
    local: ClassVar[bool] = False
    moments: ClassVar[int] = 0

    def coefficients(self, past: Past) -> Tensor:
        return self.factor(past.size, past.weight)[:, None] * Momentum().coefficients(past)

    def __call__(self, gradient: Tensor, _moments: Sequence[Tensor], _step: int, size: Size) -> Tensor:
        return gradient.mul_(self.factor(torch.linalg.vector_norm(gradient, dim=(1, 2)), size)[:, None, None])


@dataclass(frozen=True)
class Muon:
    """`adjustment` of (fan_out, fan_in) is what the orthogonalised step is multiplied with."""

    adjustment: Callable[[int, int], float] = lambda *_: 1.0
    momentum: Momentum = Momentum(0.95, nesterov=True)
    local: ClassVar[bool] = False
    moments: ClassVar[int] = 1

    def coefficients(self, past: Past) -> Tensor:
        left, left_inverse = root(past.left)
        right, right_inverse = root(past.right)
        core = self._orthogonalized((left.mT * self.momentum.coefficients(past)[:, None]) @ right)
        step: Tensor = left_inverse.mT @ core @ right_inverse
        return self.adjustment(*past.shape) * step

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], step: int, size: Size) -> Tensor:
        mean = self.momentum(gradient, moments, step, size)
        return self._orthogonalized(mean).mul_(self.adjustment(*gradient.shape[1:]))

    @staticmethod
    def _orthogonalized(matrix: Tensor) -> Tensor:
        return newton_schulz(matrix * divided(1.0, torch.linalg.vector_norm(matrix, dim=(1, 2)))[:, None, None])


@dataclass
class Shampoo:
    """L^(-left) G R^(-right), with L and R summed over all steps."""

    left: float = 0.25
    right: float = 0.25
    local: ClassVar[bool] = False
    moments: ClassVar[int] = 0
    _over_outputs: Tensor | None = None
    _over_inputs: Tensor | None = None

    def coefficients(self, past: Past) -> Tensor:
        left, left_inverse = root(past.left)
        right, right_inverse = root(past.right)
        # sum_s G_s G_s^T = U^T (V V^T restricted to pairs of rows of one step) U, and likewise on the right.
        over_outputs = left.mT @ (past.right * past.same_step) @ left
        over_inputs = right.mT @ (past.left * past.same_step) @ right
        core = self._preconditioned(
            (left.mT * Momentum().coefficients(past)[:, None]) @ right, over_outputs, over_inputs
        )
        step: Tensor = left_inverse.mT @ core @ right_inverse
        return step

    def __call__(self, gradient: Tensor, _moments: Sequence[Tensor], _step: int, _size: Size) -> Tensor:
        over_outputs, over_inputs = gradient @ gradient.mT, gradient.mT @ gradient
        if self._over_outputs is not None and self._over_inputs is not None:
            over_outputs, over_inputs = self._over_outputs + over_outputs, self._over_inputs + over_inputs
        self._over_outputs, self._over_inputs = over_outputs, over_inputs
        return self._preconditioned(gradient, over_outputs, over_inputs)

    def _preconditioned(self, gradient: Tensor, over_outputs: Tensor, over_inputs: Tensor) -> Tensor:
        found: Tensor = power(over_outputs, -self.left) @ gradient @ power(over_inputs, -self.right)
        return found


@dataclass(frozen=True)
class KroneckerFactors:
    """K-FAC's B^(-left) G A^(-right): A = mean of h h^T and B = mean of (g d)(g d)^T over this step's examples, on
    their ranges. With rows of h in H and of g d in D the step is

        D^T (D D^T / batch)^(-left) (H H^T / batch)^(-right) H / batch,

    which takes D and H apart: their product alone, the gradient, does not tell it."""

    left: float = 1.0
    right: float = 1.0
    local: ClassVar[bool] = False
    moments: ClassVar[int] = 0

    def coefficients(self, past: Past) -> Tensor:
        batch = past.batch
        outputs, inputs = (gram[:, -batch:, -batch:] for gram in (past.left, past.right))  # rows D / batch, and H
        core = power(outputs * batch, -self.left) @ power(inputs / batch, -self.right)
        earlier = past.right.shape[1] - batch
        return torch.nn.functional.pad(core, (earlier, 0, earlier, 0))

    def __call__(self, gradient: Tensor, _moments: Sequence[Tensor], _step: int, _size: Size) -> Tensor:
        raise NotImplementedError("`updates.check_from_gradients` refuses it before")


LOW_RANK: dict[str, Callable[[], LowRankLaw]] = {
    "sgd": Momentum,
    "momentum": lambda: Momentum(0.9),
    "nesterov": lambda: Momentum(0.9, nesterov=True),
    "normalized-sgd": lambda: Scaled(lambda gradient, _: divided(1.0, gradient)),
    "lars": lambda: Scaled(lambda gradient, weight: trust_ratio(weight(), gradient)),
    "muon": Muon,
    "muon-jordan": lambda: Muon(lambda rows, columns: max(1.0, rows / columns) ** 0.5),
    "muon-rms": lambda: Muon(lambda rows, columns: 0.2 * max(rows, columns) ** 0.5),
    "muon-spectral": lambda: Muon(lambda rows, columns: (rows / columns) ** 0.5),
    "shampoo": Shampoo,
}
"""Laws of low rank by their names, without state to begin with."""
FACTORED: dict[str, Callable[[], LowRankLaw]] = {
    "kfac": KroneckerFactors,
    "foof": lambda: KroneckerFactors(left=0.0),
}
"""Laws that a gradient alone does not tell: they are trained where its factors are at hand."""
_BY_EXPONENTS: dict[str, Callable[[float, float], LowRankLaw]] = {"shampoo": Shampoo, "kfac": KroneckerFactors}
"""By what is before the : of a name with exponents."""


def low_rank(optimizer: str) -> LowRankLaw | None:
    """The law of an optimizer, with exponents as in shampoo:1/4,1/4; None if its updates are not of low rank.

    Decoupled decay only scales what there is. Under l2 W itself, of full rank, goes through the law; SGD alone makes
    decoupled decay of that.
    """
    return _plain_law(optimizer) if decay.kind(optimizer) != "l2" or decay.plain(optimizer) == "sgd" else None


def orthogonalizes(optimizer: str) -> bool:
    """Whether the singular values of its steps are made alike, as Muon's are."""
    return isinstance(_plain_law(optimizer), Muon)


def multiplies_matrices(optimizer: str) -> bool:
    """Whether a step from a gradient in full takes products of matrices with each other, as Muon's and Shampoo's do."""
    return isinstance(_plain_law(optimizer), Muon | Shampoo)


def _plain_law(optimizer: str) -> LowRankLaw | None:
    """The law apart from any decay, if it acts on singular values."""
    name = decay.plain(optimizer)
    return plain_law(name) if name in LOW_RANK or name in FACTORED or has_exponents(name) else None


def has_exponents(name: str) -> bool:
    """Whether it is a law by exponents of its own, as in shampoo:1/4,1/4."""
    return ":" in name and name.partition(":")[0] in _BY_EXPONENTS


def is_factored(optimizer: str) -> bool:
    """Whether its steps are not told by gradients alone."""
    return isinstance(_plain_law(optimizer), KroneckerFactors)


def plain_law(name: str) -> LowRankLaw:
    """The law of this name, decay apart."""
    known = LOW_RANK | FACTORED
    if name in known:
        return known[name]()
    kind, _, listed = name.partition(":")
    exponents = [float(Fraction(item)) for item in listed.split(",")]
    return _BY_EXPONENTS[kind](exponents[0], exponents[-1])
