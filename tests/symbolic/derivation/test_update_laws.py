"""Optimizers as update laws: their families, their assumptions, and what none of them is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.criteria.observables import Observable
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw, is_factored, optimizer
from scalings.networks.architectures import mlp
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict
from tests import strategies

HALF = Fraction(1, 2)


def learning_rates(law: UpdateLaw, r: Fraction = HALF) -> list[str]:
    return [str(layer.lr) for layer in strategies.family(mlp(3), law).member(r).layers]


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        # At the rich end, g = 1. SGD and Adam: Yang et al., arXiv 2203.03466, Table 3.
        ("momentum", ["1", "0", "-1"]),
        ("nesterov", ["1", "0", "-1"]),
        ("lion", ["0", "-1", "-1"]),
        ("adamw", ["0", "-1", "-1"]),
        # Orthogonalised steps of spectral norm eta: |dW h| ~ |h| wants sqrt(fan_out / fan_in), arXiv 2310.17813.
        ("muon", ["1/2", "0", "-1/2"]),
        ("muon-spectral", ["0", "0", "0"]),
        ("muon-jordan", ["0", "0", "-1/2"]),
        # Steps of Adam's root mean square: Adam's rates where both fans grow like the larger one.
        ("muon-rms", ["0", "-1/2", "-1"]),
        ("shampoo", ["1/2", "0", "-1/2"]),
        # Steps as large as the weights are: a global learning rate where weights move by their own norm.
        ("lamb", ["0", "-1/2", "0"]),
        ("lars", ["0", "-1/2", "0"]),
        ("adafactor", ["0", "-1/2", "0"]),
    ],
)
def test_learning_rates_at_the_rich_end(name: str, rates: list[str]) -> None:
    assert learning_rates(optimizer(name)) == rates


@settings(max_examples=25)
@given(strategies.depths, st.tuples(*[st.fractions(-1, 1, max_denominator=4)] * 4), st.sampled_from(["0", "1/2", "1"]))
def test_any_law_of_five_fractions_has_one_freedom(depth: int, powers: tuple[Fraction, ...], p: str) -> None:
    law = optimizer(f"law:{p},{','.join(map(str, powers))}")
    family = derive(mlp(min(depth, 4)), law).family
    assert family is not None
    assert (family.low, family.high) == (0, HALF)
    assert check(family.network, family.member(HALF), law).regime == "rich"


@pytest.mark.parametrize(("alpha", "high"), [("1", "1/2"), ("1/2", "1/4"), ("1/4", "1/8")])
def test_updates_that_align_less_may_be_larger_but_leave_less_room_for_richness(alpha: str, high: str) -> None:
    """Everett et al., arXiv 2407.05872: by n^((1-alpha)/2). The readout's larger update then takes over the backward
    signal, which at the lazier ends was that of its initial weights."""
    share = Fraction(alpha)
    law = replace(optimizer("adam"), alpha=share)
    family = strategies.family(mlp(3), law)
    assert (family.low, family.high) == (0, Fraction(high))
    aligned = strategies.family(mlp(3), optimizer("adam")).member(0).layers
    gained = [new.lr - old.lr for new, old in zip(family.member(0).layers, aligned, strict=True)]
    assert gained == [0, (1 - share) / 2, (1 - share) / 2]
    assumption = derive(mlp(3), law).assumptions[2]
    assert ("by alpha" in assumption) == (share != 1)


@pytest.mark.parametrize(
    ("name", "high", "rates"),
    [
        # A first step of Adam in every entry, and steps of |b| afterwards, which are no larger.
        ("lamb", "1/2", ["r - 1/2", "r - 1/2", "0"]),
        ("adafactor", "1/2", ["r - 1/2", "r - 1/2", "0"]),
        # A first step of sgd wants n^(2r), with which the steps of |b| that follow explode unless r = 0.
        ("lars", "0", ["0", "0", "0"]),
    ],
)
def test_zero_biases_are_trained_by_laws_of_the_weights_norm(name: str, high: str, rates: list[str]) -> None:
    """Trust ratio 1 where |W| = 0: You et al., arXiv 1708.03888 and 1904.00962; eps_2: arXiv 1804.04235, section 8."""
    law, network = optimizer(name), mlp(3, biases=True)
    derivation = derive(network, law)
    layers = derivation.family.layers if derivation.family else derivation.polyhedra[0].layers
    assert derivation.degrees_of_freedom == (1 if high == "1/2" else 0)
    found = {node.name: str(layer.lr) for node, layer in zip(network.layers, layers, strict=True)}
    assert [found[f"bias{number}"] for number in (1, 2, 3)] == rates
    assert any("all zero" in assumption for assumption in derivation.assumptions)
    assert len(derivation.gauges) == 3, "of the matrices: the first step of a bias has no gauge that later ones have"
    frozen = derive(network, optimizer("law:0,0,0,0,1"))
    assert frozen.degrees_of_freedom is None, "without the exception zero biases never move"


def test_zero_weights_have_no_gauge_where_their_first_step_is_anothers() -> None:
    zero = Parameterization.of(multiplier="0,0", init="0,-oo", lr="0,-1")
    with pytest.raises(ArgumentError, match="lamb has no gauge for weights that start at zero"):
        zero.shifted([Fraction(0), HALF], optimizer("lamb"))
    assert zero.shifted([HALF, Fraction(0)], optimizer("lamb")).layers[1] == zero.layers[1]


@pytest.mark.parametrize(
    ("alpha", "init", "overlap"),
    [("0", "-1/2", "-1/2"), ("0", "-1", "-1/2"), ("1/2", "-1/2", "-1/2"), ("1/2", "-1", "-1/4"), ("1", "-1", "0")],
)
def test_alpha_counts_once_in_an_interaction(alpha: str, init: str, overlap: str) -> None:
    """By docs/explanation/orders-of-magnitude.md a change dh has a generic part, on which an update acts by chance, and
    a part along h, |dh|/|h| of it, on which it acts as it does on h; the larger of the two is the interaction's."""
    law = replace(optimizer("sgd"), alpha=Fraction(alpha))
    rates = {"-1/2": "0,-1,-1", "-1": "1,0,-1"}[init]
    given = Parameterization.of(multiplier="0,0,0", init=f"0,-1/2,{init}", lr=rates)
    orders = predict(mlp(3), given, law)
    update, moved = orders[Observable("dW_frobenius", "layer2", 2)], orders[Observable("dz", "layer1", 2)]
    assert orders[Observable("interaction", "layer2", 2)] == update + moved + Fraction(overlap)
    unaligned = (Fraction(alpha) - 1) / 2
    assert orders[Observable("layer", "layer2", 2)] == update + HALF + unaligned


