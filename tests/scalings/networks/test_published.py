"""Published configurations at other widths: logits stay as large, by whatever word they are divided."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.errors import ArgumentError
from scalings.networks.published import FIELDS, config_at
from tests.empirical.tracing.libraries import needed

CRYSTAL = {"n_embd": 4096, "n_inner": 10922, "n_head": 32, "mup_width_scale": 0.0625, "mup_embeddings_scale": 14.6}
GRANITE = {"hidden_size": 4096, "num_attention_heads": 32, "attention_multiplier": 1 / 128, "logits_scaling": 16.0}


def test_granite_in_both_sizes_as_published() -> None:
    """Its 2B and 8B have heads of 64 and 128, scores times 1/64 and 1/128, and logits over 8 and 16."""
    small = config_at(GRANITE, 2048, grows="head-size")
    assert (small["num_attention_heads"], small["attention_multiplier"], small["logits_scaling"]) == (32, 1 / 64, 8.0)


def test_configurations_that_cannot_be_widened() -> None:
    assert config_at(CRYSTAL, 2048)["mup_width_scale"] == 0.125
    with pytest.raises(ArgumentError, match=r"width: makes n_inner 8191.5, which is no whole number"):
        config_at(CRYSTAL, 3072)
    with pytest.raises(ArgumentError, match="config: expected one of the fields embedding_multiplier"):
        config_at({"hidden_size": 64}, 128)
    with pytest.raises(ArgumentError, match="config: expected a hidden_size"):
        config_at({"logits_scaling": 1.0}, 128)
    with pytest.raises(ArgumentError, match=r"config: attention_multiplier 0\.3 is neither 1/128 nor its root"):
        config_at({**GRANITE, "attention_multiplier": 0.3}, 128, grows="head-size")


def test_a_configuration_of_several_kinds_of_input_has_one_of_its_text() -> None:
    """Muse states the power itself: its logits are multiplied by 1 / sqrt(hidden_size / 256)."""
    muse = {"text_config": {"hidden_size": 1024, "output_multiplier": 0.5}, "vision_config": {"hidden_size": 64}}
    found = config_at(muse, 4096)
    assert found["text_config"] == {"hidden_size": 4096, "output_multiplier": 0.25}
    assert found["vision_config"] == {"hidden_size": 64}


def test_a_word_instead_of_a_number_stays() -> None:
    assert config_at({"hidden_size": 64, "logit_scale": "inv_sqrt_d_model"}, 128)["logit_scale"] == "inv_sqrt_d_model"
    assert config_at({"hidden_size": 64, "logit_scale": 0.5, "use_mup": True}, 128) == {
        "hidden_size": 128,
        "logit_scale": 0.25,
        "use_mup": True,
    }


SHARED = {
    **{"vocab_size": 16, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False, "use_cache": False},
    **{"pad_token_id": None, "bos_token_id": 0, "eos_token_id": 1},
}
_GRANITE = {"logits_scaling": 8.0, "attention_multiplier": 1 / 16}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 16}
MODELS: dict[str, dict[str, Any]] = {
    "Granite": _GRANITE,
    "GraniteMoe": {**_GRANITE, "num_local_experts": 4},
    "GraniteMoeHybrid": {**_GRANITE, **_MAMBA, "shared_intermediate_size": 64, "layer_types": ["mamba"]},
    "HyperCLOVAX": {"logits_scaling": 0.125},
    "MiniCPM3": {
        **{"dim_model_base": 32, "q_lora_rank": 32, "kv_lora_rank": 16},
        **{"qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 16},
    },
    "Cohere": {"logit_scale": 0.0625},
    "FalconH1": {"lm_head_multiplier": 0.04, "mamba_d_ssm": 128, **_MAMBA, "mamba_d_state": 16},
}


def logit(name: str, config: dict[str, Any]) -> float:
    """What a model makes of a last hidden state of ones and a readout of ones: n, times its multipliers."""
    needed("transformers")
    import transformers

    made: Any = getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, f"{name}Config")(**config)).eval()
    norm = getattr(made.model, "norm", None) or made.model.final_layernorm
    norm.register_forward_hook(lambda *given: torch.ones_like(given[-1]))
    nn.init.ones_(made.get_output_embeddings().weight)
    with torch.no_grad():
        return float(made(torch.zeros(1, 4, dtype=torch.long)).logits[0, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_logits_stay_as_large_by_each_models_own_code(name: str) -> None:
    """Granite divides by what HyperCLOVA X multiplies with, and MiniCPM's base stays; at the number of another width
    logits are 4 times as large."""
    needed("transformers")
    import transformers

    own = MODELS[name]
    config = getattr(transformers, f"{name}Config")(**SHARED, **own)
    wide = config_at(config, 256)
    [field, *_] = [field for field in FIELDS if field in own and field != "attention_multiplier"]
    base, other = (logit(name, given) for given in (config_at(config, 64), {**wide, field: own[field]}))
    assert logit(name, wide) == pytest.approx(base)
    if field == "dim_model_base":
        other = logit(name, {**wide, field: 4 * own[field]})
    assert other == pytest.approx(4 * base)


IDS = torch.randint(0, 16, (4, 8), generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_granite_at_its_published_powers_is_rich() -> None:
    """With an embedding and a readout that start at n^0, which one initializer_range for all cannot say; and not where
    its logits are divided by the number of another width."""
    needed("transformers")
    import transformers

    config = transformers.GraniteConfig(**{**SHARED, **_GRANITE, "num_attention_heads": 8, "num_key_value_heads": 4})

    def build(width: int, *, published: bool = True, mended: bool = True) -> nn.Module:
        at_width = {**config_at(config, width), **({} if published else {"logits_scaling": 8.0})}
        made: nn.Module = transformers.GraniteForCausalLM(transformers.GraniteConfig(**at_width))
        if mended:
            for name in ("model.embed_tokens.weight", "lm_head.weight"):
                nn.init.normal_(made.get_parameter(name), std=0.1)
        return made

    def adam(made: nn.Module) -> torch.optim.Optimizer:
        width = made.get_parameter("model.norm.weight").numel()
        wide = [one for name, one in made.named_parameters() if one.dim() == 2 and "layers" in name]
        rest = [one for one in made.parameters() if all(one is not other for other in wide)]
        return torch.optim.Adam([{"params": rest}, {"params": wide, "lr": 0.064 / width}], lr=1e-3)

    def found(**options: bool) -> tuple[str, list[tuple[str, str]]]:
        widths = (64, 96, 128, 160, 192, 256, 320, 384)
        data: dict[str, Tensor] = {"input_ids": IDS, "labels": IDS}
        given = scalings.check_model(lambda n: build(n, **options), adam, data, widths=widths, quick=True)
        return given.verdict, [(one.parameter, one.what) for one in given.findings]

    assert found() == ("PASS", [])
    assert found(mended=False) == ("FAIL", [("model.embed_tokens.weight", "init"), ("lm_head.weight", "init")])
    assert found(published=False) == ("FAIL", [("lm_head.weight", "lr"), ("lm_head.weight", "init")])
