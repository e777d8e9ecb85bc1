"""Modules of another kind: blocks that repeat, dropout, other ways to go, gradients of nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.training import train
from empirical.engines.module.weights import reference_constants
from empirical.tracing.batches import default_loss
from empirical.tracing.trace import trace
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Bias, Dense, Elementwise
from scalings.results.trials import Training
from scalings.tapes.translation.translation import Translation
from tests.empirical.engines.test_module import DATA, MUP, WIDTHS


class Residual(nn.Module):
    """Blocks that repeat, with dropout, and a gain that starts at one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.readout = nn.Linear(6, width, bias=False), nn.Linear(width, 2, bias=False)
        self.blocks = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(3))
        self.gain, self.dropout = nn.Parameter(torch.ones(width)), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for block in self.blocks:
            x = x + self.dropout(block(x))
        return self.readout(self.gain * x)


def residual(given: Parameterization) -> ModuleProblem:
    """With the blocks as one dense layer, which is enough to train them."""
    traced = trace(Residual, DATA, WIDTHS)
    (repeat,) = traced.repeats
    block = next(operation for operation in traced.tape.operations if operation.path == "blocks.0")
    network = Network(
        (
            Dense("embed", "input", "embed", fixed(6), WIDTH),
            Dense("block", "embed", "blocks", WIDTH, WIDTH),
            Dense("readout", "block", "readout", WIDTH, fixed(2)),
        )
    )
    weights = {
        "embed": ("embed.weight",),
        "blocks": tuple(f"blocks.{copy}.weight" for copy in repeat.copies),
        "readout": ("readout.weight",),
    }
    values = {"block": block.outputs[0], "readout": traced.tape.outputs[0]}
    translation = Translation(network, values, weights, traced.tape.outputs[0], "mse")
    return ModuleProblem(Residual, DATA, default_loss, traced, translation, given, Training.of("sgd", steps=1))


def test_of_blocks_that_repeat_the_last_copy_is_observed() -> None:
    problem = residual(MUP)
    found = train(problem, 16, 3, reference_constants(problem))
    module = problem.module(16, 3)
    last = module.blocks[2]
    seen: list[Tensor] = []
    last.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module(DATA.double())
    rescaled = reference_constants(problem)["blocks.2.weight"].size / float(last.weight.detach().square().mean().sqrt())
    # the blocks before it are rescaled too, by nearly as much
    norm = float(seen[0].detach().square().sum(-1).mean().sqrt())
    assert found[Observable("z", "block", 0)] == pytest.approx(norm, rel=0.3)
    weight = found[Observable("W_frobenius", "block", 0)]
    assert weight == pytest.approx(rescaled * float(torch.linalg.vector_norm(last.weight.detach())))


def test_random_numbers_are_the_same_in_every_pass() -> None:
    """Without learning rates nothing moves, whatever dropout does."""
    problem = residual(Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="-oo,-oo,-oo"))
    found = train(problem, 16, 0, reference_constants(problem))
    assert all(value == 0 for one, value in found.items() if one.quantity == "dz")
    assert all(value > 0 for one, value in found.items() if one.quantity in ("z", "d"))


class Branching(nn.Module):
    """The way it goes changes while it is trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.third, self.calls = nn.Linear(width, 2, bias=False), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        h = self.first(x)
        if self.calls > 4:
            h = h.relu()
        return self.third(self.second(h).tanh())


def test_values_are_found_again_where_the_module_takes_another_way() -> None:
    traced = trace(Branching, DATA, WIDTHS)
    network = Network(
        (
            Dense("first", "input", "first", fixed(6), WIDTH),
            Dense("second", "first", "second", WIDTH, WIDTH),
            Elementwise("phi", "second", "tanh"),
            Dense("third", "phi", "third", WIDTH, fixed(2)),
        )
    )
    results = [operation.outputs[0] for operation in traced.tape.operations if operation.function == "linear"]
    values = dict(zip(("first", "second", "third"), results, strict=True))
    weights = {name: (f"{name}.weight",) for name in values}
    translation = Translation(network, values, weights, traced.tape.outputs[0], "mse")
    problem = ModuleProblem(Branching, DATA, default_loss, traced, translation, MUP, Training.of("sgd", steps=3))
    found = train(problem, 16, 0, reference_constants(problem))
    changes = [found[Observable("dz", "second", step)] for step in (1, 2, 3)]
    assert all(math.isfinite(change) for change in changes)
    assert max(changes) > 10 * min(changes)


class Shifted(nn.Module):
    """A softmax over two scores that share a bias, of whose gradient only rounding errors are left."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scores, self.bias = nn.Linear(6, width, bias=False), nn.Parameter(torch.ones(1))
        self.readout = nn.Linear(width, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout((self.scores(x) + self.bias).softmax(-1))


def test_a_gradient_of_rounding_errors_makes_no_learning_rate() -> None:
    traced = trace(Shifted, DATA, WIDTHS)
    network = Network(
        (
            Dense("scores", "input", "scores", fixed(6), WIDTH),
            Bias("bias", "scores", "bias", WIDTH, start="one"),
            Dense("readout", "bias", "readout", WIDTH, fixed(2)),
        )
    )
    weights = {"scores": ("scores.weight",), "bias": ("bias",), "readout": ("readout.weight",)}
    translation = Translation(network, {}, weights, traced.tape.outputs[0], "mse")
    problem = ModuleProblem(Shifted, DATA, default_loss, traced, translation, MUP, Training.of("sgd", steps=1))
    rates = [one.rate for one in reference_constants(problem).values()]
    assert max(rates) < 1e6 * min(rates)
