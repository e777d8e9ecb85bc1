"""Certificates prove what they say of a derivation, and are refused once a number of them is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import z3
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import sympify

from scalings.certificates import verifier
from scalings.certificates.schema import CERTIFICATE, fault
from scalings.certificates.statements import statement_from_json, statement_to_json
from scalings.certificates.verifier import certify
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY, TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.splits import Split
from scalings.hyperparameters.update_laws import UpdateLaw, optimizer
from scalings.networks.architectures import mlp, resmlp
from scalings.reports.certificates import certificate_document
from scalings.studies.rechecking import recheck
from symbolic.certificates.assembly import difference
from symbolic.certificates.writing import (
    derivation_certificate,
    induction_certificate,
    parameterization_certificate,
)
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from tests import strategies
from tests.symbolic.certificates.written import VANISHING, WRITERS, certificate, problem, without


@pytest.mark.parametrize("name", WRITERS)
def test_a_certificate_is_accepted(name: str) -> None:
    document = certificate(name)
    certify(document)
    for part in document.get("parts", {"": document}).values():
        assert fault(part, CERTIFICATE) is None
        assert difference(part) is None


@pytest.mark.parametrize("name", WRITERS)
def test_true_proofs_take_a_fifth_of_the_work_that_is_allowed(name: str) -> None:
    """So that no true one is refused for its work; the least of the bombs takes all of it (`test_forgeries`)."""
    document = certificate(name)
    for part in document.get("parts", {"": document}).values():
        allowed = verifier.EFFORT * len(str(part))
        assert verifier._Proof(part).budget > 0.8 * allowed


def test_an_induction_that_fails_has_no_certificate() -> None:
    with pytest.raises(ArgumentError, match="the induction fails"):
        induction_certificate(certificate("without stable features"), 2, criteria=without("stable features"))


@pytest.mark.parametrize("other", ["lars", "given", "without maximality", "sgd"])
def test_an_induction_is_about_what_is_derived(other: str) -> None:
    with pytest.raises(ArgumentError, match="the induction is not about the same"):
        induction_certificate(certificate(other), 2)


def restated(name: str, **other: Any) -> Any:
    """A certificate that says, checksum and all, that it is about something else."""
    document = certificate(name)
    statement = statement_from_json(document["about"])
    of_problem = {key: value for key, value in other.items() if hasattr(statement.problem, key)}
    of_statement = {key: value for key, value in other.items() if key not in of_problem}
    statement = replace(statement, problem=replace(statement.problem, **of_problem), **of_statement)
    return {**document, "about": statement_to_json(statement)}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("sgd", {"law": optimizer("adam")}),
        ("sgd", {"network": mlp(2)}),
        ("sgd", {"network": mlp(3, "tanh")}),
        ("sgd", {"criteria": tuple(without("maximality"))}),
        ("sgd", {"criteria": (*TUTORIAL, VANISHING)}),
        ("sgd", {"given": (("sigma_1", Fraction(0)),)}),
        ("sgd", {"kind": "derivation"}),
        ("depth", {"scale": "width"}),
        ("given", {"given": ()}),
        ("refused", {"given": tuple((f"{kind}_{n}", Fraction(0)) for kind in ("eta", "sigma") for n in (1, 2, 3))}),
        ("accepted", {"loss": "cross-entropy"}),
        ("accepted", {"richness": Fraction(1, 2)}),
    ],
    ids=str,
)
def test_a_certificate_is_about_what_it_says(name: str, other: dict[str, Any]) -> None:
    forged = restated(name, **other)
    certify(forged)  # what it proves of its program still holds
    refusal = recheck(forged).refusal
    assert refusal is not None
    assert "gives another program" in refusal or "are not asked" in refusal


def test_of_contradictory_criteria_a_certificate_needs_only_some() -> None:
    assert recheck(restated("contradiction", criteria=(*TUTORIAL, *STABILITY, VANISHING))).refusal is None
    assert recheck(restated("contradiction", criteria=TUTORIAL)).refusal


def test_the_family_of_a_certificate_is_the_derived_one() -> None:
    family = strategies.family(mlp(3), optimizer("adam"))
    solved = certificate("adam, tanh")["answer"]["A"]["solved"]
    for number, layer in enumerate(family.layers, start=1):
        for symbol, affine in (("eta", layer.lr), ("sigma", layer.init)):
            written = solved[f"{symbol}_{number}"]
            assert Fraction(written.get("r", 0)) == affine.coefficient("r")
            assert Fraction(written.get("constant", 0)) == affine.constant


def monomials(document: Any) -> list[Any]:
    """The monomials that `certify` shows of a refusal."""
    shown: list[Any] = certificate_document(recheck(document))["monomials"]
    return shown


def test_a_refusal_names_the_monomial_its_path_and_its_exponent() -> None:
    document = certificate("refused")
    assert document["answer"] == {}
    monomial = monomials(document)[0]
    finding = next(f for f in check(mlp(3), preset("standard", 3)).findings if not f.satisfied)
    assert Fraction(monomial["value"]) == finding.found
    assert monomial["path"]
    walked = [monomial["of"]]
    for name in walked:
        line = next((line for line in document["program"] if line["order"] == name), {"of": []})
        walked += [monomial["path"][name]] if name in monomial["path"] else line["of"]
    assert {"eta_1", "|d| layer2 step 1", "|dz| layer3 step 1", "0"} <= {*walked}
    exponents = {line["left"]: line["right"] for line in document["criteria"] if line["criterion"].startswith("given")}
    powers = {**monomial["monomial"]}
    total = Fraction(powers.pop("constant", 0)) + sum(Fraction(c) * Fraction(exponents[x]) for x, c in powers.items())
    assert total == finding.found


def test_an_accepted_parameterization_shows_no_monomials() -> None:
    assert monomials(certificate("accepted")) == []


@settings(max_examples=10)
@given(data=st.data())
def test_of_a_repeated_block_the_monomial_is_that_of_the_copy_which_is_refused(data: Any) -> None:
    """The first copy may well be within its bounds when the last is not."""
    network, scale = resmlp(), data.draw(st.sampled_from(["depth", "width"]))
    few = st.sampled_from([Fraction(k, 2) for k in (-2, -1, 0)])
    init = [Fraction(0), *[Fraction(0) if scale == "depth" else Fraction(-1, 2)] * 2]
    init[data.draw(st.integers(0, 2))] += data.draw(st.sampled_from([Fraction(0), Fraction(1, 2)]))
    given = Parameterization.of(
        multiplier="0,0,0", init=init, lr=[data.draw(few) for _ in range(3)], scales=[data.draw(few)]
    )
    verdict = check(network, given, scale=scale)
    document = parameterization_certificate(problem(network, scale=scale), given)
    assert bool(document["answer"]) == verdict.nontrivial
    assert difference(json.loads(json.dumps(document))) is None
    wanted = dict.fromkeys((*STABILITY, MOVING_OUTPUT))
    refused = [f for one in wanted for f in verdict.findings if f.criterion == one and not f.satisfied]
    if refused:
        values = {line["of"]: line["value"] for line in monomials(document)}
        shown = document["criteria"][-1]
        sides = [Fraction(values.get(shown[side], shown[side])) for side in ("left", "right")]
        assert sides == [refused[0].found, refused[0].required]


def test_the_copy_that_is_refused_may_be_the_last() -> None:
    """A branch that is not scaled down: over m blocks the stream grows, and the first of them knows nothing of it."""
    given = Parameterization.of(multiplier="0,0,0", init="0,0,0", lr="-1,-1,-1", scales="0")
    document = parameterization_certificate(problem(resmlp(), scale="depth"), given)
    assert document["criteria"][-1]["criterion"] == "signal propagation (branch1), step 0, last copy"
    [monomial] = monomials(document)
    assert (monomial["of"], monomial["value"]) == ("|z| branch1 step 0, last copy", "1/2")


@settings(max_examples=20)
@given(data=st.data())
def test_parameterizations_are_certified_as_they_are_checked(data: Any) -> None:
    parameterization = data.draw(strategies.parameterizations(2))
    law = data.draw(strategies.optimizers)
    assume(law.at_zero == "alike" or parameterization.layers[-1].init != MINUS_INFINITY)  # the first step has no gauge
    document = parameterization_certificate(Problem(mlp(2), law), parameterization)
    certify(document)
    assert bool(document["answer"]) == check(mlp(2), parameterization, law).nontrivial


@pytest.mark.parametrize("name", ["maximality", "useful update", "signal propagation"])
def test_the_answer_of_a_certificate_is_that_of_the_derivation(name: str) -> None:
    """Two unions of polyhedra, found in two ways, are the same set: z3 says so."""
    document = derivation_certificate(problem(mlp(2)), criteria=without(name))
    certify(document)
    proved = z3.Or([z3.And(relations(polyhedron)) for polyhedron in document["answer"].values()])
    polyhedra = derive(mlp(2), criteria=without(name)).polyhedra
    derived = z3.Or(
        [
            z3.And(
                [
                    *(linear(e) == 0 for e in polyhedron.equations),
                    *(linear(form) >= 0 for form in polyhedron.inequalities),
                ]
            )
            for polyhedron in polyhedra
        ]
    )
    solver = z3.Solver()
    solver.add(proved != derived)
    assert solver.check() == z3.unsat
    solver = z3.Solver()  # ... and the comparison can fail
    solver.add(proved != z3.And(derived, z3.Real("sigma_2") <= -1))
    assert solver.check() == z3.sat


def relations(polyhedron: Any) -> list[Any]:
    """A piece of a certificate's answer."""
    solved = [z3.Real(unknown) == combined(form) for unknown, form in polyhedron["solved"].items()]
    return [*solved, *(combined(form) >= 0 for form in polyhedron["inequalities"])]


