"""What the derivation says of whole architectures is what the literature found, one paper at a time."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.tutorial import MAXIMALITY, TUTORIAL, UNIFORM_RICHNESS
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Embedding, Scale
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict
from tests import strategies
from tests.gauges import same_up_to_gauge
from tests.literature.depth import DEPTH_EXPONENTS
from tests.literature.perceptrons import TENSOR_PROGRAMS_V

HALF = Fraction(1, 2)


def rates(derivation: Derivation) -> dict[str, tuple[str, str]]:
    """Layer -> (init, lr) of the family."""
    assert derivation.family is not None
    layers = zip(derivation.network.layers, derivation.family.layers, strict=True)
    return {node.name: (str(layer.init), str(layer.lr)) for node, layer in layers}


@pytest.mark.parametrize("table", TENSOR_PROGRAMS_V)
@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_tensor_programs_v_is_the_rich_end_biases_included(table: str, law: str) -> None:
    network = mlp(3, biases=True)
    family = derive(network, optimizer(law)).family
    assert family is not None
    columns = TENSOR_PROGRAMS_V[table]
    kinds = [(node.start, columns[_kind(node.name)]) for node in network.layers]
    layers = [
        LayerExponents(one.multiplier, MINUS_INFINITY if start == "zero" else one.init, one.lr[law])
        for start, one in kinds
    ]
    member = family.member(HALF)
    assert same_up_to_gauge(Parameterization(tuple(layers)), member, optimizer(law))
    assert not same_up_to_gauge(Parameterization(tuple(layers)), family.member(0), optimizer(law))


def _kind(name: str) -> str:
    return {"layer2": "hidden", "layer3": "output", "bias3": "output bias"}.get(name, "input")


@pytest.mark.parametrize("branch", [1, 2])
@pytest.mark.parametrize(("law", "scale", "source"), DEPTH_EXPONENTS)
def test_depth_exponents_of_residual_networks(branch: int, law: str, scale: Fraction, source: str) -> None:
    """Between Depth-muP and CompleteP lies one freedom, which maximality in every layer takes at CompleteP's end."""
    network = resmlp(branch=branch)
    expected = DEPTH_EXPONENTS[law, scale, source]
    complete = derive(network, optimizer(law), scale=DEPTH_SCALE)
    (point,) = complete.polyhedra
    assert (point.dimension, "kappa_1 + 1" in point.equations) == (0, True)
    looser = [criterion for criterion in TUTORIAL if criterion not in (MAXIMALITY, UNIFORM_RICHNESS)]
    (polyhedron,) = derive(network, optimizer(law), looser, scale=DEPTH_SCALE).polyhedra
    values = {"kappa_1": scale, "eta_1": Fraction(0), f"eta_{branch + 2}": Fraction(0)}
    values |= {f"sigma_{number}": Fraction(0) for number in range(1, branch + 3)}
    values |= {f"eta_{number}": expected for number in range(2, branch + 2)}
    assert strategies.contains(polyhedron, values)
    assert not strategies.contains(polyhedron, values | {"eta_2": expected + Fraction(1, 4)})
    assert not strategies.contains(polyhedron, values | {"kappa_1": Fraction(-1, 4)}), "the stream explodes"


def test_a_complete_branch_asks_for_the_complete_multiplier() -> None:
    """Depth-muP's multiplier m^(-1/2) fails maximality alone: own updates are m^(1/2) smaller than what reaches."""
    depth_mup = Parameterization.of(multiplier="0,0,0", init="0,0,0", lr="0,-1/2,0", scales="-1/2")
    verdict = check(resmlp(), depth_mup, optimizer("adam"), scale=DEPTH_SCALE)
    assert verdict.regime == "rich"
    failed = {finding.criterion for finding in verdict.findings if not finding.satisfied}
    assert failed == {MAXIMALITY, UNIFORM_RICHNESS}


