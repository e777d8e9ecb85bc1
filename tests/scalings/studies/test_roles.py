"""For each clause of the roles: the right theory passes with it, and a wrong one that it must still refuse is refused.

Measurements are made up: at eight widths, values whose logarithms follow an order exactly, or the sum of two. So every
interval is as wide as rounding, but where a sum bends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empirical.statistics.regression import fit_all
from scalings.criteria.observables import Observable, Quantity
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import Heads, cnn, mlp, transformer
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Gain
from scalings.results.fits import Diverged, Fit
from scalings.studies.comparisons import Agreement, compare
from scalings.studies.roles import roles
from symbolic.evaluation.predict import predict
from tests import strategies

WIDTHS = tuple(2**k for k in range(5, 13))
QUARTER, HALF, ONE = Fraction(1, 4), Fraction(1, 2), Fraction(1)
NETWORK = mlp(4)
Orders = dict[Observable, Exponent]
Terms = Mapping[Observable, tuple[Exponent, ...]]


def member(r: str = "1/2") -> Parameterization:
    return strategies.family(NETWORK).member(r)


def moved(which: str, layer: int, by: Fraction, r: str = "1/2") -> Parameterization:
    """A member of the family, but for one exponent of one layer."""
    layers = list(member(r).layers)
    layers[layer] = replace(layers[layer], **{which: getattr(layers[layer], which) + by})
    return Parameterization(tuple(layers))


@cache
def theory(parameterization: Parameterization) -> Orders:
    return predict(NETWORK, parameterization, steps=2)


def seen(orders: Orders, sums: Terms | None = None) -> dict[Observable, Fit | Diverged]:
    """The fits of what has just these orders; in `sums` is what has several terms, each with its power of n."""
    terms = {one: (order,) for one, order in orders.items() if order != MINUS_INFINITY} | dict(sums or {})
    n = np.array(WIDTHS, dtype=np.float64)
    values = {one: sum(n ** float(power) for power in powers) for one, powers in terms.items()}
    return fit_all(
        {
            one: {width: np.array([value]) for width, value in zip(WIDTHS, row, strict=True)}
            for one, row in values.items()
        }
    )


def judged(derived: Orders, measured: Mapping[Observable, Fit | Diverged], **how: bool) -> Agreement:
    return compare(NETWORK, derived, measured, **how)


def at(quantity: Quantity, layer: int, step: int = 2) -> Observable:
    return Observable(quantity, f"layer{layer}", step)


TERMS = moved("lr", 0, -QUARTER)
"""The first learning rate is too small: what layer1 gives layer2 competes there with that one's own update."""
LATE = moved("init", 3, -QUARTER)
"""The readout starts too small: what is before it moves little until the readout has been updated."""
THEORIES = [*(member(r) for r in ("0", "1/8", "1/4", "3/8", "1/2")), TERMS, LATE]


@cache
def measured(number: int) -> dict[Observable, Fit | Diverged]:
    """What has the orders of this theory."""
    return seen(theory(THEORIES[number]))


@cache
def asserted(number: int) -> list[Observable]:
    orders = theory(THEORIES[number])
    return [one for one, role in roles(NETWORK, orders).items() if role == "asserted" and orders[one] != MINUS_INFINITY]


@given(st.data(), st.sampled_from(range(len(THEORIES))), st.fractions(Fraction(1, 10), 3, max_denominator=20))
@settings(max_examples=60, deadline=None)
def test_one_wrong_exponent_of_an_asserted_observable_is_refused(
    data: st.DataObject, number: int, by: Fraction
) -> None:
    wrong, sign = data.draw(st.sampled_from(asserted(number))), data.draw(st.sampled_from([1, -1]))
    orders, fits = theory(THEORIES[number]), measured(number)
    assert judged(orders, fits).verdict == "PASS"
    assert judged(orders | {wrong: orders[wrong] + sign * by}, fits).verdict == "FAIL"


# Clause 1.


