"""Parts that the texts of commands share."""

from __future__ import annotations

from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.reports.tables import in_theory
from symbolic.evaluation.check import check


def test_what_a_parameterization_is_stands_before_what_training_says() -> None:
    one, two = (check(mlp(3), preset(name, 3)) for name in ("mup", "standard"))
    assert in_theory([("mup", one)], "Does it?").plain == "In theory mup is rich, r = 1/2.\nDoes it?\n"
    assert in_theory([("standard", two)], "Does it?").plain.startswith(
        "In theory standard is unstable: stable features"
    )
    several = in_theory([("a", one), ("b, c", two), ("d", one)], "Does it?").plain
    assert several == "In theory\n  rich: a; d\n  unstable: b, c\nDoes it?\n"
