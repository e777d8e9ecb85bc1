"""Models: how many of the orders that are derived for real modules are those that they show in training.

Each of the zoo's modules is traced, translated and derived; it is then trained at several widths under the standard
parameterization and under the derived ones at r = 0 and 1/2, by SGD and by Adam, with small steps. Of every value that
theory speaks of, after each of so many updates, the derived order is set beside the measured slope:

- *near*: the plain slope over all widths is within 0.15 of the order;
- *by interval*: the 95 % interval of the exponent, with its finite-width corrections, is not outside of the order plus
  or minus 0.1;
- *foretold*: the plain slope is within 0.15 of that which the same rules give for the sizes of initial weights and of
  learning rates at these very widths (`symbolic.evaluation.sizes`).

What theory only bounds from above (`scalings.studies.roles`) may be below it. Where training is unstable, no slope is
that of its order but those of the first update (clause 5 there), and only these are counted.

Each training is a line of a file as soon as it is done: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from empirical.engines.module.problem import ModuleProblem
from empirical.engines.module.standard import standard
from empirical.engines.module.weights import reference_constants, sizes_at
from empirical.statistics import regression
from empirical.sweeps import modules
from empirical.sweeps.sweep import carry_out
from empirical.tracing.batches import default_loss
from empirical.tracing.trace import trace
from scalings.criteria.observables import Observable, Quantity
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer as update_law
from scalings.networks.network import Network
from scalings.networks.nodes import WEIGHTED, Weighted
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.equivalence import Role
from scalings.studies.modules import foretold
from scalings.studies.roles import roles
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translate import translated
from scalings.tapes.translation.translation import Translation
from symbolic.derivation.members import member
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.predict import prediction_of
from tests.empirical.tracing.zoo import ZOO, Model
from tests.empirical.tracing.zoo_of_libraries import LIBRARIES

NAMES = (*ZOO, *LIBRARIES)
OPTIMIZERS = ("sgd", "adam")
GIVEN = ("standard", "0", "1/2", "mup")
"""The standard parameterization, and members of the derived family by their richness; where there is none that is rich,
muP by the roles of weights."""
STORE = Path("models.jsonl")
STEPS, SEEDS, CAP = 2, 4, 2
WIDE = (32, 48, 64, 96, 128, 192, 256)
NARROW = (8, 12, 16, 24, 32)
"""Of a residual network whose channels are eight times the width in the end; 64 would cost twice all these."""
NEAR, MARGIN = 0.15, 0.1
_FIRST_UPDATE = frozenset({"gradient", "dW_frobenius", "layer"})
LEFT_OUT = frozenset({"dd", "dW_spectral", "alignment", "W_spectral"})
"""What theory does not speak of for every network, or is not about a value."""


@dataclass(frozen=True)
class Compared:
    """A value's derived order and its measured slope."""

    quantity: Quantity
    node: str
    step: int
    role: Role
    derived: str
    """As text: a fraction, or -oo."""
    plain: float
    low: float
    high: float
    foretold: float = math.nan
    """The slope that the rules give for the sizes of weights and steps at these very widths."""
    reading: str = ""
    """The torch function that the node is read off."""

    @property
    def text(self) -> str:
        """The value in words, with the torch function that it is read off."""
        of = f" ({self.reading})" if self.reading else ""
        return f"{Observable(self.quantity, self.node, self.step)}{of}"

    @property
    def order(self) -> Exponent:
        return MINUS_INFINITY if self.derived == str(MINUS_INFINITY) else Fraction(self.derived)

    @property
    def is_near(self) -> bool:
        below = self.role == "upper bound" and self.plain < float(self.order)
        return below or abs(self.plain - float(self.order)) <= NEAR

    @property
    def is_foretold(self) -> bool:
        return abs(self.plain - self.foretold) <= NEAR

    @property
    def is_of_the_first_update(self) -> bool:
        return not self.step or (self.step == 1 and self.quantity in _FIRST_UPDATE)

    @property
    def is_held(self) -> bool:
        above = self.low > float(self.order) + MARGIN
        return not above and (self.role == "upper bound" or self.high >= float(self.order) - MARGIN)


Rule: TypeAlias = Callable[[Compared], bool]
RULES: dict[str, Rule] = {
    "near": lambda one: one.is_near,
    "by interval": lambda one: one.is_held,
    "foretold": lambda one: one.is_foretold,
}


@dataclass(frozen=True)
class Trained:
    """One module under one parameterization by one optimizer; `lacking` says why there is none."""

    model: str
    optimizer: str
    given: str
    values: tuple[Compared, ...] = ()
    lacking: str = ""
    stable: bool = True
    unknown: tuple[str, ...] = ()

    @property
    def counted(self) -> tuple[Compared, ...]:
        """The values whose slopes are to be their orders."""
        return self.values if self.stable else tuple(one for one in self.values if one.is_of_the_first_update)

    @property
    def disagreeing(self) -> Iterator[Compared]:
        """The values that neither the order nor the sizes explain."""
        return (one for one in self.counted if not (one.is_foretold or (one.is_near and one.is_held)))

    def share(self, rule: Rule) -> float:
        """The share of values that agree."""
        return sum(rule(value) for value in self.counted) / len(self.counted)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.model, self.optimizer, self.given


