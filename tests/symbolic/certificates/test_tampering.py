"""Certificates that were changed are refused, whichever number it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalings.certificates.verifier import Refused, certify
from scalings.studies.rechecking import recheck
from tests.symbolic.certificates.written import WRITERS, certificate


@cache
def places(name: str) -> list[tuple[Any, ...]]:
    return list(numbers(certificate(name)))


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


@contextmanager
def changed(document: Any, path: tuple[Any, ...], by: Fraction) -> Iterator[bool]:
    """The document with one number changed in place; whether that made a difference."""
    *way, last = path
    renamed = bool(way) and way[-1] == "key of"
    node = document
    for key in way[:-1] if renamed else way:
        node = node[key]
    before = node[last]
    if renamed:
        other = str(int(last) + int(by))
        after = node.get(other)
        node[other] = node.pop(last)
        if after is not None:
            node[last] = after
        yield other != last and before != after
        node[last] = before
        if after is None:
            node.pop(other)
        else:
            node[other] = after
    else:
        node[last] = before + int(by) if isinstance(before, int) else str(Fraction(before) + by)
        yield node[last] != before
        node[last] = before


def is_refused(document: Any, path: tuple[Any, ...]) -> bool:
    """By the verifier alone; what a certificate is about also by writing its program again."""
    if "about" in path:
        return recheck(document).refusal is not None
    try:
        certify(document)
    except Refused:
        return True
    return False


@settings(max_examples=60)
@given(name=st.sampled_from(list(WRITERS)), data=st.data())
def test_a_certificate_with_one_number_changed_is_refused(name: str, data: Any) -> None:
    document = certificate(name)
    by = data.draw(st.sampled_from([Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2), Fraction(3)]))
    path = data.draw(st.sampled_from(places(name)))
    with changed(document, path, by) as other:
        assert is_refused(document, path) or not other


@pytest.mark.parametrize("name", ["contradiction", "zero readout", "refused at once"])
def test_every_number_of_a_small_certificate_matters(name: str) -> None:
    document = certificate(name)
    for path in places(name):
        with changed(document, path, Fraction(1)) as other:
            assert is_refused(document, path) or not other, path
    assert len(places(name)) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["growing", "given", "depth", "wished and met", "weight decay"])
def test_every_number_of_a_certificate_matters(name: str) -> None:
    document = certificate(name)
    for path in places(name):
        with changed(document, path, Fraction(1)) as other:
            assert is_refused(document, path) or not other, path


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
    polyhedron = document["answer"]["A"]
    for key in ("inequalities", "points"):
        polyhedron[key].pop()
    for point in polyhedron["points"]:
        point["distances"].pop()
    end = document["proof"][-1]
    end["within"].pop()
    with pytest.raises(Refused):
        certify(document)
