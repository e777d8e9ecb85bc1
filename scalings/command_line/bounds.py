"""Bounds on what a command takes on, each with its reason: beyond them it would take minutes, or the memory.

Nothing here loads torch, so that a wrong option costs no seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from scalings.command_line.console import warn
from scalings.errors import ArgumentError
from scalings.networks.network import Network
from scalings.results.trials import check_device

if TYPE_CHECKING:
    from empirical.sweeps.costs import Cost

MOST_CRITERIA = 100
"""Of one's own."""
DERIVED, REPAIRED, MINIMAL, DIVIDED, RULED, PROVED = 128, 128, 64, 64, 64, 32
"""Weights of a network that is derived for, that a repair is searched for, that no more reasons are named for than are
needed, that a phase diagram is drawn for, that a rule is stated of, and that a proof is written down for: the time
grows like their cube, to ten seconds."""
PREDICTED = 1000
"""Weights times steps of a prediction, each of which is some rows of its table."""
MOST_SEEDS, MOST_STEPS, MOST_BATCH, MOST_WIDTHS, WIDEST = 10_000, 100, 256, 64, 10**9
MOST_LONG = 10_000
"""Updates of measure --long."""
HOUR = 3600


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Resources:
    """Where training runs, and how long it may take."""

    device: str = "auto"
    """auto, cpu or cuda."""
    yes: Annotated[bool, Parameter(negative="")] = False
    """Train even if that takes more than an hour."""

    def announce(self, cost: Cost, otherwise: str = "fewer --widths, --seeds or --steps") -> None:
        """Say on stderr what training will cost. Raises ArgumentError if that is over an hour, and `yes` is not set."""
        if cost.seconds > HOUR and not self.yes:
            told = f"{cost.sentence}, which is {cost.seconds / HOUR:,.1f} hours"
            raise ArgumentError("yes", f"{told}: expected --yes for over an hour, or {otherwise}")
        warn(cost.sentence)

    def check(
        self,
        *,
        widths: Sequence[int] | None,
        seeds: int | None,
        steps: int | None = None,
        batch: int | None = None,
        long: bool = False,
    ) -> None:
        """Raises ArgumentError for a device that is none, and for sizes of training that are too small or too large.

        What is None has a default; `long` training takes more steps.
        """
        check_device(self.device)
        if seeds is not None and not 1 <= seeds <= MOST_SEEDS:
            expected = f"at most {MOST_SEEDS}, which give an error of 1 %" if seeds > 0 else "at least 1"
            raise ArgumentError("seeds", f"expected {expected}, but got {seeds}")
        most, why = (MOST_LONG, "which take hours") if long else (MOST_STEPS, "since orders settle within few updates")
        if steps is not None and not 1 <= steps <= most:
            expected = f"at most {most}, {why}" if steps > 0 else "at least 1"
            raise ArgumentError("steps", f"expected {expected}, but got {steps}")
        if batch is not None and not 1 <= batch <= MOST_BATCH:
            expected = f"expected 1 to {MOST_BATCH} examples, beside which widths are large"
            raise ArgumentError("batch", f"{expected}, but got {batch}")
        if widths is not None:
            _check_widths(widths)


def _check_widths(widths: Sequence[int]) -> None:
    if len(widths) > MOST_WIDTHS:
        why = "since more seeds at fewer widths tell as much"
        raise ArgumentError("widths", f"expected at most {MOST_WIDTHS} of them, {why}, but got {len(widths)}")
    if max(widths) > WIDEST:
        expected = f"expected widths up to {WIDEST}, which no layer that anyone trains has"
        raise ArgumentError("widths", f"{expected}, but got {max(widths)}")
    from empirical.sweeps.plans import check_widths

    check_widths(widths)


def check_weights(network: Network, most: int, doing: str) -> None:
    """Raises ArgumentError for a network with more weights than are dealt with in seconds."""
    if network.depth > most:
        why = "since the time grows like the cube of their number, and deeper layers are alike"
        raise _too_deep(network, f"expected at most {most} weights {doing}, {why}, but got {network.depth}")


def check_predicted(network: Network, steps: int) -> None:
    """Raises ArgumentError for a prediction that nobody would read; `predict` itself refuses too many steps."""
    if steps <= MOST_STEPS and (rows := network.depth * steps) > PREDICTED:
        expected = f"expected at most {PREDICTED} weights times --steps, each some rows of the answer"
        raise _too_deep(network, f"{expected}, but got {rows}")


def _too_deep(network: Network, message: str) -> ArgumentError:
    return ArgumentError("depth" if network.is_mlp else "network", message)