def test_a_stream_without_a_small_multiplier_explodes_with_depth() -> None:
    plain = Parameterization.of(multiplier="0,0,0", init="0,0,0", lr="0,0,0", scales="0")
    verdict = check(resmlp(), plain, scale=DEPTH_SCALE)
    assert verdict.regime == "unstable"
    assert any("stream at initialization: m^1 is not ~ m^0" in reason for reason in verdict.reasons())


def test_growing_heads_keep_the_family_and_growing_head_sizes_only_its_rich_end() -> None:
    """Tensor Programs V's 1/d attention is forced where heads grow in size, and then r = 1/2 is."""
    whole = derive(transformer(grows="heads"), optimizer("adam"), loss="cross-entropy")
    assert whole.family is not None
    assert (whole.family.low, whole.family.high) == (0, HALF)
    assert [str(scale) for scale in whole.family.scales] == ["0", "0", "0"]
    (point,) = derive(transformer(grows="head-size"), optimizer("adam"), loss="cross-entropy").polyhedra
    assert point.dimension == 0
    assert {"kappa_1 + 1", "kappa_2", "kappa_3"} <= set(point.equations), "scores are q.k / d"
    assert {"sigma_8 + 1", "eta_1", "eta_2 + 1", "eta_8 + 1"} <= set(point.equations), "muP for Adam"


def test_scores_are_generic_first_and_aligned_once_queries_and_keys_have_moved() -> None:
    network, mup = transformer(), _mup_transformer()
    orders = predict(network, mup, optimizer("adam"), loss="cross-entropy")
    assert orders[Observable("z", "scores", 0)] == -HALF
    assert orders[Observable("dz", "scores", 1)] == 0
    verdict = check(network, mup, optimizer("adam"), loss="cross-entropy")
    assert verdict.regime == "rich"
    usual = Parameterization(mup.layers, scales=(-HALF, Fraction(0), Fraction(0)))
    assert check(network, usual, optimizer("adam"), loss="cross-entropy").regime == "unstable", (
        "1/sqrt(d) scores explode"
    )


def _mup_transformer() -> Parameterization:
    """Tensor Programs V, Table 8 and section 5, written with g = 1: untied, under Adam."""
    layers = [LayerExponents(Fraction(0), Fraction(0), Fraction(0))]
    layers += [LayerExponents(Fraction(0), -HALF, Fraction(-1))] * 6
    layers += [LayerExponents(Fraction(0), Fraction(-1), Fraction(-1))]
    return Parameterization(tuple(layers), scales=(Fraction(-1), Fraction(0), Fraction(0)))


def test_a_whole_transformer_under_adamw() -> None:
    """Decay grows like 1/lr of matrices that are hidden, as muP's coupled AdamW asks (arXiv 2405.13698)."""
    derivation = derive(transformer(grows="heads"), optimizer("adamw"), loss="cross-entropy")
    assert derivation.family is not None
    decays = [str(layer.decay) for layer in derivation.family.layers]
    assert decays == ["0", *["1"] * 7]
    assert rates(derivation)["query"] == ("-1/2", "r - 3/2")


def test_gains_and_biases_are_trained_like_input_weights() -> None:
    derivation = derive(transformer(grows="heads", gains=True, biases=True), optimizer("adam"), loss="cross-entropy")
    found = rates(derivation)
    vectors = [name for name in found if name.endswith(("gain", "bias"))]
    assert len(vectors) == 5
    assert {found[name][1] for name in vectors} == {found["embedding"][1]} == {"r - 1/2"}


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_is_a_dense_layer_on_patches(depthwise: bool) -> None:
    found = rates(derive(cnn(4, depthwise=depthwise)))
    dense = rates(derive(mlp(4)))
    assert {name: found[name] for name in dense} == dense
    if depthwise:
        assert found["depthwise2"] == dense["layer1"], "a kernel of its own for every channel has a fixed fan_in"


