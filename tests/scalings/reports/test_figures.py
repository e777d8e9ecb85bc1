"""Figures are drawn to a file, without pyplot, and refuse what has no exponent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from empirical.sweeps.measurement import Measurement
from empirical.sweeps.mlp import measure
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.reports.figures import exponents_figure, richness_figure
from scalings.results.trials import Training


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    return measure(mlp(3), preset("mup", 3), Training(batch=8, steps=1), widths=(16, 24, 32, 48), seeds=2)


def test_figures_are_written(measurement: Measurement, tmp_path: Path) -> None:
    richness_figure([("r = 1/2", measurement, Fraction(1, 2))], tmp_path / "richness.png")
    predicted = {Observable("dz", "layer1", 1): Fraction(1, 2), Observable("dz", "layer2", 1): MINUS_INFINITY}
    exponents_figure(measurement, predicted, tmp_path / "exponents.svg")
    assert (tmp_path / "richness.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "exponents.svg").read_text()


def test_what_has_no_exponent_is_named(measurement: Measurement, tmp_path: Path) -> None:
    still = replace(measurement, values={one: seen for one, seen in measurement.values.items() if one.quantity != "dz"})
    with pytest.raises(ValueError, match=r"\|dz\| layer2 step 1 of 'lazy' gave None"):
        richness_figure([("lazy", still, Fraction(0))], tmp_path / "none.png")


def test_pyplot_is_never_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from fractions import Fraction; from scalings.reports.figures import richness_figure;"
        "from empirical.sweeps.mlp import measure; from scalings.networks.architectures import mlp;"
        "from scalings.hyperparameters.presets import preset; from scalings.results.trials import Training;"
        "m = measure(mlp(2), preset('mup', 2), Training(batch=8, steps=1), widths=(8, 12, 16, 24), seeds=2);"
        f"richness_figure([('a', m, Fraction(1, 2))], r'{tmp_path / 'a.png'}');"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
