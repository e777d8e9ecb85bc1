"""Bounds on what a command takes on, each with its reason: beyond them it would take minutes, or the memory."""

from __future__ import annotations

from scalings.errors import ArgumentError
from scalings.networks.network import Network

MOST_CRITERIA = 100
"""Of one's own."""
DERIVED, REPAIRED, MINIMAL, PROVED = 128, 128, 64, 32
"""Weights of a network that is derived for, that a repair is searched for, that no more reasons are named for than are
needed, and that a proof is written down for: the time grows like their cube, to ten seconds."""
PREDICTED = 1000
"""Weights times steps of a prediction, each of which is some rows of its table."""


def check_weights(network: Network, most: int, doing: str) -> None:
    """Raises ArgumentError for a network with more weights than are dealt with in seconds."""
    if network.depth > most:
        why = "since the time grows like the cube of their number, and deeper layers are alike"
        raise _too_deep(network, f"expected at most {most} weights {doing}, {why}, but got {network.depth}")


def check_predicted(network: Network, steps: int) -> None:
    """Raises ArgumentError for a prediction that nobody would read."""
    if (rows := network.depth * steps) > PREDICTED:
        expected = f"expected at most {PREDICTED} weights times --steps, each some rows of the answer"
        raise _too_deep(network, f"{expected}, but got {rows}")


def _too_deep(network: Network, message: str) -> ArgumentError:
    return ArgumentError("depth" if network.is_mlp else "network", message)
