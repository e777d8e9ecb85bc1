"""Shapes of parameters at widths that no memory could hold."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from empirical.tracing.far_widths import far_shapes
from scalings.tapes.tape import Parameter
from tests.empirical.tracing.zoo import ZOO

WEIGHT = (Parameter(("weight",), (64, 6)), Parameter(("bias",), (64,)))


def test_shapes_without_memory() -> None:
    found = far_shapes(lambda width: nn.Linear(6, width + 32), 256, WEIGHT)
    assert found == [(width, {"weight": (width + 32, 6), "bias": (width + 32,)}) for width in (2**20, 2**22)]


@pytest.mark.parametrize("name", ["multilayer perceptron", "nanoGPT", "DiT", "U-Net", "experts", "weight norm"])
def test_whole_models(name: str) -> None:
    """The largest of them would have 10^15 weights."""
    build = ZOO[name].build
    parameters = [Parameter((key,), tuple(one.shape)) for key, one in build(64).named_parameters()]
    (_, shapes), _ = far_shapes(build, 64, parameters)
    assert shapes.keys() == {one.names[0] for one in parameters}


def fixed(width: int) -> nn.Module:
    """Its weight is on a device of its own choice."""
    return nn.Linear(6, width, device="cpu")


def looking(width: int) -> nn.Module:
    """It looks at its weights."""
    layer = nn.Linear(6, width)
    layer.weight.data /= layer.weight.abs().max().item()
    return layer


def other(width: int) -> nn.Module:
    """It has other parameters when it is wide."""
    return nn.Linear(6, width, bias=width < 1000)


@pytest.mark.parametrize("build", [fixed, looking, other])
def test_what_cannot_be_built_there_is_left_to_the_recorded_widths(build: type[nn.Module]) -> None:
    assert far_shapes(build, 64, WEIGHT) == []


def test_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    far_shapes(lambda width: nn.Linear(6, width), 64, WEIGHT)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_nothing_slow_is_loaded() -> None:
    """Initializing on the meta device by itself would load torch's compiler, and sympy, for seconds."""
    code = (
        "import sys; from empirical.tracing.trace import trace; from tests.empirical.tracing.zoo import ZOO;"
        "model = ZOO['nanoGPT']; trace(model.build, model.data, model.widths, model.loss);"
        "sys.exit('sympy' in sys.modules or 'torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
