"""Measured laws: those of torch's optimizers are the table's, and what has no law is shown to have none."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from empirical.experiments.optimizer_laws import measure_law
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.results.measured_laws import LawMeasurement

measure = partial(measure_law, points=40, steps=1)
"""Small: the first steps of most optimizers have no noise at all."""
HALF = Fraction(1, 2)


class Clipped(torch.optim.SGD):
    """SGD on gradients clipped by the global norm."""

    def step(self, closure: Any = None) -> Any:
        torch.nn.utils.clip_grad_norm_(self.param_groups[0]["params"], 1.0)
        return super().step(closure)


class Layerwise(torch.optim.SGD):
    """The step has the size of the weight: LARS without its details."""

    def step(self, closure: Any = None) -> Any:
        for parameter in self.param_groups[0]["params"]:
            parameter.grad *= parameter.data.norm() / parameter.grad.norm()
        return super().step(closure)


class Powered(torch.optim.SGD):
    """Entries of G to a power that is no simple fraction."""

    def step(self, closure: Any = None) -> Any:
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = parameter.grad.sign() * parameter.grad.abs() ** 0.37
        return super().step(closure)


def exact(measured: LawMeasurement) -> tuple[Fraction | None, ...]:
    assert measured.regime is not None
    return tuple(interval.exact for interval in measured.regime.powers.values())


@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (partial(torch.optim.SGD, lr=0.1), "sgd"),
        (torch.optim.Adam, "adam"),
        (partial(Layerwise, lr=0.1), "lars"),
    ],
)
def test_the_law_is_that_of_the_table(factory: Any, name: str) -> None:
    measured = measure(factory, name)
    assert measured.meets(OPTIMIZERS[name]) == "PASS", measured.reason(OPTIMIZERS[name])
    other = OPTIMIZERS["sgd" if name != "sgd" else "adam"]
    assert measured.meets(other) == "FAIL"
    assert "not the law of" in measured.reason(other)


def test_adam_below_its_eps_is_sgd_and_the_boundary_follows_the_entries() -> None:
    measured = measure(partial(torch.optim.Adam, eps=1e-6), "adam")
    (below,) = measured.others
    assert "sgd" in below.names
    (boundary,) = measured.boundaries
    assert 3e-7 < boundary.size < 3e-6
    assert (boundary.fan_in, boundary.fan_out) == (HALF, HALF)


def test_no_law_is_forced_where_it_bends() -> None:
    """At gradients of the size of eps Adam is neither; both its laws are shown."""
    measured = measure(partial(torch.optim.Adam, eps=1e-2), "adam")
    assert measured.regime is None
    assert measured.meets() == "FAIL"
    assert "bends" in measured.reason()
    assert len(measured.others) == 2
    assert 3e-3 < measured.boundaries[0].size < 3e-2


def test_a_power_outside_the_model_is_refused() -> None:
    measured = measure(partial(Powered, lr=0.1), "powered")
    assert measured.meets() == "FAIL"
    assert measured.regime is not None
    assert measured.regime.powers["gradient"].value == pytest.approx(0.37, abs=0.005)
    assert "not in the model" in measured.reason()


def test_layers_that_are_coupled_have_no_law_of_their_own() -> None:
    assert "another layer's gradient" in measure(partial(Clipped, lr=0.1), "clipped").reason()
    assert measure(partial(torch.optim.SGD, lr=0.1), "sgd").coupling == 0.0


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_decay_is_taken_out_of_the_law(optimizer: Any) -> None:
    measured = measure(partial(optimizer, lr=1e-2, weight_decay=0.3), optimizer.__name__)
    assert measured.decay == pytest.approx(0.3)
    assert measured.meets(OPTIMIZERS["sgd" if optimizer is torch.optim.SGD else "adam"]) == "PASS"


@pytest.mark.slow
def test_decay_that_is_normalized_with_the_gradient_is_no_decay() -> None:
    measured = measure(partial(torch.optim.Adam, weight_decay=0.1), "adam", steps=3)
    assert measured.decay is None
    assert measured.meets() == "FAIL"


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (torch.optim.LBFGS, "LBFGS cannot be stepped: TypeError: .*closure"),
        (torch.optim.SparseAdam, "SparseAdam cannot be stepped: RuntimeError: .*dense gradients"),
        (len, r"expected a torch.optim.Optimizer, but got a int"),
        (lambda _: 1 / 0, "it cannot be made: ZeroDivisionError: division by zero"),
        (partial(torch.optim.SGD, lr=0.0), "expected a learning rate above 0, but got 0"),
    ],
)
def test_what_cannot_be_probed_is_refused(factory: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as error:
        measure(factory, "mine")
    assert "\n" not in str(error.value)


def test_an_optimizer_that_does_nothing_is_refused() -> None:
    class Idle(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return closure

    with pytest.raises(ArgumentError, match="expected it to move the weights"):
        measure(lambda parameters: Idle(parameters, lr=0.1), "idle")


@pytest.mark.parametrize(("number", "said"), [(float("nan"), "are NaN"), (float("inf"), "are infinite")])
def test_an_optimizer_whose_steps_are_no_numbers_is_refused(number: float, said: str) -> None:
    class Broken(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            for parameter in self.param_groups[0]["params"]:
                parameter.data.fill_(number)
            return closure

    with pytest.raises(ArgumentError, match=f"expected its steps to be .*, but most of them, or all, {said}"):
        measure(lambda parameters: Broken(parameters, lr=0.1), "broken")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True), "sgd"),
        (torch.optim.AdamW, "adam"),
        (torch.optim.RMSprop, "adam"),
        (torch.optim.RAdam, "adam"),
        (torch.optim.Adagrad, "sign"),
        (torch.optim.Rprop, "sign"),
        (torch.optim.Adafactor, "adafactor"),
    ],
)
def test_torchs_own_follow_their_law_after_eight_steps(factory: Any, name: str) -> None:
    measured = measure_law(factory, name)
    assert measured.meets(OPTIMIZERS[name]) == "PASS", measured.reason(OPTIMIZERS[name])


@pytest.mark.slow
def test_torchs_muon_has_the_adjustment_of_its_documentation() -> None:
    """lr sqrt(max(1, fan_out / fan_in)); its bfloat16 noise, which saturates with the fans, is a correction."""
    measured = measure_law(torch.optim.Muon, "muon")  # type: ignore[attr-defined]
    assert exact(measured) == (1, 0, -1, 0, HALF, 0)
    assert measured.meets(OPTIMIZERS["muon-jordan"]) == "PASS"
    assert measured.meets(OPTIMIZERS["muon"]) == "FAIL"
    assert measured.decay == pytest.approx(0.1)


def test_a_users_function_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from empirical.experiments.torch_optimizers import find_factory

    (tmp_path / "my_own_optimizer.py").write_text(
        "import torch\ndef make(parameters, lr=0.5):\n    return torch.optim.SGD(parameters, lr=lr)\n"
    )
    monkeypatch.chdir(tmp_path)
    made = find_factory("my_own_optimizer:make", "lr=0.25")([Parameter(torch.zeros(2, 2))])
    assert isinstance(made, torch.optim.SGD)
    assert made.param_groups[0]["lr"] == 0.25
