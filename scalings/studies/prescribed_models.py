"""A model with the numbers to set it to: its own at the base width, and powers of the width."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.displays import Displayed, json_text
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.nodes import Weighted
from scalings.results.checks import Forbidden, Repair
from scalings.results.prescription_code import code
from scalings.results.prescriptions import GAMMA, ParameterRule, Prescription, Scaled
from scalings.studies.model_reading import Model, Reading

if TYPE_CHECKING:
    from torch import nn

    from empirical.models.optimizers import Options
    from empirical.models.settings import Setting
    from empirical.tracing.trace import Build
    from scalings.studies.model_checks import ModelCheck

_DRAWS = 0.1
"""Root mean squares of copies that differ by less, beside the largest, are those of one start."""


@dataclass(frozen=True, repr=False)
class Parameterized(Displayed):
    """A model with the numbers that it is to be set to. Models that are handed in are freshly made, of any width."""

    prescription: Prescription
    problem: Problem
    """What was derived from: the network that the model is, and the law of each weight."""
    model: Model = field(compare=False)

    def apply(self, model: nn.Module) -> nn.Module:
        """Rescale the model's starts in place, and return it. Raises ArgumentError for a model of other shapes."""
        from empirical.models.prescribing import start

        start(self.prescription, model)
        return model

    def groups(self, model: nn.Module) -> dict[str, list[dict[str, Any]]]:
        """By torch optimizer ("AdamW", "Muon"), the groups of the model's parameters that it takes."""
        from empirical.models.prescribing import groups

        return groups(self.prescription, model)

    def optimizer(self, model: nn.Module) -> Any:
        """The user's own optimizers of the model, at the learning rates and decays that are prescribed."""
        from empirical.models.prescribing import optimizer

        return optimizer(self.prescription, self.model.optimizer, model)

    def build(self, width: int) -> nn.Module:
        """The model of this width, set as prescribed."""
        from empirical.models.prescribing import made_at

        return self.apply(made_at(self.model.build, width))

    def patterns(self, width: int) -> list[dict[str, Any]]:
        """The groups at a width as a list of patterns of names, as torchtitan's `param_groups` are."""
        return self.prescription.patterns(width)

    def rescaled(self, gamma: float) -> Parameterized:
        """The same, but that hidden layers move gamma times as far, wherever the richness is a freedom."""
        return replace(self, prescription=self.prescription.rescaled(gamma))

    def rescale(self, model: nn.Module, gamma: float) -> Parameterized:
        """Set a freshly made model gamma times as rich, in place; what this gives has its groups and optimizers."""
        found = self.rescaled(gamma)
        found.apply(model)
        return found

    def check(self, **options: Any) -> ModelCheck:
        """`check_model` of the model as prescribed, with its options."""
        from empirical.models.prescribing import optimizers_at_peak
        from scalings.studies.model_checks import check_model

        given = self.model
        build: Build = self.build
        if isinstance(given.build, Mapping):
            build = {width: partial(self.build, width) for width in given.build}
        at_peak = partial(optimizers_at_peak, self.prescription, given.optimizer)
        return check_model(build, at_peak, given.data, given.loss, **options)

    @property
    def code(self) -> str:
        """The same as Python to paste: a function of the model and its width n."""
        return code(self.prescription)

    def to_json(self) -> str:
        """The prescription as JSON text."""
        return json_text(self)


def repaired_model(
    read: Reading,
    repair: Repair | Forbidden,
    notes: tuple[str, ...] = (),
    epsilons: Mapping[str, Exponent] | None = None,
) -> Parameterized | None:
    """The model set as a repair says, as it is at the smallest width that was traced; None where nothing changes.

    `epsilons` has the weights whose gradients drown in theirs, with the orders of these gradients' entries.
    """
    base = read.traced.widths[0]
    small = {weight: _small_epsilon(read, weight, order) for weight, order in (epsilons or {}).items()}
    if isinstance(repair, Forbidden) or not (small or _settings_in(repair, read)):
        return None
    return parameterized(read, repair, base, notes=notes, epsilons=small)


_EPSILON, _SMALL = 1e-8, 1e-3
"""Torch's own, and how small an epsilon is to be beside the entries of gradients."""


def _small_epsilon(read: Reading, weight: str, order: Exponent) -> Scaled:
    """An epsilon that is small beside a gradient's entries where they were seen, and falls as fast as they do."""
    names = next(row.parameters for row in read.rows if row.weight == weight)
    seen = [one for name in names for one in read.seen[name].gradients.items() if one[1]]
    power = order if order != MINUS_INFINITY else Fraction(0)
    base = read.traced.widths[0]
    sizes = [size * (base / width) ** float(power) for width, size in seen]
    return Scaled(min([_EPSILON, *(_SMALL * size for size in sizes)])).also(WIDTH_SCALE, power)


def _settings_in(repair: Repair, read: Reading) -> set[tuple[str, str]]:
    """Which starts, rates and decays it changes: the code is the user's, and what nothing trains has no rate to be
    another, unless it may have that of a weight that is trained."""
    idle = {row.layer for row in read.rows if row.untrained and not row.akin}
    numbers = {
        (one, which) for one, which, *_ in repair.changes if which != "scale" and not (which == "lr" and one in idle)
    }
    return numbers | {(row.layer, "init") for row in read.rows if row.mean != MINUS_INFINITY}


