"""`trace`: any torch module as a network on orders of magnitude, recorded at three or more widths.

>>> import torch
>>> from scalings import trace
>>> def build(width):
...     return torch.nn.Sequential(torch.nn.Linear(10, width), torch.nn.ReLU(), torch.nn.Linear(width, 1, bias=False))
>>> print(trace(build, torch.ones(4, 10)))
parameter  shape   role    read by
0.weight   n x 10  input   linear
0.bias     n       vector  linear
2.weight   1 x n   output  linear
<BLANKLINE>
Recorded at widths 64, 128, 256: 7 operations of 6 functions.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from empirical.tracing.batches import Batch, Loss, batch_of, default_loss
from empirical.tracing.far_widths import far_shapes, without_memory
from empirical.tracing.magnitudes import Magnitudes, over_seeds
from empirical.tracing.recorder import Recording, record
from empirical.tracing.replay import agrees, first_not_finite, replay
from empirical.tracing.state import kept, seeded, shifted
from empirical.tracing.user_code import user_code
from scalings.errors import ArgumentError, wrong_type
from scalings.tapes.alignment import align
from scalings.tapes.network import TracedNetwork
from scalings.tapes.tape import Operation, Tape

Build = Callable[[int], nn.Module] | Mapping[int, Callable[[], nn.Module]]
WIDTHS = (64, 128, 256)
_SEEDS = (8, 64)
"""From so many, and then from more, it is measured what functions without a rule give, until the power is clear."""
_SHIFT = 0.02
"""The size of the change of all parameters under which the tape is tested."""


@dataclass(frozen=True)
class Made:
    """A module that was traced, as it was made, and what was recorded of it."""

    module: nn.Module
    recording: Recording


def trace(
    build: Build,
    data: object,
    widths: Sequence[int] | None = None,
    loss: Loss | None = None,
    *,
    made: dict[int, Made] | None = None,
) -> TracedNetwork:
    """What a torch module does, in powers of the width.

    - `build`: a function of the width that makes the module, or a dict that has one without arguments for each width.
    - `data`: what the module is given: a tensor, a tuple of arguments, a dict of keyword arguments, or a function of
      the width that gives one of these.
    - `widths`: three or more, increasing; default 64, 128, 256, or those of `build`.
    - `loss`: a function of the module's output; default the loss that the output brings (`.loss`), or the mean squared
      error of its first tensor against ones.
    - `made`: into which modules and recordings go, by width.

    The module runs in its own mode, and is left as it was. Raises ArgumentError if it fails, changes between calls or
    does what cannot be recorded, and for a size or a number that is no power of the width.
    """
    chosen = _widths(build, widths)
    loss = default_loss if loss is None else loss
    if not callable(loss):
        raise wrong_type("loss", "a function of the module's output", loss)

    calls, tapes = 1, list[Tape[int]]()
    for width in chosen:
        module = built(build, width)
        if tapes:
            *_, recording = _recorded(module, data, loss, width, calls)
        else:
            recording, prepared = _tested(module, data, loss, width)
            calls += prepared
        tapes.append(recording.tape)
        if made is not None:
            made[width] = Made(module, recording)
    far = [] if isinstance(build, Mapping) else far_shapes(build, chosen[-1], tapes[0].parameters)
    network = align(tapes, far)
    for seeds in _SEEDS:
        if not _wants_seeds(network):
            break
        several = (_of_other_seeds(build, data, loss, tape, seeds, calls) for tape in tapes)
        network = align([over_seeds(tape, others) for tape, others in zip(tapes, several, strict=True)], far)
    return network


def _wants_seeds(network: TracedNetwork) -> bool:
    try:
        return network.translation.wants_seeds
    except ArgumentError:  # whoever asks for orders is told
        return False


def _of_other_seeds(build: Build, data: object, loss: Loss, tape: Tape[int], seeds: int, calls: int) -> list[Tape[int]]:
    """Recordings of the same operations with other random numbers."""
    width = tape.width
    others = (_recorded(built(build, width, seed), data, loss, width, calls)[-1].tape for seed in range(1, seeds))
    return [other for other in others if not _difference(tape, other) and len(other.values) == len(tape.values)]


def _widths(build: Build, widths: Sequence[int] | None) -> tuple[int, ...]:
    if not isinstance(build, Mapping) and not callable(build):
        raise wrong_type("build", "a function of the width, or a dict of widths", build)
    chosen = tuple(widths or (build if isinstance(build, Mapping) else WIDTHS))
    whole = all(isinstance(width, int) and not isinstance(width, bool) and width > 0 for width in chosen)
    if not whole or len(chosen) < 3 or list(chosen) != sorted(set(chosen)):
        raise ArgumentError("widths", f"expected three or more whole numbers that increase, but got {chosen!r:.100}")
    if isinstance(build, Mapping) and (missing := [width for width in chosen if width not in build]):
        raise ArgumentError("widths", f"expected widths among those of build, but got {missing[0]}")
    return chosen


def built(build: Build, width: int, seed: int = 0) -> nn.Module:
    """The module at a width, with random numbers from a seed. Raises ArgumentError if there is none."""
    with user_code("build", f"it fails at width {width}"), seeded(seed):
        module = build[width]() if isinstance(build, Mapping) else build(width)
    if not isinstance(module, nn.Module):
        raise ArgumentError("build", f"expected a torch module at width {width}, but got a {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)  # what torch.compile was given, whose parameters have their own names
    if lazy := [name for name, one in module.named_parameters() if nn.parameter.is_lazy(one)]:
        raise ArgumentError("build", f"{lazy[0]!r:.100} has no shape before the first call: let build make that call")
    if empty := [name for name, one in module.named_parameters() if one.is_meta]:
        raise ArgumentError("build", f"{empty[0]!r:.100} is on the meta device and has no numbers: let build draw them")
    return module


def renewed(build: Build, width: int) -> Build:
    """`build` itself if it makes a new module each time, as is found out at this width; if it keeps one, and gives it
    again, what gives copies of that, which stays as it is."""
    return build if built(build, width) is not built(build, width) else then(build, copy.deepcopy)


def then(build: Build, change: Callable[[nn.Module], nn.Module]) -> Build:
    """The same, but that each module is what `change` makes of it."""

    def made(make: Any, *width: int) -> nn.Module:
        return change(make(*width))

    if isinstance(build, Mapping):
        return {width: partial(made, make) for width, make in build.items()}
    return partial(made, build)


def check_buildable(build: Build, width: int) -> None:
    """Raises ArgumentError if there is no module of this width. Its numbers are drawn only if it fails without."""
    try:
        without_memory((lambda n: build[n]()) if isinstance(build, Mapping) else build, width)
    except Exception:  # of the user's own code, perhaps about a device that it never asked for
        built(build, width)


def _recorded(
    module: nn.Module, data: object, loss: Loss, width: int, calls: int, *, replayed: bool = False
) -> list[Recording]:
    """Recordings of one call after another, to be replayed or not."""
    with seeded():
        batch = batch_of(data, width)
    with kept(module):
        return [_run(module, batch, loss, width, replayed=replayed) for _ in range(calls)]


def _tested(module: nn.Module, data: object, loss: Loss, width: int) -> tuple[Recording, bool]:
    """A recording that is complete and the same at the next call; and whether the first call was another, since it
    prepared something, such as a cache.

    Where the next call does the same with other parameters, both are seen at once.
    """
    with seeded():
        batch = batch_of(data, width)
    parameters = _others(module)
    with kept(module):
        first = _run(module, batch, loss, width, replayed=True)
        with shifted(module, parameters):
            other = _run(module, batch, loss, width, replayed=False)
    if not _difference(first.tape, other.tape) and agrees(_replayed(first, parameters), other.loss):
        return first, False
    first, second = _recorded(module, data, loss, width, 2, replayed=True)
    prepared = bool(_difference(first.tape, second.tape))
    if prepared:
        _, first, second = _recorded(module, data, loss, width, 3, replayed=True)
    if difference := _difference(first.tape, second.tape):
        raise ArgumentError("build", f"the module changes between calls: {difference}, at width {width}")
    _check_complete(module, data, loss, first, 2 if prepared else 1)
    return first, prepared


def _run(module: nn.Module, batch: Batch, loss: Loss, width: int, *, replayed: bool) -> Recording:
    with user_code("build", f"its forward pass or loss fails at width {width}"), seeded():
        magnitudes = Magnitudes()
        recording = record(module, batch.copy(), loss, width=width, watch=magnitudes, replayed=replayed)
        recording = replace(recording, tape=magnitudes.of(recording.tape))
    if not bool(recording.loss.isfinite()):
        if not replayed:
            return _run(module, batch, loss, width, replayed=True)
        first = first_not_finite(recording)
        after = f", first after {first.function} in {first.path or 'the module'}" if first else ""
        raise ArgumentError("build", f"expected a finite loss, but got {float(recording.loss)} at width {width}{after}")
    return recording


def _difference(one: Tape[int], other: Tape[int]) -> str:
    """Where two tapes at the same width part; empty if they do not."""
    for before, after in zip(one.operations, other.operations, strict=False):
        if _shown(before) != _shown(after):
            changed = after.function if after.function != before.function else "the same with other arguments"
            return f"{before.function} in {before.path or 'the module'}, and then {changed}"
    if len(one.operations) != len(other.operations):
        return f"{len(one.operations)} operations, and then {len(other.operations)}"
    return ""


def _shown(operation: Operation) -> tuple[object, ...]:
    """An operation in a form in which what is not a number is the same as itself."""
    return operation.function, operation.path, repr(operation.arguments), repr(operation.keywords)


def _check_complete(module: nn.Module, data: object, loss: Loss, recording: Recording, calls: int) -> None:
    """Raises ArgumentError if the tape, run again with other parameters, gives something else than the module does in
    as many calls.

    Where other parameters make the module take another way, there is nothing to compare.
    """
    width, parameters = recording.tape.width, _others(module)
    with shifted(module, parameters):
        other = _recorded(module, data, loss, width, calls)[-1]
    if _difference(recording.tape, other.tape):
        return
    again = _replayed(recording, parameters)
    if not agrees(again, other.loss):
        losses = f"a loss of {float(again):.6g} instead of {float(other.loss):.6g} at width {width}"
        raise ArgumentError(
            "build", f"it does what the recorder cannot see: with other parameters, the tape has {losses}"
        )


def _replayed(recording: Recording, parameters: Mapping[str, Tensor]) -> Tensor:
    """The loss that the tape gives with other parameters."""
    with seeded():
        *_, loss = replay(recording, parameters)
    return loss


def _others(module: nn.Module) -> dict[str, Tensor]:
    """Other parameters, by name."""
    with seeded():
        return {name: _shifted(parameter.detach()) for name, parameter in module.named_parameters()}


def _shifted(parameter: Tensor) -> Tensor:
    return parameter + _SHIFT * torch.randn_like(parameter) if parameter.is_floating_point() else parameter