def test_an_update_by_chance_acts_on_anything_by_chance() -> None:
    """Alpha = 0 is a matrix that knows nothing of its input: n^(-1/2) of the product of norms, along h or not."""
    import numpy as np

    generator = np.random.default_rng(0)
    for width in (64, 1024):
        update, h = generator.normal(size=(width, width)), generator.normal(size=width)
        other = generator.normal(size=width)
        for vector in (h, h + other, other):
            share = np.linalg.norm(update @ vector) / np.linalg.norm(update) / np.linalg.norm(vector)
            assert share * width**0.5 == pytest.approx(1, abs=6 * width**-0.5)


def test_an_unaligned_readout_lets_the_standard_readout_see_features() -> None:
    """With omega = 0 the readout of init scale n^(-1/2) moves by order 1 where features do."""
    law = replace(optimizer("sgd"), omega=Fraction(0))
    assert not any("omega" in assumption for assumption in derive(mlp(3)).assumptions)
    orders = {omega: _passthrough(replace(law, omega=Fraction(omega))) for omega in (0, 1)}
    assert orders == {0: 0, 1: HALF}


def _passthrough(law: UpdateLaw) -> object:
    standard = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="1/2,-1/2,-1")
    return predict(mlp(3), standard, law, steps=1)[Observable("passthrough", "layer3", 1)]


@pytest.mark.parametrize(
    ("epsilon", "drowned"), [("-1", set()), ("-1/2", {"layer1", "layer2"}), ("0", {"layer1", "layer2"})]
)
def test_epsilon_must_follow_the_gradients_order(epsilon: str, drowned: set[str]) -> None:
    """Gradients' entries are 1/n below the readout (arXiv 2203.03466, appendix B.3): so must epsilon be."""
    adam = optimizer("adam")
    member = strategies.family(mlp(3), adam).member(HALF)
    verdict = check(mlp(3), member, with_epsilon(adam, epsilon))
    assert {note.split()[5] for note in verdict.notes} == drowned
    assert (verdict.richness == HALF) == (not drowned)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sgd", "it divides by nothing"),
        ("momentum+l2", "it divides by nothing"),
        ("sign", "takes signs, and divides by nothing"),
        ("lion+coupled", "takes signs, and divides by nothing"),
        ("lamb", "divides its step by the step's own size as well"),
        ("lars", "divides by the norm of the whole gradient"),
        ("adafactor", "compares its epsilon with mean squares over rows and columns"),
        ("muon", "muon does not divide by the size of a gradient's entries"),
    ],
)
def test_a_law_without_an_epsilon_says_why(name: str, reason: str) -> None:
    with pytest.raises(ArgumentError, match=f"epsilon: .*{reason}"):
        with_epsilon(optimizer(name), "0")


def test_an_epsilon_is_a_power() -> None:
    with pytest.raises(ArgumentError, match="expected a fraction"):
        with_epsilon(optimizer("adam"), "tiny")
    law = with_epsilon(optimizer("adam+l2"), "-1")
    assert law.epsilon == -1
    assert any("the power -1 of the scale variable" in said for said in law.assumptions)


