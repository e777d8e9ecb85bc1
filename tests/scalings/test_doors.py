"""What the functions of the package may be given: names for objects, and one line for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import scalings
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.results.trials import Training

NET = scalings.mlp(3)
SGD = scalings.optimizer("sgd")
WIDTHS: dict[str, Any] = {"widths": (16, 24, 32), "seeds": 2}
NAMES = {
    "derive": (
        lambda: scalings.derive("transformer", "adamw"),
        lambda: scalings.derive(scalings.transformer(), scalings.optimizer("adamw")),
    ),
    "derive_each": (
        lambda: scalings.derive_each("resmlp", "adam").scales,
        lambda: scalings.derive_each(scalings.resmlp(), scalings.optimizer("adam")).scales,
    ),
    "check": (
        lambda: scalings.check("mlp", "standard", "momentum"),
        lambda: scalings.check(NET, scalings.preset("standard", 3), scalings.optimizer("momentum")),
    ),
    "the depth": (
        lambda: scalings.check(scalings.mlp(5), "mup"),
        lambda: scalings.check(scalings.mlp(5), scalings.preset("mup", 5)),
    ),
    "predict": (
        lambda: scalings.predict("mlp", "ntp", "sgd"),
        lambda: scalings.predict(NET, scalings.preset("ntp", 3), SGD),
    ),
    "repair": (
        lambda: scalings.repair("mlp", "standard", "sgd"),
        lambda: scalings.repair(NET, scalings.preset("standard", 3), SGD),
    ),
    "measure": (
        lambda: scalings.measure("mlp", "mup", **WIDTHS).fits,
        lambda: scalings.measure(NET, scalings.preset("mup", 3), **WIDTHS).fits,
    ),
}


@pytest.mark.parametrize("verb", NAMES)
def test_a_name_stands_for_its_object(verb: str) -> None:
    by_name, by_object = NAMES[verb]
    assert by_name() == by_object()


def test_a_measurement_is_compared_as_its_fits_are() -> None:
    orders, measured = scalings.predict("mlp", "mup"), scalings.measure("mlp", "mup", **WIDTHS)
    assert scalings.compare("mlp", orders, measured) == scalings.compare(NET, orders, measured.fits)
    assert scalings.compare("mlp", orders, measured).comparisons


anything: Any = 3
NO_NETWORK = "network: expected a Network or the name of one, but got network=3 (int)"
NO_LAW = "law: expected an UpdateLaw, a Split or the name of an optimizer, but got law=3 (int)"
NO_PARAMETERIZATION = (
    "parameterization: expected a Parameterization or the name of a preset, but got parameterization=3 (int)"
)
ONLY_SGD = "since the presets are for an mlp without biases, in its width, under sgd, but got 'mup'"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: scalings.derive(anything), NO_NETWORK),
        (lambda: scalings.derive_each(anything), NO_NETWORK),
        (lambda: scalings.check(anything, "mup"), NO_NETWORK),
        (lambda: scalings.predict(anything, "mup"), NO_NETWORK),
        (lambda: scalings.repair(anything, "mup"), NO_NETWORK),
        (lambda: scalings.measure(anything, "mup"), NO_NETWORK),
        (lambda: scalings.compare(anything, {}, {}), NO_NETWORK),
        (lambda: scalings.derive("mlp", anything), NO_LAW),
        (lambda: scalings.check("mlp", "mup", anything), NO_LAW),
        (lambda: scalings.predict("mlp", "mup", anything), NO_LAW),
        (lambda: scalings.repair("mlp", "mup", anything), NO_LAW),
        (lambda: scalings.check("mlp", anything), NO_PARAMETERIZATION),
        (lambda: scalings.predict("mlp", anything), NO_PARAMETERIZATION),
        (lambda: scalings.repair("mlp", anything), NO_PARAMETERIZATION),
        (lambda: scalings.measure("mlp", anything), NO_PARAMETERIZATION),
        (lambda: scalings.measure("mlp", "mup", anything), "expected a Training, but got training=3 (int)"),
        (lambda: scalings.compare("mlp", {}, anything), "expected a Measurement or its fits, but got measured=3 (int)"),
        (lambda: scalings.compare("mlp", anything, {}), "expected orders, as predict gives them, but got derived=3"),
        (lambda: scalings.derive("transfomer"), "network: did you mean transformer? expected one of mlp, cnn"),
        (lambda: scalings.derive("mlp", "adma"), "optimizer: did you mean adam? expected one of sgd"),
        (lambda: scalings.check("mlp", "mpu"), "parameterization: did you mean mup? expected one of standard"),
        (lambda: scalings.check("mlp", "mup", "adam"), ONLY_SGD),
        (lambda: scalings.check("cnn", "mup"), ONLY_SGD),
        (lambda: scalings.check(scalings.mlp(3, biases=True), "mup"), ONLY_SGD),
        (lambda: scalings.measure("mlp", "mup", Training.of("adam")), ONLY_SGD),
    ],
)
def test_anything_else_is_one_line(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_given_may_be_long_but_its_line_is_not() -> None:
    with pytest.raises(ArgumentError) as error:
        scalings.check("mlp", scalings.derive(NET, criteria=TUTORIAL))  # type: ignore[arg-type]
    assert "(Derivation)" in str(error.value)
    assert len(str(error.value)) < 200
