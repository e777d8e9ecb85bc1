"""The three terms of what a weight of a module makes, by the call of its function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.engines.module.terms import Use, Uses, terms
from empirical.models.training import Own
from scalings.studies.model_checks import check_model

Call = Callable[[Tensor, nn.Parameter], tuple[Any, tuple[Any, ...]]]
BIAS = torch.tensor([5.0, -3.0, 2.0, 1.0])
CALLS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Call]] = {
    "linear": ((2, 3, 6), (4, 6), lambda h, w: (functional.linear, (h, w, BIAS))),
    "without bias": ((2, 3, 6), (4, 6), lambda h, w: (functional.linear, (h, w))),
    "matmul": ((2, 3, 6), (6, 4), lambda h, w: (torch.matmul, (h, w))),
    "transposed": ((2, 3, 6), (4, 6), lambda h, w: (torch.Tensor.__matmul__, (h, w.T))),
    "square": ((5, 4), (4, 4), lambda h, w: (torch.mm, (h, w.t()))),
    "conv1d": ((2, 6, 9), (4, 6, 3), lambda h, w: (functional.conv1d, (h, w, BIAS, 2, 1))),
    "conv2d": ((2, 6, 5, 5), (4, 3, 3, 3), lambda h, w: (functional.conv2d, (h, w, None, 1, 1, 1, 2))),
}


@pytest.mark.parametrize("kind", CALLS)
def test_the_terms_are_the_change_without_the_bias(kind: str) -> None:
    reads, shape, call = CALLS[kind]
    before, after = torch.randn(reads), torch.randn(reads)
    weight = nn.Parameter(torch.randn(shape))
    start = weight.detach().clone()
    function, args = call(before, weight)
    at_first, first = function(*args).detach(), Use.of(function, args, {}, weight)
    with torch.no_grad():
        weight += torch.randn(shape)
    function, args = call(after, weight)
    now = Use.of(function, args, {}, weight)
    assert first
    assert now
    moved, change = weight.detach() - start, after - before
    parts = [now.made(*one) for one in ((before, moved), (change, start), (change, moved))]
    assert torch.allclose(sum(parts, torch.zeros(())), function(*args).detach() - at_first, atol=1e-4)
    sizes = [float(part.norm()) / math.sqrt(part.numel() / 4) for part in parts]
    assert list(terms(first, now, start).values()) == pytest.approx(sizes)


def test_rows_of_an_embedding_that_are_read_have_no_passthrough() -> None:
    weight = nn.Parameter(torch.zeros(5, 4))
    ids, others = torch.tensor([[1, 2]]), torch.tensor([[1, 3]])
    first = Use.of(torch.embedding, (weight, ids), {}, weight)
    assert first
    start = weight.detach().clone()
    with torch.no_grad():
        weight[1] = 1.0
    assert terms(first, first, start) == {"layer": pytest.approx(math.sqrt(2.0))}
    other = Use.of(torch.embedding, (weight, others), {}, weight)
    assert other
    assert not other.reads_as(first)
    assert first.reads_as(first)


@pytest.mark.parametrize(
    ("function", "made"),
    [
        (functional.linear, lambda h, w: (h, w * 2.0)),  # of a product of the weight
        (functional.linear, lambda h, w: (h, w.detach().clone())),
        (torch.matmul, lambda h, w: (h, w[:, :])),  # another view than the transpose
        (torch.add, lambda h, w: (h, w)),  # not linear in each
    ],
    ids=["scaled", "copied", "view", "sum"],
)
def test_other_calls_have_no_terms(function: Any, made: Any) -> None:
    weight = nn.Parameter(torch.ones(4, 4))
    assert Use.of(function, made(torch.ones(3, 4), weight), {}, weight) is None


def test_an_update_along_what_is_read_does_more_than_any_other() -> None:
    n = 256
    h, weight = torch.randn(1, n), nn.Parameter(torch.zeros(n, n))
    uses = Uses({"z": ("layer", weight, Own(weight))})
    uses.begin("z", functional.linear, (h, weight), {})
    found = []
    for update in (torch.randn(n, 1) @ h, torch.randn(n, n)):
        with torch.no_grad():
            weight.copy_(update / update.norm())
        uses.end("z", functional.linear, (h, weight), {})
        found.append(uses.found["layer", "layer"])
    assert found[0] / found[1] == pytest.approx(math.sqrt(n), rel=0.2)


@pytest.mark.parametrize("biased", [True, False])
def test_a_check_compares_them(biased: bool) -> None:
    def build(n: int) -> nn.Module:
        layers = [nn.Linear(10, n, bias=biased), nn.Linear(n, n, bias=biased), nn.Linear(n, 2, bias=biased)]
        for place, layer in enumerate(layers):
            fan = layer.in_features
            nn.init.normal_(layer.weight, std=(1 / fan if place == 2 else fan**-0.5))
        return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])

    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        rates = {name: 1.0 / one.shape[1] if one.dim() > 1 and name[0] != "0" else 0.01 for name, one in
                 model.named_parameters()}  # fmt: skip
        return torch.optim.Adam([{"params": [one], "lr": rates[name]} for name, one in model.named_parameters()])

    torch.manual_seed(0)
    batch = torch.randn(16, 10)
    check = check_model(build, optimizer, batch, lambda output: (output - batch[:, :2]).square().mean())
    assert check.verdict == "PASS", str(check)
    compared = {(one.of.layer, one.of.quantity): one for one in check.agreement.comparisons if one.of.step == 3}
    assert compared["0", "layer"].role == compared["2", "layer"].role == "asserted"
    assert compared["2", "passthrough"].role == "asserted"
    assert compared["4", "layer"].role == "upper bound"  # two units, whose noise no width averages
    assert ("0", "passthrough") not in compared  # the data do not change
