"""The matrix-free engine is a Gaussian matrix: consistent with itself, in law the dense one, and wide."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from empirical.data import examples
from empirical.engines.mlp import drawing, training
from empirical.engines.mlp.perceptron import perceptron
from empirical.sweeps.measure import measure
from empirical.tensors.buffers import BufferPool
from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.random_numbers import Stream
from scalings.criteria.observables import Observable
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.results.fits import Fit
from scalings.results.trials import Training
from tests.empirical.wrong_matrices import MISTAKES

pytestmark = pytest.mark.usefixtures("one_thread")

SETUP = Training(batch=8, steps=2)
TRAINED = (
    Observable("W_frobenius", "layer2", 2),
    Observable("z", "layer2", 0),
    Observable("d", "layer1", 0),
    Observable("passthrough", "layer2", 1),
    Observable("passthrough", "layer2", 2),
    Observable("dd", "layer1", 2),
    Observable("dW_spectral", "layer2", 2),
    Observable("loss", "", 2),
)


def gaussian(fan_out: int, fan_in: int, scale: float = 1.0, seed: int = 0, kind: type = GaussianMatrix):
    return kind((fan_out, fan_in), scale, Stream((seed,)))


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def worst_inconsistency(matrix: GaussianMatrix, rounds: int = 50) -> float:
    """Largest deviation from one linear map and its adjoint, over blocks new, old, dependent and fed back."""
    fan_out, fan_in = matrix.shape
    vs, ws, us, xs = [], [], [], []
    v = normals(3, fan_in)
    for number in range(rounds):
        w = matrix.apply(v)
        x = matrix.apply_transpose(u := torch.tanh(w) + normals(3, fan_out, seed=number))
        vs, ws, us, xs = [*vs, v], [*ws, w], [*us, u], [*xs, x]
        v = x / x.norm() + normals(3, fan_in, seed=1000 + number) / math.sqrt(fan_in)
        v[2] = v[0] + 1e-6 * v[2]
    v, w, u, x = (torch.cat(blocks) for blocks in (vs, ws, us, xs))
    mix = normals(5, len(v), seed=5000)
    gaps = [
        (u @ w.mT - x @ v.mT) / (u.norm(dim=1)[:, None] * w.norm(dim=1)),
        (matrix.apply(v) - w) / w.norm(dim=1, keepdim=True),
        (matrix.apply_transpose(u) - x) / x.norm(dim=1, keepdim=True),
        (matrix.apply(mix @ v) - mix @ w) / (mix @ w).norm(dim=1, keepdim=True),
    ]
    return max(float(gap.abs().max()) for gap in gaps)


@pytest.mark.parametrize("shape", [(1500, 2000), (700, 90), (60, 60)])
def test_it_is_one_linear_map_after_fifty_rounds(shape: tuple[int, int]) -> None:
    """The small ones are wholly revealed on the way."""
    assert worst_inconsistency(gaussian(*shape)) < 1e-9


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_conditioning_is_inconsistent(mistake: type[GaussianMatrix]) -> None:
    assert worst_inconsistency(gaussian(400, 300, kind=mistake), rounds=5) > 1e-3


def test_dependent_directions_are_dropped() -> None:
    matrix, v = gaussian(200, 100), normals(4, 100)
    first = matrix.apply(torch.cat([v, v[:2] + v[2:], 0 * v[:1]]))
    assert matrix.ranks == (4, 0)
    torch.testing.assert_close(matrix.apply(v[:2] + v[2:]), first[4:6], rtol=0, atol=1e-11)
    assert matrix.ranks == (4, 0)
    assert (first[6] == 0).all()


@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_a_smooth_block_is_spanned(dtype: torch.dtype, rounding: float) -> None:
    """Of 64 vectors on one smooth curve each lies almost in the span of the others, and few are ever new."""
    times = torch.linspace(0, 1, 64, dtype=torch.float64)[:, None]
    block = torch.sin(normals(1, 500) + times * normals(1, 500, seed=1)).to(dtype)
    matrix = GaussianMatrix((400, 500), 1.0, Stream((0,)), pool=BufferPool(kind=dtype))
    whole = matrix.apply(block)
    rows = torch.cat([matrix.apply(row) for row in block.split(1)])
    assert float((rows - whole).norm(dim=1).max() / whole.norm(dim=1).min()) < rounding
    assert float((block - block @ matrix.inputs.basis.mT @ matrix.inputs.basis).norm(dim=1).max()) < rounding
    assert matrix.inputs.count < 20


def test_lone_directions_close_to_the_basis_are_orthogonal_to_it() -> None:
    """One row at a time, until the space is full and all that is left of a row is rounding."""
    matrix, first = gaussian(8, 40), normals(1, 40)
    for seed in range(1, 80):
        matrix.apply(first + 1e-8 * normals(1, 40, seed=seed))
    basis = matrix.inputs.basis
    torch.testing.assert_close(basis @ basis.mT, torch.eye(40, dtype=torch.float64), rtol=0, atol=1e-13)


def test_bases_of_nearly_dependent_directions_are_orthonormal() -> None:
    matrix, v = gaussian(300, 200), normals(1, 200)
    for round in range(3):
        matrix.apply(v + torch.logspace(-11, 0, 12, dtype=torch.float64)[:, None] * normals(12, 200, seed=round))
    basis = matrix.inputs.basis
    torch.testing.assert_close(basis @ basis.mT, torch.eye(len(basis), dtype=torch.float64), rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("share", [0.3, 0.1, 0.04])
def test_rounding_does_not_grow_from_block_to_block(share: float, dtype: torch.dtype) -> None:
    """Each vector is the last new direction, as training by momentum has them, and a small share of another.

    Were one pass enough wherever it leaves 0.03 of a vector, rows would have inner products of 0.6 to 0.9 in the end.
    """
    exact = torch.linalg.qr(normals(300, 50))[0].T
    matrix = GaussianMatrix((20, 300), 1.0, Stream((0,)), pool=BufferPool(kind=dtype))
    for number in range(50):
        vector = exact[number] * (share if number else 1.0) + exact[number - 1] * bool(number)
        matrix.apply(vector[None].to(dtype))
    basis = matrix.inputs.basis
    assert len(basis) == 50
    away = float((basis @ basis.mT - torch.eye(50, dtype=dtype)).abs().max())
    assert away <= 1e3 * torch.finfo(dtype).eps


@pytest.mark.parametrize("seed", range(8))
def test_a_dependent_row_takes_nothing_from_those_after_it(seed: int) -> None:
    """It is a mixture of rows that are themselves nearly dependent: Cholesky finds that out in its second pass only."""
    matrix, few = gaussian(40, 30, seed=seed), normals(6, 30, seed=seed)
    close = few[:3] + 1e-3 * few[3:]
    mixture = (few[:3] - close) * 3 + few[:1]
    block = torch.cat([few[:3], close, mixture, normals(5, 30, seed=100 + seed)])
    image = matrix.apply(block)
    assert matrix.ranks == (11, 0)
    basis = matrix.inputs.basis
    torch.testing.assert_close((block @ basis.mT) @ basis, block, rtol=0, atol=1e-11)
    dense = matrix.apply(torch.eye(30, dtype=torch.float64)).mT
    torch.testing.assert_close(image, block @ dense.mT, rtol=0, atol=1e-10)


def test_wholly_revealed_it_is_an_explicit_matrix() -> None:
    """From then on nothing is drawn, and its norm is the one that was said at the start."""
    matrix = gaussian(30, 20, scale=0.7)
    matrix.apply_transpose(normals(7, 30))
    dense = matrix.apply(torch.eye(20, dtype=torch.float64)).mT
    drawn = matrix._stream._count
    block, transposed = normals(40, 20, seed=1), normals(40, 30, seed=2)
    torch.testing.assert_close(matrix.apply(block), block @ dense.mT)
    torch.testing.assert_close(matrix.apply_transpose(transposed), transposed @ dense)
    assert matrix._stream._count == drawn
    assert max(matrix.ranks) <= 30
    assert matrix.frobenius == pytest.approx(float(dense.norm()), rel=1e-12)


def test_scale_zero_is_zero_and_divergence_is_nan() -> None:
    zero = gaussian(30, 20, scale=0.0)
    assert zero.frobenius == 0
    assert (zero.apply(normals(2, 20)) == 0).all()
    assert gaussian(30, 20).apply(torch.full((2, 20), math.inf, dtype=torch.float64)).isnan().all()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_numbers_are_normal_and_do_not_depend_on_threads(dtype: torch.dtype) -> None:
    before, blocks = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        blocks.append(Stream((3, 4)).fill(torch.empty(3, 2**18, dtype=dtype)))
    torch.set_num_threads(before)
    assert torch.equal(*blocks)
    numbers = blocks[0].flatten().numpy()
    assert stats.kstest(numbers, "norm").pvalue > 0.01
    assert stats.kstest(1.01 * numbers, "norm").pvalue < 0.001
    assert abs(np.corrcoef(blocks[0].numpy())[0, 1]) < 4 * 2**-9


def entries(kind: type[GaussianMatrix], seeds: range) -> np.ndarray:
    """An entry, a singular value and the norm of W / sigma, seen after queries that feed answers back."""
    found = []
    for seed in seeds:
        matrix = gaussian(9, 7, scale=0.5, seed=seed, kind=kind)
        v = normals(2, 7)
        for _ in range(2):
            v = matrix.apply_transpose(torch.relu(matrix.apply(v)))
        dense = matrix.apply(torch.eye(7, dtype=torch.float64)) / 0.5
        top = float(torch.linalg.matrix_norm(dense, ord=2))
        found.append((float(dense[2, 3]), top, float(dense.norm()), matrix.frobenius / 0.5))
    return np.array(found).T


def entry_pvalues(kind: type[GaussianMatrix]) -> list[float]:
    entry, top, norm, said = entries(kind, range(500))
    drawn = np.random.default_rng(0).standard_normal((2000, 9, 7))
    return [
        stats.kstest(entry, "norm").pvalue,
        stats.ks_2samp(top, np.linalg.norm(drawn, ord=2, axis=(1, 2))).pvalue,
        stats.kstest(norm**2, "chi2", args=(63,)).pvalue,
        stats.kstest(said**2, "chi2", args=(63,)).pvalue,
    ]


def trained_pvalues(kind: type[GaussianMatrix], monkeypatch: pytest.MonkeyPatch, first: int = 0) -> list[float]:
    """Two-sample Kolmogorov-Smirnov tests of trained observables against the dense engine's, at width 12.

    Smallest of the eight p-values, on three other sets of 400 seeds: 0.05 to 0.24 for the engine itself, at most
    1e-231 without P^T X q and 6e-11 without the projection.
    """
    monkeypatch.setattr(drawing, "GaussianMatrix", kind)
    at = perceptron(mlp(3, "tanh"), preset("mup", 3), SETUP, 12)
    data = examples.load("digits", SETUP.batch)
    seeds = range(first, first + 400)
    dense, free = (training.train(at, SETUP, data, seeds, "cpu", engine) for engine in ("dense", "matrix-free"))
    return [stats.ks_2samp(dense[observable], free[observable]).pvalue for observable in TRAINED]


@pytest.mark.slow
def test_entries_and_norms_have_the_law_of_a_gaussian_matrix() -> None:
    assert min(entry_pvalues(GaussianMatrix)) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_the_law_of_entries(mistake: type[GaussianMatrix]) -> None:
    assert min(entry_pvalues(mistake)) < 1e-6


@pytest.mark.slow
def test_trained_observables_have_the_law_of_the_dense_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(trained_pvalues(GaussianMatrix, monkeypatch)) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_what_is_trained(mistake: type[GaussianMatrix], monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(trained_pvalues(mistake, monkeypatch)) < 1e-6


def test_chunks_change_nothing() -> None:
    at, data = perceptron(mlp(3), preset("mup", 3), SETUP, 200), examples.load("digits", SETUP.batch)
    together, first, second = (
        training.train(at, SETUP, data, seeds, "cpu", "matrix-free") for seeds in (range(5), range(2), range(2, 5))
    )
    for observable, values in together.items():
        apart = np.concatenate([first[observable], second[observable]])
        np.testing.assert_allclose(values, apart, rtol=1e-9, err_msg=str(observable))


def test_auto_mixes_the_engines_by_width_and_says_so() -> None:
    found = measure(mlp(3), preset("mup", 3), SETUP, widths=(64, 512, 1024), seeds=1, device="cpu")
    assert found.engine == "dense up to width 512, matrix-free above"
    assert {trial.width: trial.engine for trial in found.trials()} == found.engines
    adam = Training(optimizer="adam", batch=8, steps=1)
    assert measure(mlp(3), preset("mup", 3), adam, widths=(8, 16, 1024), seeds=1, device="cpu").engine == "dense"


def test_exponents_of_wide_networks() -> None:
    """At r = 1/2, widths 2^11 to 2^14 with two seeds at the largest."""
    rich = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")
    widths = (2048, 4096, 8192, 16384)
    found = measure(mlp(3), rich, SETUP, widths=widths, seeds=2, device="cpu", engine="matrix-free")
    assert found.engine == "matrix-free"
    orders = {
        "layer": (Fraction(1, 2), Fraction(1, 2), 0),
        "passthrough": (None, Fraction(1, 2), 0),
        "dW_frobenius": (Fraction(1, 2), 0, Fraction(-1, 2)),
        "dW_spectral": (Fraction(1, 2), 0, Fraction(-1, 2)),
    }
    for quantity, by_layer in orders.items():
        for number, exponent in enumerate(by_layer, start=1):
            fit = found.fits.get(Observable(quantity, f"layer{number}", 2))  # type: ignore[arg-type]
            if exponent is not None:
                assert isinstance(fit, Fit)
                assert fit.plain == pytest.approx(float(exponent), abs=0.02)
                assert abs(fit.plain - float(exponent) - 0.25) > 0.2
