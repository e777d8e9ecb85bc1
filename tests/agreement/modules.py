"""Training a torch module beside what is derived from its trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

import scalings
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.nodes import Weighted
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.measuring import measure
from scalings.tapes.network import TracedNetwork

WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
DATA = torch.randn(4, 10, generator=torch.Generator().manual_seed(0))
Build = Callable[[int], nn.Module]


@dataclass(frozen=True)
class TracedExperiment:
    """What was measured, of one module that was trained by one parameterization."""

    traced: TracedNetwork
    given: Parameterization
    training: Training
    fits: Mapping[Observable, Fit]

    def predicted(self, traced: TracedNetwork | None = None) -> dict[Observable, Exponent]:
        return dict(scalings.predict(traced or self.traced, self.given, self.training.law, self.training.steps))


def traced_experiment(
    build: Build,
    law: str,
    init: Callable[[Weighted], str],
    lr: Callable[[Weighted], str],
    *,
    steps: int = 1,
    seeds: int = 4,
) -> TracedExperiment:
    """Each weight has the init scale and the learning rate that these say; a frozen one is not trained."""
    traced = scalings.trace(build, DATA, widths=(32, 64, 128))
    layers = traced.translation.network.layers
    given = Parameterization.of(
        multiplier=["0"] * len(layers),
        init=[init(layer) for layer in layers],
        lr=["-oo" if layer.frozen else lr(layer) for layer in layers],
    )
    training = Training.of(law, steps=steps)
    found = measure(traced, given, training, build=build, data=DATA, widths=WIDTHS, seeds=seeds)
    fits = {observable: fit for observable, fit in found.fits.items() if isinstance(fit, Fit)}
    return TracedExperiment(traced, given, training, fits)
