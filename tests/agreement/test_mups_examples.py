"""The examples of microsoft/mup (folder `examples` of https://github.com/microsoft/mup) before and after its
`set_base_shapes`: they pass after it, with its optimizers; before it each number is named that mup changes.

Smaller, with the lines that matter: readouts that start at zero, queries that do, one residual block in place of eight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.studies.model_checks import ModelCheck
from tests.empirical.tracing.modules_to_translate import Residual
from tests.empirical.tracing.zoo import points

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("mup")
WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
CLASSES, VOCABULARY = 4, 11
LABELS = torch.randint(CLASSES, (16,), generator=torch.Generator().manual_seed(0))
IDS = torch.randint(VOCABULARY, (5, 4), generator=torch.Generator().manual_seed(0))


def classes(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, LABELS)


def next_token(logarithms: Tensor) -> Tensor:
    return functional.nll_loss(logarithms.flatten(0, 1), IDS.roll(-1, 0).flatten())


def readout(width: int, outputs: int, *, scaled: bool, **options: Any) -> nn.Module:
    from mup import MuReadout

    made: nn.Module = MuReadout(width, outputs, **options) if scaled else nn.Linear(width, outputs, options["bias"])
    for one in made.parameters():
        nn.init.zeros_(one)
    return made


class MLP(nn.Module):
    """Of `examples/MLP/main.py`, with the multipliers that it recommends for tanh and the cross-entropy."""

    def __init__(self, width: int, *, scaled: bool) -> None:
        super().__init__()
        self.input_mult = 0.125
        self.fc_1, self.fc_2 = nn.Linear(6, width, bias=False), nn.Linear(width, width, bias=False)
        self.fc_3 = readout(width, CLASSES, scaled=scaled, bias=False, **({"output_mult": 32.0} if scaled else {}))
        nn.init.kaiming_normal_(self.fc_1.weight, a=1)
        self.fc_1.weight.data /= self.input_mult**0.5
        nn.init.kaiming_normal_(self.fc_2.weight, a=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.fc_1(x) * self.input_mult**0.5)
        scores: Tensor = self.fc_3(torch.tanh(self.fc_2(x)))
        return scores


class Layer(nn.Module):
    """Of `examples/Transformer/model.py`: queries start at zero, and are divided by their size, or its root."""

    def __init__(self, width: int, *, scaled: bool) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.linear1, self.linear2 = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.norm1, self.norm2, self.power = nn.LayerNorm(width), nn.LayerNorm(width), -1.0 if scaled else -0.5
        for one in (self.in_proj, self.out_proj, self.linear1, self.linear2):
            nn.init.normal_(one.weight, std=width**-0.5)
        nn.init.zeros_(self.in_proj.weight[:width])

    def forward(self, x: Tensor) -> Tensor:
        length, batch, width = x.shape
        size = width // 2
        q, k, v = self.in_proj(x).chunk(3, dim=-1)
        q = q * (size**self.power * 8**0.5)
        q, k, v = (one.contiguous().view(length, batch * 2, size).transpose(0, 1) for one in (q, k, v))
        mask = torch.full((length, length), -torch.inf).triu(1)
        mixed = torch.bmm((torch.bmm(q, k.transpose(1, 2)) + mask).softmax(-1), v)
        x = self.norm1(x + self.out_proj(mixed.transpose(0, 1).contiguous().view(length, batch, width)))
        made: Tensor = self.norm2(x + self.linear2(self.linear1(x).relu()))
        return made


class Transformer(nn.Module):
    def __init__(self, width: int, *, scaled: bool) -> None:
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, width)
        self.layers = nn.ModuleList(Layer(width, scaled=scaled) for _ in range(2))
        self.decoder = readout(width, VOCABULARY, scaled=scaled, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.encoder(ids)
        for layer in self.layers:
            x = layer(x)
        return self.decoder(x).log_softmax(-1)


def resnet(width: int, *, scaled: bool) -> nn.Module:
    """Of `examples/ResNet/resnet.py`."""
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), readout(width, CLASSES, scaled=scaled, bias=True)
    first = nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    model = nn.Sequential(*first, Residual(width), *head)
    for one in model.modules():
        if isinstance(one, nn.Conv2d):
            nn.init.kaiming_normal_(one.weight, a=1)
    return model


@dataclass(frozen=True)
class Example:
    """A model, by which of mup's optimizers it is trained, and what is wrong with it before."""

    make: Callable[..., nn.Module]
    optimizer: str
    data: Tensor
    loss: Callable[[Tensor], Tensor]
    wrong: set[tuple[str, str, str]]

    def checked(self, *, scaled: bool) -> ModelCheck:
        import mup

        def build(width: int) -> nn.Module:
            model = self.make(width, scaled=scaled)
            if scaled:
                mup.set_base_shapes(model, self.make(32, scaled=True), delta=self.make(64, scaled=True))
            return model

        def optimizer(model: nn.Module) -> Any:
            if self.optimizer == "adam":
                return (mup.MuAdam if scaled else torch.optim.Adam)(model.parameters(), lr=0.01)
            return (mup.MuSGD if scaled else torch.optim.SGD)(model.parameters(), lr=0.01, momentum=0.9)

        return scalings.check_model(build, optimizer, self.data, self.loss, widths=WIDTHS, seeds=2, steps=2)


EXAMPLES = {
    "MLP": Example(MLP, "sgd", points(16, 6), classes, {("fc_1.weight", "lr", "-1"), ("fc_3.weight", "lr", "1")}),
    "Transformer": Example(
        Transformer,
        "adam",
        IDS,
        next_token,
        {
            ("layers.*.mul", "multiplier", "1/2"),
            *((f"layers.*.{name}.weight", "lr", "1") for name in ("in_proj", "out_proj", "linear1", "linear2")),
            ("decoder.weight", "lr", "1"),
        },
    ),
    "ResNet": Example(
        resnet,
        "sgd",
        points(16, 3, 8, 8),
        classes,
        {
            ("0.weight", "lr", "-1"),
            *((f"{norm}.{which}", "lr", "-1") for norm in ("1", "3.norm1", "3.norm2") for which in ("weight", "bias")),
            ("6.weight", "lr", "1"),
        },
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_after_it_they_pass(name: str) -> None:
    found = EXAMPLES[name].checked(scaled=True)
    assert (found.verdict, str(found.richness), found.findings) == ("PASS", "1/2", ()), found


@pytest.mark.parametrize("name", EXAMPLES)
def test_before_it_what_mup_changes_is_named(name: str) -> None:
    found = EXAMPLES[name].checked(scaled=False)
    assert found.verdict == "FAIL"
    assert {(one.parameter, one.what, str(one.power)) for one in found.findings} == EXAMPLES[name].wrong, found
