"""Results of the literature, as goldens. The packages hold none of them.

`python -m tests.literature` lists them as docs/reference/literature.md does.
"""

from __future__ import annotations

from tests.literature import adapters, depth, optimizers, perceptrons, transformers
from tests.literature.claims import Result

RESULTS: tuple[Result, ...] = (
    *perceptrons.RESULTS,
    *optimizers.RESULTS,
    *depth.RESULTS,
    *transformers.RESULTS,
    *adapters.RESULTS,
)
