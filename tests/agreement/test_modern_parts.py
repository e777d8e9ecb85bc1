"""Modern parts agree with training at the rich end: modulated layers, norms, loops, experts, attention, a scan."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from empirical.engines.engine import Scaling
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from scalings.results.trials import Training
from symbolic.derivation.derive import derive
from symbolic.derivation.members import member
from symbolic.evaluation.check import check
from tests.agreement.experiments import (
    WIDE,
    WIDTHS,
    Experiment,
    agrees,
    confirm,
    experiment,
    how,
    p_value,
    refuted,
)
from tests.agreement.traced import ALONE, CAPPED, GROUPED, ROUTED, SCAN, TWO, Traced
from tests.literature.transformers import LARGE, MANY, expert_number, expert_size, mup
from tests.modern_parts import looped, modulated, post_norm, qk_norm
from tests.strategies import contains
from tests.zero_starts import adapted, lora

pytestmark = pytest.mark.slow
HALF = Fraction(1, 2)
SQUARES = (64, 144, 256, 400, 576, 784, 1024)
"""Squares of even numbers: n^(1/2) / 2 groups."""


@pytest.mark.long
@pytest.mark.parametrize("network", [modulated(), post_norm(), looped()], ids=["adaLN", "post-norm", "looped"])
def test_blocks(network: Network) -> None:
    """A stream that a condition modulates and gates, one that is normalized after each block, one block three times."""
    confirm(experiment(network, member(network, "adam", HALF), how("adam"), WIDTHS, 12), least=70)


@pytest.mark.long
def test_normalized_queries_and_keys() -> None:
    """Of one head that grows, with gains: scores q.k / d are generic at first, and bounded once both have moved."""
    network = qk_norm()
    given = member(network, "adam", HALF, loss="cross-entropy")
    training = how("adam", batch=4, loss="cross-entropy", lr=0.05)
    found = experiment(network, given, training, WIDE, 8)
    agrees(found, "z", "scores", 0, -HALF)
    agrees(found, "dz", "query_gain", 2, HALF)
    # What is aligned takes over from what is not: the interval is too wide to tell 1/4.
    confirm(found, slow=["dz scores"], least=90)
    usual = replace(given, scales=(-HALF,))
    assert check(network, usual, "adam", loss="cross-entropy").regime == "unstable", "norms do not bound q.k / sqrt(d)"


def trained(part: Traced, given: Parameterization, widths: tuple[int, ...] = WIDTHS, seeds: int = 4) -> Experiment:
    return part.train(given, Training.of("adam", steps=2), widths, seeds)


def rich(part: Traced) -> Parameterization:
    return member(part.network, "adam", HALF, loss=part.translation.loss)


@pytest.mark.long
def test_capped_scores() -> None:
    confirm(trained(CAPPED, rich(CAPPED)), least=40)


@pytest.mark.long
def test_routed_experts() -> None:
    """The best two of four: gradients are of those tokens alone that a router sent, and vary much over seeds."""
    experts = [f"gradient {name}.{number}" for name in ("up", "down") for number in range(4)]
    found = trained(ROUTED, rich(ROUTED), seeds=6)
    agrees(found, "z", "router", 0, -HALF)
    confirm(found, slow=[*experts, "gradient router", "dz add"], least=60)


def grouped(narrow: Fraction) -> Parameterization:
    """Maximal update parametrization, with init scales n^narrow of keys and values."""
    init = {"embed": Fraction(0), "k": narrow, "v": narrow, "head": Fraction(-1)}
    layers = [layer.name for layer in GROUPED.network.layers]
    rates = [Fraction(-(name != "embed")) for name in layers]
    return Parameterization.of(multiplier=[0] * len(layers), init=[init.get(name, -HALF) for name in layers], lr=rates)


@pytest.mark.long
def test_grouped_queries_of_a_ratio_that_grows() -> None:
    """Keys and values of n^(1/2) units: sqrt(fan_out) / fan_in is what their init scales are to be (Yang, Simon and
    Bernstein, arXiv 2310.17813; Chickering et al., arXiv 2605.15290). All units move by order 1; they start smaller."""
    found = trained(GROUPED, grouped(Fraction(-3, 4)), SQUARES)
    for name in ("k", "v"):
        agrees(found, "z", name, 0, 0)
        agrees(found, "dz", name, 2, HALF / 2)
    # What o passes on is small here beside what its update does.
    confirm(found, slow=["dz o", "dz add", "gradient o"], least=35)


@pytest.mark.long
def test_grouped_values_of_the_usual_init_scale_explode() -> None:
    """n^(-1/2), as of other hidden matrices: what the embedding learns lies along the few values that read it. At these
    widths that takes over from what values pass on by chance: they grow, and no longer by order 1 in each unit."""
    given = grouped(-HALF)
    assert "stable features at v" in " ".join(check(ALONE.network, given, "adam", loss="cross-entropy").reasons())
    found, moved = trained(ALONE, given, SQUARES), Observable("dz", "v", 2)
    assert found.predicted()[moved] == HALF
    assert found.fits[moved].low > 0.25
    assert p_value(found.fits[moved], HALF / 2) < 0.05
    agrees(trained(ALONE, grouped(Fraction(-3, 4)), SQUARES), "dz", "v", 2, HALF / 2)


def test_two_heads_of_values_that_all_queries_share() -> None:
    """From 1/n, as the criteria `spectral` have it, their values move by order 1, and the projection with them; from
    the usual n^(-1/2) they explode, and the projection's changes grow like n."""
    (piece,) = derive(TWO.network, "adam", "spectral", loss="cross-entropy").polyhedra
    moved, projected = Observable("dz", "v", 2), Observable("dz", "o", 2)
    for init, small in ((Fraction(-1), True), (-HALF, False)):
        given = grouped(init)
        values = {name: one for name, one in given.by_name(0).items() if isinstance(one, Fraction)}
        assert contains(piece, values) == small
        found = trained(TWO, given, seeds=8)
        assert found.predicted()[projected] == (HALF if small else 1)
        if small:
            agrees(found, "dz", "v", 2, 0)
            agrees(found, "dz", "o", 2, HALF)
        else:
            assert found.fits[moved].low > 0.2
            assert p_value(found.fits[projected], HALF) < 0.05


