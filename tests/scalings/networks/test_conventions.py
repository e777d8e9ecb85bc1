"""What other programs make of a model, as exponents: what is right there passes, and what is not is named."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import get_args

import pytest

import scalings
from scalings.errors import ArgumentError
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.conventions import Mupified, from_abc, from_megatron, from_mup, from_mupify
from scalings.networks.network import Network
from scalings.results.checks import Repair

NETWORKS: dict[str, Callable[[], Network]] = {
    "mlp": lambda: mlp(3, biases=True),
    "cnn": lambda: cnn(3),
    "resmlp": lambda: resmlp(norm=True),
    "transformer": lambda: transformer(gains=True),
}


@pytest.mark.parametrize("law", ["sgd", "adam"])
@pytest.mark.parametrize("network", NETWORKS)
def test_mup_is_rich(network: str, law: str) -> None:
    built = NETWORKS[network]()
    found = scalings.check(built, from_mup(built, law), law)
    assert (found.regime, found.richness) == ("rich", Fraction(1, 2)), found.reasons()


def test_mup_is_not_rich_under_another_law() -> None:
    assert scalings.check(mlp(3), from_mup(mlp(3), "adam"), "sgd").regime != "rich"
    assert scalings.check(mlp(3), from_mup(mlp(3), "sgd"), "adam").regime != "rich"


def test_mup_decays_as_it_learns_less() -> None:
    assert [str(layer.decay) for layer in from_mup(mlp(3), "adamw").layers] == ["0", "1", "0"]


def test_megatrons_output_layer_has_the_rate_of_a_matrix() -> None:
    """Multiplied by n^(-1) as well, it learns less than what it reads, and the repair is mup."""
    network = transformer()
    found = scalings.check(network, from_megatron(network, "adam"), "adam")
    named = {one.layer for one in found.findings if not one.satisfied and one.criterion.name == "maximality"}
    mended = scalings.repair(network, from_megatron(network, "adam"), "adam")
    assert named == {"readout"}
    assert isinstance(mended, Repair)
    assert mended.changes == (("readout", "lr", Fraction(-1), Fraction(0)),)
    assert mended.parameterization.layers == from_mup(network, "adam").layers


def test_megatron_leaves_matrices_to_muon() -> None:
    network = transformer()
    given = from_megatron(network, "muon+adamw")
    by_name = dict(zip([layer.name for layer in network.layers], given.layers, strict=True))
    assert [by_name[name].lr for name in ("embedding", "query", "up", "readout")] == [0, 0, 0, -1]
    assert scalings.check(network, given, "muon+adamw").regime == "rich"
    with pytest.raises(
        ArgumentError, match=r"law: expected sgd, adam or adamw, or muon of hidden matrices, .* got 'muon'"
    ):
        from_megatron(network, "muon")


def test_abc_is_the_literature() -> None:
    """Yang and Hu, arXiv 2011.14522, table 1, for a network with three matrices: the presets."""
    assert from_abc("0,0,0", "0,1/2,1/2").layers == preset("standard", 3).layers
    assert from_abc("0,1/2,1/2", "0,0,0").layers == preset("ntp", 3).layers
    assert from_abc("-1/2,0,1/2", "1/2,1/2,1/2").layers == preset("mup", 3).layers
    assert from_abc("0,1/2,1", "0,0,0", -1).layers == preset("mfp", 3).layers
    assert from_abc("0,0,0", "0,1/2,1", "-1,0,1").layers == preset("mup-lr", 3).layers


MUPIFIED: tuple[Mupified, ...] = get_args(Mupified)


@pytest.mark.parametrize("param", MUPIFIED)
def test_mupify_has_the_presets_and_its_own_invariants(param: Mupified) -> None:
    """Of a perceptron. Its code asserts of each layer that (n^a scale)^2 = lr and (g scale n^a)^2 = q; and |dz| ~ n^a,
    the richness that is derived."""
    given, rich = from_mupify(mlp(3), param), Fraction(not param.startswith("ntp"), 2)
    assert given.layers == preset(param, 3).layers
    for layer, q in zip(given.layers, (2 * rich, 2 * rich - 1, Fraction(-1)), strict=True):
        assert 2 * (rich + layer.init) == layer.lr
        assert 2 * (layer.multiplier + layer.init + rich) == q
    for network in (mlp(3), cnn(3), resmlp()):
        assert scalings.check(network, from_mupify(network, param), "sgd").richness == rich


def test_mupify_is_for_sgd_and_for_plain_layers() -> None:
    assert scalings.check(mlp(3), from_mupify(mlp(3), "mup"), "adam").regime == "unstable"
    with pytest.raises(ArgumentError, match="network: expected dense layers and convolutions, but embedding is a embe"):
        from_mupify(transformer())
    with pytest.raises(ArgumentError, match="param: did you mean mup"):
        from_mupify("mlp", "mupp")  # type: ignore[arg-type]


def test_what_has_no_rule_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"law: expected sgd, adam or adamw, .* but got 'muon'"):
        from_mup("mlp", "muon")
    with pytest.raises(ArgumentError, match="network: expected weights that are used once, but weight_embed"):
        from_megatron(transformer(tied=True))
    with pytest.raises(ArgumentError, match="expected one exponent for each layer"):
        from_abc("0,0", "0,0,0")


def test_a_tied_transformer_is_one_that_shares_its_readout() -> None:
    assert from_mup(transformer()).depth == transformer().depth
