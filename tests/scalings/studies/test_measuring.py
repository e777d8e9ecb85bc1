"""What is refused before a sweep, since its slopes would not be the orders that theory has."""

from __future__ import annotations

import pytest

from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from scalings.results.trials import Training
from scalings.studies import measuring
from symbolic.derivation.derive import derive


@pytest.mark.parametrize(
    ("law", "narrowest", "refused"), [("muon-rms", 32, True), ("muon-rms", 64, False), ("muon", 32, False)]
)
def test_a_step_by_the_larger_fan_needs_a_width_beyond_the_other_fan(law: str, narrowest: int, refused: bool) -> None:
    family = derive(mlp(3), optimizer(law)).family
    assert family is not None
    widths = [narrowest * 2**k for k in range(4)]
    if refused:
        with pytest.raises(ArgumentError, match="expected 64 and more, since steps of muon-rms go by the larger fan"):
            measuring.plan(mlp(3), family.member("1/2"), Training.of(law), widths=widths)
    else:
        assert measuring.plan(mlp(3), family.member("1/2"), Training.of(law), widths=widths).widths == tuple(widths)


def test_a_minute_allows_fewer_runs_of_steps_that_multiply_matrices() -> None:
    widths = {}
    for law in ("sgd", "muon"):
        family = derive(resmlp(), optimizer(law)).family
        assert family is not None
        widths[law] = measuring.plan(resmlp(), family.member("1/2"), Training.of(law, steps=2)).widths
    assert max(widths["muon"]) < max(widths["sgd"])
