"""Fused functions of torch, each with an equivalent in elementary functions that is run in its place while recording.

An equivalent that returns NotImplemented leaves a case to the fused function itself, which is then recorded whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from empirical.tracing.functions import Function

_NONE, _MEAN = 0, 1
"""How cross_entropy_loss numbers its reductions; 2 is the sum."""


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """scaled_dot_product_attention, as its documentation writes it."""
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.size(-1)) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
    if attn_mask is None:
        weights = scores.softmax(-1)
    else:
        kept = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(attn_mask.logical_not(), -math.inf) if kept else scores + attn_mask
        weights = torch._safe_softmax(scores, -1)  # a query that may look at nothing gets zeros
    return torch.dropout(weights, dropout_p, train=dropout_p > 0) @ value


def weight_norm(direction: Tensor, length: Tensor, dim: int = 0) -> Tensor:
    """torch._weight_norm: w = g v / |v|."""
    return direction * (length / torch.norm_except_dim(direction, 2, dim))


def cross_entropy(
    scores: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: int = _MEAN,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """cross_entropy_loss of classes, or of probabilities, without label smoothing."""
    if label_smoothing or (target.is_floating_point() and weight is not None):
        return NotImplemented
    classes = 1 if scores.dim() > 1 else 0
    logarithms = torch.log_softmax(scores, classes)
    if not target.is_floating_point():
        negative: Function = torch._C._nn.nll_loss_nd
        return negative(logarithms, target, weight, reduction, ignore_index)
    losses = -(logarithms * target).sum(classes)
    if reduction == _NONE:
        return losses
    return losses.sum() / (scores.numel() // scores.size(classes)) if reduction == _MEAN else losses.sum()


def _difference(of_each: Function) -> Function:
    """mse_loss and l1_loss: the mean, or the sum, of this function of differences."""

    def run(one: Tensor, other: Tensor, reduction: int = _MEAN) -> Tensor:
        losses: Tensor = of_each(one - other)
        if reduction == _NONE:
            return losses
        return losses.mean() if reduction == _MEAN else losses.sum()

    return run


def lstm_gates(own: Tensor, recurrent: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of a long short-term memory: (h, c) from its gates."""
    write, keep, new, out = (own + recurrent).chunk(4, 1)
    cell = keep.sigmoid() * state[1] + write.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


def gru_gates(own: Tensor, recurrent: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of a gated recurrent unit."""
    reset, update, new = own.chunk(3, 1)
    reset_h, update_h, new_h = recurrent.chunk(3, 1)
    candidate = (new + (reset + reset_h).sigmoid() * new_h).tanh()
    return (candidate + (update + update_h).sigmoid() * (state[0] - candidate),)


def tanh_gates(own: Tensor, recurrent: Tensor, _: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of Elman's network."""
    return ((own + recurrent).tanh(),)


def relu_gates(own: Tensor, recurrent: Tensor, _: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The same with relu."""
    return ((own + recurrent).relu(),)


def _network(gates: Function, states: int) -> Function:
    """A recurrent network of several layers, of sequences of one length or packed ones."""

    def run(inputs: Tensor, *args: Any) -> Any:
        is_packed = isinstance(args[0], Tensor) and not isinstance(args[2], bool)
        sizes, of_network = (args[0], args[1:]) if is_packed else (None, args)
        hidden, params, biases, layers, dropout, train, bidirectional, *rest = of_network
        initial = [state.unbind(0) for state in ((hidden,) if states == 1 else hidden)]
        directions = 2 if bidirectional else 1
        size = len(params) // (layers * directions)
        outputs = inputs.transpose(0, 1) if rest == [True] else inputs
        last: list[tuple[Tensor, ...]] = []
        for layer in range(layers):
            sides = []
            for index in range(layer * directions, (layer + 1) * directions):
                weights = params[index * size : (index + 1) * size]
                state = tuple(one[index] for one in initial)
                side, end = _direction(gates, outputs, sizes, state, weights, biases, index % directions)
                sides.append(side)
                last.append(end)
            outputs = torch.cat(sides, -1) if bidirectional else sides[0]
            if dropout and train and layer < layers - 1:
                outputs = torch.dropout(outputs, dropout, train)
        ends = (torch.stack(state) for state in zip(*last, strict=True))
        return outputs.transpose(0, 1) if rest == [True] else outputs, *ends

    return run


def _direction(
    gates: Function,
    inputs: Tensor,
    sizes: Tensor | None,
    initial: tuple[Tensor, ...],
    weights: Sequence[Tensor],
    biases: bool,
    backwards: int,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The outputs of one layer in one direction, and its last state.

    Packed sequences lie step behind step, so many at each, the longest first: going forward they end one after another,
    going backwards they join.
    """
    of_input, of_state = weights[2:4] if biases else (None, None)
    projection = weights[-1] if len(weights) in (3, 5) else None
    own = functional.linear(inputs, weights[0], of_input)
    steps = own.unbind(0) if sizes is None else torch.split(own, sizes.tolist())
    state, outputs = initial, list[Tensor]()
    ended: list[tuple[Tensor, ...]] = []
    for step in reversed(steps) if backwards else steps:
        held, now = state[0].shape[0], step.shape[0]
        if now < held:
            ended.append(tuple(one[now:] for one in state))
            state = tuple(one[:now] for one in state)
        elif now > held:
            state = tuple(torch.cat([one, start[held:now]]) for one, start in zip(state, initial, strict=True))
        state = gates(step, functional.linear(state[0], weights[1], of_state), state)
        if projection is not None:
            state = (functional.linear(state[0], projection), *state[1:])
        outputs.append(state[0])
        if backwards:
            ended = []  # these are the starts of sequences that have yet to join
    if ended:
        state = tuple(torch.cat(parts) for parts in zip(state, *reversed(ended), strict=True))
    made = outputs[::-1] if backwards else outputs
    return torch.stack(made) if sizes is None else torch.cat(made), state


def _cell(gates: Function, states: int) -> Function:
    """One step of a recurrent network."""

    def run(
        inputs: Tensor, hidden: Any, of_input: Tensor, of_state: Tensor, bias: Tensor | None = None, other: Any = None
    ) -> Any:
        state = (hidden,) if states == 1 else tuple(hidden)
        own, recurrent = functional.linear(inputs, of_input, bias), functional.linear(state[0], of_state, other)
        after = gates(own, recurrent, state)
        return after[0] if states == 1 else after

    return run


EQUIVALENTS: dict[Function, Function] = {
    functional.scaled_dot_product_attention: attention,
    torch._weight_norm: weight_norm,
    torch._C._nn.cross_entropy_loss: cross_entropy,
    torch._C._nn.mse_loss: _difference(torch.square),
    torch._C._nn.l1_loss: _difference(torch.abs),
    torch.lstm: _network(lstm_gates, 2),
    torch.gru: _network(gru_gates, 1),
    torch.rnn_tanh: _network(tanh_gates, 1),
    torch.rnn_relu: _network(relu_gates, 1),
    torch.lstm_cell: _cell(lstm_gates, 2),
    torch.gru_cell: _cell(gru_gates, 1),
    torch.rnn_tanh_cell: _cell(tanh_gates, 1),
    torch.rnn_relu_cell: _cell(relu_gates, 1),
}
"""By the fused function."""
