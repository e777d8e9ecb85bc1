"""The audit of optimizers: each silent mistake is named with its weights, and a right optimizer gets no remark."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_reading import Model, reading, runs_of, traced_as_one
from scalings.studies.model_settings import ParameterSetting, parameter_settings
from tests.scalings.studies.test_model_checks import INPUTS, adam, checked, loss, network

Groups = list[dict[str, Any]]


Make = Callable[[nn.Module], Any]
Build = Callable[[int], nn.Module]


def read(make: Make, build: Build = network) -> tuple[list[ParameterSetting], list[str]]:
    """How weights are set, and the remarks, without any training."""
    traced = traced_as_one(build, INPUTS, loss, (32, 64, 128))
    seen = reading(Model(build, make, INPUTS, loss), traced, steps=1).seen
    return parameter_settings(traced.network, traced.network.translation, seen)


def remarks(make: Make, build: Build = network) -> list[str]:
    return read(make, build)[1]


def found(make: Make, **options: Any) -> ModelCheck:
    return checked(network, make, seeds=1, steps=1, **options)


def groups(model: nn.Module, **options: Any) -> Groups:
    return [{"params": one["params"], "lr": one["lr"], **options} for one in adam(model).param_groups]


def muon(hidden: float = 0.0, names: tuple[str, ...] = ("hidden.weight",)) -> Callable[[nn.Module], Any]:
    """Muon of the named weights at a rate like this power of the width; the others have Adam."""

    def make(model: nn.Module) -> Any:
        parameters = dict(model.named_parameters())
        width = parameters["up.weight"].shape[0]
        own = [parameters[name] for name in names]
        rest = [
            {"params": kept, "lr": one["lr"]}
            for one in adam(model).param_groups
            if (kept := [each for each in one["params"] if all(each is not other for other in own)])
        ]
        return [torch.optim.Muon(own, lr=0.02 * width**hidden, weight_decay=0.0), torch.optim.Adam(rest)]

    return make


def deeper(width: int) -> nn.Module:
    middle = nn.Linear(width, width, bias=False)
    nn.init.normal_(middle.weight, std=width**-0.5)
    return network(width, middle)


def rates(model: nn.Module) -> Any:
    """Adam's at muP, for `deeper`."""
    parameters = dict(model.named_parameters())
    width = parameters["up.weight"].shape[0]
    return [{"params": one, "lr": 0.01 if name == "up.weight" else 0.2 / width} for name, one in parameters.items()]


def test_a_right_optimizer_gets_no_remark() -> None:
    assert remarks(adam) == remarks(muon()) == []


def test_a_matrix_that_muon_leaves_out_is_named() -> None:
    def make(model: nn.Module) -> Any:
        parameters = dict(model.named_parameters())
        rest = [one for one in rates(model) if one["params"] is not parameters["hidden.weight"]]
        return [torch.optim.Muon([parameters["hidden.weight"]], lr=0.02, weight_decay=0.0), torch.optim.Adam(rest)]

    assert remarks(make, deeper) == [
        "left out by Muon: middle.weight, hidden like those that it trains, but trained by adam"
    ]
    assert remarks(lambda model: torch.optim.Adam(rates(model)), deeper) == []


def also_by_adam(model: nn.Module) -> Any:
    """Muon as it should be, beside an Adam that was given all parameters instead of the rest."""
    return [muon()(model)[0], adam(model)]


