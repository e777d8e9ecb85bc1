"""Every report of a check has the same verdict, and the same first line."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from xml.etree import ElementTree

import pytest
import torch

from scalings.reports.model_check_files import model_check_junit, model_check_markdown
from scalings.reports.model_pages import model_check_page
from scalings.studies.model_checks import ModelCheck, check_model
from tests.scalings.studies.test_model_checks import INPUTS, adam, checked, loss, network

VERDICTS = "PASS", "FAIL", "INCONCLUSIVE"


@cache
def answer(verdict: str) -> ModelCheck:
    """A model at muP, one with one rate for all, and the first at too few widths."""
    if verdict == "INCONCLUSIVE":
        return check_model(network, adam, INPUTS, loss, widths=(24, 48, 96), seeds=1, steps=1)
    rates = adam if verdict == "PASS" else lambda model: torch.optim.Adam(model.parameters(), 0.01)
    return checked(network, rates, seeds=1, steps=1, quick=True)


def plain(words: str) -> str:
    """Without marks, tags and powers."""
    return re.sub(r"[\s\\`*^()]|<!-- -->", "", re.sub(r"<[^>]*>", "", html.unescape(words)))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_all_reports_agree_with_the_text(verdict: str) -> None:
    found = answer(verdict)
    first, _, _ = str(found).partition("\n")
    said, _, reason = first.partition(": ")
    assert (said, reason, found.verdict) == (verdict, found.reason, verdict)

    heading, _, paragraph, *_ = model_check_markdown(found, "mine").splitlines()
    assert (heading, plain(paragraph)) == (f"### `mine` {verdict}", plain(reason))

    page = model_check_page(found, "mine")
    assert f"<title>{verdict}: mine</title>" in page
    (shown,) = re.findall(r'<p class="first">(.*?)</p>', page, re.DOTALL)
    assert plain(shown) == plain(reason)

    document = json.loads(found.to_json())
    assert (document["verdict"], document["reason"]) == (verdict, reason)

    (suite,) = ElementTree.fromstring(model_check_junit(found, "mine", 1.0).encode())
    (case,) = suite.iter("testcase")
    outcome = {one.tag: one.get("message") for one in case}
    assert outcome == {"PASS": {}, "FAIL": {"failure": reason}, "INCONCLUSIVE": {"skipped": reason}}[verdict]
    counts = {name: suite.get(name) for name in ("failures", "skipped", "errors")}
    assert counts == {
        "failures": str(int(verdict == "FAIL")),
        "skipped": str(int(verdict == VERDICTS[2])),
        "errors": "0",
    }


def test_another_verdict_is_seen() -> None:
    """The control: no report of one says what another says first."""
    reasons = {plain(answer(verdict).reason) for verdict in VERDICTS}
    assert len(reasons) == 3
    assert plain(answer("PASS").reason) not in plain(model_check_page(answer("FAIL"), "mine"))
