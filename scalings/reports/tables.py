"""What a person sees in the terminal: tables of exponents, reasons and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.answers import Polytope
from scalings.checks import Check, Finding, Forbidden, Repair
from scalings.comparisons import Agreement, Comparison
from scalings.criteria import Criterion
from scalings.errors import ArgumentError
from scalings.exponents import Affine, Exponent, format_exponent, format_power
from scalings.families import Derivation, Induction, Step
from scalings.fits import Diverged, Fit
from scalings.networks import Network
from scalings.observables import QUANTITIES, SYMBOLS, TERMS, Observable
from scalings.parameterizations import GAUGES, Gauge, LayerExponents, Parameterization

if TYPE_CHECKING:
    from scalings.richness import Courses
    from scalings.verification import Verification

LONGEST_RUN = 4
"""More layers in a row that say the same are one row of a table."""
MOST_REASONS = 12
"""More than these, and more rows of one criterion, are only counted."""

STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


def derivation_report(derivation: Derivation, gauge: Gauge) -> Iterator[RenderableType]:
    """The derivation from top to bottom: assumptions, steps, answer."""
    symbol = derivation.symbol
    decays = ", lambda_l of the decays" if derivation.law.decay != "none" else ""
    scales = ", kappa_k of the multipliers without a weight" if derivation.network.multipliers else ""
    yield Text(
        f"Which powers of the {derivation.scale} {derivation.symbol} meet the criteria, for {derivation.network.depth} "
        f"layers trained with {derivation.law.name}?\n"
        f"Unknown: the exponents sigma_l of the init scales and eta_l of the learning rates{decays}{scales}.\n"
    )
    yield Text("Assuming that", style="bold")
    yield from (Text(f"  - {assumption}") for assumption in derivation.assumptions)
    yield Text()
    yield _steps_table(derivation.steps, 1)
    if derivation.contradiction:
        yield Text(f"\nThese criteria contradict each other: {', '.join(derivation.contradiction)}", style="bold")
    elif derivation.family is None:
        count = derivation.degrees_of_freedom
        freedoms = "1 degree" if count == 1 else f"{count or 'No'} degrees"
        pieces = "one piece" if len(derivation.pieces) == 1 else f"{len(derivation.pieces)} pieces"
        most = "At most " if len(derivation.pieces) > 1 else ""
        yield Text(f"\n{most}{freedoms} of freedom, in {pieces} (in the gauge g = 1):", style="bold")
        for number, piece in enumerate(derivation.pieces, start=1):
            yield Text(f"\npiece {number}, dimension {piece.dimension}", style="bold")
            if piece.steps:
                yield _steps_table(piece.steps, len(derivation.steps) + 1)
            if piece.polytope:
                yield from _polytope_report(piece.polytope)
    else:
        low, high = derivation.family.low, derivation.family.high
        freedom = Text("\n1 degree of freedom is left, the richness r:", style="bold")
        yield freedom.append(f" |dz| ~ {symbol}^r at the hidden layers, {low} <= r <= {high}", style="not bold")
        yield Text(f"r = {low} is the lazy end, r = {high} the rich one. In three gauges:")
        for name in (gauge, *(other for other in GAUGES if other != gauge)):
            yield Text(f"\n{name}", style="bold")
            try:
                family = derivation.family.in_gauge(name)
                yield layers_table(derivation.network, family.layers, family.scales, symbol)
            except ArgumentError as error:
                yield Text(error.message)
    if derivation.polytope:
        yield Text("\nThe answer as a polytope", style="bold")
        yield from _polytope_report(derivation.polytope)
    if derivation.polytopes and derivation.gauges:
        direction = derivation.gauges[0][1].named
        shifts = ", ".join(f"{_GREEK[name]} times {_gauge_power(power, symbol)}" for name, power in direction.items())
        which = "weight" if len(derivation.gauges) == derivation.network.depth else "weight that does not start at zero"
        yield Text(f"\nBeside its freedoms there are {len(derivation.gauges)} gauges, one for each {which}: {shifts}.")
    if derivation.induction:
        yield from _induction_report(derivation.induction)


_GREEK = {"multiplier": "g", "init": "sigma", "lr": "eta", "decay": "lambda"}


def _gauge_power(power: Exponent, symbol: str) -> str:
    return format_power(Affine(Fraction(0), {"t": Fraction(power)}), symbol)


def _polytope_report(polytope: Polytope) -> Iterator[RenderableType]:
    yield facets_table(polytope)
    if polytope.vertices is None:
        yield Text("It has too many candidates for vertices to look through them.")
    elif any((polytope.vertices, polytope.rays, polytope.lines)) and len(polytope.vertices[:1]) < len(polytope.facets):
        yield span_table(polytope)


def facets_table(polytope: Polytope) -> Table:
    """Every relation that no other implies, and the criteria that it comes from."""
    table = empty_table("relation", "comes from")
    for facet in polytope.facets:
        table.add_row(facet.relation, ", ".join(facet.criteria))
    return table


def span_table(polytope: Polytope) -> Table:
    """Vertices, rays and lines, a row each, a column an unknown."""
    kinds = {"vertex": polytope.vertices or (), "ray": polytope.rays, "line": polytope.lines}
    names = next((list(point) for points in kinds.values() for point in points), [])
    table = empty_table("", *names)
    for kind, points in kinds.items():
        for point in points:
            table.add_row(kind, *(str(point[name]) for name in names))
    return table


def _induction_report(induction: Induction) -> Iterator[RenderableType]:
    yield Text("\nAt every depth", style="bold")
    yield Text(
        "Insert a hidden layer behind the input layer of any network; b_t is the order of |d| that the rest sends back "
        "after t updates."
    )
    table = empty_table("step", "criterion", "layer", "gives")
    for number, step in enumerate(induction.steps, start=1):
        table.add_row(str(number), step.criterion, step.layer, step.gives)
    yield table
    yield Text(f"Its own unknowns are {', '.join(induction.unknowns)}, determined by {'; '.join(induction.equations)}.")
    if induction.holds:
        yield Text(
            "It hands on the orders that it reads, and asks nothing more of the rest: as many independent equations as "
            "unknowns, so the freedoms at depth 2 are those at every depth."
        )
    else:
        yield from (Text(f"The lemma does not hold: {reason}") for reason in induction.open)


def _steps_table(steps: Iterable[Step], first: int) -> Table:
    table = empty_table("step", "criterion", "layer", "gives", "freedoms left")
    for number, step in enumerate(steps, start=first):
        table.add_row(str(number), step.criterion, step.layer, step.gives, str(step.freedoms))
    return table


def layers_table(
    network: Network,
    layers: Sequence[LayerExponents[Affine | Exponent]],
    scales: Sequence[Affine | Exponent] = (),
    symbol: str = "n",
) -> Table:
    """Multiplier, init scale, learning rate and decay of each layer, then multipliers without a weight."""
    decays = ["decay lambda"] if any(layer.decay is not None for layer in layers) else []
    table = empty_table("layer", "role", "multiplier g", "init scale sigma", "learning rate eta", *decays)
    rows = (
        (node.name, (node.role, *(format_power(exponent, symbol) for exponent in layer.named.values())))
        for node, layer in zip(network.layers, layers, strict=True)
    )
    for name, cells in _in_runs(rows):
        table.add_row(name, *cells)
    for multiplier, exponent in zip(network.multipliers, scales, strict=False):
        table.add_row(multiplier.name, "", format_power(exponent, symbol))
    return table


def check_report(
    network: Network,
    parameterization: Parameterization,
    check: Check,
    asked: tuple[Criterion, ...],
    repair: Repair | Forbidden | None,
    symbol: str = "n",
) -> Iterator[RenderableType]:
    """The verdict, its reasons (those why it does not meet what was `asked` among them), and every criterion.

    Exponents are those of `symbol`.
    """
    yield layers_table(network, parameterization.layers, parameterization.scales, symbol)
    yield Text()
    verdict = Text(f"{check.regime}", style="bold")
    if check.richness is not None:
        verdict.append(f", r = {format_exponent(check.richness)}")
    yield verdict
    reasons = check.reasons(*asked)
    yield from (Text(f"  {reason}") for reason in reasons[:MOST_REASONS])
    if len(reasons) > MOST_REASONS:
        yield Text(f"  and {len(reasons) - MOST_REASONS} more reasons: --format json has them all")
    yield from (Text(f"  note: {note}") for note in check.notes)
    yield from _remedy(repair, symbol)
    yield Text()
    table = empty_table("criterion", "layer", "step", "found", "", "required", "satisfied")
    rows = ((finding.layer, _finding_cells(finding, symbol)) for finding in check.findings)
    for criterion, runs in groupby(_in_runs(rows), key=lambda row: row[1][0]):
        layers = list(runs)
        for layer, (_, *cells, satisfied) in layers[:MOST_REASONS]:
            table.add_row(criterion, layer, *cells, Text(satisfied, style="" if satisfied == "yes" else "bold red"))
        if len(layers) > MOST_REASONS:
            table.add_row(criterion, f"and {len(layers) - MOST_REASONS} more")
    yield table


def _finding_cells(finding: Finding, symbol: str) -> tuple[str, ...]:
    found, required = format_power(finding.found, symbol), format_power(finding.required, symbol)
    satisfied = "yes" if finding.satisfied else "no"
    return finding.criterion.name, str(finding.step), found, finding.criterion.sign, required, satisfied


def _in_runs(rows: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The rows (a layer's name and the cells), of which many layers in a row that say the same become one."""
    for cells, run in groupby(rows, key=itemgetter(1)):
        names = [name for name, _ in run]
        if len(names) > LONGEST_RUN:
            names = [f"{names[0]} to {names[-1]}"]
        yield from ((name, cells) for name in names)


