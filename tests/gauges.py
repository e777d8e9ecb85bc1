"""Parameterizations that are one up to how they are written down."""

from __future__ import annotations

from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import UpdateLaw


def same_up_to_gauge(a: Parameterization, b: Parameterization, law: UpdateLaw) -> bool:
    """Whether two parameterizations compute the same functions under this optimizer, at every width."""
    return a.in_gauge("unit-multiplier", law).layers == b.in_gauge("unit-multiplier", law).layers
