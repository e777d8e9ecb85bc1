"""Set a model as the criteria ask, at every width: `parameterize`.

The setting is the nearest to the model's own that meets the criteria at the wished richness: what is right already
stays as it is, and at the base width everything does. It is in init scales and learning rates alone, so that a trained
model needs no code of its own where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import as_criteria
from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Forbidden, Repair
from scalings.results.prescriptions import check_width
from scalings.studies.model_reading import Model, apart, reading, traced_as_one
from scalings.studies.prescribed_models import Parameterized, parameterized
from scalings.studies.wishes import RICH, parse_richness
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build
    from symbolic.propagation.question import Question

_STEPS = 3
"""An optimizer whose law is measured is to have one from here on."""
_NEAR = Fraction(1, 16)
"""How far the members are from the wished one between which exponents are compared, for what gamma does."""


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
    **options: Any,
) -> Parameterized:
    """How a model and its optimizer are to be set at any width, so that training is as it is at the base width.

    - `build`, `optimizer`, `data`, `loss`: as for `check_model`. The optimizer may also be the name of an update law,
      as "adamw" or "muon+adamw" (Muon for hidden matrices, AdamW for the rest), with `lr` at the base width, a number
      or one for each law, and `decay`; or a class of torch, as torch.optim.AdamW, which is then given all parameters,
      `lr` and whatever other keywords it takes (`options`), as betas=(0.9, 0.95).
    - `base_width`: where everything stays as it is.
    - `richness`: of the family, such as "1/2"; default the largest. `gamma`: its prefactor, |dz| ~ gamma n^r.
    - `widths`: three or more at which the model is traced.

    Raises ArgumentError as `check_model` does, and where nothing of this richness meets the criteria.
    """
    from empirical.models.named_optimizers import class_optimizer, not_a_module

    check_width(base_width, "base_width")
    not_a_module(build)
    if isinstance(optimizer, type):
        optimizer, lr, decay = class_optimizer(optimizer, lr, decay, options), None, None
    elif options:
        why = "expected none, since only a class of torch, as torch.optim.AdamW, is given keywords of its own"
        raise ArgumentError(next(iter(options)), why)
    traced = traced_as_one(build, data, loss, widths)
    if isinstance(optimizer, str):
        optimizer = _named(optimizer, traced.network, lr, decay)
    elif not callable(optimizer):
        raise wrong_type(
            "optimizer", "a function that is given the module and makes its optimizer, a class or a name", optimizer
        )
    elif lr is not None or decay is not None:
        why = "expected none, since the optimizer that is made has its own"
        raise ArgumentError("decay" if lr is None else "lr", why)
    read = reading(Model(build, optimizer, data, loss), apart(traced, optimizer), steps=_STEPS)
    near = near_members(read.without_epsilons, read.given, wished_richness(read.without_epsilons, read.given, richness))
    found = parameterized(read, near.repair, base_width, near.gamma, read.notes)
    return found if gamma == 1 else found.rescaled(gamma)


def _named(
    name: str,
    traced: TracedNetwork,
    lr: float | Mapping[str, float] | None,
    decay: float | None,
) -> Callable[[Any], Any]:
    from empirical.models.named_optimizers import named_optimizer

    axes = {name: len(one.shape) for one in traced.tape.parameters for name in traced.names_of(one)}
    translation = traced.translation
    return named_optimizer(name, translation.network, translation.weights, axes, lr, decay or 0.0)


def wished_richness(problem: Problem, given: Parameterization, richness: Fraction | int | str | None) -> Fraction:
    """The richness that is asked for; the largest that the criteria allow, if none is.

    Raises ArgumentError for what is no fraction, and where no init scales and learning rates meet the criteria.
    """
    from symbolic.derivation.members import Members
    from symbolic.propagation.question import Question

    if richness is not None:
        return parse_richness(richness)
    if isinstance(_working(problem, given, RICH), Repair):
        return RICH  # features that move by more explode
    question = Question(problem, tuple(as_criteria("tutorial")))
    try:
        _, high = Members(question).ends
    except ArgumentError as error:
        if isinstance(_working(problem, given, None), Forbidden):
            raise ArgumentError("build", _why_nothing(question)) from None
        why = f"expected a fraction such as 0, since the largest is not known: {error.message}"
        raise ArgumentError("richness", why) from None
    if high is None:
        raise ArgumentError("richness", "expected a fraction such as 1/2, since there is no largest one")
    return high


def _why_nothing(question: Question) -> str:
    """Which criteria contradict each other where, and what code would help."""
    from symbolic.derivation.conflicts import conflict_of

    conflict = conflict_of(question)
    named = ", ".join(f"{criterion} at {layer}" if layer else criterion for criterion, layer in conflict.imposed)
    said = f"no init scales and learning rates meet {named} together"
    edges = [f"in {reader}, of what it reads from {source}" for source, reader in conflict.add]
    return f"{said}: what helps is a multiplier in your code, {' or '.join(edges)}" if edges else said


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
    nearest = _in_fewest_layers
    found = nearest(problem, given, wished)
    if isinstance(found, Forbidden):
        nearest = _working
        found = nearest(problem, given, wished)
    if isinstance(found, Forbidden):
        excluding = ", ".join(found.criteria)
        raise ArgumentError("richness", f"no init scales and learning rates have r = {wished}: {excluding} exclude it")
    for step in (-_NEAR, _NEAR):
        one, two = (nearest(problem, given, wished + count * step) for count in (1, 2))
        if isinstance(one, Repair) and isinstance(two, Repair):
            first, second = (_slopes(found, other, count * step) for count, other in ((1, one), (2, two)))
            if first == second:
                return Near(found, first)
    return Near(found, ())


def _in_fewest_layers(problem: Problem, given: Parameterization, richness: Fraction) -> Repair | Forbidden:
    """The nearest that meets the tutorial's criteria; none where too much competes in an order for all to be found."""
    from symbolic.evaluation.repair import repair_of

    try:
        return repair_of(problem, given, richness)
    except ArgumentError:
        return Forbidden((), richness)


def _working(problem: Problem, given: Parameterization, richness: Fraction | None) -> Repair | Forbidden:
    """The nearest that works as `check_model` asks: what may start small, as a latent value that else would leave all
    in front of it lazy, does not have to start at order 1."""
    from symbolic.evaluation.causes import causes_of

    if problem.network.multipliers:  # of those it knows nothing: a module has none
        return Forbidden((), richness)
    return causes_of(problem, given, code=False, richness=richness)


def _slopes(one: Repair, other: Repair, step: Fraction) -> tuple[LayerExponents[Exponent], ...]:
    """By which powers exponents rise with the richness."""

    def slope(before: Exponent, after: Exponent) -> Exponent:
        return Fraction(0) if MINUS_INFINITY in (before, after) else (after - before) / step

    pairs = zip(one.parameterization.layers, other.parameterization.layers, strict=True)
    return tuple(
        LayerExponents(**{name: slope(was, now.named.get(name, was)) for name, was in before.named.items()})
        for before, now in pairs
    )
