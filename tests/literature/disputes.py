"""Where what is derived is not what a paper says, and what training said of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import NONTRIVIALITY, SIGNAL_PROPAGATION, USEFUL_UPDATE
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import WIDTH, Dimension
from tests.literature.claims import of

HALF = Fraction(1, 2)
NARROW = mlp(4, "tanh", hidden=[WIDTH, Dimension(1, HALF), WIDTH])
"""Layers of n, n^(1/2) and n units."""


@dataclass(frozen=True)
class Dispute:
    """A parameterization of a paper, the one criterion that it does not meet, and the change that decides."""

    paper: str
    place: str
    says: str
    problem: Problem
    published: Parameterization
    criterion: Criterion
    layer: str
    decides: Observable
    order: Exponent
    """Derived for what decides, and measured: tests/agreement/test_disputes.py."""
    verdict: str

    def __str__(self) -> str:
        return f"{self.paper}, {self.place}: {self.says}"


def _by_adam(rates: str, init: str = "0 -1/2 -1") -> Parameterization:
    return of("0" * len(rates.split()), init.split(), rates.split())


DISPUTES = (
    Dispute(
        "Yang, Simon and Bernstein, 2310.17813",
        "Condition 1",
        "init scales sqrt(fan_out) / fan_in of layers that are narrower than what they read, Adam's rates 1 / fan_in",
        Problem.of(NARROW, "adam"),
        _by_adam("0 -1 -1/2 -1", "0 -3/4 -1/4 -1"),
        SIGNAL_PROPAGATION,
        "layer2",
        Observable("dz", "layer2", 2),
        Fraction(1, 4),
        "The paper is right. `check` calls it unstable, since units of narrow layers start at n^(-1/4); but they move "
        "by order 1 each, as all others do. Init scales fan_in^(-1/2), which the criterion asks for, leave no member "
        "of richness 1/2: then the narrow layer explodes. The criteria `spectral` have its answer. So it is with keys "
        "and values of fewer groups than heads (Chickering et al., 2605.15290), and with experts that are averaged "
        "(Jiang et al., 2601.20205).",
    ),
    Dispute(
        "Ahn et al., 2504.05295 (Dion)",
        "github.com/microsoft/dion, README",
        "the readout's rate by Adam is 1 / sqrt(fan_in)",
        Problem.of(mlp(3), "adam"),
        _by_adam("0 -1 -1/2"),
        NONTRIVIALITY,
        "layer3",
        Observable("dz", "layer3", 1),
        HALF,
        "What is derived is right of the first updates: the output moves by n^(1/2). 1 / fan_in is muP's rate. With "
        "updates that do not align with features it is the largest stable one (Everett et al., 2407.05872).",
    ),
    Dispute(
        "Blake et al., 2407.17465 (u-muP)",
        "Table 2",
        "the embedding's rate by Adam is 1 / sqrt(fan_out)",
        Problem.of(mlp(3), "adam"),
        _by_adam("-1/2 -1 -1"),
        USEFUL_UPDATE,
        "layer1",
        Observable("dz", "layer1", 1),
        Fraction(0),
        "No contradiction: it is stable and rich, and by less than maximal. Units of the embedding move by n^(-1/2), "
        "those behind it by order 1. The paper chose it by experiment, against muP's rate of order 1.",
    ),
)