def _remedy(repair: Repair | Forbidden | None, symbol: str) -> Iterator[RenderableType]:
    if isinstance(repair, Forbidden):
        wished = "any richness" if repair.richness is None else f"r = {repair.richness}"
        yield Text(f"\nNothing with {wished} meets the tutorial's criteria: {', '.join(repair.criteria)} exclude it")
    elif repair and repair.changes:
        yield Text(f"\nThe nearest member of the derived family, r = {repair.richness}, changes", style="bold")
        for layer, which, old, new in repair.changes:
            yield Text(f"  {which} of {layer} from {format_power(old, symbol)} to {format_power(new, symbol)}")


def prediction_table(network: Network, orders: Mapping[Observable, Exponent], symbol: str = "n") -> Table:
    """The order of every observable, a row a layer, a column a step."""
    steps = sorted({observable.step for observable in orders})
    table = empty_table("quantity", "layer", *(f"step {step}" for step in steps))
    for quantity, written in SYMBOLS.items():
        for layer in [*(one.name for one in network.representations), ""]:
            found = [orders.get(Observable(quantity, layer, step)) for step in steps]
            if any(order is not None for order in found):
                table.add_row(
                    written, layer, *("" if order is None else format_power(order, symbol) for order in found)
                )
    return table


def verification_report(verification: Verification, figure: str) -> Iterator[RenderableType]:
    """One table of derived and measured exponents, the verdict of each member and of the whole."""
    derivation, members = verification.derivation, verification.members
    assert derivation.family is not None
    yield Text(
        f"Derived: 1 degree of freedom, {derivation.family.low} <= r <= {derivation.family.high}.\n", style="bold"
    )
    yield layers_table(derivation.network, derivation.family.layers)
    training, widths = members[0].measurement.training, members[0].measurement.widths
    yield Text(
        f"\nMeasured: {len(members)} members on {training.data}, {training.batch} examples, {training.steps} updates, "
        f"centered output f - f_0, {len(widths)} widths from {widths[0]} to {widths[-1]}, "
        f"{sum(len(list(m.measurement.trials())) for m in members)} runs.\n"
        f"After the last update (verdicts in brackets are reported and decide nothing; <= is an upper bound):\n"
    )
    agreements = [(member.name, member.agreement) for member in members]
    yield agreement_table(agreements, training.steps, everything=False)
    yield Text("Every other observable, every step and every point: --format json.\n", style="dim")
    yield from (verdict_line(member.name, member.agreement) for member in members)
    yield Text.assemble("\nverdict: ", (verification.verdict, STYLES[verification.verdict]), f"; figure: {figure}")


