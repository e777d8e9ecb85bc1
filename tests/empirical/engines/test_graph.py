"""Graphs: any network as a torch module."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from empirical.data import tasks
from empirical.engines.engine import Scaling
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.engines.graph.training import clipped_share, train, trajectory
from empirical.engines.observations import observe
from empirical.sweeps.measure import measure
from empirical.weights.updates import MEASURABLE
from scalings.criteria.observables import Observable
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Embedding, Norm
from scalings.results.trials import Training
from tests.zero_starts import adapted, lora

SIZES = {"width": 24, "depth": 1}


def flat(network: Network) -> Parameterization:
    """Standard init scales, learning rates n^-1."""
    roles = [layer.role for layer in network.layers]
    random = [layer.start == "random" and layer.fan_in.grows for layer in network.layers]
    return Parameterization.of(
        multiplier=[0] * len(roles),
        init=[Fraction(-1, 2) if grows else 0 for grows in random],
        lr=[-1] * len(roles),
        scales=[0] * len(network.multipliers),
    )


NETWORKS = {
    "mlp with biases": mlp(3, biases=True),
    "cnn": cnn(3),
    "depthwise": cnn(3, depthwise=True, kernel=5),
    "residual": resmlp(3, branch=2, norm=True),
    "transformer": transformer(2, vocabulary=12, gains=True, biases=True),
    "tied": transformer(1, vocabulary=12, tied=True),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", MEASURABLE)
def test_every_network_trains_with_every_optimizer(name: str, optimizer: str) -> None:
    network = NETWORKS[name]
    how = replace(Training.of(optimizer, batch=3, steps=2), lr=0.002)
    setting = Setting(network, SIZES, {"width": flat(network)}, rate=how.lr, decay=how.decay)
    found = train(setting, how, tasks.load(network, how), range(2), "cpu")
    assert all(np.isfinite(values).all() for values in found.values())
    for one in network.representations:
        assert (found[Observable("dz", one.name, 2)] > 0).all(), one
    loss = [found[Observable("loss", "", step)].mean() for step in range(3)]
    assert loss[2] < loss[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_three_terms_add_up(name: str) -> None:
    """g W h is linear in both: what its change is made of, plus what decay took of it, is the change."""
    network = NETWORKS[name]
    how = Training(batch=3, steps=2, optimizer="adamw", lr=0.02, decay=1.0)
    setting = Setting(network, SIZES, {"width": flat(network)}, rate=how.lr, decay=how.decay)
    task = tasks.load(network, how)
    graph = Graph(setting, range(2))
    states = trajectory(graph, how, torch.tensor(task.inputs), torch.tensor(task.targets))
    start = graph(torch.tensor(task.inputs))
    *_, last = map(observe, states)
    end = graph(torch.tensor(task.inputs))
    node = next(layer for layer in network.layers if isinstance(layer, Dense) and layer.source != INPUT)
    source = (node.source, 0)
    shrunk, weight = graph.shrunk[node.weight][0], graph.initial[node.weight][0]
    update, dh = graph.updates[node.weight][0], end[source] - start[source]
    terms = [
        graph.apply_weight(node, update, start[source]),
        graph.apply_weight(node, weight, dh),
        graph.apply_weight(node, update, dh),
        -graph.apply_weight(node, shrunk * weight, end[source]),
    ]
    assert ((shrunk > 0) & (shrunk < 1)).all()
    torch.testing.assert_close(sum(terms), end[node.name, 0] - start[node.name, 0])
    if network.copies.get(node.name) is None:
        norm = torch.linalg.vector_norm(terms[0].flatten(1), dim=1) / terms[0].shape[1:3].numel() ** 0.5
        torch.testing.assert_close(last[Observable("layer", node.name, 2)], norm.detach())


def test_copies_of_a_block_follow_the_depth_and_have_weights_of_their_own() -> None:
    network = resmlp(2)
    setting = Setting(network, {"width": 8, "depth": 3}, {"depth": flat(network)})
    graph = Graph(setting, range(2))
    assert graph.initial["weight1"].shape == (6, 2, 8, 8)
    assert graph.initial["weight0"].shape == (1, 2, 8, 64)
    assert not torch.equal(graph.initial["weight1"][0], graph.initial["weight1"][1])
    values = graph(torch.zeros(4, 1, 64, dtype=torch.float64))
    assert ("stream", 5) in values
    assert ("stream", 6) not in values


def test_a_seed_gives_the_same_run_whichever_seeds_are_beside_it() -> None:
    network, how = transformer(1, vocabulary=12), Training(batch=3, steps=1)
    setting, task = Setting(network, SIZES, {"width": flat(network)}, rate=0.1), tasks.load(network, how)
    together, alone = train(setting, how, task, range(3), "cpu"), train(setting, how, task, [2], "cpu")
    for observable, values in together.items():
        np.testing.assert_allclose(values[2:], alone[observable], rtol=1e-9, atol=1e-13)


def test_tied_weights_are_one_parameter() -> None:
    """The readout is the embedding, transposed, and its gradient is the sum of those of both uses."""
    network = NETWORKS["tied"]
    graph = Graph(Setting(network, SIZES, {"width": flat(network)}), [0])
    task = tasks.load(network, Training(batch=2))
    values = graph(torch.tensor(task.inputs))
    weight = graph.initial["weight_embedding"][0, 0]
    assert weight.shape == (24, 12)
    torch.testing.assert_close(values["readout", 0][0], values["final_norm", 0][0] @ weight)
    values["readout", 0].sum().backward()
    gradient = graph.updates["weight_embedding"].grad
    assert gradient is not None
    unseen = [letter for letter in range(12) if not task.inputs[:, :, letter].any()]
    assert unseen
    assert gradient[0, 0][:, unseen].abs().sum() > 0  # by the readout alone


def test_attention_looks_back_only() -> None:
    network = transformer(1, vocabulary=12)
    graph = Graph(Setting(network, SIZES, {"width": flat(network)}), [0])
    inputs = torch.tensor(tasks.load(network, Training(batch=2)).inputs)
    changed = inputs.clone()
    changed[:, -1] = inputs[:, -1].roll(1, -1)
    before, after = graph(inputs)["readout", 0], graph(changed)["readout", 0]
    torch.testing.assert_close(before[:, :, :-1], after[:, :, :-1])
    assert not torch.allclose(before[:, :, -1], after[:, :, -1])


@pytest.mark.parametrize(
    ("network", "training_", "widths", "says"),
    [
        (mlp(2), Training(optimizer="law:1"), (8, 16, 32), "optimizer: expected one of sgd"),
        (mlp(2, inputs=65), Training(), (8, 16, 32), "network: expected 64 inputs"),
        (mlp(2), Training(), (8, 8, 32), "widths: expected at least 3 widths"),
        (transformer(1, vocabulary=12), Training(batch=99), (8, 16, 32), "batch: expected 1 to 14 lines"),
        (
            transformer(1, vocabulary=12),
            Training(batch=2),
            (9, 16, 32),
            "widths: at 9, .* by 8 heads; .* are 8 and 16",
        ),
        (Network((Norm("norm", INPUT), Dense("d", "norm", "w", WIDTH, fixed(4)))), Training(), (8, 16, 32), "is Norm"),
        (Network((Embedding("e", INPUT, "w", fixed(4), WIDTH),)), Training(), (8, 16, 32), "e grows"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    network: Network, training_: Training, widths: tuple[int, ...], says: str
) -> None:
    with pytest.raises(ArgumentError, match=says):
        measure(network, flat(network), training_, widths=widths, seeds=1, scaling=Scaling())


@pytest.mark.parametrize("optimizer", ["adamw", "muon+independent", "adam+l2"])
def test_frozen_weights_neither_move_nor_decay(optimizer: str) -> None:
    """Those around an adapter; its own two do both."""
    given = adapted(-1, 0)
    given = replace(given, layers=tuple(replace(layer, decay=Fraction(0)) for layer in given.layers))
    training = Training(optimizer=optimizer, lr=0.01, decay=0.1, batch=4, steps=2)
    fits = measure(lora(), given, training, widths=(16, 24, 32, 48, 64), seeds=2).fits
    for quantity in ("dW_frobenius", "decay"):
        assert {one.layer for one in fits if one.quantity == quantity} == {"A", "B"}


def test_each_copy_of_a_block_counts_in_the_norm() -> None:
    gradients = [torch.full((4, 2, 3), 0.5), torch.full((1, 2, 1), 1.0)]
    assert clipped_share(gradients).tolist() == pytest.approx([0.5, 0.5])
    assert clipped_share([0.1 * gradient for gradient in gradients]).tolist() == [1, 1]
