"""The option --network and those that go with it: a ready-made network, one from a file, or a torch module.

Annotations are types and no strings here, since cyclopts reads them where `ChosenNetwork` is inherited.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from scalings.command_line.parsing import Whole
from scalings.command_line.user_modules import UserModule, is_module, traced
from scalings.errors import ArgumentError, unknown_name
from scalings.networks.architectures import DEFAULT_DEPTH, NETWORKS, cnn, mlp, resmlp, transformer
from scalings.networks.attention import Heads
from scalings.networks.network import Network
from scalings.networks.nodes import Activation
from scalings.networks.serialization import network_from_text
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from scalings.tapes.translation.translation import Translation

_LARGEST_FILE = 10_000_000
"""Bytes of a network file; that of an mlp of 10,000 layers takes 4,200,000."""
_OPTIONS = {
    "mlp": {"depth", "activation", "biases"},
    "cnn": {"depth", "activation", "depthwise"},
    "resmlp": {"activation", "branch", "norm"},
    "transformer": {"activation", "biases", "gains", "grows", "tied"},
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ChosenNetwork:
    """A network, as the command line gives it."""

    network: str = "mlp"
    """mlp, cnn, resmlp, transformer; a JSON file with a list of operations, or that `trace` wrote; or MODULE:NAME of a
    function of the width that makes a torch module of your own, which runs its code: name only what you would run."""
    module_data: str | None = None
    """Of MODULE:NAME, the name of what the module is given, in the same module; default data."""
    module_loss: str | None = None
    """Of MODULE:NAME, the name of a function of its output; default the loss that the output brings, or the mean
    squared error of its first tensor against ones."""
    depth: Whole | None = None
    """Of an mlp or cnn, its number of weight matrices; default as many as exponents are given, or 3."""
    activation: Activation | None = None
    """Of the hidden layers; default relu, or gelu in a transformer."""
    biases: bool | None = None
    """Add biases, zero at initialization."""
    depthwise: bool | None = None
    """Split a cnn's convolutions into one of each channel and one across channels."""
    branch: Literal[1, 2] | None = None
    """Of a resmlp, the number of layers in each residual branch; default 1."""
    norm: bool | None = None
    """Normalize what the branches of a resmlp read."""
    grows: Heads | None = None
    """Of a transformer's heads, what grows with the width: their size (default) or their number."""
    gains: bool | None = None
    """Give a transformer's normalizations gains."""
    tied: bool | None = None
    """Let a transformer's readout be its embedding, transposed."""

    def build(self, inputs: int = 64, depth: int = DEFAULT_DEPTH) -> Network:
        """The network that was chosen. Raises ArgumentError."""
        names = ("depth", "activation", "biases", "depthwise", "branch", "norm", "grows", "gains", "tied")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        for name in given:
            if name not in _OPTIONS.get(self.network, set()):
                owners = " or ".join(network for network, options in _OPTIONS.items() if name in options)
                raise ArgumentError(name, f"expected --network {owners}, but got {self.network}")
        for name, is_given in {
            "module_data": self.module_data is not None,
            "module_loss": self.module_loss is not None,
        }.items():
            if is_given and not is_module(self.network):
                raise ArgumentError(name, f"expected --network MODULE:NAME beside it, but got {self.network}")
        match self.network:
            case "mlp":
                return mlp(**{"depth": depth, "inputs": inputs, **given})
            case "cnn":
                return cnn(**{"depth": depth, **given})
            case "resmlp":
                return resmlp(**{"inputs": inputs, **given})
            case "transformer":
                return transformer(**given)
        if self.translation:
            return self.translation.network
        if not self.network.endswith(".json"):
            raise unknown_name("network", self.network, NETWORKS, also=", a .json file, or MODULE:NAME")
        found = self._read
        assert isinstance(found, Network)
        return found

    @cached_property
    def module(self) -> UserModule | None:
        """The torch module that was named, traced. Raises ArgumentError."""
        if not is_module(self.network):
            return None
        return traced("network", self.network, data=self.module_data or "data", loss=self.module_loss, prefix="module_")

    @cached_property
    def translation(self) -> "Translation | None":
        """Of a torch module, or of one that `trace` wrote down. Raises ArgumentError."""
        found = self.module.traced if self.module else self._read
        return found.translation if isinstance(found, TracedNetwork) else None

    @cached_property
    def _read(self) -> Network | TracedNetwork | None:
        return _read_network(Path(self.network)) if self.network.endswith(".json") else None


def _read_network(path: Path) -> Network | TracedNetwork:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise ArgumentError("network", f"expected a file of at most {_LARGEST_FILE} bytes, but '{path}' is larger")
        text = content.decode()
        return TracedNetwork.from_json(text) if text.lstrip().startswith("{") else network_from_text(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ArgumentError("network", f"cannot read '{path}': {reason}") from None
