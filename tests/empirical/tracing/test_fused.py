"""The equivalents of fused functions give what the fused functions give, and the same gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from empirical.tracing.arguments import replaced, tensors_in
from empirical.tracing.batches import Batch
from empirical.tracing.fused import EQUIVALENTS, attention
from empirical.tracing.recorder import record


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


MASK = torch.tensor([[True, False, True, True], [False, False, False, False], [True, True, True, True]])
TARGET = torch.tensor([2, -100, 0])
ATTENTION: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "plain": ((numbers(2, 4, 3, 8), numbers(2, 4, 5, 8), numbers(2, 4, 5, 6)), {}),
    "causal": ((numbers(2, 3, 8), numbers(2, 4, 8), numbers(2, 4, 8)), {"is_causal": True}),
    "masked": ((numbers(2, 3, 8), numbers(2, 4, 8), numbers(2, 4, 8)), {"attn_mask": MASK}),
    "biased": ((numbers(2, 3, 8), numbers(2, 4, 8), numbers(2, 4, 8)), {"attn_mask": numbers(3, 4)}),
    "scaled": ((numbers(2, 3, 8), numbers(2, 4, 8), numbers(2, 4, 8)), {"scale": 0.125}),
    "grouped": ((numbers(2, 6, 3, 8), numbers(2, 2, 4, 8), numbers(2, 2, 4, 8)), {"enable_gqa": True}),
}
LOSSES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "classes": ((numbers(3, 5), TARGET), {}),
    "positions": ((numbers(3, 5, 4), torch.tensor([[0, 1, 2, 4]] * 3)), {}),
    "one example": ((numbers(5), torch.tensor(3)), {}),
    "sum": ((numbers(3, 5), TARGET), {"reduction": "sum"}),
    "weighted": ((numbers(3, 5), TARGET, numbers(5).exp()), {}),
    "probabilities": ((numbers(3, 5), numbers(3, 5).softmax(1)), {}),
    "of each": ((numbers(3, 5), numbers(3, 5).softmax(1)), {"reduction": "none"}),
}


def gradients(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The results of a function, and the gradients of the sum of their squares."""

    def own(part: Any) -> Any:
        return part.clone().requires_grad_() if isinstance(part, Tensor) and part.is_floating_point() else part

    args, kwargs = replaced(args, own), replaced(kwargs, own)
    results = list(tensors_in(function(*args, **kwargs)))
    leaves = [one for one in tensors_in((args, kwargs)) if one.requires_grad]
    found = torch.autograd.grad(sum(one.square().sum() for one in results), leaves, allow_unused=True)
    return [*results, *(one for one in found if one is not None)]


def check(one: list[Tensor], other: list[Tensor]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", ATTENTION)
def test_attention(case: str) -> None:
    args, kwargs = ATTENTION[case]
    check(gradients(attention, args, kwargs), gradients(functional.scaled_dot_product_attention, args, kwargs))


def test_attention_with_another_scale_is_told_apart() -> None:
    args, _ = ATTENTION["scaled"]
    with pytest.raises(AssertionError):
        check(
            gradients(attention, args, {}), gradients(functional.scaled_dot_product_attention, args, {"scale": 1 / 8})
        )


@pytest.mark.parametrize("case", LOSSES)
def test_cross_entropy(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (scores, *others), kwargs = LOSSES[case]

    def loss(scores: Tensor) -> Tensor:
        return functional.cross_entropy(scores, *others, **kwargs)

    fused = gradients(loss, (scores,), {})
    monkeypatch.setattr(torch._C._nn, "cross_entropy_loss", EQUIVALENTS[torch._C._nn.cross_entropy_loss])
    check(gradients(loss, (scores,), {}), fused)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
def test_losses_of_differences(name: str, reduction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = (numbers(3, 5), numbers(5, 3).T), {"reduction": reduction}
    fused = gradients(getattr(functional, name), *given)
    monkeypatch.setattr(torch._C._nn, name, EQUIVALENTS[getattr(torch._C._nn, name)])
    check(gradients(getattr(functional, name), *given), fused)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_case_without_an_equivalent_is_recorded_whole(smoothing: float) -> None:
    def loss(scores: Tensor) -> Tensor:
        return functional.cross_entropy(scores, TARGET, label_smoothing=smoothing)

    recording = record(nn.Linear(3, 5).double(), Batch((numbers(3, 3),)), loss, width=3)
    names = [operation.function for operation in recording.tape.operations]
    assert names == (["linear", "cross_entropy_loss"] if smoothing else ["linear", "log_softmax", "nll_loss_nd"])


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"bias": False}, {"batch_first": True}])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_networks(kind: type[nn.RNNBase], options: dict[str, Any]) -> None:
    check_recurrent(kind(3, 4, 2, **options).double())


