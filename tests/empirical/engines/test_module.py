"""Modules of torch train as the engine of graphs does, number by number, and their exponents are those of theory."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from empirical.data import tasks
from empirical.engines.choice import Choice
from empirical.engines.graph.setting import Setting, draw
from empirical.engines.graph.training import train as train_graph
from empirical.engines.module.engine import ModuleEngine
from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.training import train
from empirical.engines.module.weights import FIRST_STEP, Constants, reference_constants
from empirical.sweeps.measurement import Measurement
from empirical.sweeps.sweep import Sweep, carry_out
from empirical.tracing.batches import default_loss
from empirical.tracing.trace import trace
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Elementwise
from scalings.results.trials import Training
from scalings.studies.comparisons import compare
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict
from tests.empirical.tracing.zoo import points

WIDTHS = (16, 32, 64)
DATA = points(4, 6)
MUP = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")


def perceptron(width: int, inputs: int = 6, outputs: int = 2) -> nn.Module:
    sizes = ((inputs, width), (width, width), (width, outputs))
    first, second, third = (nn.Linear(*size, bias=False) for size in sizes)
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), third)


def network_of(inputs: int = 6, outputs: int = 2) -> Network:
    return Network(
        (
            Dense("layer1", "input", "weight1", fixed(inputs), WIDTH),
            Elementwise("phi1", "layer1", "tanh"),
            Dense("layer2", "phi1", "weight2", WIDTH, WIDTH),
            Elementwise("phi2", "layer2", "tanh"),
            Dense("layer3", "phi2", "weight3", WIDTH, fixed(outputs)),
        )
    )


def by_hand(traced: TracedNetwork, network: Network) -> Translation:
    """The translation of a perceptron, whose operations are those of the network, one for one."""
    results = [operation.outputs[0] for operation in traced.tape.operations]
    weights = {f"weight{number}": (f"{2 * number - 2}.weight",) for number in (1, 2, 3)}
    layers = [node.name for node in network.nodes]
    seen = {name: value for name, value in zip(layers, results, strict=False) if name.startswith("layer")}
    return Translation(network, seen, weights, traced.tape.outputs[0], "mse")


def problem_of(
    build: Callable[[int], nn.Module] = perceptron,
    given: Parameterization = MUP,
    optimizer: str = "sgd",
    steps: int = 2,
    **options: Any,
) -> ModuleProblem:
    traced = trace(build, DATA, WIDTHS)
    translation = by_hand(traced, network_of())
    return ModuleProblem(
        build, DATA, default_loss, traced, translation, given, Training.of(optimizer, steps=steps, **options)
    )


def measured(problem: ModuleProblem, widths: tuple[int, ...] = (16, 24, 32, 48, 64, 96, 128, 192)) -> Measurement:
    return carry_out(Sweep(Choice("auto", (ModuleEngine(problem),)), widths, seeds=6, cap=1))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon", "adamw"])
def test_it_trains_as_the_engine_of_graphs_does(optimizer: str) -> None:
    """From the same weights at the same learning rates, on the same data, every observable is the same."""
    width, outputs = 16, 10
    network = mlp(3, "tanh")
    training = Training.of(optimizer, steps=3, batch=5, centered=False)
    given = replace(MUP, layers=tuple(replace(layer, decay=Fraction(0)) for layer in MUP.layers))
    setting = Setting(network, {"width": width, "depth": 1}, {"width": given}, training.lr, training.decay)
    initial, task = draw(setting, [0]), tasks.load(network, training)
    task = replace(task, inputs=task.inputs.astype(np.float32).astype(np.float64))  # as the module is given them
    inputs, targets = (torch.from_numpy(array)[:, 0] for array in (task.inputs, task.targets))

    def build(n: int) -> nn.Module:
        module = perceptron(n, inputs.shape[1], outputs)
        if n == width:
            for parameter, tensor in zip(module.parameters(), initial.values(), strict=True):
                parameter.data = tensor[0, 0].to(parameter.dtype, copy=True)
        return module

    def loss(output: Tensor) -> Tensor:
        return (output - targets).square().sum(-1).mean() / 2

    traced = trace(build, inputs.float(), WIDTHS, loss)
    translation = by_hand(traced, network_of(inputs.shape[1], outputs))
    problem = ModuleProblem(build, inputs.float(), loss, traced, translation, given, training)
    constants = {
        f"{2 * number}.weight": Constants(
            float(initial[weight].square().mean().sqrt()), training.lr * setting.power(weight, "lr")
        )
        for number, weight in enumerate(initial)
    }
    found, expected = train(problem, width, 0, constants), train_graph(setting, training, task, [0], "cpu")
    own = {one: value for one, value in found.items() if one in expected}
    assert {one.quantity for one in own} >= {"z", "dz", "d", "dd", "dW_frobenius", "W_frobenius", "gradient", "loss"}
    for one, value in own.items():
        examples = 5 if one.quantity in ("d", "dd") else 1
        # a module has no units but those that grow: ten outputs are ten examples
        factor = math.sqrt(outputs) if one.layer == "layer3" and one.quantity in ("z", "dz", "d", "dd") else 1.0
        assert examples * factor * value == pytest.approx(expected[one][0], rel=1e-7), one
    assert own.keys() == {one for one in expected if one.quantity not in ALIGNED}


ALIGNED = {
    *("layer", "passthrough", "interaction"),
    *("alignment", "passthrough_alignment", "interaction_alignment"),
}
"""What is of a weight's product with parts of its input, which no torch function makes."""


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_exponents_are_those_of_the_theory(optimizer: str) -> None:
    family = derive(network_of(), optimizer).family
    assert family is not None
    for richness in ("0", "1/2"):
        given = family.member(richness)
        fits = measured(problem_of(given=given, optimizer=optimizer)).fits
        agreement = compare(network_of(), predict(network_of(), given, optimizer, 2), fits)
        assert agreement.verdict != "FAIL", agreement.reason


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("which", ["init", "lr"])
def test_a_wrong_theory_is_refused(layer: int, which: str) -> None:
    layers = list(MUP.layers)
    layers[layer] = replace(layers[layer], **{which: getattr(layers[layer], which) - Fraction(1, 2)})
    wrong = predict(network_of(), replace(MUP, layers=tuple(layers)), "sgd", 2)
    assert compare(network_of(), wrong, fits_of_mup()).verdict == "FAIL"
    assert compare(network_of(), predict(network_of(), MUP, "sgd", 2), fits_of_mup()).verdict != "FAIL"


