"""The phase diagram of a parameterization: the plane through it and the derived family, divided by verdicts.

Training runs on orders that are affine in the two coordinates of the plane (`orders.planar_orders`): wherever a
comparison is not decided, the plane is cut. So on each cell that is left the orders are affine; cut once more where
what a verdict asks of them changes its answer, it has one verdict, that of `check` at a point inside. A cell that has
exploded is not divided further. Borders between cells are divided in the same way, and then corners.

>>> diagram = phases("mlp", "standard")
>>> half = Fraction(1, 2)
>>> diagram.at(Fraction(0), Fraction(1)).reason  # as it was given
'the output explodes'
>>> [diagram.at(r, Fraction(0)).regime for r in (Fraction(0), half, Fraction(51, 100))]  # repaired
['lazy', 'rich', 'unstable']
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss, Problem, as_parameterization
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Affine, Exponent, format_power, is_zero
from scalings.hyperparameters.gauges import LayerExponents, shifted
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.networks.architectures import Translatable
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network
from scalings.results.checks import Repair
from scalings.results.derivations import PARAMETER, Family
from scalings.results.phases import ACROSS, Corner, Phase, PhaseCell, PhaseDiagram, Plane, explosion, gravity, phase_of
from symbolic.derivation.derive import derivation_of
from symbolic.evaluation.check import CHECKED, verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.repair import repair_of
from symbolic.orders.planar_orders import PlanarOrder, PlanarOrders, planar
from symbolic.polyhedra.polygons import Cell, middle, sides
from symbolic.propagation.requirements import Requirement, awake, requirements
from symbolic.propagation.settling import updates_until_rest
from symbolic.propagation.training import train


def phases(
    network: Network | Translatable | str,
    parameterization: Parameterization | str,
    law: Laws | str = "sgd",
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
) -> PhaseDiagram:
    """What is unstable, trivial, lazy and rich in the plane through a parameterization and the derived family.

    Network, parameterization and law may be given by name. Raises ArgumentError where no family with one freedom is
    derived, or no plane holds it and the parameterization.
    """
    problem = Problem.of(network, law, scale, loss)
    return phases_of(problem, as_parameterization(parameterization, problem))


def phases_of(problem: Problem, parameterization: Parameterization, repair: Repair | None = None) -> PhaseDiagram:
    """The phases around a parameterization, its repair (the nearest one, if not given) and the derived family.

    Raises ArgumentError if no plane holds them all.
    """
    plane = plane_of(problem, parameterization, repair)
    (left, bottom), (right, top) = window = _window(plane)
    division = Division(problem, plane)
    rectangle = ((left, bottom), (right, bottom), (right, top), (left, top))
    polygons = list(division.cells(rectangle))
    borders = {tuple(sorted(side)) for side in sides(cell.corners for cell in polygons)}
    segments = [segment for border in sorted(borders) for segment in division.cells(border)]
    ends = sorted({corner for segment in segments for corner in segment.corners})
    corners = [point for end in ends for point in division.cells((end,))]
    return PhaseDiagram(parameterization.name, problem, plane, window, (*polygons, *segments, *corners))


def plane_of(problem: Problem, given: Parameterization, repair: Repair | None = None) -> Plane:
    """The plane through a parameterization, its repair and the derived family, in the multipliers that are given."""
    found = derivation_of(problem)
    if found.family is None:
        freedoms = "no solution" if found.degrees_of_freedom is None else f"{found.degrees_of_freedom} freedoms"
        wanted = "a phase diagram needs a derived family of one freedom"
        raise ArgumentError("output", f"{wanted}, but {freedoms} were derived for this network and optimizer")
    nearest = repair or repair_of(problem, given)
    assert isinstance(nearest, Repair)  # the family is not empty, and no richness is wished
    family, network = found.family, problem.network
    if not nearest.changes:
        layers = tuple(replace(layer, lr=_moved(layer.lr, Fraction(1))) for layer in _beside(family, given))
        return Plane(layers, family.scales, family.low, family.high, (nearest.richness, Fraction(0)), "rates")
    names = [layer.name for layer in network.layers]
    rows = zip(names, _beside(family, given), given.layers, nearest.parameterization.layers, strict=True)
    layers = tuple(_toward(name, layer, old, new) for name, layer, old, new in rows)
    before = given.scales or (Fraction(0),) * len(network.multipliers)
    columns = zip(network.multipliers, family.scales, before, nearest.parameterization.scales, strict=True)
    scales = tuple(_moved(scale, _step(node.name, "scale", old, new)) for node, scale, old, new in columns)
    return Plane(layers, scales, family.low, family.high, (nearest.richness, Fraction(1)), "given", nearest.changes)


def _beside(family: Family, given: Parameterization) -> list[LayerExponents[Affine]]:
    """The family in the multipliers of what is given, with weights at zero that were given as zero."""
    found = []
    for layer, own, law in zip(family.layers, given.layers, family.laws, strict=True):
        init = Affine(MINUS_INFINITY) if is_zero(own.init) else layer.init
        found.append(shifted(replace(layer, init=init), Affine(own.multiplier) - layer.multiplier, law))
    return found


def _toward(
    name: str, family: LayerExponents[Affine], given: LayerExponents[Exponent], repaired: LayerExponents[Exponent]
) -> LayerExponents[Affine]:
    """A layer of the family, moved t times as far as from what is repaired to what is given."""
    moved = {
        which: _moved(affine, _step(name, which, given.named.get(which, MINUS_INFINITY), repaired.named[which]))
        for which, affine in family.named.items()
    }
    return LayerExponents(**moved)


def _step(name: str, which: str, given: Exponent, repaired: Exponent) -> Fraction:
    if given == repaired:
        return Fraction(0)
    if isinstance(given, float) or isinstance(repaired, float):
        powers = f"{format_power(given)} as given and {format_power(repaired)} repaired"
        raise ArgumentError("output", f"no phase diagram: {which} of {name} is {powers}, and no power lies between")
    return given - repaired


def _moved(exponent: Affine, by: Fraction) -> Affine:
    return exponent if is_zero(exponent) else exponent + Affine(Fraction(0), {ACROSS: by})


def _window(plane: Plane) -> tuple[Corner, Corner]:
    """Around the family by half its length, and around what is given and its repair."""
    beside = (plane.high - plane.low) / 2 or Fraction(1, 4)
    bottom, top = (Fraction(-1), Fraction(3, 2)) if plane.across == "given" else (Fraction(-1, 2), Fraction(1, 2))
    return (plane.low - beside, bottom), (plane.high + beside, top)


@dataclass(frozen=True)
class Division:
    """What divides a plane into phases."""

    problem: Problem
    plane: Plane

    def cells(self, whole: Cell) -> Iterator[PhaseCell]:
        """The parts of a polygon, segment or point that have one phase each, without their borders."""
        left = [whole]
        while left:
            run = PlanarOrders(left.pop())
            phase = self._settle(run) or self._verdict(run.cell)
            left += run.left
            yield PhaseCell(run.cell, phase)

    def _verdict(self, cell: Cell) -> Phase:
        """The verdict of `check` inside a cell, the same everywhere."""
        return phase_of(verdict_on(train_given(self.problem, self.plane.at(*middle(cell)))))

    def _settle(self, run: PlanarOrders) -> Phase | None:
        """Make the cell so small that it has one phase; returns it if something explodes within so many updates."""
        orders: dict[Observable, PlanarOrder] = {}
        step = 0
        for observable, order in train(self.problem, self._layers, run, self._updates + 1, scales=self._scales):
            if observable.step > step:
                for one in self._stability[step]:
                    if sign := _broken(one, orders, run):
                        return Phase("unstable", explosion(one.criterion, step, vanishes=sign < 0))
                step = observable.step
            orders[observable] = order
        grows = (
            run.sign(order, orders[replace(key, step=self._updates)])
            for key, order in orders.items()
            if key.step == self._updates + 1 and key.quantity in ("dz", "dW_frobenius")
        )
        if any(grows) or any(_broken(one, orders, run) for one in self._asked if one.criterion == MOVING_OUTPUT):
            return None
        for one in self._asked:
            run.sign(*one.sides(orders, run))
        for place in self.problem.network.representations:
            if place.is_hidden:
                full = run.constant(place.units.order_in(self.problem.scale) / 2)
                for update in range(1, self._updates + 1):
                    run.sign(orders[Observable("dz", place.read_at, update)], full)
        return None

    @cached_property
    def _layers(self) -> list[LayerExponents[PlanarOrder]]:
        return [layer.each(_in_plane) for layer in self.plane.layers]

    @cached_property
    def _scales(self) -> list[PlanarOrder]:
        return [_in_plane(scale) for scale in self.plane.scales]

    @cached_property
    def _somewhere(self) -> Parameterization:
        return self.plane.at(*self.plane.point)

    @cached_property
    def _updates(self) -> int:
        """After as many, whatever is stable rests."""
        return updates_until_rest(self.problem, self._somewhere.layers, self._somewhere.scales)

    @cached_property
    def _asked(self) -> list[Requirement]:
        """What a verdict asks. What is zero is so everywhere in the plane, so that one run tells what sleeps."""
        orders = train_given(self.problem, self._somewhere, self._updates).until(self._updates)
        every = awake(requirements(self.problem, CHECKED, self._updates), orders)
        return [one for one in every if orders.keys() >= set(one.observables)]

    @cached_property
    def _stability(self) -> list[list[Requirement]]:
        """By step, and what explodes at one step in the order in which a phase names it."""
        stability = [one for one in self._asked if one.criterion in STABILITY]
        by_step = ([one for one in stability if one.step == step] for step in range(self._updates + 2))
        return [sorted(listed, key=lambda one: gravity(one.criterion)) for listed in by_step]


def _broken(one: Requirement, orders: dict[Observable, PlanarOrder], run: PlanarOrders) -> int:
    """1 if the left side is too large inside the cell, -1 if too small, else 0."""
    sign = run.sign(*one.sides(orders, run))
    return max(0, sign) if one.criterion.sign == "<=" else sign


def _in_plane(affine: Affine) -> PlanarOrder:
    return planar(affine, PARAMETER, ACROSS)
