"""Whatever is written is accepted: certificates of every kind, through a file and back."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from scalings.certificates.files import read_certificate, write_certificate
from scalings.criteria.parsing import format_relation, parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.epsilons import with_epsilon
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.network import Network
from scalings.networks.serialization import network_from_text
from scalings.results.checks import Repair
from scalings.studies.rechecking import recheck
from symbolic.certificates.writing import (
    check_certificate,
    derivation_certificate,
    induction_certificate,
    parameterization_certificate,
)
from symbolic.evaluation.check import check
from symbolic.evaluation.repair import repair_of
from symbolic.propagation.question import Question

PLAIN_TIMES = network_from_text("""[
  {"op": "dense", "name": "embedding", "source": "input", "weight": "a",
   "fan_in": 64, "fan_out": {"size": 1, "order": 1}},
  {"op": "repeat", "name": "block", "source": "embedding", "times": 4, "nodes": [
    {"op": "dense", "name": "branch", "source": "block", "weight": "b",
     "fan_in": {"size": 1, "order": 1}, "fan_out": {"size": 1, "order": 1}},
    {"op": "scale", "name": "scale", "source": "branch"},
    {"op": "sum", "name": "stream", "sources": ["block", "scale"]}
  ]},
  {"op": "dense", "name": "readout", "source": "block", "weight": "c", "fan_in": {"size": 1, "order": 1}, "fan_out": 10}
]""")
NETWORKS = {
    "mlp": mlp(2),
    "tanh": mlp(3, "tanh"),
    "biases": mlp(2, biases=True),
    "cnn": cnn(2),
    "resmlp": resmlp(),
    "plain times": PLAIN_TIMES,
}
LAWS = ("sgd", "adam", "adamw", "sgd-l2", "lars", "lamb+inside", "muon-rms", "lion+independent", "law:1/2,0,1,0,1/3")
EXPONENTS = [MINUS_INFINITY, *(Fraction(k, 2) for k in range(-3, 3)), Fraction(1, 7)]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    network = NETWORKS[draw(st.sampled_from(sorted(NETWORKS)))]
    law = optimizer(draw(st.sampled_from(LAWS)))
    if law.name == "adam" and draw(st.booleans()):
        law = with_epsilon(law, draw(st.sampled_from(["-1", "-1/2", "0"])))
    shares = st.sampled_from([Fraction(1), Fraction(1), Fraction(0), Fraction(1, 2)])
    law = replace(law, alpha=draw(shares), omega=draw(shares))
    scale = draw(st.sampled_from([*network.scales, "batch:noise", "batch:signal"]))
    return Problem(network, law, scale, draw(st.sampled_from(["mse", "cross-entropy"])))


@st.composite
def questions(draw: st.DrawFn) -> tuple[Problem, list[Any], dict[str, Any]]:
    """A problem, criteria and given exponents."""
    problem = draw(problems())
    dropped = draw(st.sampled_from([None, None, *TUTORIAL]))
    criteria = [one for one in TUTORIAL if one != dropped]
    if draw(st.booleans()):
        relation = draw(st.sampled_from(["dz <= n^(1/4) at hidden after updates", "z * d <= n^2 at layers initially"]))
        name = draw(st.sampled_from(["own", "2 of mine", "größer [b]", "a\nb", "useful update"]))
        criteria.append(replace(parse_criterion(f"own: {relation}"), name=name))
    unknowns = Question(problem).unknowns
    names = draw(st.lists(st.sampled_from(unknowns), unique=True, max_size=len(unknowns)))
    return problem, criteria, {name: draw(st.sampled_from(EXPONENTS)) for name in names}


def accepted(document: Any, path: Path) -> None:
    """The document, written and read, is accepted."""
    write_certificate(path, document)
    assert recheck(read_certificate(path)).refusal is None


EXAMPLES = 40
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TWO = (Problem(mlp(2), optimizer("sgd")), list(TUTORIAL), {"sigma_1": Fraction(0), "sigma_2": Fraction(0)})


@SETTINGS
@given(question=questions())
@example(question=TWO)
@example(question=(Problem(mlp(2), optimizer("adamw")), list(TUTORIAL), {**TWO[2], "sigma_2": MINUS_INFINITY}))
def test_a_derivation(question: Any, tmp_path: Path) -> None:
    problem, criteria, exponents = question
    try:
        document = derivation_certificate(problem, criteria, given=exponents)
    except ArgumentError:
        assume(False)
    accepted(document, tmp_path / "c.json")


@pytest.mark.slow
@SETTINGS
@given(problem=problems(), data=st.data())
def test_a_check_and_its_repair(problem: Problem, data: Any, tmp_path: Path) -> None:
    network, few = problem.network, st.sampled_from(EXPONENTS)
    exponents = {kind: [data.draw(few) for _ in network.layers] for kind in ("init", "lr", "decay")}
    multipliers = [Fraction(0)] * network.depth
    scales = [data.draw(st.sampled_from(EXPONENTS[1:])) for _ in network.multipliers]
    richness = data.draw(st.sampled_from([None, Fraction(1, 4), Fraction(3)]))
    if problem.law.decay == "none":
        exponents.pop("decay")
    try:
        chosen = Parameterization.of(multiplier=multipliers, scales=scales, **exponents)
        verdict = check(network, chosen, problem.law, scale=problem.scale, loss=problem.loss)
        wanted = verdict.nontrivial and verdict.meets(*TUTORIAL) and richness in (None, verdict.richness)
        remedy = None if wanted else repair_of(problem, chosen, richness)
        document = check_certificate(problem, chosen, verdict, remedy, TUTORIAL, richness)
    except ArgumentError:
        assume(False)
    accepted(document, tmp_path / "c.json")


def test_a_repair_that_leaves_weights_at_zero(tmp_path: Path) -> None:
    """Only at r = 1/2 is each of its updates useful; its certificate asks for all criteria."""
    problem = Problem(mlp(3), optimizer("muon"))
    chosen = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="1/2,0,-1")
    verdict, remedy = check(mlp(3), chosen, problem.law), repair_of(problem, chosen)
    assert isinstance(remedy, Repair)
    assert remedy.changes == (("layer3", "lr", Fraction(-1), Fraction(-1, 2)),)
    document = check_certificate(problem, chosen, verdict, remedy)
    asked = {one["asks"] for one in document["parts"]["repaired"]["about"]["criteria"]}
    assert {format_relation(one) for one in TUTORIAL} <= asked
    accepted(document, tmp_path / "c.json")


@pytest.mark.parametrize("law", ["sgd", "adam", "muon", "lars"])
@pytest.mark.parametrize("depth", [2, 3])
def test_an_induction(law: str, depth: int, tmp_path: Path) -> None:
    derived = derivation_certificate(Problem(mlp(depth, "tanh"), optimizer(law)))
    document = induction_certificate(derived, depth, optimizer(law), activation="tanh")
    accepted(json.loads(json.dumps(document)), tmp_path / "c.json")


@pytest.mark.slow
def test_orders_that_were_computed_before_a_case_distinction(tmp_path: Path) -> None:
    """A reader of the proof computes an order when a line speaks of it; so must the writer (`Branch.forget_since`)."""
    problem = Problem(transformer(), optimizer("sgd"), "depth")
    accepted(derivation_certificate(problem), tmp_path / "c.json")


def test_a_plain_number_of_copies_is_one(tmp_path: Path) -> None:
    assert isinstance(PLAIN_TIMES, Network)
    accepted(derivation_certificate(Problem(PLAIN_TIMES, optimizer("sgd"))), tmp_path / "c.json")


def test_numbers_of_many_digits_are_accepted_or_not_written(tmp_path: Path) -> None:
    """Exponents of 18 digits each; those of thirty layers add up to more digits than are read."""
    for depth, is_written in ((4, True), (31, False)):
        given = {f"eta_{n}": Fraction(1, 10**18 - 2 * n) for n in range(1, depth + 1)}
        given |= {"sigma_1": Fraction(0), **{f"sigma_{n}": Fraction(-1, 2) for n in range(2, depth + 1)}}
        problem = Problem(mlp(depth, "tanh"), optimizer("sgd"))
        chosen = Parameterization.of(
            multiplier=[Fraction(0)] * depth,
            init=[given[f"sigma_{n}"] for n in range(1, depth + 1)],
            lr=[given[f"eta_{n}"] for n in range(1, depth + 1)],
        )
        document = parameterization_certificate(problem, chosen)
        if is_written:
            accepted(document, tmp_path / "c.json")
        else:
            with pytest.raises(ArgumentError, match="none that could be rechecked"):
                write_certificate(tmp_path / "c.json", document)


def test_a_law_is_written_under_a_name_that_is_read(tmp_path: Path) -> None:
    """From Python a law may be called anything; a certificate calls it by its powers."""
    document = derivation_certificate(Problem(mlp(2), replace(optimizer("adam"), name="mine")))
    assert document["about"]["law"]["name"] == "law:0,1,1,0,0"
    accepted(document, tmp_path / "c.json")
    with pytest.raises(ArgumentError, match="expected an update law that has a name"):
        derivation_certificate(Problem(mlp(2), replace(optimizer("lars"), name="mine")))
