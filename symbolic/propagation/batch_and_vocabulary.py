"""What one update is in a scale variable of the data: how the loss, a mean over examples, is sampled.

In the width and the depth nothing of this changes. In the *vocabulary* V, the *experts* E and the *batch* B rules speak
of one token, one expert and one example at a time, and only the update law sees all of them. With |d| |h| the gradient
of one example:

    scale variable   the law sees |G|_F        a rule sees of |dW|_F    steps      assumed
    vocabulary       V^(-1/2) |d| |h|          V^(-1/2)                 as many    each token is 1/V of the examples
    other weights    |d| |h|                   all                      as many    what all tokens share adds up
    experts          E^(-1) |d| |h|            all of one expert        as many    each is chosen by a share 1/E
    a router         E^(-1/2) |d| |h|          E^(-1/2)                 as many    a logit has a gradient if chosen
    batch:signal     |d| |h|                   all                      as many    examples agree
    batch:noise      B^(-1/2) |d| |h|          B^(1/2) B^(-1)           B^(-1)     examples disagree

**Vocabulary.** A one-hot input touches one row of the embedding, and a logit is one row of the readout. The gradient of
a row is a mean over all examples, of which 1/V have its token, so that it is 1/V of an example's; V rows of like size
make |G|_F = V^(1/2) / V times that, and each has V^(-1/2) of |dW|_F. The residual of the cross-entropy is of order 1 at
the target's logit and 1/V at every other: what these send back is a mean over all rows, no larger than what the row of
the target does. Every order is that of one token's row and of one logit, not of the norm over all of them. Sources:
Yang et al., arXiv 2203.03466 (one-hot inputs and logits, their number fixed, in the width); Kunstner et al., arXiv
2402.19449 (rows of rare tokens: gradients go with the frequency, steps of Adam do not). A vocabulary that grows *with*
the width is another limit (Hayou and Liu, arXiv 2506.15025), and no product of the powers derived here. That all tokens
share what other weights learn is assumed: where targets have nothing in common, the first gradient of a hidden layer is
V^(-1/2) of it, and the next ones, behind readouts that have moved, fall more slowly (tests/test_data_scales.py).

**Experts.** Of E experts a fixed number is chosen for each token, so that each sees a share 1/E of the examples, all
of them if the load is balanced, and the law is applied to the matrices of each expert by itself, as optimizers that
multiply matrices are. A router's logit has a gradient where its expert is chosen, if the weights of those chosen are
shares of their sum: it is like a row of the readout in the vocabulary. Source: Shazeer et al., arXiv 1701.06538; the
batch is assumed to have tokens for each expert. Sources differ on what E changes: Małaśnicki et al., arXiv 2508.09752,
see rates transfer, as derived here for Adam; Vankadara et al., arXiv 2605.14200, let the width of experts and the
number that is chosen grow with E, of which nothing is said here.

**Batch.** While the batch is small the mean gradient is mostly noise, B^(-1/2) of an example's, and the number of
examples is what training costs: B^(-1) as many steps. A step moves the weights along the signal by the share B^(1/2)
of what the law makes of a noise of that size; over B^(-1) steps this adds up to B^(1/2) B^(-1). The noise adds up, at
random, to B^(-1/2) of a step: to the same. Once the batch is so large that examples agree, neither gradient nor number
of steps changes. Sources: McCandlish et al., arXiv 1812.06162 (the two regimes); Malladi et al., arXiv 2205.10287 (the
square root for Adam). Momenta are assumed to remember as many examples, 1 - beta ~ B, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scalings.errors import ArgumentError
from scalings.networks.dimensions import (
    BATCH_NOISE,
    BATCH_SIGNAL,
    COUNTED_SCALES,
    EXPERTS_SCALE,
    VOCABULARY_SCALE,
    Dimension,
)
from scalings.networks.network import Network
from scalings.networks.nodes import (
    Bias,
    Convolution,
    Dense,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Pool,
    Product,
    Rearrange,
    Scale,
    Softmax,
    Sum,
    Top,
    Weight,
    Weighted,
    sources,
)

HALF = Fraction(1, 2)
_OF_LOGITS = (Dense, Bias, Gain, Weight, Scale, Factor, Rearrange, Sum, Pool)
"""What may be done to logits, or with a weight for each of them."""


@dataclass(frozen=True)
class Sampling:
    """Powers of the scale variable, beside what rules know of one example and one token."""

    gradient: Fraction = Fraction(0)
    """Of |G|_F, beside |d| |h|."""
    weight: Fraction = Fraction(0)
    """Of |W|_F, beside the norm of the rows that a rule sees."""
    update: Fraction = Fraction(0)
    """Of the change that a rule sees after all steps, beside |dW|_F of one step."""
    steps: Fraction = Fraction(0)
    """Of the number of steps."""


ALIKE = Sampling()
_NOISE = Sampling(gradient=-HALF, update=-HALF, steps=Fraction(-1))


def sampling(network: Network, node: Weighted, scale: str) -> Sampling:
    """How the weight of this node, its first, is sampled in the scale variable under study."""
    if scale == BATCH_NOISE:
        return _NOISE
    if scale not in COUNTED_SCALES:
        return ALIKE
    if scale == EXPERTS_SCALE and (own := _experts(node)):
        return Sampling(gradient=-own)
    rows = max(_rows(one, scale) for one in network.flat if getattr(one, "weight", None) == node.weight)
    return Sampling(gradient=-HALF * rows, weight=HALF * rows, update=-HALF * rows)


def fans(node: Weighted, scale: str) -> tuple[Fraction, Fraction]:
    """The powers of the scale variable in fan_in and fan_out, as the update law sees them."""
    if scale == EXPERTS_SCALE and _experts(node):
        return Fraction(0), Fraction(0)
    fan_in = node.vocabulary if isinstance(node, Embedding) and scale == VOCABULARY_SCALE else node.fan_in
    return fan_in.order_in(scale), node.fan_out.order_in(scale)


def _rows(node: object, scale: str) -> Fraction:
    """The power of the number of tokens or experts in the number of rows of a weight."""
    if isinstance(node, Embedding):
        return node.vocabulary.order_in(scale)
    return node.fan_out.order_in(scale) if isinstance(node, Dense | Bias | Gain | Weight) else Fraction(0)


def _experts(node: Weighted) -> Fraction:
    """The power of the number of experts in one that has a matrix for each: beside it the fan grows, or is read."""
    inside, outside = node.fan_in.order_in(EXPERTS_SCALE), node.fan_out.order_in(EXPERTS_SCALE)
    return inside or (outside if node.fan_out.grows else Fraction(0))


def check_counted(network: Network, scale: str) -> None:
    """Raises ArgumentError for what has no orders in the vocabulary, or in the number of experts."""
    if scale == EXPERTS_SCALE:
        _check_experts(network)
    else:
        _check_vocabulary(network)


def _check_experts(network: Network) -> None:
    """A softmax over ever more experts is to be made shares of those chosen, and only what was chosen added up."""
    chosen: set[str] = set()
    shared = {node.source for node in network.flat if isinstance(node, Top) and node.shares}
    for node in network.flat:
        is_sparse = not chosen.isdisjoint(sources(node))
        if isinstance(node, Top) or (is_sparse and isinstance(node, Product | Elementwise | Scale | Factor)):
            chosen.add(node.name)
        if not _counts(network, node, EXPERTS_SCALE):
            continue
        if isinstance(node, Softmax) and node.name not in shared:
            raise ArgumentError("scale", f"{node.name} is a share of all experts; expected shares of those chosen")
        if isinstance(node, Dense) and node.fan_in.order_in(EXPERTS_SCALE) and not is_sparse:
            raise ArgumentError("scale", f"{node.name} adds up all experts; expected those that a choice has left")
        if not isinstance(node, Dense | Bias | Gain | Elementwise | Product | Softmax | Top | Scale | Factor):
            raise ArgumentError("scale", f"only experts and what chooses them may grow in number, but {node.name} does")


def _check_vocabulary(network: Network) -> None:
    """Tokens are rows."""
    for node in network.flat:
        if not _counts(network, node, VOCABULARY_SCALE):
            continue
        at_end = node.name in network.readouts and isinstance(node, _OF_LOGITS)
        if not isinstance(node, Embedding) and not at_end and not isinstance(node, Elementwise):
            what = "only embeddings and the layers of the logits may grow in the vocabulary"
            raise ArgumentError("scale", f"{what}, but {node.name} does")


def _counts(network: Network, node: object, scale: str) -> bool:
    sizes: list[Dimension] = [network.units[node.name]]  # type: ignore[attr-defined]
    match node:
        case Dense() | Bias() | Gain() | Embedding():
            sizes += [node.fan_in, *([node.vocabulary] if isinstance(node, Embedding) else [])]
        case Convolution():
            sizes += [node.channels_in]
        case Mean() | Softmax() | Top():
            sizes += [node.over]
        case Product():
            sizes += [node.summed]
    return any(size.order_in(scale) for size in sizes)


def assumptions(scale: str) -> tuple[str, ...]:
    """What is taken for granted of initial weights and of the data, in words."""
    gaussians = "weights are independent Gaussians at initialization"
    if scale == VOCABULARY_SCALE:
        return (
            gaussians,
            "steps are fixed; of the examples of a step each token has a share 1/V",
            "orders are those of one token's row and of one logit, with a residual of 1 at the target, 1/V elsewhere",
            "what the other weights learn is shared by all tokens: their gradients add up",
        )
    if scale == EXPERTS_SCALE:
        return (
            gaussians,
            "steps are fixed; the load is balanced: of the examples of a step each expert has a share 1/E",
            "orders are those of one expert, whose matrices have steps of their own, and of one logit of a router",
        )
    if scale == BATCH_NOISE:
        return (
            gaussians,
            "examples disagree: the gradient of a batch is noise of size B^(-1/2), in which the signal has size 1",
            "the number of examples is fixed, so that of steps is B^(-1); momenta remember as many examples",
        )
    if scale == BATCH_SIGNAL:
        return (gaussians, "examples agree: the gradient of a batch is that of one; the number of steps is fixed")
    return (f"{gaussians}; batch, steps and the data's sizes are fixed",)
