"""The engines on a device that is not there: no tensor is on another one, and each mix-up that is planted is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from empirical.engines.engine import Engine, RateEngine, TrainingProblem
from empirical.engines.graph import engine as graph_engine
from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp.engine import DenseEngine, RevealedEngine
from empirical.weights.updates import MEASURABLE, is_low_rank
from scalings.results.trials import Training
from tests.conformance.engines import PROBLEMS, with_training
from tests.empirical.engines.no_device import DEVICE, affirmative, no_device, undecided
