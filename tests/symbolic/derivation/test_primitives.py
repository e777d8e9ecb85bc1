"""A transformer that is written in primitives has the family of the ready-made one, in the width and in the depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from scalings.criteria.problem import Problem
from scalings.networks.architectures import Heads, transformer
from scalings.networks.dimensions import ONE, WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Dense,
    Embedding,
    Factor,
    Mean,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Rearrange,
    Repeat,
    Scale,
    Scores,
    Softmax,
)
from symbolic.derivation.conflicts import conflict_of
from symbolic.derivation.derive import derive
from symbolic.propagation.question import Question


def in_primitives(nodes: Sequence[Node], score: Fraction | None = None) -> Iterator[Node]:
    """Rotated queries, attention as two products, root mean squares in parts; `score` is what scores are multiplied by,
    a power of the width, instead of a multiplier."""
    for node in nodes:
        match node:
            case Repeat():
                yield replace(node, nodes=tuple(in_primitives(node.nodes, score)))
            case Scores():
                yield Rearrange("rotated", (node.query,), WIDTH)
                yield Product("product", "rotated", node.key, node.heads, node.head_size)
                yield Scale(node.name, "product") if score is None else Factor(node.name, "product", score)
                yield Softmax("attention", node.name)
            case Mix():
                yield Product(node.name, "attention", node.values, WIDTH)
            case Norm():
                yield Power(f"{node.name}_square", node.source, Fraction(2))
                yield Mean(f"{node.name}_variance", f"{node.name}_square", ONE, WIDTH, coherent=True)
                yield Power(f"{node.name}_root", f"{node.name}_variance", Fraction(-1, 2))
                yield Product(node.name, node.source, f"{node.name}_root", WIDTH)
            case _:
                yield node


@pytest.mark.parametrize("scale", [pytest.param("width", marks=pytest.mark.slow), "depth"])
@pytest.mark.parametrize("grows", ["head-size", "heads"])
def test_a_transformer_in_primitives_is_a_transformer(grows: Heads, scale: str) -> None:
    ready = transformer(grows=grows)
    one = derive(ready, "adam", scale=scale, loss="cross-entropy")
    other = derive(Network(tuple(in_primitives(ready.nodes))), "adam", scale=scale, loss="cross-entropy")
    assert (one.family is None) == (other.family is None)
    if one.family and other.family:
        assert (one.family.low, one.family.high) == (other.family.low, other.family.high)
        assert one.family.layers == other.family.layers
    assert [piece.layers for piece in one.polyhedra] == [piece.layers for piece in other.polyhedra]
    assert [piece.scales for piece in one.polyhedra] == [piece.scales for piece in other.polyhedra]


def attention(score: Fraction) -> Network:
    """Attention whose scores are multiplied by a power of the width that is given."""
    before = [Embedding("embedding", INPUT, "weight", fixed(16), WIDTH)]
    layers = [Dense(name, "embedding", f"weight_{name}", WIDTH, WIDTH) for name in ("query", "key", "value")]
    nodes = [Scores("scores", "query", "key", ONE, WIDTH), Mix("mix", "scores", "value")]
    readout = Dense("readout", "mix", "weight_out", WIDTH, fixed(16))
    return Network((*before, *layers, *in_primitives(nodes, score), readout))


def test_scores_are_divided_by_the_size_of_heads_or_there_is_a_multiplier() -> None:
    """As in Tensor Programs V; 1/sqrt(d), as is usual, contradicts the criteria: what would help is told."""
    assert derive(attention(Fraction(-1)), "adam").degrees_of_freedom == 0
    found = conflict_of(Question(Problem.of(attention(Fraction(-1, 2)), "adam")))
    assert found.add == (("scores", "attention"),)
    assert {layer for _, layer in found.imposed} >= {"query", "key"}