def test_tied_weights_obey_both_uses() -> None:
    """The readout's multiplier makes up for the embedding's init scale; without one nothing does. It is n^-1, and
    r = 1/2: the stream holds the embedding, which its own transpose reads as the law of large numbers has it."""
    (tied,) = derive(transformer(grows="heads", tied=True), optimizer("adam"), loss="cross-entropy").polyhedra
    assert tied.dimension == 0
    assert {"kappa_4 + 1", "eta_1", "eta_2 + 1", "sigma_1"} <= set(tied.equations)
    untied = strategies.family(transformer(grows="heads"), optimizer("adam"))
    assert (untied.low, untied.high) == (0, Fraction(1, 2))
    words = fixed(100)
    bare = Network(
        (Embedding("embedding", INPUT, "table", words, WIDTH), Dense("readout", "embedding", "table", WIDTH, words))
    )
    refused = derive(bare)
    assert refused.degrees_of_freedom is None
    assert "signal propagation" in refused.contradiction


def test_the_residual_branch_may_be_richer_than_its_stream_unless_asked_not_to() -> None:
    looser = [criterion for criterion in TUTORIAL if criterion is not UNIFORM_RICHNESS]
    derivation = derive(resmlp(), criteria=looser)
    assert derivation.degrees_of_freedom == 2
    assert derive(resmlp()).degrees_of_freedom == 1


TIED = Network(
    (
        Embedding("embedding", INPUT, "table", fixed(16), WIDTH),
        Dense("hidden", "embedding", "square", WIDTH, WIDTH),
        Elementwise("activation", "hidden", "relu"),
        Scale("readout_scale", "activation"),
        Dense("readout", "readout_scale", "table", WIDTH, fixed(16)),
    )
)
"""A weight with two uses, and a matrix in between: the second use does not find the first in what it reads."""

NETWORKS = [
    mlp(3, biases=True),
    cnn(3, depthwise=True),
    resmlp(branch=2, norm=True),
    transformer(grows="heads"),
    TIED,
]


@settings(max_examples=24)
@given(st.sampled_from(NETWORKS), st.sampled_from(["sgd", "adam", "muon-spectral", "lion"]), st.data())
def test_members_meet_the_criteria_and_neighbours_do_not(network, name, data) -> None:  # type: ignore[no-untyped-def]
    law = optimizer(name)
    member = strategies.family(network, law).member(data.draw(strategies.richness()))
    moved = member.shifted(data.draw(strategies.gauges(network.depth)), law)
    verdict = check(network, moved, law)
    assert verdict.nontrivial, verdict.reasons()
    assert verdict.meets(*TUTORIAL)
    assert verdict == check(network, member, law), "a gauge changes nothing, of a weight with two uses either"
    assert not check(network, data.draw(strategies.perturbed(moved)), law).meets(*TUTORIAL)


@settings(max_examples=30)
@given(st.sampled_from(["sgd", "adam"]), st.integers(0, 1), st.data())
def test_inserting_a_hidden_layer_changes_no_verdict(name, number, data) -> None:  # type: ignore[no-untyped-def]
    """A hidden layer of the family, inserted anywhere, leaves richness and regime as they are."""
    law = optimizer(name)
    shallow, deep = strategies.family(mlp(3), law), strategies.family(mlp(4), law)
    r = data.draw(strategies.richness())
    given_ = data.draw(strategies.perturbed(shallow.member(r)))
    inserted = deep.member(r).layers[1]
    layers = (*given_.layers[: number + 1], inserted, *given_.layers[number + 1 :])
    before, after = check(mlp(3), given_, law), check(mlp(4), Parameterization(layers), law)
    if before.meets(*TUTORIAL) or after.meets(*TUTORIAL):
        assert (before.regime, before.richness) == (after.regime, after.richness)
    assert before.meets(*TUTORIAL) == after.meets(*TUTORIAL)


def names(criteria: tuple[Criterion, ...]) -> list[str]:
    return [criterion.name for criterion in criteria]


def test_a_network_without_them_is_not_asked_for_blocks_attention_or_decay() -> None:
    findings = check(mlp(3), strategies.family(mlp(3)).member(0)).findings
    special = {"uniform richness", "bounded scores", "stable scores", "maximal decay"}
    assert special.isdisjoint(names(tuple(finding.criterion for finding in findings)))
    assert special <= set(names(TUTORIAL))
