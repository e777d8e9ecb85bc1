"""Matrix-free layers: those of torch with a Gaussian matrix, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from empirical.torch_modules.factored import factored
from empirical.torch_modules.layers import GaussianConv, GaussianLinear
from empirical.torch_modules.swapping import matrix_free
from scalings.errors import ArgumentError
from tests.empirical.torch_modules.test_swapping import normals

pytestmark = pytest.mark.usefixtures("one_thread")


CONVOLUTIONS = [
    (nn.Conv2d(40, 70, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (2, 40, 6, 5)),
    (nn.Conv2d(40, 70, (4, 3), padding="same", bias=False), (1, 40, 3, 5)),
    (nn.Conv2d(40, 70, 3, padding="valid"), (40, 5, 6)),
    (nn.Conv1d(40, 70, 3, padding=1, stride=2), (2, 40, 9)),
    (nn.Conv1d(40, 70, 4, padding="same"), (40, 9)),
]


@pytest.mark.parametrize(("like", "shape"), CONVOLUTIONS, ids=str)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_a_convolution_is_that_of_torch(like: nn.Conv1d | nn.Conv2d, shape: tuple[int, ...]) -> None:
    """Forward, backward, and the weight's gradient through a step."""
    like, images = like.double(), normals(*shape).requires_grad_()
    free = GaussianConv(like, seed=0)
    free.bias = like.bias
    with torch.no_grad():
        like.weight.copy_(free.matrix().reshape(like.weight.shape))
    twin = images.detach().clone().requires_grad_()
    free._check_patches = lambda _: None  # type: ignore[method-assign] - the small image is no matter here
    torch.testing.assert_close(free(images), like(twin))
    for model, seen in ((free, images), (like, twin)):
        torch.tanh(model(seen)).square().sum().backward()
    torch.testing.assert_close(images.grad, twin.grad)
    factored(torch.optim.SGD([free.weight], lr=0.1)).step()
    torch.testing.assert_close(free.matrix(), (like.weight - 0.1 * like.weight.grad).flatten(1).detach())


def test_a_convolution_with_many_patches_is_refused() -> None:
    model = matrix_free(nn.Sequential(nn.Conv2d(32, 128, 3)).double(), std=0.1)
    assert model(normals(2, 32, 6, 6)).shape == (2, 128, 4, 4)
    with pytest.raises(
        ArgumentError, match=r"'0' sees 64 patches .* few against its fan of 128: .* at most 32 patches"
    ):
        model(normals(1, 32, 10, 10))


def test_std_is_given_or_taken_from_the_weights() -> None:
    def model() -> nn.Sequential:
        torch.manual_seed(0)
        parts = nn.Sequential(nn.Linear(80, 90), nn.Linear(90, 100), nn.Linear(100, 3)).double()
        for layer, size in zip(parts, (0.2, 0.0, 0.7), strict=True):
            nn.init.normal_(layer.weight, std=size)
        return parts

    taken = matrix_free(model())
    assert taken[0].std == pytest.approx(0.2, rel=0.05)
    assert taken[1].std == 0
    assert torch.equal(taken[2].weight, model()[2].weight)
    assert torch.equal(taken[0].bias, model()[0].bias)
    given = matrix_free(model(), {"0": 0.1, "2": 0.5}, seed=1)
    assert given[0].std == 0.1
    assert type(given[1]) is nn.Linear
    assert float(given[2].weight.detach().std()) == pytest.approx(0.5, rel=0.2)
    assert matrix_free(nn.Linear(100, 100).double(), 0.1).std == 0.1
    with pytest.raises(ArgumentError, match=r"std: expected names of .* \(0, 1, 2\), but got '3'"):
        matrix_free(model(), {"3": 0.1})
    with pytest.raises(ArgumentError, match="std: expected a finite number of at least 0 for layer '0', but got -1"):
        matrix_free(model(), -1.0)


def test_numbers_follow_the_seed() -> None:
    block = normals(1, 90)
    first, again, other = (matrix_free(nn.Linear(90, 90, False).double(), 0.1, seed=seed)(block) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(0)
    unseeded = GaussianLinear(90, 90)(block)
    assert not torch.equal(unseeded, GaussianLinear(90, 90)(block))
    torch.manual_seed(0)
    assert torch.equal(unseeded, GaussianLinear(90, 90)(block))


@pytest.fixture
def wide() -> GaussianLinear:
    return GaussianLinear(3000, 2000, name="wide", seed=0)


def test_wrong_use_is_one_clear_line(wide: GaussianLinear, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ArgumentError, match=r"'wide' expects vectors of 3000 torch.float64 on cpu, but got 2000 torch.f"
    ):
        wide(torch.zeros(1, 2000))
    with pytest.raises(ArgumentError, match=r"'wide' cannot be saved"):
        wide.state_dict()
    with pytest.raises(ArgumentError, match=r"'wide' stays float64 on cpu, and cannot become torch.float32"):
        wide.float()
    block = normals(1, 3000).requires_grad_()
    image = wide(block).sum()
    with pytest.raises(ArgumentError, match=r"create_graph: the matrix-free layer 'wide' has no second derivatives"):
        torch.autograd.grad(image, block, create_graph=True)
    monkeypatch.setattr("empirical.torch_modules.operator_parameters.available_bytes", lambda _: 2**25)
    needs = r"'wide', 2000 x 3000, needs 0.03.* GiB for 500 more vectors after 1, .* fans of 1677 would fit"
    with pytest.raises(ArgumentError, match=needs):
        wide(normals(500, 3000))


def test_what_is_not_finite_goes_through(wide: GaussianLinear) -> None:
    assert wide(torch.full((1, 3000), math.nan, dtype=torch.float64)).isnan().all()
    assert wide(normals(1, 3000)).isfinite().all()
