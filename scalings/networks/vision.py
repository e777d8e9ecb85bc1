"""Networks for images: a vision transformer, and a residual network of convolutions.

>>> [layer.name for layer in vit().layers if not layer.fan_in.grows][:3]
['patches', 'class_token', 'positions']
>>> [layer.name for layer in resnet(stages=2).layers if layer.role == "hidden"]
['stage1_conv1', 'stage1_conv2', 'shortcut2', 'stage2_conv1', 'stage2_conv2']
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args

from scalings.errors import ArgumentError
from scalings.networks.arguments import require, require_activation, require_one_of
from scalings.networks.attention import HEADS, Attention, Heads, beside
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed, times
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Activation,
    Bias,
    Convolution,
    Dense,
    Elementwise,
    Gain,
    Node,
    Norm,
    Pool,
    Rearrange,
    Repeat,
    Scale,
    Sum,
    Weight,
)

COLORS, POSITIONS = 3, 16
"""Of an image, which is seen as 4 by 4 positions."""
MOST_STAGES = 8
Normalization = Literal["batch", "group", "none"]
"""What a resnet's convolutions are followed by."""


def vit(
    blocks: int = 8,
    activation: Activation = "gelu",
    *,
    grows: Heads = "head-size",
    patch: int = 4,
    qk_norm: bool = False,
    gains: bool = True,
    class_token: bool = True,
    outputs: int = 10,
) -> Network:
    """A vision transformer: patches, positions, `blocks` of attention to all and of a two-layer branch, and a head.

    `patch` is the number of neighbouring positions that a patch is made of. The head reads a class token that stands
    before the patches, or, without `class_token`, their mean. Source: Dosovitskiy et al., arXiv 2010.11929; `qk_norm`:
    Dehghani et al., arXiv 2302.05442. Raises ArgumentError for fewer than one block or patch, an unknown activation.
    """
    require("blocks", blocks, 1)
    require("patch", patch, 1)
    require_activation(activation)
    attention = Attention(grows, qk_norm=qk_norm, bidirectional=True)
    nodes: list[Node] = [Convolution("patches", INPUT, "weight_patches", fixed(COLORS), WIDTH, patch)]
    if class_token:
        nodes.append(Weight("class_token", "weight_class_token", ONE, WIDTH))
        nodes.append(Rearrange("tokens", ("class_token", "patches"), WIDTH, joined=True))
    seen = fixed(POSITIONS + class_token)
    tokens = nodes[-1].name
    nodes.append(Weight("positions", "weight_positions", seen, WIDTH, by_position=True))
    block = [
        *beside("block", "stream1", "attention", lambda source: {"attention": attention.nodes(source)}, gains=gains),
        *beside("stream1", "stream2", "mlp", lambda source: {"mlp": _two_layers(source, activation)}, gains=gains),
    ]
    nodes += [
        Sum("embedding", (tokens, "positions")),
        Repeat("block", "embedding", tuple(block), times(blocks)),
        Norm("final_norm", "block"),
        *([Gain("final_gain", "final_norm", "gain_final", WIDTH)] if gains else []),
    ]
    nodes.append(Pool("pool", nodes[-1].name, first=class_token))
    return Network((*nodes, Dense("head", "pool", "weight_head", WIDTH, fixed(outputs))))


def _two_layers(source: str, activation: Activation) -> list[Node]:
    hidden = Dimension(4, Fraction(1))
    return [
        Dense("up", source, "weight_up", WIDTH, hidden),
        Elementwise("activation", "up", activation),
        Dense("down", "activation", "weight_down", hidden, WIDTH),
    ]


def resnet(
    blocks: int = 2,
    activation: Activation = "relu",
    *,
    stages: int = 2,
    kernel: int = 9,
    normalization: Normalization = "batch",
    outputs: int = 10,
) -> Network:
    """A residual network: a convolution, `stages` of `blocks` each, mean pooling and a readout.

    A block is x + g conv(phi(conv(x))), each convolution followed by a normalization with gains and biases. Channels
    are n in the last stage and half as many in each one before it, from which a 1 x 1 convolution leads on. Batch
    normalization divides a channel by its root mean square over the batch, group normalization 8 groups of channels
    at each position. Source: He et al., arXiv 1512.03385; Wu and He, arXiv 1803.08494. Raises ArgumentError for fewer
    than one block, for other than 1 to 8 stages, a kernel below 1, an unknown activation or normalization.
    """
    require("blocks", blocks, 1)
    if not 1 <= stages <= MOST_STAGES:
        raise ArgumentError("stages", f"expected 1 to {MOST_STAGES}, but got {stages}")
    require("kernel", kernel, 1)
    require_activation(activation)
    require_one_of("normalization", normalization, get_args(Normalization))
    sizes = [Dimension(Fraction(1, 2**later), Fraction(1)) for later in reversed(range(stages))]
    nodes = _convolved("stem", INPUT, fixed(COLORS), sizes[0], kernel, normalization)
    nodes.append(Elementwise("stem_activation", nodes[-1].name, activation))
    for stage, (before, channels) in enumerate(pairwise([sizes[0], *sizes]), start=1):
        if stage > 1:
            nodes += _convolved(f"shortcut{stage}", nodes[-1].name, before, channels, 1, normalization)
        block = _residual(f"stage{stage}", channels, kernel, activation, normalization)
        nodes.append(Repeat(f"stage{stage}", nodes[-1].name, tuple(block), times(blocks)))
    nodes.append(Pool("pool", nodes[-1].name))
    return Network((*nodes, Dense("readout", "pool", "weight_readout", sizes[-1], fixed(outputs))))


def _residual(
    name: str, channels: Dimension, kernel: int, activation: Activation, normalization: Normalization
) -> list[Node]:
    first = _convolved(f"{name}_conv1", name, channels, channels, kernel, normalization)
    phi = Elementwise(f"{name}_activation", first[-1].name, activation)
    second = _convolved(f"{name}_conv2", phi.name, channels, channels, kernel, normalization)
    scale = Scale(f"{name}_scale", second[-1].name)
    return [*first, phi, *second, scale, Sum(f"{name}_stream", (name, scale.name))]


def _convolved(
    name: str, source: str, channels_in: Dimension, channels_out: Dimension, kernel: int, normalization: Normalization
) -> list[Node]:
    """A convolution with its normalization, gain and bias."""
    nodes: list[Node] = [Convolution(name, source, f"weight_{name}", channels_in, channels_out, kernel)]
    if normalization == "none":
        return nodes
    groups = fixed(HEADS) if normalization == "group" else None
    return [
        *nodes,
        Norm(f"{name}_norm", name, groups, batch=normalization == "batch"),
        Gain(f"{name}_gain", f"{name}_norm", f"gain_{name}", channels_out),
        Bias(f"{name}_bias", f"{name}_gain", f"bias_{name}", channels_out),
    ]
