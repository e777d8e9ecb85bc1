"""Low-rank adaptation: learning rates of its two matrices in the width, its multiplier in the rank."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import Dense
from tests.literature.claims import Orders, Result, Verdict, of
from tests.zero_starts import lora

HALF = Fraction(1, 2)


def _exchanged(network: Network) -> Network:
    """A starts at zero and B does not: Init[B]."""
    starts = {"A": "zero", "B": "random"}
    nodes = (
        replace(node, start=starts[node.name]) if isinstance(node, Dense) and node.name in starts else node
        for node in network.nodes
    )
    return Network(tuple(nodes))  # type: ignore[arg-type]


def _rates(a: str, b: str, init: str = "-1/2 -oo", gamma: str = "0") -> Parameterization:
    """Those of A and B, on a network in maximal update parametrization that is frozen."""
    return of("00000", ["0", "-1/2", *init.split(), "-1"], ["-oo", "-oo", a, b, "-oo"], [gamma])


def _in_rank(gamma: str) -> Parameterization:
    return of("00000", ["0", "0", "0", "-oo", "0"], ["-oo", "-oo", "0", "0", "-oo"], [gamma])


def _at(quantity: str, layer: str) -> Observable:
    return Observable(quantity, layer, 2)  # type: ignore[arg-type]


_A, _B = Problem.of(lora(), "adam"), Problem.of(_exchanged(lora()), "adam")
_RANK = Problem.of(lora(Dimension(1, others=(("rank", Fraction(1)),))), "sgd", "rank")
_PLUS, _INIT, _STABLE = (
    "Hayou, Ghosh and Yu, 2402.12354",
    "Hayou, Ghosh and Yu, 2406.08447",
    "Kalajdzievski, 2312.03732",
)
_ZERO_A = "-oo 0"
RESULTS = (
    Result(
        _PLUS,
        "efficient learning",
        "with eta_A ~ 1/n and eta_B ~ 1 both updates change features by order 1",
        _A,
        Orders(_rates("-1", "0"), {_at("layer", "A"): Fraction(0), _at("layer", "B"): HALF}, _rates("-1", "-1")),
    ),
    Result(
        _PLUS,
        "efficient learning",
        "at one rate 1/n for both matrices nothing moves",
        _A,
        Verdict(_rates("-1", "-1"), "trivial", "moving output", _rates("-1", "0")),
    ),
    Result(
        _INIT,
        "section 3",
        "Init[A] at n^(-1/2): A h explodes like n^(1/2) while B A h is of order 1",
        _A,
        Orders(_rates("-1/2", "-1/2"), {_at("dz", "A"): HALF, _at("dz", "B"): HALF}, _rates("-1", "-1")),
    ),
    Result(
        _INIT,
        "section 3",
        "Init[A]: B A h explodes at rates above n^(-1/2)",
        _A,
        Orders(_rates("-1/4", "-1/4"), {_at("dz", "B"): Fraction(1)}, _rates("-1/2", "-1/2")),
    ),
    Result(
        _INIT,
        "section 3",
        "Init[B] at 1/n: stable features, to which updates of B add next to nothing",
        _B,
        Orders(
            _rates("-1", "-1", _ZERO_A),
            {_at("dz", "A"): Fraction(0), _at("dz", "B"): HALF, _at("interaction", "B"): -HALF},
            _rates("-1", "0", _ZERO_A),
        ),
    ),
    Result(
        _INIT,
        "section 3",
        "Init[B] explodes at rates above 1/n",
        _B,
        Verdict(_rates("-3/4", "-3/4", _ZERO_A), "unstable", "stable features at B", _rates("-1", "-1", _ZERO_A)),
    ),
    Result(
        _STABLE,
        "Theorem 3.2",
        "by gradient descent adapters learn at every rank with a multiplier rank^(-1/2)",
        _RANK,
        Verdict(_in_rank("-1/2"), "rich", other=_in_rank("-1/4")),
    ),
    Result(
        _STABLE,
        "the usual factor",
        "with the usual multiplier 1/rank learning collapses in the rank",
        _RANK,
        Verdict(_in_rank("-1"), "trivial", "moving output", _in_rank("-1/2")),
    ),
)
