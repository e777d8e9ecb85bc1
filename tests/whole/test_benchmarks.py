"""The benchmarks run, in their smallest case."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.coverage import simulated


@pytest.mark.slow
@pytest.mark.parametrize("what", ["limits", "commands", "coverage"])
def test_the_smallest_case_runs(capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert main([what, "--quick"]) == 0
    assert {"limits": "GFlop", "commands": "import sympy", "coverage": "cover"}[what] in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("what", ["growth", "rivals", "models", "false-alarms", "coordinates"])
def test_the_smallest_case_of_what_takes_longer(capsys: pytest.CaptureFixture[str], what: str) -> None:
    if what in ("rivals", "coordinates"):
        pytest.importorskip("mup")
    assert main([what, "--quick"]) == 0
    shown = {"growth": "GiB", "rivals": "mup", "models": "foretold", "false-alarms": "misses", "coordinates": "flat"}
    assert shown[what] in capsys.readouterr().out


@pytest.mark.slow
def test_simulated_intervals_cover_at_least_what_they_say() -> None:
    """300 fits of each kind: they have smaller corrections than trained networks, and short intervals."""
    found = list(simulated(300))
    assert len(found) == 8
    assert all(one.share >= 0.95 for one in found), found
    assert all(one.half_width < (0.04 if "2048" in one.what else 0.01) for one in found), found
