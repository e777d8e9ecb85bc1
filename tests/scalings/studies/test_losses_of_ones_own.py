"""Losses that are small, or below zero: how large a loss is says nothing of a module, but that it does not grow."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.criteria.observables import Observable
from scalings.networks.network import Network
from scalings.studies.roles import roles
from tests.scalings.studies.test_model_checks import INPUTS, adam, network

ACTIONS = torch.randint(3, (8,), generator=torch.Generator().manual_seed(0))


def policy(scores: Tensor) -> Tensor:
    """Rewards of one sign make it negative."""
    return functional.log_softmax(scores, -1)[torch.arange(8), ACTIONS].mean()


class Distilled(nn.Module):
    """A student beside a teacher that is drawn like it: outputs of both are small, and so is their difference."""

    def __init__(self, width: int) -> None:
        super().__init__()
        student, self.teacher = network(width), network(width).requires_grad_(False)
        for name, child in student.named_children():
            self.add_module(name, child)
        self.order = [name for name, _ in student.named_children()]

    def forward(self, x: Tensor) -> Tensor:
        own = x
        for name in self.order:
            own = self._modules[name](own)  # type: ignore[misc]
        difference: Tensor = own - self.teacher(x)
        return difference


def adam_of_student(model: nn.Module) -> torch.optim.Optimizer:
    groups = [one for one in adam(model).param_groups if one["params"][0].requires_grad]
    return torch.optim.Adam([{"params": one["params"][:1], "lr": one["lr"]} for one in groups])


@pytest.mark.parametrize("which", ["policy", "distilled"])
def test_a_small_or_negative_loss_is_no_reason(which: str) -> None:
    if which == "policy":
        found = scalings.check_model(network, adam, INPUTS, policy, quick=True)
    else:
        found = scalings.check_model(Distilled, adam_of_student, INPUTS, lambda x: x.square().mean(), quick=True)
    assert (found.verdict, found.regime) == ("PASS", "rich"), found.reason
    assert found.agreement.hindrance == ""


def test_of_a_network_whose_loss_is_known_it_is_asserted() -> None:
    given = scalings.mlp(3)
    module = Network(given.nodes, of_module=True)
    derived = dict(scalings.predict(given, "mup", "sgd", 2))
    loss = Observable("loss", "", 1)
    assert roles(given, derived)[loss] == "asserted"
    assert roles(module, derived)[loss] == "upper bound"
    of_few = {Observable(term, "layer3", step) for term in ("layer", "passthrough") for step in (1, 2)}
    others = [one for one in derived if one.quantity != "loss" and one not in of_few]
    assert [roles(module, derived)[one] for one in others] == [roles(given, derived)[one] for one in others]
    assert {roles(module, derived)[one] for one in of_few} == {"upper bound"}
