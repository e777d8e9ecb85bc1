"""A problem is refused where it is made, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from scalings.criteria.problem import LOSSES, Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.dimensions import BATCH_NOISE, DEPTH_SCALE, VOCABULARY_SCALE, WIDTH_SCALE

SGD = optimizer("sgd")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"scale": "heads"},
            "scale: expected one of width, batch:noise, batch:signal for this network, but got 'heads'",
        ),
        ({"scale": DEPTH_SCALE}, "scale: expected one of width, batch:noise, batch:signal for this network"),
        ({"loss": "hinge"}, "loss: expected one of mse, cross-entropy, but got 'hinge'"),
    ],
)
def test_a_problem_that_is_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Problem(mlp(3), SGD, **options)


def test_in_the_vocabulary_there_is_no_squared_error() -> None:
    with pytest.raises(ArgumentError, match="in the vocabulary only --loss cross-entropy"):
        Problem(transformer(), SGD, VOCABULARY_SCALE)
    assert Problem(transformer(), SGD, VOCABULARY_SCALE, "cross-entropy").symbol == "V"


def test_every_scale_and_loss_of_a_network_is_understood() -> None:
    """The control: a network's own scale variables, and those of the batch, which are none of its sizes."""
    for loss in LOSSES:
        for scale in (WIDTH_SCALE, DEPTH_SCALE, BATCH_NOISE):
            assert not Problem(resmlp(), SGD, scale, loss).is_mlp_in_width
            assert scale == DEPTH_SCALE or Problem(mlp(2), SGD, scale, loss).is_mlp_in_width == (
                (scale, loss) == (WIDTH_SCALE, "mse")
            )
