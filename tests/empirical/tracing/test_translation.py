"""Traced modules as networks of nodes: every model of the zoo, and small ones with the nodes that they must give."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from empirical.tracing.trace import trace
from scalings.errors import ArgumentError
from scalings.networks.network import Network
from scalings.networks.nodes import Repeat
from scalings.reports.derivations import limits_of
from scalings.results.checks import Repair
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.values import growing
from tests.empirical.tracing.modules_to_translate import (
    GPT,
    LowRank,
    OneHead,
    Perceptron,
    convolutional,
    of_function,
    residual,
    traced,
    words,
)
from tests.empirical.tracing.test_zoo import EVERY, model_of
from tests.empirical.tracing.zoo import IDS, ZOO, classes, points
from tests.empirical.tracing.zoo_of_blocks import NanoGPT

UNKNOWN = {"autograd.Function": ("_Quantized",)}
UNUSED = {"control flow": ("other.weight", "other.bias"), "DiT": ("position",)}
"""Nothing reads the one; the other holds zeros for ever."""
OF_CLASSES = {"nanoGPT", "experts", "einsum", "tied weights", "GPT-2", "Llama", "BERT", "Mixtral", "Mamba"}
DEEP = {"nanoGPT", "Llama", "Mixtral", "Mamba", "ViT of timm", "ViT of torchvision", "ConvNeXt"}
"""Whose blocks end in a residual stream and read nothing else."""


@EVERY
def test_every_model_of_the_zoo_is_translated(name: str) -> None:
    """With all its parameters, and with nodes that have as many units as the values that they stand for."""
    model = model_of(name)
    network = trace(model.build, model.data, model.widths, model.loss)
    translation = network.translation
    assert translation.unknown == UNKNOWN.get(name, ())
    assert translation.unused == UNUSED.get(name, ())
    assert translation.loss == ("cross-entropy" if name in OF_CLASSES else "mse")
    assert ("depth" in translation.network.scales) == (name in DEEP)
    named = {one for names in translation.weights.values() for one in names}
    every = {one for parameter in network.tape.parameters for one in network.names_of(parameter)}
    assert named | set(translation.unused) == every
    assert {node.weight for node in translation.network.layers} == translation.weights.keys()
    for node, value in translation.values.items():
        shape = network.tape.values[value].shape
        assert translation.network.units[node].order == growing(shape).order, (node, shape)
    assert growing(network.tape.values[translation.output].shape).order == 0


def test_the_report_says_what_is_not_known() -> None:
    unknown = of_function(torch.special.i0)
    assert "Theory has no rule for special_i0: taken for functions of each entry, as large as measured" in str(unknown)
    growing_output = traced(lambda width: Wrong(width, lambda h: h))
    assert "No orders are known of it: expected an output of a fixed size, but first.bias gives" in str(growing_output)
    assert "known" not in str(traced(Perceptron))


def test_nothing_is_offered_that_modules_cannot_do() -> None:
    """`measure --long` trains networks of nodes, not modules."""
    found = [" ".join(limits_of(scalings.derive(one))) for one in (traced(Perceptron), scalings.mlp(3))]
    assert [("--alpha assumes less" in one, "measure --long" in one) for one in found] == [(True, False), (True, True)]


@pytest.mark.parametrize("law", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("build", "data", "ready_made"),
    [(Perceptron, points(4, 6), scalings.mlp(3)), (convolutional, points(2, 3, 8, 8), scalings.cnn(3))],
)
def test_families_of_ready_made_networks(
    build: Callable[[int], nn.Module], data: Tensor, ready_made: Network, law: str
) -> None:
    found, expected = (scalings.derive(one, law).family for one in (traced(build, data), ready_made))
    assert found is not None
    assert expected is not None
    assert (found.layers, found.low, found.high) == (expected.layers, expected.low, expected.high)


def exponents(network: Any, law: str, richness: Fraction) -> dict[str, tuple[str, str]]:
    """Init scale and learning rate of each layer, by its name."""
    family = scalings.derive(network, law).family
    assert family is not None
    assert (family.low, family.high) == (0, Fraction(1, 2))
    layers = zip(family.network.layers, family.member(richness).layers, strict=True)
    return {node.name: (str(found.init), str(found.lr)) for node, found in layers}


@pytest.mark.slow
@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_a_residual_network_of_convolutions(law: str) -> None:
    """Its layers have the exponents of `scalings.cnn`'s, and its norms those of input layers."""
    for richness in (Fraction(0), Fraction(1, 2)):
        ready_made = exponents(scalings.cnn(3), law, richness)
        first, hidden, last = ready_made.values()
        vector = first[1]
        norms = {name: ("0", vector) for name in ("1", "3.norm1", "3.norm2")}
        biases = {f"{name}.bias": ("-inf", vector) for name in norms}
        expected = {"0": first, "3.conv1": hidden, "3.conv2": hidden, "6": last, **norms, **biases}
        assert exponents(traced(residual, points(2, 3, 8, 8)), law, richness) == expected


