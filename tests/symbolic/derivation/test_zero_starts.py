"""Weights that start at zero: what is asked of them, and what comes out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from scalings.certificates.files import read_certificate, write_certificate
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import SIGNAL_PROPAGATION, STABLE_FEATURES, TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense
from scalings.networks.serialization import network_from_text, network_to_text
from scalings.results.checks import Repair
from scalings.studies.rechecking import recheck
from symbolic.certificates.writing import check_certificate, derivation_certificate
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.repair import repair
from tests.zero_starts import DECODER, HALF, adapted, lora, rich_decoder

CHOSEN = [("query",), ("key",), ("projection", "down"), ("query", "projection", "down", "readout")]


@pytest.mark.parametrize("zeros", CHOSEN, ids=", ".join)
def test_zero_queries_and_residual_branches_train_as_well_as_random_ones(zeros: tuple[str, ...]) -> None:
    verdict = check(DECODER, rich_decoder(*zeros), "adam", loss="cross-entropy")
    assert (verdict.regime, verdict.richness) == ("rich", Fraction(1, 2))
    assert verdict.meets(*TUTORIAL)


@pytest.mark.parametrize("name", ["query", "down"])
def test_what_starts_at_zero_is_bounded_absolutely(name: str) -> None:
    given = rich_decoder(name)
    fast = [-1 + Fraction(node.name == name, 4) if node.name != "embedding" else 0 for node in DECODER.layers]
    inits = [layer.init for layer in given.layers]
    verdict = check(
        DECODER,
        Parameterization.of(multiplier=[0] * 8, init=inits, lr=fast, scales=[0, 0, 0]),
        "adam",
        loss="cross-entropy",
    )
    reasons = " ".join(verdict.reasons())
    assert f"stable features at {name} after 1 update: n^(3/4) is not <= n^(1/2)" in reasons


def test_tensor_programs_v_advises_a_zero_query() -> None:
    """It is among what is derived; the multiplier of the scores is free, since nothing fixes the size of the query."""
    derivation = derive(DECODER, "adam", loss="cross-entropy", given={"sigma_2": MINUS_INFINITY})
    assert derivation.degrees_of_freedom == 1
    (piece,) = derivation.polyhedra
    assert "eta_2 + kappa_1 + 1" in piece.equations
    assert {"eta_1", "eta_3 + 1", "sigma_8 + 1"} <= set(piece.equations)
    assert piece.inequalities == ("kappa_1",)


# What is harmful


def test_what_never_leaves_zero_is_refused() -> None:
    nothing = Parameterization.of(multiplier="0,0,0", init="-oo,-oo,-oo", lr="1,0,-1")
    verdict = check(mlp(3), nothing)
    assert verdict.regime == "unstable"
    assert "signal propagation at layer1 at initialization: 0 is not ~ n^(1/2)" in verdict.reasons()[0]
    two = Parameterization.of(multiplier="0,0,0", init="0,-oo,-oo", lr="1,0,-1")
    assert not check(mlp(3, "tanh"), two).stable, "each waits for the other one to move"
    assert derive(mlp(3, "tanh"), given={"sigma_2": MINUS_INFINITY, "sigma_3": MINUS_INFINITY}).contradiction


def test_nothing_comes_back_through_a_relu_of_zeros() -> None:
    zero = Parameterization.of(multiplier="0,0,0", init="0,-oo,-1", lr="1,0,-1")
    assert check(mlp(3, "tanh"), zero).regime == "rich"
    assert check(mlp(3, "gelu"), zero).regime == "rich"
    dead = check(mlp(3, "relu"), zero)
    assert dead.regime == "unstable"
    assert "signal propagation at layer2 at initialization: 0 is not ~" in dead.reasons()[0]
    assert derive(mlp(3, "tanh"), given={"sigma_2": MINUS_INFINITY}).polyhedra
    assert derive(mlp(3, "relu"), given={"sigma_2": MINUS_INFINITY}).contradiction


# Repair and proof


def test_a_repair_keeps_a_zero_that_trains_and_replaces_one_that_does_not() -> None:
    given = rich_decoder("query")
    layers = tuple(given.layers)
    faster = Parameterization.of(
        multiplier=[0] * 8,
        init=[layer.init for layer in layers],
        lr=[0, *[-1] * 5, HALF, -1],
        scales=[0, 0, 0],
    )
    found = repair(DECODER, faster, "adam", loss="cross-entropy")
    assert isinstance(found, Repair)
    assert found.changes == (("down", "lr", HALF, Fraction(-1)),)
    dead = Parameterization.of(multiplier="0,0,0", init="0,-oo,-1", lr="1,0,-1")
    found = repair(mlp(3), dead)
    assert isinstance(found, Repair)
    assert found.changes == (("layer2", "init", MINUS_INFINITY, HALF),)


def test_a_repair_does_not_keep_a_zero_readout_that_breaks_the_useful_update() -> None:
    """At r = 0 the updates of muon behind a zero readout are no use; at r = 1/2 they are, if more layers change."""
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1,-1")
    found = repair(mlp(3), given, "muon")
    assert isinstance(found, Repair)
    assert ("layer3", "init", MINUS_INFINITY, HALF) in found.changes
    assert found.verdict.meets(*TUTORIAL)
    rich = repair(mlp(3), given, "muon", Fraction(1, 2))
    assert isinstance(rich, Repair)
    assert rich.parameterization.layers[-1].init == MINUS_INFINITY
    assert rich.verdict.meets(*TUTORIAL)


@pytest.mark.parametrize("zeros", [{"sigma_2"}, {"sigma_3"}], ids=["hidden", "readout"])
def test_a_derivation_with_zeros_has_a_certificate(zeros: set[str], tmp_path: Path) -> None:
    problem = Problem(mlp(3, "tanh"), optimizer("sgd"))
    write_certificate(tmp_path / "c.json", derivation_certificate(problem, given=dict.fromkeys(zeros, MINUS_INFINITY)))
    assert recheck(read_certificate(tmp_path / "c.json")).refusal is None


def test_a_check_with_zeros_has_a_certificate(tmp_path: Path) -> None:
    problem = Problem(DECODER, optimizer("adam"), loss="cross-entropy")
    given = rich_decoder("query", "projection", "down")
    verdict = check(DECODER, given, "adam", loss="cross-entropy")
    write_certificate(tmp_path / "c.json", check_certificate(problem, given, verdict, None, TUTORIAL))
    assert recheck(read_certificate(tmp_path / "c.json")).refusal is None


# Low-rank adaptation

ADAPTER = {"kappa_1": Fraction(0), "sigma_5": Fraction(-1)}


def test_lora_plus() -> None:
    """Hayou, Ghosh and Yu, arXiv 2402.12354: eta_A ~ n^-1, eta_B ~ 1 under Adam; eta_A <= n^-1 is stable."""
    (piece,) = derive(lora(), "adam", given=ADAPTER).polyhedra
    assert piece.equations == ("eta_3 + 1", "eta_4", "sigma_1", "sigma_2 + 1/2", "sigma_3 + 1/2")
    (stable,) = derive(lora(), "adam", "stability", given=ADAPTER).polyhedra
    assert ("eta_4" in stable.equations, stable.inequalities) == (True, ("-eta_3 - 1",))
    assert check(lora(), adapted(-1, 0), "adam").meets(*TUTORIAL)
    assert not check(lora(), adapted(HALF, HALF), "adam").stable, "the same rate for both: A explodes"
    slow = check(lora(), adapted(-1, -1), "adam")
    assert (slow.stable, slow.nontrivial) == (True, False), "or the output does not move"


@pytest.mark.parametrize(("law", "multiplier"), [("sgd", "kappa_1 + 1/2"), ("adam", "kappa_1 + 1")])
def test_rank_stabilized_lora(law: str, multiplier: str) -> None:
    """Kalajdzievski, arXiv 2312.03732: at learning rates that do not depend on the rank, gamma ~ rank^(-1/2) under
    gradient descent; under Adam LoRA's own alpha / rank is the stable one."""
    network = lora(Dimension(1, others=(("rank", Fraction(1)),)))
    given = dict.fromkeys(("sigma_5", "eta_3", "eta_4"), Fraction(0))
    (piece,) = derive(network, law, "stability", scale="rank", given=given).polyhedra
    assert piece.equations == (multiplier, "sigma_1", "sigma_2", "sigma_3")


