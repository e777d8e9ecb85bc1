"""Models made of blocks, each as its authors write it, but small: nanoGPT, a diffusion transformer and a U-Net."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class CausalSelfAttention(nn.Module):
    """nanoGPT's, with the fused kernel."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.heads, self.dropout = heads, nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.size()
        q, k, v = self.c_attn(x).split(width, dim=2)
        q, k, v = (part.view(batch, time, self.heads, width // self.heads).transpose(1, 2) for part in (q, k, v))
        y = functional.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0, is_causal=True)
        return self.dropout(self.c_proj(y.transpose(1, 2).contiguous().view(batch, time, width)))


class Block(nn.Module):
    """nanoGPT's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width, bias=False), CausalSelfAttention(width, 4)
        self.ln_2, self.mlp = nn.LayerNorm(width, bias=False), nn.Sequential()
        self.mlp.c_fc, self.mlp.gelu = nn.Linear(width, 4 * width, bias=False), nn.GELU()
        self.mlp.c_proj, self.mlp.dropout = nn.Linear(4 * width, width, bias=False), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class NanoGPT(nn.Module):
    """Karpathy's, with its tied readout."""

    def __init__(self, width: int, layers: int = 3, vocabulary: int = 11, block: int = 8) -> None:
        super().__init__()
        parts = {"wte": nn.Embedding(vocabulary, width), "wpe": nn.Embedding(block, width), "drop": nn.Dropout(0.1)}
        blocks = nn.ModuleList([Block(width) for _ in range(layers)])
        self.transformer = nn.ModuleDict({**parts, "h": blocks, "ln_f": nn.LayerNorm(width, bias=False)})
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.transformer["wte"].weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers))

    def forward(self, ids: Tensor) -> Tensor:
        position = torch.arange(ids.size(1), dtype=torch.long, device=ids.device)
        x = self.transformer["drop"](self.transformer["wte"](ids) + self.transformer["wpe"](position))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


def frequencies(time: Tensor, size: int) -> Tensor:
    """Sines and cosines of the time."""
    rates = torch.exp(-math.log(10_000) * torch.arange(size // 2, dtype=torch.float32) / (size // 2))
    angles = time[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class DiTBlock(nn.Module):
    """With adaptive normalization that starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = nn.MultiheadAttention(width, 4, batch_first=True)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
        self.ada = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        parts = self.ada(condition)[:, None].chunk(6, dim=-1)
        read = self.norm1(x) * (1 + parts[1]) + parts[0]
        x = x + parts[2] * self.attn(read, read, read, need_weights=False)[0]
        return x + parts[5] * self.mlp(self.norm2(x) * (1 + parts[4]) + parts[3])


class Denoiser(nn.Module):
    """Patches, two blocks conditioned on time and class, and patches again."""

    def __init__(self, width: int, classes: int = 3, patch: int = 4) -> None:
        super().__init__()
        self.patches, self.patch = nn.Conv2d(3, width, patch, patch), patch
        self.position = nn.Parameter(torch.zeros(1, 4, width), requires_grad=False)
        self.time = nn.Sequential(nn.Linear(16, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes, width)
        self.blocks = nn.ModuleList(DiTBlock(width) for _ in range(2))
        self.norm, self.final = nn.LayerNorm(width, elementwise_affine=False), nn.Linear(width, 3 * patch * patch)

    def forward(self, image: Tensor, time: Tensor, label: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2) + self.position
        condition = self.time(frequencies(time, 16)) + self.label(label)
        for block in self.blocks:
            x = block(x, condition)
        x = self.final(self.norm(x)).view(len(x), 2, 2, self.patch, self.patch, 3)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(image.shape)


def denoiser(width: int) -> nn.Module:
    return Denoiser(width)


class ResidualBlock(nn.Module):
    """Two convolutions with group normalization, told the time in between."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(4, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.time = nn.Linear(width, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x))) + self.time(functional.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(functional.silu(self.norm2(h)))


class UNet(nn.Module):
    """Down, across and up, with what was seen on the way down handed across."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time = nn.Linear(16, width)
        self.first, self.last = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.down = nn.ModuleList([ResidualBlock(width, width, width), ResidualBlock(width, 2 * width, width)])
        self.middle = ResidualBlock(2 * width, 2 * width, width)
        self.up = nn.ModuleList([ResidualBlock(4 * width, width, width), ResidualBlock(2 * width, width, width)])
        self.grow = nn.ConvTranspose2d(width, width, 2, stride=2)

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        told, x, seen = self.time(frequencies(time, 16)), self.first(image), []
        for block in self.down:
            x = block(x, told)
            seen.append(x)
            x = functional.avg_pool2d(x, 2)
        x = self.middle(x, told)
        x = self.up[0](torch.cat([functional.interpolate(x, scale_factor=2.0), seen.pop()], dim=1), told)
        x = self.up[1](torch.cat([self.grow(x), seen.pop()], dim=1), told)
        return self.last(x)


def unet(width: int) -> nn.Module:
    return UNet(width)
