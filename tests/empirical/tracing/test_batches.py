"""The loss that an output brings."""

from __future__ import annotations

import pytest
import torch

from empirical.tracing.batches import default_loss
from scalings.errors import ArgumentError


def test_the_loss_that_a_dict_brings_is_taken_and_else_its_first_tensor() -> None:
    assert default_loss({"loss": torch.tensor(5.0), "scores": torch.ones(2, 3)}) == 5
    assert default_loss({"loss": None, "scores": torch.full((2, 3), 2.0)}) == 0.5
    with pytest.raises(ArgumentError, match="no tensor, but is a dict"):
        default_loss({"loss": None})