def test_frozen_weights() -> None:
    network = lora()
    assert network_from_text(network_to_text(network)) == network
    assert network_to_text(network).count('"frozen": true') == 3
    assert not any(name in derive(network, "adam").steps[-1].statement for name in ("eta_1", "eta_2", "eta_5"))
    moved = Parameterization.of(multiplier=[0] * 5, init=[0, HALF, HALF, MINUS_INFINITY, -1], lr=[0] * 5)
    with pytest.raises(ArgumentError, match="lr: embedding is frozen in this network; expected -oo"):
        check(network, moved, "adam")
    text = network_to_text(network)
    with pytest.raises(ArgumentError, match=r"\$\[0\].frozen: expected one of false, true, but got 1"):
        network_from_text(text.replace('"frozen": true', '"frozen": 1', 1))
    with pytest.raises(ArgumentError, match="a and b cannot share w: it is frozen for a and trained for b"):
        Network(
            (
                Dense("a", INPUT, "w", Dimension(8), Dimension(8), frozen=True),
                Dense("b", "a", "w", Dimension(8), Dimension(8)),
            )
        )


def test_the_criteria_are_stated_once() -> None:
    assert SIGNAL_PROPAGATION.sentence.endswith("or starts at zero and moves")
    assert not STABLE_FEATURES.right.factors, "an absolute bound"
