"""A problem is refused where it is made, in one line."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from scalings.criteria.problem import LOSSES, Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.dimensions import (
    BATCH_NOISE,
    DEPTH_SCALE,
    VOCABULARY_SCALE,
    WIDTH,
    WIDTH_SCALE,
    Dimension,
    fixed,
    tokens,
)
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Embedding

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


def _with_vocabulary(size: Dimension) -> Network:
    embedding = Embedding("table", "input", "rows", size, WIDTH)
    return Network((embedding, Dense("readout", "table", "readout", WIDTH, fixed(10))))


def test_a_vocabulary_that_grows_with_what_is_studied_is_refused_by_name() -> None:
    """It was answered as if it were fixed. Only in a scale variable of its own is a token's share of examples known."""
    growing = _with_vocabulary(Dimension(3, Fraction(1)))
    with pytest.raises(ArgumentError, match=r"network: table has a vocabulary that grows with the width, like n\^1"):
        Problem(growing, SGD)
    wide_and_deep = _with_vocabulary(Dimension(3, Fraction(0), (("experts", Fraction(1, 2)),)))
    with pytest.raises(ArgumentError, match=r"grows with the experts, like E\^\(1/2\)"):
        Problem(wide_and_deep, SGD, "experts")
    for network in (_with_vocabulary(fixed(50)), _with_vocabulary(tokens(50)), wide_and_deep):
        assert Problem(network, SGD).scale == WIDTH_SCALE, "the control: here it is fixed"
    assert Problem(_with_vocabulary(tokens(50)), SGD, VOCABULARY_SCALE, "cross-entropy").symbol == "V"
