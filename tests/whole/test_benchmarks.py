"""The benchmarks run, in their smallest case."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import models_page
from benchmarks.__main__ import main
from benchmarks.coverage import simulated
from benchmarks.models import NAMES, Compared, Trained
from scalings.criteria.observables import Quantity
from scalings.errors import ArgumentError

PAGE = Path(__file__).parents[2] / "docs/reference/models.md"


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


def compared(plain: float, quantity: Quantity = "z") -> Compared:
    """A value of order 1/2, whose slope is foretold to be that."""
    return Compared(quantity, "layer", 1, "asserted", "1/2", plain, plain - 0.1, plain + 0.1, 0.5)


def test_the_page_has_the_rows_of_what_was_trained_and_keeps_the_others(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{models_page.BEGIN}\n\nold\n\n{models_page.END}\n\nafter\n")
    other = Trained("Llama", "adam", "mup", (compared(0.5),))
    models_page.written([other], page)
    first = page.read_text()
    here = [
        Trained("GPT-2", "sgd", "standard", (compared(0.5), compared(2.0, "gradient")), stable=False),
        Trained("GPT-2", "sgd", "0", lacking="nothing meets the criteria"),
        Trained("GPT-2", "sgd", "mup", (compared(0.5), compared(0.6), compared(0.75))),
        Trained("GPT-2", "adam", "mup", (compared(0.5),)),
    ]
    models_page.written(here, page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| GPT-2 | 1*: 0, 0, 0 |  |  | 4: 75, 75, 75 |" in text.splitlines()
    assert "- muP: 5 values, 80.0 near, 80.0 by interval, 80.0 foretold" in text.splitlines()
    assert "- derived members: 0 values" in text.splitlines()
    assert set(first.splitlines()) - set(text.splitlines()) == {
        "- muP: 1 values, 100.0 near, 100.0 by interval, 100.0 foretold",
        "- the standard parameterization: 0 values",
    }
    models_page.written(here[3:], page)
    assert "| GPT-2 |  |  |  | 1: 100, 100, 100 |" in page.read_text().splitlines()


def test_a_page_without_markers_is_refused_and_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{models_page.BEGIN}\nold\n")
    with pytest.raises(ArgumentError, match="--page: expected the lines"):
        models_page.written([], page)
    assert [one.name for one in tmp_path.iterdir()] == ["page.md"]


def test_only_models_have_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["limits", "--page", str(PAGE)])
    assert exit_.value.code == 2
    assert "--page: expected models" in capsys.readouterr().err


def test_the_page_of_the_documentation_is_made_from_the_counts_beside_it() -> None:
    counts = models_page.read(PAGE.with_suffix(".json"))
    made = PAGE.read_text().partition(models_page.BEGIN)[2].partition(models_page.END)[0]
    assert made.strip() == models_page.made(counts)
    assert counts.keys() == set(NAMES)
    changed = {name: {given: count + count for given, count in of.items()} for name, of in counts.items()}
    assert made.strip() != models_page.made(changed)
