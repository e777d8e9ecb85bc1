"""The largest stable learning rates under init scales that are given, for each optimizer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.criteria.tutorial import STABILITY
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from tests import strategies

HALF = Fraction(1, 2)
STANDARD: tuple[Exponent, ...] = (Fraction(0), -HALF, -HALF)
MUP: tuple[Exponent, ...] = (Fraction(0), -HALF, Fraction(-1))
LAWS = ["sgd", "adam", "muon", "muon-spectral", "lars", "shampoo"]


def largest(init: tuple[Exponent, ...], name: str) -> list[Fraction]:
    """The largest learning rates at which stability holds, layer by layer, while the others are small enough."""
    inits = {f"sigma_{number}": exponent for number, exponent in enumerate(init, start=1)}
    polyhedra = derive(mlp(len(init)), optimizer(name), STABILITY, given=inits).polyhedra
    assert len(polyhedra) == 1
    rates = []
    for number in range(1, len(init) + 1):
        grid = [Fraction(k, 4) for k in range(8, -17, -1)]
        small = {f"eta_{other}": Fraction(-9) for other in range(1, len(init) + 1)}
        rates.append(next(rate for rate in grid if strategies.contains(polyhedra[0], small | {f"eta_{number}": rate})))
    return rates


@pytest.mark.parametrize(
    ("init", "name", "rates"),
    [
        # SGD: Yang and Hu, arXiv 2011.14522, section 4: the standard parameterization wants 1/n.
        (STANDARD, "sgd", [0, -1, -1]),
        # Adam: the constraints of Everett et al., arXiv 2407.05872, with full alignment, alpha = omega = 1.
        (STANDARD, "adam", [-HALF, -3 * HALF, -1]),
        (MUP, "sgd", [1, 0, -1]),
        (MUP, "adam", [0, -1, -1]),
        (MUP, "muon-spectral", [0, 0, 0]),
    ],
)
def test_goldens(init: tuple[Exponent, ...], name: str, rates: list[Fraction]) -> None:
    assert largest(init, name) == rates


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("init", [STANDARD, MUP], ids=["standard", "mup"])
def test_they_are_stable_and_nothing_larger_is(init: tuple[Exponent, ...], name: str) -> None:
    rates = largest(init, name)
    together = _with(init, rates)
    if name in ("sgd", "adam"):
        assert check(mlp(3), together, optimizer(name)).stable
    for number in range(3):
        only = [Fraction(-9)] * 3
        only[number] = rates[number]
        assert check(mlp(3), _with(init, only), optimizer(name)).stable
        only[number] += Fraction(1, 4)
        assert not check(mlp(3), _with(init, only), optimizer(name)).stable


def _with(init: tuple[Exponent, ...], rates: list[Fraction]) -> Parameterization:
    layers = (LayerExponents[Exponent](Fraction(0), i, rate) for i, rate in zip(init, rates, strict=True))
    return Parameterization(tuple(layers))


@settings(max_examples=30)
@given(st.sampled_from(["sgd", "adam"]), st.fractions(0, HALF, max_denominator=8))
def test_giving_the_init_scales_of_a_member_gives_back_its_learning_rates(name: str, r: Fraction) -> None:
    """Under the tutorial's criteria nothing is left then: the readout's init scale says how rich it is."""
    member = strategies.family(mlp(3), optimizer(name)).member(r)
    inits = {f"sigma_{number}": layer.init for number, layer in enumerate(member.layers, start=1)}
    (polyhedron,) = derive(mlp(3), optimizer(name), given=inits).polyhedra
    rates = {f"eta_{number}": layer.lr for number, layer in enumerate(member.layers, start=1)}
    assert polyhedron.dimension == 0
    assert strategies.contains(polyhedron, {key: Fraction(value) for key, value in rates.items()})


def test_a_readout_that_is_given_as_zero() -> None:
    """It sends nothing back at first, so hidden layers are judged from when it does: the stable answer has pieces."""
    derivation = derive(mlp(2), criteria=STABILITY, given={"sigma_2": MINUS_INFINITY, "sigma_1": Fraction(0)})
    assert derivation.degrees_of_freedom == 2
    point = {"eta_1": Fraction(1), "eta_2": Fraction(-1)}
    assert any(strategies.contains(polyhedron, point) for polyhedron in derivation.polyhedra)
    layers = (LayerExponents[Exponent](Fraction(0), Fraction(0), Fraction(1)),)
    layers += (LayerExponents[Exponent](Fraction(0), MINUS_INFINITY, Fraction(-1)),)
    assert check(mlp(2), Parameterization(layers)).regime == "rich"
    louder = replace(layers[0], lr=Fraction(5, 4))
    assert not any(strategies.contains(polyhedron, point | {"eta_1": louder.lr}) for polyhedron in derivation.polyhedra)


def test_an_exponent_that_is_not_there_cannot_be_given() -> None:
    with pytest.raises(ArgumentError, match="given: expected exponents among eta_1, eta_2, sigma_1, sigma_2, but got"):
        derive(mlp(2), given={"kappa_1": Fraction(0)})
