"""Sizes at a width: far out their slopes are the orders, and near by they show which term is still the larger one."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Bias, Convolution, Dense, Elementwise, Factor, Repeat
from symbolic.evaluation.predict import predict
from symbolic.evaluation.sizes import sizes
from symbolic.orders.algebra import EXACT
from symbolic.orders.sizes import Sizes
from symbolic.propagation.training import train

FAR = (2**60, 2**61)
MUP = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")


def at(given: Parameterization, width: int, constants: tuple[float, ...] = ()) -> list[LayerExponents[float]]:
    """The exponents as numbers, with constants in front of init scales and learning rates."""
    each = constants or (1.0,) * given.depth
    return [
        LayerExponents(1.0, constant * width ** float(layer.init), 0.01 * width ** float(layer.lr))
        for layer, constant in zip(given.layers, each, strict=True)
    ]


def slopes(
    problem: Problem, given: Parameterization, widths: tuple[int, int], *constants: float
) -> dict[Observable, float]:
    small, large = (sizes(problem, at(given, width, constants), width, 3) for width in widths)
    steps = math.log(widths[1] / widths[0])
    return {one: math.log(large[one] / small[one]) / steps for one in small if small[one]}


@pytest.mark.parametrize("law", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("init", ["0,-1/2,-1", "0,-1/2,-1/2", "1/4,-1/2,-3/4"])
def test_far_out_slopes_are_orders(law: str, init: str) -> None:
    given = Parameterization.of(multiplier="0,0,0", init=init, lr="0,-1,-1")
    problem = Problem(mlp(3), optimizer(law))
    found = slopes(problem, given, FAR)
    derived = dict(train(problem, given.layers, EXACT, 3))
    assert found.keys() == {one for one, order in derived.items() if order > -math.inf}
    for one, slope in found.items():
        assert slope == pytest.approx(float(derived[one]), abs=1e-3), one


def test_a_small_constant_hides_the_larger_order() -> None:
    """A bias of size 0.001 n^(1/2) beside a layer of size 1 has no part in the slope before n^(1/2) is a thousand."""
    network = Network(
        (
            Dense("in", "input", "w", fixed(1), WIDTH),
            Bias("bias", "in", "b", WIDTH, start="random"),
            Dense("out", "bias", "v", WIDTH, fixed(1)),
        )
    )
    given = Parameterization.of(multiplier="0,0,0", init="-1/2,0,-1", lr="0,0,-1")
    problem = Problem(network, optimizer("sgd"))
    z = Observable("z", "bias", 0)
    assert predict(network, given, "sgd")[z] == Fraction(1, 2)
    assert slopes(problem, given, (64, 128), 1.0, 0.001, 1.0)[z] == pytest.approx(0, abs=0.01)
    assert slopes(problem, given, FAR, 1.0, 0.001, 1.0)[z] == pytest.approx(0.5, abs=0.01)


def test_constants_of_the_network_count() -> None:
    network = Network(
        (
            Convolution("in", "input", "w", fixed(3), WIDTH, 4),
            Convolution("mix", "in", "u", WIDTH, WIDTH, 9),
            Factor("third", "mix", Fraction(0), 1 / 3),
            Dense("out", "third", "v", WIDTH, fixed(1)),
        )
    )
    problem = Problem(network, optimizer("sgd"))
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")
    found = sizes(problem, at(given, 100), 100, 1)
    assert found[Observable("z", "in", 0)] == pytest.approx(math.sqrt(12 * 100), rel=1e-4)
    assert found[Observable("z", "mix", 0)] == pytest.approx(math.sqrt(12 * 9 * 100), rel=1e-4)
    assert found[Observable("z", "out", 0)] == pytest.approx(math.sqrt(12 * 9 * 100) / 3 / 100, rel=1e-4)


def test_names_as_long_as_may_be_have_sizes() -> None:
    network = Network(
        (
            Convolution("n" * 100, "input", "w", fixed(3), WIDTH, 4),
            Convolution("entries.1", "n" * 100, "u", WIDTH, WIDTH, 9),
            Dense("out", "entries.1", "v", WIDTH, fixed(1)),
        )
    )
    problem = Problem(network, optimizer("sgd"))
    found = sizes(problem, [LayerExponents(1.0, 0.1, 0.001)] * 3, 64, 1)
    assert found[Observable("z", "n" * 100, 0)] == pytest.approx(0.1 * math.sqrt(12 * 64), rel=1e-4)


def test_blocks_and_attention_have_sizes() -> None:
    network = transformer()
    problem = Problem(network, optimizer("adam"))
    layers = [LayerExponents(1.0, 0.1, 0.001)] * network.depth
    found = sizes(problem, layers, 64, 2)
    assert found.keys() == dict(train(problem, layers, Sizes(64), 2)).keys()
    assert all(0 <= size < math.inf for size in found.values())


def test_a_sigmoid_is_a_half_and_its_slope_a_quarter() -> None:
    """Of a small z; over the steps of a recurrent network, constants that are missing here are multiplied."""
    found = {}
    for function in ("sigmoid", "linear"):
        layers = Dense("in", "input", "w", fixed(4), WIDTH), Dense("out", "h", "v", WIDTH, fixed(1))
        problem = Problem(Network((layers[0], Elementwise("h", "in", function), layers[1])), optimizer("sgd"))
        found[function] = sizes(problem, [LayerExponents(1.0, 1e-4, 1.0), LayerExponents(1.0, 0.01, 0.0)], 100, 1)
    sigmoid, linear = found["sigmoid"], found["linear"]
    assert sigmoid[Observable("z", "out", 0)] == pytest.approx(0.01 * 0.5 * math.sqrt(100), rel=1e-4)
    for observable in (Observable("d", "in", 0), Observable("gradient", "in", 1)):
        assert sigmoid[observable] == pytest.approx(linear[observable] / 4, rel=1e-2)


@pytest.mark.parametrize(("activation", "left"), [("relu", 0.5**0.5), ("gelu", 0.5), ("tanh", 1.0)])
@pytest.mark.parametrize("is_block", [False, True], ids=["apart", "block"])
def test_functions_make_values_small_layer_by_layer(activation: str, left: float, is_block: bool) -> None:
    """Five layers keep the size of what they read, but for the function between them; of a block each copy counts."""
    width, times = 64, 5
    names = ["x"] if is_block else [f"x{number}" for number in range(times)]
    inner: list[Dense | Elementwise] = []
    for number, name in enumerate(names):
        source = "block" if is_block else f"h{number - 1}" if number else "up"
        inner += [Dense(name, source, f"w_{name}", WIDTH, WIDTH), Elementwise(f"h{number}", name, activation)]
    middle = (Repeat("block", "up", tuple(inner), fixed(times)),) if is_block else tuple(inner)
    first, last = (
        Dense("up", "input", "w", fixed(1), WIDTH),
        Dense("f", "block" if is_block else "h4", "v", WIDTH, fixed(1)),
    )
    problem = Problem(Network((first, *middle, last)), optimizer("sgd"))
    scales = [1.0, *[width**-0.5] * len(names), 1 / width]
    found = sizes(problem, [LayerExponents(1.0, scale, 0.01) for scale in scales], width, 1)
    assert found[Observable("z", names[-1], 0)] == pytest.approx(width**0.5 * left ** (times - 1), rel=1e-3)
