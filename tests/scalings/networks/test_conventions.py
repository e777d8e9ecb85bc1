"""What other programs make of a model, as exponents: what is right there passes, and what is not is named."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

import scalings
from scalings.errors import ArgumentError
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.conventions import from_abc, from_megatron, from_mup
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


def test_abc_is_the_literature() -> None:
    """Yang and Hu, arXiv 2011.14522, table 1, for a network with three matrices: the presets."""
    assert from_abc("0,0,0", "0,1/2,1/2").layers == preset("standard", 3).layers
    assert from_abc("0,1/2,1/2", "0,0,0").layers == preset("ntp", 3).layers
    assert from_abc("-1/2,0,1/2", "1/2,1/2,1/2").layers == preset("mup", 3).layers
    assert from_abc("0,1/2,1", "0,0,0", -1).layers == preset("mfp", 3).layers
    assert from_abc("0,0,0", "0,1/2,1", "-1,0,1").layers == preset("mup-lr", 3).layers


@pytest.mark.parametrize(
    ("param", "activity"), [("ntp", "0"), ("ntp-lr", "0"), ("mup", "1/2"), ("mup-lr", "1/2"), ("mfp", "1/2")]
)
def test_mupify_has_the_presets(param: str, activity: str) -> None:
    """By its own account: |dz| is the activity n^a; q is its square over the fan-in, but at the readout 1 / n; and

    - "-lr": no multiplier, the learning rate q and the scale sqrt(q) / n^a,
    - "mup": the multiplier sqrt(q), no learning rate of its own, and the scale n^(-a),
    - "ntp", "mfp": the multiplier sqrt(q) / n^a, the learning rate n^(2a), and the scale 1.
    """
    a = Fraction(activity)
    for layer, q in zip(preset(param, 3).layers, (2 * a, 2 * a - 1, Fraction(-1)), strict=True):
        expected = {
            "lr": (Fraction(0), q / 2 - a, q),
            "mup": (q / 2, -a, Fraction(0)),
            "ntp": (q / 2 - a, Fraction(0), 2 * a),
            "mfp": (q / 2 - a, Fraction(0), 2 * a),
        }[param.rpartition("-")[2]]
        assert (layer.multiplier, layer.init, layer.lr) == expected


def test_what_has_no_rule_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"law: expected sgd, adam or adamw, .* but got 'muon'"):
        from_mup("mlp", "muon")
    with pytest.raises(ArgumentError, match="network: expected weights that are used once, but weight_embed"):
        from_megatron(transformer(tied=True))
    with pytest.raises(ArgumentError, match="expected one exponent for each layer"):
        from_abc("0,0", "0,0,0")


def test_a_tied_transformer_is_one_that_shares_its_readout() -> None:
    assert from_mup(transformer()).depth == transformer().depth
