"""Families of networks with modern parts, their certificates, and forgeries of these."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from scalings.certificates.verifier import Refused, certify
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.decoders import llama
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Product
from symbolic.certificates.writing import derivation_certificate
from symbolic.derivation.derive import derive
from symbolic.orders import unknown_orders
from tests import strategies
from tests.literature.disputes import NARROW
from tests.literature.transformers import LARGE, MANY, expert_number, expert_size
from tests.modern_parts import autoencoder, experts, hidden, looped, modulated, post_norm, qk_norm, scan, swiglu

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


@pytest.mark.parametrize(
    ("network", "scale", "given"),
    [(MANY, "members", expert_number("0")), (LARGE, "expert-size", expert_size("-1"))],
    ids=["number", "size"],
)
def test_experts_that_are_averaged_start_small(network: Network, scale: str, given: Parameterization) -> None:
    """Under the tutorial's criteria there is no answer; where units may start small there are the published rates
    (Jiang et al., arXiv 2601.20205, Table 1), and no others for experts and readout."""
    conflict = derive(network, "adam", scale=scale).conflict
    assert conflict is not None
    assert conflict.met == "spectral"
    (piece,) = derive(network, "adam", "spectral", scale=scale).polyhedra
    values = {name: one for name, one in given.by_name(0).items() if isinstance(one, Fraction)}
    assert strategies.contains(piece, values)
    for number in (1, 3, 4, 5):
        for by in (HALF / 2, -HALF / 2):
            assert not strategies.contains(piece, values | {f"eta_{number}": values[f"eta_{number}"] + by})


@pytest.mark.parametrize("law", ["adam", "muon-spectral"])
def test_narrow_layers_have_the_spectral_condition(law: str) -> None:
    """Init scales of at most sqrt(fan_out) / fan_in there, and 1 / sqrt(fan_in) elsewhere; rates 1 / fan_in by Adam,
    and 1 by spectral steps sqrt(fan_out / fan_in) (Yang, Simon and Bernstein, arXiv 2310.17813, Condition 1)."""
    (piece,) = derive(NARROW, law, "spectral").polyhedra
    sigmas = {"sigma_1": 0, "sigma_2": -3 * HALF / 2, "sigma_3": -HALF / 2, "sigma_4": -1}
    etas = {"adam": (0, -1, -HALF, -1), "muon-spectral": (0, 0, 0, 0)}[law]
    values = {name: Fraction(value) for name, value in sigmas.items()}
    values |= {f"eta_{number}": Fraction(value) for number, value in enumerate(etas, start=1)}
    assert strategies.contains(piece, values)
    for name in sigmas:
        assert strategies.contains(piece, values | {name: values[name] - HALF})
    for name in values:
        assert not strategies.contains(piece, values | {name: values[name] + HALF / 2}), name
    assert derive(NARROW, law).contradiction


def test_heads_that_ever_more_queries_share_start_small() -> None:
    """Values of a fixed number of units that read n start at 1/n; with the usual n^(-1/2) they explode."""
    network = llama(grows="heads", groups=2)
    (piece,) = derive(network, "adam", "spectral", loss="cross-entropy").polyhedra
    names = [layer.name for layer in network.layers]
    found = {name: (str(one.init), str(one.lr)) for name, one in zip(names, piece.layers, strict=True)}
    assert found["value"] == ("-1", "-1")
    assert found["query"] == found["projection"] == found["up"] == ("-1/2", "-1")


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_selective_scans_are_derived(steps: int) -> None:
    """However many steps of time terms multiply over. What drives and reads the states has at most a readout's start
    and rate, as measured (tests/agreement): maximal updates, which the tutorial's answer contains."""
    network = scan(steps)
    (piece,) = derive(network, "adam", "spectral").polyhedra
    names = [layer.name for layer in network.layers]
    known = {"first": (0, 0), "dt": (-HALF, -1)}
    values: dict[str, Fraction] = {}
    for number, name in enumerate(names, start=1):
        init, rate = known.get(name, (-1, -1))
        values |= {f"sigma_{number}": Fraction(init), f"eta_{number}": Fraction(rate)}
    assert strategies.contains(piece, values)
    for name in ("b", "c", "dt"):
        rate = f"eta_{names.index(name) + 1}"
        assert not strategies.contains(piece, values | {rate: values[rate] + HALF})
    assert not strategies.contains(piece, values | {f"sigma_{names.index('b') + 1}": -HALF})
    (tutorials,) = derive(network, "adam").polyhedra
    assert tutorials.ends == (HALF, HALF), "step sizes always move by order 1"
    assert strategies.contains(tutorials, values)
    assert not strategies.contains(tutorials, values | {"eta_2": -HALF})


def test_what_is_in_front_of_a_gate_of_one_unit_is_asked_when_both_have_moved() -> None:
    """Back through the gate comes a sum of random signs, and back through what it multiplies something small."""
    gated = Network(
        (
            Dense("first", "input", "w_first", fixed(8), WIDTH),
            Dense("gate", "first", "w_gate", WIDTH, fixed(1)),
            hidden("value", "first"),
            Product("product", "value", "gate", WIDTH),
            hidden("head", "product", fixed(3)),
        )
    )
    assert gated.late == {"first", "gate", "value", "head"}
    mup = {"first": (0, 0), "gate": (-1, -1), "value": (-HALF, -1), "head": (-1, -1)}
    values: dict[str, Fraction] = {}
    for number, (init, rate) in enumerate((mup[layer.name] for layer in gated.layers), start=1):
        values |= {f"sigma_{number}": Fraction(init), f"eta_{number}": Fraction(rate)}
    pieces = derive(gated, "adam").polyhedra
    assert any(strategies.contains(piece, values) for piece in pieces)
    assert not any(strategies.contains(piece, values | {"eta_3": -HALF}) for piece in pieces)


MAXIMAL = {"first": (0, 0), "latent": (-1, -1), "back": (0, 0), "readout": (-1, -1)}
FULL_LATENT = {"first": (0, -HALF), "latent": (-HALF, -1), "back": (0, 0), "readout": (-1, -1)}


@pytest.mark.parametrize(
    ("criteria", "meant", "other"), [("spectral", MAXIMAL, FULL_LATENT), ("tutorial", FULL_LATENT, MAXIMAL)]
)
def test_layers_behind_a_bottleneck(
    criteria: str, meant: dict[str, tuple[Fraction, Fraction]], other: dict[str, tuple[Fraction, Fraction]]
) -> None:
    """All behind the latent of an autoencoder starts as small as it does, and is open until it has moved. From size 1
    it explodes unless what is in front of it is lazy; maximal updates start it as small as an output."""
    network = autoencoder()

    def of(kinds: dict[str, tuple[Fraction, Fraction]]) -> dict[str, Fraction]:
        init, rate = zip(*(kinds.get(layer.name, (-HALF, -1)) for layer in network.layers), strict=True)
        given = Parameterization.of(multiplier=[0] * len(init), init=init, lr=rate)
        return {name: one for name, one in given.by_name(0).items() if isinstance(one, Fraction)}

    (piece,) = derive(network, "adam", criteria).polyhedra
    assert strategies.contains(piece, of(meant))
    assert not strategies.contains(piece, of(other))
    for name, exponent in of(meant).items():
        assert not strategies.contains(piece, of(meant) | {name: exponent + HALF})


def test_what_is_too_open_is_refused_where_others_say_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the bottleneck above they do."""
    monkeypatch.setattr(unknown_orders, "MOST_TERMS", 3)
    with pytest.raises(ArgumentError, match="criteria: these leave so much open that over"):
        derive("transformer", "adam", "spectral")
