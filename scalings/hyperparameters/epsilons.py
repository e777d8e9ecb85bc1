"""Epsilons: the number that Adam and its like add to the size of a gradient's entry, as a power of n.

>>> from scalings.hyperparameters.update_laws import optimizer
>>> why_no_epsilon(optimizer("sgd"))
'sgd has none: it divides by nothing'
"""

from __future__ import annotations

from dataclasses import replace

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import parse_exponent
from scalings.hyperparameters.update_laws import UpdateLaw

_WITHOUT_EPSILON = {
    "sign": "takes signs, and divides by nothing",
    "lion": "takes signs, and divides by nothing",
    "lamb": "divides its step by the step's own size as well, and an epsilon drops out of that",
    "adafactor": "compares its epsilon with mean squares over rows and columns, for which there is no rule here",
    "lars": "divides by the norm of the whole gradient, not by the size of its entries",
    "normalized-sgd": "divides by the norm of the whole gradient, not by the size of its entries",
    "kfac": "divides by matrices, whose damping is another question",
    "foof": "divides by matrices, whose damping is another question",
}


def why_no_epsilon(law: UpdateLaw) -> str:
    """Why a law divides no entry by its size, so that no epsilon stands beside that; empty if it does."""
    name = law.name.partition("+")[0].partition(":")[0]
    if law.clip != "none":
        return f"{law.name} compares it with clipped gradients, for which there is no rule here"
    if name in _WITHOUT_EPSILON:
        return f"{law.name} has none that counts: it {_WITHOUT_EPSILON[name]}"
    if law.gradient == 1:
        return f"{law.name} has none: it divides by nothing"
    if law.gradient or law.weight or not law.fan_in == law.fan_out == 1:
        return f"{law.name} does not divide by the size of a gradient's entries"
    return ""


def with_epsilon(law: UpdateLaw, exponent: str) -> UpdateLaw:
    """The law with an epsilon of this power of n. Raises ArgumentError for laws that divide no entry by its size.

    >>> from scalings.hyperparameters.update_laws import optimizer
    >>> str(with_epsilon(optimizer("adam"), "-1").epsilon)
    '-1'
    """
    if reason := why_no_epsilon(law):
        raise ArgumentError("epsilon", reason)
    try:
        return replace(law, epsilon=parse_exponent(exponent))
    except ValueError as error:
        raise ArgumentError("epsilon", str(error)) from None
