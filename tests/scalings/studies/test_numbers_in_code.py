"""Wrong numbers in the code of a model are named by what a person has written; those that do nothing are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import scalings
from scalings.networks.nodes import Factor
from scalings.results.checks import Repair
from scalings.studies.model_checks import ModelCheck
from scalings.studies.model_reading import Model, reading, traced_as_one
from scalings.studies.model_theory import theory_of
from scalings.tapes.network import TracedNetwork
from tests.scalings.studies.planted import VOCABULARY, WIDTHS, Case, Language, Perceptron


def checked(case: Case) -> ModelCheck:
    return scalings.check_model(case.build, case.optimizer, case.data, case.loss, widths=WIDTHS, seeds=2, steps=2)


def said(found: ModelCheck) -> list[tuple[str, str, str]]:
    return [(one.parameter, one.what, str(one.power)) for one in found.findings]


class Normed(Perceptron):
    """With a norm, and a power of the width in front of it, behind it, or in a branch beside what is normalized."""

    def __init__(self, width: int, power: float, where: str) -> None:
        super().__init__(width)
        self.norm, self.factor, self.where = nn.LayerNorm(width, bias=False), width**power, where

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.one(torch.tanh(self.up(x)))) * self.gain
        branch = self.two(x)
        match self.where:
            case "before":
                made = self.norm(self.factor * branch)
            case "behind":
                made = self.factor * self.norm(branch)
            case _:
                made = self.norm(x + self.factor * branch)
        scores: Tensor = self.down(torch.tanh(made))
        return scores


@pytest.mark.slow
@pytest.mark.parametrize("law", ["adam", "sgd"])
@pytest.mark.parametrize(
    ("where", "found"),
    [("before", []), ("behind", [("mul", "multiplier", "1")]), ("beside", [("mul", "multiplier", "1")])],
)
def test_a_number_in_front_of_a_norm_changes_nothing(law: str, where: str, found: list[tuple[str, str, str]]) -> None:
    """norm(n x) is norm(x), forward and backward, by every optimizer; behind the norm, or beside x, n is a mistake."""
    check = checked(Case(Normed, options={"power": 1.0, "where": where}, law=law))
    assert (check.verdict, said(check)) == ("FAIL" if found else "PASS", found), check


def test_in_front_of_a_norm_gradients_are_the_same() -> None:
    one, other = (torch.autograd.grad(loss_of(power), WEIGHT)[0] for power in (0.0, 1.0))
    torch.testing.assert_close(one, other)


WEIGHT = torch.randn(64, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()


def loss_of(power: float) -> Tensor:
    inputs, readout = (torch.linspace(-1, 1, size, dtype=torch.float64) for size in (6, 64))
    return (functional.layer_norm(64**power * (WEIGHT @ inputs), (64,), eps=0.0) @ readout).square()


class Fused(Language):
    """With the fused attention of torch, by itself or given a number."""

    def __init__(self, width: int, scale: float | None = None) -> None:
        super().__init__(width)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) + self.position
        h = self.norm(x)
        q, k, v = (one(h).unflatten(-1, (2, -1)).transpose(1, 2) for one in (self.query, self.key, self.value))
        scale = None if self.scale is None else q.shape[-1] ** self.scale
        mixed = functional.scaled_dot_product_attention(q, k, v, scale=scale)
        found: Tensor = self.down(self.last(x + self.out(mixed.transpose(1, 2).flatten(-2)))).flatten(0, 1)
        return found


@pytest.mark.slow
def test_the_scale_of_fused_attention_is_named_as_such() -> None:
    assert checked(Case(Fused, options={"scale": -1.0})).verdict == "PASS"
    found = checked(Case(Fused))
    assert said(found) == [("mul", "multiplier", "1/2")]
    assert found.reason == (
        "scaled_dot_product_attention at the model multiplies its scores by 1/sqrt(n), and should by 1/n: "
        "give it a scale= like 1/n"
    )
    assert "scale = scale * (n / 24) ** -0.5  # in forward, of its scaled_dot_product_attention" in str(found)


class Whole(nn.Module):
    """With torch's module of attention, which takes no number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.attend = nn.Embedding(5, width), nn.MultiheadAttention(width, 2, bias=False, batch_first=True)
        self.down = nn.Linear(width, 3, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        found: Tensor = self.down(x + self.attend(x, x, x, need_weights=False)[0])
        return found


@pytest.mark.parametrize(
    ("kind", "function"), [(Fused, "scaled_dot_product_attention"), (Whole, "multi_head_attention_forward")]
)
def test_a_trace_knows_whose_a_number_is(kind: type[nn.Module], function: str) -> None:
    """Through a file, too; what the module's own code multiplies by is its own."""

    def read_off(traced: Any) -> set[str]:
        translation = traced.translation
        return {translation.reading[node.name] for node in translation.network.flat if isinstance(node, Factor)}

    ids = torch.arange(5)[None]
    traced = scalings.trace(kind, ids)
    assert read_off(traced) == read_off(TracedNetwork.from_json(traced.to_json())) == {function}
    assert read_off(scalings.trace(Language, ids)) == {"mul"}


class HalfFrozen(nn.Module):
    """A readout that is tied to the embedding, through which no gradient reaches it; or neither use has one."""

    def __init__(self, width: int, *, whole: bool) -> None:
        super().__init__()
        self.embed, self.mix, self.whole = nn.Embedding(VOCABULARY, width), nn.Linear(width, width, bias=False), whole
        nn.init.normal_(self.mix.weight, std=width**-0.5)
        self.embed.weight.requires_grad_(not whole)

    def forward(self, ids: Tensor) -> Tensor:
        x, weight = torch.tanh(self.mix(self.embed(ids))), self.embed.weight.detach()
        return (x @ weight.T / x.shape[-1]).flatten(0, 1)


class Uses:
    """A case that needs no rule of starts."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole

    def build(self, width: int) -> nn.Module:
        return HalfFrozen(width, whole=self.whole)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        given = [
            {"params": [one], "lr": 0.01 if "embed" in name else 0.2 / one.shape[1]}
            for name, one in model.named_parameters()
        ]
        return torch.optim.Adam(given)


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "found"), [(False, []), (True, ["embed.weight"])])
def test_a_weight_is_frozen_if_all_of_its_uses_are(whole: bool, found: list[str]) -> None:
    uses = Uses(whole=whole)
    ids = torch.randint(VOCABULARY, (6, 5), generator=torch.Generator().manual_seed(0))
    check = scalings.check_model(uses.build, uses.optimizer, ids, widths=WIDTHS, seeds=1, steps=1)
    assert [one.parameter for one in check.findings if one.what in ("frozen", "untrained")] == found, check


class Blocks(nn.Module):
    """Residual branches, whose last matrix starts at zero or not."""

    def __init__(self, width: int, *, zero: bool) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width, bias=False), nn.Linear(width, 3, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False))
            for _ in range(3)
        )
        for block in self.blocks if zero else ():
            last: Any = block
            nn.init.zeros_(last[2].weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x)
        for block in self.blocks:
            x = x + block(x)
        return self.down(x)


@pytest.mark.slow
def test_a_branch_that_is_not_zero_is_wrong_in_depth() -> None:
    """In width it may start like any other matrix; in depth branches add up, which `derive` says of the same trace."""

    def answer(zero: bool) -> Any:
        traced = scalings.trace(lambda width: Blocks(width, zero=zero), torch.randn(4, 6))
        assert scalings.derive(traced, "adam").contradiction == ()
        return scalings.derive(traced, "adam", scale="depth")

    assert answer(zero=True).contradiction == ()
    wrong = answer(zero=False)
    assert wrong.contradiction == ("signal propagation",)
    assert wrong.conflict.add == (("blocks.*.2", "add"),)


class Biased(Language):
    """With a bias of the keys, which starts at zero, as mup's transformer has one."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) + self.position
        h = self.norm(x)
        q, k, v = self.query(h), self.key(h), self.value(h)
        k = torch.cat((k, self.shift.expand(len(ids), 1, -1)), dim=1)
        v = torch.cat((v, torch.zeros_like(v[:, :1])), dim=1)
        q, k, v = (one.unflatten(-1, (2, -1)).transpose(1, 2) for one in (q, k, v))
        mixed = functional.scaled_dot_product_attention(q, k, v, scale=1 / q.shape[-1])
        found: Tensor = self.down(self.last(x + self.out(mixed.transpose(1, 2).flatten(-2)))).flatten(0, 1)
        return found


@pytest.mark.slow
@pytest.mark.parametrize(("zero", "rates"), [("shift", 0.0), ("shift down", 0.0), ("shift down", -1.0)])
def test_behind_a_zero_readout_keys_move_an_update_later(zero: str, rates: float) -> None:
    """When queries and values have moved, too; what is too slow is found all the same."""
    case = Case(Biased, zero=zero, rates={"shift": rates})
    model = Model(case.build, case.optimizer, case.data, case.loss)
    read = reading(model, traced_as_one(case.build, case.data, case.loss, (24, 64, 256)), steps=2)
    causes = theory_of(read, 2).causes
    assert isinstance(causes, Repair)
    assert [one[:2] for one in causes.changes] == ([("shift", "lr")] if rates else [])
