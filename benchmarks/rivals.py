"""Rivals: the coordinate check of microsoft/mup (PyPI `mup`) and this package, on the same work.

The work: a 784-n-n-10 relu network in muP, widths 64 to 4096, 5 seeds, 4 updates on the same 64 MNIST images, in
float32. mup's `get_coord_data` records the mean absolute value of each layer's output before each update; this package
records |z|, |dz| and the loss before the first update and after each. Rounds alternate between the two, and the best of
each counts.

`checks` has `check_model` beside mup's coordinate check on two GPTs, at the same widths, seeds and numbers of updates,
by the same optimizers: medians of rounds in turn, in one process, where both find what is imported and warm. mup sees
values before each update, and nothing of what the last one does; `check_model` sees them as training starts, after the
first update and after the last, with changes and gradients, reads how the model is set, and judges it. With one update
less it ends at the last state that mup sees.

mup is installed without its dependencies (`pip install --no-deps mup`, and seaborn, tqdm and pyyaml), since its
dependency torchvision would bring another torch.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from empirical.data.examples import load
from empirical.sweeps.measure import measure
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import mlp
from scalings.results.trials import Training
from scalings.studies.model_checks import check_model

WIDTHS = (64, 128, 256, 512, 1024, 2048, 4096)
SEEDS, STEPS, BATCH, INPUTS, OUTPUTS = 5, 4, 64, 784, 10
GPT_WIDTHS, GPT_SEEDS, GPT_STEPS = (64, 96, 128, 192, 256, 320, 384, 512), 3, 4
QUICK_WIDTHS = (64, 80, 96, 128, 160, 192, 224, 256)


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


@dataclass(frozen=True)
class CheckRace:
    """Seconds of the median round of `check_model` and of mup's coordinate check, on a CPU and on the clock."""

    what: str
    ours: float
    mups: float
    ours_on_the_clock: float
    mups_on_the_clock: float


@dataclass(frozen=True)
class Work:
    """A model with its optimizer and batch, and how often it is trained."""

    what: str
    build: Callable[[int], nn.Module]
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    tokens: Tensor
    targets: Tensor
    widths: tuple[int, ...]
    seeds: int
    steps: int
    same_states: bool = False
    """Whether `check_model` does one update less, so that both end at the same state."""

    def loss(self, scores: Tensor) -> Tensor:
        return nn.functional.cross_entropy(scores.flatten(0, 1), self.targets)

    def check(self) -> None:
        check_model(
            self.build,
            self.optimizer,
            self.tokens,
            self.loss,
            widths=self.widths,
            seeds=self.seeds,
            steps=self.steps - self.same_states,
            quick=self.seeds == 1,
        )

    def coordinates(self) -> None:
        from mup.coord_check import _get_coord_data

        _get_coord_data(
            {width: partial(self.build, width) for width in self.widths},
            [(self.tokens, self.targets)],
            self.optimizer,
            nsteps=self.steps,
            nseeds=self.seeds,
            flatten_output=True,
            cuda=False,
            show_progress=False,
        )


def works() -> tuple[Work, ...]:
    """The GPT of the tests, set as derived, and that of README, which is not; in full and quick."""
    from tests.agreement.test_models import built, set_as_derived
    from tests.empirical.tracing.zoo import IDS

    readme = _of_readme()
    tokens: Tensor = readme["tokens"]
    tests = Work("the tests' GPT", built, set_as_derived, IDS, IDS.flatten(), GPT_WIDTHS, GPT_SEEDS, GPT_STEPS)
    after = tokens.roll(-1, 1).flatten()
    own = Work("README's GPT", readme["GPT"], _adamw, tokens, after, GPT_WIDTHS, GPT_SEEDS, GPT_STEPS)
    return tuple(
        one
        for full in (tests, own)
        for one in (
            full,
            replace(full, what=f"{full.what}, to the same state", same_states=True),
            replace(full, what=f"{full.what}, quick", widths=QUICK_WIDTHS, seeds=1, steps=2),
        )
    )


def checks(chosen: Sequence[Work] | None = None, rounds: int = 5) -> Iterator[CheckRace]:
    """The races, rounds in turn; what is imported on the way was so before."""
    for work in works() if chosen is None else chosen:
        work.check()
        work.coordinates()
        found = [(_seconds(work.check), _seconds(work.coordinates)) for _ in range(rounds)]
        ours, mups = ([median(each) for each in zip(*column, strict=True)] for column in zip(*found, strict=True))
        yield CheckRace(work.what, ours[0], mups[0], ours[1], mups[1])


def _seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Of a CPU, and on the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - clock


def _of_readme() -> dict[str, Any]:
    """What README's tinygpt.py defines."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r'```python title="tinygpt.py"\n(.*?)```', text, re.DOTALL)
    names: dict[str, Any] = {"__name__": "tinygpt"}
    exec(code, names)
    return names


def _adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


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
