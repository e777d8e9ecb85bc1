"""`check_model` on whole models, as they are written, set by published rules: each passes; of one that is not, the
mistake is named, and nothing else. nanoGPT is in `test_models.py` too, where it is set by hand; mup's own examples are
in `test_mups_examples.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.studies.model_checks import ModelCheck
from tests.agreement.maximal import Maximal
from tests.empirical.tracing.libraries import needed
from tests.empirical.tracing.modules_to_translate import GPT, residual
from tests.empirical.tracing.zoo import IDS, VOCABULARY, ZOO, classes, points
from tests.empirical.tracing.zoo_of_blocks import NanoGPT

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
IMAGES = points(4, 3, 8, 8)
Said = list[tuple[str, str, str]]


def checked(
    model: Maximal,
    data: Any,
    loss: Callable[[Any], Tensor] | None = None,
    widths: tuple[int, ...] = WIDTHS,
    seeds: int = 1,
) -> tuple[ModelCheck, Said]:
    found = scalings.check_model(model.build, model.optimizer, data, loss, widths=widths, seeds=seeds, steps=2)
    return found, [(one.parameter, one.what, str(one.power)) for one in found.findings]


def passes(found: ModelCheck, said: Said) -> bool:
    return (found.verdict, found.regime, str(found.richness), said) == ("PASS", "rich", "1/2", [])


class Tied(GPT):
    """With nanoGPT's tied readout, multiplied by a power of the width."""

    power = 0.0

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.lm_head.weight = self.transformer["wte"].weight
        self.factor = 8 * width**self.power

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids) * self.factor


class Divided(Tied):
    power = -1.0


class Untied(NanoGPT):
    """With a readout of its own; attention is divided by the root of its size, as it is written."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.lm_head.weight = nn.Parameter(self.lm_head.weight.detach().clone())


TABLES = ("wte", "wpe", "embed")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (GPT, []),
        (Divided, []),
        (Tied, [("lm_head", "structure", "1")]),
        (Untied, [("transformer.h.*.attn.mul", "multiplier", "1/2")]),
    ],
)
def test_nanogpt_under_adamw(kind: type[nn.Module], said: Said) -> None:
    found, named = checked(Maximal(kind, 32, tables=TABLES), IDS, classes)
    assert named == said, found
    assert found.verdict == ("FAIL" if said else "PASS"), found


class Adapted(nn.Module):
    """A matrix that stays as it is, and beside it one of low rank (Hu et al., arXiv 2106.09685)."""

    def __init__(self, base: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.base = base
        self.base.weight.requires_grad_(False)
        self.a, self.b = nn.Linear(base.in_features, rank, bias=False), nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.base(x) + self.b(self.a(x))
        return made


def with_adapters(width: int) -> nn.Module:
    """nanoGPT with LoRA at the queries, keys and values of its last block, and nothing else that is trained."""
    model = GPT(width)
    for name, one in model.named_parameters():
        if one.dim() == 2 and not any(part in name for part in TABLES):
            nn.init.normal_(one, std=one.shape[1] ** (-1.0 if "lm_head" in name else -0.5))
        one.requires_grad_(False)
    nn.init.normal_(model.transformer["wte"].weight)
    last: Any = model.transformer["h"][-1]
    last.attn.c_attn = Adapted(last.attn.c_attn)
    return model


def adapter_rates(model: nn.Module, power: float) -> torch.optim.Optimizer:
    """What reads n units at n^-1, B at this power of n (LoRA+, Hayou, Ghosh and Yu, arXiv 2402.12354)."""
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    groups = [
        {"params": [one], "lr": 0.3 / one.shape[1] if ".a." in name else 0.01 * (one.shape[0] / 32) ** power}
        for name, one in trained.items()
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0)


@pytest.mark.parametrize("power", [0.0, -1.0], ids=["right", "one rate for A and B"])
def test_adapters(power: float) -> None:
    found = scalings.check_model(
        with_adapters, lambda model: adapter_rates(model, power), IDS, classes, widths=WIDTHS, seeds=4, steps=2
    )
    named = {(one.parameter, one.what, str(one.power)) for one in found.findings if one.is_wrong}
    wrong = {("transformer.h.2.attn.c_attn.b.weight", "lr", "-1")} if power else set()
    assert (named, found.verdict) == (wrong, "FAIL" if wrong else "PASS"), found


def llama(width: int) -> nn.Module:
    """With grouped queries, rotary positions and SwiGLU; heads grow in number."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=2,
            num_attention_heads=width // 8,
            num_key_value_heads=width // 16,
            max_position_embeddings=16,
        )
    )


