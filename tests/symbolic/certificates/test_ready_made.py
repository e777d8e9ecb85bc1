"""Certificates of the ready-made networks of today: accepted as they are, refused with any number changed."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

import pytest

from scalings.certificates.verifier import certify
from scalings.criteria.problem import Problem
from scalings.networks.architectures import NETWORKS
from symbolic.certificates.writing import derivation_certificate
from tests.symbolic.certificates.test_tampering import changed, is_refused, numbers


@cache
def certificate(name: str) -> Any:
    return json.loads(json.dumps(derivation_certificate(Problem.of(NETWORKS[name](), "adam"))))


def check_tampering(name: str, times: int) -> None:
    document, random = certificate(name), Random(name)
    certify(document)
    for path in random.sample(list(numbers(document)), times):
        by = random.choice([Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2), Fraction(3)])
        with changed(document, path, by) as other:
            assert is_refused(document, path) or not other, path


def test_a_changed_number_of_lora_is_refused() -> None:
    check_tampering("lora", 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama", "moe", "vit", "resnet", "lora"])
def test_a_changed_number_of_any_is_refused(name: str) -> None:
    check_tampering(name, 40)
