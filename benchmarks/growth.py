"""Growth: time and memory of one measured run against the width, for both engines, each run in a process of its own.

The run: three layers, batch 8, 4 updates, float64, every observable but the tangent kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

WIDTHS = {"dense": tuple(2**k for k in range(8, 14)), "matrix-free": tuple(2**k for k in range(8, 21, 2))}
LARGE = 2**14
"""From here on blocks do not fit the cache, and the exponent of the cost is fitted."""
_RUN = """
import json, resource, sys, time
from empirical.data.examples import load
from empirical.engines.mlp.perceptron import perceptron
from empirical.engines.mlp.training import train
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.results.trials import Training
width, engine = int(sys.argv[1]), sys.argv[2]
training = Training(batch=8, steps=4, kernel=False)
at, data = perceptron(mlp(3), preset("mup-lr", 3), training, width), load("digits", 8)
train(perceptron(mlp(3), preset("mup-lr", 3), training, 64), training, data, [0], "cpu", engine)
before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
train(at, training, data, [0], "cpu", engine)
took, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([took, max(after - before, 0) / 2**20]))
"""


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds, and GiB above what the process had before."""

    engine: str
    width: int
    seconds: float
    gibibytes: float


def growth(engine: str, widths: Sequence[int], rounds: int = 2) -> Iterator[Cost]:
    """The best of some rounds at each width."""
    for width in widths:
        command = [sys.executable, "-c", _RUN, str(width), engine]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(rounds)
        ]
        yield Cost(engine, width, min(run[0] for run in runs), min(run[1] for run in runs))


def exponent(costs: Sequence[Cost], least: int) -> float | None:
    """Of the seconds in the width, by least squares over widths from `least` on; None if there are fewer than two."""
    large = [cost for cost in costs if cost.width >= least]
    if len(large) < 2:
        return None
    widths, seconds = np.log([cost.width for cost in large]), np.log([cost.seconds for cost in large])
    return float(np.polyfit(widths, seconds, 1)[0])
