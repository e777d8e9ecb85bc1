"""Laws: what an optimizer makes of a gradient and of earlier ones, once for every engine.

| name | direction of a step | torch.optim, or source |
|---|---|---|
| sgd, momentum, nesterov | sum of beta^age G, beta 0 or 0.9; G + beta times it | SGD, dampening 0 |
| normalized-sgd | G / |G| | |
| lars | G |W| / |G|, no momentum | arXiv 1708.03888 |
| muon | Nesterov's sum, beta 0.95, over its norm, five Newton-Schulz iterations | Muon, but in the precision of W |
| muon-jordan | times sqrt(max(1, fan_out / fan_in)) | Muon, adjust_lr_fn "original" |
| muon-rms | times 0.2 sqrt(max(fan_out, fan_in)) | Muon, adjust_lr_fn "match_rms_adamw" |
| muon-spectral | times sqrt(fan_out / fan_in) | arXiv 2310.17813 |
| shampoo | L^(-1/4) G R^(-1/4), L and R summed from 0, on their ranges | arXiv 1802.09568 |
| kfac | B^(-1) G A^(-1) of the step's own factors, on their ranges; foof without B | arXiv 1503.05671, 2201.12250 |
| sign | sign of G | |
| lion | sign of 0.9 M + 0.1 G, M <- 0.99 M + 0.01 G | arXiv 2302.06675 |
| adam | first moment over root of second, betas 0.9 and 0.999, corrected for bias | Adam |
| lamb | adam's u times |W| / |u| | arXiv 1904.00962 |
| adafactor | G over root of factored second moment, clipped, times rms(W) | Adafactor, without its eta <= t^(-1/2) |

Every eps is 0, and 0/0 no step. Which of them decay, and how, is in `decay`. All of them train all weights: dense ones,
embeddings (fan_out, vocabulary), kernels (channels_out, kernel channels_in) and depthwise ones (channels, kernel) are
matrices, and a gain or bias is a matrix of one column. So it is as torch has it wherever torch takes vectors; under
Muon, whose users leave vectors, embeddings and readouts to AdamW, it is G / |G| but for what the iterations make of 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Size: TypeAlias = Callable[[], Tensor]
"""|W(t)|_F, (seeds,), worked out when asked for."""


class Law(Protocol):
    """A law on gradients as matrices, of shape (seeds, fan_out, fan_in)."""

    @property
    def local(self) -> bool:
        """Whether an entry's step is made of its own gradients alone."""
        ...

    @property
    def moments(self) -> int:
        """How many numbers it keeps of each entry's past."""
        ...

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], step: int, size: Size, /) -> Tensor:
        """The step, number 1, 2, ..., divided by -eta, from G and |W(t)|_F. Brings the moments, zero at first, up to
        date, and may overwrite G with the step, which may be a moment."""
        ...


def divided(numerator: Tensor | float, size: Tensor) -> Tensor:
    """numerator / size; no step where the size is zero."""
    return torch.where(size == 0, 0.0, numerator / size)


def trust_ratio(weight: Tensor, step: Tensor) -> Tensor:
    """The trust ratio |W| / |step|: 1 where there are no weights yet, and no step where its size is zero."""
    return torch.where(weight == 0, 1.0, divided(weight, step))
