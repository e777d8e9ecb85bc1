"""The output is what the last operation gives, f, whatever comes behind the last layer with a weight."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from scalings.criteria.observables import Observable
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import WIDTH, fixed, times
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Bias, Dense, Elementwise, Node, Norm, Pool, Repeat, Scale, Sum
from symbolic.derivation.derive import derive
from symbolic.evaluation.check import check
from symbolic.evaluation.predict import predict
from tests import strategies

QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)
OUTPUTS = fixed(10)


def ending_in(*nodes: Node) -> Network:
    return Network((*mlp(3).nodes, *nodes))


SCALED = ending_in(Scale("final", "layer3"))


@pytest.mark.parametrize("name", ["sgd", "adam", "muon"])
def test_a_multiplier_at_the_end_is_a_gauge_of_the_readout(name: str) -> None:
    """(g, sigma, eta) -> (n^t g, n^-t sigma, n^(-t (1 + p - s)) eta), g in a node of its own."""
    law = optimizer(name)
    plain = strategies.family(mlp(3), law)
    scaled = derive(SCALED, law, given={"kappa_1": QUARTER}).family
    assert scaled is not None
    assert (scaled.low, scaled.high) == (plain.low, plain.high)
    assert scaled.layers[:-1] == plain.layers[:-1]
    shifted = plain.member(HALF).shifted([Fraction(0), Fraction(0), QUARTER], law).layers[-1]
    own = scaled.member(HALF).layers[-1]
    assert (own.init, own.lr) == (shifted.init, shifted.lr)
    assert derive(SCALED, law).degrees_of_freedom == 2, "the richness, and the gauge"


@settings(max_examples=20, phases=[Phase.generate])
@given(strategies.parameterizations(3), st.sampled_from([Fraction(-1, 2), QUARTER, Fraction(1)]))
def test_verdicts_are_those_of_the_gauge(given_: Parameterization, t: Fraction) -> None:
    law = optimizer("sgd")
    (*others, readout) = given_.shifted([Fraction(0), Fraction(0), t], law).layers
    layers = (*others, replace(readout, multiplier=readout.multiplier - t))
    before, after = check(mlp(3), given_), check(SCALED, Parameterization(layers, scales=(t,)))
    assert (before.regime, before.richness) == (after.regime, after.richness)
    assert before.meets(*TUTORIAL) == after.meets(*TUTORIAL)
    unmoved = check(SCALED, Parameterization(given_.layers, scales=(t,)))
    assert not (before.meets(*TUTORIAL) and unmoved.meets(*TUTORIAL)), "without the gauge it is another one"


@pytest.mark.parametrize(
    "network",
    [
        ending_in(Pool("mean", "layer3")),
        ending_in(Elementwise("squash", "layer3", "tanh")),
        ending_in(Bias("b", "layer3", "offset", OUTPUTS), Pool("mean", "b")),
        Network((*mlp(3).nodes, Dense("other", "activation2", "w", WIDTH, OUTPUTS), Sum("f", ("layer3", "other")))),
    ],
    ids=["pool", "tanh", "bias and pool", "sum"],
)
def test_other_ends_keep_the_family(network: Network) -> None:
    """A sum of two readouts leaves a second freedom: the one that starts smaller may do so by as much as it likes."""
    plain = strategies.family(mlp(3)).member(HALF).layers
    derivation = derive(network)
    if isinstance(network.output, Sum):
        point = {f"eta_{n}": layer.lr for n, layer in enumerate(plain, start=1)}
        point |= {f"sigma_{n}": layer.init for n, layer in enumerate(plain, start=1)}
        point |= {"eta_4": point["eta_3"], "sigma_4": point["sigma_3"]}
        assert all(strategies.contains(polyhedron, point) for polyhedron in derivation.polyhedra)
        assert not any(
            strategies.contains(polyhedron, point | {"eta_4": Fraction(0)}) for polyhedron in derivation.polyhedra
        )
    else:
        assert derivation.family is not None
        assert derivation.family.member(HALF).layers[:3] == plain


def test_a_norm_at_the_end_makes_the_readouts_size_a_gauge() -> None:
    (polyhedron,) = derive(ending_in(Norm("final", "layer3"))).polyhedra
    assert polyhedron.dimension == 1
    assert "eta_3 - 2*sigma_3" in polyhedron.equations, (
        "steps go with the square of the size, as of any scale-invariant weight"
    )


def test_the_output_is_observed() -> None:
    scaled = Parameterization(preset("mup-lr", 3).layers, scales=(Fraction(-1),))
    orders = predict(SCALED, scaled)
    assert orders[Observable("z", "final", 0)] == orders[Observable("z", "layer3", 0)] - 1
    assert orders[Observable("dz", "final", 1)] == orders[Observable("dz", "layer3", 1)] - 1 == -2
    assert check(SCALED, scaled).regime == "trivial"


def test_a_narrow_hidden_layer_is_not_an_output() -> None:
    """Ten units between two wide layers: hidden, so that their entries are asked to be of size 1 too."""
    network = Network(
        (
            Dense("wide", INPUT, "w1", fixed(64), WIDTH),
            Elementwise("phi1", "wide", "tanh"),
            Dense("narrow", "phi1", "w2", WIDTH, fixed(10)),
            Elementwise("phi2", "narrow", "tanh"),
            Dense("readout", "phi2", "w3", fixed(10), OUTPUTS),
        )
    )
    parts = {one.name: one.part for one in network.representations}
    assert parts == {"wide": "hidden", "narrow": "hidden", "readout": "output"}
    (polyhedron,) = derive(network).polyhedra
    assert {"sigma_2 + 1/2", "eta_2 + 1", "eta_3", "eta_1"} <= set(polyhedron.equations), "r = 0: it moves as a whole"


def test_a_network_without_a_readout_is_refused() -> None:
    stream = Repeat("block", "e", (Dense("w", "block", "v", WIDTH, WIDTH), Sum("s", ("block", "w"))), times(2))
    network = Network((Dense("e", INPUT, "u", fixed(4), WIDTH), stream))
    with pytest.raises(
        ArgumentError, match="network: expected an output of a fixed size, but block grows; a readout is"
    ):
        derive(network)
