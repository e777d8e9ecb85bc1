"""Trials and records: one training run, and the numbers that it gave, as plain data.

A trial is one network at one width from one seed; a sweep is a list of trials. It gives a record for each observable.
Both serialise to JSON and back; nothing is ever pickled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import format_exponent, parse_exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws, laws
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.networks.serialization import network_from_json, network_to_json

EngineName = Literal["dense", "matrix-free"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
DEVICES = ("auto", "cpu", "cuda")
Observing = Literal["all", "coordinates"]
Json = dict[str, Any]

_LR = {
    "sgd": 0.5,
    "momentum": 0.2,
    "nesterov": 0.1,
    "normalized-sgd": 0.1,
    "lars": 0.05,
    "shampoo": 0.1,
    "kfac": 0.003,
    "foof": 0.02,
}
"""Default learning rates: three steps reduce the loss visibly while |dz|/|z| stays small."""
SMALL_EPSILON = 1 / 32
"""About what a gradient's entries are, in front of their power of n."""
_DECAY = {"independent": 0.002, "l2": 0.01}
"""Default decays, where 0.1 would take more of a weight than it does under AdamW at its learning rate 0.02."""


def _lr(law: UpdateLaw) -> float:
    return _LR.get(law.name.partition("+")[0].partition(":")[0].removesuffix("-l2"), 0.02)


def _decay(law: UpdateLaw) -> float:
    return _DECAY.get(law.decay, 0.1)


def check_engine(name: str) -> None:
    """Raises ArgumentError for other than the name of an engine, or auto."""
    if name not in ("auto", *ENGINES):
        raise ArgumentError("engine", f"expected one of auto, {', '.join(ENGINES)}, but got {name!r:.100}")


def check_device(name: str) -> None:
    """Raises ArgumentError for other than the name of a device, or auto."""
    if name not in DEVICES:
        raise ArgumentError("device", f"expected one of {', '.join(DEVICES)}, but got {name!r:.100}")


@dataclass(frozen=True)
class Training:
    """How a trial trains: data, loss, optimizer, and the constants in front of the powers of n.

    `steps` full-batch updates on the first `batch` examples of `data`. The loss is the mean over examples of half the
    squared error, or the cross-entropy, of the centered output f - f_0 if `centered`. `lr`, `init` and `decay` are the
    constants of learning rates, init scales and weight decay: with the default ones a few steps reduce the loss
    visibly while |dz|/|z|, and with it the finite-width correction, stays small.
    """

    data: str = "digits"
    batch: int = 16
    steps: int = 3
    centered: bool = True
    optimizer: str = "sgd"
    lr: float = 0.5
    init: float = 1.0
    loss: Loss = "mse"
    decay: float = 0.1
    kernel: bool = True
    """Measure the tangent kernel too, at the cost of a second backward pass in each step."""
    spectra: bool = False
    """Measure the spectral norms of weights too, where they are drawn in full, which costs more than their training."""
    observing: Observing = "all"
    """All observables, or "coordinates": only representations, their changes and the loss (a coordinate check), for
    which single precision is enough where changes are carried along and not found by subtracting."""
    checkpoints: tuple[int, ...] = ()
    """The updates after which there is an observation, where training is long; if there are none, it is after each."""
    epsilons: tuple[float, ...] = ()
    """The constants in front of Adam's epsilon, one for each layer; all SMALL_EPSILON if not given. Only layers with a
    power of n for it have one."""

    @classmethod
    def of(cls, optimizer: str, **options: Any) -> Training:
        """The defaults for this optimizer; those that normalise their gradient get a smaller learning rate."""
        first = laws(optimizer).parts[0]
        given = {"decay": _decay(first)} if first.decay in _DECAY else {}
        return cls(optimizer=optimizer, lr=_lr(first), **(given | options))

    @cached_property
    def law(self) -> Laws:
        """The update law of each weight, as the optimizer's name has it."""
        return laws(self.optimizer)

    def laws_of(self, network: Network) -> tuple[UpdateLaw, ...]:
        """The update law of each layer. Raises ArgumentError for a law of a layer that is not there."""
        return self.law.among(network.layers)

    @property
    def optimizers(self) -> tuple[str, ...]:
        """The names of the laws that the optimizer's name has."""
        return tuple(law.name for law in self.law.parts)

    @property
    def clips(self) -> bool:
        """Whether gradients are clipped by the norm of those of all weights."""
        return any(law.clip != "none" for law in self.law.parts)

    def observes(self, step: int) -> bool:
        """Whether there is an observation after so many updates."""
        return not self.checkpoints or step in self.checkpoints

    def epsilon(self, number: int) -> float:
        """The constant of the epsilon of this layer, counted from 0."""
        return self.epsilons[number] if self.epsilons else SMALL_EPSILON

    def factors(self, law: UpdateLaw) -> tuple[float, float]:
        """How many times `lr` and `decay`, the constants of the first law that is named, those of another one are.

        As many times as their defaults.
        """
        first = self.law.parts[0]
        return _lr(law) / _lr(first), _decay(law) / _decay(first)


