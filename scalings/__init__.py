"""How the init scale and learning rate of each layer scale with the width: derived, measured and checked.

Networks, optimizers, parameterizations, observables and criteria are defined in this package. What works on them lies
in two packages that never import each other, `symbolic` (exact orders of magnitude, with sympy) and `empirical`
(training, with torch); each is loaded when it is first used:

>>> import scalings
>>> family = scalings.derive(scalings.mlp(3)).family
>>> mup = family.member("1/2")
>>> scalings.check(scalings.mlp(3), mup).regime
'rich'

Names stand for ready-made networks at their defaults, for optimizers, and for presets at the network's depth:

>>> scalings.check("mlp", "standard", "sgd").regime
'unstable'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from empirical.torch_modules.factored import factored as factored
    from empirical.torch_modules.swapping import matrix_free as matrix_free
    from empirical.tracing.trace import trace as trace
    from scalings.certificates.verifier import certify as certify
    from scalings.hyperparameters.parameterizations import Parameterization as Parameterization
    from scalings.hyperparameters.presets import preset as preset
    from scalings.hyperparameters.splits import laws as laws
    from scalings.hyperparameters.update_laws import optimizer as optimizer
    from scalings.networks.adapters import lora as lora
    from scalings.networks.architectures import cnn as cnn
    from scalings.networks.architectures import mlp as mlp
    from scalings.networks.architectures import resmlp as resmlp
    from scalings.networks.architectures import transformer as transformer
    from scalings.networks.conventions import from_abc as from_abc
    from scalings.networks.conventions import from_megatron as from_megatron
    from scalings.networks.conventions import from_mup as from_mup
    from scalings.networks.conventions import from_mupify as from_mupify
    from scalings.networks.decoders import llama as llama
    from scalings.networks.decoders import moe as moe
    from scalings.networks.published import config_at as config_at
    from scalings.networks.vision import resnet as resnet
    from scalings.networks.vision import vit as vit
    from scalings.results.trials import Training as Training
    from scalings.studies.comparisons import compare as compare
    from scalings.studies.measuring import measure as measure
    from scalings.studies.model_assertions import assert_scaling as assert_scaling
    from scalings.studies.model_checks import check_model as check_model
    from scalings.studies.parameterize import parameterize as parameterize
    from scalings.studies.verification import verify as verify
    from symbolic.derivation.derive import derive as derive
    from symbolic.derivation.members import member as member
    from symbolic.derivation.several_scales import derive_each as derive_each
    from symbolic.evaluation.check import check as check
    from symbolic.evaluation.phases import phases as phases
    from symbolic.evaluation.predict import predict as predict
    from symbolic.evaluation.repair import repair as repair

__version__ = "0.1.0"

_HOME = {
    "Parameterization": "scalings.hyperparameters.parameterizations",
    "Training": "scalings.results.trials",
    "assert_scaling": "scalings.studies.model_assertions",
    "certify": "scalings.certificates.verifier",
    "check": "symbolic.evaluation.check",
    "check_model": "scalings.studies.model_checks",
    "cnn": "scalings.networks.architectures",
    "compare": "scalings.studies.comparisons",
    "config_at": "scalings.networks.published",
    "derive": "symbolic.derivation.derive",
    "derive_each": "symbolic.derivation.several_scales",
    "factored": "empirical.torch_modules.factored",
    "from_abc": "scalings.networks.conventions",
    "from_megatron": "scalings.networks.conventions",
    "from_mup": "scalings.networks.conventions",
    "from_mupify": "scalings.networks.conventions",
    "laws": "scalings.hyperparameters.splits",
    "llama": "scalings.networks.decoders",
    "lora": "scalings.networks.adapters",
    "matrix_free": "empirical.torch_modules.swapping",
    "measure": "scalings.studies.measuring",
    "member": "symbolic.derivation.members",
    "mlp": "scalings.networks.architectures",
    "moe": "scalings.networks.decoders",
    "optimizer": "scalings.hyperparameters.update_laws",
    "parameterize": "scalings.studies.parameterize",
    "phases": "symbolic.evaluation.phases",
    "predict": "symbolic.evaluation.predict",
    "preset": "scalings.hyperparameters.presets",
    "repair": "symbolic.evaluation.repair",
    "resmlp": "scalings.networks.architectures",
    "resnet": "scalings.networks.vision",
    "trace": "empirical.tracing.trace",
    "transformer": "scalings.networks.architectures",
    "verify": "scalings.studies.verification",
    "vit": "scalings.networks.vision",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - the names above, each loaded when it is asked for


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'scalings' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