def parameterized(
    read: Reading,
    repair: Repair,
    base_width: int,
    gamma: Sequence[LayerExponents[Exponent]] = (),
    notes: tuple[str, ...] = (),
    epsilons: Mapping[str, Scaled] = MappingProxyType({}),
) -> Parameterized:
    """The model, set as a repair says, with the numbers that it has itself at the base width; but with these epsilons,
    by weight."""
    from empirical.models.prescribing import options_at, shapes_at, sizes_at

    model, traced = read.model, read.traced
    centred = {name for row in read.rows if row.mean != MINUS_INFINITY for name in row.parameters}
    options, sizes = options_at(model.build, model.optimizer, base_width), sizes_at(model.build, base_width, centred)
    base_shapes = shapes_at(model.build, base_width)
    shapes = {name: one.shape for one in traced.tape.parameters for name in traced.names_of(one)}
    changed = _settings_in(repair, read)
    layers = traced.translation.network.layers
    laws = {name: row.law for row in read.rows for name in row.parameters}
    prescribed: dict[str, tuple[str, _Powers]] = {}
    for row in read.rows:
        sizes |= _of_copies({name: sizes[name] for name in row.parameters})
        if row.akin:
            options |= {name: _like(options.get(name), options[row.akin]) for name in row.parameters}
    for number, (node, row) in enumerate(zip(layers, read.rows, strict=True)):
        which = tuple(one for one in ("init", "lr", "decay") if (row.layer, one) in changed)
        own = _Powers(repair.parameterization.layers[number], gamma[number] if gamma else None, which, node)
        prescribed |= {name: (row.weight, own) for name in row.parameters}

    def epsilon(weight: str, setting: Setting, trained: Options) -> Scaled:
        """The one that is small beside gradients where the model's own is not; else its own, if not torch's."""
        if weight in epsilons:
            return epsilons[weight]
        is_own = "eps" in dict(trained.kept) or setting.epsilon not in (0, MINUS_INFINITY)
        given = trained.epsilon or dict(trained.kept).get("eps", 0.0)
        return Scaled(given).also(WIDTH_SCALE, setting.epsilon if trained.epsilon else 0) if is_own else Scaled(0.0)

    def rule(name: str, setting: Setting) -> ParameterRule:
        as_it_is = LayerExponents(Fraction(0), setting.init, setting.lr, setting.decay)
        weight, powers = prescribed.get(name, (name, _Powers(as_it_is)))
        trained, size = options.get(name), sizes[name]
        if not size and "init" in powers.changed and powers.node:
            size = 1 / math.sqrt(powers.node.fan_in.at(base_width))  # it starts at zero: typical weights instead
        law = laws.get(name, trained.law) if trained else ""
        decay = powers.scaled("decay", trained.decay if trained else 0.0)
        unlike = {
            "start": size != sizes[name],
            "decay": bool(trained and trained.decay and not decay.constant),
            "epsilon": weight in epsilons,
        }
        return ParameterRule(
            name,
            weight,
            shapes.get(name),
            ("AdamW" if law == "adamw" and trained.optimizer == "Adam" else trained.optimizer) if trained else "",
            law,
            powers.scaled("init", size),
            powers.scaled("lr", trained.lr if trained else 0.0),
            decay,
            (*powers.changed, *(["epsilon"] if weight in epsilons else [])),
            base_shapes[name],
            epsilon(weight, setting, trained) if trained else Scaled(0.0),
            tuple(one for one in trained.kept if one[0] != "eps") if trained else (),
            tuple(what for what, is_other in unlike.items() if is_other),
            name in centred,
        )

    rules = tuple(rule(name, setting) for name, setting in read.seen.items())
    notes = (*notes, *_new_rates(read, base_width))
    prescription = Prescription(base_width, rules, repair.verdict.richness, {}, notes)
    return Parameterized(prescription, read.without_epsilons, model)


def _new_rates(read: Reading, base_width: int) -> Iterator[str]:
    """Which weights are given the rates of others, that nobody has tuned for them."""
    given: dict[str, list[str]] = {}
    for row in read.rows:
        if row.akin:
            given.setdefault(row.akin, []).append(row.weight)
    for akin, weights in given.items():
        named = ", ".join(weights)
        yield f"{named} had no learning rate: at {base_width} it is that of {akin} here, and is to be tuned"


def _like(own: Options | None, other: Options) -> Options:
    """How what nothing trains is to be trained: by its own optimizer if it has one, else by that of another, at the
    rate of that."""
    return replace(own, lr=other.lr) if own else replace(other, decay=0.0, others=())


def _of_copies(sizes: Mapping[str, float]) -> dict[str, float]:
    """The sizes of the copies of a weight: one for all where they differ by no more than draws do."""
    least, largest = min(sizes.values()), max(sizes.values())
    if largest - least > _DRAWS * largest:
        return dict(sizes)
    mean = math.sqrt(sum(size**2 for size in sizes.values()) / len(sizes))
    return dict.fromkeys(sizes, mean)


@dataclass(frozen=True)
class _Powers:
    """The powers of the width and of gamma that one weight is prescribed."""

    width: LayerExponents[Exponent]
    gamma: LayerExponents[Exponent] | None = None
    changed: tuple[str, ...] = ()
    node: Weighted | None = None

    def scaled(self, which: str, constant: float) -> Scaled:
        found = Scaled(constant).also(WIDTH_SCALE, self.width.named.get(which, MINUS_INFINITY))
        gamma = self.gamma.named.get(which) if self.gamma else None
        return found.also(GAMMA, gamma) if gamma else found
