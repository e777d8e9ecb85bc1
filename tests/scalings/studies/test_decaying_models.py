"""What decay takes of values is along them, so that what updates do to it is more than theory has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.drawn_models import Model, drawn
from scalings.studies import early_orders
from scalings.studies.model_checks import ModelCheck, check_model

WIDTHS = (24, 34, 48, 68, 96, 136, 192, 256)


def checked(law: str) -> ModelCheck:
    """A lazy perceptron after one update."""
    model = Model(replace(drawn(5, planted=False), architecture="perceptron", optimizer=law, share=0.3))
    return check_model(model.build, model.optimizer, model.data, model.loss, widths=WIDTHS, seeds=2, steps=1)


@pytest.mark.parametrize(("law", "compared"), [("adam", True), ("adamw", False)])
def test_the_interaction_term_is_compared_where_nothing_decays(law: str, compared: bool) -> None:
    found = checked(law)
    assert found.verdict == "PASS", str(found)
    terms = {one.of.quantity for one in found.agreement.comparisons}
    assert ("interaction" in terms) is compared
    assert {"layer", "passthrough"} <= terms


def test_where_weights_decay_it_is_larger_than_theory_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_orders, "_ALONG", "")
    found = checked("adamw")
    assert found.verdict == "FAIL"
    assert "|g dW dh|" in found.reason