@dataclass(frozen=True)
class Trial:
    """One training run."""

    network: Network
    parameterization: Parameterization
    training: Training
    width: int
    seed: int
    engine: EngineName = "dense"

    def to_json(self) -> Json:
        """As JSON types; exponents become strings."""
        return {
            "network": network_to_json(self.network),
            "parameterization": _parameterization_to_json(self.parameterization),
            "training": asdict(self.training),
            "width": self.width,
            "seed": self.seed,
            "engine": self.engine,
        }

    @classmethod
    def from_json(cls, document: Json) -> Trial:
        """The trial that `to_json` wrote."""
        return cls(
            network_from_json(document["network"]),
            _parameterization_from_json(document["parameterization"]),
            Training(**_tuples(document["training"])),
            document["width"],
            document["seed"],
            document["engine"],
        )


@dataclass(frozen=True)
class Record:
    """The value of one observable in one trial; inf or nan if the run had diverged by then."""

    observable: Observable
    width: int
    seed: int
    value: float

    def to_json(self) -> Json:
        """As JSON types; a value that is not finite becomes a string, since JSON has no such numbers."""
        finite = abs(self.value) < float("inf")
        value = self.value if finite else str(self.value)
        return {**asdict(self.observable), "width": self.width, "seed": self.seed, "value": value}

    @classmethod
    def from_json(cls, document: Json) -> Record:
        """The record that `to_json` wrote."""
        observable = Observable(document["quantity"], document["layer"], document["step"])
        return cls(observable, document["width"], document["seed"], float(document["value"]))


def _tuples(training: Json) -> Json:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in training.items()}


def _layers_to_json(layers: tuple[LayerExponents[Any], ...]) -> list[Json]:
    return [{key: format_exponent(value) for key, value in layer.named.items()} for layer in layers]


def _layers_from_json(documents: list[Json]) -> tuple[LayerExponents[Any], ...]:
    return tuple(LayerExponents(**{k: parse_exponent(v) for k, v in item.items()}) for item in documents)


def _parameterization_to_json(parameterization: Parameterization) -> Json:
    return {
        "name": parameterization.name,
        "layers": _layers_to_json(parameterization.layers),
        "gamma": str(parameterization.gamma),
        "gamma_powers": _layers_to_json(parameterization.gamma_powers),
        "scales": [format_exponent(scale) for scale in parameterization.scales],
        "gamma_scales": [format_exponent(power) for power in parameterization.gamma_scales],
    }


def _parameterization_from_json(document: Json) -> Parameterization:
    return Parameterization(
        _layers_from_json(document["layers"]),
        document["name"],
        Fraction(document["gamma"]),
        _layers_from_json(document["gamma_powers"]),
        tuple(parse_exponent(scale) for scale in document["scales"]),
        tuple(parse_exponent(power) for power in document["gamma_scales"]),
    )
