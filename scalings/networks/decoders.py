"""Decoders of today: Llama's blocks, and the same with routed experts.

>>> [node.name for node in llama(qk_norm=True).layers if "gain" in node.weight]
['attention_gain', 'query_gain', 'key_gain', 'mlp_gain', 'final_gain']
>>> [layer.name for layer in moe(shared=1).layers][7:13]
['router', 'gate', 'up', 'down', 'shared_gate', 'shared_up']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Literal, TypedDict, Unpack, get_args

from scalings.errors import ArgumentError, unknown_name
from scalings.networks.arguments import DEEPEST, require, require_one_of
from scalings.networks.attention import Attention, Heads, beside, normalized, softcap
from scalings.networks.blocks import renamed
from scalings.networks.dimensions import WIDTH, Dimension, routed, times, tokens
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Dense,
    Elementwise,
    Embedding,
    Node,
    Product,
    Repeat,
    Scale,
    Softmax,
    Top,
)

LOGIT_CAP = 30.0
"""As in Gemma 2 (arXiv 2408.00118)."""
MOST_LOOPS = 8
HIDDEN = 3
"""Units of a SwiGLU branch, as a multiple of n; each expert has n."""
Router = Literal["softmax", "sigmoid"]
"""What makes weights of a router's scores: all experts compete, or each stands for itself."""


class DecoderOptions(TypedDict, total=False):
    """Options of `llama` and `moe`, with their defaults."""

    grows: Heads
    """What grows with the width: the size of each of 8 heads ("head-size", the default), or their number ("heads")."""
    groups: int | Fraction | str | None
    """The number of heads of keys and values, or their share of all heads, such as 1/4; default all."""
    vocabulary: int
    """256."""
    gains: bool
    """Whether normalizations have gains: True."""
    qk_norm: bool
    """Whether queries and keys are normalized, with gains: False."""
    softcap: bool
    """Whether scores and logits are bounded, c tanh(s / c): False."""
    post_norm: bool
    """Whether the results of branches are normalized (as in OLMo 2, arXiv 2501.00656), not what they read: False."""
    logit_scale: bool
    """Whether the logits have a multiplier of their own, which tied ones always have: False."""
    tied: bool
    """Whether the readout is the embedding, transposed: False."""
    loops: int
    """How often each block runs in a row, with the same weights (Dehghani et al., arXiv 1807.03819): 1."""


def llama(blocks: int = 8, **options: Unpack[DecoderOptions]) -> Network:
    """Llama's decoder: RMS normalization with gains, rotary positions, grouped queries, SwiGLU branches.

    `options` are those of `DecoderOptions`. Raises ArgumentError for any other, for fewer than one block, and for
    groups that do not divide the heads.
    """
    return _decoder(blocks, options, lambda source: {"mlp": _swiglu("", source, Dimension(HIDDEN, Fraction(1)))})


def moe(
    blocks: int = 8,
    *,
    experts: int = 8,
    top: int = 2,
    shared: int = 0,
    router: Router = "softmax",
    **options: Unpack[DecoderOptions],
) -> Network:
    """Llama's decoder with routed experts: a router chooses the `top` best of `experts` branches for each token.

    Each expert is a SwiGLU branch with n hidden units. Those of all experts stand side by side in three matrices, since
    all read the same and what they give is added up; a router's weights multiply the hidden units of their expert, and
    are divided by their sum where several are chosen. `shared` experts are read by all tokens. `options` are those of
    `DecoderOptions`. Raises ArgumentError for fewer experts than are chosen, and as `llama` does.
    """
    require("experts", experts, 1)
    require_one_of("router", router, get_args(Router))
    if not 1 <= top <= experts:
        raise ArgumentError("top", f"expected 1 to {experts}, as there are experts, but got {top}")
    if not 0 <= shared <= DEEPEST:
        raise ArgumentError("shared", f"expected 0 to {DEEPEST}, but got {shared}")

    def branches(source: str) -> dict[str, list[Node]]:
        found = {"mlp": _experts(source, experts, top, router)}
        return found | ({"shared": _swiglu("shared_", source, Dimension(shared, Fraction(1)))} if shared else {})

    return _decoder(blocks, options, branches)