@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_a_transformer(law: str) -> None:
    """It has the exponents of the ready-made one, whose queries and keys by themselves leave it no other richness."""
    found = exponents(traced(GPT, IDS, classes), law, Fraction(1, 2))
    alike = {
        "embedding": ("transformer.wte", "transformer.wpe"),
        "query": ("transformer.h.*.attn.c_attn",),
        "projection": ("transformer.h.*.attn.c_proj",),
        "attention_gain": ("transformer.h.*.ln_1",),
        "mlp_gain": ("transformer.h.*.ln_2",),
        "up": ("transformer.h.*.mlp.c_fc",),
        "down": ("transformer.h.*.mlp.c_proj",),
        "final_gain": ("transformer.ln_f",),
        "readout": ("lm_head",),
    }
    ready_made = scalings.transformer(gains=True)
    rich = scalings.member(ready_made, law, "1/2")
    layers = zip(ready_made.layers, rich.layers, strict=True)
    expected = {name: (str(one.init), str(one.lr)) for node, one in layers for name in alike.get(node.name, ())}
    assert found == expected


def test_a_tied_readout_needs_a_multiplier() -> None:
    """The logit of a token is |W_token|^2 ~ n: no init scale is right for both uses of the weight."""
    answer = scalings.derive(of_zoo("tied weights"), "sgd")
    assert answer.family is None
    assert "a multiplier at readout" in str(answer)


def test_a_factor_in_front_of_the_output_is_made_up_for_by_its_weights() -> None:
    """The negative control of the test above."""
    with_factor = traced(lambda width: Perceptron(width, width**-0.5))
    found = scalings.derive(with_factor, "sgd").family
    plain = scalings.derive(traced(Perceptron), "sgd").family
    assert found is not None
    assert plain is not None
    assert found.layers[:2] == plain.layers[:2]
    assert found.layers[2] != plain.layers[2]


def test_attention() -> None:
    """Divided by d there is a family; divided by sqrt(d) scores would leave it as features move (arXiv 2203.03466)."""

    def derived(scale: float) -> Any:
        network = traced(lambda width: OneHead(width, scale), IDS, classes)
        return scalings.derive(network, "sgd")

    family = derived(1.0).family
    assert (family.low, family.high) == (0, Fraction(1, 2))
    assert derived(0.5).family is None


