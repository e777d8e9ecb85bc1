"""Transformers by Adam: attention, gated and modulated layers, experts."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import transformer
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from tests.literature.claims import Exponents, Orders, Result, Verdict, of
from tests.modern_parts import experts, modulated, qk_norm, swiglu

HALF = Fraction(1, 2)
VECTORS, MATRICES, READOUT = ("0", "0", "0"), ("0", "-1/2", "-1"), ("0", "-1", "-1")
"""(Multiplier, init scale, learning rate) by Adam under muP, with g = 1: of what reads a fixed number of units, of
matrices inside, and of what reads the width (Yang et al., arXiv 2203.03466, Table 3)."""


def mup(
    network: Network,
    scales: str = "",
    others: Mapping[str, tuple[str, str, str]] = {},
) -> Parameterization:
    """A network's layers as their fans have it, and `others` as it is said here; `scales` are its multipliers'."""
    kinds = {"input": VECTORS, "hidden": MATRICES, "output": READOUT}
    rows = [others.get(layer.name, kinds[layer.role]) for layer in network.layers]
    init = ["-oo" if layer.start == "zero" else row[1] for layer, row in zip(network.layers, rows, strict=True)]
    return of([row[0] for row in rows], init, [row[2] for row in rows], scales.split())


def _language(network: Network) -> Problem:
    return Problem.of(network, "adam", loss="cross-entropy")


_HEADS, _SIZES = transformer(grows="heads"), transformer(grows="head-size")
_VECTORS = transformer(grows="heads", gains=True, biases=True)
_TIED = transformer(grows="heads", tied=True)
_QK, _SWIGLU, _ADALN, _EXPERTS = qk_norm(), swiglu(), modulated(), experts()
MANY = experts(Dimension(4, others=(("members", Fraction(1)),)))
LARGE = experts(size=Dimension(1, others=(("expert-size", Fraction(1)),)))
_UNIT = {"multiplied": ("-1/2", "0", "-1/2"), "readout": ("-1", "0", "0")}
"""Hidden matrices and readouts of unit-scaled muP: weights of size 1 behind multipliers."""


def _unit_scaled(embedding: str) -> Parameterization:
    hidden = {layer.name: _UNIT["multiplied"] for layer in _VECTORS.layers if layer.role == "hidden"}
    return mup(_VECTORS, "0 0 0", hidden | {"readout": _UNIT["readout"], "embedding": ("0", "0", embedding)})


def expert_size(down: str) -> Parameterization:
    """Experts of M units, by their size M: the init scale of the matrix that ends them, at a rate 1/M."""
    return of("00000", ["0", "0", "0", down, "0"], ["0", "0", "0", "-1", "0"])


def expert_number(power: str) -> Parameterization:
    """By their number E: the rate of the matrix that ends them."""
    return of("00000", "00000", ["0", "0", "0", power, "0"])


def _at(quantity: str, layer: str, step: int) -> Observable:
    return Observable(quantity, layer, step)  # type: ignore[arg-type]


_MOE = "Jiang et al., 2601.20205"
RESULTS = (
    Result(
        "Lingle, 2404.05728",
        "Table 1",
        "muP for transformers",
        _language(_HEADS),
        Exponents(mup(_HEADS, "0 0 0")),
    ),
    Result("Lingle, 2404.05728", "ablations", "SwiGLU keeps it", Problem.of(_SWIGLU, "adam"), Exponents(mup(_SWIGLU))),
    Result(
        "Yang et al., 2203.03466",
        "section 5",
        "scores are q.k / d",
        _language(_SIZES),
        Exponents(mup(_SIZES, "-1 0 0")),
    ),
    Result(
        "Yang et al., 2203.03466",
        "section 5",
        "scores q.k / sqrt(d) explode",
        _language(_SIZES),
        Verdict(mup(_SIZES, "-1/2 0 0"), "unstable", "stable scores", mup(_SIZES, "-1 0 0")),
    ),
    Result(
        "Yang et al., 2203.03466",
        "appendix D.2",
        "queries may start at zero",
        _language(_HEADS),
        Verdict(
            mup(_HEADS, "0 0 0", {"query": ("0", "-oo", "-1")}),
            "rich",
            other=mup(_HEADS, "0 0 0", {"query": ("0", "-oo", "-3/4")}),
        ),
    ),
    Result(
        "Dey, Anthony and Hestness 2024",
        "github.com/EleutherAI/nanoGPT-mup, table",
        "a readout tied to the embedding has a multiplier 1/n, and the embedding's rate",
        _language(_TIED),
        Exponents(mup(_TIED, "0 0 0 -1")),
    ),
    Result(
        "Blake et al., 2407.17465",
        "Table 2",
        "u-muP by Adam, hidden matrices, readout, gains and biases",
        _language(_VECTORS),
        Exponents(_unit_scaled("0")),
    ),
    Result(
        "Zheng et al., 2505.15270",
        "Theorem 3.1",
        "adaLN has muP's exponents: matrices that modulate are hidden ones",
        Problem.of(_ADALN, "adam"),
        Exponents(mup(_ADALN)),
    ),
    Result(
        "Zheng et al., 2505.15270",
        "Theorem 3.1",
        "normalized queries and keys, with gains, have muP's exponents, and scores are q.k / d",
        _language(_QK),
        Exponents(mup(_QK, "-1")),
    ),
    Result(
        "Malasnicki et al., 2508.09752",
        "router and experts",
        "a router has the exponents of a readout, experts those of hidden matrices",
        Problem.of(_EXPERTS, "adam"),
        Exponents(mup(_EXPERTS), free=frozenset({"init router"})),
    ),
    Result(
        _MOE,
        "Table 1",
        "E experts, all active: their sum starts at E^(-1/2) and is moved by order 1, at rates that know no E",
        Problem.of(MANY, "adam", "members"),
        Orders(
            expert_number("0"), {_at("z", "down", 0): -HALF, _at("dz", "down", 2): Fraction(0)}, expert_number("1/4")
        ),
    ),
    Result(
        _MOE,
        "Table 1",
        "experts of M units that end with init scales 1/M start at M^(-1/2) and are moved by order 1",
        Problem.of(LARGE, "adam", "expert-size"),
        Orders(expert_size("-1"), {_at("z", "down", 0): -HALF, _at("dz", "down", 2): Fraction(0)}, expert_size("-1/2")),
    ),
    Result(
        _MOE,
        "Table 1",
        "experts of M units that end with init scales M^(-1/2) are moved by M^(1/2)",
        Problem.of(LARGE, "adam", "expert-size"),
        Orders(expert_size("-1/2"), {_at("z", "down", 0): Fraction(0), _at("dz", "down", 2): HALF}, expert_size("-1")),
    ),
)
