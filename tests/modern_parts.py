"""Small networks, each with one modern part, for the tests of both witnesses."""

from __future__ import annotations

from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Dense,
    Elementwise,
    Embedding,
    Gain,
    Mix,
    Node,
    Norm,
    Product,
    Rearrange,
    Scores,
    Softmax,
    Sum,
)

VOCABULARY = 16


def hidden(name: str, source: str, fan_out: Dimension = WIDTH, fan_in: Dimension = WIDTH) -> Dense:
    """A matrix without a bias."""
    return Dense(name, source, f"weight_{name}", fan_in, fan_out)


def between(*nodes: Node) -> Network:
    """These nodes between a first layer `first` and a readout of the last of them."""
    first = Dense("first", INPUT, "weight_first", fixed(64), WIDTH)
    return Network((first, *nodes, hidden("readout", nodes[-1].name, fixed(10))))


def language_model(*nodes: Node) -> Network:
    """These nodes between an embedding and a readout of the last of them."""
    embedding = Embedding("embedding", INPUT, "weight_embedding", fixed(VOCABULARY), WIDTH)
    return Network((embedding, *nodes, hidden("readout", nodes[-1].name, fixed(VOCABULARY))))


def swiglu() -> Network:
    """down (silu(gate x) * up x), added to the stream (Shazeer, arXiv 2002.05202)."""
    return between(
        Norm("norm", "first"),
        hidden("gate", "norm"),
        Elementwise("silu", "gate", "silu"),
        hidden("up", "norm"),
        Product("product", "silu", "up", WIDTH),
        hidden("down", "product"),
        Sum("stream", ("first", "down")),
        Norm("final", "stream"),
    )


def autoencoder() -> Network:
    """A latent value of four units, and a hidden layer behind it."""
    return between(
        Elementwise("phi", "first", "tanh"),
        hidden("latent", "phi", fan_out=fixed(4)),
        hidden("back", "latent", fan_in=fixed(4)),
        Elementwise("psi", "back", "tanh"),
        hidden("second", "psi"),
        Elementwise("chi", "second", "tanh"),
    )


def modulated() -> Network:
    """A block whose normalized stream is scaled and shifted, and whose branch is gated, by what a condition says: adaLN
    (Peebles and Xie, arXiv 2212.09748). The gate starts at zero there; here nothing does."""
    return between(
        Dense("condition", INPUT, "weight_condition", fixed(64), WIDTH),
        Elementwise("silu", "condition", "silu"),
        *(hidden(name, "silu") for name in ("scale", "shift", "gate")),
        Norm("norm", "first"),
        Product("scaled", "norm", "scale", WIDTH),
        Sum("modulated", ("norm", "scaled", "shift")),
        hidden("up", "modulated"),
        Elementwise("phi", "up", "gelu"),
        hidden("down", "phi"),
        Product("gated", "down", "gate", WIDTH),
        Sum("stream", ("first", "gated")),
        Norm("final", "stream"),
    )


def qk_norm() -> Network:
    """One head as large as the network is wide, of normalized queries and keys with gains that are learned (Henry et
    al., arXiv 2010.04245; Dehghani et al., arXiv 2302.05442)."""
    nodes: list[Node] = []
    for name in ("query", "key"):
        nodes += [hidden(name, "norm"), Norm(f"{name}_norm", name)]
        nodes.append(Gain(f"{name}_gain", f"{name}_norm", f"gain_{name}", WIDTH))
    return language_model(
        Norm("norm", "embedding"),
        *nodes,
        hidden("value", "norm"),
        Scores("scores", "query_gain", "key_gain", ONE, WIDTH),
        Mix("mix", "scores", "value"),
        hidden("projection", "mix"),
        Sum("stream", ("embedding", "projection")),
    )


def experts(count: Dimension = fixed(4), size: Dimension = WIDTH) -> Network:  # noqa: B008 - frozen
    """A router's gates of experts of so many units, whose results are added up: all are active."""
    units = size * count
    return between(
        Norm("norm", "first"),
        hidden("router", "norm", count),
        Softmax("gates", "router", count),
        hidden("up", "norm", units),
        Elementwise("phi", "up", "relu"),
        Product("gated", "gates", "phi", units),
        hidden("down", "gated", WIDTH, units),
        Sum("stream", ("first", "down")),
        Norm("final", "stream"),
    )


def post_norm() -> Network:
    """x <- norm(x + branch of x), twice."""
    nodes: list[Node] = []
    source = "first"
    for number in (1, 2):
        nodes += [
            hidden(f"up{number}", source),
            Elementwise(f"phi{number}", f"up{number}", "gelu"),
            hidden(f"down{number}", f"phi{number}"),
            Sum(f"stream{number}", (source, f"down{number}")),
            Norm(f"norm{number}", f"stream{number}"),
        ]
        source = f"norm{number}"
    return between(*nodes)


def scan(steps: int, states: int = 4) -> Network:
    """States h <- exp(dt) h + dt b x of each unit over time, read by c, with b, c and dt that the input gives (Gu and
    Dao, arXiv 2312.00752)."""
    nodes: list[Node] = [
        hidden("b", "first", fixed(states)),
        hidden("c", "first", fixed(states)),
        hidden("dt", "first"),
        Elementwise("softplus", "dt", "softplus"),
        Elementwise("decay", "softplus", "exp"),
        Product("step", "softplus", "first", WIDTH),
        Product("driven", "step", "b", WIDTH),
    ]
    state = "driven"
    for number in range(1, steps + 1):
        if number > 1:
            nodes.append(Product(f"kept{number}", "decay", state, WIDTH))
            state = f"state{number}"
            nodes.append(Rearrange(state, (f"kept{number}", "driven"), WIDTH))
        nodes += [Product(f"read{number}", state, "c", WIDTH), Sum(f"out{number}", (f"read{number}", "first"))]
    outs = tuple(f"out{number}" for number in range(1, steps + 1))
    return between(*nodes, Rearrange("outs", outs, WIDTH))


def looped(times: int = 3) -> Network:
    """A block that is carried out several times with the same weights (Dehghani et al., arXiv 1807.03819)."""
    nodes: list[Node] = []
    source = "first"
    for number in range(1, times + 1):
        nodes += [
            Norm(f"norm{number}", source),
            Dense(f"up{number}", f"norm{number}", "weight_up", WIDTH, WIDTH),
            Elementwise(f"phi{number}", f"up{number}", "gelu"),
            Dense(f"down{number}", f"phi{number}", "weight_down", WIDTH, WIDTH),
            Sum(f"stream{number}", (source, f"down{number}")),
        ]
        source = f"stream{number}"
    return between(*nodes)
