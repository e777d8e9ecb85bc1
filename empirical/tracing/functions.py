"""The names of torch functions, and which of them the recorder treats in a way of its own."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]

READINGS = {"item", "tolist", "equal", "allclose", "is_nonzero"}
"""They give Python numbers: what is computed from these the tape holds as numbers, or as a branch that was taken."""
_CONVERSIONS = {f"__{kind}__": "item" for kind in ("bool", "int", "float", "index", "complex")}
"""What Python calls for int(x), or for x in a condition."""
HOOKS = {"register_hook"}
"""They change the gradient, and no value."""
EXPORTS = {"numpy", "array", "dlpack"}
"""They hand the memory of a tensor to other libraries."""
WITH_NUMBERS = {"scaled_dot_product_attention", "multi_head_attention_forward"}
"""They multiply by numbers of their own, which are no code of the module's."""
_ASKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
"""What a function of torch that is written in Python calls, to hand itself over instead of running."""


def name_of(function: Function) -> str:
    """The name as a user writes it: "add" for torch.add, Tensor.add and +, "T" for the property.

    >>> import torch
    >>> name_of(torch.Tensor.T.__get__), name_of(torch.nn.functional.max_pool2d), name_of(torch.ops.aten.relu.default)
    ('T', 'max_pool2d', 'relu')
    """
    name: str = getattr(function, "__name__", type(function).__name__)
    if name in ("__get__", "__set__"):
        name = getattr(function, "__self__").__name__  # noqa: B009 - no type knows it
        return f"set_{name}" if function.__name__ == "__set__" else name
    return _CONVERSIONS.get(name) or name.partition(".")[0].removeprefix("__").removesuffix("__")


def body_of(function: Function) -> Function | None:
    """The same function, run as its Python code instead of handed over as a whole; None if it has no such code.

    >>> import torch
    >>> body_of(torch.nn.functional.softmax)(torch.zeros(2), 0)
    tensor([0.5000, 0.5000])
    >>> body_of(torch.softmax)
    """
    if not isinstance(function, types.FunctionType) or not function.__module__.startswith("torch."):
        return None
    asked = {name: _never for name in _ASKS if name in function.__globals__}
    if not asked:
        return None
    body = types.FunctionType(
        function.__code__,
        {**function.__globals__, **asked},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    body.__kwdefaults__ = function.__kwdefaults__
    return body


def _never(*_: object) -> bool:
    return False
