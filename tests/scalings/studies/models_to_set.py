"""Models of a user, with their optimizers, that are to be set at other widths."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 64
INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
IDS = torch.randint(0, 11, (4, 8), generator=torch.Generator().manual_seed(0))


def mlp(width: int) -> nn.Sequential:
    """Torch's own starts."""
    layers = nn.Linear(6, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 3)
    return nn.Sequential(*layers)


class Block(nn.Module):
    """Attention with one head, whose scores are divided by its size, and a multilayer perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm_1(x)).chunk(3, -1)
        x = x + self.out((q @ k.transpose(-1, -2) / q.shape[-1]).softmax(-1) @ v)
        mixed: Tensor = self.down(nn.functional.gelu(self.up(self.norm_2(x))))
        return x + mixed


class GPT(nn.Module):
    """Small, and initialized with one standard deviation for all matrices."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.blocks = nn.Embedding(11, width), nn.ModuleList(Block(width) for _ in range(2))
        self.norm, self.readout = nn.LayerNorm(width, bias=False), nn.Linear(width, 11, bias=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.readout(self.norm(x))
        return scores


def next_token(scores: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores[:, :-1].flatten(0, 1), IDS[:, 1:].flatten())


def convolutions(width: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10, bias=False)),
    )


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.8, 0.9))


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-2)
