"""What the property tests draw, shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from random import Random

from hypothesis import strategies as st

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw
from scalings.networks.architectures import mlp
from scalings.networks.network import Network
from scalings.networks.nodes import ACTIVATIONS
from scalings.results.derivations import Family, Polyhedron
from symbolic.derivation.derive import derive

SGD = OPTIMIZERS["sgd"]

depths = st.integers(2, 5)
activations = st.sampled_from(ACTIVATIONS)
optimizers = st.sampled_from(list(OPTIMIZERS.values()))
networks = st.builds(mlp, depths, activations)
fractions = st.fractions(-2, 2, max_denominator=4)
shifts = st.fractions(-1, 1, max_denominator=4)
perturbations = st.sampled_from([Fraction(sign, size) for sign in (-1, 1) for size in (1, 2, 4, 16)])


@cache
def family(network: Network, law: UpdateLaw = SGD) -> Family:
    """The derived family, once for each network and law."""
    found = derive(network, law).family
    assert found is not None
    return found


def contains(polyhedron: Polyhedron, point: Mapping[str, Fraction]) -> bool:
    """Whether the exponents lie in a piece of an answer."""
    from sympy import Rational, sympify

    values = {name: Rational(value.numerator, value.denominator) for name, value in point.items()}
    equations = all(sympify(form).subs(values) == 0 for form in polyhedron.equations)
    return equations and all(sympify(form).subs(values) >= 0 for form in polyhedron.inequalities)


def richness(low: Fraction = Fraction(0), high: Fraction = Fraction(1, 2)) -> st.SearchStrategy[Fraction]:
    """Members of the family, its two ends often among them."""
    return st.sampled_from([low, high]) | st.fractions(low, high, max_denominator=16)


def gauges(depth: int) -> st.SearchStrategy[list[Fraction]]:
    """By how much each layer's multiplier is raised."""
    return st.lists(shifts, min_size=depth, max_size=depth)


@st.composite
def parameterizations(draw: st.DrawFn, depth: int) -> Parameterization:
    """Any parameterization, but near enough to stable that all verdicts occur, zero readouts among them."""
    halves = [Fraction(0), *[Fraction(-1, 2)] * (depth - 1)]
    multiplier = [draw(fractions) for _ in range(depth)]
    init: list[Exponent] = [half - g for half, g in zip(halves, multiplier, strict=True)]
    init[-1] += draw(st.sampled_from([Fraction(k, 4) for k in (-3, -2, -1, 0, 0, 0)]) | st.just(MINUS_INFINITY))
    if draw(st.integers(0, 7)) == 0:
        init[draw(st.integers(0, depth - 1))] = draw(fractions)
    own = [draw(st.sampled_from([Fraction(k, 4) for k in range(-6, 5)])) for _ in range(depth)]
    own[-1] = draw(st.sampled_from([Fraction(0), Fraction(0), own[-1]]))
    lr = [2 * half + rate - 2 * g for half, rate, g in zip(halves, own, multiplier, strict=True)]
    layers = (LayerExponents[Exponent](*row) for row in zip(multiplier, init, lr, strict=True))
    return Parameterization(tuple(layers))


def near_stable(random: Random) -> Parameterization:
    """The same without hypothesis, whose drawing takes longer than most verdicts."""
    depth = random.randint(2, 5)
    multiplier = [Fraction(random.randint(-8, 8), 4) for _ in range(depth)]
    half = [Fraction(0), *[Fraction(-1, 2)] * (depth - 1)]
    init: list[Exponent] = [h - g for h, g in zip(half, multiplier, strict=True)]
    init[-1] += random.choice([MINUS_INFINITY, 0, Fraction(-1, 4), Fraction(-1, 2), Fraction(-1)])
    if random.random() < 0.1:
        init[random.randrange(depth)] += Fraction(random.choice([-1, 1]), 4)
    own = [Fraction(random.choice([-2, 0, 0, 1, 2, 3, 4, 4]), 4) for _ in range(depth)]
    own[-1] = Fraction(random.choice([-1, 0, 0, 0, 1]), 4)
    lr = [2 * h + rate - 2 * g for h, rate, g in zip(half, own, multiplier, strict=True)]
    return Parameterization.of(multiplier=multiplier, init=init, lr=lr)


@st.composite
def perturbed(
    draw: st.DrawFn, parameterization: Parameterization, by: st.SearchStrategy[Fraction] = perturbations
) -> Parameterization:
    """The same with one init scale or one learning rate moved: no gauge does that."""
    number = draw(st.integers(0, parameterization.depth - 1))
    shift = draw(by)
    layers = list(parameterization.layers)
    old = layers[number]
    if draw(st.booleans()) and old.init != MINUS_INFINITY:
        layers[number] = replace(old, init=old.init + shift)
    else:
        layers[number] = replace(old, lr=old.lr + shift)
    return replace(parameterization, layers=tuple(layers), name="perturbed")
