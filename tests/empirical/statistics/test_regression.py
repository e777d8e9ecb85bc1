"""The fit recovers known exponents, its interval covers as its docstring says, and it excludes wrong ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from empirical.engines.mlp.engine import DEFAULT_WIDTHS
from empirical.statistics import regression
from empirical.sweeps.plans import allocate
from scalings.criteria.observables import Observable, Quantity
from scalings.results.fits import Diverged, Fit

EXPONENT = 0.25
CORRECTIONS: dict[str, Callable[[int], float]] = {
    "nothing": lambda n: -8 / n,
    "logarithm": lambda n: 0.5 * math.log1p(20 / n),
    "slow": lambda n: 0.05 * n**-0.25,
}


def simulate(rng: np.random.Generator, correction: Callable[[int], float], seeds: dict[int, int]) -> Fit:
    """One observable of one sweep, with the noise of the noisiest real one."""
    values = {
        n: np.exp(EXPONENT * math.log(n) + correction(n) + 0.2 * math.sqrt(64 / n) * rng.standard_normal(count))
        for n, count in seeds.items()
    }
    found = regression.fit(values)
    assert isinstance(found, Fit)
    return found


def coverage(correction: Callable[[int], float], seeds: dict[int, int], sweeps: int) -> int:
    rng = np.random.default_rng(1)
    fits = [simulate(rng, correction, seeds) for _ in range(sweeps)]
    return sum(fit.low <= EXPONENT <= fit.high for fit in fits)


def exact(widths: tuple[int, ...], exponent: float, correction: float = 0.0, seeds: int = 1) -> dict[int, np.ndarray]:
    return {n: np.full(seeds, n**exponent * math.exp(correction / n)) for n in widths}


def test_exact_powers_are_recovered_with_their_correction() -> None:
    found = regression.fit(exact(DEFAULT_WIDTHS, -0.5, correction=7.0, seeds=3))
    assert isinstance(found, Fit)
    assert found.exponent == pytest.approx(-0.5, abs=1e-9)
    assert found.half_width < 1e-8
    assert found.plain != pytest.approx(-0.5, abs=1e-3)
    assert found.local[-1] == pytest.approx(-0.5, abs=0.01)
    assert [width for width, _, _ in found.points] == list(DEFAULT_WIDTHS)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_interval_covers(name: str) -> None:
    """A tenth of the seeds, 150 sweeps: fewer hits than this has probability 1e-4 at a coverage of 0.93."""
    seeds = {n: max(1, count // 10) for n, count in allocate(DEFAULT_WIDTHS, 10).items()}
    assert coverage(CORRECTIONS[name], seeds, 150) >= stats.binom.ppf(1e-4, 150, 0.93)


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECTIONS)
def test_interval_covers_with_default_seeds(name: str) -> None:
    """As in the docstring's table: 400 sweeps; fewer hits have probability 1e-4 at a coverage of 0.95."""
    hits = coverage(CORRECTIONS[name], allocate(DEFAULT_WIDTHS, 10), 400)
    assert hits >= stats.binom.ppf(1e-4, 400, 0.95)


@pytest.mark.slow
def test_strong_curvature_is_covered_by_wider_intervals() -> None:
    """A term of n^(-2) that is half of that in 1/n at the smallest width."""
    seeds = allocate(DEFAULT_WIDTHS, 10)
    assert coverage(lambda n: 8 / n + 300 / n**2, seeds, 400) >= stats.binom.ppf(1e-4, 400, 0.95)
    bent, straight = (
        np.median([simulate(np.random.default_rng(k), how, seeds).half_width for k in range(20)])
        for how in (lambda n: 8 / n + 300 / n**2, CORRECTIONS["slow"])
    )
    assert bent > straight


@pytest.mark.slow
def test_single_seeds_are_judged_by_their_scatter() -> None:
    hits = coverage(CORRECTIONS["nothing"], dict.fromkeys(DEFAULT_WIDTHS, 1), 300)
    assert hits >= stats.binom.ppf(1e-4, 300, 0.93)


