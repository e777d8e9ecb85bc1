"""Matrix-free layers step as torch steps the explicit ones: to 1e-9, for every law of low rank."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from empirical.torch_modules.factored import factored
from empirical.torch_modules.layers import GaussianLinear
from empirical.torch_modules.operator_parameters import OperatorParameter
from empirical.torch_modules.swapping import matrix_free
from scalings.errors import ArgumentError

STEPS = 12
Law = dict[str, Any]

SGD: dict[str, Law] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "dampening": {"momentum": 0.8, "dampening": 0.3},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "decay": {"weight_decay": 0.3},
    "all": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.3},
    # Slower: uphill every rounding grows with the outputs.
    "maximize": {"momentum": 0.5, "maximize": True, "weight_decay": 0.1, "lr": 0.02},
}


def network(bias: bool = True) -> nn.Sequential:
    """Widths 20, 33, 27, 3: the first layer's input needs no gradient, the last one's fan_out is narrow."""
    layers = [nn.Linear(20, 33, bias), nn.Tanh(), nn.Linear(33, 27, bias), nn.Tanh(), nn.Linear(27, 3, bias)]
    return nn.Sequential(*layers).double()


def data() -> tuple[Tensor, Tensor]:
    """Three minibatches of 4."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(3, 4, 20, generator=generator).double(), torch.randn(3, 4, 3, generator=generator).double()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, before: Callable[[], None] = lambda: None) -> Tensor:
    """All outputs on the way; it knows nothing of matrix-free layers."""
    inputs, targets = data()
    outputs = []
    for step in range(STEPS):
        optimizer.zero_grad()
        outputs.append(model(inputs[step % 3]))
        (outputs[-1] - targets[step % 3]).square().mean().backward()
        before()
        optimizer.step()
    return torch.stack([output.detach() for output in outputs])


def initial(model: nn.Module) -> nn.Module:
    """The explicit network with the W(0) of a matrix-free one, of which all is revealed now."""
    dense = network(model[0].bias is not None)
    with torch.no_grad():
        for layer, twin in zip(dense, model, strict=True):
            if isinstance(twin, GaussianLinear):
                gaussian = twin.weight.operator.gaussian
                layer.weight.copy_(gaussian.apply(torch.eye(gaussian.shape[1], dtype=torch.float64)).mT)
    return dense


def gap(free: nn.Module, dense: nn.Module, outputs: Tensor, expected: Tensor) -> float:
    """Largest difference of weights and outputs."""
    weights = [
        (twin.matrix() - layer.weight.detach()).abs().max()
        for layer, twin in zip(dense, free, strict=True)
        if isinstance(twin, GaussianLinear)
    ]
    assert len(weights) == 3
    return max(float(value) for value in (*weights, (outputs - expected).abs().max()))


def compare(
    make: Callable[[Any], torch.optim.Optimizer],
    bias: bool = True,
    *,
    reference: Callable[[Any], torch.optim.Optimizer] | None = None,
    before: Callable[[nn.Module], None] = lambda _: None,
    **options: bool,
) -> float:
    """Train matrix-free, reveal what W(0) was, train that with torch alone."""
    torch.manual_seed(3)
    free = matrix_free(network(bias), std=0.3, seed=5, narrow=0)
    biases = [layer.bias.detach().clone() for layer in free if isinstance(layer, GaussianLinear) and bias]
    outputs = train(free, factored(make(free.parameters()), **options))
    assert float((outputs[0] - outputs[-3]).norm()) > 0.1
    dense = initial(free)
    with torch.no_grad():
        for layer, value in zip((dense[0], dense[2], dense[4]), biases, strict=False):
            layer.bias.copy_(value)
    expected = train(dense, (reference or make)(dense.parameters()), lambda: before(dense))
    return gap(free, dense, outputs, expected)


@pytest.mark.parametrize("law", SGD.values(), ids=SGD)
def test_sgd_is_that_of_torch(law: Law) -> None:
    assert compare(lambda parameters: torch.optim.SGD(parameters, **({"lr": 0.1} | law))) < 1e-9


def test_decoupled_decay_is_that_of_torch() -> None:
    def decay(model: nn.Module) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 - 0.1 * 0.3)

    found = compare(
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.3),
        reference=lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        before=decay,
        decoupled=True,
    )
    assert found < 1e-9


def test_a_wrong_law_is_seen() -> None:
    """The control: L2 and decoupled decay differ."""
    make = lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.3)  # noqa: E731
    assert compare(make, reference=make, decoupled=True) > 1e-3


def polar(matrix: Tensor, *_: Any) -> Tensor:
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = sizes > 1e-10 * sizes[0]
    return left[:, kept] @ right[kept]


