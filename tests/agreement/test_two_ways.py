"""One function is derived alike in whatever way it is written: a metamorphic test of translation and rules together."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.two_ways import EXPECTED_FAMILIES, FUNCTIONS, WRONG, Function, usual

HALF = Fraction(1, 2)
LAWS = ("sgd", "adam")
LESS = st.sampled_from([Fraction(quarters, 4) for quarters in range(-4, 1)])
"""Smaller init scales and learning rates: larger ones explode, of which orders are bounds only."""
PAIRS = [(name, way) for name, function in FUNCTIONS.items() for way in list(function.ways)[1:]]


def reference(function: Function) -> str:
    return next(iter(function.ways))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_ways_do_compute_one_function(name: str) -> None:
    function = FUNCTIONS[name]
    expected = function.value(reference(function))
    for way in function.ways:
        torch.testing.assert_close(function.value(way), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", WRONG)
def test_those_that_compute_another_one_are_told_apart(name: str) -> None:
    """The negative control: neither the values nor the orders are the same."""
    function, one, other = WRONG[name]
    assert not torch.allclose(function.value(one), function.value(other), rtol=1e-3)
    exponents = {name: (init - HALF * (name == "w"), lr) for name, (init, lr) in usual(function, one).items()}
    assert any(function.predicted(one, exponents, law) != function.predicted(other, exponents, law) for law in LAWS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "way"), PAIRS)
@pytest.mark.parametrize("law", LAWS)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_orders_are_the_same(name: str, way: str, law: str, data: st.DataObject) -> None:
    """Of every update and of the output, whatever the exponents are."""
    function = FUNCTIONS[name]
    first = reference(function)
    assert function.traced(way).translation.unknown == ()
    given = {
        parameter: (init + data.draw(LESS, f"init {parameter}"), lr + data.draw(LESS, f"lr {parameter}"))
        for parameter, (init, lr) in usual(function, first).items()
    }
    assert function.predicted(way, given, law) == function.predicted(first, given, law)


@pytest.mark.parametrize("way", ["repeat_interleave", "enable_gqa"])
def test_keys_that_are_repeated_are_keys_that_are_shared(way: str) -> None:
    """The gradient of a key is a sum over its copies: at random at first, and aligned once queries have moved."""
    function = FUNCTIONS["queries that share two keys"]
    exponents = usual(function, "einsum")
    for law in LAWS:
        assert function.predicted(way, exponents, law) == function.predicted("einsum", exponents, law)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED_FAMILIES)
@pytest.mark.parametrize("law", LAWS)
def test_families_are_the_same(name: str, law: str) -> None:
    function = FUNCTIONS[name]
    for r in (Fraction(0), HALF):
        expected = function.exponents(reference(function), law, r)
        for way in function.ways:
            assert function.exponents(way, law, r) == expected, way


def test_a_multiplier_in_the_code_is_part_of_its_layer() -> None:
    """z = W h / sqrt(n) with W of size 1 is the NTK parameterization, r = 0, with one learning rate for all layers."""
    function = FUNCTIONS["1/sqrt(n) in the code"]
    assert function.exponents("behind", "sgd", Fraction(0))["w"] == (0, 0)
    assert function.exponents("behind", "sgd", HALF)["w"] == (0, 1)