def _decoder(blocks: int, options: DecoderOptions, branches: Callable[[str], dict[str, list[Node]]]) -> Network:
    """With these branches beside the attention, by name, each made of what it reads."""
    for name in options.keys() - DecoderOptions.__annotations__.keys():
        raise unknown_name("options", name, DecoderOptions.__annotations__)
    require("blocks", blocks, 1)
    size = tokens(options.get("vocabulary", 256))
    require("vocabulary", int(size.size), 2)
    is_capped, gains = options.get("softcap", False), options.get("gains", True)
    attention = Attention(
        options.get("grows", "head-size"), options.get("groups"), options.get("qk_norm", False), is_capped, rotary=True
    )
    added = partial(beside, gains=gains, post_norm=options.get("post_norm", False))
    block = [
        *added("block", "stream1", "attention", lambda source: {"attention": attention.nodes(source)}),
        *added("stream1", "stream2", "mlp", branches),
    ]
    looped = _looped(block, "block", options.get("loops", 1))
    nodes: list[Node] = [
        Embedding("embedding", INPUT, "weight_embedding", size, WIDTH),
        Repeat("block", "embedding", tuple(looped), times(blocks)),
        *normalized("final", "block", gains=gains),
    ]
    tied = options.get("tied", False)
    if tied or options.get("logit_scale", False):
        nodes.append(Scale("logit_scale", nodes[-1].name))
    nodes.append(Dense("readout", nodes[-1].name, "weight_embedding" if tied else "weight_readout", WIDTH, size))
    return Network((*nodes, *(softcap("readout", LOGIT_CAP) if is_capped else [])))


def _looped(block: Sequence[Node], entering: str, loops: int) -> list[Node]:
    """The nodes of a block so often in a row, with the same weights and multipliers of their own."""
    if not 1 <= loops <= MOST_LOOPS:
        raise ArgumentError("loops", f"expected 1 to {MOST_LOOPS}, but got {loops}")
    found = list(block)
    for number in range(2, loops + 1):
        names = {node.name: f"{node.name}.{number}" for node in block} | {entering: found[-1].name}
        found += [renamed(node, names) for node in block]
    return found


def _swiglu(prefix: str, source: str, hidden: Dimension) -> list[Node]:
    """down (silu(gate x) up x), Shazeer, arXiv 2002.05202."""
    return [
        *_gated(prefix, source, hidden),
        Dense(f"{prefix}down", f"{prefix}product", f"weight_{prefix}down", hidden, WIDTH),
    ]


def _gated(prefix: str, source: str, hidden: Dimension) -> list[Node]:
    return [
        Dense(f"{prefix}gate", source, f"weight_{prefix}gate", WIDTH, hidden),
        Elementwise(f"{prefix}silu", f"{prefix}gate", "silu"),
        Dense(f"{prefix}up", source, f"weight_{prefix}up", WIDTH, hidden),
        Product(f"{prefix}product", f"{prefix}silu", f"{prefix}up", hidden),
    ]


def _experts(source: str, experts: int, top: int, router: Router) -> list[Node]:
    number = routed(experts)
    hidden = number * WIDTH
    weights: Node = Elementwise("weights", "router", "sigmoid")
    if router == "softmax":
        weights = Softmax("weights", "router", number)
    return [
        Dense("router", source, "weight_router", WIDTH, number),
        weights,
        Top("chosen", "weights", number, top, shares=top > 1),
        *_gated("", source, hidden),
        Product("routed", "product", "chosen", hidden),
        Dense("down", "routed", "weight_down", hidden, WIDTH),
    ]