def newton_schulz(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """That of torch.optim.Muon, without its rounding to bfloat16."""
    (a, b, c), x = coefficients, matrix / matrix.norm().clamp(min=eps)
    for _ in range(steps):
        x = a * x + b * x @ x.mT @ x + c * x @ x.mT @ x @ x.mT @ x
    return x


@pytest.mark.parametrize("adjust", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("law", [polar, newton_schulz])
def test_muon_is_that_of_torch(
    law: Callable[..., Tensor], nesterov: bool, adjust: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", law)

    def make(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.Muon(parameters, lr=0.02, weight_decay=0.2, nesterov=nesterov, adjust_lr_fn=adjust)

    assert compare(make, bias=False, exact=law is polar) < 1e-9


def test_schedulers_and_groups_are_read_at_each_step() -> None:
    torch.manual_seed(0)
    free = matrix_free(network(), std=0.3, seed=1, narrow=0)
    dense = initial(free)
    dense.load_state_dict({name: value for name, value in free.named_parameters() if "bias" in name}, strict=False)
    results = []
    for model, wrap in ((free, factored), (dense, lambda optimizer: optimizer)):
        groups = [{"params": model[0].parameters(), "lr": 0.3}, {"params": [*model[2:].parameters()]}]
        optimizer = wrap(torch.optim.SGD(groups, lr=0.1, momentum=0.5))
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        optimizer.register_step_post_hook(lambda *_, scheduler=scheduler: scheduler.step())
        results.append(train(model, optimizer))
    assert gap(free, dense, *results) < 1e-9


def test_gradients_add_up_over_backward_passes_and_calls() -> None:
    """Two passes before a step, a layer called twice in each, and torch.autograd.grad, which adds nothing."""
    torch.manual_seed(0)
    free = matrix_free(nn.Sequential(nn.Linear(30, 30, False)).double(), std=0.3, seed=1, narrow=0)
    weight = free[0].matrix().requires_grad_()
    block = torch.randn(3, 30, dtype=torch.float64, requires_grad=True)
    optimizer = factored(torch.optim.SGD(free.parameters(), lr=1.0))
    (along,) = torch.autograd.grad(free(block).square().sum(), block)
    torch.testing.assert_close(along, 2 * block @ weight.mT @ weight)
    for _ in range(2):
        free(torch.tanh(free(block))).square().sum().backward()
        (torch.tanh(block @ weight.mT) @ weight.mT).square().sum().backward()
    optimizer.step()
    torch.testing.assert_close(free[0].matrix(), weight - weight.grad, rtol=0, atol=1e-10)
    optimizer.step()
    torch.testing.assert_close(free[0].matrix(), weight - 2 * weight.grad, rtol=0, atol=1e-10)
    free.zero_grad()
    free(block).sum().backward()
    optimizer.step()
    new = torch.outer(torch.ones(30, dtype=torch.float64), block.detach().sum(0))
    torch.testing.assert_close(free[0].matrix(), weight - 2 * weight.grad - new, rtol=0, atol=1e-10)


def test_the_rank_is_that_of_the_data() -> None:
    """Twelve steps on three minibatches of 4: 12 inputs, however often they come; momentum adds nothing to it."""
    free = matrix_free(network(), std=0.3, seed=1, narrow=0)
    train(free, factored(torch.optim.SGD(free.parameters(), lr=0.1, momentum=0.9)))
    assert free[0].weight.operator.gaussian.ranks[0] == 12
    assert free[0].weight.operator.weight.core.shape[1] == 12


def test_only_laws_of_low_rank() -> None:
    free = matrix_free(network(), std=0.3)
    with pytest.raises(ArgumentError, match=r"SGD or torch.optim.Muon, whose updates have low rank, but got Adam"):
        factored(torch.optim.Adam(free.parameters()))
    with pytest.raises(ArgumentError, match="exact: expected False with SGD"):
        factored(torch.optim.SGD(free.parameters(), lr=0.1), exact=True)
    with pytest.raises(ArgumentError, match="decoupled: expected False with Muon"):
        factored(torch.optim.Muon([free[0].weight]), decoupled=True)


def backward(free: nn.Module) -> None:
    free(data()[0][0]).square().sum().backward()


def test_what_would_be_lost_in_silence_is_refused() -> None:
    free = matrix_free(network(bias=False), std=0.3, narrow=0)
    optimizer = factored(torch.optim.SGD(free.parameters(), lr=0.1))
    backward(free)
    with pytest.raises(ArgumentError, match="closure: expected none"):
        optimizer.step(lambda: 0.0)
    nn.utils.clip_grad_value_(free.parameters(), 0.1)
    with pytest.raises(ArgumentError, match="gradient: that of '0' is matrix-free, but was changed in place"):
        optimizer.step()
    with pytest.raises(ArgumentError, match="changed in place: zero it with set_to_none=True"):
        backward(free)
    free.zero_grad()
    backward(free)
    optimizer.step()
    torch.optim.SGD(free.parameters(), lr=0.1).step()
    with pytest.raises(ArgumentError, match=r"weight of '0' is matrix-free, but .* scalings.factored\(optimizer\)"):
        free(data()[0][0])


def test_a_run_that_diverges_goes_on_with_nan() -> None:
    free = matrix_free(network(), std=0.3, narrow=0)
    optimizer = factored(torch.optim.SGD(free.parameters(), lr=1e200, momentum=0.9, weight_decay=1e100))
    assert not train(free, optimizer)[-1].isfinite().any()
    free = matrix_free(network(bias=False), std=0.3, narrow=0)
    assert train(free, factored(torch.optim.Muon(free.parameters(), lr=1e300), exact=True))[-1].isnan().all()


def test_a_copy_is_the_same_matrix_with_a_training_of_its_own() -> None:
    free = matrix_free(network(bias=False), std=0.3, seed=2, narrow=0)
    train(free, factored(torch.optim.SGD(free.parameters(), lr=0.1)))
    twin = copy.deepcopy(free)
    before = twin(data()[0][0]).detach()
    train(free, factored(torch.optim.SGD(free.parameters(), lr=0.1)))
    torch.testing.assert_close(twin(data()[0][0]), before)
    assert float((free(data()[0][0]).detach() - before).norm()) > 0.01
    train(twin, factored(torch.optim.SGD(twin.parameters(), lr=0.1)))
    torch.testing.assert_close(twin[2].matrix(), free[2].matrix(), rtol=0, atol=1e-10)
    assert all(isinstance(parameter, OperatorParameter) for parameter in twin.parameters())
