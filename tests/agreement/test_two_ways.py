"""One function is derived alike in whatever way it is written: a metamorphic test of translation and rules together."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tests.agreement.attention_ways import ATTENTIONS
from tests.agreement.two_ways import (
    EXPECTED_FAMILIES,
    FUNCTIONS,
    Function,
    beside,
    by_value,
    mean_of,
    square,
    two,
    usual,
)

HALF = Fraction(1, 2)
LAWS = ("sgd", "adam")
LESS = st.sampled_from([Fraction(quarters, 4) for quarters in range(-4, 1)])
"""Smaller init scales and learning rates: larger ones explode, of which orders are bounds only."""
EVERY = {**FUNCTIONS, **ATTENTIONS}
PAIRS = [(name, way) for name, function in EVERY.items() for way in list(function.ways)[1:]]

WRONG: dict[str, tuple[Function, str, str]] = {
    "a sum is no mean": (
        Function(two, {"mean": beside(lambda _, z: mean_of(z)), "sum": beside(lambda _, z: z.sum(-1, keepdim=True))}),
        "mean", "sum",
    ),
    "1/n is no 1/sqrt(n)": (
        Function(square, {
            "root": lambda m, h: torch.tanh(functional.linear(h, m.w) / m.n**0.5),
            "all": lambda m, h: torch.tanh(functional.linear(h, m.w) / m.n),
        }),
        "root", "all",
    ),
    "a softmax is not n of it": (
        Function(two, {
            "one": beside(lambda _, z: z.softmax(-1)), "n": beside(lambda n, z: n * z.softmax(-1))
        }),
        "one", "n",
    ),
    "no norm is no norm": (
        Function(square, {
            "norm": by_value(lambda z: functional.rms_norm(z, z.shape[-1:])), "none": by_value(lambda z: z)
        }),
        "norm", "none",
    ),
    "a key for each query is not shared": (
        Function(lambda n: {"w": (n, n), "k": (n, n)}, {
            "own": lambda m, h: (h @ m.w.T) * (h @ m.k.T),
            "shared": lambda m, h: (h @ m.w.T) * (h @ m.k.T)[:, :4].repeat(1, m.n // 4),
        }),
        "own", "shared",
    ),
    "the norm of another value is no norm": (
        Function(two, {
            "its own": lambda m, h: (h @ m.w.T) / (h @ m.w.T).norm(dim=-1, keepdim=True) + h @ m.v.T,
            "of another": lambda m, h: (h @ m.w.T) / (h @ m.v.T).norm(dim=-1, keepdim=True) + h @ m.v.T,
        }),
        "its own", "of another",
    ),
}  # fmt: skip
"""Pairs that are not the same function."""


def reference(function: Function) -> str:
    return next(iter(function.ways))


@pytest.mark.parametrize("name", EVERY)
def test_the_ways_do_compute_one_function(name: str) -> None:
    function = EVERY[name]
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
    function = EVERY[name]
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
    function = EVERY["queries that share two keys"]
    exponents = usual(function, "einsum")
    for law in LAWS:
        assert function.predicted(way, exponents, law) == function.predicted("einsum", exponents, law)


@pytest.mark.parametrize(("way", "reads"), [("B A", "a"), ("its transpose", "b")])
def test_a_product_of_weights_is_applied_from_the_side_it_is_read(way: str, reads: str) -> None:
    """Of (B A) h the matrix A reads n units, of (B A)^T h it is B."""
    ways = {"B A": lambda m, h: h @ (m.b @ m.a).T, "its transpose": lambda m, h: h @ (m.b @ m.a)}
    found = usual(Function(lambda n: {"a": (4, n), "b": (n, 4)}, ways), way)
    assert {name for name in ("a", "b") if found[name][0] == -HALF} == {reads}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED_FAMILIES)
@pytest.mark.parametrize("law", LAWS)
def test_families_are_the_same(name: str, law: str) -> None:
    function = EVERY[name]
    for r in (Fraction(0), HALF):
        expected = function.exponents(reference(function), law, r)
        for way in function.ways:
            assert function.exponents(way, law, r) == expected, way


def test_a_multiplier_in_the_code_is_part_of_its_layer() -> None:
    """z = W h / sqrt(n) with W of size 1 is the NTK parameterization, r = 0, with one learning rate for all layers."""
    function = FUNCTIONS["1/sqrt(n) in the code"]
    assert function.exponents("behind", "sgd", Fraction(0))["w"] == (0, 0)
    assert function.exponents("behind", "sgd", HALF)["w"] == (0, 1)