@pytest.mark.parametrize("r", ["0", "1/8", "1/4", "3/8", "1/2"])
def test_in_the_family_all_changes_are_asserted(r: str) -> None:
    """The interaction, which is of the next order, excuses no sum that it is in."""
    role = roles(NETWORK, theory(member(r)))
    changes = [one for one in role if one.quantity in ("dz", "layer", "passthrough", "dW_frobenius", "dW_spectral")]
    moves = [one for one in changes if one.quantity != "passthrough" or one.layer != "layer1"]
    assert all(role[one] == "asserted" for one in moves if one.step)
    orders = theory(member(r))
    absurd = {at("interaction", 2): orders[at("layer", 2)] - QUARTER, at("dz", 2): orders[at("dz", 2)] + 1}
    assert judged(orders | absurd, seen(orders)).verdict == "FAIL"


# Clause 2.

SLOW_TERMS = [at("dz", 2), at("passthrough", 3), at("dz", 3), at("passthrough", 4), at("dz", 4)]


def test_a_slow_sum_of_terms_is_an_upper_bound() -> None:
    orders = theory(TERMS)
    assert orders[at("layer", 2)] - orders[at("passthrough", 2)] == QUARTER
    role = roles(NETWORK, orders)
    assert {one for one in SLOW_TERMS if role[one] == "upper bound"} == set(SLOW_TERMS)
    fits = seen(orders, {one: (orders[one], *[orders[one] - QUARTER] * 2) for one in SLOW_TERMS})
    assert all(abs(fits[one].exponent - float(orders[one])) > 0.05 for one in SLOW_TERMS)  # type: ignore[union-attr]
    assert judged(orders, fits).verdict == "PASS"


@pytest.mark.parametrize("one", SLOW_TERMS, ids=str)
def test_a_slow_sum_of_terms_above_its_order_is_refused(one: Observable) -> None:
    orders = theory(TERMS)
    assert judged(orders, seen(orders, {one: (orders[one] + QUARTER,)})).verdict == "FAIL"


@pytest.mark.parametrize("one", [at("layer", 2), at("passthrough", 2), at("layer", 1), at("dz", 1)], ids=str)
def test_the_terms_of_a_slow_sum_are_asserted(one: Observable) -> None:
    orders = theory(TERMS)
    for by in (QUARTER, -QUARTER):
        assert judged(orders, seen(orders, {one: (orders[one] + by,)})).verdict == "FAIL"


def test_terms_that_are_far_apart_or_of_one_order_are_no_slow_sum() -> None:
    for orders in (theory(member()), theory(moved("lr", 0, -ONE))):
        assert roles(NETWORK, orders)[at("dz", 2)] == "asserted"
        assert judged(orders, seen(orders, {at("dz", 2): (orders[at("dz", 2)] - QUARTER,)})).verdict == "FAIL"


# Clause 3.


def test_what_grows_at_a_later_update_is_an_upper_bound_then() -> None:
    orders = theory(LATE)
    grown = [one for one in orders if one.step == 2 and 0 < orders[one] - orders.get(replace(one, step=1), 9) < 1]
    changes = [one for one in grown if one.quantity in ("dz", "layer", "passthrough", "dW_frobenius")]
    assert len(changes) >= 10
    assert {roles(NETWORK, orders)[one] for one in changes} == {"upper bound"}
    fits = seen(orders, {one: (orders[one], orders[replace(one, step=1)]) for one in changes})
    assert judged(orders, fits).verdict == "PASS"
    for one in changes:
        assert judged(orders, fits | seen({one: orders[one] + QUARTER})).verdict == "FAIL"


def test_the_first_update_has_nothing_before_it() -> None:
    orders = theory(LATE)
    one = at("layer", 2, step=1)
    assert roles(NETWORK, orders)[one] == "asserted"
    assert judged(orders, seen(orders, {one: (orders[one] - QUARTER,)})).verdict == "FAIL"


def test_a_change_that_grows_without_its_gradient_is_asserted() -> None:
    orders = theory(member())
    wrong = {at("dW_frobenius", 2): orders[at("dW_frobenius", 2)] + QUARTER}
    assert roles(NETWORK, orders | wrong)[at("dW_frobenius", 2)] == "asserted"


