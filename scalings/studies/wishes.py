"""What is asked of a model beside that it trains alike at every width: a regime, or a richness."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from scalings.errors import ArgumentError, unknown_name
from scalings.hyperparameters.exponents import format_exponent, parse_fraction
from scalings.results.checks import Check

WishedRegime = Literal["rich", "lazy"]
RICH = Fraction(1, 2)
_RICHNESS: dict[str, Fraction] = {"rich": RICH, "lazy": Fraction(0)}
"""The richness that is repaired for: hidden units, of which there are n, move by order 1, or the least."""


@dataclass(frozen=True)
class Wish:
    """A richness that is asked for, or the regime that it stands for."""

    richness: Fraction
    regime: str = ""

    def is_met(self, check: Check) -> bool:
        """Whether a verdict is as asked for: in this regime, or else of this richness."""
        return check.regime == self.regime if self.regime else check.richness == self.richness

    def missed_by(self, check: Check) -> str:
        """What a verdict is instead, in words."""
        found = check.regime if self.regime or check.richness is None else f"of richness {check.richness}"
        return f"it is {found}, but {self} was asked for"

    def __str__(self) -> str:
        return self.regime or f"r = {format_exponent(self.richness)}"


def wish_of(regime: object, richness: object) -> Wish | None:
    """What is asked for; None for any in which training is stable and moves the output.

    Raises ArgumentError for a regime that nobody wishes for, for what is no fraction, and for both.
    """
    if regime is None:
        return None if richness is None else Wish(parse_richness(richness))
    if richness is not None:
        raise ArgumentError(
            "richness", f"expected none beside the regime {regime!r:.60}, which stands for one: say regime=None"
        )
    if not isinstance(regime, str) or regime not in _RICHNESS:
        raise unknown_name("regime", str(regime), _RICHNESS)
    return Wish(_RICHNESS[regime], regime)


def parse_richness(given: Any) -> Fraction:
    """A fraction such as "1/4"; a float is what it is written as: 0.1 is 1/10. Raises ArgumentError for others."""
    try:
        written = str(given) if isinstance(given, float) else given
        return parse_fraction(written) if isinstance(written, str) else Fraction(written)
    except (TypeError, ValueError) as error:
        raise ArgumentError("richness", str(error)) from None
