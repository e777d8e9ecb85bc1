"""The tutorial's networks and their training, beside its notebook's own formulas and torch's optimizer."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from torch import nn

from empirical.data.examples import Split, split
from empirical.experiments.epochs import MOMENTUM, Schedule, train
from empirical.experiments.reproduction import Run, carry_out, cost
from empirical.experiments.tutorial_networks import GraphMember, Perceptrons
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import cnn

WIDTH, SEED = 12, 3


def few(examples: int = 40) -> Split:
    whole = split("digits")
    return Split(whole.inputs[:examples], whole.targets[:examples], whole.test_inputs[:9], whole.test_targets[:9])


def scales(name: str, role: str, fan_in: int, n: int) -> tuple[float, float, float]:
    """Multiplier, learning rate and init scale of a layer as the tutorial's notebook (mupify) computes them."""
    activity = math.sqrt(n) if name in ("mup", "mfp", "mup-lr") else 1.0
    q = (activity**2 if role != "readout" else 1.0) / fan_in
    if name in ("mup-lr", "ntp-lr"):
        return 1.0, q, math.sqrt(q) / activity
    return (math.sqrt(q), 1.0, 1 / activity) if name == "mup" else (math.sqrt(q) / activity, activity**2, 1.0)


def by_the_notebook(name: str, data: Split, schedule: Schedule) -> np.ndarray:
    """Outputs after training torch modules as the notebook does, from the draws of `Perceptrons`."""
    pixels = data.inputs.shape[1]
    drawn = Perceptrons(preset("ntp", 3), (pixels, WIDTH, 10), [SEED], kind=torch.float64)
    fans = (pixels, WIDTH, WIDTH)
    layers, groups, multipliers = [], [], []
    for index, (fan_in, role) in enumerate(zip(fans, ("readin", "hidden", "readout"), strict=True)):
        g, lr, scale = scales(name, role, fan_in, WIDTH)
        weight, bias = (one.detach()[0] for one in drawn.weights[2 * index : 2 * index + 2])
        layer = nn.Linear(fan_in, len(weight), dtype=torch.float64)
        layer.weight.data, layer.bias.data = weight * scale, bias[:, 0] * scale
        layers.append(layer)
        multipliers.append(g)
        groups.append({"params": list(layer.parameters()), "lr": lr})
    optimizer = torch.optim.SGD(groups, lr=1, momentum=MOMENTUM)

    def forward(x: torch.Tensor) -> torch.Tensor:
        for layer, g in zip(layers[:-1], multipliers, strict=False):
            x = math.sqrt(2) * torch.relu(g * layer(x))
        return multipliers[-1] * layers[-1](x)

    inputs, targets = torch.tensor(data.inputs), torch.tensor(data.targets)
    random = np.random.default_rng((SEED, 1))
    for _ in range(schedule.epochs):
        for these in torch.split(torch.from_numpy(random.permutation(len(inputs))), schedule.batch):
            optimizer.zero_grad()
            nn.functional.mse_loss(forward(inputs[these]), targets[these]).backward()
            optimizer.step()
    return forward(torch.tensor(data.test_inputs)).detach().numpy()


@pytest.mark.parametrize("name", ["ntp", "ntp-lr", "mup", "mup-lr", "mfp"])
def test_training_is_that_of_the_notebook(name: str) -> None:
    data, schedule = few(), Schedule(epochs=2, batch=16)
    members = Perceptrons(preset(name, 3), (64, WIDTH, 10), [SEED], kind=torch.float64)
    outputs = train(members, data, schedule).outputs[0]
    assert np.allclose(outputs, by_the_notebook(name, data, schedule), rtol=1e-10, atol=1e-12)


def test_members_are_trained_as_they_are_alone() -> None:
    data, schedule = few(), Schedule(1, batch=16, every_epoch=True)

    def trained(seeds: list[int], factors: list[float]) -> np.ndarray:
        members = Perceptrons(preset("mup", 3), (64, WIDTH, 10), seeds, factors, torch.float64)
        return train(members, data, schedule).errors

    together = trained([1, 1, 2], [1.0, 2.0, 1.0])
    assert together.shape == (2, 3)
    assert np.allclose(together[:, 1], trained([1], [2.0])[:, 0])
    assert np.allclose(together[:, 2], trained([2], [1.0])[:, 0])
    assert len(set(together[1])) == 3


def test_a_run_that_diverges_has_the_error_inf() -> None:
    members = Perceptrons(preset("standard", 3), (64, 64, 10), [0], [1e6])
    assert train(members, few(), Schedule(2, batch=8)).errors.tolist() == [[math.inf]]


def test_a_convolutional_network_learns() -> None:
    family_end = preset("ntp", 3)
    run = Run(family_end, 8, (0,), Schedule(3, every_epoch=True), "digits", examples=256, network=cnn(3))
    errors = run.train("cpu").errors[:, 0]
    assert errors[-1] < 0.9 * errors[0]
    assert GraphMember(cnn(3), family_end, 8, 0).seeds == (0,)


def test_runs_are_spread_and_come_back_in_order() -> None:
    runs = [Run(preset("ntp", 3), width, (0,), Schedule(1), "digits", examples=64) for width in (8, 24, 16)]
    told: list[float] = []
    found = carry_out(runs, "cpu", lambda done, _: told.append(done))
    assert [one.errors.item() for one in found] == [run.train("cpu").errors.item() for run in runs]
    assert told == sorted(told)
    assert math.isclose(told[-1], 1.0)
    assert cost(runs, "cpu").seconds > 0


def test_a_run_stops_when_it_is_told_to() -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(KeyboardInterrupt):
        Run(preset("ntp", 3), 8, (0,), Schedule(1), "digits").train("cpu", stopped)