def richness_report(courses: Courses) -> Iterator[RenderableType]:
    """Each member at the end of training, and how its distance from the linearized network goes with the width."""
    training, widths = courses.training, courses.widths
    yield Text(
        f"{training.steps} updates on {training.batch} examples of {training.data}, widths {widths[0]} to {widths[-1]}."
        f" At width {widths[-1]}, and the exponent of the distance from the linearized network on other examples:\n"
    )
    table = empty_table("r", "loss", "|dz|/|z|", "|dK|/|K|", "distance", "derived", "measured", "95 % interval")
    for member in courses.members:
        path, fit = member.path, member.path.fit
        distance = f"{float(path.distances[path.width].mean()):.4f}"
        ended = [f"{path.loss[-1]:.4f}", f"{path.movement[-1]:.4f}", f"{path.kernel_change[-1]:.4f}", distance]
        found = (f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]") if isinstance(fit, Fit) else ("none", "")
        table.add_row(str(member.richness), *ended, f"<= {format_exponent(member.derived)}", *found)
    yield table
    verdict = courses.verdict
    yield Text.assemble("\nverdict: ", (verdict, STYLES[verdict]), f", {_RICHNESS_VERDICT[verdict]}")


_RICHNESS_VERDICT = {
    "PASS": "the lazy end converges to the predictor of its own initial kernel, the rich end does not",
    "FAIL": "the two ends do not do what was derived",
    "INCONCLUSIVE": "the intervals do not tell the two ends apart: larger widths or more seeds would",
}


