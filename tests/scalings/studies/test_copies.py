"""Copies of a block: one weight in theory, unless one of them is set in another way, which is then named alone."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalings.studies.model_reading import Model, apart, reading, traced_as_one
from scalings.studies.model_settings import parameter_settings
from tests.scalings.studies.test_model_checks import INPUTS, checked, loss


class Layer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.matrix = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.matrix.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.matrix(x))


class Stack(nn.Module):
    """Three layers at muP that are copies of one block, unless one is frozen."""

    def __init__(self, width: int, frozen: bool = False) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, width, bias=False), nn.Linear(width, 3, bias=False)
        self.layers = nn.ModuleList(Layer(width) for _ in range(3))
        nn.init.normal_(self.up.weight, std=0.4)
        nn.init.normal_(self.down.weight, std=1 / width)
        self.layers[1].requires_grad_(not frozen)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.up(x))
        for layer in self.layers:
            x = layer(x)
        found: Tensor = self.down(x)
        return found


ODD = "layers.1.matrix.weight"


def stacked(model: nn.Module, odd: str) -> Any:
    """Muon of the matrices but for the odd one, which has Adam, at its rate or at that of all widths, both or none."""
    parameters = dict(model.named_parameters())
    width = parameters["up.weight"].shape[0]
    matrices = [
        one for name, one in parameters.items() if "matrix" in name and (name != ODD or odd in ("muon", "both"))
    ]
    rest = [
        {"params": [parameters[name]], "lr": lr} for name, lr in (("up.weight", 0.01), ("down.weight", 0.2 / width))
    ]
    if odd in ("adam", "both", "rate"):
        rest.append({"params": [parameters[ODD]], "lr": 0.2 / (64 if odd == "rate" else width)})
    return [torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0), torch.optim.Adam(rest)]


@pytest.mark.parametrize("odd", ["muon", "adam", "both", "none", "frozen"])
def test_one_copy_of_a_block_that_is_treated_in_another_way_is_named(odd: str) -> None:
    """In theory copies are one weight; where the optimizer, or the model itself, takes one apart, each is by itself."""
    given = traced_as_one(lambda n: Stack(n, odd == "frozen"), INPUTS, loss, (32, 64, 128))

    def make(model: nn.Module) -> Any:
        return stacked(model, "muon" if odd == "frozen" else odd)

    one_by_one = apart(given, make)
    rows, notes = parameter_settings(
        one_by_one.network,
        one_by_one.network.translation,
        reading(Model(given.build, make, INPUTS, loss), one_by_one, steps=1).seen,
    )
    copies = {row.weight: row for row in rows if "matrix" in row.weight}
    if odd == "muon":
        assert one_by_one.network is given.network
        assert copies.keys() == {"layers.*.matrix.weight"}
        assert notes == []
        return
    assert copies.keys() == {f"layers.{number}.matrix.weight" for number in range(3)}
    said = copies[ODD].untrained or copies[ODD].moved_twice or "; ".join(notes)
    assert (
        said
        == {
            "adam": f"left out by Muon: {ODD}, hidden like those that it trains, but trained by adam",
            "both": "by Muon and Adam",
            "none": "is in no group of the optimizer",
            "frozen": "is frozen: it asks for no gradient",
        }[odd]
    )
    assert not any(row.untrained or row.moved_twice for name, row in copies.items() if name != ODD)


@pytest.mark.slow
def test_a_check_names_the_copy_and_nothing_else() -> None:
    named = {
        odd: [(one.parameter, one.what) for one in checked(Stack, make, seeds=1, steps=1).findings]
        for odd in ("muon", "adam", "both", "none", "rate")
        for make in [partial(stacked, odd=odd)]
    }
    wrong = {"both": "twice", "none": "untrained", "rate": "lr"}
    assert named == {"muon": [], "adam": [], **{odd: [(ODD, what)] for odd, what in wrong.items()}}


@pytest.mark.slow
def test_a_copy_that_starts_otherwise_is_named() -> None:
    def build(width: int, power: float) -> nn.Module:
        model = Stack(width)
        nn.init.normal_(model.get_parameter(ODD), std=0.5 * width**power)
        return model

    muon = partial(stacked, odd="muon")
    assert checked(partial(build, power=-0.5), muon, seeds=1, steps=1).findings == ()
    [finding] = checked(partial(build, power=0.0), muon, seeds=1, steps=1).findings
    assert (finding.parameter, finding.what, str(finding.power)) == (ODD, "init", "1/2")


def rated(model: nn.Module, lr: float, decay: float) -> Any:
    """Adam with the odd copy's rate and decay by further powers of the width."""
    width = model.get_parameter("up.weight").shape[0]
    wide = width / 32

    def group(name: str, one: nn.Parameter) -> dict[str, Any]:
        odd = name == ODD
        return {
            "params": [one],
            "lr": 0.01 * wide ** (-1 + lr * odd) * (3 if "layers.0" in name else 1),
            "weight_decay": 0.01 * wide ** (1 + decay * odd),
        }

    return torch.optim.AdamW([group(name, one) for name, one in model.named_parameters()])


@pytest.mark.parametrize(("lr", "decay"), [(0.25, 0.0), (0.0, 0.25), (1 / 12, 0.0), (0.0, 0.0)])
def test_rates_of_copies_are_compared_as_numbers(lr: float, decay: float) -> None:
    """By less than a half they differ, too; a constant is none of the width."""
    given = traced_as_one(Stack, INPUTS, loss, (32, 64, 128))
    make = partial(rated, lr=lr, decay=decay)
    found = apart(given, make)
    assert (found.network is given.network) == (lr == decay == 0)
    seen = reading(Model(given.build, make, INPUTS, loss), found, steps=1).seen
    rows, _ = parameter_settings(found.network, found.network.translation, seen)
    odd = {(str(row.lr), str(row.decay)) for row in rows if row.weight in (ODD, "layers.*.matrix.weight")}
    assert odd == {(str(Fraction(lr - 1).limit_denominator(12)), str(Fraction(decay + 1).limit_denominator(12)))}


@pytest.mark.parametrize("power", [0.0, 0.25])
def test_starts_of_copies_are_compared_as_well_as_one_draw_tells(power: float) -> None:
    def build(width: int) -> nn.Module:
        model = Stack(width)
        nn.init.normal_(model.get_parameter(ODD), std=2 * width ** (power - 0.5))
        return model

    given = traced_as_one(build, INPUTS, loss, (32, 64, 128))
    assert (apart(given, partial(rated, lr=0.0, decay=0.0)).network is given.network) == (power == 0)
