"""JSON documents, one for each command; `schema_version` rises when a key changes its meaning.

Exponents are strings that sympy reads ("2*r - 1", "-oo"); fitted numbers are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from scalings.answers import Polytope
from scalings.checks import Check, Forbidden, Repair
from scalings.comparisons import Agreement, Comparison
from scalings.criteria import Criterion
from scalings.exponents import Affine, Exponent, format_exponent
from scalings.families import PARAMETER, Derivation, Induction, Step
from scalings.fits import Diverged, Fit
from scalings.networks import Network
from scalings.observables import Observable
from scalings.parameterizations import LayerExponents, Parameterization

if TYPE_CHECKING:
    from empirical.measurement import Measurement
    from scalings.richness import Courses
    from scalings.verification import Verification

Document = dict[str, Any]
SCHEMA_VERSION = 1


def derivation_document(derivation: Derivation, gauge: str) -> Document:
    """The answer of `derive`."""
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
        "layers": layers_document(derivation.network, family.layers) if family else [],
        "scales": _scales(derivation.network, family.scales) if family else [],
        "pieces": [
            {
                "dimension": piece.dimension,
                "equations": list(piece.equations),
                "inequalities": list(piece.inequalities),
                "steps": [_step(step) for step in piece.steps],
            }
            for piece in derivation.pieces
        ],
        "polytopes": [_polytope(polytope) for polytope in derivation.polytopes],
        "gauge_directions": [
            {"name": name, **{which: format_exponent(exponent) for which, exponent in direction.named.items()}}
            for name, direction in derivation.gauges
        ],
        "contradiction": list(derivation.contradiction),
        "induction": _induction(derivation.induction) if derivation.induction else None,
        "assumptions": list(derivation.assumptions),
        "steps": [_step(step) for step in derivation.steps],
    }


def _polytope(polytope: Polytope) -> Document:
    """Relations with the criteria behind them, and what spans the polytope, one for the family or for each piece."""
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


def check_document(
    network: Network,
    parameterization: Parameterization,
    check: Check,
    asked: tuple[Criterion, ...],
    repair: Repair | Forbidden | None,
    *,
    satisfied: bool,
) -> Document:
    """The answer of `check`; `asked` are the criteria it was to meet besides being stable and nontrivial."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": parameterization.name,
        "layers": layers_document(network, parameterization.layers),
        "scales": _scales(network, parameterization.scales),
        "stable": check.stable,
        "nontrivial": check.nontrivial,
        "feature_learning": check.feature_learning,
        "regime": check.regime,
        "richness": None if check.richness is None else format_exponent(check.richness),
        "asked": [criterion.name for criterion in asked],
        "satisfied": satisfied,
        "reasons": list(check.reasons(*asked)),
        "notes": list(check.notes),
        "criteria": [
            {
                "criterion": finding.criterion.name,
                "layer": finding.layer,
                "step": finding.step,
                "found": format_exponent(finding.found),
                "relation": finding.criterion.sign,
                "required": format_exponent(finding.required),
                "satisfied": finding.satisfied,
            }
            for finding in check.findings
        ],
        "repair": _repair(network, repair) if isinstance(repair, Repair) else None,
        "forbidden_by": list(repair.criteria) if isinstance(repair, Forbidden) else [],
    }


def _repair(network: Network, repair: Repair) -> Document:
    return {
        "richness": str(repair.richness),
        "layers": layers_document(network, repair.parameterization.layers),
        "scales": _scales(network, repair.parameterization.scales),
        "changes": [
            {"layer": layer, "exponent": which, "from": format_exponent(old), "to": format_exponent(new)}
            for layer, which, old, new in repair.changes
        ],
    }


