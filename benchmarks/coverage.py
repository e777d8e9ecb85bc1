"""Coverage: how often nominal 95 % intervals hold the exponent, in simulated sweeps and in trained networks.

A simulated sweep has the widths and seeds of `measure`, the noise of a real observable (a variance over seeds of
0.04 * 64/n), and finite-width corrections of the kinds that the theory has: powers of 1/n, of n^(-1/2), and none.
A trained one is of a network whose exponents are derived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import stats

from empirical.engines.mlp.engine import DEFAULT_WIDTHS, LONG_WIDTHS, default_seeds
from empirical.statistics import regression
from empirical.sweeps.measure import measure
from empirical.sweeps.plans import allocate
from scalings.networks.architectures import mlp
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.comparisons import compare
from symbolic.derivation.derive import derive
from symbolic.evaluation.predict import predict

CORRECTIONS: dict[str, Callable[[int], float]] = {
    "1/n": lambda n: 8 / n,
    "log(1 + 20/n) / 2": lambda n: 0.5 * math.log1p(20 / n),
    "0.05 n^(-1/4)": lambda n: 0.05 * n**-0.25,
    "-0.1 n^(-1/2)": lambda n: -0.1 * n**-0.5,
}
_EXPONENT = 0.25
_TRAINED_WIDTHS = tuple(round(32 * 2 ** (k / 2)) for k in range(9))


@dataclass(frozen=True)
class Coverage:
    """Of `fits` intervals `covered` held the exponent; `low` and `high` are of the 95 % binomial interval."""

    what: str
    fits: int
    covered: int
    half_width: float

    @property
    def share(self) -> float:
        return self.covered / self.fits

    @property
    def interval(self) -> tuple[float, float]:
        found = stats.binomtest(self.covered, self.fits).proportion_ci(0.95)
        return float(found.low), float(found.high)


def simulated(fits: int = 1000) -> Iterator[Coverage]:
    """So many fits for each correction and each of the two default plans, then all together."""
    rng, every = np.random.default_rng(0), []
    for widths in (DEFAULT_WIDTHS, LONG_WIDTHS):
        seeds = allocate(widths, default_seeds(widths))
        for name, correction in CORRECTIONS.items():
            found = [_simulate(rng, correction, seeds) for _ in range(fits)]
            every += found
            yield _covered(f"{name}, {widths[0]} to {widths[-1]}", [(fit, _EXPONENT) for fit in found])
    yield _covered("all simulated", [(fit, _EXPONENT) for fit in every])


def trained(fits: int = 200) -> Coverage:
    """Asserted exponents of networks of depth 2 and 3 at both ends of the family, two of each sweep."""
    rng, found = np.random.default_rng(1), list[tuple[Fit, float]]()
    while len(found) < fits:
        depth, r = int(rng.integers(2, 4)), Fraction(int(rng.integers(0, 2)), 2)
        network, training = mlp(depth), Training(batch=8, steps=1, kernel=False)
        family = derive(network).family
        assert family is not None
        member, seed = family.member(r), int(rng.integers(10**6))
        measurement = measure(network, member, training, widths=_TRAINED_WIDTHS, seeds=8, first_seed=seed)
        agreement = compare(network, predict(network, member, steps=1), measurement.fits)
        asserted = [one for one in agreement.comparisons if one.role == "asserted" and isinstance(one.fit, Fit)]
        for index in rng.choice(len(asserted), size=2, replace=False):
            one = asserted[int(index)]
            if isinstance(one.fit, Fit):
                found.append((one.fit, float(one.derived)))
    return _covered("trained networks", found[:fits])


def _simulate(rng: np.random.Generator, correction: Callable[[int], float], seeds: Mapping[int, int]) -> Fit:
    values = {
        n: np.exp(_EXPONENT * math.log(n) + correction(n) + 0.2 * math.sqrt(64 / n) * rng.standard_normal(count))
        for n, count in seeds.items()
    }
    found = regression.fit(values)
    assert isinstance(found, Fit)
    return found


def _covered(what: str, fits: list[tuple[Fit, float]]) -> Coverage:
    covered = sum(fit.low <= exponent <= fit.high for fit, exponent in fits)
    return Coverage(what, len(fits), covered, float(np.median([fit.half_width for fit, _ in fits])))
