"""The command that prints networks, so that one can be edited: network."""

from __future__ import annotations

from scalings.command_line.chosen_network import ChosenNetwork
from scalings.command_line.console import YES, print_text
from scalings.networks.serialization import network_to_text


def network(chosen: ChosenNetwork = ChosenNetwork()) -> int:  # noqa: B008 - frozen
    """Print a network as JSON, one operation a line, to be edited and given back with --network FILE.json.

    docs/reference/network-files.md says what may stand in it.

    Example: scalings network --network transformer --grows heads > mine.json
    """
    print_text(network_to_text(chosen.build()))
    return YES
