"""What is asked about: a network that an optimizer trains on a loss, in one scale variable.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> problem = Problem(mlp(3), optimizer("adam"))
>>> problem.scale, problem.symbol, problem.loss, problem.is_mlp_in_width
('width', 'n', 'mse', True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.dimensions import BATCH_SCALES, VOCABULARY_SCALE, WIDTH_SCALE, symbol_of
from scalings.networks.network import Network, wrong_scale

Loss = Literal["mse", "cross-entropy"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True)
class Problem:
    """A network, an update law and a loss; exponents are powers of the scale variable, all others held fixed.

    Raises ArgumentError for a scale variable that the network has not, for a loss that is not one, and for the squared
    error in the vocabulary.
    """

    network: Network
    law: UpdateLaw
    scale: str = WIDTH_SCALE
    loss: Loss = "mse"

    def __post_init__(self) -> None:
        if self.scale not in (*self.network.scales, *BATCH_SCALES):
            raise wrong_scale(self.network, self.scale)
        if self.loss not in LOSSES:
            raise ArgumentError("loss", f"expected one of {', '.join(LOSSES)}, but got {self.loss!r}")
        if self.scale == VOCABULARY_SCALE and self.loss != "cross-entropy":
            raise ArgumentError(
                "scale", "in the vocabulary only --loss cross-entropy: a squared error over V logits is not that of one"
            )

    @property
    def symbol(self) -> str:
        """What exponents are powers of."""
        return symbol_of(self.scale)

    @property
    def is_mlp_in_width(self) -> bool:
        """Whether it is a multilayer perceptron in the width under the squared error, of which most is known."""
        return self.network.is_chain and (self.scale, self.loss) == (WIDTH_SCALE, "mse")
