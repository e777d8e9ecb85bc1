"""What training says where a paper and the derivation differ."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.criteria.observables import Observable
from symbolic.derivation.derive import derive
from tests.agreement.experiments import SQUARES, WIDTHS, agrees, experiment, how, refuted
from tests.literature.disputes import DISPUTES, NARROW, Dispute
from tests.strategies import contains

pytestmark = [pytest.mark.slow, pytest.mark.long]
HALF = Fraction(1, 2)


@pytest.mark.parametrize("dispute", DISPUTES, ids=str)
def test_what_decides_is_as_derived(dispute: Dispute) -> None:
    network, one = dispute.problem.network, dispute.decides
    widths = SQUARES if network is NARROW else WIDTHS
    found = experiment(network, dispute.published, how("adam"), widths, 24)
    agrees(found, one.quantity, one.layer, one.step, dispute.order)  # type: ignore[arg-type]
    # What reaches the readout behind a narrow layer is a product of two small changes.
    assert not refuted(found.asserted(slow=["dz layer4", "passthrough layer4"]), found.predicted())


def test_narrow_layers_that_start_small_learn_as_others_do() -> None:
    """Units of each layer move by order 1, in layers of n, n^(1/2) and n units, which the criteria exclude."""
    published = DISPUTES[0].published
    found = experiment(NARROW, published, how("adam"), SQUARES, 24)
    for name, order in (("layer1", HALF), ("layer2", HALF / 2), ("layer3", HALF)):
        agrees(found, "dz", name, 2, order)
    assert found.predicted()[Observable("z", "layer2", 0)] == 0
    assert derive(NARROW, "adam").contradiction
    (piece,) = derive(NARROW, "adam", "spectral").polyhedra
    values = {name: one for name, one in published.by_name(0).items() if isinstance(one, Fraction)}
    assert contains(piece, values)
    assert not contains(piece, values | {"sigma_2": -HALF})
