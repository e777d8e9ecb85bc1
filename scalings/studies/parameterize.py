"""Set a model as the criteria ask, at every width: `parameterize`, and the repair that `check_model` names.

The setting is the nearest to the model's own that meets the criteria at the wished richness: what is right already
stays as it is, and at the base width everything does. It is in init scales and learning rates alone, so that a trained
model needs no code of its own where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import as_criteria
from scalings.displays import Displayed, json_text
from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, parse_fraction
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import laws
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.nodes import Weighted
from scalings.results.checks import Forbidden, Repair
from scalings.results.prescription_code import code
from scalings.results.prescriptions import GAMMA, ParameterRule, Prescription, Scaled
from scalings.studies.model_settings import ParameterSetting, parameter_settings, parameterization_of
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation

if TYPE_CHECKING:
    from torch import nn

    from empirical.models.settings import Setting
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build
    from scalings.studies.model_checks import ModelCheck

_NEAR = Fraction(1, 16)
"""How far the members are from the wished one between which exponents are compared, for what gamma does."""

_DRAWS = 0.1
"""Root mean squares of copies that differ by less, beside the largest, are those of one start."""


@dataclass(frozen=True)
class Model:
    """What the user has given: how to build the model at a width, its optimizer, data and loss."""

    build: Build
    optimizer: Callable[[Any], Any]
    data: object
    loss: Loss | None = None


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
        given = self.model.build
        return self.apply(given[width]() if isinstance(given, Mapping) else given(width))

    def patterns(self, width: int) -> list[dict[str, Any]]:
        """The groups at a width as a list of patterns of names, as torchtitan's `param_groups` are."""
        return self.prescription.patterns(width)

    def rescaled(self, gamma: float) -> Parameterized:
        """The same, but that hidden layers move gamma times as far, wherever the richness is a freedom."""
        return replace(self, prescription=self.prescription.rescaled(gamma))

    def check(self, **options: Any) -> ModelCheck:
        """`check_model` of the model as prescribed, with its options."""
        from scalings.studies.model_checks import check_model

        given = self.model
        build: Build = self.build
        if isinstance(given.build, Mapping):
            build = {width: partial(self.build, width) for width in given.build}
        return check_model(build, self.optimizer, given.data, given.loss, **options)

    @property
    def code(self) -> str:
        """The same as Python to paste: a function of the model and its width n."""
        return code(self.prescription)

    def to_json(self) -> str:
        """The prescription as JSON text."""
        return json_text(self)


def parameterize(
    build: Build,
    optimizer: Callable[[Any], Any] | str,
    data: object,
    loss: Loss | None = None,
    *,
    base_width: int,
    richness: Fraction | int | str | None = None,
    gamma: float = 1,
    lr: float | Mapping[str, float] | None = None,
    decay: float | None = None,
    widths: Sequence[int] | None = None,
) -> Parameterized:
    """How a model and its optimizer are to be set at any width, so that training is as it is at the base width.

    - `build`, `optimizer`, `data`, `loss`: as for `check_model`. The optimizer may also be the name of an update law,
      as "adamw" or "muon+adamw" (Muon for hidden matrices, AdamW for the rest), with `lr` at the base width, a number
      or one for each law, and `decay`.
    - `base_width`: where everything stays as it is.
    - `richness`: of the family, such as "1/2"; default the largest. `gamma`: its prefactor, |dz| ~ gamma n^r.
    - `widths`: three or more at which the model is traced.

    Raises ArgumentError as `check_model` does, and where nothing of this richness meets the criteria.
    """
    from empirical.models.settings import settings
    from empirical.tracing.trace import trace

    check_base_width(base_width)
    traced = trace(build, data, widths, loss)
    translation = traced.translation
    if isinstance(optimizer, str):
        optimizer = _named(optimizer, traced, translation, lr, decay)
    elif not callable(optimizer):
        raise wrong_type(
            "optimizer", "a function that is given the module and makes its optimizer, or a name", optimizer
        )
    elif lr is not None or decay is not None:
        raise ArgumentError("lr", "expected none, since the optimizer that is made has its own learning rate and decay")
    seen = settings(build, optimizer, traced.widths)
    rows, notes = parameter_settings(traced, translation, seen)
    given = parameterization_of(rows)
    problem = problem_of(translation, rows)
    wished = wished_richness(problem, richness)
    model = Model(build, optimizer, data, loss)
    near = near_members(problem, given, wished)
    found = parameterized(model, traced, problem, rows, seen, near.repair, base_width, near.gamma, tuple(notes))
    return found if gamma == 1 else found.rescaled(gamma)


def check_base_width(base_width: object) -> None:
    """Raises ArgumentError for what is no width."""
    if not isinstance(base_width, int) or isinstance(base_width, bool) or base_width < 1:
        raise ArgumentError("base_width", f"expected a whole number of at least 1, but got {base_width!r:.60}")


def _named(
    name: str,
    traced: TracedNetwork,
    translation: Translation,
    lr: float | Mapping[str, float] | None,
    decay: float | None,
) -> Callable[[Any], Any]:
    from empirical.models.named_optimizers import named_optimizer

    axes = {name: len(one.shape) for one in traced.tape.parameters for name in traced.names_of(one)}
    return named_optimizer(name, translation.network, translation.weights, axes, lr, decay or 0.0)


