"""Published configurations at other widths: Hugging Face's, with the multipliers of MiniCPM, Granite and others.

A configuration has numbers at one width. `config_at` gives those at another, by the powers that the models' authors
state, so that a model can be built at several widths and checked:

>>> granite = {"hidden_size": 4096, "intermediate_size": 12800, "num_attention_heads": 32, "num_key_value_heads": 8,
...     "attention_multiplier": 0.0078125, "embedding_multiplier": 12.0, "logits_scaling": 16.0,
...     "residual_multiplier": 0.22, "initializer_range": 0.02}
>>> small = config_at(granite, 1024)
>>> [small[name] for name in ("intermediate_size", "num_attention_heads", "logits_scaling", "attention_multiplier")]
[3200, 8, 4.0, 0.0078125]
>>> small["initializer_range"]
0.04

**Powers of the width n.** Sizes go like n; scores are divided by the size of a head, which stays as it is where heads
grow in number. Logits are divided by n, in one of many words, some of which are divided by, and some multiplied with:

    logits_scaling                 IBM's Granite, dense and with experts, divides by it; HyperCLOVA X multiplies
    hidden_size / dim_model_base   MiniCPM divides by it (Hu et al., arXiv 2404.06395, table 7); the base stays
    lm_head_multiplier             TII's Falcon-H1 multiplies
    mup_width_scale                Cerebras, and LLM360's Crystal, multiply
    mup_width_multiplier           Phi-3-small divides by it, Inkling by logits_mup_width_multiplier
    mup_output_mult                Megatron-LM multiplies
    logit_scale                    Cohere multiplies, and states no power: it is taken for what muP asks for
    output_multiplier              Muse multiplies, by 1 / sqrt(hidden_size / 256)

Multipliers of embeddings, residual branches, keys and state spaces stay. Matrices start at n^(-1/2), and with them
embeddings and readouts where a configuration has one number for all; these are to start at n^0 (`check_model` says so).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from scalings.errors import ArgumentError
from scalings.networks.attention import Heads

_WIDTHS = ("hidden_size", "n_embd")
_SIZES = (
    *("hidden_size", "intermediate_size", "n_embd", "n_inner", "ffn_hidden_size"),
    *("moe_intermediate_size", "shared_intermediate_size", "dense_intermediate_size", "mamba_d_ssm"),
    *("q_lora_rank", "kv_lora_rank"),
)
_HEADS = ("num_attention_heads", "num_key_value_heads", "n_head", "mamba_n_heads")
_HEAD_SIZES = ("head_dim", "kv_channels", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
_FIXED = Fraction(0)
_MULTIPLIERS = {
    **dict.fromkeys(("embedding_multiplier", "residual_multiplier", "attention_multiplier"), _FIXED),
    "logits_scaling": Fraction(1),
    "lm_head_multiplier": Fraction(-1),
    **dict.fromkeys(("scale_emb", "scale_depth", "dim_model_base"), _FIXED),
    **dict.fromkeys(
        ("key_multiplier", "attention_in_multiplier", "attention_out_multiplier", "mlp_multipliers"), _FIXED
    ),
    **dict.fromkeys(("ssm_in_multiplier", "ssm_out_multiplier", "ssm_multipliers"), _FIXED),
    "mup_width_scale": Fraction(-1),
    **dict.fromkeys(("mup_embeddings_scale", "mup_output_alpha", "mup_scale_qk_dot_by_d"), _FIXED),
    "mup_width_multiplier": Fraction(1),
    **dict.fromkeys(("mup_embedding_multiplier", "mup_attn_multiplier", "mup_use_scaling"), _FIXED),
    "logits_mup_width_multiplier": Fraction(1),
    "mup_output_mult": Fraction(-1),
    **dict.fromkeys(("use_mup", "mup_base_hidden_size", "mup_embedding_mult", "mup_attn_scale_power"), _FIXED),
    "mup_enabled": _FIXED,
    "logit_scale": Fraction(-1),
    "output_multiplier": Fraction(-1, 2),
}
"""By a field, the power of the width in it."""
_OF_TYPE = {("hyperclovax", "logits_scaling"): Fraction(-1)}
"""Of fields that mean another thing in one type of model."""
FIELDS = tuple(_MULTIPLIERS)
"""By which a configuration is known to be one of a maximal update parameterization."""
_STARTS = dict.fromkeys(("initializer_range", "init_method_std"), Fraction(-1, 2))
_TOLERANCE = 0.02


def config_at(config: Mapping[str, Any] | Any, width: int, *, grows: Heads = "heads") -> dict[str, Any]:
    """A published configuration at another width, as a dictionary; `grows` says whether heads grow in number or size.

    `config` is a dictionary, or has `to_dict`, as those of Hugging Face; of one with a `text_config` that is changed.
    Raises ArgumentError for one without a width or any of `FIELDS`, for a width at which heads or sizes are no whole
    numbers, and for scores that are divided by no power of the size of a head.
    """
    given: dict[str, Any] = dict(config if isinstance(config, Mapping) else config.to_dict())
    before = next((given[name] for name in _WIDTHS if given.get(name)), None)
    if before is None and isinstance(given.get("text_config"), Mapping):
        return {**given, "text_config": config_at(given["text_config"], width, grows=grows)}
    if before is None:
        raise ArgumentError("config", "expected a hidden_size, which is its width")
    if not any(given.get(name) is not None for name in FIELDS):
        raise ArgumentError("config", f"expected one of the fields {', '.join(FIELDS[:4])}, ..., but it has none")
    ratio = Fraction(width, before)
    found = dict(given)
    for name in (*_SIZES, *(_HEADS if grows == "heads" else _HEAD_SIZES)):
        if given.get(name) is not None:
            found[name] = _whole(name, given[name], ratio)
    for name, power in (_MULTIPLIERS | _STARTS).items():
        own = _OF_TYPE.get((given.get("model_type", ""), name), power)
        if own and isinstance(given.get(name), int | float):  # MPT has a word for it
            found[name] = given[name] * float(ratio) ** float(own)
    if grows == "head-size" and given.get("attention_multiplier") is not None:
        found["attention_multiplier"] = given["attention_multiplier"] * float(ratio) ** _power_of_scores(given, before)
    return found


def _whole(name: str, size: int, ratio: Fraction) -> int:
    after = size * ratio
    if after.denominator != 1 or after < 1:
        raise ArgumentError("width", f"makes {name} {float(after):g}, which is no whole number")
    return int(after)


def _power_of_scores(given: Mapping[str, Any], width: int) -> float:
    """Which power of the size of a head scores are multiplied by."""
    head = given.get("head_dim") or width / given["num_attention_heads"]
    multiplier = given["attention_multiplier"]
    for power in (-1.0, -0.5):
        if math.isclose(multiplier, head**power, rel_tol=_TOLERANCE):
            return power
    raise ArgumentError(
        "config", f"attention_multiplier {multiplier} is neither 1/{head:g} nor its root: say heads='heads'"
    )
