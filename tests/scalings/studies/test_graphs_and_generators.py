"""What models have about them: sparse matrices of a graph's edges, generators of noise, sequences that are packed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalings.errors import ArgumentError
from scalings.studies.model_checks import ModelCheck, check_model
from tests.empirical.tracing.zoo import points
from tests.scalings.studies.test_model_checks import INPUTS, adam, network

NODES, CLASSES = points(10, 6), torch.arange(10) % 3
EDGES = torch.eye(10) + torch.eye(10).roll(1, 0) + torch.eye(10).roll(4, 0)


class Graph(nn.Module):
    """A graph convolution between layers, by a matrix of edges in any layout."""

    def __init__(self, width: int, layout: torch.layout, function: Any) -> None:
        super().__init__()
        for name, child in network(width).named_children():
            self.add_module(name, child)
        self.register_buffer("edges", (EDGES / 3).to_sparse(layout=layout))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        modules: dict[str, Any] = dict(self.named_children())
        x = self.function(self.edges, modules["phi_up"](modules["up"](x)))
        scores: Tensor = modules["down"](self.function(self.edges, modules["phi_hidden"](modules["hidden"](x))))
        return scores


@pytest.mark.parametrize(
    ("layout", "function"),
    [
        (torch.sparse_coo, torch.sparse.mm),
        (torch.sparse_coo, torch.matmul),
        (torch.sparse_csr, torch.matmul),
    ],
    ids=["coo by torch.sparse.mm", "coo", "csr"],
)
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_a_graph_of_sparse_edges_is_checked(layout: torch.layout, function: Any) -> None:
    def given(**powers: float) -> ModelCheck:
        def classified(scores: Tensor) -> Tensor:
            return functional.cross_entropy(scores, CLASSES)

        def build(width: int) -> nn.Module:
            return Graph(width, layout, function)

        return check_model(build, lambda model: adam(model, **powers), NODES, classified, quick=True)

    found, wrong = given(), given(hidden=0)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found
    assert not any("no rule" in note for note in found.notes)
    assert [(one.parameter, one.what, str(one.power)) for one in wrong.findings] == [("hidden.weight", "lr", "1")]


def noisy(output: Tensor) -> Tensor:
    """What is learned is noise, which is drawn anew in each call, and is the same each time."""
    noise = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    return functional.mse_loss(output, noise)


def test_noise_from_a_generator_is_recorded() -> None:
    """It was refused, as what the recorder cannot see: running the tape again, the generator went on."""
    found = check_model(network, adam, INPUTS, noisy, quick=True)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found


def test_a_generator_that_goes_on_changes_between_calls() -> None:
    generator = torch.Generator().manual_seed(1)

    def other(output: Tensor) -> Tensor:
        return functional.mse_loss(output, torch.randn(output.shape, generator=generator))

    with pytest.raises(ArgumentError):
        check_model(network, adam, INPUTS, other, quick=True)


class Packed(nn.Module):
    """The last state of a recurrent network, of sequences of several lengths."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.recurrent, self.down = nn.GRU(6, width, batch_first=True), nn.Linear(width, 3)
        for name, one in self.named_parameters():
            std = {"recurrent.weight_ih_l0": 0.4, "recurrent.weight_hh_l0": width**-0.5, "down.weight": 1 / width}
            nn.init.normal_(one, std=std.get(name, 0.0))

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([5, 5, 3, 3, 2, 2, 1, 1])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        scores: Tensor = self.down(self.recurrent(packed)[1][-1])
        return scores


def test_packed_sequences_are_checked() -> None:
    def given(*wrong: str) -> ModelCheck:
        def own(model: nn.Module) -> torch.optim.Optimizer:
            wide = {"recurrent.weight_hh_l0", "down.weight"} - {*wrong}
            parameters = dict(model.named_parameters())
            rates = {name: 3e-3 * (64 / one.shape[1] if name in wide else 1) for name, one in parameters.items()}
            return torch.optim.Adam([{"params": [parameters[name]], "lr": rate} for name, rate in rates.items()])

        return check_model(Packed, own, points(8, 5, 6), quick=True)

    found, other = given(), given("recurrent.weight_hh_l0")
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found
    named = [(one.parameter, one.what, str(one.power)) for one in other.findings]
    assert named == [("recurrent.weight_hh_l0", "lr", "1")]
