"""What is asked about: a network that an optimizer trains on a loss, in one scale variable.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> problem = Problem(mlp(3), optimizer("adam"))
>>> problem.scale, problem.symbol, problem.loss, problem.is_mlp_in_width
('width', 'n', 'mse', True)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from scalings.errors import ArgumentError, unknown_name, wrong_type
from scalings.hyperparameters.exponents import format_power
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import PRESETS, preset
from scalings.hyperparameters.splits import Laws, as_laws, assumptions
from scalings.hyperparameters.update_laws import UpdateLaw, is_factored
from scalings.networks.architectures import Translatable, as_network
from scalings.networks.dimensions import BATCH_SCALES, VOCABULARY_SCALE, WIDTH_SCALE, symbol_of
from scalings.networks.network import Network, wrong_scale
from scalings.networks.nodes import MATRICES, Bias, Embedding, Weighted

Loss = Literal["mse", "cross-entropy"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True)
class Problem:
    """A network, a law for each weight and a loss; exponents are powers of the scale variable, all others held fixed.

    Raises ArgumentError for a scale variable that the network has not, for a loss that is not one, for the squared
    error in the vocabulary, for an embedding whose vocabulary grows with another scale variable under study, and for a
    law of a layer that is not there, and for K-FAC of what it has no factors for.
    """

    network: Network
    law: Laws
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
        if self.scale != VOCABULARY_SCALE:
            self._check_vocabularies()
        self._check_factored()

    def _check_vocabularies(self) -> None:
        """Raises ArgumentError for an embedding of more and more tokens.

        Each of them is then in an ever smaller share of the examples, which no order of one example knows; in the
        vocabulary itself this share is what is studied. Both together are another limit (Hayou and Liu, arXiv
        2506.15025).
        """
        for node in self.network.flat:
            if isinstance(node, Embedding) and (power := node.vocabulary.order_in(self.scale)):
                size = format_power(power, self.symbol)
                grows = f"{node.name} has a vocabulary that grows with the {self.scale}, like {size}"
                expected = "expected a vocabulary that is fixed, or a scale variable of its own"
                raise ArgumentError("network", f"{grows}: no orders are known of this limit; {expected}")

    def _check_factored(self) -> None:
        """Raises ArgumentError for K-FAC where its factors are not |h|^2 and |d|^2 of a single example."""
        for layer, law in zip(self.network.layers, self.law.among(self.network.layers), strict=True):
            if not is_factored(law):
                continue
            if self.scale in (*BATCH_SCALES, VOCABULARY_SCALE):
                raise ArgumentError(
                    "optimizer", f"no orders are known of the factors of {law.name} in the {self.scale}"
                )
            if not isinstance(layer, (*MATRICES, Bias)):
                kind = type(layer).__name__.lower()
                expected = f"expected another law for it, as in --law {layer.name}=adam"
                raise ArgumentError("optimizer", f"{law.name} has no factors for {layer.name}, a {kind}: {expected}")

    @classmethod
    def of(
        cls,
        network: Network | Translatable | str,
        law: Laws | str,
        scale: str = WIDTH_SCALE,
        loss: Loss | None = None,
    ) -> Problem:
        """The problem of a network and update laws, either of which may be given by name. Raises ArgumentError.

        The loss, if not given, is that of a network that was traced, and the squared error of any other.
        """
        found = as_network(network)
        own: Loss = getattr(getattr(network, "translation", None), "loss", "mse")
        return cls(found, as_laws(law), scale, loss or own)

    @cached_property
    def laws(self) -> dict[str, UpdateLaw]:
        """The update law of each weight, by its name, from input to output."""
        each = self.law.among(self.network.layers)
        return {layer.weight: law for layer, law in zip(self.network.layers, each, strict=True)}

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed of the update laws, as sentences."""
        return assumptions(self.network.layers, tuple(self.laws.values()))

    def decays(self, layer: Weighted) -> bool:
        """Whether weight decay acts on a layer: on matrices that are trained, not on gains and biases."""
        return self.laws[layer.weight].decay != "none" and isinstance(layer, MATRICES) and not layer.frozen

    @property
    def has_decay(self) -> bool:
        """Whether the law of some weight has a decay."""
        return any(law.decay != "none" for law in self.laws.values())

    @property
    def is_sgd(self) -> bool:
        """Whether all steps are in proportion to gradients, as those of SGD, for which presets are stated."""
        return all(law.gradient == 1 and not law.input for law in self.laws.values())

    @property
    def symbol(self) -> str:
        """What exponents are powers of."""
        return symbol_of(self.scale)

    @property
    def is_mlp_in_width(self) -> bool:
        """Whether it is a multilayer perceptron in the width under the squared error, of which most is known."""
        return self.network.is_mlp and (self.scale, self.loss) == (WIDTH_SCALE, "mse")


def as_parameterization(given: Parameterization | str, problem: Problem) -> Parameterization:
    """The parameterization, or the preset of this name. Raises ArgumentError for anything else.

    >>> as_parameterization("mup", Problem.of("mlp", "sgd")) == preset("mup", 3)
    True
    """
    if isinstance(given, Parameterization):
        return given
    if not isinstance(given, str):
        raise wrong_type("parameterization", "a Parameterization or the name of a preset", given)
    if given not in PRESETS:
        raise unknown_name("parameterization", given, PRESETS)
    if not problem.network.is_mlp or problem.scale != WIDTH_SCALE or not problem.is_sgd:
        why = "the presets are for an mlp without biases, in its width, under sgd"
        raise ArgumentError("parameterization", f"expected a Parameterization, since {why}, but got {given!r}")
    return preset(given, problem.network.depth)
