"""What the theory says of learning rates that are searched for, and of hyperparameters that are solved for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.network import Network
from scalings.results.experiments import Rate, Transfer
from scalings.results.fits import Verdict
from scalings.studies.equivalence import Comparison, Judged, compare_one, most_open, refuted, remedy, too_few

_FAR = Fraction(8)
_FINE = Fraction(1, 128)
_DENOMINATOR = 12


def derived_drift(network: Network, parameterization: Parameterization, law: UpdateLaw) -> Fraction | None:
    """The largest power of n by which all learning rates can be multiplied and training still be stable.

    None if there is none, or no end to them: initialization alone can explode, and a network that is not trained has no
    learning rate. Orders are maxima of affine functions of that power, so the stable ones lie below a single
    fraction: bisection between exact checks finds it.
    """
    from symbolic.evaluation.check import check

    def stable(power: Fraction) -> bool:
        layers = tuple(replace(layer, lr=layer.lr + power) for layer in parameterization.layers)
        return check(network, replace(parameterization, layers=layers), law).stable

    low, high = -_FAR, _FAR
    if not stable(low) or stable(high):
        return None
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (middle, high) if stable(middle) else (low, middle)
    found = ((low + high) / 2).limit_denominator(_DENOMINATOR)
    return found if stable(found) and not stable(found + _FINE) else None


@dataclass(frozen=True)
class TransferAgreement(Judged):
    """Whether learning rates transfer: both the best and the largest stable one go like n^0, within delta.

    `derived` is the theory's power of n for either, None if it has none.
    """

    found: Transfer
    derived: Fraction | None
    delta: Fraction

    @cached_property
    def as_derived(self) -> dict[Rate, Comparison[Rate]]:
        """Whether each drifts as derived, which may be not at all."""
        if self.derived is None:
            return {}
        return {rate: compare_one(rate, self.derived, fit, self.delta) for rate, fit in self.found.drifts.items()}

    @cached_property
    def judged(self) -> tuple[Verdict, str]:
        for rate, edges in self.found.edges.items():
            for width, side in edges[:1]:
                return "INCONCLUSIVE", (
                    f"the {rate} learning rate lies on the {side} edge of the grid at width {width}: "
                    f"give a --grid that goes {'lower' if side == 'low' else 'higher'}"
                )
        if few := too_few(len(self.found.seeds)):
            return "INCONCLUSIVE", few
        still = [compare_one(rate, Fraction(0), fit, self.delta) for rate, fit in self.found.drifts.items()]
        if moving := refuted(still):
            drifts = " and ".join(self._drift(one.of) for one in moving)
            return "FAIL", f"it does not transfer: {drifts} beside the parameterization"
        if unsettled := [one for one in still if one.verdict != "PASS"]:
            worst = most_open(unsettled)
            drift, needed = self._drift(worst.of), remedy(worst, self.delta)
            return "INCONCLUSIVE", f"whether it transfers is open: {drift}; {needed}"
        margin = f"n^(+-{float(self.delta):g})"
        return "PASS", f"it transfers: the best and the largest stable learning rate are within {margin}"

    def _drift(self, rate: Rate) -> str:
        fit = self.found.drifts[rate]
        return f"the {rate} learning rate goes like n^({fit.exponent:+.3f} +- {fit.half_width:.3f})"