def prediction_document(
    network: Network, parameterization: Parameterization, orders: Mapping[Observable, Exponent]
) -> Document:
    """The answer of `predict`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": parameterization.name,
        "layers": layers_document(network, parameterization.layers),
        "scales": _scales(network, parameterization.scales),
        "observables": [
            {**_observable(observable), "exponent": format_exponent(exponent)}
            for observable, exponent in sorted(orders.items())
        ],
    }


def measurement_document(measurement: Measurement, agreement: Agreement) -> Document:
    """The answer of `measure`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameterization": measurement.parameterization.name,
        "layers": layers_document(measurement.network, measurement.parameterization.layers),
        "training": asdict(measurement.training),
        "seeds": {str(width): seeds for width, seeds in measurement.seeds.items()},
        "engine": measurement.engine,
        "device": measurement.device,
        "seconds": measurement.seconds,
        "verdict": agreement.verdict,
        "reason": agreement.reason,
        "fits": [_fit(comparison) for comparison in agreement.comparisons],
    }


def verification_document(verification: Verification, figure: str) -> Document:
    """The answer of `verify`: the derivation, and for each member its measurement."""
    members = [
        {
            "name": member.name,
            "richness": str(member.richness),
            **measurement_document(member.measurement, member.agreement),
        }
        for member in verification.members
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verification.verdict,
        "interrupted": verification.interrupted,
        "figure": figure,
        "derivation": derivation_document(verification.derivation, "unit-multiplier"),
        "members": members,
    }


def richness_document(courses: Courses) -> Document:
    """The answer of `richness`: every step at the largest width, and the distances at every width."""
    members = []
    for member in courses.members:
        path, fit = member.path, member.path.fit
        numbers = asdict(fit) if isinstance(fit, Fit) else None
        members.append(
            {
                "richness": str(member.richness),
                "loss": list(path.loss),
                "movement": list(path.movement),
                "ntk_change": list(path.kernel_change),
                "distance": {str(width): values.tolist() for width, values in path.distances.items()},
                "derived_bound": format_exponent(member.derived),
                "exponent": None if numbers is None else numbers["exponent"],
                "low": None if numbers is None else _finite(numbers["low"]),
                "high": None if numbers is None else _finite(numbers["high"]),
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "training": asdict(courses.training),
        "widths": list(courses.widths),
        "verdict": courses.verdict,
        "members": members,
    }


def _fit(comparison: Comparison) -> Document:
    return {
        **_observable(comparison.observable),
        **fit_numbers(comparison.fit),
        "predicted": format_exponent(comparison.derived),
        "role": comparison.role,
        "verdict": comparison.verdict,
    }


def fit_numbers(fit: Fit | Diverged) -> Document:
    """The numbers of a fit."""
    if isinstance(fit, Diverged):
        diverged = {"width": fit.width, "seeds": fit.seeds}
        return {"exponent": None, "low": None, "high": None, "diverged": diverged}
    points = [{"width": width, "log_mean": mean, "standard_error": error} for width, mean, error in fit.points]
    return {
        "exponent": fit.exponent,
        "low": _finite(fit.low),
        "high": _finite(fit.high),
        "plain": fit.plain,
        "local": list(fit.local),
        "points": points,
    }


def _finite(number: float) -> float | None:
    """null for an interval without an end: too few widths or seeds to have one."""
    return number if isfinite(number) else None


def _observable(observable: Observable) -> Document:
    return {"quantity": observable.quantity, "layer": observable.layer or None, "step": observable.step}


def layers_document(network: Network, layers: tuple[LayerExponents[Affine | Exponent], ...]) -> list[Document]:
    """The exponents of each layer."""
    return [
        {
            "name": node.name,
            "role": node.role,
            **{name: _exponent(exponent) for name, exponent in layer.named.items()},
        }
        for node, layer in zip(network.layers, layers, strict=True)
    ]


def _scales(network: Network, scales: Sequence[Affine | Exponent]) -> list[Document]:
    """Of multipliers without a weight; none where none is given, which means n^0."""
    return [
        {"name": node.name, "multiplier": _exponent(scale)}
        for node, scale in zip(network.multipliers, scales, strict=False)
    ]


def _exponent(exponent: Affine | Exponent) -> str:
    return str(exponent) if isinstance(exponent, Affine) else format_exponent(exponent)