def test_wrong_exponents_are_excluded() -> None:
    """Negative control: a quarter off is far outside, and its p-value says so."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        fit = simulate(rng, CORRECTIONS["nothing"], allocate(DEFAULT_WIDTHS, 10))
        assert not fit.low <= EXPONENT + 0.25 <= fit.high
        assert regression.p_value(fit, EXPONENT + 0.25, 0.05) < 1e-3
        assert regression.p_value(fit, EXPONENT, 0.05) == 1.0


def test_p_value_and_interval_agree_on_the_band() -> None:
    fit = simulate(np.random.default_rng(3), CORRECTIONS["nothing"], allocate(DEFAULT_WIDTHS, 1))
    assert regression.p_value(fit, fit.high + 0.05, 0.05) == pytest.approx(0.05)
    assert regression.p_value(fit, fit.low - 0.05, 0.05) == pytest.approx(0.05)


def test_seeds_take_less_than_their_root_from_an_interval_that_knows_its_bias() -> None:
    """Four times the seeds halve the errors of the means, but not what is not known of corrections."""
    few, many = (
        np.mean(
            [
                simulate(np.random.default_rng(k), CORRECTIONS["nothing"], dict.fromkeys(DEFAULT_WIDTHS, s)).half_width
                for k in range(40)
            ]
        )
        for s in (8, 32)
    )
    assert 1.2 < few / many < 2


def test_a_larger_leading_correction_makes_intervals_longer_and_more_width_needed() -> None:
    values = {n: np.exp(0.1 * np.random.default_rng(n).normal(size=12)) for n in DEFAULT_WIDTHS}
    plain, leading = regression.fit(values), regression.fit(values, leading=3.0)
    assert isinstance(plain, Fit)
    assert isinstance(leading, Fit)
    assert 1.2 < leading.half_width / plain.half_width < 3
    room = 0.8 * plain.half_width
    few, many = (regression.octaves_needed(one, room) for one in (plain, leading))
    assert few is not None
    assert many is None or many > few
    forgotten = regression.octaves_needed(replace(leading, leading=1.0), room)
    assert forgotten is not None
    assert many is None or many > forgotten, "advice knows the corrections that the interval allows for"


@pytest.mark.parametrize(("orthogonalized", "leading"), [(False, [3.0, 1.0, 1.0]), (True, [3.0, 2.0, 1.0])])
def test_what_has_a_larger_leading_correction(orthogonalized: bool, leading: list[float]) -> None:
    quantities: tuple[Quantity, ...] = ("dW_spectral", "dz", "d")
    values = {Observable(quantity, "layer2", 1): exact((32, 64, 128, 256), EXPONENT) for quantity in quantities}
    found = regression.fit_all(values, orthogonalized=orthogonalized).values()
    assert [fit.leading for fit in found if isinstance(fit, Fit)] == leading


@pytest.mark.parametrize("remedy", ["seeds", "octaves"])
def test_what_is_said_to_settle_it_does_so_with_the_stated_power(remedy: str) -> None:
    """Sweeps planned by the power calculation reach their half-width in about 80 % of 150 simulated cases."""
    rng = np.random.default_rng(5)
    widths = DEFAULT_WIDTHS
    # A fit's own standard error is uncertain: the plan starts from a typical one.
    tried = [simulate(rng, CORRECTIONS["nothing"], dict.fromkeys(widths, 4)) for _ in range(41)]
    first = sorted(tried, key=lambda fit: fit.half_width)[20]
    room = first.half_width / 1.5
    if remedy == "seeds":
        plan = dict.fromkeys(widths, round(4 * regression.seeds_needed(first, room)))
    else:
        octaves = regression.octaves_needed(first, room)
        assert octaves is not None
        plan = {**dict.fromkeys(widths, 4), **{2048 * 2**k: 4 for k in range(1, octaves + 1)}}
    fits = [simulate(rng, CORRECTIONS["nothing"], plan) for _ in range(150)]
    inside = np.mean([abs(fit.exponent - EXPONENT) + fit.half_width <= room for fit in fits])
    assert inside > stats.binom.ppf(1e-3, 150, 0.8) / 150
    assert regression.seeds_needed(first, 10.0) == 1.0


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_divergence_is_counted_not_fitted(bad: float) -> None:
    values = {64: np.ones(4), 128: np.array([1.0, bad, 1.0]), 256: np.array([bad, bad])}
    assert regression.fit(values) == Diverged(width=128, seeds=3)


def test_zero_has_no_exponent() -> None:
    assert regression.fit({64: np.ones(2), 128: np.array([1.0, 0.0]), 256: np.ones(2)}) is None


def test_zeros_of_a_few_runs_leave_the_others_an_exponent() -> None:
    values = exact(DEFAULT_WIDTHS, EXPONENT, seeds=3)
    first = min(values)
    fewer = {**values, first: values[first][:2]}
    some, most = ({**values, first: values[first] * np.array(moved)} for moved in ([1, 1, 0], [0, 1, 0]))
    one = Observable("dW_frobenius", "one", 1)
    assert regression.fit(some) == regression.fit(fewer)
    assert regression.fit_all({one: some}) == {one: regression.fit(fewer)}
    assert regression.fit(most) is None
    assert regression.fit_all({one: most}) == {}


def test_three_widths_and_one_seed_say_nothing() -> None:
    found = regression.fit(exact((64, 128, 256), 0.5))
    assert isinstance(found, Fit)
    assert found.exponent == pytest.approx(0.5)
    assert math.isinf(found.half_width)