def resumed(names: Sequence[str] = NAMES, store: Path | None = STORE, *, quick: bool = False) -> Iterator[Trained]:
    """All trainings of these models: those of the file, and what is missing there, done now."""
    known = {one.key: one for one in _read(store)} if store and store.exists() else {}
    for name in names:
        subject: Subject | None = None
        for optimizer in OPTIMIZERS[:1] if quick else OPTIMIZERS:
            for given in GIVEN[:1] if quick else GIVEN:
                key = name, optimizer, given
                if given == "mup" and not known[name, optimizer, "1/2"].lacking:
                    continue
                if key not in known:
                    subject = subject or Subject.of(name)
                    known[key] = subject.trained(optimizer, given, quick=quick)
                    if store and subject.is_installed:
                        with store.open("a") as file:
                            file.write(json.dumps(asdict(known[key])) + "\n")
                yield known[key]


@dataclass(frozen=True)
class Subject:
    """A model, traced and translated."""

    name: str
    model: Model
    traced: TracedNetwork | None
    translation: Translation | None
    lacking: str = ""
    is_installed: bool = True

    @classmethod
    def of(cls, name: str) -> Subject:
        """The model of this name; where it cannot be traced or translated, with the reason."""
        if name in LIBRARIES and find_spec(LIBRARIES[name][0]) is None:
            why = f"{LIBRARIES[name][0]} is not installed"
            return cls(name, ZOO["multilayer perceptron"], None, None, why, is_installed=False)
        model = ZOO[name] if name in ZOO else LIBRARIES[name][1]()
        try:
            traced = trace(model.build, model.data, model.widths, model.loss)
            return cls(name, model, traced, translated(traced))
        except ArgumentError as error:
            return cls(name, model, None, None, str(error))

    def trained(self, optimizer: str, given: str, *, quick: bool = False) -> Trained:
        """The module trained under this parameterization, beside theory."""
        if self.traced is None or self.translation is None:
            return Trained(self.name, optimizer, given, lacking=self.lacking)
        translation, network = self.translation, self.translation.network
        try:
            parameterization = self._parameterization(optimizer, given)
            problem = Problem(network, update_law(optimizer), loss=translation.loss)
            run = train_given(problem, parameterization, STEPS)
        except ArgumentError as error:
            return Trained(self.name, optimizer, given, lacking=str(error), unknown=translation.unknown)
        model, training = self.model, Training.of(optimizer, steps=STEPS)
        module = ModuleProblem(
            model.build,
            model.data,
            model.loss or default_loss,
            self.traced,
            translation,
            parameterization,
            training,
        )
        widths = WIDE if model.widths[0] > 8 else NARROW
        sweep = modules.plan(module, widths=widths[:4] if quick else widths, seeds=1 if quick else SEEDS, cap=CAP)
        seen = carry_out(sweep).values
        fits = regression.fit_all({one: values for one, values in seen.items() if one.quantity not in LEFT_OUT})
        stable = verdict_on(run).stable
        constants = reference_constants(module)
        slopes = foretold(problem, lambda width: sizes_at(module, width, constants), sweep.widths, STEPS)
        values = compared(network, prediction_of(run, STEPS), fits, slopes, stable, translation)
        return Trained(self.name, optimizer, given, tuple(values), stable=stable, unknown=translation.unknown)

    def _parameterization(self, optimizer: str, given: str) -> Parameterization:
        assert self.traced is not None
        assert self.translation is not None
        if given == "standard":
            return standard(self.model.build, self.traced, self.translation)
        if given == "mup":
            return mup(self.translation.network, optimizer)
        return member(self.translation.network, optimizer, given, loss=self.translation.loss)


def mup(network: Network, optimizer: str) -> Parameterization:
    """Maximal updates by the roles of weights (Yang et al., arXiv 2203.03466, Table 3), whatever else the module does.

    Where modules fix what muP chooses, such as 1/sqrt(d) attention or tied readouts, no derived parameterization meets
    the criteria; the rules hold all the same.
    """
    uses: dict[str, list[Weighted]] = {}
    for node in network.flat:
        if isinstance(node, WEIGHTED):
            uses.setdefault(node.weight, []).append(node)
    return Parameterization(tuple(_by_role(uses[node.weight], optimizer) for node in network.layers), "mup")


def _by_role(nodes: Sequence[Weighted], optimizer: str) -> LayerExponents[Exponent]:
    """A readout that shares its weight decides."""
    node = next((one for one in nodes if one.role == "output"), nodes[0])
    into, out = node.fan_in.order, node.fan_out.order
    init: Exponent = {"input": Fraction(0), "hidden": -into / 2, "output": -into}[node.role]
    if nodes[0].start != "random":
        init = MINUS_INFINITY if nodes[0].start == "zero" else Fraction(0)
    lr: Exponent = -into if optimizer == "adam" else out - into
    return LayerExponents(Fraction(0), init, MINUS_INFINITY if nodes[0].frozen else lr)


def compared(
    network: Network,
    derived: dict[Observable, Exponent],
    fits: Mapping[Observable, object],
    slopes: Mapping[Observable, float],
    stable: bool,
    translation: Translation,
) -> Iterator[Compared]:
    """Of everything that was derived and measured, but for what theory says is zero."""
    role = roles(network, derived, stable=stable, centered=True)
    for one, fit in sorted(fits.items()):
        if one not in derived or not isinstance(fit, Fit):
            continue
        yield Compared(
            one.quantity,
            one.layer,
            one.step,
            role[one],
            str(derived[one]),
            fit.plain,
            fit.low,
            fit.high,
            slopes.get(one, math.nan),
            translation.reading.get(one.layer, ""),
        )


def _read(store: Path) -> Iterator[Trained]:
    for line in store.read_text().splitlines():
        fields = json.loads(line)
        values = tuple(Compared(**one) for one in fields.pop("values"))
        unknown = tuple(fields.pop("unknown"))
        yield Trained(**fields, values=values, unknown=unknown)
