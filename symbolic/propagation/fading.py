"""Fading: what weight decay takes of values, kept apart from what updates do to them, since it is aligned otherwise.

Decay leaves (1 - s) W(0) of a weight. What that takes of a value, s W(0) h, is made of W(0) alone, and of nothing that
was trained. So later weights act on it as on the value itself, by the generic rule, and not as on what gradients have
laid along them; and it lies along the value, so that updates, which are made of d h^T, act on it as on h(0):

    faded, of h          |W(0) dh| = sigma sqrt(fan_out) |dh|        |g dW dh| = |g dW h(0)| |dh along h(0)| / |h(0)|

Nothing of it lies along what comes out of a normalization, where a value's size is lost; there what decay did to the
direction overlaps by curvature alone. Of x + y, where y does not fade, all that x loses is taken to lie along the sum:
an upper bound, should x be smaller by a power. Decay is taken for a fraction: two factors of a product together lose no
more than one of them.

Source: none but the generic rule and the overlap rule (`weighted_rules`), of which these are cases; measured in
tests/agreement/test_decay.py. That a function's result fades along itself is a matter of order: phi'(z) z and phi(z)
have an overlap of order 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from symbolic.orders.algebra import O

if TYPE_CHECKING:
    from symbolic.propagation.state import Run


@dataclass(frozen=True)
class Faded(Generic[O]):
    """Of the change of a value, what decay took."""

    size: O
    """Its norm."""
    along: O
    """That of its part along the value as it started."""

    @property
    def is_along(self) -> bool:
        """Whether one order stands for both, so that nothing has to be computed twice."""
        return self.size is self.along


def fade(run: Run[O], name: str, *parts: Faded[O] | None) -> None:
    """Keep what decay took of a value, the sum of these; without decay there is nothing to keep."""
    found = [part for part in parts if part]
    run.faded.pop(name, None)
    if len(found) > 1:
        size = run.algebra.total(*(one.size for one in found))
        along = [one.along for one in found if one.along != run.zero]
        if all(one.is_along for one in found):
            run.faded[name] = Faded(size, size)
        else:
            run.faded[name] = Faded(size, run.algebra.total(*along) if len(along) > 1 else (*along, run.zero)[0])
    elif found:
        (run.faded[name],) = found


def carried(run: Run[O], source: str, act: Callable[[O], O], *, along: bool = True) -> Faded[O] | None:
    """What becomes of what decay took of another value; whether its part `along` that one is along the result."""
    if not (faded := run.faded.get(source)):
        return None
    size = act(faded.size)
    if not along or faded.along == run.zero:
        return Faded(size, run.zero)
    return Faded(size, size if faded.is_along else act(faded.along))
