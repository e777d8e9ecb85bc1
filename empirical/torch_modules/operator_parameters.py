"""Handle: the parameter of a matrix-free layer, a tensor on the meta device that stands for an `Operator`.

It has the weight's shape but no numbers. It goes into a parameter group like any other parameter, and
`scalings.factored(optimizer)` steps its `Operator`. Its `grad` is a meta tensor too, which only says that there is a
gradient; None, as `zero_grad` leaves it, says that there is none.

In-place changes of such tensors have no effect, but show in torch's version counters. So an optimizer that was not
wrapped, or gradients clipped by their norm, are refused with an error.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from empirical.tensors.memory import available_bytes, exhausted_as
from empirical.torch_modules.operators import Combination, Operator
from scalings.errors import ArgumentError

_LARGE = 2**25
"""The number of bytes below which free memory is not checked."""


class OperatorParameter(nn.Parameter):
    """The parameter of a matrix-free layer: a shape, an `operator`, its `gradient`, and the name of its `layer`."""

    operator: Operator
    gradient: Combination | None
    layer: str
    _found: list[tuple[int, Combination]]
    _token: tuple[Tensor | None, int]

    def __new__(cls, operator: Operator, layer: str, requires_grad: bool = True) -> OperatorParameter:
        meta = torch.empty(operator.shape, dtype=torch.float64, device="meta")
        handle: OperatorParameter = super().__new__(cls, meta, True)
        handle.operator, handle.layer, handle.gradient = operator, layer, None
        handle._found, handle._token = [], (None, 0)
        handle.register_post_accumulate_grad_hook(_accumulate)  # type: ignore[no-untyped-call]
        handle.requires_grad_(requires_grad)
        return handle

    def __deepcopy__(self, memo: dict[int, Any]) -> OperatorParameter:
        """A handle with its own weight from here on; both share one W(0), including the parts revealed later."""
        operator = Operator(self.operator.gaussian)
        operator.weight = self.operator.weight
        memo[id(self)] = twin = OperatorParameter(operator, self.layer, self.requires_grad)
        return twin

    def found(self, gradient: Combination) -> None:
        """Note a gradient in a backward pass; it is added to `gradient` if the pass accumulates into `grad`."""
        self._found.append((_backward_pass(), gradient))

    def check(self) -> None:
        """Raises ArgumentError if the placeholder was changed in place, as by an optimizer that was not wrapped."""
        if self._version:
            raise ArgumentError(
                "optimizer",
                f"the weight of {self.layer!r} is matrix-free, but was changed in place: step it with"
                " scalings.factored(optimizer), and set its std where the layer is made",
            )

    def check_gradient(self) -> None:
        """Raises ArgumentError if the gradient was scaled or zeroed in place."""
        if self.grad is not None and (self.grad is not self._token[0] or self.grad._version != self._token[1]):
            raise self.changed_gradient()

    def changed_gradient(self) -> ArgumentError:
        """The error for a gradient that was changed in place."""
        return ArgumentError(
            "gradient",
            f"that of {self.layer!r} is matrix-free, but was changed in place: zero it with set_to_none=True,"
            " and where gradients are clipped by the norm of all of them leave the layer dense",
        )


def _accumulate(handle: Tensor) -> None:
    """Add the gradients noted in this backward pass to `handle.gradient`, after torch has added a placeholder."""
    assert isinstance(handle, OperatorParameter)
    assert handle.grad is not None
    token, version = handle._token
    again = handle.grad is token
    if again and handle.grad._version != version + 1:
        raise handle.changed_gradient()
    terms = [gradient for number, gradient in handle._found if number == _backward_pass()]
    if again and handle.gradient is not None:
        terms.insert(0, handle.gradient)
    handle.gradient, handle._found = reduce(Combination.__add__, terms), []
    handle._token = (handle.grad, handle.grad._version)


def _backward_pass() -> int:
    """The number of the running backward pass: gradients of a torch.autograd.grad must not accumulate later."""
    return torch._C._current_graph_task_id()


class _Product(torch.autograd.Function):
    """The product W v for every row v of a block, (k, fan_in) to (k, fan_out), with its backward pass."""

    @staticmethod
    def forward(ctx: Any, block: Tensor, weight: OperatorParameter) -> Tensor:
        image, ctx.h = weight.operator.apply(block.contiguous())
        ctx.weight = weight
        return image

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, Tensor | None]:
        weight: OperatorParameter = ctx.weight
        if torch.is_grad_enabled():
            raise ArgumentError("create_graph", f"the matrix-free layer {weight.layer!r} has no second derivatives")
        _check_room(weight, len(d))
        d_block, coordinates = weight.operator.apply_transpose(d.contiguous())
        if not ctx.needs_input_grad[1]:
            return d_block, None
        weight.found(weight.operator.gradient(coordinates, ctx.h))
        return d_block if ctx.needs_input_grad[0] else None, torch.empty_like(weight)


def multiply(block: Tensor, weight: OperatorParameter) -> Tensor:
    """W v for every vector v of a block, (..., fan_in) to (..., fan_out).

    Raises ArgumentError for vectors of another length, dtype or device, and if memory does not suffice.
    """
    weight.check()
    expected = (weight.operator.gaussian.device.type, torch.float64, weight.shape[1])
    given = (block.device.type, block.dtype, block.shape[-1])
    if given != expected:
        raise ArgumentError(
            "input",
            f"the matrix-free layer {weight.layer!r} expects vectors of {expected[2]} {expected[1]} on {expected[0]},"
            f" but got {given[2]} {given[1]} on {given[0]}",
        )
    rows = block.reshape(-1, block.shape[-1])
    _check_room(weight, len(rows))
    with exhausted_as(lambda: _no_room(weight, len(rows))):
        product: Tensor = _Product.apply(rows, weight)  # type: ignore[no-untyped-call]
    return product.reshape(*block.shape[:-1], -1)


def _check_room(weight: OperatorParameter, rows: int) -> None:
    """Raises ArgumentError if there is no memory to extend the bases by that many rows."""
    needed = _bytes(weight, rows)
    if needed > _LARGE and needed > available_bytes(weight.operator.gaussian.device.type):
        raise _no_room(weight, rows)


def _bytes(weight: OperatorParameter, rows: int) -> int:
    """The most bytes that `rows` more vectors take: as a block, in a basis, and for bases whose memory doubles."""
    operator = weight.operator
    return 8 * sum(operator.shape) * (2 * rows + sum(operator.gaussian.ranks) // 2)


def _no_room(weight: OperatorParameter, rows: int) -> ArgumentError:
    (fan_out, fan_in), held = weight.operator.shape, sum(weight.operator.gaussian.ranks)
    needed, free = _bytes(weight, rows), available_bytes(weight.operator.gaussian.device.type)
    fits = int(free / needed * min(fan_out, fan_in))
    return ArgumentError(
        "memory",
        f"{weight.layer!r}, {fan_out} x {fan_in}, needs {needed / 2**30:.3g} GiB for {rows} more vectors after {held},"
        f" but {free / 2**30:.3g} GiB are free: here fans of {fits} would fit, or fewer examples and steps",
    )
