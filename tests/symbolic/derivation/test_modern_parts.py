"""Families of networks with modern parts, their certificates, and forgeries of these."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from scalings.certificates.verifier import Refused, certify
from scalings.criteria.problem import Problem
from scalings.networks.network import Network
from symbolic.certificates.writing import derivation_certificate
from symbolic.derivation.derive import derive
from tests.modern_parts import experts, looped, modulated, post_norm, qk_norm, swiglu

pytestmark = pytest.mark.slow
HALF = Fraction(1, 2)
FAMILIES = {"swiglu": swiglu(), "adaLN": modulated(), "post-norm": post_norm(), "looped": looped()}
RICH_ENDS = {"qk-norm": qk_norm(), "experts": experts()}


@pytest.mark.parametrize("network", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_what_has_the_family_of_perceptrons(network: Network, law: str) -> None:
    """Products, loops and norms behind sums leave the richness free, from the lazy to the rich end."""
    family = derive(network, law).family
    assert family is not None
    assert (family.low, family.high) == (0, HALF)
    by_role: dict[str, set[tuple[str, str]]] = {"input": set(), "hidden": set(), "output": set()}
    for node, layer in zip(network.layers, family.layers, strict=True):
        by_role[node.role].add((str(layer.init), str(layer.lr)))
    rates = {"sgd": ("2*r", "2*r - 1", "-1"), "adam": ("r - 1/2", "r - 3/2", "-1")}[law]
    inits = ("0", "-1/2", "-r - 1/2")
    assert list(by_role.values()) == [{pair} for pair in zip(inits, rates, strict=True)]


@pytest.mark.parametrize("network", RICH_ENDS.values(), ids=RICH_ENDS)
def test_what_has_the_rich_end_alone(network: Network) -> None:
    """Where queries and keys, or routers, are to align, features are learned; nothing is lazy."""
    (piece,) = derive(network, "adam").polyhedra
    assert piece.ends == (HALF, HALF)


@pytest.mark.parametrize("network", [*FAMILIES.values(), *RICH_ENDS.values()], ids=[*FAMILIES, *RICH_ENDS])
def test_certificates_are_accepted_and_forgeries_are_not(network: Network) -> None:
    """Any one number of the answer, changed."""
    certificate = derivation_certificate(Problem.of(network, "adam"))
    certify(certificate)
    text = json.dumps(certificate)
    places = [place for place in range(len(text)) if text.startswith('"-1/2"', place)]
    for place in random.Random(0).sample(places, 3):
        forged = json.loads(f'{text[:place]}"-1/4"{text[place + 6 :]}')
        with pytest.raises(Refused):
            certify(forged)
