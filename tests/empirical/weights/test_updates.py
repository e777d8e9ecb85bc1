"""Updates: dW by itself, in its factors and as a matrix."""

from __future__ import annotations

import re

import pytest
import torch

from empirical.tensors.buffers import BufferPool
from empirical.weights import entrywise_laws, low_rank_laws, updates
from empirical.weights.dense import DenseWeights
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import OPTIMIZERS, is_factored


def test_spectral_norm_of_large_updates() -> None:
    """Factored and elementwise updates at a size where neither takes its small exact path."""
    generator = torch.Generator().manual_seed(0)
    width, seeds = 300, 2
    weights = DenseWeights(torch.zeros(seeds, width, width, dtype=torch.float64), BufferPool())
    for name in ("sgd", "sign", "adam"):
        update = updates.start(name, weights, lr=0.3, multiplier=2.0)
        for _ in range(3):
            d, h = (torch.randn(seeds, 16, width, generator=generator, dtype=torch.float64) for _ in range(2))
            update.step((d,), (h,), (torch.zeros_like(d),))
        dense = update.apply((torch.eye(width, dtype=torch.float64).expand(seeds, -1, -1),)).mT
        torch.testing.assert_close(update.spectral(), torch.linalg.matrix_norm(dense, ord=2), rtol=1e-6, atol=0)
        torch.testing.assert_close(update.frobenius(), torch.linalg.matrix_norm(dense), rtol=1e-10, atol=0)
        block = torch.randn(seeds, 3, width, generator=generator, dtype=torch.float64)
        torch.testing.assert_close(update.apply_transpose((block,)), block @ dense)


def test_nearly_repeated_steps_keep_their_spectral_norm() -> None:
    """The factors of later steps repeat those of earlier ones almost exactly: a singular Gram matrix."""
    generator = torch.Generator().manual_seed(1)
    weights = DenseWeights(torch.zeros(1, 200, 200, dtype=torch.float64), BufferPool())
    update = updates.start("sgd", weights, lr=1.0, multiplier=1.0)
    d, h = (torch.randn(1, 16, 200, generator=generator, dtype=torch.float64) for _ in range(2))
    for step in range(4):
        update.step((d * (1 + 1e-9 * step),), (h,), (torch.zeros_like(d),))
    dense = update.apply((torch.eye(200, dtype=torch.float64)[None],)).mT
    assert float(update.spectral()) == pytest.approx(float(torch.linalg.matrix_norm(dense, ord=2)), rel=1e-9)


@pytest.mark.parametrize("name", ["law:1,0,0,0,0", "clip", "nadam+l2"])
def test_unmeasurable_optimizers_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"expected one of sgd, .* but got '{re.escape(name)}'"):
        updates.check_optimizer(name)


@pytest.mark.parametrize("name", ["sign", "lion", "adam"])
def test_a_law_of_entries_on_slabs_is_that_on_the_whole(name: str) -> None:
    """Two whole slabs of rows and a shorter one, whose moments are their own; at other steps than the first too."""
    generator = torch.Generator().manual_seed(0)
    weights = DenseWeights(torch.zeros(3, 700, 300, dtype=torch.float64), BufferPool())
    update, law = updates.start(name, weights, lr=0.1, multiplier=1.0), entrywise_laws.ENTRYWISE[name]()
    whole, moments = torch.zeros_like(weights.matrix), [torch.zeros_like(weights.matrix) for _ in range(law.moments)]
    for step in range(1, 4):
        d, h = (torch.randn(3, 4, units, generator=generator, dtype=torch.float64) for units in (700, 300))
        update.step((d,), (h,), ())
        whole -= 0.1 * law(d.mT @ h / 4, moments, step, update.frobenius)
    torch.testing.assert_close(update.apply_transpose((torch.eye(700).double().expand(3, -1, -1),)), whole)


def test_zero_weights_take_a_first_step() -> None:
    """A trust ratio of 1, or eps_2 in place of the root mean square: a law of |W| would leave them at zero."""
    signs = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).sign()
    gradient, nothing, some = 0.1 * signs, torch.zeros(2), torch.full((2,), 0.6)
    for law, zero in ((entrywise_laws.Lamb, 15**0.5), (entrywise_laws.Adafactor, 1e-3 * 15**0.5)):
        for weight, size in ((nothing, zero), (some, 0.6)):
            moments = [torch.zeros_like(gradient) for _ in range(law.moments)]
            first = law()(gradient.clone(), moments, 1, lambda weight=weight: weight)
            assert torch.linalg.vector_norm(first, dim=(1, 2)) == pytest.approx(size, rel=1e-5)
    gradient = torch.ones(2, 1, 4)
    for weight, factor in ((nothing, 1.0), (some, 0.3)):
        first = low_rank_laws.plain_law("lars")(gradient.clone(), [], 1, lambda weight=weight: weight)
        assert torch.all(first == factor)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("adamw+l2", "adamw decays already"),
        ("adam+inside", "decay inside the step is lamb's"),
        ("muon+weight", "expected coupled, independent, l2, inside behind the +"),
    ],
)
def test_decays_that_there_are_not_are_named(name: str, says: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(says)):
        updates.check_optimizer(name)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_the_theory_can_be_measured(name: str) -> None:
    """And matrix-free, as far as no entry of a matrix is looked at by itself."""
    updates.check_optimizer(name)
    law = OPTIMIZERS[name]
    assert updates.is_low_rank(name) == (not law.fan_in == law.fan_out == 1 and name not in ("lamb", "adafactor"))
    if law.decay == "none" and name != "sgd" and not is_factored(law):
        assert not updates.is_low_rank(f"{name}+l2")
