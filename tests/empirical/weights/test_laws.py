"""Every law in each of its forms against torch.optim, or a plain version where torch has none, over ten steps.

What is compared is W after each step, by |difference|_F / |W - W(0)|_F. All forms of all laws agree to 220 times the
float64 epsilon at most: ten steps of sums, and in Newton-Schulz iterations and inverse roots another factor of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool
from empirical.tensors.gaussian_matrix import GaussianMatrix
from empirical.tensors.random_numbers import Stream
from empirical.weights import entrywise_laws, low_rank_laws, updates
from empirical.weights.decay import kind, plain
from empirical.weights.dense import DenseWeights, Weights
from empirical.weights.entrywise_laws import Adam, Lamb, Lion
from empirical.weights.explicit_steps import EVERYTHING, ExplicitSteps
from empirical.weights.law import Size
from empirical.weights.low_rank_laws import Momentum, Muon, Shampoo
from empirical.weights.revealed import FreeWeights
from tests.empirical.engines.torch_reference import reference_optimizer

BOUND = 2**11 * torch.finfo(torch.float64).eps
"""Ten times what was measured."""
CLEARLY = 1e4 * BOUND
"""What a wrong law is off by, at the least."""
STEPS, BATCH, SEEDS, MULTIPLIER, LR, DECAY = 10, 3, 2, 2.0, 0.02, 0.4
SHAPES = ((40, 24), (24, 40), (10, 33))
DECAYING = [
    *(
        f"{name}+{how}"
        for name in ("sgd", "momentum", "lars", "muon", "lion", "adafactor", "lamb")
        for how in ("coupled",)
    ),
    *(f"{name}+independent" for name in ("nesterov", "shampoo", "muon-rms", "sign")),
    *(f"{name}+l2" for name in ("momentum", "nesterov", "normalized-sgd", "lars", "muon", "adam", "adafactor", "lamb")),
    "lamb+inside",
    "shampoo:1/8,3/8",
]
NAMES = [*updates.MEASURABLE, *DECAYING]


def steps(shape: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """d and h of ten steps; gradients d^T h whose singular values differ by no more than a factor of ten or so."""
    generator = torch.Generator().manual_seed(5)
    return [
        (
            torch.randn(SEEDS, BATCH, shape[0], generator=generator, dtype=torch.float64),
            torch.randn(SEEDS, BATCH, shape[1], generator=generator, dtype=torch.float64),
        )
        for _ in range(STEPS)
    ]


def gradient(d: Tensor, h: Tensor) -> Tensor:
    return MULTIPLIER * d.mT @ h / BATCH


def initial(shape: tuple[int, int]) -> Tensor:
    return torch.randn(SEEDS, *shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64) / 5


def by_torch(optimizer: str, start: Tensor, *, muon: bool = False) -> Iterator[Tensor]:
    """W after each step."""
    weights = [torch.nn.Parameter(matrix.clone()) for matrix in start]
    made = [
        reference_optimizer(optimizer, [{"params": weight, "lr": LR}], DECAY, torch_muon=muon) for weight in weights
    ]
    for d, h in steps(tuple(start.shape[1:3])):
        for weight, grad, one in zip(weights, gradient(d, h), made, strict=True):
            weight.grad = grad.view_as(weight)
            one.step()
        yield torch.stack([weight.detach().clone() for weight in weights])


def by_engine(optimizer: str, weights: Weights, start: Tensor) -> Iterator[Tensor]:
    """W after each step of a layer of a multilayer perceptron."""
    update = updates.start(optimizer, weights, lr=LR, multiplier=MULTIPLIER, decay=DECAY, rank=STEPS * BATCH)
    every = torch.eye(start.shape[2], dtype=torch.float64).expand(SEEDS, -1, -1)
    for d, h in steps(tuple(start.shape[1:])):
        update.step((d / 4, 3 * d / 4), (h,), (MULTIPLIER * weights.apply(h),))
        kept = start if update.shrunk is None else (1 - update.shrunk) * start
        change = update.apply((every,)).mT
        torch.testing.assert_close(update.inner(), (start * change).sum(dim=(1, 2)))
        yield kept + change


def by_matrices(optimizer: str, start: Tensor) -> Iterator[Tensor]:
    """W after each step of a graph's weight."""
    update = torch.zeros_like(start)
    law = ExplicitSteps(optimizer, start, update, lr=LR, decay=DECAY)
    for d, h in steps(tuple(start.shape[1:])):
        law.step([(EVERYTHING, gradient(d, h))])
        yield (start if law.shrunk is None else (1 - law.shrunk) * start) + update


