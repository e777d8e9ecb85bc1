"""Certificates prove what they say, and the verifier believes nothing else."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import sympify

import scalings.certificates
from scalings.architectures import mlp
from scalings.certificates import Refused, certify
from scalings.criteria import CRITERIA, SIGNAL_PROPAGATION, TUTORIAL, Product
from scalings.optimizers import optimizer
from scalings.parameterizations import Parameterization, preset
from symbolic.certificates import derivation_certificate, parameterization_certificate
from symbolic.checks import check
from symbolic.derivations import derive
from tests import strategies

VANISHING = replace(SIGNAL_PROPAGATION, name="vanishing signal", right=Product())


def without(name: str) -> list[Any]:
    return [criterion for criterion in TUTORIAL if criterion.name != name]


WRITERS = {
    "sgd": lambda: derivation_certificate(mlp(3)),
    "adam, tanh": lambda: derivation_certificate(mlp(3, "tanh"), optimizer("adam")),
    "lars": lambda: derivation_certificate(mlp(2), optimizer("lars")),
    "stability": lambda: derivation_certificate(mlp(2), criteria=CRITERIA["stability"]),
    "without maximality": lambda: derivation_certificate(mlp(2), criteria=without("maximality")),
    "without stable features": lambda: derivation_certificate(mlp(2), criteria=without("stable features")),
    "contradiction": lambda: derivation_certificate(mlp(2), criteria=[*TUTORIAL, VANISHING]),
    "refused": lambda: parameterization_certificate(mlp(3), preset("standard", 3)),
    "accepted": lambda: parameterization_certificate(mlp(2), preset("mup", 2), asked=TUTORIAL),
    "zero readout": lambda: parameterization_certificate(
        mlp(3), Parameterization.of(multiplier="0,0,0", init="0,-1/2,-oo", lr="0,-1/2,0"), optimizer("lars")
    ),
    "growing": lambda: parameterization_certificate(
        mlp(3), Parameterization.of(multiplier="0,0,0", init="0,-1/2,-8", lr="-9,-9,1/100"), optimizer("lars")
    ),
}


@cache
def certificate(name: str) -> Any:
    return json.loads(json.dumps(WRITERS[name]()))


def numbers(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every number, be it a value or a key."""
    if isinstance(document, (dict, list)):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            if isinstance(key, str) and key.isdigit():
                yield (*path, "key of", key)
            yield from numbers(value, (*path, key))
    elif is_number(document):
        yield path


def is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and value is not None and Fraction(value) is not None
    except ValueError:
        return False


def changed(document: Any, path: tuple[Any, ...], by: Fraction) -> Any:
    document = copy.deepcopy(document)
    *way, last = path
    renamed = bool(way) and way[-1] == "key of"
    node = document
    for key in way[:-1] if renamed else way:
        node = node[key]
    if renamed:
        other = str(int(last) + int(by))
        if other in node:
            node[last], node[other] = node[other], node[last]
        else:
            node[other] = node.pop(last)
    else:
        node[last] = node[last] + int(by) if isinstance(node[last], int) else str(Fraction(node[last]) + by)
    return document


@pytest.mark.parametrize("name", WRITERS)
def test_a_certificate_is_accepted(name: str) -> None:
    certify(certificate(name))


@settings(max_examples=120)
@given(name=st.sampled_from(list(WRITERS)), data=st.data())
def test_a_certificate_with_one_number_changed_is_refused(name: str, data: Any) -> None:
    document = certificate(name)
    places = list(numbers(document))
    if places:
        by = data.draw(st.sampled_from([Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2), Fraction(3)]))
        forged = changed(document, data.draw(st.sampled_from(places)), by)
        if forged != document:
            with pytest.raises(Refused):
                certify(forged)


def test_every_number_of_a_small_certificate_matters() -> None:
    for name in ("contradiction", "growing"):
        document = certificate(name)
        forged = [changed(document, path, Fraction(1)) for path in numbers(document)]
        for other in forged:
            if other != document:
                with pytest.raises(Refused):
                    certify(other)
        assert len(forged) > 5


def cases(lines: Any) -> list[Any]:
    """The first list of cases in a proof."""
    end = lines[-1]
    return end.get("cases", [])


def test_a_case_that_is_left_out_is_missed() -> None:
    document = copy.deepcopy(certificate("stability"))
    cases(document["proof"]).pop()
    with pytest.raises(Refused, match="not all there are"):
        certify(document)


