"""What would mend a model: numbers in its code where they are wrong, or other numbers, where these make up for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalings.results.checks import Repair
from scalings.studies.early_orders import comparable
from scalings.studies.model_findings import of_conflict
from scalings.studies.model_reading import Model, Reading, reading, traced_as_one
from scalings.studies.model_theory import ModelTheory, theory_of
from scalings.studies.prescribed_models import repaired_model
from tests.scalings.studies.planted import IDS, VECTORS, VOCABULARY, Case, Language, Perceptron, classes, tokens
from tests.scalings.studies.test_model_tensors import Transformed

WIDTHS = (24, 64, 256)
STEPS = 2


def read(build: Any, optimizer: Any, loss: Callable[[Tensor], Tensor] = classes, data: Any = VECTORS) -> Reading:
    return reading(Model(build, optimizer, data, loss), traced_as_one(build, data, loss, WIDTHS), steps=STEPS)


def theory(case: Case) -> tuple[Reading, ModelTheory]:
    found = read(case.build, case.optimizer, case.loss, case.data)
    return found, theory_of(found, STEPS)


@pytest.mark.slow
def test_other_numbers_make_up_for_one_in_the_code() -> None:
    given, found = theory(Case(Perceptron, options={"power": 0.5}))
    assert isinstance(found.causes, Repair)
    assert [one[:2] for one in found.causes.changes] == [("times.mul", "scale")]
    assert isinstance(found.remedy, Repair)
    assert found.remedy.changes
    assert not any(which == "scale" for _, which, _, _ in found.remedy.changes)
    assert found.remedy.verdict.nontrivial
    assert not found.code_remains
    [remark] = found.remarks
    assert remark.startswith("this leaves the multipliers in the code as they are")
    repaired = repaired_model(given, found.remedy, found.remarks)
    assert repaired
    changed = {(rule.weight, what) for rule in repaired.prescription.rules for what in rule.changed}
    layers = {row.layer: row.weight for row in given.rows}
    assert changed == {(layers[layer], which) for layer, which, _, _ in found.remedy.changes}


def test_where_none_do_the_code_is_to_be_changed_first() -> None:
    """The tied readout may not be divided by n by any start or rate of the embedding."""
    given, found = theory(Case(Language, options={"tied": True, "output": -0.5}))
    assert isinstance(found.causes, Repair)
    assert [which for _, which, _, _ in found.causes.changes] == ["scale"]
    assert found.remedy == found.causes
    assert found.code_remains
    assert found.remarks[0].startswith("first change the multipliers in the code")
    assert repaired_model(given, found.remedy, found.remarks) is None


def test_of_a_right_model_nothing_is_remarked() -> None:
    given, found = theory(Case(Perceptron))
    assert isinstance(found.remedy, Repair)
    assert (found.remedy.changes, found.remarks, found.conflict, found.code_remains) == ((), (), None, False)
    assert repaired_model(given, found.remedy) is None


class Tied(nn.Module):
    """An embedding that is the readout as well, with no number in between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.one = nn.Embedding(VOCABULARY, width), nn.Linear(width, width, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        return functional.linear(torch.tanh(self.one(self.embed(ids))), self.embed.weight).flatten(0, 1)


@pytest.mark.slow
def test_what_no_numbers_mend_has_a_conflict_and_the_rest_of_a_repair() -> None:
    """The multiplier that the code lacks, and the numbers that are to be changed beside it."""
    given = read(Tied, lambda model: torch.optim.Adam(model.parameters()), tokens, IDS)
    found = theory_of(given, STEPS)
    assert found.conflict
    assert found.conflict.add
    assert found.structure
    assert found.causes == found.remedy == found.structure.repair
    [finding, *_] = of_conflict(found.conflict, found.structure, given.problem.network)
    assert finding.what == "structure"
    assert finding.sentence.startswith("multiply by 1/n, in the code, what embed:2 reads from tanh"), finding
    assert found.code_remains
    assert "first change the multipliers in the code as said" in found.remarks[0]
    repaired = repaired_model(given, found.remedy)
    assert repaired
    assert {rule.name for rule in repaired.prescription.rules if rule.changed} == {"one.weight"}


def test_what_no_rule_covers_is_not_repaired() -> None:
    """There measured orders decide, and starts stay as they are; in front of it theory has its say."""
    case = Case(Transformed, starts={"down.weight": 0.5}, rates={"one.weight": 1.0})
    given, found = theory(case)
    assert isinstance(found.causes, Repair)
    assert {layer for layer, _, _, _ in found.causes.changes} == {"one"}
    repaired = repaired_model(given, found.remedy)
    assert repaired
    assert repaired.prescription.by_name["down.weight"].changed == ()
    _, control = theory(Case(Perceptron, starts={"down.weight": 0.5}, rates={"one.weight": 1.0}))
    assert isinstance(control.causes, Repair)
    assert {layer for layer, _, _, _ in control.causes.changes} == {"one", "down"}


def normalized(width: int) -> nn.Sequential:
    """The first bias is in front of a batch normalization, which takes it away again."""
    layers = nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width), nn.Tanh()
    return nn.Sequential(*layers, nn.Linear(width, 5))


def test_what_a_repair_takes_for_granted_is_said() -> None:
    _, found = theory(Case(Perceptron, left_out="up.weight", rates={"one.weight": 1.0}))
    assert found.remarks == ("let the optimizer train up.weight, too: these numbers take it that it does",)
    _, frozen = theory(Case(Perceptron, frozen=("up.weight",), rates={"one.weight": 1.0}))
    assert frozen.remarks == ()


def test_gradients_in_half_precision_are_not_taken_for_rounding() -> None:
    case = Case(Perceptron)
    found = read(lambda width: case.build(width).bfloat16(), case.optimizer, data=VECTORS.bfloat16())
    assert not any("rounding" in note for note in found.notes)


def test_a_model_that_nothing_moves_is_not_said_to_round() -> None:
    given, _ = theory(Case(Perceptron, zero="b two down"))
    assert not any("rounding" in note for note in given.notes)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_how_far_a_bias_moves_that_has_no_effect_is_not_judged(kind: Any) -> None:
    found = read(normalized, lambda model: kind(model.parameters(), lr=1e-3))
    assert [note for note in found.notes if "0.bias" in note] == [note for note in found.notes if "rounding" in note]
    assert "3.bias" not in "".join(note for note in found.notes if "rounding" in note)
    asked = {(one.layer, one.quantity) for one in comparable(found, theory_of(found, STEPS).predicted, ())}
    assert ("0.bias", "dW_frobenius") not in asked
    assert {("0.bias", "z"), ("0", "dW_frobenius"), ("3.bias", "dW_frobenius")} <= asked