# Clause 4.


@pytest.mark.parametrize("quantity", ["dz", "passthrough"])
def test_the_output_of_what_is_no_multilayer_perceptron_is_an_upper_bound(quantity: Quantity) -> None:
    for network in (cnn(3), mlp(3)):
        orders = predict(network, strategies.family(network).member("1/4"), steps=1)
        output = at(quantity, 3, 1)
        below, above = (seen(orders, {output: (orders[output] + by,)}) for by in (-QUARTER, QUARTER))
        assert compare(network, orders, seen(orders)).verdict == "PASS"
        assert compare(network, orders, below).verdict == ("FAIL" if network.is_mlp else "PASS")
        assert compare(network, orders, above).verdict == "FAIL"


@pytest.mark.parametrize(("grows", "role"), [("head-size", "upper bound"), ("heads", "asserted")])
def test_scores_are_slow_where_heads_grow_in_size(grows: Heads, role: str) -> None:
    network = transformer(1, grows=grows)
    scores = Observable("dz", "scores", 1)
    orders: Orders = {scores: Fraction(0)}
    assert roles(network, orders)[scores] == role
    assert compare(network, orders, seen({scores: QUARTER})).verdict == "FAIL"


# Clause 5.


@pytest.mark.parametrize(
    ("how", "reason"), [({"stable": False}, "it is unstable"), ({"centered": False}, "fades too slowly")]
)
def test_where_nothing_has_a_slope_all_are_upper_bounds(how: dict[str, bool], reason: str) -> None:
    orders = theory(member("1/4"))
    one = at("layer", 2)
    for by, verdict in ((-1, "INCONCLUSIVE"), (1, "FAIL")):
        agreement = judged(orders, seen(orders, {one: (orders[one] + by,)}), **how)
        assert agreement.verdict == verdict
        assert (reason in agreement.reason) == (verdict == "INCONCLUSIVE")


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_at_both_ends_an_output_that_is_not_centered_excuses_nothing(r: str) -> None:
    orders = theory(member(r))
    one = at("layer", 2)
    assert judged(orders, seen(orders), centered=False).verdict == "PASS"
    assert judged(orders, seen(orders, {one: (orders[one] - 1,)}), centered=False).verdict == "FAIL"


# Clauses 6 and 7.


@pytest.mark.parametrize("quantity", ["z", "interaction", "dd"])
def test_other_sums_may_be_below_their_order_but_not_above(quantity: Quantity) -> None:
    orders = theory(member("1/4"))
    one = at(quantity, 3)
    assert judged(orders, seen(orders, {one: (orders[one] - 1,)})).verdict == "PASS"
    assert judged(orders, seen(orders, {one: (orders[one] + QUARTER,)})).verdict == "FAIL"


def test_an_alignment_decides_nothing() -> None:
    orders = theory(member("1/4"))
    one = at("interaction_alignment", 3)
    found = judged(orders, seen(orders, {one: (orders[one] + 1,)}))
    assert found.verdict == "PASS"
    assert [(each.role, each.verdict) for each in found.comparisons if each.of == one] == [("reported", "FAIL")]


# Clause 8.


def test_a_spectral_norm_of_sums_over_positions_may_be_below_its_order_but_not_above() -> None:
    for network in (cnn(3), mlp(3)):
        orders = predict(network, strategies.family(network).member("1/4"), steps=1)
        one = at("dW_spectral", 2, 1)
        below, above = (seen(orders, {one: (orders[one] + by,)}) for by in (-QUARTER, QUARTER))
        assert compare(network, orders, seen(orders)).verdict == "PASS"
        assert compare(network, orders, below).verdict == ("FAIL" if network.is_mlp else "PASS")
        assert compare(network, orders, above).verdict == "FAIL"
        size = replace(one, quantity="dW_frobenius")
        assert compare(network, orders, seen(orders, {size: (orders[size] - QUARTER,)})).verdict == "FAIL"


# Clause 9, and theories that are wrong about themselves.