def test_a_recurrent_network_with_relu_and_one_with_a_projection() -> None:
    check_recurrent(nn.RNN(3, 4, nonlinearity="relu").double())
    check_recurrent(nn.LSTM(3, 4, 2, proj_size=2).double())


def check_recurrent(network: nn.RNNBase, inputs: Any = None) -> None:
    """Trained by torch, and as it is recorded."""
    inputs, results = numbers(4, 5, 3) if inputs is None else inputs, []
    for run in (lambda: network(inputs), lambda: as_recorded(network, inputs)):
        network.zero_grad()
        outputs = [one for one in tensors_in(run()) if one.is_floating_point()]  # not the sizes of packed ones
        sum(one.square().sum() for one in outputs).backward()
        results.append([*outputs, *(one.grad for one in network.parameters() if one.grad is not None)])
    check(*results)


def as_recorded(module: nn.Module, inputs: Any) -> Any:
    """The outputs of a module while it is recorded."""
    outputs: list[Any] = []

    def loss(output: Any) -> Tensor:
        outputs.append(output)
        return next(tensors_in(output)).sum()

    record(module, Batch((inputs,)), loss, width=1)
    return outputs[0]


@pytest.mark.parametrize(
    "cell", [nn.LSTMCell(3, 4), nn.GRUCell(3, 4), nn.RNNCell(3, 4), nn.RNNCell(3, 4, False, "relu")]
)
def test_cells(cell: nn.Module) -> None:
    cell = cell.double()
    one, other = (list(tensors_in(found)) for found in (as_recorded(cell, numbers(2, 3)), cell(numbers(2, 3))))
    check(one, other)


@pytest.mark.parametrize("dim", [0, 1])
def test_weight_norm(dim: int) -> None:
    args = (numbers(4, 3), numbers(4, 1) if dim == 0 else numbers(1, 3), dim)
    check(gradients(EQUIVALENTS[torch._weight_norm], args, {}), gradients(torch._weight_norm, args, {}))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"bias": False}])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("lengths", [(5, 3, 3, 1), (2, 4, 4)], ids=["sorted", "unsorted"])
def test_packed_sequences(kind: type[nn.RNNBase], options: dict[str, Any], lengths: tuple[int, ...]) -> None:
    packed = nn.utils.rnn.pack_sequence([numbers(one, 3) for one in lengths], enforce_sorted=lengths[0] == 5)
    check_recurrent(kind(3, 4, 2, **options).double(), packed)
    recording = record(kind(3, 4).double(), Batch((packed,)), lambda output: output[0].data.sum(), width=4)
    assert kind.__name__.lower() not in {operation.function for operation in recording.tape.operations}


@pytest.mark.filterwarnings("ignore")
def test_what_attention_takes_is_what_torch_documents() -> None:
    """A new argument of torch's would be passed on unseen."""
    documented = functional.scaled_dot_product_attention.__doc__ or ""
    for name in inspect.signature(attention).parameters:
        assert name in documented
