"""Optimizers for matrix-free weights: `factored` lets torch's own SGD and Muon step them.

It adds two hooks to an optimizer. Before each step the weights of matrix-free layers are updated by the optimizer's
rule, carried out on `Combination`s; the step itself then sees only the other parameters. With W the weight and G its
gradient, SGD is

    G <- G + lambda W,    M <- mu M + (1 - tau) G  (at first M = G),    G <- G + mu M (Nesterov) or M,
    W <- W - eta G,

which is linear in W(0) and outer products, and so carried out exactly; without momentum W(t) contains (1 - eta
lambda)^t W(0). Decoupled decay is W <- (1 - eta lambda) W instead of the term lambda W. Muon is

    M <- mu M + (1 - mu) G,    O = f(G + mu (M - G)) (Nesterov) or f(M),    W <- (1 - eta lambda) W - eta' O,

where f acts on singular values, U f(S) V^T, which are those of the core. Momentum has the rank of all gradients so far,
at most the number of examples seen. Optimizers that act on entries (Adam, sign) are refused: their updates are not of
low rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from empirical.tensors.singular_values import newton_schulz
from empirical.torch_modules.operator_parameters import OperatorParameter
from empirical.torch_modules.operators import Combination
from scalings.errors import ArgumentError

Step = Callable[[OperatorParameter, Mapping[str, Any], dict[str, Any]], None]
"""A function that steps one weight, given its parameter group's settings and its optimizer state."""

_RANK = 1e-10
"""The share of the largest singular value below which one is rounding, and is not orthogonalised."""


def factored(optimizer: Optimizer, *, decoupled: bool = False, exact: bool = False) -> Optimizer:
    """The given `torch.optim.SGD` or `torch.optim.Muon`, changed in place so that it steps matrix-free layers too.

    Call it once, before training. `decoupled` makes SGD's weight_decay, for all its parameters, W <- (1 - lr
    weight_decay) W (Loshchilov and Hutter, arXiv 1711.05101) instead of a term of the gradient. `exact` orthogonalises
    Muon's momentum of matrix-free layers by singular vectors instead of Newton-Schulz iterations, which are here done
    in float64. Learning rate schedulers work, since settings are read from the parameter groups at each step; closures
    do not. Raises ArgumentError for any other optimizer, and for settings that do not apply.
    """
    muon = getattr(torch.optim, "Muon", None)
    if type(optimizer) is torch.optim.SGD:
        step: Step = partial(_sgd, decoupled=decoupled)
        wrong = "exact" if exact else None
    elif muon is not None and type(optimizer) is muon:
        step = partial(_muon, exact=exact)
        wrong = "decoupled" if decoupled else None
    else:
        raise ArgumentError(
            "optimizer",
            f"expected torch.optim.SGD or torch.optim.Muon, whose updates have low rank, but got"
            f" {type(optimizer).__name__}: give it the parameters of dense layers only, or leave these dense",
        )
    if wrong:
        raise ArgumentError(wrong, f"expected False with {type(optimizer).__name__}, to which it does not apply")
    _Hooks(optimizer, step, decoupled)
    return optimizer


class _Hooks:
    """The hooks of one optimizer, which step matrix-free weights and hide them from the optimizer's own step."""

    def __init__(self, optimizer: Optimizer, step: Step, decoupled: bool) -> None:
        self._step, self._decoupled = step, decoupled
        self._hidden: list[tuple[OperatorParameter, Tensor]] = []
        self._decays: list[float] = []
        optimizer.register_step_pre_hook(self._before)
        optimizer.register_step_post_hook(self._after)

    @torch.no_grad()
    def _before(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        _, closure = (*args, kwargs.get("closure"))[:2]
        if closure is not None:
            raise ArgumentError("closure", "expected none with matrix-free layers: call backward before step")
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if isinstance(parameter, OperatorParameter):
                    self._move(parameter, group, optimizer.state)
                elif self._decoupled and parameter.grad is not None:
                    parameter.mul_(1 - float(group["lr"]) * group["weight_decay"])
        if self._decoupled:
            self._decays = [group["weight_decay"] for group in optimizer.param_groups]
            for group in optimizer.param_groups:
                group["weight_decay"] = 0.0

    def _move(self, handle: OperatorParameter, group: Mapping[str, Any], states: Any) -> None:
        handle.check()
        if handle.grad is None or handle.gradient is None:
            return
        handle.check_gradient()
        self._step(handle, group, states[handle])
        # The optimizer skips parameters without a gradient.
        self._hidden.append((handle, handle.grad))
        handle.grad = None

    def _after(self, optimizer: Optimizer, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
        for handle, token in self._hidden:
            handle.grad = token
        self._hidden = []
        if self._decoupled:
            for group, decay in zip(optimizer.param_groups, self._decays, strict=True):
                group["weight_decay"] = decay


def _sgd(handle: OperatorParameter, group: Mapping[str, Any], state: dict[str, Any], decoupled: bool) -> None:
    gradient, weight = _gradient(handle, group), handle.operator.weight
    lr, decay, momentum = float(group["lr"]), group["weight_decay"], group["momentum"]
    if decoupled:
        weight = weight * (1 - lr * decay)
    elif decay:
        gradient = gradient + weight * decay
    if momentum:
        before = state.get("momentum_buffer")
        now = gradient if before is None else before * momentum + gradient * (1 - group["dampening"])
        state["momentum_buffer"] = now
        gradient = gradient + now * momentum if group["nesterov"] else now
    handle.operator.weight = weight + gradient * -lr


def _muon(handle: OperatorParameter, group: Mapping[str, Any], state: dict[str, Any], exact: bool) -> None:
    gradient, momentum, lr = _gradient(handle, group), group["momentum"], float(group["lr"])
    now = gradient * (1 - momentum)
    if "momentum_buffer" in state:
        now = state["momentum_buffer"] * momentum + now
    state["momentum_buffer"] = now
    mean = gradient * (1 - momentum) + now * momentum if group["nesterov"] else now
    orthogonal = mean.with_core(_polar if exact else partial(_newton_schulz, group=group))
    decayed = handle.operator.weight * (1 - lr * group["weight_decay"])
    handle.operator.weight = decayed + orthogonal * (-lr * _adjustment(group["adjust_lr_fn"], handle.operator.shape))


def _gradient(handle: OperatorParameter, group: Mapping[str, Any]) -> Combination:
    assert handle.gradient is not None
    return handle.gradient * -1 if group.get("maximize") else handle.gradient


def _polar(core: Tensor) -> Tensor:
    """U V^T from the singular vectors of the core whose singular value is not rounding; nan if it is not finite."""
    if not core.isfinite().all() or not core.numel():
        return core * math.nan
    left, sizes, right = torch.linalg.svd(core, full_matrices=False)
    kept = sizes > _RANK * sizes[0]
    polar: Tensor = left[:, kept] @ right[kept]
    return polar


def _newton_schulz(core: Tensor, group: Mapping[str, Any]) -> Tensor:
    """Newton-Schulz from X = core / |core|_F, as in torch.optim.Muon."""
    unit = core / torch.linalg.matrix_norm(core).clamp(min=group["eps"])
    return newton_schulz(unit, group["ns_coefficients"], group["ns_steps"])


def _adjustment(rule: str | None, shape: tuple[int, int]) -> float:
    """The factor on the learning rate, by the rules of torch.optim.Muon."""
    if rule == "match_rms_adamw":
        return 0.2 * math.sqrt(max(shape))
    return math.sqrt(max(1.0, shape[0] / shape[1]))
