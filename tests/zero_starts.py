"""Networks and parameterizations with weights that start at zero, for the tests of both witnesses."""

from __future__ import annotations

from fractions import Fraction

from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import transformer
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Scale, Sum

HALF = Fraction(-1, 2)
DECODER = transformer(1, vocabulary=16, grows="heads")
"""Its weights: embedding, query, key, value, projection, up, down, readout."""


def rich_decoder(*zeros: str) -> Parameterization:
    """Maximal update parametrization under Adam, with these weights at zero (Yang et al., arXiv 2203.03466, D.2)."""
    scales = {"embedding": Fraction(0), "readout": Fraction(-1)}
    names = [layer.name for layer in DECODER.layers]
    init = [MINUS_INFINITY if name in zeros else scales.get(name, HALF) for name in names]
    lr = [0 if name == "embedding" else -1 for name in names]
    return Parameterization.of(multiplier=[0] * len(names), init=init, lr=lr, scales=[0] * len(DECODER.multipliers))


def lora(rank: Dimension | int = 8) -> Network:
    """Low-rank adaptation: W h + B gamma A h, with W and all around it frozen, and B at zero."""
    size = fixed(rank) if isinstance(rank, int) else rank
    return Network(
        (
            Dense("embedding", INPUT, "w0", fixed(64), WIDTH, frozen=True),
            Elementwise("features", "embedding", "relu"),
            Dense("pretrained", "features", "w", WIDTH, WIDTH, frozen=True),
            Dense("A", "features", "a", WIDTH, size),
            Scale("gamma", "A"),
            Dense("B", "gamma", "b", size, WIDTH, start="zero"),
            Sum("adapted", ("pretrained", "B")),
            Elementwise("phi", "adapted", "relu"),
            Dense("readout", "phi", "w_out", WIDTH, fixed(10), frozen=True),
        )
    )


def adapted(a: Fraction | int, b: Fraction | int) -> Parameterization:
    """LoRA on a network in maximal update parametrization, with these learning rates of A and B."""
    frozen = MINUS_INFINITY
    return Parameterization.of(
        multiplier=[0] * 5, init=[0, HALF, HALF, MINUS_INFINITY, -1], lr=[frozen, frozen, a, b, frozen], scales=[0]
    )
