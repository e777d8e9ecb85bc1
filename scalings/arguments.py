"""The options that commands share, and what they mean together: a network, a parameterization, an optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal, TypeVar

from cyclopts import Parameter

from scalings.architectures import mlp
from scalings.errors import ArgumentError
from scalings.exponents import Exponent, parse_exponent
from scalings.networks import Network
from scalings.nodes import Activation
from scalings.optimizers import UpdateLaw, optimizer
from scalings.parameterizations import Parameterization, preset

T = TypeVar("T")
Format = Literal["text", "json"]
Exponents = Annotated[str | None, Parameter(allow_leading_hyphen=True)]

FAMILY = "family:"
DEFAULT_DEPTH = 3


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A parameterization, as the command line gives it."""

    preset: str | None = None
    """standard, ntp, ntp-lr, mup, mup-lr, mfp, or family:R for the derived family at r = R."""
    multiplier: Exponents = None
    """Powers of n of the multipliers, input to output, as in 0,0,-1/2; default all 0."""
    init: Exponents = None
    """Powers of n of the init scales, as in 0,-1/2,-1; -oo for weights that start at zero."""
    lr: Exponents = None
    """Powers of n of the learning rates, as in 1,0,-1."""
    depth: int | None = None
    """Number of weight matrices; default as many as exponents are given, or 3."""
    optimizer: str = "sgd"
    """sgd, sign, adam, normalized-sgd, muon, lars or adafactor."""
    activation: Activation = "relu"
    """Of the hidden layers."""

    def resolve(self, inputs: int = 64) -> tuple[Network, Parameterization, UpdateLaw]:
        """The network, the parameterization and the update law that were chosen. Raises ArgumentError."""
        law = optimizer(self.optimizer)
        lists = {"multiplier": self.multiplier, "init": self.init, "lr": self.lr}
        columns = {name: parse_list(name, text, parse_exponent) for name, text in lists.items() if text is not None}
        listed = max((len(column) for column in columns.values()), default=DEFAULT_DEPTH)
        depth = listed if self.depth is None else self.depth
        network = mlp(depth, self.activation, inputs=inputs)
        for name, column in columns.items():
            if len(column) != depth:
                raise ArgumentError(
                    name, f"{depth} layers need {depth} exponents, but got {len(column)} ({lists[name]!r})"
                )
        base = self._base(network, law, columns)
        kept = {name: [getattr(layer, name) for layer in base.layers] for name in lists} if base else {}
        title = self.preset if self.preset and not columns else "custom"
        return network, Parameterization.of(**{**kept, **columns}, name=title), law

    def _base(
        self, network: Network, law: UpdateLaw, columns: dict[str, tuple[Exponent, ...]]
    ) -> Parameterization | None:
        """What the preset says; None if init and lr are both given in full."""
        if self.preset is None:
            for name in ("init", "lr"):
                if name not in columns:
                    raise ArgumentError(name, "expected a list of exponents, or a --preset, but got neither")
            columns.setdefault("multiplier", (Fraction(0),) * network.depth)
            return None
        if self.preset.startswith(FAMILY):
            return _member(self.preset.removeprefix(FAMILY), network, law)
        if law.name != "sgd" and "lr" not in columns:
            raise ArgumentError(
                "lr", f"expected a list of exponents, since the presets' are for sgd, not for {law.name}; or family:R"
            )
        return preset(self.preset, network.depth)


def _member(richness: str, network: Network, law: UpdateLaw) -> Parameterization:
    from symbolic.derivations import derive

    family = derive(network, law).family
    if family is None:
        raise ArgumentError("preset", f"no family was derived for {law.name}")
    try:
        return family.member(richness)
    except ArgumentError:
        expected = f"expected {FAMILY}R with a fraction {family.low} <= R <= {family.high}"
        raise ArgumentError("preset", f"{expected}, but got '{FAMILY}{richness}'") from None


def parse_list(argument: str, text: str, parse: Callable[[str], T]) -> tuple[T, ...]:
    """A comma-separated list. Raises ArgumentError, naming the entry that cannot be read."""
    try:
        return tuple(parse(item) for item in text.split(","))
    except ValueError as error:
        raise ArgumentError(argument, f"{error} in {text!r}") from None


def parse_widths(text: str | None) -> tuple[int, ...] | None:
    """Whole numbers. Raises ArgumentError."""
    return None if text is None else parse_list("widths", text, _whole)


def parse_delta(text: str) -> Fraction:
    """The margin of a verdict. Raises ArgumentError."""
    try:
        delta = Fraction(text)
    except (ValueError, ZeroDivisionError):
        delta = Fraction(0)
    if not 0 < delta <= 1:
        raise ArgumentError("delta", f"expected a number above 0, at most 1, such as 0.05, but got {text!r}")
    return delta


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected whole numbers, but got {text!r}") from None
