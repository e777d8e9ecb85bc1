"""Rivals: the coordinate check of microsoft/mup (PyPI `mup`) and this package, on the same work.

The work: a 784-n-n-10 relu network in muP, widths 64 to 4096, 5 seeds, 4 updates on the same 64 MNIST images, in
float32. mup's `get_coord_data` records the mean absolute value of each layer's output before each update; this package
records |z|, |dz| and the loss before the first update and after each. Rounds alternate between the two, and the best of
each counts.

A check of a model says more than a coordinate check, and costs more: `checks` has the seconds of CPU of `check_model`
and of mup's statistics on the GPT of the tests, at the same widths, seeds and steps, by the same optimizer.

mup is installed without its dependencies (`pip install --no-deps mup`, and seaborn, tqdm and pyyaml), since its
dependency torchvision would bring another torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from empirical.data.examples import load
from empirical.sweeps.measure import measure
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.results.trials import Training

WIDTHS = (64, 128, 256, 512, 1024, 2048, 4096)
SEEDS, STEPS, BATCH, INPUTS, OUTPUTS = 5, 4, 64, 784, 10
GPT_WIDTHS, GPT_SEEDS, GPT_STEPS = (64, 96, 128, 192, 256, 320, 384, 512), 3, 4


@dataclass(frozen=True)
class Race:
    """Seconds of the best round of each."""

    optimizer: str
    ours: float
    mups: float
    engine: str

    @property
    def times_faster(self) -> float:
        return self.mups / self.ours


def races(widths: Sequence[int] = WIDTHS, rounds: int = 3) -> Iterator[Race]:
    """SGD, where matrices need not be formed, and Adam, where they must be."""
    for optimizer in ("sgd", "adam"):
        ours, mups, engine = [], [], ""
        for _ in range(rounds):
            mups.append(_timed(partial(_mup, optimizer, widths))[0])
            took, engine = _timed(partial(_scalings, optimizer, widths))
            ours.append(took)
        yield Race(optimizer, min(ours), min(mups), engine)


def checks(widths: Sequence[int] = GPT_WIDTHS, rounds: int = 2) -> Race:
    """Of the best round of each."""
    from mup.coord_check import _get_coord_data

    from scalings.studies.model_checks import check_model
    from tests.agreement.test_models import built, cross_entropy, set_as_derived
    from tests.empirical.tracing.zoo import IDS

    def ours() -> None:
        check_model(built, set_as_derived, IDS, cross_entropy, widths=widths, seeds=GPT_SEEDS, steps=GPT_STEPS)

    def mups() -> None:
        _get_coord_data(
            {width: partial(built, width) for width in widths},
            [(IDS, IDS.flatten())],
            set_as_derived,
            nsteps=GPT_STEPS,
            nseeds=GPT_SEEDS,
            flatten_output=True,
            cuda=False,
            show_progress=False,
        )

    def seconds(work: Callable[[], None]) -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    ours()  # imports
    best = [min(seconds(work) for _ in range(rounds)) for work in (ours, mups)]
    return Race("GPT, Adam", best[0], best[1], "check_model")


def _timed(work: Callable[[], str]) -> tuple[float, str]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def _scalings(optimizer: str, widths: Sequence[int]) -> str:
    lr = "1,0,-1" if optimizer == "sgd" else "0,-1,-1"
    mup = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr=lr, name="mup")
    training = Training.of(
        optimizer,
        data="mnist",
        batch=BATCH,
        steps=STEPS,
        centered=False,
        kernel=False,
        observing="coordinates",
    )
    network = mlp(3, inputs=INPUTS, outputs=OUTPUTS)
    return measure(network, mup, training, widths=widths, seeds=SEEDS, cap=1, device="cpu").engine


def _mup(optimizer: str, widths: Sequence[int]) -> str:
    import warnings

    from mup import MuReadout, get_shapes, set_base_shapes
    from mup.coord_check import get_coord_data

    class Perceptron(nn.Module):
        """As mup's README would write it."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.first = nn.Linear(INPUTS, width, bias=False)
            self.second = nn.Linear(width, width, bias=False)
            self.readout = MuReadout(width, OUTPUTS, bias=False)

        def forward(self, images: Tensor) -> Tensor:
            hidden = torch.relu(self.second(torch.relu(self.first(images))))
            output: Tensor = self.readout(hidden)
            return output

    base, delta = get_shapes(Perceptron(64)), get_shapes(Perceptron(128))

    def model(width: int) -> nn.Module:
        network = Perceptron(width)
        set_base_shapes(network, base, delta=delta)
        return network

    examples = load("mnist", BATCH)
    batch = (torch.tensor(examples.inputs, dtype=torch.float32), torch.tensor(examples.targets).argmax(dim=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        get_coord_data(
            {width: partial(model, width) for width in widths},
            [batch],
            optimizer=optimizer,
            lossfn="mse",
            nsteps=STEPS,
            nseeds=SEEDS,
            cuda=False,
            show_progress=False,
        )
    return "mup"