@cache
def fits_of_mup() -> Any:
    return measured(problem_of()).fits


def test_a_gauge_changes_nothing() -> None:
    """Multipliers that the module has not are taken into init scales and learning rates."""
    problem = problem_of()
    constants = reference_constants(problem)
    shifted = [LayerExponents(Fraction(1), layer.init - 1, layer.lr - 2) for layer in MUP.layers]
    other = replace(problem, parameterization=replace(MUP, layers=tuple(shifted)))
    assert train(problem, 32, 0, constants) == train(other, 32, 0, constants)


def test_the_first_step_is_a_small_share_of_every_weight() -> None:
    for optimizer in ("sgd", "adam"):
        problem = problem_of(optimizer=optimizer)
        gentle = replace(problem.training, lr=problem.training.lr / 10)
        problem = replace(problem, training=gentle)
        found = train(problem, WIDTHS[0], 0, reference_constants(problem))
        for layer in ("layer1", "layer2", "layer3"):
            update, weight = (found[Observable(which, layer, 1)] for which in ("dW_frobenius", "W_frobenius"))
            assert update / weight == pytest.approx(FIRST_STEP / 10, rel=0.01)


def test_zero_init_scales_are_zero() -> None:
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1,0,-1")
    problem = problem_of(given=given)
    found = train(problem, 32, 0, reference_constants(problem))
    assert found[Observable("z", "layer3", 0)] == 0 < found[Observable("z", "layer3", 1)]


def test_what_is_the_users_is_left_alone() -> None:
    module = perceptron(16)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    built: list[nn.Module] = []

    def build(width: int) -> nn.Module:
        built.append(module if width == 16 and not built else perceptron(width))
        return built[-1]

    problem = problem_of(build)
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    expected = float(torch.rand(())), np.random.random(), random.random()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    ModuleEngine(problem).train(16, [0, 1])
    assert (float(torch.rand(())), np.random.random(), random.random()) == expected
    assert torch.get_default_dtype() == torch.float32
    for parameter, start in zip(module.parameters(), before, strict=True):
        assert torch.equal(parameter, start)
        assert parameter.grad is None
        assert parameter.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": Training.of("sgd", steps=0)}, "steps"),
        ({"parameterization": Parameterization.of(multiplier="0,0", init="0,0", lr="0,0")}, "3 layers"),
        ({"parameterization": replace(MUP, scales=(Fraction(1),))}, "scales"),
    ],
)
def test_what_cannot_be_trained_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replace(problem_of(), **change)


def test_another_module_than_the_traced_one_is_refused() -> None:
    problem = replace(problem_of(), build=lambda width: nn.Sequential(perceptron(width), nn.Tanh()))
    with pytest.raises(ArgumentError, match="the module that was traced"):
        problem.places  # noqa: B018 - it raises