@pytest.mark.parametrize("by", [-3, -QUARTER, QUARTER, 3])
@pytest.mark.parametrize("quantity", ["d", "gradient", "W_frobenius", "loss"])
def test_a_wrong_order_of_the_state_is_refused(quantity: Quantity, by: Fraction) -> None:
    """Of all layers at once, at every update."""
    orders = theory(member("1/4"))
    wrong = {one: order + by for one, order in orders.items() if one.quantity == quantity and one.step}
    assert judged(orders | wrong, seen(orders)).verdict == "FAIL"


def test_the_state_may_grow_slowly_with_what_makes_it_grow() -> None:
    orders = theory(LATE)
    role = roles(NETWORK, orders)
    grown = [one for one in orders if one.quantity in ("d", "gradient") and one.step == 2 and role[one] != "asserted"]
    assert grown
    excused = {
        replace(one, quantity="dd") if one.quantity == "d" else replace(one, quantity="d", step=1) for one in grown
    }
    alone = {one: orders[replace(one, step=0)] for one in excused if replace(one, step=0) in orders}
    assert any(roles(NETWORK, orders | alone)[one] == "asserted" for one in grown)


EXPLODING = Parameterization(
    tuple(replace(layer, lr=layer.lr + ONE) for layer in member().layers), name="learning rates n times too large"
)


def test_an_unstable_theory_is_confirmed_by_what_explodes() -> None:
    orders = theory(EXPLODING)
    assert judged(orders, seen(orders), stable=False).verdict == "PASS"
    loss = Observable("loss", "", 2)
    diverged: dict[Observable, Fit | Diverged] = {loss: Diverged(64, 3), at("dz", 4): Diverged(64, 3)}
    assert judged(orders, seen(orders) | diverged, stable=False).verdict == "PASS"
    quiet = seen(orders, {one: (Fraction(0),) for one in orders if one.quantity == "loss"})
    found = judged(orders, quiet, stable=False)
    assert (found.verdict, "does not explode yet" in found.reason) == ("INCONCLUSIVE", True)


def test_an_unstable_theory_of_what_does_not_explode_is_refused() -> None:
    """And a hyperparameter that is off by n^(1/4), on the unstable side."""
    orders = theory(EXPLODING)
    assert judged(orders, seen(theory(member())), stable=False).verdict == "FAIL"
    layers = list(EXPLODING.layers)
    layers[1] = replace(layers[1], lr=layers[1].lr + QUARTER)
    assert judged(orders, seen(theory(Parameterization(tuple(layers)))), stable=False).verdict == "FAIL"
    assert judged(theory(member()), seen(orders)).verdict == "FAIL"


def test_what_a_theory_omits_is_missed() -> None:
    orders = theory(member())
    silent = {one: order for one, order in orders.items() if (one.quantity, one.layer) != ("dz", "layer2")}
    copies = seen({Observable("dz", "layer2[1]", 1): ONE})
    assert judged(orders, seen(orders) | copies).verdict == "PASS", "copies of a repeated block but the last"
    found = judged(silent, seen(orders))
    assert (found.verdict, found.reason) == (
        "INCONCLUSIVE",
        "the theory says nothing of |dz| layer2 step 1, which was measured",
    )


# Clause 10.


@pytest.mark.parametrize(("units", "verdict"), [(1, "PASS"), (4, "FAIL")])
def test_the_steps_of_one_number_may_be_below_their_order_but_not_above(units: int, verdict: str) -> None:
    """Those of several are not one draw."""
    up, down = Dense("up", "input", "w", fixed(8), WIDTH), Dense("down", "up", "v", WIDTH, fixed(units))
    network = Network((up, down, Gain("scale", "down", "g", fixed(units))))
    orders = predict(network, Parameterization.of(multiplier="0,0,0", init="0,-1,0", lr="1,-1,0"), "sgd", steps=1)
    one = Observable("dW_frobenius", "scale", 1)
    below, above = (seen(orders, {one: (orders[one] + by,)}) for by in (-QUARTER, QUARTER))
    assert compare(network, orders, seen(orders)).verdict == "PASS"
    assert compare(network, orders, below).verdict == verdict
    assert compare(network, orders, above).verdict == "FAIL"
