"""The figures of `reproduce` say their verdict, and can be read, whatever came out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from empirical.statistics import regression
from scalings.figures.reproduction import claim_figure, reproduction_figure
from scalings.results.fits import Fit
from scalings.results.reproduction import Estimate, RateCurves
from scalings.studies.reproduction.claims import Finding, Settings
from scalings.studies.reproduction.five_curves import BROKEN, FiveCurvesFinding
from scalings.studies.reproduction.learning_rates import RatesFinding, TransientFinding
from scalings.studies.reproduction.plan import Reproduction
from scalings.studies.reproduction.rich_ends_lower import CONTROL, CnnFinding, EndsLowerFinding
from scalings.studies.reproduction.update_sizes import UpdateSizesFinding
from tests.scalings.figures.legible import drawn_texts, illegible

FALLING = tuple(0.2 / (1 + epoch) for epoch in range(9))
LOWER = tuple(0.1 / (1 + 2 * epoch) for epoch in range(9))
WIDTHS = tuple(2**k for k in range(7, 17))


def five(difference: float = 8e-15) -> FiveCurvesFinding:
    names = {"ntp": FALLING, "ntp-lr": FALLING, "mup": LOWER, "mup-lr": LOWER, "mfp": LOWER, BROKEN: FALLING[::-1]}
    return FiveCurvesFinding(512, 504, {"ntp-lr": difference, "mup-lr": 4e-15, "mfp": 5e-15}, 0.4, names)


def lower(kind: type[EndsLowerFinding], last: float = 1.0) -> EndsLowerFinding:
    def seeds(values: tuple[float, ...]) -> np.ndarray:
        return np.outer(values, [1.0, 1.05, 0.97])

    rich = seeds(LOWER)
    rich[-1] *= last
    return kind(64, {"ntp": seeds(FALLING), "mup": rich, CONTROL: seeds(FALLING)[:, ::-1]})


def sizes() -> UpdateSizesFinding:
    def fit(power: float) -> Fit:
        noise = np.random.default_rng(0)
        found = regression.fit({n: 0.1 * n**power * np.exp(0.01 * noise.normal(size=8)) for n in WIDTHS})
        assert isinstance(found, Fit)
        return found

    return UpdateSizesFinding({"ntp": fit(-0.5), "mup": fit(0.0)}, WIDTHS, 2)


def swept(name: str, power: float, widths: tuple[int, ...] = (32, 64, 128, 256, 512)) -> RateCurves:
    rates = 2.0 ** np.arange(1, 6.1, 0.5)
    best = {n: 3.0 + power * math.log2(n / 32) for n in widths}
    curves = {
        n: tuple((float(rate), 0.04 * (32 / n) ** 0.1 + 0.01 * (math.log2(rate) - at) ** 2) for rate in rates)
        for n, at in best.items()
    }
    drift, regret = Estimate(power, power - 0.1, power + 0.1), Estimate(0.2, 0.1, 0.3)
    return RateCurves(name, curves, {n: (at, 0.1) for n, at in best.items()}, drift, regret, ())


ALL: list[Finding] = [
    five(),
    lower(EndsLowerFinding),
    sizes(),
    RatesFinding({"ntp": swept("ntp", 0.4), "mup": swept("mup", 0.0)}, 8),
    lower(CnnFinding),
    TransientFinding(swept("ntp", 0.4), swept("ntp", 0.0, (512, 1024, 2048)), 8),
]
OTHERS: list[Finding] = [
    five(0.4),
    lower(EndsLowerFinding, last=40.0),
    lower(EndsLowerFinding, last=math.inf),
    RatesFinding({"ntp": swept("ntp", 0.4), "mup": swept("mup", 0.5)}, 8),
]


@pytest.mark.parametrize("finding", ALL + OTHERS, ids=lambda one: f"{one.name} {one.answer}")
def test_a_claim_says_its_verdict_and_can_be_read(finding: Finding) -> None:
    figure = claim_figure(finding)
    assert not illegible(figure)
    assert f"({finding.answer})" in " ".join(text for text, _ in drawn_texts(figure))


@pytest.mark.parametrize(
    "findings", [ALL[:5], pytest.param(ALL, marks=pytest.mark.slow), OTHERS, ALL[:2], ALL[3:5]], ids=len
)
def test_all_claims_on_one_page(findings: list[Finding]) -> None:
    figure = reproduction_figure(Reproduction(Settings(), tuple(findings), interrupted=False, seconds=1.0))
    assert not illegible(figure)
    held = sum(one.answer == "HELD" for one in findings)
    assert any(f"{held} of {len(findings)} claims held" in text for text, _ in drawn_texts(figure))
    panels = [axes for axes in figure.axes if axes.lines]
    assert len(panels) == sum(1 + isinstance(one, RatesFinding) for one in findings)
    places = [spec for axes in panels if (spec := axes.get_subplotspec())]
    rows = max(place.rowspan.stop for place in places)
    assert sum(len(place.colspan) for place in places) == 2 * rows, "no place is empty"
