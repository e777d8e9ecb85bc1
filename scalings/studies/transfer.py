"""What the theory says of learning rates that are searched for, and of hyperparameters that are solved for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from scalings.criteria.problem import Loss
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.networks.dimensions import WIDTH_SCALE, symbol_of
from scalings.networks.network import Network
from scalings.results.checks import Check
from scalings.results.experiments import Rate, Transfer
from scalings.results.fits import Verdict
from scalings.results.trials import Training
from scalings.studies.equivalence import Comparison, Judged, compare_one, most_open, refuted, remedy, too_few
from scalings.studies.measuring import scaling, small

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost
    from empirical.sweeps.sweep import Progress

_FAR = Fraction(8)
_FINE = Fraction(1, 128)
_DENOMINATOR = 12


def transfer(
    network: Network,
    parameterization: Parameterization,
    training: Training,
    *,
    scale: str = WIDTH_SCALE,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    grid: tuple[float, float] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    announce: Callable[[Cost], None] | None = None,
) -> Transfer:
    """Measure the best and the largest stable learning rate at every width, or other value of the scale variable.

    The grid is of powers of 2 beside the base learning rate. Which network is trained, and what is held beside it, is
    as in `measuring`; defaults, errors and `announce` are those of `empirical.experiments.transfer`.
    """
    from empirical.experiments import transfer

    trained = small(network)
    return transfer.transfer(
        trained,
        parameterization,
        training,
        scaling=scaling(trained, training, scale),
        widths=widths,
        seeds=seeds,
        grid=grid,
        device=device,
        progress=progress,
        announce=announce,
    )


def derived_drift(
    network: Network,
    parameterization: Parameterization,
    law: Laws,
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss = "mse",
) -> Fraction | None:
    """The largest power of n by which all learning rates can be multiplied and training still be stable.

    None if there is none, or no end to them: initialization alone can explode, and a network that is not trained has no
    learning rate. Orders are maxima of affine functions of that power, so the stable ones lie below a single
    fraction: bisection between exact checks finds it.
    """
    from symbolic.evaluation.check import check

    def stable(power: Fraction) -> bool:
        layers = tuple(replace(layer, lr=layer.lr + power) for layer in parameterization.layers)
        return check(network, replace(parameterization, layers=layers), law, scale=scale, loss=loss).stable

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

    `check` is what theory says of the parameterization itself, and `derived` its power of the scale variable for
    either learning rate, None if it has none.
    """

    found: Transfer
    check: Check
    derived: Fraction | None
    delta: Fraction

    @property
    def symbol(self) -> str:
        """What exponents are powers of."""
        return symbol_of(self.found.scale)

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
                    f"the {rate} learning rate lies on the {side} edge of the grid at {self.found.scale} {width}: "
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
        margin = f"{self.symbol}^(+-{float(self.delta):g})"
        return "PASS", f"it transfers: the best and the largest stable learning rate are within {margin}"

    def _drift(self, rate: Rate) -> str:
        fit = self.found.drifts[rate]
        return f"the {rate} learning rate goes like {self.symbol}^({fit.exponent:+.3f} +- {fit.half_width:.3f})"
