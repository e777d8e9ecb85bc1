"""Nine small models of transformers, timm and torchvision, made when they are asked for: these may be absent."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from tests.empirical.tracing.zoo import IDS, VOCABULARY, Model, points

WORDS = {"input_ids": IDS, "labels": IDS}
IMAGES = points(2, 3, 32, 32)


def gpt2() -> Model:
    from transformers import GPT2Config, GPT2LMHeadModel

    def build(width: int) -> nn.Module:
        config = GPT2Config(vocab_size=VOCABULARY, n_positions=8, n_embd=width, n_layer=3, n_head=4)
        return GPT2LMHeadModel(config)

    return Model(build, WORDS)


def llama() -> Model:
    """With grouped queries, rotary positions and SwiGLU; heads grow in number."""
    from transformers import LlamaConfig, LlamaForCausalLM

    def build(width: int) -> nn.Module:
        heads = width // 8
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=2,
            num_attention_heads=heads,
            num_key_value_heads=heads // 2,
            max_position_embeddings=16,
        )
        return LlamaForCausalLM(config)

    return Model(build, WORDS)


def bert() -> Model:
    from transformers import BertConfig, BertForSequenceClassification

    def build(width: int) -> nn.Module:
        config = BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=4 * width,
            max_position_embeddings=8,
        )
        return BertForSequenceClassification(config)

    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return Model(build, {"input_ids": IDS, "attention_mask": mask, "labels": torch.tensor([0, 1])})


def mixtral() -> Model:
    from transformers import MixtralConfig, MixtralForCausalLM

    def build(width: int) -> nn.Module:
        config = MixtralConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            max_position_embeddings=16,
        )
        return MixtralForCausalLM(config)

    return Model(build, WORDS)


def mamba() -> Model:
    from transformers import MambaConfig, MambaForCausalLM

    def build(width: int) -> nn.Module:
        config = MambaConfig(vocab_size=VOCABULARY, hidden_size=width, state_size=4, num_hidden_layers=2)
        return MambaForCausalLM(config)

    return Model(build, WORDS)


def timm_vit() -> Model:
    from timm.models.vision_transformer import VisionTransformer

    def build(width: int) -> nn.Module:
        sizes = {"img_size": 32, "patch_size": 16, "embed_dim": width, "depth": 3, "num_heads": 4, "num_classes": 5}
        return VisionTransformer(**sizes, qk_norm=True)

    return Model(build, IMAGES)


def timm_resnet18() -> Model:
    from timm.models.resnet import BasicBlock, ResNet

    def build(width: int) -> nn.Module:
        channels = (width, 2 * width, 4 * width, 8 * width)
        sizes = {"stem_width": width // 2, "stem_type": "deep", "channels": channels}
        return ResNet(BasicBlock, (2, 2, 2, 2), num_classes=5, **sizes)

    # In the end an image is one pixel, and batch normalization of two numbers leaves their signs alone.
    return Model(build, points(6, 3, 32, 32), widths=(8, 16, 32))


def torchvision_vit() -> Model:
    from torchvision.models import VisionTransformer

    def build(width: int) -> nn.Module:
        return VisionTransformer(32, 16, num_layers=2, num_heads=4, hidden_dim=width, mlp_dim=4 * width, num_classes=5)

    return Model(build, IMAGES)


def torchvision_convnext() -> Model:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    def build(width: int) -> nn.Module:
        return ConvNeXt([CNBlockConfig(width, 2 * width, 3), CNBlockConfig(2 * width, None, 2)], num_classes=5)

    return Model(build, IMAGES)


LIBRARIES: dict[str, tuple[str, Callable[[], Model]]] = {
    "GPT-2": ("transformers", gpt2),
    "Llama": ("transformers", llama),
    "BERT": ("transformers", bert),
    "Mixtral": ("transformers", mixtral),
    "Mamba": ("transformers", mamba),
    "ViT of timm": ("timm", timm_vit),
    "ResNet-18": ("timm", timm_resnet18),
    "ViT of torchvision": ("torchvision", torchvision_vit),
    "ConvNeXt": ("torchvision", torchvision_convnext),
}
"""Each with the library that it needs."""