def test_verbs_take_a_traced_network_with_its_loss() -> None:
    network = traced(lambda width: OneHead(width, 1.0), IDS, classes)
    family = scalings.derive(network, "adam").family
    assert family is not None
    rich = family.member("1/2")
    assert scalings.check(network, rich, "adam").regime == "rich"
    explodes = scalings.Parameterization.of(multiplier="0,0,0,0", init="0,-1/2,-1/2,-1", lr="1,0,0,0")
    assert scalings.check(network, explodes, "adam").regime == "unstable"
    assert scalings.predict(network, explodes, "adam").problem.loss == "cross-entropy"
    assert scalings.predict(network, explodes, "adam", loss="mse").problem.loss == "mse"
    repaired = scalings.repair(network, explodes, "adam")
    assert isinstance(repaired, Repair)
    assert scalings.check(network, repaired.parameterization, "adam").nontrivial


def test_the_parts_of_a_fused_layer_are_values_of_their_own() -> None:
    network = traced(lambda width: OneHead(width, 1.0), IDS, classes).translation.network
    assert words(network, between=("embed", "o")) == [
        "qkv: Dense(embed) fan_in 1 n, fan_out 3 n",
        "chunk: Rearrange(qkv) units 1 n",
        "chunk2: Rearrange(qkv) units 1 n",
        "chunk3: Rearrange(qkv) units 1 n",
        "matmul: Product(chunk, chunk2) units 1, summed 1 n",
        "div: Factor(matmul) order -1",
        "softmax: Softmax(div)",
        "matmul2: Product(softmax, chunk3) units 1 n, summed 5",
    ]


def test_a_block_of_nano_gpt() -> None:
    translation = of_zoo("nanoGPT").translation
    [block] = [node for node in translation.network.nodes if isinstance(node, Repeat)]
    assert (block.name, str(block.times)) == ("transformer.h.*", "3 m")
    h = "transformer.h.*"
    assert words(Network((*translation.network.nodes,)), between=(h, "transformer.ln_f.norm")) == [
        f"{h}.ln_1.norm: Norm({h})",
        f"{h}.ln_1: Gain({h}.ln_1.norm) units 1 n",
        f"{h}.attn.c_attn: Dense({h}.ln_1) fan_in 1 n, fan_out 3 n",
        *(f"{h}.attn.split{place}: Rearrange({h}.attn.c_attn) units 1 n" for place in ("", 2, 3)),
        f"{h}.attn.matmul: Product({h}.attn.split, {h}.attn.split2) units 1, summed 1/4 n",
        f"{h}.attn.mul: Factor({h}.attn.matmul) order -1/2, size 2.0",
        f"{h}.attn.safe_softmax: Softmax({h}.attn.mul)",
        f"{h}.attn.matmul2: Product({h}.attn.safe_softmax, {h}.attn.split3) units 1 n, summed 5",
        f"{h}.attn.c_proj: Dense({h}.attn.matmul2) fan_in 1 n, fan_out 1 n",
        f"{h}.add: Sum({h}, {h}.attn.c_proj)",
        f"{h}.ln_2.norm: Norm({h}.add)",
        f"{h}.ln_2: Gain({h}.ln_2.norm) units 1 n",
        f"{h}.mlp.c_fc: Dense({h}.ln_2) fan_in 1 n, fan_out 4 n",
        f"{h}.mlp.gelu: Elementwise({h}.mlp.c_fc) activation gelu",
        f"{h}.mlp.c_proj: Dense({h}.mlp.gelu) fan_in 4 n, fan_out 1 n",
        f"{h}.add2: Sum({h}.add, {h}.mlp.c_proj)",
    ]
    assert translation.weights[f"{h}.mlp.c_fc.weight"] == tuple(f"transformer.h.{n}.mlp.c_fc.weight" for n in range(3))
    tied = [node.name for node in translation.network.flat if getattr(node, "weight", "") == "transformer.wte.weight"]
    assert tied == ["transformer.wte", "lm_head"]


def of_zoo(name: str) -> TracedNetwork:
    model = ZOO[name]
    return trace(model.build, model.data, model.widths, model.loss)


