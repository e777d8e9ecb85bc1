"""Ready-made networks: multilayer perceptrons, convolutional and residual networks, transformers.

>>> [layer.name for layer in resmlp(branch=2).layers]
['embedding', 'branch1', 'branch2', 'readout']
>>> [multiplier.name for multiplier in transformer().multipliers]
['scores', 'attention_scale', 'mlp_scale']
>>> transformer().scales
('width', 'vocabulary', 'depth')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from scalings.errors import ArgumentError, unknown_name, wrong_type
from scalings.networks.adapters import lora
from scalings.networks.arguments import require, require_activation
from scalings.networks.attention import Attention, Heads, normalized
from scalings.networks.decoders import llama, moe
from scalings.networks.dimensions import WIDTH, Dimension, fixed, times, tokens
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Activation,
    Bias,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Elementwise,
    Embedding,
    Node,
    Norm,
    Pool,
    Repeat,
    Scale,
    Sum,
)
from scalings.networks.vision import resnet, vit

DEFAULT_DEPTH = 3


def mlp(
    depth: int = DEFAULT_DEPTH,
    activation: Activation = "relu",
    *,
    inputs: int = 64,
    outputs: int = 10,
    hidden: Sequence[Dimension] | None = None,
    biases: bool = False,
) -> Network:
    """The multilayer perceptron z_l = g_l W_l h_(l-1), h_l = phi(z_l); with `biases` also + g b_l.

    `depth` counts weight matrices, so depth 2 has one hidden layer; `inputs` and `outputs` are the
    data's sizes, `hidden` those of the hidden layers, all of them n if not given. Raises ArgumentError for
    a depth below 2, an unknown activation, or not one dimension for each hidden layer.
    """
    require("depth", depth, 2)
    require("inputs", inputs, 1)
    require("outputs", outputs, 1)
    require_activation(activation)
    between = [WIDTH] * (depth - 1) if hidden is None else list(hidden)
    if len(between) != depth - 1:
        raise ArgumentError("hidden", f"depth {depth} has {depth - 1} hidden layers, but got {len(between)} dimensions")
    dimensions = [fixed(inputs), *between, fixed(outputs)]
    nodes: list[Node] = []
    for number, (fan_in, fan_out) in enumerate(pairwise(dimensions), start=1):
        source = nodes[-1].name if nodes else INPUT
        nodes.append(Dense(f"layer{number}", source, f"weight{number}", fan_in, fan_out))
        if biases:
            nodes.append(Bias(f"bias{number}", f"layer{number}", f"offset{number}", fan_out))
        if number < depth:
            nodes.append(Elementwise(f"activation{number}", nodes[-1].name, activation))
    return Network(tuple(nodes))


def cnn(
    depth: int = DEFAULT_DEPTH,
    activation: Activation = "relu",
    *,
    kernel: int = 9,
    depthwise: bool = False,
    colors: int = 3,
    outputs: int = 10,
) -> Network:
    """A convolutional network: depth - 1 convolutions with n channels and activations, mean pooling, and a readout.

    With `depthwise`, every convolution but the first is split into a depthwise and a pointwise one.
    Raises ArgumentError for a depth below 2, a kernel below 1, or an unknown activation.
    """
    require("depth", depth, 2)
    require("kernel", kernel, 1)
    require_activation(activation)
    nodes: list[Node] = []
    for number in range(1, depth):
        source = nodes[-1].name if nodes else INPUT
        size, channels = kernel, WIDTH if number > 1 else fixed(colors)
        if depthwise and number > 1:
            nodes.append(DepthwiseConvolution(f"depthwise{number}", source, f"kernel{number}", WIDTH, kernel))
            source, size = nodes[-1].name, 1
        nodes.append(Convolution(f"layer{number}", source, f"weight{number}", channels, WIDTH, size))
        nodes.append(Elementwise(f"activation{number}", f"layer{number}", activation))
    nodes.append(Pool("pool", nodes[-1].name))
    nodes.append(Dense(f"layer{depth}", "pool", f"weight{depth}", WIDTH, fixed(outputs)))
    return Network(tuple(nodes))


def resmlp(
    blocks: int = 8,
    activation: Activation = "relu",
    *,
    branch: int = 1,
    norm: bool = False,
    inputs: int = 64,
    outputs: int = 10,
) -> Network:
    """A residual network: x <- x + g W phi(x), `blocks` times; with `branch` 2, x <- x + g W_2 phi(W_1 x).

    With `norm`, every branch and the readout read the normalised stream. Raises ArgumentError for fewer than one
    block, for a branch of other than one or two layers, or an unknown activation.
    """
    require("blocks", blocks, 1)
    require_activation(activation)
    if branch not in (1, 2):
        raise ArgumentError("branch", f"expected 1 or 2 layers in a branch, but got {branch}")
    block: list[Node] = [Norm("norm", "block")] if norm else []
    source = block[-1].name if block else "block"
    if branch == 2:
        block.append(Dense("branch1", source, "weight1", WIDTH, WIDTH))
        source = "branch1"
    block.append(Elementwise("activation", source, activation))
    block.append(Dense(f"branch{branch}", "activation", f"weight{branch}", WIDTH, WIDTH))
    block += [Scale("branch_scale", f"branch{branch}"), Sum("stream", ("block", "branch_scale"))]
    nodes: list[Node] = [
        Dense("embedding", INPUT, "weight0", fixed(inputs), WIDTH),
        Repeat("block", "embedding", tuple(block), times(blocks)),
    ]
    nodes += [Norm("final_norm", "block")] if norm else []
    nodes.append(Dense("readout", nodes[-1].name, "weight_out", WIDTH, fixed(outputs)))
    return Network(tuple(nodes))


def transformer(
    blocks: int = 8,
    activation: Activation = "gelu",
    *,
    grows: Heads = "head-size",
    vocabulary: int = 256,
    gains: bool = False,
    biases: bool = False,
    tied: bool = False,
) -> Network:
    """A transformer decoder: an embedding, `blocks` of attention and of a two-layer branch (pre-norm), and a readout.

    `grows` says whether the heads grow in size with the width, or in number. `gains` adds gains to the
    normalizations, `biases` adds biases to the two-layer branch; with `tied` the readout is the embedding,
    transposed, behind a multiplier of its own. Raises ArgumentError for fewer than one block, or an unknown activation.
    """
    require("blocks", blocks, 1)
    require("vocabulary", vocabulary, 2)
    require_activation(activation)
    nodes: list[Node] = [
        Embedding("embedding", INPUT, "weight_embedding", tokens(vocabulary), WIDTH),
        Repeat("block", "embedding", (*_attention(grows, gains), *_branch(activation, gains, biases)), times(blocks)),
        *normalized("final", "block", gains=gains),
    ]
    if tied:
        nodes.append(Scale("readout_scale", nodes[-1].name))
    weight = "weight_embedding" if tied else "weight_readout"
    nodes.append(Dense("readout", nodes[-1].name, weight, WIDTH, tokens(vocabulary)))
    return Network(tuple(nodes))


NETWORKS: dict[str, Callable[..., Network]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resmlp": resmlp,
    "transformer": transformer,
    "llama": llama,
    "moe": moe,
    "vit": vit,
    "resnet": resnet,
    "lora": lora,
}
"""The ready-made networks by name; each is called without arguments if nothing else is asked for."""


class Translated(Protocol):
    """What has a network of nodes as its translation, as a torch module that was traced."""

    @property
    def network(self) -> Network: ...


class Translatable(Protocol):
    """A network in another form, such as a torch module that was traced."""

    @property
    def translation(self) -> Translated: ...


def as_network(network: Network | Translatable | str) -> Network:
    """The network, the translation of one that was traced, or the ready-made one of this name.

    Raises ArgumentError for anything else.

    >>> as_network("mlp") == mlp(3)
    True
    """
    if isinstance(network, str):
        if network not in NETWORKS:
            raise unknown_name("network", network, NETWORKS)
        return NETWORKS[network]()
    if not isinstance(network, Network):
        found = getattr(getattr(network, "translation", None), "network", None)
        if not isinstance(found, Network):
            raise wrong_type("network", "a Network or the name of one", network)
        return found
    return network


def _attention(grows: Heads, gains: bool) -> list[Node]:
    nodes = normalized("attention", "block", gains=gains)
    nodes += Attention(grows).nodes(nodes[-1].name)
    return [*nodes, Scale("attention_scale", "projection"), Sum("stream1", ("block", "attention_scale"))]


def _branch(activation: Activation, gains: bool, biases: bool) -> list[Node]:
    nodes = normalized("mlp", "stream1", gains=gains)
    nodes.append(Dense("up", nodes[-1].name, "weight_up", WIDTH, Dimension(4, Fraction(1))))
    nodes += [Bias("up_bias", "up", "offset_up", Dimension(4, Fraction(1)))] if biases else []
    nodes.append(Elementwise("activation", nodes[-1].name, activation))
    nodes.append(Dense("down", "activation", "weight_down", Dimension(4, Fraction(1)), WIDTH))
    nodes += [Bias("down_bias", "down", "offset_down", WIDTH)] if biases else []
    return [*nodes, Scale("mlp_scale", nodes[-1].name), Sum("stream2", ("stream1", "mlp_scale"))]
