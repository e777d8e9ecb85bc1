"""empirical: what training networks of any width says, measured with torch.

The verbs are loaded when they are used, as those of `scalings` are:

>>> import empirical
>>> sorted(empirical.__all__)
['GaussianLinear', 'factored', 'matrix_free', 'measure']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from empirical.sweeps.mlp import measure as measure
    from empirical.torch_modules.factored import factored as factored
    from empirical.torch_modules.layers import GaussianLinear as GaussianLinear
    from empirical.torch_modules.swapping import matrix_free as matrix_free

_HOME = {
    "GaussianLinear": "empirical.torch_modules.layers",
    "factored": "empirical.torch_modules.factored",
    "matrix_free": "empirical.torch_modules.swapping",
    "measure": "empirical.sweeps.mlp",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - the names above, each loaded when it is asked for


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'empirical' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
