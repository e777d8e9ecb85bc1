"""What is derived of models of torch: what they lack, and that terms which multiply are no reason to refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from empirical.tracing.batches import default_loss
from empirical.tracing.trace import trace
from scalings.networks.network import Network
from scalings.networks.nodes import Factor, Repeat
from scalings.reports.conflicts import contradiction_sentences
from scalings.tapes.translation.translate import translated
from scalings.tapes.translation.translation import Translation
from symbolic.derivation.derive import derive
from tests.empirical.tracing.zoo import ZOO

pytestmark = pytest.mark.slow


def of_the_zoo(name: str) -> Translation:
    model = ZOO[name]
    return translated(trace(model.build, model.data, (64, 128, 256), model.loss or default_loss))


def by_the_head_size(nodes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Scores q.k / d instead of q.k / sqrt(d)."""
    return tuple(
        replace(node, nodes=by_the_head_size(node.nodes))
        if isinstance(node, Repeat)
        else replace(node, order=2 * node.order)
        if isinstance(node, Factor)
        else node
        for node in nodes
    )


def test_nanogpt_lacks_two_multipliers() -> None:
    """Its embedding is tied to the readout, and its scores are q.k / sqrt(d) of heads that grow: one is not enough."""
    model = of_the_zoo("nanoGPT")
    found = derive(model.network, "adam", loss=model.loss)
    assert found.conflict is not None
    assert not found.conflict.add
    attention = "transformer.h.*.attn"
    lacking = (f"{attention}.mul", f"{attention}.safe_softmax"), ("transformer.ln_f", "lm_head")
    assert found.conflict.add_all == lacking
    assert any("all together: a multiplier" in said for said in contradiction_sentences(found))

    scaled = Network(by_the_head_size(model.network.nodes))
    alone = derive(scaled, "adam", loss=model.loss).conflict
    assert alone is not None
    assert lacking[1] in alone.add
    assert not alone.add_all


def test_products_of_many_terms_are_derived() -> None:
    model = of_the_zoo("state space")
    assert derive(model.network, "adam", loss=model.loss).degrees_of_freedom == 3


def unnormed(width: int) -> nn.Module:
    """The layers of the model with weight normalization, without it."""
    return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


@pytest.mark.parametrize(("law", "rate"), [("adam", 1), ("sgd", 2)])
def test_a_direction_has_one_freedom_more_than_a_matrix(law: str, rate: int) -> None:
    """W = g v / |v| is the same of any multiple c v: its gradient is 1/c of that of v, and a rate times c (Adam) or c^2
    (SGD) makes the same of it (van Laarhoven, arXiv 1706.05350). That is the one line of the answer. The same layers
    without it have a freedom less, and no line: the richness, and three biases that may start smaller."""
    plain = translated(trace(unnormed, ZOO["weight norm"].data, (64, 128, 256), default_loss))
    normed = of_the_zoo("weight norm")
    without, found = (derive(one.network, law, loss=one.loss) for one in (plain, normed))
    assert (without.degrees_of_freedom, found.degrees_of_freedom) == (4, 5)
    [polytope] = found.polytopes
    [line] = polytope.lines
    number = 1 + [one.weight.endswith("original1") for one in normed.network.layers].index(True)
    assert {name: power for name, power in line.items() if power} == {f"sigma_{number}": 1, f"eta_{number}": rate}
    assert [one.lines for one in without.polytopes] == [()]
