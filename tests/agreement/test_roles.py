"""What made each clause of `scalings.studies.roles` necessary, measured: the theory is right, and would be refuted if
the observables of that clause were asserted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from empirical.sweeps.measure import measure
from scalings.criteria.observables import Observable, Quantity
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import mlp, transformer
from scalings.networks.network import Network
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import Training
from scalings.studies import measuring
from scalings.studies.comparisons import DELTA, compare
from scalings.studies.equivalence import compare_one
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict
from tests import strategies
from tests.agreement.experiments import NARROW, experiment
from tests.agreement.test_attention import attention, rich_attention

pytestmark = pytest.mark.slow

WIDTHS = tuple(round(32 * 2 ** (k / 2)) for k in range(11))
QUARTER = Fraction(1, 4)
TRAINING = Training(batch=8, steps=2, kernel=False)
Fits = Mapping[Observable, Fit | Diverged]


def confirm(network: Network, orders: Mapping[Observable, Exponent], fits: Fits, slow: list[Observable]) -> None:
    """The theory stands with the roles as they are. If `slow` were asserted none of them would pass."""
    agreement = compare(network, orders, fits)
    assert agreement.verdict != "FAIL", agreement.reason
    roles = {one.of: one.role for one in agreement.comparisons}
    assert {roles[one] for one in slow} == {"upper bound"}
    assert "PASS" not in [compare_one(one, orders[one], fits[one], DELTA).verdict for one in slow]


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
    """Adam aligns queries with keys at once, but large steps are needed to see that beside what is there by chance."""
    training = Training(optimizer="adam", lr=0.05, batch=4, steps=2, loss="cross-entropy")
    found = experiment(attention(), rich_attention("adam"), training, (64, 96, 128, 192, 256, 384, 512, 768), 24)
    confirm(found.network, found.predicted(), found.fits, [Observable("dz", "scores", step) for step in (1, 2)])


@pytest.mark.long
def test_the_output_of_a_transformer_is_slow() -> None:
    """What `python -m scalings measure` trains: aligned is only what the readout itself has learned."""
    network, training = transformer(grows="heads"), Training.of("adam", loss="cross-entropy", batch=8, steps=1)
    family = derive(network, OPTIMIZERS["adam"], loss="cross-entropy").family
    assert family is not None
    given = family.member("1/4")
    gentle = measuring.gentle(training, network, "width")
    fits = measuring.measure(network, given, gentle, widths=NARROW, seeds=48).fits
    orders = predict(network, given, OPTIMIZERS["adam"], steps=1, loss="cross-entropy")
    confirm(network, orders, fits, [Observable("passthrough", "readout", 1), Observable("dz", "readout", 1)])
