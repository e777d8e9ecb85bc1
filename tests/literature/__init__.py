"""Results of the literature, as goldens. The packages hold none of them."""

from __future__ import annotations

from tests.literature import depth, optimizers, perceptrons
from tests.literature.claims import Result

RESULTS: tuple[Result, ...] = (*perceptrons.RESULTS, *optimizers.RESULTS, *depth.RESULTS)