def test_a_criterion_that_is_not_imposed_is_missed() -> None:
    document = copy.deepcopy(certificate("sgd"))
    document["criteria"].append({**document["criteria"][0], "criterion": "one more"})
    with pytest.raises(Refused, match="before all criteria are settled"):
        certify(document)


def test_a_larger_answer_is_refused() -> None:
    """Without its bound r <= 1/2 the answer has members that do not meet all criteria."""
    document = copy.deepcopy(certificate("sgd"))
    piece = document["answer"]["A"]
    for key in ("inequalities", "distances"):
        piece[key].pop()
    end = document["proof"][-1]
    end["within"].pop()
    with pytest.raises(Refused):
        certify(document)


@pytest.mark.parametrize("nonsense", [None, [], 3, "text", {}, {"unknowns": 1}, {"proof": []}])
def test_what_is_no_certificate_is_refused(nonsense: Any) -> None:
    with pytest.raises(Refused, match="not written as a certificate"):
        certify(nonsense)


def test_the_verifier_is_short_and_imports_only_fractions() -> None:
    source = Path(scalings.certificates.__file__).read_text(encoding="utf-8")
    imported = [
        node.module if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert imported == ["fractions", "typing"]
    assert len(source.splitlines()) < 150


def test_the_family_of_a_certificate_is_the_derived_one() -> None:
    family = strategies.family(mlp(3), optimizer("adam"))
    solved = certificate("adam, tanh")["answer"]["A"]["solved"]
    for number, layer in enumerate(family.layers, start=1):
        for symbol, affine in (("eta", layer.lr), ("sigma", layer.init)):
            written = solved[f"{symbol}_{number}"]
            assert Fraction(written.get("r", 0)) == affine.coefficient("r")
            assert Fraction(written.get("constant", 0)) == affine.constant


def test_a_refusal_names_the_monomial_its_path_and_its_exponent() -> None:
    document = certificate("refused")
    assert document["answer"] == {}
    [monomial] = [line for line in document["proof"] if "monomial" in line]
    finding = next(f for f in check(mlp(3), preset("standard", 3)).findings if not f.satisfied)
    assert Fraction(monomial["value"]) == finding.found
    assert monomial["path"]
    exponents = {line["left"]: line["right"] for line in document["criteria"] if line["criterion"].startswith("given")}
    powers = {**monomial["monomial"]}
    total = Fraction(powers.pop("constant", 0)) + sum(Fraction(c) * Fraction(exponents[x]) for x, c in powers.items())
    assert total == finding.found


@settings(max_examples=25)
@given(data=st.data())
def test_parameterizations_are_certified_as_they_are_checked(data: Any) -> None:
    parameterization = data.draw(strategies.parameterizations(2))
    law = data.draw(strategies.optimizers)
    document = parameterization_certificate(mlp(2), parameterization, law)
    certify(document)
    assert bool(document["answer"]) == check(mlp(2), parameterization, law).nontrivial


@pytest.mark.parametrize("name", ["maximality", "useful update", "signal propagation"])
def test_the_answer_of_a_certificate_is_that_of_the_derivation(name: str) -> None:
    """Two unions of polyhedra, found in two ways, are the same set: z3 says so."""
    document = derivation_certificate(mlp(3), criteria=without(name))
    certify(document)
    proved = z3.Or([z3.And(relations(piece)) for piece in document["answer"].values()])
    pieces = derive(mlp(3), criteria=without(name)).pieces
    derived = z3.Or(
        [
            z3.And([*(linear(e) == 0 for e in piece.equations), *(linear(form) >= 0 for form in piece.inequalities)])
            for piece in pieces
        ]
    )
    solver = z3.Solver()
    solver.add(proved != derived)
    assert solver.check() == z3.unsat
    solver = z3.Solver()  # ... and the comparison can fail
    solver.add(proved != z3.And(derived, z3.Real("sigma_3") <= -1))
    assert solver.check() == z3.sat


def relations(piece: Any) -> list[Any]:
    """A piece of a certificate's answer."""
    solved = [z3.Real(unknown) == combined(form) for unknown, form in piece["solved"].items()]
    return [*solved, *(combined(form) >= 0 for form in piece["inequalities"])]


def combined(form: dict[str, str]) -> Any:
    terms = [z3.RealVal(c) * (z3.RealVal(1) if name == "constant" else z3.Real(name)) for name, c in form.items()]
    return z3.Sum([*terms, z3.RealVal(0)])


def linear(text: str) -> Any:
    """An affine form as a derivation writes it."""
    expression = sympify(text)
    terms = expression.as_coefficients_dict()
    return combined({"constant" if term == 1 else str(term): str(c) for term, c in terms.items()})
