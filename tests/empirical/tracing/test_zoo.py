"""Twenty-seven models are recorded in full and aligned; those that need more than torch are slow tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import nn

from empirical.tracing.batches import Batch, batch_of, default_loss
from empirical.tracing.modules import eager
from empirical.tracing.recorder import Recording, record
from empirical.tracing.replay import agrees, replay
from empirical.tracing.state import kept, seeded, shifted
from empirical.tracing.trace import trace
from scalings.tapes.alignment import align
from scalings.tapes.arguments import Argument, Power, is_number, mapped, parts
from scalings.tapes.network import TracedNetwork
from tests.empirical.tracing.libraries import needed
from tests.empirical.tracing.zoo import ZOO, Model
from tests.empirical.tracing.zoo_of_libraries import LIBRARIES

SLOW = [pytest.param(name, marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore")]) for name in LIBRARIES]
COMPILED = pytest.param("compiled", marks=pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"))
EVERY = pytest.mark.parametrize("name", [*(COMPILED if name == "compiled" else name for name in ZOO), *SLOW])
UNFORETOLD = {"control flow", "experts", "Mixtral", "state space", "Mamba"}
BRANCHING = {"control flow", "experts", "Mixtral"}
"""What they do depends on their data, so that it may be something else at another width."""


def model_of(name: str) -> Model:
    if name in ZOO:
        return ZOO[name]
    library, make = LIBRARIES[name]
    needed(library)
    return make()


def built(model: Model, width: int) -> nn.Module:
    with seeded():
        return model.build(width)


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """By parameter; one that is compiled has the name that it has in the module that was compiled."""
    return {key.removeprefix("_orig_mod."): tuple(one.shape) for key, one in module.named_parameters()}


def recorded(module: nn.Module, model: Model, width: int) -> Recording:
    with kept(module), seeded():
        return record(module, batch(model, width), model.loss or default_loss, width=width)


def batch(model: Model, width: int) -> Batch:
    return batch_of(model.data, width).copy()


def plain_loss(module: nn.Module, model: Model, width: int) -> torch.Tensor:
    """The loss without a recorder."""
    with kept(module), seeded(), eager():
        return (model.loss or default_loss)(batch(model, width).run(module))


@EVERY
def test_a_model_is_recorded_in_full(name: str) -> None:
    """The loss is the model's own, the calls alone give it again bit for bit, and under other parameters they give what
    the model then does; the parameters that the tape connects with the loss are those that have a gradient."""
    model = model_of(name)
    width = model.widths[0]
    module = built(model, width)
    recording = recorded(module, model, width)
    loss = plain_loss(module, model, width)
    assert agrees(recording.loss, loss.detach())
    with seeded():
        *_, again = replay(recording)
    assert torch.equal(again, recording.loss)
    trainable = {key: parameter for key, parameter in module.named_parameters() if parameter.requires_grad}
    gradients = torch.autograd.grad(loss, list(trainable.values()), allow_unused=True)
    without = [key for key, gradient in zip(trainable, gradients, strict=True) if gradient is None]
    assert without == list(recording.tape.unreached())
    assert recording.tape.unreached() == model.unreached
    if name not in BRANCHING:
        check_other_parameters(module, model, width, recording)


def check_other_parameters(module: nn.Module, model: Model, width: int, recording: Recording) -> None:
    with seeded(1):
        others = {key: one.detach() + 0.1 * torch.randn_like(one) for key, one in module.named_parameters()}
    with shifted(module, others):
        loss = plain_loss(module, model, width)
    with seeded():
        *_, again = replay(recording, others)
    assert agrees(again, loss.detach())
    assert not agrees(again, recording.loss)


@EVERY
def test_a_model_is_aligned(name: str) -> None:
    """The orders that three widths gave say what every size is at a fourth one."""
    model = model_of(name)
    network = trace(model.build, model.data, model.widths, model.loss)
    assert network.unreached == model.unreached
    width = 2 * model.widths[-1]
    shapes, before = shapes_of(built(model, width)), shapes_of(built(model, model.widths[-1]))
    seen = {}
    for parameter in network.tape.parameters:
        for key in network.names_of(parameter):
            seen[key] = True
            for size, small, large in zip(parameter.shape, before[key], shapes[key], strict=True):
                assert size.order == Fraction(large != small), (key, parameter.shape)
                assert size.order or size.size == large
    assert seen.keys() == shapes.keys()
    assert TracedNetwork.from_json(network.to_json()) == network


@EVERY
def test_sizes_and_numbers_are_what_was_foretold(name: str) -> None:
    model = model_of(name)
    if name in UNFORETOLD:
        pytest.skip("a size of it is data, or a power and a constant")
    tapes = [recorded(built(model, width), model, width).tape for width in (*model.widths, 2 * model.widths[-1])]
    *tapes, other = (replace(tape, lists=()) for tape in tapes)  # without lists nothing is folded
    aligned = align(tapes).tape
    foretold = [tuple(size.size and size.at(other.width) for size in one.shape) for one in aligned.values]
    assert foretold == [value.shape for value in other.values]

    def at(part: object) -> object:
        return part.factor * other.width ** float(part.order) if isinstance(part, Power) else part

    for one, found in zip(aligned.operations, other.operations, strict=True):
        numbers = [list(leaves(mapped(each.arguments, at))) for each in (one, found)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-6, nan_ok=True)


def leaves(argument: Argument) -> Iterator[float]:
    """The numbers in an argument."""
    if is_number(argument):
        yield float(argument)
    for part in parts(argument):
        yield from leaves(part)


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("nanoGPT", {"transformer.h": ("0", "1", "2")}),
        ("DiT", {"blocks": ("0", "1")}),
        ("fast attention", {"encoder.layers": ("0", "1")}),
        ("U-Net", {}),
        ("experts", {}),
    ],
)
def test_blocks_that_repeat_are_one(name: str, blocks: dict[str, tuple[str, ...]]) -> None:
    model = model_of(name)
    network = trace(model.build, model.data, model.widths, model.loss)
    assert {repeat.container: repeat.copies for repeat in network.repeats} == blocks


def test_the_zoo_is_all_there() -> None:
    assert len(ZOO) + len(LIBRARIES) == 27
