"""Every node kind conforms; one without a class here is missed."""

from __future__ import annotations

from typing import get_args

from scalings.networks.architectures import cnn, mlp, resmlp
from scalings.networks.dimensions import WIDTH, fixed
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
    Scores,
)
from tests.conformance.node_kinds import NodeKind

NORMALIZED = Network(
    (
        Dense("layer1", INPUT, "weight1", fixed(64), WIDTH),
        Norm("norm", "layer1"),
        Gain("gain", "norm", "weight_gain", WIDTH),
        Elementwise("activation", "gain", "relu"),
        Dense("layer2", "activation", "weight2", WIDTH, fixed(10)),
    )
)
TOKENS = Network(
    (
        Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
        Elementwise("activation", "embedding", "tanh"),
        Dense("readout", "activation", "weight2", WIDTH, fixed(16)),
    )
)
ATTENTION = Network(
    (
        Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
        *(Dense(name, "embedding", f"weight_{name}", WIDTH, WIDTH) for name in ("query", "key", "value")),
        Scores("scores", "query", "key", fixed(1), WIDTH),
        Mix("mix", "scores", "value"),
        Dense("readout", "mix", "weight_out", WIDTH, fixed(16)),
    )
)


class TestDense(NodeKind):
    network, name = mlp(3), "layer2"


class TestElementwise(NodeKind):
    network, name = mlp(2, "gelu"), "activation1"


class TestBias(NodeKind):
    network, name = mlp(2, biases=True), "bias1"


class TestConvolution(NodeKind):
    network, name = cnn(3, kernel=3), "layer2"


class TestDepthwiseConvolution(NodeKind):
    network, name = cnn(3, kernel=3, depthwise=True), "depthwise2"


class TestPool(NodeKind):
    network, name = cnn(2, kernel=3), "pool"


class TestEmbedding(NodeKind):
    network, name = TOKENS, "embedding"


class TestNorm(NodeKind):
    network, name = NORMALIZED, "norm"


class TestGain(NodeKind):
    network, name = NORMALIZED, "gain"


class TestScale(NodeKind):
    network, name = resmlp(1), "branch_scale"


class TestSum(NodeKind):
    network, name = resmlp(1), "stream"


class TestRepeat(NodeKind):
    network, name = resmlp(2), "block"


class TestScores(NodeKind):
    network, name = ATTENTION, "scores"


class TestMix(NodeKind):
    network, name = ATTENTION, "mix"


def test_no_node_kind_is_without_its_tests() -> None:
    kinds = {kind.__name__ for union in get_args(Node) for kind in (get_args(union) or (union,))}
    assert {Dense.__name__, Mix.__name__} < kinds
    assert kinds == {type(one().node).__name__ for one in NodeKind.__subclasses__()}
    assert all(f"Test{type(one().node).__name__}" == one.__name__ for one in NodeKind.__subclasses__())
