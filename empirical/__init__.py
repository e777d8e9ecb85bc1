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
    from empirical.layers import GaussianLinear as GaussianLinear
    from empirical.modules import matrix_free as matrix_free
    from empirical.optimizers import factored as factored
    from empirical.sweeps import measure as measure

_HOME = {
    "GaussianLinear": "empirical.layers",
    "factored": "empirical.optimizers",
    "matrix_free": "empirical.modules",
    "measure": "empirical.sweeps",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - the names above, each loaded when it is asked for


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'empirical' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
