"""A certificate of every kind, written once."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

from scalings.criteria.criterion import Product
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import CRITERIA, MOVING_OUTPUT, SIGNAL_PROPAGATION, TUTORIAL
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.splits import laws, with_epsilons
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp
from symbolic.certificates.writing import (
    check_certificate,
    derivation_certificate,
    induction_certificate,
    parameterization_certificate,
)
from symbolic.evaluation.check import check
from symbolic.evaluation.repair import repair

VANISHING = replace(SIGNAL_PROPAGATION, name="vanishing signal", right=Product())


def without(name: str) -> list[Any]:
    return [criterion for criterion in TUTORIAL if criterion.name != name]


STABLE = [criterion for criterion in CRITERIA["stability"] if criterion is not MOVING_OUTPUT]
STANDARD = {"sigma_1": Fraction(0), "sigma_2": Fraction(-1, 2)}


def problem(network: Any, law: str = "sgd", scale: str = "width") -> Problem:
    return Problem(network, optimizer(law), scale)


def wished(richness: Fraction, name: str = "ntp") -> Any:
    """What is wished of a named parameterization of two layers, and what that would take."""
    given = preset(name, 2)
    verdict = check(mlp(2), given)
    remedy = None if verdict.richness == richness else repair(mlp(2), given, richness=richness)
    return check_certificate(problem(mlp(2)), given, verdict, remedy, richness=richness)


WRITERS = {
    "sgd": lambda: derivation_certificate(problem(mlp(3))),
    "adam, tanh": lambda: derivation_certificate(problem(mlp(3, "tanh"), "adam")),
    "lars": lambda: derivation_certificate(problem(mlp(2), "lars")),
    "weight decay": lambda: derivation_certificate(problem(mlp(2), "adamw")),
    "a law for each layer": lambda: derivation_certificate(Problem.of(mlp(3), "muon+adamw")),
    "an epsilon of one layer": lambda: derivation_certificate(
        Problem(mlp(2), with_epsilons(laws("adam"), mlp(2).layers, ["-1", "-oo"]))
    ),
    "clipping": lambda: derivation_certificate(Problem.of(mlp(2), "sgd+clip")),
    "biases": lambda: derivation_certificate(problem(mlp(2, biases=True))),
    "epsilon": lambda: derivation_certificate(Problem(mlp(2), with_epsilon(optimizer("adam"), "-1"))),
    "repeat": lambda: derivation_certificate(problem(resmlp())),
    "depth": lambda: derivation_certificate(problem(resmlp(), "adam", "depth"), without("maximality")),
    "given": lambda: derivation_certificate(problem(mlp(2), "adam"), STABLE, given=STANDARD),
    "stability": lambda: derivation_certificate(problem(mlp(2)), criteria=CRITERIA["stability"]),
    "without maximality": lambda: derivation_certificate(problem(mlp(2)), criteria=without("maximality")),
    "without stable features": lambda: derivation_certificate(problem(mlp(2)), criteria=without("stable features")),
    "contradiction": lambda: derivation_certificate(problem(mlp(2)), criteria=[*TUTORIAL[:3], VANISHING]),
    "refused": lambda: parameterization_certificate(problem(mlp(3)), preset("standard", 3)),
    "refused at once": lambda: parameterization_certificate(
        problem(mlp(2)), Parameterization.of(multiplier="0,0", init="1/2,-1/2", lr="0,0")
    ),
    "accepted": lambda: parameterization_certificate(problem(mlp(2)), preset("mup", 2), asked=TUTORIAL),
    "zero readout": lambda: parameterization_certificate(
        problem(mlp(3), "law:0,0,0,0,1"),
        Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1/2,0"),
    ),
    "growing": lambda: parameterization_certificate(
        problem(mlp(3), "lars"), Parameterization.of(multiplier="0,0,0", init="0,-1/2,-8", lr="-9,-9,1/100")
    ),
    "wished and met": lambda: wished(Fraction(0)),
    "wished and repaired": lambda: wished(Fraction(1, 2)),
    "forbidden": lambda: wished(Fraction(3, 4)),
    "induction": lambda: induction_certificate(derivation_certificate(problem(mlp(2))), 2),
}


@cache
def certificate(name: str) -> Any:
    return json.loads(json.dumps(WRITERS[name]()))