def scan(init: Fraction) -> Parameterization:
    """Maximal update parametrization, with these init scales of what drives and reads the states."""
    kinds = {"b": (init, -1), "c": (init, -1), "dt": (-HALF, -1), "head": (-1, -1)}
    rows = [kinds.get(layer.name, (0, 0)) for layer in SCAN.network.layers]
    return Parameterization.of(multiplier=[0] * len(rows), init=[row[0] for row in rows], lr=[row[1] for row in rows])


@pytest.mark.long
def test_a_selective_scan() -> None:
    """B and C read n units into a fixed number of states: they have a readout's exponents, as a router does. With those
    of hidden matrices they explode, once what they read has moved."""
    given = scan(Fraction(-1))
    assert check(SCAN.network, given, "adam").regime == "rich"
    assert "stable scores at b" in " ".join(check(SCAN.network, scan(-HALF), "adam").reasons())
    found = trained(SCAN, given, seeds=6)
    for name in ("b", "c"):
        agrees(found, "z", name, 0, -HALF)
        agrees(found, "dz", name, 2, 0)
    agrees(found, "dz", "dt", 2, HALF)
    assert not refuted(found.asserted(), found.predicted())


def in_experts(number_or_size: str, given: Parameterization, network: Network, sizes: tuple[int, ...]) -> Experiment:
    """At width 8 or 16, under maximal update parametrization there."""
    width, rate = {"members": (16, 0.01), "expert-size": (8, 0.03)}[number_or_size]
    scaling = Scaling(number_or_size, {"width": width}, {"width": mup(network)})
    return experiment(network, given, how("adam", lr=rate), sizes, 8, scaling)


@pytest.mark.long
def test_more_experts() -> None:
    """Their mean starts at E^(-1/2) and is moved by order 1, at rates that know no E (arXiv 2601.20205, Table 1)."""
    found = in_experts("members", expert_number("0"), MANY, (8, 12, 16, 24, 32, 48, 64, 96))
    agrees(found, "z", "down", 0, -HALF)
    agrees(found, "layer", "down", 2, 0)
    agrees(found, "dz", "router", 2, HALF)


@pytest.mark.long
def test_larger_experts() -> None:
    """Init scales 1/M at their end (the same paper); with M^(-1/2), what is passed on grows with M."""
    sizes = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
    found = in_experts("expert-size", expert_size("-1"), LARGE, sizes)
    agrees(found, "z", "down", 0, -HALF)
    agrees(found, "dz", "down", 2, 0)
    usual = in_experts("expert-size", expert_size("-1/2"), LARGE, sizes)
    passed_on = Observable("passthrough", "down", 2)
    assert usual.predicted()[passed_on] == HALF
    assert p_value(usual.fits[passed_on], 0) < 0.05


@pytest.mark.long
def test_adapters_at_one_rate() -> None:
    """Init[A] at n^(-1/2): A h explodes like n^(1/2), and of order 1 is what both updates do (arXiv 2406.08447)."""
    found = experiment(lora(), adapted(-HALF, -HALF), how("adam", batch=4, steps=3, lr=0.1), WIDTHS, 12)
    agrees(found, "dz", "A", 2, HALF)
    agrees(found, "interaction", "B", 2, HALF)
    agrees(found, "layer", "B", 2, 0)
