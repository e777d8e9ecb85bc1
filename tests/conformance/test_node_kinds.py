"""Every node kind conforms; one without a class here is missed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import pytest

from scalings.errors import ArgumentError
from scalings.networks.architectures import cnn, mlp, resmlp
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Convolution,
    Dense,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Node,
    Norm,
    Pool,
    Power,
    Product,
    Rearrange,
    Scores,
    Softmax,
    Sum,
    Top,
    Weight,
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


GATED = Network(
    (
        Dense("gate", INPUT, "weight1", fixed(64), WIDTH),
        Elementwise("silu", "gate", "silu"),
        Dense("up", INPUT, "weight2", fixed(64), WIDTH),
        Product("product", "silu", "up", WIDTH),
        Dense("readout", "product", "weight3", WIDTH, fixed(10)),
    )
)
RMS_NORM = Network(
    (
        Dense("layer1", INPUT, "weight1", fixed(64), WIDTH),
        Power("square", "layer1", Fraction(2)),
        Mean("variance", "square", ONE, WIDTH, coherent=True),
        Power("root", "variance", Fraction(-1, 2)),
        Product("normalized", "layer1", "root", WIDTH),
        Elementwise("activation", "normalized", "relu"),
        Dense("layer2", "activation", "weight2", WIDTH, fixed(10)),
    )
)
BY_A_DETACHED_SCALE = Network(
    (
        Dense("layer1", INPUT, "weight1", fixed(64), WIDTH),
        Power("square", "layer1", Fraction(2)),
        Mean("variance", "square", ONE, WIDTH, coherent=True),
        Power("root", "variance", Fraction(-1, 2)),
        Elementwise("scale", "root", "detach"),
        Product("normalized", "layer1", "scale", WIDTH),
        Dense("layer2", "normalized", "weight2", WIDTH, fixed(10)),
    )
)
DOT_PRODUCT = Network(
    (
        Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
        *(Dense(name, "embedding", f"weight_{name}", WIDTH, WIDTH) for name in ("query", "value")),
        Product("product", "query", "value", ONE, WIDTH),
        Factor("scores", "product", Fraction(-1)),
        Softmax("attention", "scores"),
        Product("mixed", "attention", "value", WIDTH),
        Dense("readout", "mixed", "weight_out", WIDTH, fixed(16)),
    )
)
WINNERS = Network(
    (
        Dense("layer1", INPUT, "weight1", fixed(64), WIDTH),
        Top("top", "layer1", fixed(4), 2),
        Elementwise("activation", "top", "relu"),
        Dense("layer2", "activation", "weight2", WIDTH, fixed(10)),
    )
)
POSITIONS = Network(
    (
        Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
        Weight("positions", "weight2", ONE, WIDTH),
        Sum("both", ("embedding", "positions")),
        Elementwise("activation", "both", "tanh"),
        Dense("readout", "activation", "weight3", WIDTH, fixed(16)),
    )
)
REARRANGED = Network(
    (
        Dense("both", INPUT, "weight1", fixed(64), Dimension(2, Fraction(1))),
        Rearrange("half", ("both",), WIDTH),
        Elementwise("activation", "half", "gelu"),
        Dense("readout", "activation", "weight2", WIDTH, fixed(10)),
    )
)


GROUPED = Network(
    (
        Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
        Dense("query", "embedding", "weight_query", WIDTH, WIDTH),
        *(Dense(name, "embedding", f"weight_{name}", WIDTH, WIDTH / fixed(2)) for name in ("key", "value")),
        Scores("scores", "query", "key", fixed(4), WIDTH / fixed(4), rotary=True),
        Mix("mix", "scores", "value", bidirectional=True),
        Dense("readout", "mix", "weight_out", WIDTH, fixed(16)),
    )
)
WITH_A_TOKEN = Network(
    (
        Convolution("patches", INPUT, "weight1", fixed(3), WIDTH, 1),
        Weight("token", "weight2", ONE, WIDTH),
        Rearrange("tokens", ("token", "patches"), WIDTH, joined=True),
        Weight("positions", "weight3", fixed(17), WIDTH, by_position=True),
        Sum("both", ("tokens", "positions")),
        Elementwise("activation", "both", "tanh"),
        Pool("pool", "activation"),
        Dense("readout", "pool", "weight4", WIDTH, fixed(10)),
    )
)
FIRST_PATCH = Network(tuple(replace(node, first=True) if isinstance(node, Pool) else node for node in cnn(2).nodes))


def normalized(**options: Any) -> Network:
    return Network(tuple(replace(node, **options) if isinstance(node, Norm) else node for node in NORMALIZED.nodes))


class TestDense(NodeKind):
    network, name = mlp(3), "layer2"


class TestElementwise(NodeKind):
    network, name = mlp(2, "gelu"), "activation1"


class TestDetach(TestElementwise):
    network, name = BY_A_DETACHED_SCALE, "scale"


class TestBias(NodeKind):
    network, name = mlp(2, biases=True), "bias1"


class TestConvolution(NodeKind):
    network, name = cnn(3, kernel=3), "layer2"


class TestDepthwiseConvolution(NodeKind):
    network, name = cnn(3, kernel=3, depthwise=True), "depthwise2"


class TestPool(NodeKind):
    network, name = cnn(2, kernel=3), "pool"


@pytest.mark.slow
class TestFirst(TestPool):
    network = FIRST_PATCH


class TestEmbedding(NodeKind):
    network, name = TOKENS, "embedding"


class TestNorm(NodeKind):
    network, name = NORMALIZED, "norm"


@pytest.mark.slow
class TestNormOfGroups(TestNorm):
    network = normalized(groups=fixed(8))


@pytest.mark.slow
class TestNormOfBatches(TestNorm):
    network = normalized(batch=True)


class TestGain(NodeKind):
    network, name = NORMALIZED, "gain"


class TestScale(NodeKind):
    network, name = resmlp(1), "branch_scale"


class TestSum(NodeKind):
    network, name = resmlp(1), "stream"


class TestRepeat(NodeKind):
    network, name = resmlp(2), "block"


class TestWeight(NodeKind):
    network, name = POSITIONS, "positions"


@pytest.mark.slow
class TestPositions(TestWeight):
    network = WITH_A_TOKEN


class TestProduct(NodeKind):
    network, name = GATED, "product"


class TestPower(NodeKind):
    network, name = RMS_NORM, "square"


class TestMean(NodeKind):
    network, name = RMS_NORM, "variance"


class TestFactor(NodeKind):
    network, name = DOT_PRODUCT, "scores"


class TestSoftmax(NodeKind):
    network, name = DOT_PRODUCT, "attention"


class TestTop(NodeKind):
    network, name = WINNERS, "top"


class TestRearrange(NodeKind):
    network, name = REARRANGED, "half"

    def test_it_is_trained_and_observed_as_derived(self) -> None:
        """Its sizes do not say which units it takes, so that it has orders alone."""
        with pytest.raises(ArgumentError, match="half has orders, but is not trained: its sizes do not say which"):
            super().test_it_is_trained_and_observed_as_derived()


@pytest.mark.slow
class TestJoined(TestRearrange):
    network, name = WITH_A_TOKEN, "tokens"
    test_it_is_trained_and_observed_as_derived = NodeKind.test_it_is_trained_and_observed_as_derived


class TestScores(NodeKind):
    network, name = ATTENTION, "scores"


@pytest.mark.slow
class TestScoresOfSharedKeys(TestScores):
    network = GROUPED


class TestMix(NodeKind):
    network, name = ATTENTION, "mix"


@pytest.mark.slow
class TestMixBothWays(TestMix):
    network = GROUPED


def test_no_node_kind_is_without_its_tests() -> None:
    kinds = {kind.__name__ for union in get_args(Node) for kind in (get_args(union) or (union,))}
    assert {Dense.__name__, Mix.__name__} < kinds
    assert kinds == {type(one().node).__name__ for one in NodeKind.__subclasses__()}
    assert all(f"Test{type(one().node).__name__}" == one.__name__ for one in NodeKind.__subclasses__())
