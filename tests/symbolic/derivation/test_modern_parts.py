"""Families of networks with modern parts, their certificates, and forgeries of these."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from scalings.certificates.verifier import Refused, certify
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import SIGNAL_PROPAGATION, TUTORIAL, USEFUL_REPEATED_UPDATE, USEFUL_UPDATE
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.network import Network
from symbolic.certificates.writing import derivation_certificate
from symbolic.derivation.derive import derive
from tests import strategies
from tests.literature.transformers import LARGE, MANY, expert_number, expert_size
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


SMALL = parse_criterion("small signals: z <= units^(1/2) at hidden initially")
MOVING = parse_criterion("moving features: dz ~ units^(1/2) at hidden after updates")
_REPLACED = (SIGNAL_PROPAGATION, USEFUL_UPDATE, USEFUL_REPEATED_UPDATE)
SPECTRAL = (SMALL, MOVING, *(one for one in TUTORIAL if one not in _REPLACED))
"""Features move by order 1, and need not start so large (arXiv 2310.17813, Desideratum 1)."""


@pytest.mark.parametrize(
    ("network", "scale", "given"),
    [(MANY, "experts", expert_number("0")), (LARGE, "expert-size", expert_size("-1"))],
    ids=["number", "size"],
)
def test_experts_that_are_averaged_start_small(network: Network, scale: str, given: Parameterization) -> None:
    """Under the tutorial's criteria there is no answer; without those of a signal's size there are the published rates
    (Jiang et al., arXiv 2601.20205, Table 1), and no others for experts and readout."""
    assert derive(network, "adam", scale=scale).contradiction
    (piece,) = derive(network, "adam", SPECTRAL, scale=scale).polyhedra
    values = {name: one for name, one in given.by_name(0).items() if isinstance(one, Fraction)}
    assert strategies.contains(piece, values)
    for number in (1, 3, 4, 5):
        for by in (HALF / 2, -HALF / 2):
            assert not strategies.contains(piece, values | {f"eta_{number}": values[f"eta_{number}"] + by})
