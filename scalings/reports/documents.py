"""Parts that the JSON documents of commands share. `schema_version` rises when a key changes its meaning.

Exponents are strings that sympy reads ("2*r - 1", "-oo"); fitted numbers are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Affine, Exponent, format_exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.splits import differ
from scalings.hyperparameters.unknowns import Kind
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.results.checks import Check
from scalings.results.experiments import Calibration, FreedomMeasurement
from scalings.results.fits import Diverged, Fit
from scalings.studies.equivalence import Judged

Document = dict[str, Any]
EXPONENTS: dict[Kind, str] = {"init": "init", "lr": "lr", "decay": "decay", "scales": "multiplier"}
"""What documents call the exponents of a kind."""
SCHEMA_VERSION = 1


def fit_numbers(fit: Fit | Diverged) -> Document:
    """The numbers of a fit; null, and where it happened, for one that diverged."""
    if isinstance(fit, Diverged):
        diverged = {"width": fit.width, "seeds": fit.seeds}
        return {"exponent": None, "low": None, "high": None, "diverged": diverged}
    points = [{"width": width, "log_mean": mean, "standard_error": error} for width, mean, error in fit.points]
    return {
        "exponent": fit.exponent,
        "low": finite_or_none(fit.low),
        "high": finite_or_none(fit.high),
        "plain": fit.plain,
        "local": list(fit.local),
        "points": points,
    }


def finite_or_none(number: float) -> float | None:
    """The number, or null for the end of an unbounded interval (too few widths or seeds for an error)."""
    return number if isfinite(number) else None


def observable_document(observable: Observable) -> Document:
    """The quantity, layer (null for the whole network) and step of an observable."""
    return {"quantity": observable.quantity, "layer": observable.layer or None, "step": observable.step}


def layers_document(
    network: Network, layers: tuple[LayerExponents[Affine | Exponent], ...], laws: Sequence[UpdateLaw]
) -> list[Document]:
    """The name, role and exponents of each layer, and its law where they differ."""
    return [
        {
            "name": node.name,
            "role": node.role,
            **({"law": law.name} if differ(laws) else {}),
            **{name: _exponent(exponent) for name, exponent in layer.named.items()},
        }
        for node, layer, law in zip(network.layers, layers, laws, strict=True)
    ]


def multipliers_document(network: Network, scales: Sequence[Affine | Exponent]) -> list[Document]:
    """The exponents of multipliers without a weight; an empty list if none are given, which means n^0."""
    return [
        {"name": node.name, "multiplier": _exponent(scale)}
        for node, scale in zip(network.multipliers, scales, strict=False)
    ]


def _exponent(exponent: Affine | Exponent) -> str:
    return str(exponent) if isinstance(exponent, Affine) else format_exponent(exponent)


def regime_document(check: Check) -> Document:
    """What a parameterization itself is, in theory."""
    return {
        "regime": check.regime,
        "richness": None if check.richness is None else format_exponent(check.richness),
    }


def solved_document(found: Calibration | FreedomMeasurement, judged: Judged) -> Document:
    """What experiments that solve for hyperparameters say of the run and its verdict."""
    return {
        "seeds": {str(width): seeds for width, seeds in found.seeds.items()},
        "unsolved": {str(width): seeds for width, seeds in found.unsolved.items()},
        "interrupted": found.interrupted,
        "seconds": found.seconds,
        "verdict": judged.verdict,
        "reason": judged.reason,
    }