def test_matrices_of_low_rank() -> None:
    """Two layers one after the other, also if their product is taken first."""
    layers = [
        "base: Dense(relu) fan_in 1 n, fan_out 1 n, frozen True",
        "down: Dense(relu) fan_in 1 n, fan_out 4",
        "up: Dense(down) fan_in 4, fan_out 1 n, start zero",
        "add: Sum(base, up)",
    ]
    assert words(traced(LowRank).translation.network, between=("relu", "readout")) == layers
    merged = traced(lambda width: LowRank(width, merged=True)).translation.network
    found = words(merged, between=("relu", "readout"))
    assert [one.replace(":2", "").replace("linear", "add") for one in found] == layers  # matrices had the first names


def test_a_recurrent_network_uses_its_weights_at_every_step() -> None:
    network = of_zoo("LSTM").translation.network
    uses = [node.name for node in network.flat if getattr(node, "weight", "") == "core.weight_hh_l0"]
    assert uses == ["core.weight_hh_l0", *(f"core.weight_hh_l0:{step}" for step in range(2, 5))]
    assert words(network, between=("core.weight_ih_l0", "core.weight_hh_l0"))[:6] == [
        "core.bias_ih_l0: Bias(core.weight_ih_l0) units 4 n, start random",
        "core.bias_hh_l0: Bias(core.bias_ih_l0) units 4 n, start random",
        "core.chunk: Rearrange(core.bias_hh_l0) units 1 n",
        "core.chunk3: Rearrange(core.bias_hh_l0) units 1 n",
        "core.chunk4: Rearrange(core.bias_hh_l0) units 1 n",
        "core.sigmoid2: Elementwise(core.chunk) activation sigmoid",
    ]
    """What multiplies the first cell state, which is zero, is left out."""


class Wrong(nn.Module):
    def __init__(self, width: int, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.function = nn.Linear(6, width), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.first(x))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda h: h,
            "network: expected an output of a fixed size, but first.bias gives 1 n units; a readout is missing",
        ),
        (lambda h: torch.fft.rfft(h).abs().mean(-1), "network: it computes with complex numbers, of which no orders"),
    ],
)
def test_what_orders_do_not_know_is_refused(function: Callable[[Tensor], Tensor], message: str) -> None:
    network = traced(lambda width: Wrong(width, function))
    with pytest.raises(ArgumentError) as error:
        network.translation  # noqa: B018
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    with pytest.raises(ArgumentError, match="network"):
        scalings.derive(network, "sgd")


def test_a_module_that_gives_its_loss_alone() -> None:
    class OwnLoss(Perceptron):
        def forward(self, x: Tensor) -> Tensor:
            return functional.cross_entropy(super().forward(x), torch.zeros(len(x), dtype=torch.long))

    translation = traced(OwnLoss, loss=lambda loss: loss).translation
    assert translation.loss == "cross-entropy"
    assert words(translation.network) == words(traced(Perceptron).translation.network)


def test_starts_of_parameters() -> None:
    def build(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(6, width), nn.LayerNorm(width), nn.Linear(width, 2))

    network = traced(build)
    found = {one.names[0]: one.start for one in network.tape.parameters}
    assert found == {
        **dict.fromkeys(("0.weight", "0.bias", "2.weight", "2.bias"), "random"),
        "1.weight": "one",
        "1.bias": "zero",
    }
    assert {one.names[0]: one.start for one in TracedNetwork.from_json(network.to_json()).tape.parameters} == found
    nano = of_zoo("nanoGPT").tape.parameters
    assert {one.start for one in nano if "ln" in one.names[0]} == {"one"}
    assert {one.start for one in nano if "ln" not in one.names[0]} == {"random"}


def test_copies_that_start_otherwise_are_random() -> None:
    def build(width: int) -> nn.Module:
        module = NanoGPT(width)
        nn.init.zeros_(module.transformer["h"][1].mlp.c_proj.weight)
        return module

    network = traced(build, IDS, classes)
    assert {one.start for one in network.tape.parameters if "c_proj" in one.names[0]} == {"random"}
