"""What an answer does not cover, a sentence each, of this question alone; as `derive` and `check` end.

>>> from scalings.hyperparameters.update_laws import optimizer
>>> from scalings.networks.architectures import resmlp
>>> from dataclasses import replace
>>> for sentence in not_covered(resmlp(), [optimizer("adamw")], "width", answered=True):
...     print(sentence.partition(":")[0])
later in training
longer training
decay in the long run
constants and the optimum
>>> aligned_by_half = replace(optimizer("sgd"), alpha=0.5)
>>> [sentence.partition(":")[0] for sentence in not_covered(resmlp(), [aligned_by_half], "width", answered=False)]
['longer training']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.update_laws import UpdateLaw, is_factored
from scalings.networks.dimensions import BATCH_NOISE, symbol_of
from scalings.networks.network import Network


def not_covered(network: Network, laws: Iterable[UpdateLaw], scale: str, *, answered: bool) -> tuple[str, ...]:
    """The sentences; those on the best of what is `answered` only where there is such a parameterization.

    Alignment is by a power of fan_in, so that it matters only where one grows with the scale variable.
    """
    laws = tuple(laws)
    symbol = symbol_of(scale)
    found = []
    if any(law.alpha == 1 for law in laws) and any(layer.fan_in.order_in(scale) for layer in network.layers):
        measured = "" if any(map(is_factored, laws)) or network.of_module else ", and measure --long measures it"
        found.append(
            "later in training: updates need not stay as aligned as assumed (arXiv 2510.19093); --alpha assumes less"
            + measured
        )
    if scale != BATCH_NOISE:
        found.append(f"longer training: the number of updates is the same at every {symbol}")
    if any(law.decay != "none" for law in laws):
        found.append("decay in the long run: weights that have come to balance it, after 1/(eta lambda) updates")
    if answered:
        found.append(
            f"constants and the optimum: powers of {symbol} say what works, not what works best; transfer measures that"
        )
    return tuple(found)


def limits_report(sentences: Iterable[str]) -> Iterator[RenderableType]:
    """The sentences under their title."""
    yield Text("\nNot covered", style="bold")
    yield from (Text(f"  - {sentence}") for sentence in sentences)
