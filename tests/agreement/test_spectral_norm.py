"""Spectral normalization, W / sigma with the largest singular value sigma of W as power iteration finds it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import spectral_norm as by_hook
from torch.nn.utils.parametrizations import spectral_norm

import scalings
from scalings.results.checks import Regime
from symbolic.derivation.derive import derive
from tests.agreement.two_ways import Forward, Function, Way, square, usual

HALF = Fraction(1, 2)
DATA, TARGETS = (torch.randn(8, size, generator=torch.Generator().manual_seed(size)) for size in (10, 3))


def unit(x: Tensor) -> Tensor:
    return functional.normalize(x, dim=-1)


def iterated(sigma: Callable[[Tensor, Tensor, Tensor], Tensor], *, turned: bool = False) -> Forward:
    """One step of power iteration, by which sigma is computed of W, u and v; `turned`: of W^T instead of W."""

    def forward(m: Way, h: Tensor) -> Tensor:
        with torch.no_grad():
            w = m.w.T if turned else m.w
            v = unit(w.T @ torch.ones(m.n, dtype=w.dtype))
            u = unit(w @ v)
        return torch.tanh(functional.linear(h, m.w / sigma(m.w, u, v)))

    return forward


NORMED = Function(
    square,
    {
        "vdot": iterated(lambda w, u, v: torch.vdot(u, torch.mv(w, v))),
        "rows": iterated(lambda w, u, v: (u[None] @ w @ v[:, None]).squeeze()),
        "columns": iterated(lambda w, u, v: u[None] @ (w @ v[:, None])),
        "einsum": iterated(lambda w, u, v: torch.einsum("i,ij,j->", u, w, v)),
        "its length": iterated(lambda w, _, v: (w @ v).norm()),
    },
)
OTHERS = Function(
    square,
    {
        "its own": iterated(lambda w, u, v: u @ w @ v),
        "of the transposed": iterated(lambda w, u, v: u @ w @ v, turned=True),
        "of another v": iterated(lambda w, u, v: u @ w @ unit(torch.cos(torch.arange(len(v), dtype=v.dtype)))),
    },
)


@pytest.mark.parametrize("way", list(NORMED.ways)[1:-1])
def test_a_singular_value_is_one_however_its_product_is_written(way: str) -> None:
    torch.testing.assert_close(NORMED.value(way), NORMED.value("its length"))
    assert torch.allclose(NORMED.value(way), NORMED.value("vdot"))
    for by in (Fraction(0), -HALF, HALF):
        exponents = {name: (init + by, lr + by) for name, (init, lr) in usual(NORMED, "vdot").items()}
        for law in ("sgd", "adam"):
            assert NORMED.predicted(way, exponents, law) == NORMED.predicted("vdot", exponents, law)


@pytest.mark.parametrize("way", list(OTHERS.ways)[1:])
def test_a_product_with_another_vector_is_no_singular_value(way: str) -> None:
    """The negative control: W over a sum of random signs is larger by n^(1/2)."""
    exponents = usual(OTHERS, "its own")
    own, other = (OTHERS.predicted(one, exponents, "sgd") for one in ("its own", way))
    assert own != other


@pytest.mark.parametrize(("law", "rate"), [("adam", 1), pytest.param("sgd", 2, marks=pytest.mark.slow)])
def test_the_scale_of_the_matrix_is_free(law: str, rate: int) -> None:
    """As that of a direction in weight normalization is: the one line of the answer."""
    network = NORMED.traced("vdot").translation.network
    [polytope] = derive(network, law).polytopes
    [line] = polytope.lines
    number = 1 + [one.weight for one in network.layers].index("w")
    assert {name: power for name, power in line.items() if power} == {f"sigma_{number}": 1, f"eta_{number}": rate}


def test_a_weight_that_is_read_in_one_shape_has_the_name_of_its_parameter() -> None:
    """A kernel is a matrix to the iteration, of which nothing is left, and a value to the convolution."""

    def build(width: int) -> nn.Module:
        kernel = spectral_norm(nn.Conv1d(width, width, 3))
        return nn.Sequential(nn.Conv1d(3, width, 3), kernel, nn.Flatten(), nn.Linear(2 * width, 2))

    found = scalings.trace(build, DATA[:, :9].unflatten(1, (3, 3)).repeat(1, 1, 2), widths=(32, 64, 128)).translation
    assert {name: [name] for name in found.weights} == {name: list(names) for name, names in found.weights.items()}
    assert "1.parametrizations.weight.original" in found.weights


class ByHand(nn.Module):
    """As generators and discriminators have it, with rows in place of vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.register_buffer("u", unit(torch.randn(1, width)))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            v = unit(self.u @ self.weight)
            self.u.copy_(unit(v @ self.weight.T))
        return functional.linear(x, self.weight / (self.u @ self.weight @ v.T))


class Normed(nn.Module):
    """Three layers at the init scales of muP, of which the second is normed."""

    def __init__(self, width: int, layer: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.first, self.hidden = nn.Linear(10, width, bias=False), layer(width)
        self.head = nn.Linear(width, 3, bias=False)
        nn.init.normal_(self.first.weight)
        nn.init.normal_(self.head.weight, std=1 / width)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(torch.relu(self.hidden(torch.relu(self.first(x)))))
        return scores


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "parametrization": lambda width: spectral_norm(nn.Linear(width, width, bias=False)),
    "hook": lambda width: by_hook(nn.Linear(width, width, bias=False)),
    "by hand": ByHand,
    "wide": lambda width: nn.Sequential(
        spectral_norm(nn.Linear(width, 4 * width, bias=False)),
        nn.ReLU(),
        nn.Linear(4 * width, width, bias=False),
    ),
}


def check(layer: str, power: float) -> tuple[str, Regime, set[tuple[str, str]]]:
    """The verdict of Adam with a learning rate that falls like n^power at the normed matrix."""

    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        n = model.head.in_features / 64
        rates = {"first": 1.0, "head": 1 / n}
        own = ((name, one) for name, one in model.named_parameters())
        groups = [(name, one, rates.get(name.split(".")[0], 1 / n)) for name, one in own]
        normed = next(name for name, *_ in groups if name.startswith("hidden"))
        return torch.optim.Adam(
            [{"params": [one], "lr": 0.01 * (n**power if name == normed else rate)} for name, one, rate in groups]
        )

    found = scalings.check_model(
        lambda width: Normed(width, LAYERS[layer]),
        optimizer,
        DATA,
        loss=lambda scores: (scores - TARGETS).square().mean(),
    )
    return found.verdict, found.regime, {(one.parameter, one.what) for one in found.findings}


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_a_model_that_is_right_passes(layer: str) -> None:
    assert check(layer, -1) == ("PASS", "rich", set())


@pytest.mark.slow
@pytest.mark.parametrize("power", [-1.5, -0.5])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_wrong_learning_rate_of_it_is_found(layer: str, power: float) -> None:
    """And nothing else is."""
    verdict, _, [(parameter, what)] = check(layer, power)
    assert (verdict, what) == ("FAIL", "lr")
    assert parameter.startswith("hidden.")