def combined(form: dict[str, str]) -> Any:
    terms = [z3.RealVal(c) * (z3.RealVal(1) if name == "constant" else z3.Real(name)) for name, c in form.items()]
    return z3.Sum([*terms, z3.RealVal(0)])


def linear(text: str) -> Any:
    """An affine form as a derivation writes it."""
    expression = sympify(text)
    terms = expression.as_coefficients_dict()
    return combined({"constant" if term == 1 else str(term): str(c) for term, c in terms.items()})


def test_laws_of_ones_own_are_stated_by_their_powers() -> None:
    """Of a split each under a name that is read again, whatever it was called, and with its own assumptions."""
    mine = UpdateLaw("mine", Fraction(0), fan_in=Fraction(1), alpha=Fraction(1, 2))
    split = Split("ours", mine, optimizer("adam"), (("layer1", replace(mine, omega=Fraction(0))),))
    document = derivation_certificate(Problem(mlp(3), split))
    certify(document)
    assert difference(document) is None
    assert document["about"]["law"]["name"] == "law:0,1,0,0,0+adam;layer1=law:0,1,0,0,0"
    read = statement_from_json(document["about"])
    assert statement_to_json(read) == document["about"]
    assert [law.omega for law in read.problem.laws.values()] == [0, 1, 1]
    assert [law.alpha for law in read.problem.laws.values()] == [Fraction(1, 2), Fraction(1, 2), 1]