def agreement_table(agreements: Iterable[tuple[str, Agreement]], step: int, *, everything: bool = True) -> Table:
    """Derived and measured exponents after `step` updates, asserted ones first within each agreement.

    Without `everything`, of those that decide nothing only the terms of |dz| are shown.
    """
    table = empty_table("member", "observable", "layer", "derived", "measured", "95 % interval", "verdict")
    order = {"asserted": 0, "upper bound": 1, "reported": 2}
    for name, agreement in agreements:
        shown = [one for one in agreement.comparisons if one.observable.step == step and _is_shown(one, everything)]
        shown.sort(key=lambda one: (order[one.role], QUANTITIES.index(one.observable.quantity)))
        for number, comparison in enumerate(shown):
            table.add_row(name if number == 0 else "", *_agreement_row(comparison))
        table.add_section()
    return table


def _is_shown(comparison: Comparison, everything: bool) -> bool:
    return everything or comparison.role != "reported" or comparison.observable.quantity in ("dz", *TERMS)


def _agreement_row(comparison: Comparison) -> list[RenderableType]:
    fit, bound = comparison.fit, comparison.role == "upper bound"
    derived = ("<= " if bound else "") + format_exponent(comparison.derived)
    if isinstance(fit, Diverged):
        measured, interval = "diverged", f"from width {fit.width} on"
    else:
        measured, interval = f"{fit.exponent:+.3f}", f"[{fit.low:+.3f}, {fit.high:+.3f}]"
    verdict = Text(comparison.verdict, style=STYLES[comparison.verdict])
    if comparison.role != "asserted":
        verdict = Text(f"({comparison.verdict})", style="dim")
    observable = comparison.observable
    return [SYMBOLS[observable.quantity], observable.layer, derived, measured, interval, verdict]


def verdict_line(name: str, agreement: Agreement) -> Text:
    """The verdict of one measurement and its reason."""
    return Text.assemble(f"{name}: ", (agreement.verdict, STYLES[agreement.verdict]), f", {agreement.reason}")


def empty_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
