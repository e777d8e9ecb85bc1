"""What is derived for the ready-made networks of today is what the literature has, whatever their options.

Sources: Yang et al., arXiv 2203.03466, table 8 (maximal update parametrization under Adam, 1/d attention); Yang et al.,
arXiv 2310.17813 (Muon's rates, spectrally); Dey et al., arXiv 2505.01618 (branches of two layers and more: m^-1);
Małaśnicki et al., arXiv 2508.09752 (routed experts); Hayou et al., arXiv 2402.12354 (LoRA+).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import scalings
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import WIDTH, Dimension, fixed, routed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Embedding, Product, Softmax, Top

HALF = Fraction(1, 2)


def rich(network: Network, law: str = "adam", scale: str = "width") -> Parameterization:
    """The only member there is, or the richest."""
    found = scalings.derive(network, law, scale=scale, loss="cross-entropy")
    assert found.degrees_of_freedom == 0
    [piece] = found.polyhedra
    layers = tuple(layer.each(lambda exponent: exponent.at()) for layer in piece.layers)
    return Parameterization(layers, scales=tuple(exponent.at() for exponent in piece.scales))


def check_rich(network: Network, law: str = "adam") -> None:
    """Maximal update parametrization, by the fans of each weight."""
    rate = {"adam": -1, "muon+adamw": 0}[law]
    given = rich(network, law)
    for layer, exponents in zip(network.layers, given.layers, strict=True):
        wide_to_wide = layer.fan_in.grows and layer.fan_out.grows
        expected = (-HALF, rate) if wide_to_wide else (Fraction(-1), -1) if layer.fan_in.grows else (Fraction(0), 0)
        assert (exponents.init, exponents.lr) == expected, layer.name
    for node, scale in zip(network.multipliers, given.scales, strict=True):
        assert scale == (-1 if node.name.partition(".")[0] == "scores" else 0), node.name


def test_llama_is_in_maximal_update_parametrization() -> None:
    check_rich(scalings.llama())


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"groups": 2},
        {"groups": "1/4"},
        {"qk_norm": True},
        {"softcap": True},
        {"post_norm": True},
        {"gains": False},
        {"loops": 2},
    ],
)
@pytest.mark.parametrize("law", ["adam", "muon+adamw"])
def test_no_option_of_llama_moves_a_power(law: str, options: dict[str, Any]) -> None:
    check_rich(scalings.llama(**options), law)


@pytest.mark.slow
def test_all_options_together_move_none() -> None:
    check_rich(scalings.llama(groups=2, qk_norm=True, softcap=True, post_norm=True))


@pytest.mark.slow
@pytest.mark.parametrize("law", ["adam", "muon+adamw"])
@pytest.mark.parametrize(
    "build",
    [
        scalings.moe,
        lambda: scalings.moe(shared=1, router="sigmoid"),
        lambda: scalings.moe(top=1),
        scalings.vit,
        lambda: scalings.vit(class_token=False, qk_norm=True, gains=False),
    ],
)
def test_experts_and_images_are_in_maximal_update_parametrization(build: Callable[[], Network], law: str) -> None:
    """A router is a readout; patches, class token and positions are inputs."""
    check_rich(build(), law)


def test_a_wrong_router_is_refused() -> None:
    """One like a hidden layer, n^(-1/2), prefers experts ever more strongly once features move."""
    network = scalings.moe(2)
    members = [layer.name for layer in network.layers]
    hidden = {"query", "key", "value", "projection", "gate", "up", "down"}
    lr = [-1 if name in {*hidden, "router", "readout"} else 0 for name in members]
    scales = [-1, 0, 0]
    for router, stable in (("-1", True), ("-1/2", False)):
        init = [{"router": router, "readout": "-1"}.get(name, "-1/2" if name in hidden else "0") for name in members]
        given = Parameterization.of(multiplier=[0] * len(members), init=",".join(init), lr=lr, scales=scales)
        verdict = scalings.check(network, given, "adam", loss="cross-entropy")
        assert verdict.stable is stable
        wrong = {one.layer for one in verdict.findings if one.criterion.name == "stable scores" and not one.satisfied}
        assert ("router" in wrong) is not stable


def test_a_tied_readout_has_a_multiplier() -> None:
    network = scalings.llama(tied=True)
    assert dict(zip([node.name for node in network.multipliers], rich(network).scales, strict=True)) == {
        "scores": -1,
        "attention_scale": 0,
        "mlp_scale": 0,
        "logit_scale": -1,
    }


@pytest.mark.parametrize("build", [scalings.llama, lambda: scalings.moe(shared=1), scalings.vit])
def test_branches_of_two_layers_and_more_have_multipliers_of_one_over_depth(build: Callable[[], Network]) -> None:
    network = build()
    given = rich(network, scale="depth")
    assert all(layer.init == layer.lr == 0 for layer in given.layers)
    assert {node.name: scale for node, scale in zip(network.multipliers, given.scales, strict=True)} == {
        node.name: 0 if node.name == "scores" else -1 for node in network.multipliers
    }


@pytest.mark.parametrize("normalization", ["none", pytest.param("batch", marks=pytest.mark.slow)])
def test_a_residual_network_has_the_family_of_a_perceptron(normalization: Any) -> None:
    network = scalings.resnet(normalization=normalization)
    family = scalings.derive(network).family
    assert family is not None
    assert (family.low, family.high) == (0, HALF)
    for r in (family.low, family.high):
        for layer, exponents in zip(network.layers, family.member(r).layers, strict=True):
            expected = {"input": 2 * r, "hidden": 2 * r - 1, "output": -1}[layer.role]
            assert exponents.lr == expected, layer.name


def test_lora_plus() -> None:
    """On a base in maximal update parametrization; what else is open is its readout, and alpha / rank."""
    network = scalings.lora()
    assert [one.name for one in network.layers] == ["layer1", "layer2", "A2", "B2", "layer3"]
    [piece] = scalings.derive(network, "adam", given={"sigma_5": -1, "kappa_1": 0}).polyhedra
    frozen = MINUS_INFINITY
    assert [one.lr.at() for one in piece.layers] == [frozen, frozen, -1, 0, frozen]
    assert scalings.derive(network, "adam").degrees_of_freedom == 2


@pytest.mark.parametrize(("law", "rate"), [("adam", 0), ("muon+adamw", 0), ("sgd", 1)])
def test_of_experts_only_sgd_knows_the_number(law: str, rate: int) -> None:
    """Each sees a share 1/E of the examples: its gradient is that small, and nothing else is."""
    network = scalings.moe(router="sigmoid")
    given = rich(network, law, "experts")
    for layer, exponents in zip(network.layers, given.layers, strict=True):
        assert exponents.init in (0, None) or layer.start == "one"
        assert exponents.lr == (rate if layer.name in ("router", "gate", "up", "down") else 0), layer.name
    assert set(given.scales) == {0}


def experts(*, chosen: bool, shares: bool) -> Network:
    number = routed(4)
    choice = [Top("chosen", "weights", number, 2, shares)] if chosen else []
    return Network(
        (
            Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
            Dense("router", "embedding", "weight2", WIDTH, number),
            Softmax("weights", "router", number),
            *choice,
            Dense("up", "embedding", "weight3", WIDTH, number * WIDTH),
            Product("routed", "up", "chosen" if chosen else "weights", number * WIDTH),
            Dense("readout", "routed", "weight4", number * WIDTH, fixed(16)),
        )
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (experts(chosen=False, shares=False), "weights is a share of all experts; expected shares of those chosen"),
        (experts(chosen=True, shares=False), "weights is a share of all experts; expected shares of those chosen"),
        (
            Network(
                (
                    Embedding("embedding", INPUT, "weight1", fixed(16), WIDTH),
                    Dense("up", "embedding", "weight2", WIDTH, routed(4) * WIDTH),
                    Dense("readout", "up", "weight3", routed(4) * WIDTH, fixed(16)),
                )
            ),
            "readout adds up all experts; expected those that a choice has left",
        ),
    ],
)
def test_what_has_no_orders_in_the_number_of_experts_is_refused(network: Network, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        scalings.derive(network, "adam", scale="experts")
    assert scalings.derive(experts(chosen=True, shares=True), "adam", scale="experts").polyhedra


def test_a_choice_of_ever_more_units_has_no_orders() -> None:
    wide = Network(
        (
            Dense("layer", INPUT, "weight1", fixed(64), WIDTH),
            Top("top", "layer", Dimension(HALF, Fraction(1)), 2),
            Dense("readout", "top", "weight2", WIDTH, fixed(10)),
        )
    )
    with pytest.raises(ArgumentError, match="leaves the units of which top takes 2 as many, but got 'width'"):
        scalings.derive(wide)
