"""Checks of models whose names, findings and notes try to be more than words, wherever a report shows them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import nn

import scalings
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_findings import ModelFinding

NAMES = (
    "</pre></details><script>a`b|c</script>",
    "x\x1b[31m\x00\x9by \ud800\u202e - \n# ```{{ 7*7 }}",
    'q-"]]> &amp; $x$ \\',
)
"""Of layers, which is what a module may call them, and more than any does."""
WORDS = (
    "<img src=x onerror=a()> </li></section><script>a()</script> \x1b[2J\x00\ud800 "
    "`a` **b** [c](http://d.e) | $f$ @g {{ 7*7 }}"
)
"""Where a report has sentences."""


class Named(nn.Module):
    """A perceptron whose layers have these names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (6, width, width, 3)
        for number, name in enumerate(NAMES):
            self.add_module(name, nn.Linear(sizes[number], sizes[number + 1], bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name in NAMES:
            x = torch.tanh(self._modules[name](x))  # type: ignore[misc]
        return x


@cache
def checked(*, right: bool = False) -> ModelCheck:
    """The check of such a model under one learning rate for all, or of its repair."""
    if right:
        repaired = checked().repaired
        assert repaired
        return repaired.check(quick=True)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    return scalings.check_model(Named, lambda model: torch.optim.AdamW(model.parameters(), 1e-3), x, quick=True)


def hostile(**parts: object) -> ModelCheck:
    """The same with words in all places that hold sentences."""
    found = checked()
    finding = ModelFinding(WORDS, "lr", None, WORDS)
    agreement = replace(found.agreement, reason=WORDS)
    tensors = {WORDS: replace(next(iter(found.tensors.values())), reason=WORDS)}
    given = {"reason": WORDS, "findings": (finding,), "notes": (WORDS,), "agreement": agreement, "tensors": tensors}
    return replace(found, **given, verified=replace(found, reason=WORDS), **parts)
