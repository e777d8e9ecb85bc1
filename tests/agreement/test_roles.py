"""What made each clause of `scalings.studies.roles` necessary, measured: a right theory is not refuted, and would be if
the observables of that clause were asserted; no bound is exceeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from empirical.sweeps.mlp import measure
from scalings.criteria.observables import Observable, Quantity
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.network import Network
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import Training
from scalings.studies.comparisons import DELTA, compare
from scalings.studies.equivalence import compare_one
from symbolic.evaluation.predict import predict
from tests import strategies
from tests.agreement.test_graph import attend

pytestmark = pytest.mark.slow

WIDTHS = tuple(round(32 * 2 ** (k / 2)) for k in range(9))
QUARTER = Fraction(1, 4)
TRAINING = Training(batch=8, steps=2, kernel=False)
Fits = Mapping[Observable, Fit | Diverged]


def confirm(network: Network, orders: Mapping[Observable, Exponent], fits: Fits, slow: list[Observable]) -> None:
    """The theory stands with the roles as they are, and without the clause each of `slow` would refute it."""
    agreement = compare(network, orders, fits)
    assert agreement.verdict != "FAIL", agreement.reason
    roles = {one.of: one.role for one in agreement.comparisons}
    for one in slow:
        assert roles[one] == "upper bound"
        assert compare_one(one, orders[one], fits[one], DELTA).verdict == "FAIL", f"{one}: {fits[one]} is not slow"


def trained(depth: int, which: str, layer: int) -> tuple[Network, Mapping[Observable, Exponent], Fits]:
    """At r = 1/2, but for one init scale or learning rate that is n^(-1/4) too small."""
    network = mlp(depth)
    layers = list(strategies.family(network).member("1/2").layers)
    layers[layer] = replace(layers[layer], **{which: getattr(layers[layer], which) - QUARTER})
    given = Parameterization(tuple(layers))
    fits = measure(network, given, TRAINING, widths=WIDTHS, seeds=24).fits
    return network, predict(network, given, steps=2), fits


def test_a_sum_of_terms_is_slow_and_so_is_what_passes_it_on() -> None:
    slow: list[tuple[Quantity, str]] = [("dz", "layer2"), ("passthrough", "layer3")]
    confirm(*trained(4, "lr", 0), [Observable(quantity, layer, step) for quantity, layer in slow for step in (1, 2)])


def test_a_sum_over_updates_is_slow_where_the_gradient_grows() -> None:
    changes: list[Quantity] = ["dz", "layer", "dW_frobenius", "dW_spectral"]
    slow = [Observable(quantity, layer, 2) for quantity in changes for layer in ("layer1", "layer2")]
    confirm(*trained(3, "init", 2), [*slow, Observable("passthrough", "layer3", 2)])


@pytest.mark.long
def test_scores_of_a_growing_head_are_slow() -> None:
    for optimizer, steps in (("adam", (1, 2)), ("sgd", (2,))):
        found = attend(optimizer)
        confirm(found.network, found.predicted(), found.fits, [Observable("dz", "scores", step) for step in steps])
