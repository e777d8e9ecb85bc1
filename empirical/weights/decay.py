"""Weight decay: what it takes of a weight, told apart from what updates make of it.

    W  =  (1 - s) W(0) + dW,        s <- s + f (1 - s),    dW <- (1 - f) dW - eta D

with D the law's direction and f the fraction that one step's decay takes of W, by its kind:

- coupled: f = eta lambda, as torch.optim.AdamW and Muon have it, D of G;
- independent: f = lambda, D of G;
- l2: the direction D' of G' = G + lambda W, torch's weight_decay elsewhere, is a G + a lambda W plus a rest, so
  f = eta lambda a and D = D' - a lambda W. For laws that are linear in all gradients so far this is exact, step by
  step; for others a = <D', G'> / |G'|^2, which is exact where D' is a multiple of G';
- inside: LAMB's own (arXiv 1904.00962), D' = r (u + lambda W) with the trust ratio r = |W| / |u + lambda W|, so
  f = eta lambda r and D = r u.

However a step is divided, W is that of the reference. |W|, where a law looks at it, is that of before the step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from scalings.hyperparameters import update_laws
from scalings.hyperparameters.update_laws import OPTIMIZERS, Decay

_PLAIN = {"adamw": "adam", "adamw-independent": "adam", "sgd-l2": "sgd"}


def plain(optimizer: str) -> str:
    """The optimizer's name without its decay: adam for "adamw" and "adam+l2"."""
    name = optimizer.partition("+")[0]
    return _PLAIN.get(name, name)


def kind(optimizer: str) -> Decay:
    """The kind of decay that an optimizer's name says. Raises ArgumentError for one that it cannot have."""
    if "+" in optimizer:
        return update_laws.optimizer(optimizer).decay
    return OPTIMIZERS[optimizer].decay if optimizer in OPTIMIZERS else "none"


def constant_fraction(optimizer: str, lr: float, decay: float) -> float | None:
    """f, where it is the same in each step and for each seed: of decoupled decay, and of SGD's; None without decay."""
    acts = kind(optimizer)
    if acts == "none":
        return None
    coupled = acts == "coupled" or (acts == "l2" and plain(optimizer) == "sgd")
    return lr * decay if coupled else decay if acts == "independent" else 0.0


class ConstantDecay:
    """Decay by the same fraction in each step, for all seeds; without any where that is None."""

    def __init__(self, fraction: float | None) -> None:
        self._fraction = fraction
        self.shrunk = None if fraction is None else torch.zeros((), dtype=torch.float64)
        """s; a number, so that it takes the precision and device of what it meets."""

    def step(self, *parts: Tensor) -> None:
        """One step's decay of these parts of dW, in place."""
        if self._fraction is None or self.shrunk is None:
            return
        for part in parts:
            part.mul_(1 - self._fraction)
        self.shrunk = self.shrunk + self._fraction * (1 - self.shrunk)


def norm_now(initial: Tensor, inner: Tensor, update: Tensor, shrunk: Tensor | None) -> Tensor:
    """|W(t)|_F from |W(0)|_F, <W(0), dW> and |dW|_F, each (seeds,), and s, (seeds, 1, 1) or a number."""
    if shrunk is not None:
        left = 1 - (shrunk.flatten() if shrunk.dim() else shrunk)  # a number takes the device of what it meets
        initial, inner = left * initial, left * inner
    return (initial**2 + 2 * inner + update**2).clamp(min=0).sqrt()
