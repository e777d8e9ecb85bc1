"""Primitives on tensors: what functions, products, means and softmaxes compute, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from empirical.engines.engine import Scaling, TrainingProblem
from empirical.engines.graph import operations
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed
from scalings.networks.functions import FUNCTIONS, Growth
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Dense,
    Elementwise,
    Factor,
    Mean,
    Node,
    Power,
    Product,
    Rearrange,
    Softmax,
    Sum,
    Weight,
)
from scalings.results.trials import Training

DOUBLE = torch.float64


def grows(name: str) -> Growth:
    """How torch's function grows, seen at a few points."""
    phi = operations.FUNCTIONS[name]
    large, zero = torch.tensor([-30.0, -20, 20, 30], dtype=DOUBLE), torch.zeros(1, dtype=DOUBLE, requires_grad=True)
    near = torch.linspace(-3, 3, 60001, dtype=DOUBLE, requires_grad=True)
    is_linear = torch.equal(phi(near), near)
    if not phi(near).requires_grad:
        return Growth(linear=is_linear, stops=True)
    [slope] = torch.autograd.grad(phi(zero).sum(), zero)
    [slopes] = torch.autograd.grad(phi(near).sum(), near)
    jumps = (slopes[1:] - slopes[:-1]).abs().max()
    return Growth(
        bounded=bool(phi(large).abs().max() < 2),
        offset=bool(phi(zero).abs() > 0.1),
        flat=bool(slope == 0),
        kink=bool(jumps > 0.1),
        linear=is_linear,
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_grow_as_is_said(name: str) -> None:
    assert grows(name) == FUNCTIONS[name]


def test_every_function_is_trained_and_no_other() -> None:
    assert operations.FUNCTIONS.keys() == FUNCTIONS.keys()


def test_products_repeat_the_one_with_fewer_units() -> None:
    one, many = torch.tensor([[2.0, 3.0]]), torch.arange(1.0, 5)[None]
    assert operations.product(one, many, 4, 1).tolist() == [[2, 4, 9, 12]]
    assert operations.product(many, one, 4, 1).tolist() == [[2, 4, 9, 12]]
    assert operations.product(many, many, 2, 2).tolist() == [[5, 25]]
    assert operations.product(many, many, 1, 4).tolist() == [[30]]


def test_means_and_softmaxes_are_over_neighbours() -> None:
    many = torch.arange(1.0, 5)[None]
    assert operations.mean(many, 2).tolist() == [[1.5, 3.5]]
    pairs = operations.softmax(many, 2)
    assert torch.allclose(pairs[:, :2], torch.softmax(many[:, :2], dim=-1))
    positions = torch.randn(2, 3, 5, 4)
    assert torch.equal(operations.softmax(positions, 1), torch.softmax(positions, dim=2))


def graph(*nodes: Node, width: int = 8) -> dict[str, Tensor]:
    """The values of a network behind a first layer, of 2 seeds, 3 examples and 1 position."""
    network = Network((Dense("first", INPUT, "w", fixed(4), WIDTH), *nodes))
    zeros = [0] * network.depth
    given = Parameterization.of(multiplier=zeros, init=zeros, lr=zeros)
    setting = Setting(network, {"width": width}, {"width": given})
    torch.manual_seed(0)
    return {name: value for (name, _), value in Graph(setting, [0, 1])(torch.randn(3, 1, 4, dtype=DOUBLE)).items()}


def test_primitives_compute_what_they_say() -> None:
    nodes = [
        Power("square", "first", Fraction(2)),
        Mean("variance", "square", ONE, WIDTH, coherent=True),
        Power("root", "variance", Fraction(-1, 2)),
        Product("normalized", "first", "root", WIDTH),
        Factor("scaled", "normalized", Fraction(-1, 2), 3.0),
        Elementwise("silu", "scaled", "silu"),
        Softmax("shares", "silu", WIDTH),
        Product("dot", "shares", "first", ONE, WIDTH),
        Weight("positions", "v", ONE, WIDTH),
        Product("gated", "positions", "dot", WIDTH),
        Sum("out", ("gated", "positions")),
    ]
    at = graph(*nodes)
    first, positions = at["first"], at["positions"]
    normalized = torch.nn.functional.rms_norm(first, (8,))
    assert torch.allclose(at["normalized"], normalized, rtol=1e-6)
    shares = torch.softmax(torch.nn.functional.silu(3 * normalized / 8**0.5), dim=-1)
    assert torch.allclose(at["out"], (1 + (shares * first).sum(dim=-1, keepdim=True)) * positions, rtol=1e-6)
    assert positions.shape == (2, 3, 1, 8)
    assert torch.equal(positions[:, 0], positions[:, 1]), "the same for every example"
    assert not torch.equal(positions[0], positions[1]), "not for every seed"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([Rearrange("out", ("first",), WIDTH)], "its sizes do not say which units it takes"),
        ([Product("out", "first", INPUT, WIDTH)], "what reads the data is to be a layer with a weight"),
        (
            [Product("out", "first", "first", WIDTH * WIDTH)],
            "it makes 64 units of 8 and 8, which can be done in many ways",
        ),
        ([Product("out", "first", "first", WIDTH, fixed(2))], "it makes 8 units of 8 and 8"),
        ([Softmax("out", "first", Dimension(Fraction(3, 8), Fraction(1)))], "it makes 2 units of 8"),
    ],
    ids=lambda given: given if isinstance(given, str) else given[0].name,
)
def test_what_can_be_done_in_many_ways_is_refused_by_name(nodes: list[Node], message: str) -> None:
    readout = Dense("readout", "out", "w_out", WIDTH, fixed(10))
    if isinstance(nodes[0], Product) and nodes[0].units.order > 1:
        readout = replace(readout, fan_in=WIDTH * WIDTH)
    network = Network((Dense("first", INPUT, "w", fixed(64), WIDTH), *nodes, readout))
    given = Parameterization.of(multiplier=[0, 0], init=[0, 0], lr=[0, 0])
    problem = TrainingProblem(network, given, Training.of("sgd"), Scaling())
    refusal = GraphEngine(problem).refusal_at(8)
    assert isinstance(refusal, ArgumentError)
    assert str(refusal).startswith(f"network: out has orders, but is not trained: {message}")
    trained = Network((network.nodes[0], Elementwise("out", "first", "mish"), replace(readout, fan_in=WIDTH)))
    assert GraphEngine(replace(problem, network=trained)).refusal_at(8) is None
