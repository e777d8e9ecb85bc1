"""Norms of many entries alike, of which torch's own sums in single precision are wrong in the fourth digit."""

from __future__ import annotations

import pytest
import torch

from empirical.tensors.sizes import size_of, size_of_change, sizes_of

BEFORE = torch.full((2048, 2048), 0.3)
NOW = BEFORE + 0.1


def test_large_tensors_are_summed_in_parts() -> None:
    right, changed = float(NOW.double().norm()), float((NOW - BEFORE).double().norm())
    assert size_of_change(NOW, BEFORE) == pytest.approx(changed, rel=1e-4)
    assert size_of(NOW) == pytest.approx(right, rel=1e-6)
    assert sizes_of([NOW])[0] != pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_squares_that_leave_the_range_are_summed_in_double(scale: float) -> None:
    assert size_of(NOW * scale) == pytest.approx(scale * float(NOW.double().norm()), rel=1e-6)
    change = size_of_change(NOW * scale, BEFORE * scale)
    assert change == pytest.approx(scale * float((NOW - BEFORE).double().norm()), rel=1e-3)


def test_what_did_not_change_is_zero_and_what_is_no_number_is_none() -> None:
    assert size_of_change(NOW, NOW) == 0.0
    assert size_of(torch.tensor([[torch.nan, 1.0]])) != size_of(torch.tensor([[torch.nan, 1.0]]))
