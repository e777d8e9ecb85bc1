"""`certify`, and the certificates that commands write."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scalings.certificates.statements import Statement, statement_to_json
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.serialization import network_to_text
from tests.scalings.command_line.running import run, run_json


@pytest.mark.parametrize(
    "command",
    [
        "derive --depth 2",
        "derive --depth 2 --without maximality",
        "check --preset standard",
        "check --preset ntp --depth 2 --richness 1/2",
    ],
)
def test_a_certificate_is_written_and_rechecked(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*command.split(), "--certificate", str(tmp_path / "certificate.json")]
    written, _, _ = run(capsys, *arguments)
    code, out, _ = run(capsys, "certify", str(tmp_path / "certificate.json"))
    assert (code, out.split()[0]) == (0, "valid")
    code, _, error = run(capsys, *arguments)
    assert (code, "exists" in error) == (2, True)
    assert run(capsys, *arguments, "--overwrite")[0] == written


def test_a_forged_certificate_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    forged = json.loads(file.read_text(encoding="utf-8"))
    forged["answer"]["A"]["solved"]["eta_1"]["r"] = "1"
    file.write_text(json.dumps(forged), encoding="utf-8")
    code, document = run_json(capsys, "certify", str(file))
    assert (code, document["valid"]) == (1, False)
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, out) == (1, f"refused: {document['reason']}\n")


def test_a_certificate_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, "written anew and compared" in out, "trained with sgd" in out) == (0, True, True)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["about"]["network"][0]["fan_in"]["size"] += 1
    file.write_text(json.dumps(document), encoding="utf-8")
    assert run(capsys, "certify", str(file))[:2] == (
        1,
        "refused: what the certificate is about cannot be used: its checksum is that of another one\n",
    )
    document["about"] = statement_to_json(Statement("family", Problem(mlp(2, "tanh"), optimizer("adam")), TUTORIAL))
    file.write_text(json.dumps(document), encoding="utf-8")
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, out.startswith("refused: 1 of the criteria that it is about are not asked")) == (1, True)


def test_without_sympy_nothing_is_said_of_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    monkeypatch.setitem(sys.modules, "symbolic.certificates.assembly", None)
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, out.split(":")[0], "sgd" in out) == (4, "not compared", False)
    code, document = run_json(capsys, "certify", str(file))
    assert (code, document) == (4, {"schema_version": 1, "valid": None, "reason": None})


def test_an_induction_is_over_layers_of_one_width(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lemma is about n units in each layer: it says nothing of n^2."""
    file = tmp_path / "wide.json"
    for order, expected in (("1", 0), ("2", 2)):
        hidden = network_to_text(mlp(2)).replace('"order": "1"', f'"order": "{order}"')
        file.write_text(hidden, encoding="utf-8")
        code, _, error = run(capsys, "derive", "--network", str(file), "--all-depths")
        assert (code, "the induction is over an mlp's layers" in error) == (expected, expected == 2)


GARBAGE = {
    "no JSON": "is not JSON",
    "[" * 100_000: "is nested too deeply",
    '{"about": {}, "about": {}}': "it has 'about' twice",
    '{"unknowns": NaN}': "it has NaN, which is no number",
    '{"about": {}, "unknowns": [%s]}' % ("9" * 5000): "is not JSON",
    "[]": "expected an object, but got []",
    "3": "expected an object, but got 3",
    "{}": "it has no about",
    '{"parts": {"one": 1}}': "one: expected an object, but got 1",
    '{"about": {}, "unknowns": "x"}': "unknowns: expected a list, but got 'x'",
    '{"about": {}, "unknowns": [], "program": [{"order": "x"}]}': "program 1 has no is",
    '{"about": {}, "unknowns": [], "program": [], "criteria": [], "answer": {}, "proof": [{"lemma": {"x": "1e9"}}]}': (
        "proof 1 lemma x: expected a number such as -1/2, but got '1e9'"
    ),
}


@pytest.mark.parametrize("text", GARBAGE, ids=[text[:40] for text in GARBAGE])
def test_a_file_that_is_no_certificate_is_unusable(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.json").write_text(text, encoding="utf-8")
    code, out, error = run(capsys, "certify", str(tmp_path / "text.json"))
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("scalings: --file: expected a certificate, but ")
    assert error.endswith(f"{GARBAGE[text]}\n")


def test_a_file_that_is_not_there_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "certify", str(tmp_path / "none.json"))[2].startswith("scalings: --file: cannot read")
