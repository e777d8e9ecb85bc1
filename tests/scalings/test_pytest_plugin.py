"""The pytest plugin and `assert_scaling`, in tests that pytest runs within these."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# What tests within these import first, pytester forgets again; and torch cannot be loaded twice.
for heavy in (
    "empirical.experiments.model_laws",
    "empirical.sweeps.modules",
    "scalings.reports.displays",
    "scalings.studies.model_assertions",
    "scalings.tapes.translation.translate",
    "symbolic.evaluation.repair",
    "torch._dynamo",
):
    importlib.import_module(heavy)

ROOT = Path(__file__).parent.parent.parent
NAME = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]["scalings"]
TESTS = """
import torch
from torch import nn

data = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))

def build(width, readout=-1):
    model = nn.Sequential(nn.Linear(6, width, bias=False), nn.Tanh(), nn.Linear(width, 3, bias=False))
    nn.init.normal_(model[0].weight, std=0.4)
    nn.init.normal_(model[2].weight, std=width**readout)
    return model

def optimizer(model, first=0.01, last=None):
    up, down = model.parameters()
    return torch.optim.Adam([{"params": up, "lr": first}, {"params": down, "lr": last or 0.2 / down.shape[1]}])

def test_right(assert_scaling):
    assert assert_scaling(build, optimizer, data, quick=True).regime == "rich"

def test_wrong(assert_scaling):
    assert_scaling(build, lambda model: optimizer(model, last=0.01), data, quick=True)

def test_open(assert_scaling):
    assert_scaling(build, optimizer, data, widths=(64, 128, 256), seeds=1, steps=1)

"""
LAZY = """
from scalings import assert_scaling
from test_models import build, data, optimizer

def lazy(**options):
    slow = lambda model: optimizer(model, 0.01 * model[0].out_features ** -0.5)
    return assert_scaling(lambda n: build(n, -1 / 2), slow, data, quick=True, **options)

def test_lazy():
    lazy()

def test_that_it_is_lazy():
    assert lazy(regime="lazy").regime == "lazy"
"""


@pytest.fixture(autouse=True)
def _as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # as entry points may hold the plugin, too


def test_verdicts_are_outcomes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(TESTS)
    monkeypatch.setenv("COLUMNS", "200")  # of the summary's lines, which pytest cuts
    result = pytester.runpytest_inprocess("-p", NAME, "-rA", "--junit-xml=junit.xml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: FAIL: the learning rate of 2.weight is the same at every width n, and should fall *",
            "*2.weight   3 x n  output  n^(-1)      n^0 -> n^(-1)*",
            "*SKIPPED*INCONCLUSIVE: a verdict needs at least 8 widths, but got 3",
        ]
    )
    result.stdout.fnmatch_lines(["FAILED *::test_wrong - AssertionError: FAIL: the learning rate of 2.weight is the *"])
    written = (pytester.path / "junit.xml").read_text()
    assert 'name="test_right 2.weight init" value="-1"' in written
    assert 'name="test_wrong 2.weight lr" value="0"' in written
    assert 'name="test_open verdict" value="INCONCLUSIVE"' in written


@pytest.mark.slow
def test_a_regime_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_models=TESTS, test_lazy=LAZY)
    result = pytester.runpytest_inprocess("test_lazy.py", "-p", NAME, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*FAIL: it is lazy, but rich was asked for: the learning rate of 0.weight falls like 1/sqrt(n), and *"]
    )


def test_an_unknown_regime_is_no_failure_of_the_model(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("from scalings import assert_scaling\ndef test_it(): assert_scaling(1, 2, 3, regime='rihc')")
    result = pytester.runpytest_inprocess("-p", NAME)
    result.stdout.fnmatch_lines(["*ArgumentError: regime: did you mean rich? expected one of rich, lazy, *"])


STARTS = """
import sys
def test_it(request):
    assert request.config.pluginmanager.hasplugin("scalings") == {loaded}
    assert ("scalings.pytest_plugin" in sys.modules) == {loaded}
    heavy = {{"torch", "sympy", "numpy", "scipy", "z3", "rich", "cyclopts", "matplotlib", "scalings.studies"}}
    assert not heavy & sys.modules.keys()
"""


@pytest.mark.parametrize("loaded", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_installed_plugin_is_loaded_and_imports_nothing_heavy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    """Installed by metadata as a wheel writes it; without, it is not there."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    installed = pytester.mkdir("installed")
    if loaded:
        (metadata := installed / "scalings-0.dist-info").mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: scalings\nVersion: 0\n")
        (metadata / "entry_points.txt").write_text(f"[pytest11]\nscalings = {NAME}\n")
    monkeypatch.setenv("PYTHONPATH", f"{installed}:{ROOT}")
    pytester.makepyfile(STARTS.format(loaded=loaded))
    blocked = [] if loaded else ["-p", "no:scalings"]
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:hypothesispytest", *blocked)
    result.assert_outcomes(passed=1)


def test_the_entry_point_is_there() -> None:
    assert hasattr(importlib.import_module(NAME), "assert_scaling")
    assert NAME in sys.modules