def worst(found: Iterator[Tensor], expected: Iterator[Tensor], start: Tensor) -> float:
    """The largest relative error of a change, of all steps and seeds."""
    errors = [
        (torch.linalg.vector_norm(a - b, dim=(1, 2)) / torch.linalg.vector_norm(b - start, dim=(1, 2))).max()
        for a, b in zip(found, expected, strict=True)
    ]
    return float(torch.stack(errors).max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optimizer", NAMES)
def test_matrices_step_as_in_torch(optimizer: str, shape: tuple[int, int]) -> None:
    start = initial(shape)
    error = worst(by_matrices(optimizer, start), by_torch(optimizer, start), start)
    assert error < BOUND


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optimizer", NAMES)
def test_dense_layers_step_as_in_torch(optimizer: str, shape: tuple[int, int]) -> None:
    start = initial(shape)
    found = by_engine(optimizer, DenseWeights(start, BufferPool()), start)
    error = worst(found, by_torch(optimizer, start), start)
    assert error < BOUND


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optimizer", [name for name in NAMES if updates.is_low_rank(name)])
def test_matrix_free_layers_step_as_in_torch(optimizer: str, shape: tuple[int, int]) -> None:
    pool = BufferPool()
    matrices = [GaussianMatrix(shape, 0.2, Stream((seed, 0, 0), "cpu"), room=64, pool=pool) for seed in range(SEEDS)]
    weights = FreeWeights(matrices, pool)
    start = weights.apply(torch.eye(shape[1], dtype=torch.float64).repeat(SEEDS, 1, 1)).mT.clone()
    error = worst(by_engine(optimizer, weights, start), by_torch(optimizer, start), start)
    assert error < BOUND


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optimizer", ["muon", "muon-jordan", "muon-rms", "muon+coupled", "muon-rms+coupled"])
def test_muon_is_that_of_torch(optimizer: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """adjust_lr_fn "original" is muon-jordan, "match_rms_adamw" is muon-rms, and muon has no adjustment.

    torch iterates in bfloat16, from which it is kept: on gradients of low rank that makes another step, since the
    iterations raise its rounding, 2^-9, by 3.4445^5 to the size of the step itself.
    """
    pytest.importorskip("torch", minversion="2.9")
    start = initial(shape)
    rounded = worst(by_matrices(optimizer, start), by_torch(optimizer, start, muon=True), start)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    exact = worst(by_matrices(optimizer, start), by_torch(optimizer, start, muon=True), start)
    assert exact < BOUND < 0.1 < rounded


@pytest.mark.parametrize(
    "optimizer", ["sgd", "momentum", "nesterov", "sgd-l2", "adam", "adamw", "adafactor", "sign", "lion", "lamb", "lars"]
)
def test_a_vector_is_a_matrix_of_one_column(optimizer: str) -> None:
    """torch's laws of vectors, Adafactor's without factors among them."""
    start = initial((17, 1))

    def of_vectors() -> Iterator[Tensor]:
        for weight in by_vectors(optimizer, start):
            yield weight[..., None]

    assert worst(by_matrices(optimizer, start), of_vectors(), start) < BOUND


def by_vectors(optimizer: str, start: Tensor) -> Iterator[Tensor]:
    weights = [torch.nn.Parameter(matrix[:, 0].clone()) for matrix in start]
    made = [reference_optimizer(optimizer, [{"params": weight, "lr": LR}], DECAY) for weight in weights]
    for d, h in steps((17, 1)):
        for weight, grad, one in zip(weights, gradient(d, h), made, strict=True):
            weight.grad = grad[:, 0].clone()
            one.step()
        yield torch.stack([weight.detach().clone() for weight in weights])


class Uncorrected(Adam):
    """Moments that are not corrected for bias."""

    def __call__(self, gradient: Tensor, moments: Sequence[Tensor], _step: int, size: Size) -> Tensor:
        return super().__call__(gradient, moments, 10**6, size)


@pytest.mark.parametrize(
    ("optimizer", "wrong"),
    [
        ("adam", lambda: Adam((0.9, 0.998))),
        ("adam", lambda: Adam((0.901, 0.999))),
        ("adam", Uncorrected),
        ("lion", lambda: Lion((0.9, 0.98))),
        ("lamb", lambda: Lamb(Adam((0.9, 0.998)))),
        ("momentum", lambda: Momentum(0.901)),
        ("momentum", lambda: Momentum(0.9, nesterov=True)),
        ("muon", lambda: Muon(momentum=Momentum(0.951, nesterov=True))),
        ("muon", lambda: Muon(momentum=Momentum(0.95))),
        ("muon", lambda: Muon(lambda *_: 1.001)),
        ("shampoo", lambda: Shampoo(0.25, 0.251)),
        ("lars+coupled", lambda: low_rank_laws.Scaled(lambda gradient, weight: weight() / (gradient + 1e-3))),
    ],
)
def test_a_law_that_is_a_little_wrong_is_refused(
    optimizer: str, wrong: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a constant off by 1e-3, or a correction left out, is no rounding."""
    name = plain(optimizer)
    laws = entrywise_laws.ENTRYWISE if name in entrywise_laws.ENTRYWISE else low_rank_laws.LOW_RANK
    monkeypatch.setitem(laws, name, wrong)  # type: ignore[arg-type]
    start = initial((40, 24))
    expected = list(by_torch(optimizer, start))
    dense = by_engine(optimizer, DenseWeights(start, BufferPool()), start)
    for found in (by_matrices(optimizer, start), dense):
        assert worst(found, iter(expected), start) > CLEARLY


@pytest.mark.parametrize("optimizer", [name for name in NAMES if kind(name) != "none"])
def test_decay_that_is_a_little_wrong_is_refused(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = initial((40, 24))
    expected = list(by_torch(optimizer, start))
    monkeypatch.setattr("tests.empirical.weights.test_laws.DECAY", DECAY * 1.001)
    assert worst(by_matrices(optimizer, start), iter(expected), start) > CLEARLY


@pytest.mark.parametrize("epsilon", [1e-6, 0.3, 1e4])
def test_adams_epsilon_is_torchs(epsilon: float) -> None:
    start, generator = initial((40, 24)), torch.Generator().manual_seed(0)
    update, weight = torch.zeros_like(start), torch.nn.Parameter(start.clone())
    steps = ExplicitSteps("adam", start, update, lr=LR, epsilon=epsilon)
    reference = torch.optim.Adam([weight], lr=LR, eps=epsilon)
    for _ in range(STEPS):
        weight.grad = torch.randn(start.shape, generator=generator, dtype=start.dtype)
        steps.step([(EVERYTHING, weight.grad.clone())])
        reference.step()
        moved = weight.detach() - start
        assert (start + update - weight.detach()).norm() <= BOUND * (moved.norm() + start.norm())
    assert (update * (1 + 1e-3) - moved).norm() > BOUND * (moved.norm() + start.norm())


@pytest.mark.parametrize("name", ["kfac", "foof", "kfac:1/4,1/2"])
def test_kfac_is_what_its_factors_make_of_it(name: str) -> None:
    """In full: W -> W - eta B^(-left) G A^(-right) on the ranges of A and B, of two steps' examples."""
    left, right = {"kfac": (1.0, 1.0), "foof": (0.0, 1.0)}.get(name, (0.25, 0.5))
    generator = torch.Generator().manual_seed(0)
    start = initial((40, 24))
    update = updates.start(name, DenseWeights(start, BufferPool()), lr=LR, multiplier=MULTIPLIER)
    expected = torch.zeros_like(start)

    def inverse(mean: Tensor, exponent: float) -> Tensor:
        values, vectors = torch.linalg.eigh(mean)
        powers = torch.where(values > 1e-10 * values[:, -1:], values.abs() ** -exponent, 0.0 if exponent else 1.0)
        return (vectors * powers[:, None]) @ vectors.mT

    for _ in range(2):
        d, h = (torch.randn(SEEDS, BATCH, side, generator=generator, dtype=torch.float64) for side in (40, 24))
        update.step((d,), (h,), (MULTIPLIER * h @ start.mT,))
        back = MULTIPLIER * d
        outputs, inputs = (rows.mT @ rows / BATCH for rows in (back, h))
        expected -= LR * inverse(outputs, left) @ (back.mT @ h / BATCH) @ inverse(inputs, right)
    eye = torch.eye(24, dtype=torch.float64).expand(SEEDS, -1, -1)
    found = update.apply((eye,)).mT
    assert torch.allclose(found, expected, rtol=0, atol=1e-9 * float(expected.abs().max()))
    assert not torch.allclose(found, expected * 1.001, rtol=0, atol=1e-9 * float(expected.abs().max()))


def test_which_laws_orthogonalize() -> None:
    """Those whose steps from a gradient of rank 2 have singular values that are much alike."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(1, 2, side, generator=generator, dtype=torch.float64) for side in (40, 24))
    gradient = (left * torch.tensor([[1.0], [0.05]], dtype=torch.float64)).mT @ right
    for name, law in low_rank_laws.LOW_RANK.items():
        made = law()
        step = made(gradient.clone(), [torch.zeros_like(gradient)] * made.moments, 1, lambda: torch.ones(1))
        first, second, *_ = torch.linalg.svdvals(step[0])
        assert low_rank_laws.orthogonalizes(name) == (name.startswith("muon") and bool(second > 0.5 * first)), name
    assert low_rank_laws.orthogonalizes("muon+coupled")
    assert not low_rank_laws.orthogonalizes("adamw")


def test_which_laws_multiply_matrices() -> None:
    found = [name for name in low_rank_laws.LOW_RANK if low_rank_laws.multiplies_matrices(name)]
    assert found == ["muon", "muon-jordan", "muon-rms", "muon-spectral", "shampoo"]
    assert low_rank_laws.multiplies_matrices("shampoo:1/8,1/8")
    assert not low_rank_laws.multiplies_matrices("adamw")
