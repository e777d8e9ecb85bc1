"""A fuzzer of certificates, over structure as well as numbers: 2,000 files in each CI run.

A changed file may be accepted, if the change is none of what it proves: a lemma more, bounds in another order. Then it
must prove what it did, of what it was about, or, if that was changed, what is true of it: derived anew, by other code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scalings.certificates.conclusions import Part
from scalings.certificates.files import read_certificate
from scalings.certificates.monomials import Run
from scalings.certificates.schema import CERTIFICATE, CERTIFICATES, fault
from scalings.certificates.verifier import Proved
from scalings.errors import ArgumentError
from scalings.studies.rechecking import Recheck, recheck
from symbolic.certificates.assembly import assemble, spell_out, transcribe
from symbolic.derivation.derive import derivation_of
from tests.symbolic.certificates.mutations import KINDS, NotThere, mutated
from tests.symbolic.certificates.test_forgeries import in_time, printed
from tests.symbolic.certificates.written import certificate

ANY = {"whatever": Fraction(0)}
"""An order that is not zero, to which what should be of some order and is zero is compared."""
FILES, BATCHES, FAST = 2000, 20, 4
"""A CI run takes all batches, the fast suite a few."""
SMALL = [
    *("lars", "weight decay", "given", "stability", "contradiction", "refused", "refused at once", "accepted"),
    *("zero readout", "growing", "wished and met", "wished and repaired", "forbidden", "adam, tanh", "biases"),
]


def rechecked(document: Any) -> Recheck:
    """What `certify` finds in a file with this content."""
    several = isinstance(document, dict) and "parts" in document
    try:
        found = fault(document, CERTIFICATES if several else CERTIFICATE)
    except RecursionError:
        found = "it is nested too deeply"
    return Recheck(refusal=found) if found else recheck(document)


def answer(proved: Proved) -> Any:
    """What is proved, whatever the order in which it is said."""
    pieces = {(frozenset(s), frozenset(frozenset(b.items()) for b in bounds)) for s, bounds in proved.pieces}
    solved = {frozenset((name, frozenset(form.items())) for name, form in s.items()) for s, _ in proved.pieces}
    return pieces, solved, proved.implied if proved.pieces else None


def is_true(part: Part) -> bool:
    """Whether what is proved of a statement is so, by code that writes no proofs."""
    statement, found = part.statement, sorted(len(part.proved.unknowns) - len(s) for s, _ in part.proved.pieces)
    if statement.kind in ("derivation", "family"):
        try:
            derived = derivation_of(statement.problem, statement.criteria, given=dict(statement.given))
        except ArgumentError:  # criteria that contradict each other, among many that leave too much open to derive
            return not found
        return derived.degrees_of_freedom == max(found, default=None)
    if statement.kind in ("parameterization", "growth"):
        whole = assemble(statement, transcribe(statement))
        run = Run(spell_out(whole)["program"], {**dict(statement.given), **ANY})
        sides = [(run.value(one.left), one.sign, run.value(one.right)) for one in whole.relations]
        holds = all(a is not None and b is not None and (a == b if sign == "~" else a <= b) for a, sign, b in sides)
        return holds == bool(part.proved.pieces)
    return False  # a lemma's statement has nothing that could be changed


def check(document: Any, before: Mapping[str, Part], checked: Recheck) -> None:
    assert document is not None
    assert {*checked.parts} == {*before}
    for name, part in checked.parts.items():
        if part.statement == before[name].statement:
            assert answer(part.proved) == answer(before[name].proved)
        else:
            assert is_true(part)
    report = printed(checked)
    assert report.isascii()
    assert all(line.isprintable() for line in report.split("\n"))
    assert report.split("\n").count("valid") == 1


def fuzz(seed: int, files: int, names: list[str]) -> int:
    """How many changed files are accepted, all of which prove what is true."""
    random, accepted = Random(seed), 0
    for _ in range(files):
        document = certificate(random.choice(names))
        changed, kinds = mutated(document, random)
        with in_time(20):
            checked = rechecked(changed)
        if checked.refusal is None:
            accepted += changed != document
            try:
                check(changed, recheck(document).parts, checked)
            except AssertionError as error:
                raise AssertionError(f"accepted after: {', '.join(kinds)}") from error
    return accepted


@pytest.mark.parametrize(
    "seed", [seed if seed < FAST else pytest.param(seed, marks=pytest.mark.slow) for seed in range(BATCHES)]
)
def test_no_changed_file_proves_what_is_false(seed: int) -> None:
    fuzz(seed, FILES // BATCHES, SMALL)


def test_nor_does_a_changed_induction() -> None:
    fuzz(0, 20, ["induction"])


def test_the_fuzzer_would_see_a_false_one() -> None:
    """A harmless change is accepted and passes; the same file beside another answer does not."""
    document = certificate("stability")
    before = recheck(document).parts
    other = recheck(certificate("lars"))
    check(document, before, recheck(document))
    with pytest.raises(AssertionError):
        check(document, before, Recheck({"": Part(before[""].statement, other.parts[""].proved)}, other.programs))


def test_every_kind_of_tampering_happens() -> None:
    assert len(KINDS) >= 22
    for name, change in KINDS.items():
        random, happened = Random(name), False
        for source in (*SMALL, "induction"):
            document = json.loads(json.dumps(certificate(source)))
            try:
                change(document, random)
            except NotThere:
                continue
            happened |= document != certificate(source)
        assert happened, name


def test_files_with_bytes_that_were_changed(tmp_path: Path) -> None:
    random, path = Random(0), tmp_path / "c.json"
    content = json.dumps(certificate("contradiction")).encode()
    before, messages = recheck(certificate("contradiction")), set[str]()
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(random.choice([1, 1, 5])):
            place = random.randrange(len(changed))
            if random.random() < 0.5:
                changed[place] = random.randrange(256)
            else:
                del changed[place : place + random.randrange(50)]
        path.write_bytes(changed)
        try:
            checked = recheck(read_certificate(path))
        except ArgumentError as error:
            messages.add(error.message)
            continue
        assert checked.refusal or checked.parts == before.parts
    assert messages
    assert all(message.isascii() for message in messages)
