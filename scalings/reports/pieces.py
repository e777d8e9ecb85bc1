"""Reports of answers that are no family: each polyhedron by layers, what its unknowns are, and what spans it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scalings.hyperparameters.gauges import Gauge
from scalings.hyperparameters.unknowns import KINDS, Kind, name_of
from scalings.networks.network import Network
from scalings.reports.documents import EXPONENTS, Document, layers_document, multipliers_document
from scalings.reports.tables import empty_table, layers_table
from scalings.results.derivations import PARAMETER, Derivation, Polyhedron, Polytope, format_range


def numbering(network: Network) -> str:
    """Which number stands for which layer, and which for which multiplier; empty where names say it themselves."""
    layers = [layer.name for layer in network.layers]
    said = []
    if layers != [f"layer{number}" for number in range(1, network.depth + 1)]:
        said.append(f"l = {_numbered(layers)}")
    if network.multipliers:
        said.append(f"k = {_numbered([node.name for node in network.multipliers])}")
    return "; ".join(said)


def _numbered(names: list[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))


def unknowns_document(derivation: Derivation) -> Document:
    """What the exponents that steps and relations speak of are, by name."""
    network = derivation.network
    owners: dict[Kind, list[tuple[int, str]]] = {
        kind: [*enumerate((n.name for n in network.layers), 1)] for kind in KINDS
    }
    owners["scales"] = [*enumerate((node.name for node in network.multipliers), 1)]
    owners["init"] = [*((k, node.name) for k, node in enumerate(network.layers, 1) if node.start == "random")]
    decaying = [law.decay != "none" for law in derivation.laws]
    owners["decay"] = [owner for owner, decays in zip(owners["lr"], decaying, strict=True) if decays]
    return {
        name_of(kind, number): {"exponent": EXPONENTS[kind], "name": name}
        for kind, named in owners.items()
        for number, name in named
    }


def piece_document(derivation: Derivation, polyhedron: Polyhedron, gauge: Gauge) -> Document:
    """Its richness, and every exponent in what it leaves free, in the given gauge."""
    low, high = polyhedron.ends
    return {
        "richness": polyhedron.richness or None,
        "range": [None if end is None else str(end) for end in (low, high)],
        "layers": layers_document(derivation.network, polyhedron.in_gauge(gauge, derivation.laws), derivation.laws),
        "scales": multipliers_document(derivation.network, polyhedron.scales),
    }


def piece_table(derivation: Derivation, polyhedron: Polyhedron, gauge: Gauge) -> Table:
    """A row for each layer and multiplier, in the given gauge."""
    layers = polyhedron.in_gauge(gauge, derivation.laws)
    return layers_table(derivation.network, layers, polyhedron.scales, derivation.symbol, laws=derivation.laws)


def richness_of(derivation: Derivation, polyhedron: Polyhedron) -> str:
    """The sentence that says how rich it is; empty where nothing is hidden."""
    if not polyhedron.richness:
        return ""
    bounds = format_range(polyhedron.ends)
    own = f"r = {polyhedron.richness}"
    said = bounds if own in (bounds, f"r = {PARAMETER}") else f"{own}, {bounds}"
    return f"The largest |dz| at the hidden layers is {derivation.symbol}^r, {said}."


def polytope_report(polytope: Polytope) -> Iterator[RenderableType]:
    """The facets with the criteria they come from, and what spans it, if it is more than a point."""
    yield facets_table(polytope)
    if polytope.vertices is None:
        yield Text("It has too many candidates for vertices to look through them.")
    elif len(polytope.vertices) > 1 or polytope.rays or polytope.lines:
        yield span_table(polytope)


def facets_table(polytope: Polytope) -> Table:
    """A row for each facet, with the criteria that it comes from."""
    table = empty_table("relation", "comes from")
    for facet in polytope.facets:
        table.add_row(facet.relation, ", ".join(facet.criteria))
    return table


def span_table(polytope: Polytope) -> Table:
    """A row for each vertex, ray and line, with a column for each unknown that is not the same in all."""
    kinds = {"vertex": polytope.vertices or (), "ray": polytope.rays, "line": polytope.lines}
    every = [point for points in kinds.values() for point in points]
    moved = {name for one in (*polytope.rays, *polytope.lines) for name, value in one.items() if value}
    names = [
        name
        for name in (every[0] if every else ())
        if name in moved or len({point[name] for point in kinds["vertex"]}) > 1
    ]
    table = empty_table("", *names)
    for kind, points in kinds.items():
        for point in points:
            table.add_row(kind, *(str(point[name]) for name in names))
    return table