def problem_of(translation: Translation, rows: Sequence[ParameterSetting]) -> Problem:
    """The network of a model, with the law of each weight's own optimizer."""
    law = laws(rows[-1].law, {row.layer: row.law for row in rows})
    return Problem(translation.network, law, loss=translation.loss)


def wished_richness(problem: Problem, richness: Fraction | int | str | None) -> Fraction:
    """The richness that is asked for; the largest that the criteria allow, if none is. Raises ArgumentError."""
    if richness is not None:
        try:
            return parse_fraction(richness) if isinstance(richness, str) else Fraction(richness)
        except ValueError as error:
            raise ArgumentError("richness", str(error)) from None
    from symbolic.derivation.members import Members
    from symbolic.propagation.question import Question

    _, high = Members(Question(problem, tuple(as_criteria("tutorial")), ())).ends
    if high is None:
        raise ArgumentError("richness", "expected a fraction such as 1/2, since there is no largest one")
    return high


@dataclass(frozen=True)
class Near:
    """The nearest member of a richness, and by which powers of gamma its numbers move along the richness."""

    repair: Repair
    gamma: tuple[LayerExponents[Exponent], ...]
    """Of each layer; empty if the richness is no freedom."""


def near_members(problem: Problem, given: Parameterization, wished: Fraction) -> Near:
    """The nearest member of this richness. Raises ArgumentError if nothing that meets the criteria has it.

    A prefactor gamma scales hyperparameters as n^r does: by the power that the exponent rises by with r, where it does
    so evenly, on either side.
    """
    from symbolic.evaluation.repair import repair_of

    found = repair_of(problem, given, wished)
    if isinstance(found, Forbidden):
        excluding = ", ".join(found.criteria)
        raise ArgumentError(
            "richness",
            f"no init scales and learning rates have r = {wished}: {excluding} exclude it; a multiplier may help, "
            "and derive says where",
        )
    for step in (-_NEAR, _NEAR):
        one, two = (repair_of(problem, given, wished + count * step) for count in (1, 2))
        if isinstance(one, Repair) and isinstance(two, Repair):
            first, second = (_slopes(found, other, count * step) for count, other in ((1, one), (2, two)))
            if first == second:
                return Near(found, first)
    return Near(found, ())


def _slopes(one: Repair, other: Repair, step: Fraction) -> tuple[LayerExponents[Exponent], ...]:
    """By which powers exponents rise with the richness."""

    def slope(before: Exponent, after: Exponent) -> Exponent:
        return Fraction(0) if MINUS_INFINITY in (before, after) else (after - before) / step

    pairs = zip(one.parameterization.layers, other.parameterization.layers, strict=True)
    return tuple(
        LayerExponents(**{name: slope(was, now.named.get(name, was)) for name, was in before.named.items()})
        for before, now in pairs
    )


def repaired_model(
    model: Model,
    traced: TracedNetwork,
    problem: Problem,
    rows: Sequence[ParameterSetting],
    seen: Mapping[str, Setting],
    repair: Repair | Forbidden,
) -> Parameterized | None:
    """The model set as a repair says, as it is at the smallest width that was traced; None where nothing changes."""
    if isinstance(repair, Forbidden) or not repair.changes:
        return None
    return parameterized(model, traced, problem, rows, seen, repair, traced.widths[0])


def parameterized(
    model: Model,
    traced: TracedNetwork,
    problem: Problem,
    rows: Sequence[ParameterSetting],
    seen: Mapping[str, Setting],
    repair: Repair,
    base_width: int,
    gamma: Sequence[LayerExponents[Exponent]] = (),
    notes: tuple[str, ...] = (),
) -> Parameterized:
    """The model, set as a repair says, with the numbers that it has itself at the base width."""
    from empirical.models.prescribing import options_at, sizes_at

    options, sizes = options_at(model.build, model.optimizer, base_width), sizes_at(model.build, base_width)
    shapes = {name: one.shape for one in traced.tape.parameters for name in traced.names_of(one)}
    changed = {(layer, which) for layer, which, *_ in repair.changes}
    layers = traced.translation.network.layers
    prescribed: dict[str, tuple[str, _Powers]] = {}
    for row in rows:
        sizes |= _of_copies({name: sizes[name] for name in row.parameters})
    for number, (node, row) in enumerate(zip(layers, rows, strict=True)):
        which = tuple(one for one in ("init", "lr", "decay") if (row.layer, one) in changed)
        own = _Powers(repair.parameterization.layers[number], gamma[number] if gamma else None, which, node)
        prescribed |= {name: (row.weight, own) for name in row.parameters}

    def rule(name: str, setting: Setting) -> ParameterRule:
        as_it_is = LayerExponents(Fraction(0), setting.init, setting.lr, setting.decay)
        weight, powers = prescribed.get(name, (name, _Powers(as_it_is)))
        trained, size = options.get(name), sizes[name]
        if not size and "init" in powers.changed and powers.node:
            size = 1 / math.sqrt(powers.node.fan_in.at(base_width))  # it starts at zero: typical weights instead
        return ParameterRule(
            name,
            weight,
            shapes.get(name),
            trained.optimizer if trained else "",
            trained.law if trained else "",
            powers.scaled("init", size),
            powers.scaled("lr", trained.lr if trained else 0.0),
            powers.scaled("decay", trained.decay if trained else 0.0),
            powers.changed,
        )

    rules = tuple(rule(name, setting) for name, setting in seen.items())
    return Parameterized(Prescription(base_width, rules, repair.verdict.richness, {}, notes), problem, model)


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
