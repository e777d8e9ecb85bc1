"""Rules: the numbers of a prescription at two sizes, side by side, with what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from scalings.displays import Displayed
from scalings.results.prescriptions import Numbers, ParameterRule, Prescription, Scaled

TOKENS = "tokens"
"""What the number of tokens that are trained on is called among sizes."""


@dataclass(frozen=True, repr=False)
class Rule(Displayed):
    """How to set a network at another width, and where asked for at another batch size, depth or number of tokens."""

    network: str
    optimizer: str
    prescription: Prescription
    """Its base width is the width from which numbers are known."""
    width: int
    """The one to which they are carried over."""
    sizes: Mapping[str, tuple[int, int]]
    """Of other scale variables, and of tokens, from what to what."""
    multipliers: tuple[tuple[str, Scaled], ...] = ()
    """Those without a weight, as factors of what they are at the base width."""
    in_code: tuple[tuple[str, float], ...] = ()
    """What the code of a module itself multiplies by at the width that is asked for, and where."""
    assumed: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    """What remains to be tuned, or to be changed by hand."""
    warnings: tuple[str, ...] = ()
    is_module: bool = False
    """Whether it is of a torch module, whose parameters have names."""

    @cached_property
    def at_end(self) -> Prescription:
        """The prescription where all but the width is as it will be."""
        ratios = {scale: after / before for scale, (before, after) in self.sizes.items()}
        return replace(self.prescription, ratios={**self.prescription.ratios, **ratios})

    def before_and_after(self, rule: ParameterRule) -> tuple[Numbers, Numbers]:
        """The numbers of one parameter at both ends."""
        before = self.prescription.numbers(rule, self.prescription.base_width)
        return before, self.at_end.numbers(rule, self.width)
