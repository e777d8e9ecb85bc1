"""What is trained: a module at each width, the network that it was translated into, and exponents for its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import nn

from empirical.engines.module.passes import Trails, followed
from empirical.engines.module.places import Place, places
from empirical.engines.module.precision import double_precision, in_double_precision
from empirical.tracing.batches import Batch, Loss, batch_of
from empirical.tracing.recorder import Recording, record
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built, check_buildable, renewed
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network, wrong_depth
from scalings.networks.nodes import Weighted
from scalings.results.trials import Training
from scalings.tapes.network import TracedNetwork
from scalings.tapes.translation.translation import Translation


@dataclass(frozen=True)
class ModuleProblem:
    """A module of torch that is trained at several widths.

    `build`, `data` and `loss` are those that were traced. Of `training`, the data, the batch and the loss are not used,
    since the module brings its own, nor is the output centered. Raises ArgumentError for another number of exponents
    than the network has weights, for multipliers that the module has not, for clipped gradients, and without steps.
    """

    build: Build
    data: object
    loss: Loss
    traced: TracedNetwork
    translation: Translation
    parameterization: Parameterization
    training: Training
    device: str = "cpu"
    recorded: Mapping[int, Recording] = field(default_factory=dict)
    """By width, what was recorded of the module as it was traced, where that is at hand."""

    def __post_init__(self) -> None:
        if self.training.steps < 1:
            raise ArgumentError("steps", f"expected at least 1, but got {self.training.steps}")
        if self.parameterization.depth != self.network.depth:
            raise wrong_depth(self.network, self.parameterization.depth)
        if self.training.clips:
            raise ArgumentError("optimizer", "expected one without clipping, with which modules are not trained")
        if any(self.parameterization.scales):
            raise ArgumentError("scales", "expected none, since the numbers in a module's code are fixed")
        self.exponents  # noqa: B018 - that there is a gauge without multipliers is checked here too

    @property
    def network(self) -> Network:
        return self.translation.network

    @property
    def variable(self) -> str:
        return WIDTH_SCALE

    @cached_property
    def laws(self) -> dict[str, UpdateLaw]:
        """The update law of each weight."""
        return dict(
            zip((layer.weight for layer in self.network.layers), self.training.laws_of(self.network), strict=True)
        )

    @cached_property
    def exponents(self) -> dict[str, LayerExponents[Exponent]]:
        """Those of each weight without multipliers, which a module has not."""
        given = self.parameterization.in_gauge("unit-multiplier", tuple(self.laws.values()))
        return dict(zip((layer.weight for layer in self.network.layers), given.layers, strict=True))

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where the value of each node that theory speaks of is made, by its name.

        They are found in the precision in which the module was traced.
        """
        width = self.traced.widths[-1]
        if (recording := self.recorded.get(width)) is None:
            *_, recording = forward_passes(built(self.build, width), self.batch_as_given(width), self.loss, width)
        observed = {name for one in self.network.representations for name in (one.name, one.read_at)}
        values = {name: value for name, value in self.translation.values.items() if name in observed}
        return places(self.traced, values, recording.tape)

    @cached_property
    def trails(self) -> Trails:
        """What passes know of each other, by width."""
        return {width: followed(recording, self.places) for width, recording in self.recorded.items()}

    @property
    def given_widths(self) -> tuple[int, ...]:
        """The widths that there are modules of, if `build` says."""
        return tuple(sorted(self.build)) if isinstance(self.build, Mapping) else ()

    def check_width(self, width: int) -> None:
        """Raises ArgumentError if there is no module of this width."""
        if (given := self.given_widths) and width not in given:
            raise ArgumentError("widths", f"expected widths among those of build, but got {width}")
        if width not in self.traced.widths:
            check_buildable(self.build, width)

    @cached_property
    def growing(self) -> dict[str, tuple[bool, ...]]:
        """By the name of a node that is a value of the module: which sizes of that grow with the width."""
        tape, values = self.traced.tape, self.translation.values
        return {
            node.name: tuple(size.grows for size in tape.values[values[node.name]].shape)
            for node in self.network.flat
            if node.name in values
        }

    def module(self, width: int, seed: int) -> nn.Module:
        """The module in double precision, as `build` draws it from a seed."""
        with double_precision():
            return self.module_as_given(width, seed).double()

    def module_as_given(self, width: int, seed: int) -> nn.Module:
        """The module as `build` draws it from a seed; a copy where it gives the same one again."""
        return built(self.renewed, width, seed)

    @cached_property
    def renewed(self) -> Build:
        """What makes a new module each time."""
        return renewed(self.build, self.traced.widths[0])

    def batch(self, width: int) -> Batch:
        """The data in double precision."""
        return in_double_precision(self.batch_as_given(width))

    def batch_as_given(self, width: int) -> Batch:
        """The data as they are."""
        with seeded():
            return batch_of(self.data, width)

    def weights(self) -> Iterator[tuple[Weighted, tuple[str, ...]]]:
        """The first node of each weight, with the names of the module's parameters that it stands for, one a copy."""
        for node in self.network.layers:
            yield node, self.translation.weights[node.weight]


def forward_passes(module: nn.Module, batch: Batch, loss: Loss, width: int, calls: int = 2) -> Iterator[Recording]:
    """So many forward passes, recorded, with the same random numbers. Some modules prepare something in the first."""
    with user_code("build", f"its forward pass or loss fails at width {width}"):
        for _ in range(calls):
            with seeded():
                yield record(module, batch.copy(), loss, width=width, replayed=False)
