"""Models whose output is a square of what starts small: a VAE that gives its divergence, distances to prototypes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalings.studies.model_checks import check_model
from tests.empirical.tracing.zoo import points

INPUTS = points(16, 6)
CLASSES = torch.arange(6) % 3


class Encoder(nn.Module):
    """Two layers, and what a few units read of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second, self.mean = nn.Linear(6, width), nn.Linear(width, width), nn.Linear(width, 4)
        for name, parameter in self.named_parameters():
            n = parameter.shape[-1]
            nn.init.normal_(
                parameter, std=0.0 if "bias" in name else {"first": 0.4, "second": n**-0.5}.get(name[:-7], 1 / n)
            )

    def code(self, x: Tensor) -> Tensor:
        code: Tensor = self.mean(functional.relu(self.second(functional.relu(self.first(x)))))
        return code


class Prototypes(Encoder):
    """Scores are squared distances to the means of classes."""

    def forward(self, x: Tensor) -> Tensor:
        code = self.code(x)
        means = code[:6].unflatten(0, (2, 3)).mean(0)
        return -(code[6:12, None] - means).square().sum(-1)


class Variational(Encoder):
    """With the Kullback-Leibler divergence of its code as a second output."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.up, self.down = nn.Linear(4, width), nn.Linear(width, 6)
        nn.init.normal_(self.up.weight, std=0.5), nn.init.zeros_(self.up.bias)
        nn.init.normal_(self.down.weight, std=1 / width), nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.code(x)
        decoded = self.down(functional.relu(self.up(mean + torch.randn_like(mean))))
        return decoded, mean.square().sum(-1) / 2


def bound(output: tuple[Tensor, Tensor]) -> Tensor:
    decoded, divergence = output
    return (decoded - INPUTS).square().sum(-1).mean() + divergence.mean()


def classified(scores: Tensor) -> Tensor:
    return functional.cross_entropy(scores, CLASSES)


def adam(model: nn.Module, *, wrong: str = "") -> torch.optim.Optimizer:
    """Adam at muP, but for one weight whose rate is that of an input."""
    groups = []
    for name, parameter in model.named_parameters():
        reads_width = parameter.dim() > 1 and parameter.shape[1] > 6 and name != wrong
        groups.append({"params": [parameter], "lr": 1e-3 * (64 / parameter.shape[1] if reads_width else 1)})
    return torch.optim.Adam(groups, lr=1e-3)


MODELS = {"distances": (Prototypes, classified), "divergence": (Variational, bound)}


@pytest.mark.parametrize("which", MODELS)
def test_one_that_is_right_passes(which: str) -> None:
    """It was said to be wrong, since a square of what is small has a small first gradient."""
    build, loss = MODELS[which]
    found = check_model(build, adam, INPUTS, loss, seeds=4)
    assert (found.verdict, found.regime, found.findings) == ("PASS", "rich", ()), found


@pytest.mark.parametrize("wrong", ["second.weight", "mean.weight"])
@pytest.mark.parametrize("which", MODELS)
def test_a_mistake_in_it_is_named_alone(which: str, wrong: str) -> None:
    build, loss = MODELS[which]
    found = check_model(build, lambda model: adam(model, wrong=wrong), INPUTS, loss, quick=True)
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == [(wrong, "lr", "1")]


@pytest.mark.parametrize("which", MODELS)
def test_a_start_that_is_too_large_is_named_alone(which: str) -> None:
    build, loss = MODELS[which]

    def large(width: int) -> nn.Module:
        model = build(width)
        nn.init.normal_(model.mean.weight, std=width**-0.5)
        return model

    found = check_model(large, adam, INPUTS, loss, quick=True)
    assert [(one.parameter, one.what, str(one.power)) for one in found.findings] == [("mean.weight", "init", "1/2")]