def mixtral(width: int, *, grow: bool = True) -> nn.Module:
    """Heads grow in number, or, as it is written, in size."""
    from transformers import MixtralConfig, MixtralForCausalLM

    return MixtralForCausalLM(
        MixtralConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=width // 8 if grow else 4,
            num_key_value_heads=width // 16 if grow else 2,
            num_local_experts=4,
            num_experts_per_tok=2,
            max_position_embeddings=16,
        )
    )


WORDS = {"input_ids": IDS, "labels": IDS}


def test_llama_under_muon() -> None:
    needed("transformers")
    found, said = checked(Maximal(llama, 32, "muon", tables=TABLES), WORDS)
    assert passes(found, said), found


def test_llama_whose_readout_is_not_scaled() -> None:
    needed("transformers")
    found, said = checked(Maximal(llama, 32, "muon", tables=TABLES, starts={"lm_head": 0.5}), WORDS)
    assert (found.verdict, said) == ("FAIL", [("lm_head.weight", "init", "1/2")]), found


def test_mixtral() -> None:
    needed("transformers")
    found, said = checked(Maximal(mixtral, 32, tables=TABLES), WORDS)
    assert passes(found, said), found


def test_mixtral_whose_heads_grow_in_size() -> None:
    needed("transformers")
    found, said = checked(Maximal(lambda width: mixtral(width, grow=False), 32, tables=TABLES), WORDS)
    assert (found.verdict, said) == ("FAIL", [("model.layers.*.self_attn.mul", "multiplier", "1/2")]), found


def vit(width: int, *, grow: bool = True) -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    heads = width // 8 if grow else 4
    return VisionTransformer(img_size=32, patch_size=16, embed_dim=width, depth=2, num_heads=heads, num_classes=5)


@pytest.mark.parametrize(("grow", "expected"), [(True, []), (False, [("blocks.*.attn.mul", "multiplier", "1/2")])])
def test_a_vision_transformer(grow: bool, expected: Said) -> None:
    needed("timm")
    model = Maximal(lambda width: vit(width, grow=grow), 32, tables=("cls_token", "pos_embed"))
    found, said = checked(model, points(4, 3, 32, 32), seeds=4)
    assert said == expected, found
    assert found.verdict == ("FAIL" if expected else "PASS"), found


@pytest.mark.parametrize(
    ("rates", "expected"),
    [({}, []), ({"3.norm2.weight": -1.0}, [("3.norm2.weight", "lr", "-1")])],
    ids=["right", "gain"],
)
def test_a_residual_network_under_sgd_with_momentum(rates: dict[str, float], expected: Said) -> None:
    """With batch normalization; of `3.norm2.weight`, a gain, the rate is that of a matrix."""
    found, said = checked(Maximal(residual, 24, "sgd", rate=0.003, rates=rates), IMAGES, widths=(24, *WIDTHS[:7]))
    assert said == expected, found
    assert found.verdict == ("FAIL" if expected else "PASS"), found


@pytest.mark.parametrize(
    ("rates", "expected"),
    [({}, []), ({"weight_hh_l1": 1.0}, [("core.weight_hh_l1", "lr", "1")])],
    ids=["right", "recurrent rate"],
)
def test_an_lstm(rates: dict[str, float], expected: Said) -> None:
    def build(width: int) -> nn.Module:
        model = ZOO["LSTM"].build(width)
        for name, one in model.named_parameters():
            if "weight_ih_l0" in name:  # torch draws it as if it read the width
                nn.init.normal_(one, std=0.5)
        return model

    found, said = checked(Maximal(build, 32, rates=rates), ZOO["LSTM"].data, seeds=2)
    assert said == expected, found
    assert found.verdict == ("FAIL" if expected else "PASS"), found
