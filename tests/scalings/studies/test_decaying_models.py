"""What decay takes of values is along them: updates act on it as on the values, and training shows the same orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.drawn_models import Model, drawn
from scalings.studies.model_checks import ModelCheck, check_model
from symbolic.propagation import weighted_rules
from symbolic.propagation.fading import Faded

WIDTHS = (24, 34, 48, 68, 96, 136, 192, 256)


def checked(law: str) -> ModelCheck:
    """A lazy perceptron after one update."""
    model = Model(replace(drawn(5, planted=False), architecture="perceptron", optimizer=law, share=0.3))
    return check_model(model.build, model.optimizer, model.data, model.loss, widths=WIDTHS, seeds=2, steps=1)


@pytest.mark.parametrize("law", ["adam", "adamw"])
def test_all_terms_agree_whether_weights_decay_or_not(law: str) -> None:
    found = checked(law)
    assert found.verdict == "PASS", str(found)
    terms = {one.of.quantity for one in found.agreement.comparisons}
    assert {"layer", "passthrough", "interaction"} <= terms


def test_without_what_decay_lays_along_values_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_chance(run: Any, node: Any) -> Any:
        faded = weighted_rules_decayed(run, node)
        return faded and Faded(faded.size, run.zero)

    weighted_rules_decayed = weighted_rules.decayed
    monkeypatch.setattr(weighted_rules, "decayed", by_chance)
    found = checked("adamw")
    assert found.verdict == "FAIL"
    assert "|g dW dh|" in found.reason
