"""One set of observations: what two engines that share no other program see of the same training is the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from empirical.data import examples, tasks
from empirical.engines.graph import training as by_autograd
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from empirical.engines.mlp import training as by_hand
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.view import view
from empirical.engines.observations import Representation, View, observe
from empirical.tensors.buffers import BufferPool
from empirical.weights.decay import kind
from empirical.weights.dense import DenseWeights
from empirical.weights.updates import MEASURABLE, is_low_rank
from scalings.criteria.observables import QUANTITIES, Observable, Quantity
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.results.trials import Training

SIZES = {"width": 24, "depth": 1}
Values = dict[Observable, Tensor]
NTP = preset("ntp", 3)


def of_graph(
    how: Training, width: int = 24, precision: torch.dtype = torch.float64, given: Parameterization = NTP
) -> Iterator[View]:
    network = mlp(3, "tanh")
    setting = Setting(network, {**SIZES, "width": width}, {"width": given}, rate=how.lr, decay=how.decay)
    graph = Graph(setting, range(2)).to(precision)
    graph.initial = {weight: initial.to(precision) for weight, initial in graph.initial.items()}
    task = tasks.load(network, how)
    return by_autograd.trajectory(
        graph, how, torch.tensor(task.inputs).to(precision), torch.tensor(task.targets).to(precision)
    )


def of_chain(how: Training, width: int = 24, given: Parameterization = NTP) -> Iterator[View]:
    """From the weights of the graph."""
    network = mlp(3, "tanh")
    drawn = Graph(Setting(network, {**SIZES, "width": width}, {"width": given}, rate=how.lr), range(2)).initial
    weights = tuple(DenseWeights(tensor[0], BufferPool()) for tensor in drawn.values())
    data = examples.load(how.data, how.batch)
    inputs, targets = torch.tensor(data.inputs).expand(2, -1, -1), torch.tensor(data.targets)
    for state in by_hand.trajectory(perceptron(network, given, how, width), weights, how, inputs, targets):
        yield view(state, how.observing, spectra=how.spectra)


def observed(views: Iterator[View]) -> Values:
    values: Values = {}
    for seen in views:
        values |= observe(seen)
    return values


def differing(some: Values, others: Values, rtol: float = 1e-7) -> set[Quantity]:
    """The quantities that differ by more than rounding, of those that both have."""
    return {
        one.quantity
        for one in some.keys() & others.keys()
        if not torch.allclose(some[one], others[one], rtol=rtol, atol=1e-12)
    }


DECAYING = ["momentum+l2", "adam+l2", "muon+l2", "lars+l2", "muon+coupled", "lion+independent", "lamb+inside"]


@pytest.mark.parametrize("optimizer", [*MEASURABLE, *DECAYING])
@pytest.mark.parametrize("centered", [True, False])
def test_engines_see_the_same(optimizer: str, centered: bool) -> None:
    """By every optimizer; functions of singular values are in one engine those of Gram matrices, where small ones have
    half of all digits."""
    acts = kind(optimizer)
    decay = 0.01 if acts == "independent" else 0.3
    how = Training(batch=6, steps=10, optimizer=optimizer, lr=0.02, centered=centered, spectra=True, decay=decay)
    carried, subtracted = observed(of_chain(how)), observed(of_graph(how))
    assert {one.quantity for one in carried.keys() ^ subtracted.keys()} == {"ntk_change"}, "graphs do not follow j"
    assert {one.quantity for one in carried} == set(QUANTITIES) - ({"decay"} if acts == "none" else set())
    spectral = is_low_rank(optimizer) and optimizer.startswith(("muon", "shampoo"))
    assert not differing(carried, subtracted, rtol=1e-5 if spectral else 1e-7)


@pytest.mark.parametrize(
    "optimizer",
    ["muon+adamw", "adam+l2;layer2=lion+coupled", "sgd+clip", "muon+sgd+clip", "momentum+l2+clip;layer1=adam"],
)
def test_engines_see_the_same_of_each_layers_law(optimizer: str) -> None:
    """And another training than by the first law for all, or without clipping."""
    how = Training(batch=6, steps=5, optimizer=optimizer, lr=0.02, decay=0.3)
    unit = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")  # a readout of large gradient
    carried, subtracted = observed(of_chain(how, given=unit)), observed(of_graph(how, given=unit))
    assert not differing(carried, subtracted, rtol=1e-5)
    assert (carried[Observable("gradient", "layer3", 1)] > 1).all()
    for other in {optimizer.replace("+clip", ""), how.law.parts[0].name.replace("+clip", "")} - {optimizer}:
        others = observed(of_chain(replace(how, optimizer=other), given=unit))
        assert "dW_frobenius" in differing(carried, others, rtol=1e-2)


def summed_over_examples(one: Representation) -> Representation:
    return replace(one, z=tuple(math.sqrt(block.shape[1]) * block for block in one.z))


def frobenius_for_spectral(one: Representation) -> Representation:
    return replace(one, update=replace(one.update, spectral=one.update.frobenius)) if one.update else one


def without_multiplier(one: Representation) -> Representation:
    return replace(one, product=replace(one.product, scale=1.0)) if one.product else one


def of_weight_now(one: Representation) -> Representation:
    return replace(one, weight=replace(one.weight, initial=one.weight.frobenius)) if one.weight else one


@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        (summed_over_examples, {"z"}),
        (frobenius_for_spectral, {"dW_spectral"}),
        (without_multiplier, {"alignment", "passthrough_alignment", "interaction_alignment"}),
        (of_weight_now, {"passthrough_alignment"}),
    ],
)
def test_another_convention_is_seen(wrong, seen: set[Quantity]) -> None:  # type: ignore[no-untyped-def]
    """The control: an engine that took its norms otherwise would differ from the other one, and in this alone."""
    how = Training(batch=6, lr=0.1)
    others = (replace(view, representations=map(wrong, view.representations)) for view in of_graph(how))
    assert differing(observed(of_chain(how)), observed(others)) == seen


def test_a_coordinate_check_of_a_graph_is_a_part_of_all_there_is() -> None:
    every = Training(batch=6, lr=0.1)
    whole, part = observed(of_graph(every)), observed(of_graph(replace(every, observing="coordinates")))
    assert {one.quantity for one in part} == {"z", "dz", "loss"}
    assert part.keys() == {one for one in whole if one.quantity in ("z", "dz", "loss")}
    assert all(torch.equal(value, whole[one]) for one, value in part.items())


def test_what_is_subtracted_needs_double_precision() -> None:
    """A coordinate check is to find what does not move: at rates as small as n^-2 changes are as small as the rounding
    of single precision. Double has their digits, as the carried ones say."""
    how = Training(batch=6, steps=1, lr=1e-5, observing="coordinates")
    carried = observed(of_chain(how, 256))
    errors = {
        precision: largest_error(observed(of_graph(how, 256, precision)), carried)
        for precision in (torch.float32, torch.float64)
    }
    assert errors[torch.float64] < 1e-5
    assert errors[torch.float32] > 1e-3, "three digits would do"


def largest_error(some: Values, exact: Values) -> float:
    return max(float((some[one] / exact[one] - 1).abs().max()) for one in exact if one.quantity == "dz")
