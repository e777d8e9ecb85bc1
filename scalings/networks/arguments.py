"""What the ready-made networks ask of their arguments."""

from __future__ import annotations

from scalings.errors import ArgumentError
from scalings.networks.nodes import ACTIVATIONS, Activation

DEEPEST = 10_000


def require(argument: str, given: int, least: int) -> None:
    """Raises ArgumentError for fewer, or for more than anybody trains."""
    if not least <= given <= DEEPEST:
        what = "weight matrices" if argument == "depth" else "at most"
        expected = f"{least} to {DEEPEST} {what}" if argument == "depth" else f"{least} to {DEEPEST}"
        raise ArgumentError(argument, f"expected {expected}, but got {given}")


def require_one_of(argument: str, given: str, known: tuple[str, ...]) -> None:
    """Raises ArgumentError for any other."""
    if given not in known:
        raise ArgumentError(argument, f"expected one of {', '.join(known)}, but got {given!r}")


def require_activation(given: Activation) -> None:
    """Raises ArgumentError for an unknown one."""
    require_one_of("activation", given, ACTIVATIONS)
