"""The ready-made llama and moe compute what the Llama and the Mixtral of transformers do, given the same weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import scalings
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from scalings.networks.decoders import DecoderOptions
from scalings.networks.network import Network
from tests.empirical.tracing.libraries import needed

WIDTH, VOCABULARY, BLOCKS, HEADS, GROUPS, EXPERTS = 32, 16, 2, 8, 2, 4
TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "rms_norm_eps": 0.0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    "initializer_range": 0.5,
}
BY_NAME = {
    "self_attn.q_proj": "weight_query",
    "self_attn.k_proj": "weight_key",
    "self_attn.v_proj": "weight_value",
    "self_attn.o_proj": "weight_projection",
    "input_layernorm": "gain_attention",
    "post_attention_layernorm": "gain_mlp",
}
OF_LLAMA = {"mlp.gate_proj": "weight_gate", "mlp.up_proj": "weight_up", "mlp.down_proj": "weight_down"}


def logits(network: Network, given: dict[str, Tensor]) -> Tensor:
    """Of the graph with these weights, (copies, *shape) each."""
    graph = Graph(Setting(network, {"width": WIDTH, "depth": 1}, {}), [0])
    assert given.keys() == graph.initial.keys()
    for weight, value in given.items():
        graph.initial[weight] = value.double().reshape(graph.initial[weight].shape)
    with torch.no_grad():
        values = graph(torch.nn.functional.one_hot(TOKENS, VOCABULARY).double())
    return values[network.output.name, 0][0]


def agrees(found: Tensor, expected: Tensor) -> None:
    """To what the module's single precision leaves of it."""
    torch.testing.assert_close(found, expected.double(), rtol=1e-4, atol=1e-4)


def not_near(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() > 0.01)


def attended(module: Any) -> dict[str, Tensor]:
    """What both have but for their branches, with gains that are not 1."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "norm" in name:
                parameter.add_(0.5 * torch.rand(parameter.shape, generator=generator))
    found = {
        "weight_embedding": module.model.embed_tokens.weight.T,
        "gain_final": module.model.norm.weight,
        "weight_readout": module.lm_head.weight,
    }
    found |= {ours: stacked(module, f"{theirs}.weight") for theirs, ours in BY_NAME.items()}
    # Scores are heads q . k here where no multiplier is given, and q . k / sqrt(head_size) there.
    found["weight_query"] = found["weight_query"] / (HEADS * (WIDTH / HEADS) ** 0.5)
    return {name: value.detach() for name, value in found.items()}


def stacked(module: Any, name: str) -> Tensor:
    return torch.stack([layer.get_parameter(name).detach() for layer in module.model.layers])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_llama() -> None:
    needed("transformers")
    import transformers

    torch.manual_seed(0)
    module = transformers.LlamaForCausalLM(transformers.LlamaConfig(intermediate_size=3 * WIDTH, **COMMON))
    given = attended(module) | {ours: stacked(module, f"{theirs}.weight") for theirs, ours in OF_LLAMA.items()}
    with torch.no_grad():
        expected = module(TOKENS).logits
    options: DecoderOptions = {"groups": GROUPS, "vocabulary": VOCABULARY}
    agrees(logits(scalings.llama(BLOCKS, **options), given), expected)
    wrong: list[DecoderOptions] = [{"loops": 2}, {"post_norm": True}, {"softcap": True}]
    for option in wrong:
        assert not_near(logits(scalings.llama(BLOCKS, **{**options, **option}), given), expected), option


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_routed_experts() -> None:
    needed("transformers")
    import transformers

    torch.manual_seed(0)
    config = transformers.MixtralConfig(
        intermediate_size=WIDTH, num_local_experts=EXPERTS, num_experts_per_tok=2, **COMMON
    )
    module = transformers.MixtralForCausalLM(config)
    gate, up = stacked(module, "mlp.experts.gate_up_proj").chunk(2, dim=2)
    given = attended(module) | {
        "weight_router": stacked(module, "mlp.gate.weight"),
        "weight_gate": gate.flatten(1, 2),
        "weight_up": up.flatten(1, 2),
        "weight_down": stacked(module, "mlp.experts.down_proj").transpose(1, 2).flatten(2),
    }
    with torch.no_grad():
        expected = module(TOKENS).logits
    build = partial(scalings.moe, BLOCKS, experts=EXPERTS, groups=GROUPS, vocabulary=VOCABULARY)
    agrees(logits(build(), given), expected)
    for other in (build(top=1), build(top=3), build(router="sigmoid")):
        assert not_near(logits(other, given), expected)
