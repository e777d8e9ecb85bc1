"""Reports of `derive` in one scale variable, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Affine, Exponent, format_exponent, format_power
from scalings.hyperparameters.gauges import GAUGES, Gauge
from scalings.hyperparameters.unknowns import SYMBOLS, name_of
from scalings.reports.conflicts import conflict_document, contradiction_sentences
from scalings.reports.documents import SCHEMA_VERSION, Document, layers_document, multipliers_document
from scalings.reports.inductions import INSERTED, concluded, determined
from scalings.reports.limits import limits_report, not_covered
from scalings.reports.pieces import (
    numbering,
    piece_document,
    piece_table,
    polytope_report,
    richness_of,
    unknowns_document,
)
from scalings.reports.tables import empty_table, layers_table
from scalings.results.derivations import PARAMETER, Derivation, Induction, Polytope, Step


def derivation_document(derivation: Derivation, gauge: Gauge) -> Document:
    """The JSON document of `derive`."""
    family = derivation.family
    return {
        "schema_version": SCHEMA_VERSION,
        "optimizer": derivation.law.name,
        "depth": derivation.network.depth,
        "criteria": list(derivation.criteria),
        "gauge": gauge,
        "degrees_of_freedom": derivation.degrees_of_freedom,
        "parameter": PARAMETER if family else None,
        "range": [str(family.low), str(family.high)] if family else None,
        "scale": derivation.scale,
        "unknowns": unknowns_document(derivation),
        **_layers(derivation, gauge),
        "pieces": [
            {
                "dimension": polyhedron.dimension,
                **piece_document(derivation, polyhedron, gauge),
                "equations": list(polyhedron.equations),
                "inequalities": list(polyhedron.inequalities),
                "steps": [_step(step) for step in polyhedron.steps],
            }
            for polyhedron in derivation.polyhedra
        ],
        "polytopes": [_polytope(polytope) for polytope in derivation.polytopes],
        "gauge_directions": [
            {"name": name, **{which: format_exponent(exponent) for which, exponent in direction.named.items()}}
            for name, direction in derivation.gauges
        ],
        "contradiction": list(derivation.contradiction),
        "conflict": conflict_document(derivation.conflict),
        "induction": _induction(derivation.induction) if derivation.induction else None,
        "assumptions": list(derivation.assumptions),
        "not_covered": list(limits_of(derivation)),
        "steps": [_step(step) for step in derivation.steps],
    }


def _layers(derivation: Derivation, gauge: Gauge) -> Document:
    """The exponents of all layers and multipliers, where the answer is a family or has one piece."""
    family, pieces = derivation.family, derivation.polyhedra
    if not family and len(pieces) != 1:
        return {"layers": [], "scales": []}
    layers = family.layers if family else pieces[0].in_gauge(gauge, derivation.laws)
    scales = family.scales if family else pieces[0].scales
    return {
        "layers": layers_document(derivation.network, layers, derivation.laws),
        "scales": multipliers_document(derivation.network, scales),
    }


def _polytope(polytope: Polytope) -> Document:
    """The relations of a polytope with the criteria they come from, and its vertices, rays and lines."""
    spanned = {"vertices": polytope.vertices, "rays": polytope.rays, "lines": polytope.lines}
    return {
        "relations": [{"relation": facet.relation, "criteria": list(facet.criteria)} for facet in polytope.facets],
        **{
            name: None if points is None else [{x: str(value) for x, value in point.items()} for point in points]
            for name, points in spanned.items()
        },
    }


def _induction(induction: Induction) -> Document:
    return {
        "holds": induction.holds,
        "unknowns": list(induction.unknowns),
        "equations": list(induction.equations),
        "steps": [_step(step) for step in induction.steps],
        "open": list(induction.open),
    }


def _step(step: Step) -> Document:
    return {
        "criterion": step.criterion,
        "layer": step.layer or None,
        "step": step.update,
        "statement": step.statement,
        "freedoms": step.freedoms,
        "implied_by": list(step.implied_by),
    }


def derivation_report(derivation: Derivation, gauge: Gauge) -> Iterator[RenderableType]:
    """The text of `derive`: assumptions, steps and answer, the family in the given gauge first, then in the others."""
    symbol = derivation.symbol
    decays = f", {name_of('decay', 'l')} of the decays" if any(law.decay != "none" for law in derivation.laws) else ""
    multipliers = f", {name_of('scales', 'k')} of the multipliers without a weight"
    scales = multipliers if derivation.network.multipliers else ""
    inits, rates = name_of("init", "l"), name_of("lr", "l")
    yield Text(
        f"Which powers of the {derivation.scale} {derivation.symbol} meet the criteria, for {derivation.network.depth} "
        f"layers trained with {derivation.law.name}?\n"
        f"Unknown: the exponents {inits} of the init scales and {rates} of the learning rates{decays}{scales}"
        f"{f' ({numbers})' if (numbers := numbering(derivation.network)) else ''}.\n"
    )
    yield Text("Assuming that", style="bold")
    yield from (Text(f"  - {assumption}") for assumption in derivation.assumptions)
    yield Text()
    yield _steps_table(derivation.steps, 1)
    if derivation.contradiction:
        yield Text()
        yield from (Text(said, style="bold") for said in contradiction_sentences(derivation))
    elif derivation.family is None:
        count = derivation.degrees_of_freedom
        freedoms = "1 degree" if count == 1 else f"{count or 'No'} degrees"
        polyhedra = "one piece" if len(derivation.polyhedra) == 1 else f"{len(derivation.polyhedra)} pieces"
        most = "At most " if len(derivation.polyhedra) > 1 else ""
        yield Text(f"\n{most}{freedoms} of freedom, in {polyhedra}:", style="bold")
        for number, polyhedron in enumerate(derivation.polyhedra, start=1):
            yield Text(f"\npiece {number}, dimension {polyhedron.dimension}, {gauge}", style="bold")
            yield piece_table(derivation, polyhedron, gauge)
            yield Text(richness_of(derivation, polyhedron))
            if polyhedron.steps:
                yield _steps_table(polyhedron.steps, len(derivation.steps) + 1)
            if polyhedron.polytope:
                yield Text("\nin the gauge g = 1:")
                yield from polytope_report(polyhedron.polytope)
    else:
        low, high = derivation.family.low, derivation.family.high
        freedom = Text("\n1 degree of freedom is left, the richness r:", style="bold")
        yield freedom.append(f" |dz| ~ {symbol}^r at the hidden layers, {low} <= r <= {high}", style="not bold")
        yield Text(f"r = {low} is the lazy end, r = {high} the rich one. In three gauges:")
        for name in (gauge, *(other for other in GAUGES if other != gauge)):
            yield Text(f"\n{name}", style="bold")
            try:
                family = derivation.family.in_gauge(name)
                yield layers_table(derivation.network, family.layers, family.scales, symbol, laws=family.laws)
            except ArgumentError as error:
                yield Text(error.message)
    if derivation.polytope:
        yield Text("\nThe answer as a polytope", style="bold")
        yield from polytope_report(derivation.polytope)
    if derivation.polytopes and derivation.gauges:
        which = "weight" if len(derivation.gauges) == derivation.network.depth else "weight that does not start at zero"
        shifts = _gauge_shifts(derivation)
        yield Text(f"\nBeside its freedoms there are {len(derivation.gauges)} gauges, one for each {which}: {shifts}.")
    if derivation.induction:
        yield from _induction_report(derivation.induction)
    yield from limits_report(limits_of(derivation))


def limits_of(derivation: Derivation) -> tuple[str, ...]:
    """What the derivation does not cover."""
    is_answered = derivation.degrees_of_freedom is not None
    return not_covered(derivation.network, derivation.laws, derivation.scale, answered=is_answered)


def summary(derivation: Derivation) -> Iterator[RenderableType]:
    """The steps and the answer, without assumptions, other gauges and polytopes."""
    if numbers := numbering(derivation.network):
        yield Text(numbers)
    yield _steps_table(derivation.steps, 1)
    family = derivation.family
    if family:
        yield Text(
            f"1 degree of freedom: |dz| ~ {derivation.symbol}^r, {family.low} <= r <= {family.high}", style="bold"
        )
        yield layers_table(derivation.network, family.layers, family.scales, derivation.symbol, laws=family.laws)
    elif derivation.contradiction:
        yield from (Text(said, style="bold") for said in contradiction_sentences(derivation))
    for number, polyhedron in enumerate(derivation.polyhedra, start=1):
        yield Text(f"piece {number}, dimension {polyhedron.dimension}", style="bold")
        yield piece_table(derivation, polyhedron, "unit-multiplier")
        yield Text(richness_of(derivation, polyhedron))
        if polyhedron.inequalities:
            table = empty_table("where")
            for bound in polyhedron.inequalities:
                table.add_row(f"{bound} >= 0")
            yield table


def _gauge_shifts(derivation: Derivation) -> str:
    """What gauges do; where they differ, to which layers."""
    named: dict[str, list[str]] = {}
    for name, direction in derivation.gauges:
        powers = ((SYMBOLS[which], _gauge_power(power, derivation.symbol)) for which, power in direction.named.items())
        named.setdefault(", ".join(f"{which} times {power}" for which, power in powers), []).append(name)
    return "; ".join(f"of {', '.join(names)}, {said}" if len(named) > 1 else said for said, names in named.items())


def _gauge_power(power: Exponent, symbol: str) -> str:
    return format_power(Affine(Fraction(0), {"t": Fraction(power)}), symbol)


def _induction_report(induction: Induction) -> Iterator[RenderableType]:
    yield Text("\nAt every depth", style="bold")
    yield Text(INSERTED)
    table = empty_table("step", "criterion", "layer", "gives")
    for number, step in enumerate(induction.steps, start=1):
        table.add_row(str(number), step.criterion, step.layer, step.gives)
    yield table
    yield from map(Text, (determined(induction), *concluded(induction)))


def _steps_table(steps: Iterable[Step], first: int) -> Table:
    table = empty_table("step", "criterion", "layer", "gives", "freedoms left")
    for number, step in enumerate(steps, start=first):
        table.add_row(str(number), step.criterion, step.layer, step.gives, str(step.freedoms))
    return table
