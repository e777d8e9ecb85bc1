"""The optimizers of the table of laws are what their papers say, and a row of the page is what is measured."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from benchmarks import laws
from benchmarks.optimizers import entrywise, preconditioned
from scalings.hyperparameters.update_laws import OPTIMIZERS


def page() -> dict[str, tuple[str, ...]]:
    """The first row of each optimizer, by its name."""
    table = laws.PAGE.read_text().partition("begin -->\n")[2].partition("\n<!--")[0].splitlines()[2:]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]
    return {row[0].partition(" ([")[0]: row for row in cells if row[0]}


@pytest.mark.parametrize(("name", "law"), [("Dion", "muon-spectral"), ("LAMB", "lamb")])
def test_a_row_is_what_is_measured(name: str, law: str) -> None:
    """Of fewer probes; and the law of another optimizer is refused."""
    found = laws.measured(name, points=40, steps=2)
    (row, *_) = laws.rows(found)
    assert row[1:6] == page()[name][1:6]
    assert found.meets(OPTIMIZERS[law]) == "PASS"
    assert found.meets(OPTIMIZERS["sgd"]) == "FAIL"
    assert "not the law of sgd" in found.reason(OPTIMIZERS["sgd"])


def test_the_page_has_every_optimizer() -> None:
    assert list(page()) == list(laws.SUBJECTS)


def steps(made: Callable[[list[Parameter]], torch.optim.Optimizer], gradients: list[Tensor]) -> list[Tensor]:
    """The steps from these gradients, starting at W = 1."""
    weight = Parameter(torch.ones_like(gradients[0]))
    optimizer, found = made([weight]), []
    for gradient in gradients:
        before = weight.detach().clone()
        weight.grad = gradient
        optimizer.step()
        found.append(weight.detach() - before)
    return found


def drawn(count: int, rows: int = 6, columns: int = 4) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(rows, columns, generator=generator, dtype=torch.float64) for _ in range(count)]


def test_each_reduces_to_one_that_is_known() -> None:
    """AdEMAMix without its slow average is Adam, SOAP at first Shampoo, and Scion at first orthogonal."""
    adam = steps(lambda weights: torch.optim.Adam(weights, lr=0.1), drawn(4))
    mixed = steps(lambda weights: entrywise.AdEMAMix(weights, lr=0.1, slow=0.0), drawn(4))
    other = steps(lambda weights: entrywise.AdEMAMix(weights, lr=0.1, slow=500.0), drawn(4))
    assert all(torch.allclose(one, two, atol=1e-7) for one, two in zip(adam, mixed, strict=True))
    assert not torch.allclose(adam[-1], other[-1], atol=1e-3)
    (soap,) = steps(lambda weights: preconditioned.Soap(weights, lr=1.0), drawn(1))
    (shampoo,) = steps(lambda weights: preconditioned.Shampoo(weights, lr=1.0), drawn(1))
    assert torch.allclose(soap, shampoo, atol=1e-6)
    (scion,) = steps(lambda weights: preconditioned.Scion(weights, lr=1.0), drawn(1))
    assert torch.allclose(scion.mT @ scion, 6 / 4 * torch.eye(4, dtype=torch.float64), atol=1e-9)


@pytest.mark.parametrize("name", [name for name, one in laws.SUBJECTS.items() if one.source])
def test_each_goes_downhill(name: str) -> None:
    """Of |W - M|^2 / 2, at a learning rate of its own."""
    target = 1 + drawn(1)[0]
    weight = Parameter(torch.ones_like(target))
    made = laws.SUBJECTS[name].factory([weight])
    losses = []
    for _ in range(20):
        weight.grad = weight.detach() - target
        losses.append(float(weight.grad.norm()))
        made.step()
    assert losses[-1] < losses[0]
