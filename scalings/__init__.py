"""scalings: which powers of the width may the init scale and learning rate of each layer be?

The vocabulary is here (networks, optimizers, parameterizations, observables, criteria); the verbs are
answered by two packages that never see each other, `symbolic` (sympy) and `empirical` (torch), and are only
loaded when they are used:

>>> import scalings
>>> family = scalings.derive(scalings.mlp(3)).family
>>> mup = family.member("1/2")
>>> scalings.check(scalings.mlp(3), mup).regime
'rich'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from empirical.modules import matrix_free as matrix_free
    from empirical.optimizers import factored as factored
    from empirical.sweeps import measure as measure
    from scalings.architectures import cnn as cnn
    from scalings.architectures import mlp as mlp
    from scalings.architectures import resmlp as resmlp
    from scalings.architectures import transformer as transformer
    from scalings.certificates import certify as certify
    from scalings.comparisons import compare as compare
    from scalings.optimizers import optimizer as optimizer
    from scalings.parameterizations import Parameterization as Parameterization
    from scalings.parameterizations import preset as preset
    from scalings.trials import Training as Training
    from scalings.verification import verify as verify
    from symbolic.checks import check as check
    from symbolic.derivations import derive as derive
    from symbolic.predictions import predict as predict
    from symbolic.repairs import repair as repair
    from symbolic.several import derive_each as derive_each

__version__ = "0.1.0"

_HOME = {
    "Parameterization": "scalings.parameterizations",
    "Training": "scalings.trials",
    "certify": "scalings.certificates",
    "check": "symbolic.checks",
    "cnn": "scalings.architectures",
    "compare": "scalings.comparisons",
    "derive": "symbolic.derivations",
    "derive_each": "symbolic.several",
    "factored": "empirical.optimizers",
    "matrix_free": "empirical.modules",
    "measure": "empirical.sweeps",
    "mlp": "scalings.architectures",
    "optimizer": "scalings.optimizers",
    "predict": "symbolic.predictions",
    "preset": "scalings.parameterizations",
    "repair": "symbolic.repairs",
    "resmlp": "scalings.architectures",
    "transformer": "scalings.architectures",
    "verify": "scalings.verification",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - the names above, each loaded when it is asked for


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scalings' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