def twice_in_a_group(model: nn.Module) -> Any:
    given = groups(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, which goes on
        return torch.optim.Adam([*given[:2], {**given[2], "params": 2 * given[2]["params"]}])


@pytest.mark.parametrize(
    ("make", "weight", "by"),
    [
        pytest.param(also_by_adam, "hidden.weight", "by Muon and Adam", marks=pytest.mark.slow),
        (twice_in_a_group, "down.weight", "each time by Adam"),
    ],
)
def test_a_weight_that_is_moved_twice_is_named(make: Make, weight: str, by: str) -> None:
    """Torch lets it, in two optimizers, or twice in one group; theory takes the law that was made for it."""
    wrong = found(make)
    assert (wrong.verdict, wrong.notes[0]) == ("FAIL", f"moved twice: {weight}, in each step {by}")
    assert [(one.parameter, one.what) for one in wrong.findings] == [(weight, "twice")]
    assert wrong.reason == f"{weight} is moved twice in each step, {by}: it is to be in one group alone"
    assert [row.law for row in wrong.settings] == ["adam", "muon-jordan" if make is also_by_adam else "adam", "adam"]


@pytest.mark.slow
def test_what_is_prescribed_moves_each_weight_once() -> None:
    for make in (also_by_adam, twice_in_a_group, muon()):
        answer = scalings.parameterize(network, make, INPUTS, loss, base_width=64)
        made = answer.optimizer(answer.build(64))
        listed = [one for each in (made if isinstance(made, list) else [made]) for one in each.param_groups]
        assert sorted(name for group in listed for name in group["param_names"]) == sorted(
            ["down.weight", "hidden.weight", "up.weight"]
        )


def test_a_rate_that_is_scaled_twice_is_named() -> None:
    wrong = found(muon(-1.0))
    assert wrong.notes[0].startswith("scaled twice: hidden.weight, by a learning rate like n^(-1), as Adam needs it")
    assert [(one.parameter, one.what, str(one.power)) for one in wrong.findings] == [("hidden.weight", "lr", "-1")]


@pytest.mark.slow
def test_decay_of_vectors_is_named() -> None:
    def build(width: int) -> nn.Module:
        return network(width, nn.LayerNorm(width, bias=False))

    def make(model: nn.Module, decayed: str) -> Any:
        gain = dict(model.named_parameters())["middle.weight"]
        return torch.optim.AdamW(
            [*groups(model, weight_decay=0.0), {"params": [gain], "lr": 0.01, "weight_decay": float(decayed == "gain")}]
        )

    said = remarks(lambda model: make(model, "gain"), build)
    assert said[0].startswith("decays, too: middle.weight; of a bias or gain decay is rarely meant")
    assert remarks(lambda model: make(model, "none"), build) == []


@pytest.mark.parametrize("epsilon", [1.0, *(pytest.param(one, marks=pytest.mark.slow) for one in (1e-4, 1e-8))])
def test_an_epsilon_is_compared_with_gradients(epsilon: float) -> None:
    given = found(lambda model: torch.optim.Adam(groups(model), eps=epsilon))
    named = [one.parameter for one in given.findings if one.what == "epsilon"]
    assert named == (["up.weight", "hidden.weight", "down.weight"] if epsilon == 1.0 else [])
    assert (given.verdict == "FAIL") is (epsilon == 1.0)
    said = {1.0: ["drowned"], 1e-4: ["near their epsilon"], 1e-8: []}
    assert [one.partition(":")[0] for one in given.notes] == said[epsilon]


@pytest.mark.slow
def test_an_epsilon_that_shrinks_like_gradients_is_no_mistake() -> None:
    """It changes steps by a constant: gradients of up and hidden go like 1/n, that of the readout like 1."""

    def make(model: nn.Module) -> Any:
        width = dict(model.named_parameters())["up.weight"].shape[0]
        given = groups(model)
        for one, size in zip(given, (10 / width, 10 / width, 1e-8), strict=True):
            one["eps"] = size
        return torch.optim.Adam(given)

    given = found(make)
    assert given.findings == ()
    assert [str(row.epsilon) for row in given.settings] == ["-1", "-1", "-inf"]


def test_a_warm_up_is_taken_at_its_peak() -> None:
    def make(model: nn.Module) -> Any:
        optimizer = adam(model)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 100))

    rows, notes = read(make)
    assert notes == ["a schedule starts at 0.0e+00: learning rates are those of its peak, as 1.0e-02"]
    assert [str(row.lr) for row in rows] == ["0", "-1", "-1"]


def test_why_a_weight_is_not_trained_is_said() -> None:
    def build(width: int, frozen: bool = False) -> nn.Module:
        model = network(width)
        dict(model.named_parameters())["hidden.weight"].requires_grad_(not frozen)
        return model

    def left_out(model: nn.Module) -> Any:
        return torch.optim.Adam([groups(model)[0], groups(model)[2]])

    def at_rate_zero(model: nn.Module) -> Any:
        first, second, third = groups(model)
        return torch.optim.Adam([first, {**second, "lr": 0.0}, third])

    for (rows, _), why in (
        (read(adam, lambda n: build(n, frozen=True)), "is frozen: it asks for no gradient"),
        (read(left_out), "is in no group of the optimizer"),
        (read(at_rate_zero), "is trained at a rate of 0"),
    ):
        assert [row.untrained for row in rows] == ["", why, ""]


@pytest.mark.slow
def test_clipping_is_part_of_the_law() -> None:
    """Of SGD at muP, |G|_F of the readout grows, so that clipping makes all rates too small."""

    def sgd(model: nn.Module) -> Any:
        width = dict(model.named_parameters())["up.weight"].shape[0]
        rates = (0.05 * width, 0.05, 0.05 / width)
        return torch.optim.SGD(
            [{"params": one["params"], "lr": rate} for one, rate in zip(groups(model), rates, strict=True)]
        )

    assert found(sgd).findings == ()
    clipped = found(sgd, clip=0.1)
    assert {law.name for law in clipped.problem.laws.values()} == {"sgd+clip"}
    assert clipped.verdict == "FAIL"
    assert {one.what for one in clipped.findings} <= {"lr", "init"}
    assert found(adam, clip=0.1).findings == ()


class Averaging(nn.Module):
    """With a weight whose gradient is zero but for rounding: that of softmax's sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width), nn.Linear(width, 3)
        self.lost = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.down(torch.tanh(self.up(x))) * (self.lost.softmax(0).sum() + 1)
        return found


def test_a_gradient_that_is_rounding_drowns_in_nothing() -> None:
    def make(model: nn.Module) -> Any:
        return torch.optim.Adam(model.parameters(), eps=1e-6)

    model = Model(Averaging, make, INPUTS, loss)
    sizes = runs_of(model, traced_as_one(Averaging, INPUTS, loss, (32, 64, 128)), 1).seen(64).gradients
    assert sizes["lost"] == 0.0
    assert all(size > 0 for name, size in sizes.items() if name != "lost")


@pytest.mark.slow
def test_a_clipped_gradient_may_drown_in_an_epsilon() -> None:
    """It is the clipped one that is compared; theory has no rule of an epsilon beside clipping, but there is a note."""
    given = [found(adam, clip=clip) for clip in (1e-9, 1.0)]
    assert [[note.partition(":")[0] for note in one.notes] for one in given] == [["drowned"], []]
    assert {str(law.epsilon) for law in given[0].problem.laws.values()} == {"-inf"}