def test_a_gradient_that_decay_drowns_is_normalised_with_it() -> None:
    """Loshchilov and Hutter, arXiv 1711.05101: with Adam, decay in the loss is not decay of the weights. As strong as
    the criteria ask for it is larger than the gradient, and learning rates must make up for that."""
    families = {name: strategies.family(mlp(3), optimizer(name)).member(HALF) for name in ("adam+l2", "adamw")}
    rates = {name: str(member.layers[1].lr) for name, member in families.items()}
    assert rates == {"adam+l2": "-1/2", "adamw": "-1"}
    orders = predict(mlp(3), families["adam+l2"], optimizer("adam+l2"), 1)
    without = replace(families["adam+l2"].layers[1], decay=MINUS_INFINITY)
    layers = (families["adam+l2"].layers[0], without, families["adam+l2"].layers[2])
    alone = predict(mlp(3), Parameterization(layers), optimizer("adam+l2"), 1)
    moved = Observable("dW_frobenius", "layer2", 1)
    assert alone[moved] == orders[moved] + HALF


def test_a_criterion_of_decay_needs_decay() -> None:
    slow = parse_criterion("slow: decay <= n^(-1/2) at hidden matrices after updates")
    with pytest.raises(
        ArgumentError, match="criterion: 'slow' speaks of decay, but sgd has none; expected an optimizer"
    ):
        derive(mlp(2), criteria=[*TUTORIAL, slow])
    assert derive(mlp(2), optimizer("adamw"), [*TUTORIAL, slow]).degrees_of_freedom is not None
    assert derive(mlp(2), criteria=TUTORIAL).family is not None, "the tutorial's own are left out"


@pytest.mark.parametrize(
    ("name", "decays"),
    [
        # Wang and Aitchison, arXiv 2405.13698: under muP, eta lambda is to stay fixed with AdamW, so lambda ~ n.
        ("adamw", ["0", "1", "1"]),
        ("adamw-independent", ["0", "0", "0"]),
        ("sgd-l2", ["-1", "0", "1"]),
        ("momentum+l2", ["-1", "0", "1"]),
        ("lion+coupled", ["0", "1", "1"]),
        # Steps of spectral norm eta, weights of size n^0 (input n^(1/2), output n^(-1/2)): Moonlight, arXiv 2502.16982.
        ("muon+coupled", ["-1/2", "0", "1/2"]),
        ("muon+independent", ["0", "0", "0"]),
        # lambda W beside entries of size 1: as large as these where weights are to shrink by as much as they learn.
        ("lamb+inside", ["0", "1", "1"]),
        ("adam+l2", ["-1", "0", "1"]),
    ],
)
def test_decay_has_an_exponent_of_its_own(name: str, decays: list[str]) -> None:
    member = strategies.family(mlp(3), optimizer(name)).member(HALF)
    assert [str(layer.decay) for layer in member.layers] == decays
    shifted = member.shifted([Fraction(1, 4), Fraction(-1), Fraction(1, 2)], optimizer(name))
    assert check(mlp(3), shifted, optimizer(name)) == check(mlp(3), member, optimizer(name)), "decay has its gauge too"


def test_too_much_decay_is_unstable() -> None:
    adamw = optimizer("adamw")
    member = strategies.family(mlp(3), adamw).member(HALF)
    layers = [*member.layers[:1], replace(member.layers[1], decay=Fraction(3, 2)), *member.layers[2:]]
    assert check(mlp(3), replace(member, layers=tuple(layers)), adamw).regime == "unstable"
    still = [replace(layer, decay=MINUS_INFINITY) for layer in member.layers]
    assert check(mlp(3), replace(member, layers=tuple(still)), adamw).regime == "rich"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clipped-sgd", "expected one of sgd, .* but got 'clipped-sgd'; .*and \\+clip clips"),
        ("sgd+clip+clip", "expected \\+clip once"),
        ("adan", "did you mean adam"),
        ("law:1,2,x", "expected a fraction such as -1/2, but got 'x' in '1,2,x'"),
        ("law:1,2,3,4,5,6", "expected at most 5 exponents, but got 6"),
        (
            "lion+decoupled",
            "expected coupled, independent, l2, inside behind the \\+, or another optimizer, but got 'decoupled'",
        ),
        ("adamw+l2", "adamw decays already"),
        ("adam+inside", "decay inside the step is lamb's; expected adam\\+coupled"),
        ("lyon+l2", "did you mean lion"),
    ],
)
def test_what_is_no_law_is_refused(name: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        optimizer(name)


def test_every_law_says_what_it_assumes() -> None:
    for law in OPTIMIZERS.values():
        assert law.name in law.assumptions[0]
        more = law.decay != "none" or law.at_zero != "alike" or is_factored(law)
        assert (len(law.assumptions) > 1) == more
