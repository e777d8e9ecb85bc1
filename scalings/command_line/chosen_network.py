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
from scalings.networks.architectures import DEFAULT_DEPTH, NETWORKS
from scalings.networks.attention import Heads
from scalings.networks.decoders import Router
from scalings.networks.network import Network
from scalings.networks.nodes import Activation
from scalings.networks.serialization import network_from_text
from scalings.networks.vision import Normalization

if TYPE_CHECKING:
    from scalings.tapes.network import TracedNetwork
    from scalings.tapes.translation.translation import Translation

_LARGEST_FILE = 10_000_000
"""Bytes of a network file; that of an mlp of 10,000 layers takes 4,200,000."""
_OF_DECODERS = {"gains", "groups", "grows", "logit_scale", "loops", "post_norm", "qk_norm", "softcap", "tied"}
_OPTIONS = {
    "mlp": {"depth", "activation", "biases"},
    "cnn": {"depth", "activation", "depthwise"},
    "resmlp": {"activation", "branch", "norm"},
    "transformer": {"activation", "biases", "gains", "grows", "tied"},
    "llama": _OF_DECODERS,
    "moe": {*_OF_DECODERS, "experts", "router", "shared", "top"},
    "vit": {"activation", "class_token", "gains", "grows", "qk_norm"},
    "resnet": {"activation", "normalization", "stages"},
    "lora": {"activation", "depth", "rank"},
}
LAYERED = tuple(name for name, options in _OPTIONS.items() if "depth" in options)
"""Networks whose depth is how many layers they are built of."""
_GIVEN = sorted(set[str]().union(*_OPTIONS.values()))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ChosenNetwork:
    """A network, as the command line gives it."""

    network: str = "mlp"
    """mlp, cnn, resmlp, transformer, llama, moe, vit, resnet, lora; a JSON file with a list of operations, or that
    `trace` wrote; or MODULE:NAME of a function of the width that makes a torch module of your own, which runs its code:
    name only what you would run."""
    module_data: str | None = None
    """Of MODULE:NAME, the name of what the module is given, in the same module; default data."""
    module_loss: str | None = None
    """Of MODULE:NAME, the name of a function of its output; default the loss that the output brings, or the mean
    squared error of its first tensor against ones."""
    depth: Whole | None = None
    """Of an mlp or cnn, its number of weight matrices, default as many as exponents are given, or 3; of lora, that of
    frozen ones."""
    activation: Activation | None = None
    """Of the hidden layers; default relu, or gelu in a transformer or vit."""
    biases: bool | None = None
    """Add biases, zero at initialization."""
    depthwise: bool | None = None
    """Split a cnn's convolutions into one of each channel and one across channels."""
    branch: Literal[1, 2] | None = None
    """Of a resmlp, the number of layers in each residual branch; default 1."""
    norm: bool | None = None
    """Normalize what the branches of a resmlp read."""
    grows: Heads | None = None
    """Of attention's heads, what grows with the width: their size (default) or their number."""
    gains: bool | None = None
    """Give normalizations gains: default in llama, moe and vit, but not in a transformer."""
    tied: bool | None = None
    """Let the readout of a transformer, llama or moe be its embedding, transposed."""
    groups: str | None = None
    """Of llama or moe, the number of heads of keys and values, each shared by a group of queries; or their share of all
    heads, as in 1/4."""
    qk_norm: bool | None = None
    """Normalize the queries and keys of llama, moe or vit, with gains."""
    softcap: bool | None = None
    """Bound scores and logits of llama or moe: c tanh(s / c)."""
    post_norm: bool | None = None
    """Normalize what branches of llama or moe give, not what they read."""
    logit_scale: bool | None = None
    """Give the logits of llama or moe a multiplier of their own; tied ones have it."""
    loops: Whole | None = None
    """How often each block of llama or moe runs in a row, with the same weights; default once."""
    experts: Whole | None = None
    """Of moe, the number of experts; default 8."""
    top: Whole | None = None
    """Of moe, how many experts the router chooses for each token; default 2."""
    shared: Whole | None = None
    """Of moe, the number of experts that all tokens read; default 0."""
    router: Router | None = None
    """Of moe, whether experts compete (softmax, the default) or each is weighted by itself (sigmoid)."""
    class_token: bool | None = None
    """Let the head of a vit read a class token (default), or the mean of all patches."""
    stages: Whole | None = None
    """Of a resnet, the number of stages, each with twice the channels; default 2."""
    normalization: Normalization | None = None
    """What a resnet's convolutions are followed by: batch (default) or group normalization, or none."""
    rank: Whole | None = None
    """Of lora's adapters, a scale variable of its own; default 8."""

    def build(self, inputs: int = 64, depth: int = DEFAULT_DEPTH) -> Network:
        """The network that was chosen. Raises ArgumentError."""
        given = {name: getattr(self, name) for name in _GIVEN if getattr(self, name) is not None}
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
        if self.network in NETWORKS:
            options = {"depth": depth} if self.network in ("mlp", "cnn") else {}
            options |= {"inputs": inputs} if self.network in ("mlp", "resmlp", "lora") else {}
            return NETWORKS[self.network](**{**options, **given})
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
        return None if found is None or isinstance(found, Network) else found.translation

    @cached_property
    def _read(self) -> "Network | TracedNetwork | None":
        return _read_network(Path(self.network)) if self.network.endswith(".json") else None


def _read_network(path: Path) -> "Network | TracedNetwork":
    from scalings.tapes.network import TracedNetwork

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
