"""The verifier believes nothing: proofs by hand, those that prove nothing, and what is no proof at all."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import scalings.certificates.verifier
from scalings.certificates.verifier import Refused, certify
from tests.symbolic.certificates.written import certificate


@pytest.mark.parametrize("nonsense", [None, [], 3, "text", {}, {"unknowns": 1}, {"proof": []}, {"parts": [1]}])
def test_what_is_no_certificate_is_refused(nonsense: Any) -> None:
    with pytest.raises(Refused, match="not written as a certificate"):
        certify(nonsense)


def tiny(**other: Any) -> Any:
    """x = 0, proved by hand."""
    zero = {"freedoms": 0, "solved": {"x": {}}, "inequalities": [], "points": [{"at": {}, "distances": []}]}
    settled = [{"either": [{"x": sign}]} for sign in ("1", "-1")]
    exactly = [{number: "1", "slack": "0"} for number in ("0", "1")]
    end = {"piece": "A", "within": exactly, "whole": exactly}
    return {
        "unknowns": ["x"],
        "program": [],
        "criteria": [{"criterion": "x is 0", "left": "x", "sign": "~", "right": "0"}],
        "answer": {"A": zero},
        "proof": [{"impose": "x is 0"}, *settled, end],
        **other,
    }


def test_a_proof_by_hand() -> None:
    assert certify(tiny()) == "1 criteria leave 1 unknowns 0 degrees of freedom"


FREE = {"freedoms": 1, "solved": {}, "inequalities": [], "points": [{"at": {}, "distances": []}]}
BELOW = [{"at": {"x": "1"}, "distances": ["1", "6"]}, {"at": {"x": "0"}, "distances": ["0", "5"]}]
HOLLOW = {
    "nothing is asked": tiny(criteria=[], answer={"A": FREE}, proof=[{"piece": "A", "within": [], "whole": []}]),
    "a number is a name": tiny(program=[{"order": "0", "is": "product", "of": ["1", "2"]}]),
    "two have one name": tiny(unknowns=["x", "x"]),
    "has not 0 freedoms": tiny(answer={"A": {**FREE, "freedoms": 0, "solved": {"constant": {"x": "1"}}}}),
    "has not 1 freedoms": tiny(answer={"A": {**FREE, "solved": {"x": {"x": "2"}}}}),
    "has not 2 facets": tiny(  # x >= -5 follows from x >= 0
        answer={
            "A": {
                **FREE,
                "inequalities": [{"x": "1"}, {"x": "1", "constant": "5"}],
                "points": [*BELOW, {"at": {"x": "-5"}, "distances": ["-5", "0"]}],
            }
        }
    ),
    "is not shown to meet the criteria": tiny(answer={**tiny()["answer"], "B": FREE}),
    "before all criteria are settled": tiny(proof=[tiny()["proof"][-1]]),
    "is not, or no longer, to be settled": tiny(proof=[{"either": [{"x": "2"}]}, tiny()["proof"][-1]]),
    "not all there are": tiny(proof=[{"cases": [{"if": {"x": "1"}, "then": [{"contradiction": {"slack": "0"}}]}]}]),
    "not what it is to prove": tiny(proof=[{"contradiction": {"slack": "0"}}]),
    "may be negative": tiny(proof=[{"contradiction": {"slack": "-1"}}]),
}


@pytest.mark.parametrize("reason", HOLLOW)
def test_what_proves_nothing_is_refused(reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        certify(HOLLOW[reason])


def test_what_is_to_be_implied_is_not_learned() -> None:
    twice = [{**tiny()["criteria"][0], "criterion": name} for name in ("x is 0", "again")]
    proof = tiny()["proof"]
    certify(tiny(criteria=twice, implied=["again"], proof=[*proof[:-1], {"impose": "again"}, *proof[1:]]))
    with pytest.raises(Refused, match="is left open"):
        certify(tiny(criteria=twice, implied=["x is 0"], proof=[*proof[:-1], {"impose": "again"}, *proof[1:]]))


def test_a_lemma_and_its_converse_are_about_the_same() -> None:
    parts = certificate("induction")["parts"]
    certify({"parts": {"there": parts["layer inserted"], "back": parts["layer removed"]}})
    twice = [{**tiny()["criteria"][0], "criterion": name} for name in ("x is 0", "again")]
    proof = tiny()["proof"]
    other = tiny(criteria=twice, implied=["again"], proof=[*proof[:-1], {"impose": "again"}, *proof[1:]])
    with pytest.raises(Refused, match="not about the same"):
        certify({"parts": {"there": parts["layer inserted"], "back": other}})


def test_the_verifier_is_short_and_imports_only_fractions() -> None:
    source = Path(scalings.certificates.verifier.__file__).read_text(encoding="utf-8")
    imported = [
        node.module if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert imported == ["fractions", "typing"]
    assert len(source.splitlines()) < 200
