"""Plans: at which widths to train, and from how many seeds at each.

The variance over seeds of a log observable falls like 1/n (it is an average over n units), and a run's time grows
like n^2 where matrices are drawn in full, and like n elsewhere. For the variance of the 1/n-corrected slope in a given
time,

    seeds(n) = seeds * min(32, n_max / n)

is within 3 % of the best of all powers of n_max / n and caps that were tried. It makes the standard errors of all
widths about equal.

**Default widths.** Where time grows like n^2, 64 to 2048 in half octaves with 12 seeds at the largest: half-widths of
0.01 to 0.02. Where a law of low rank lets matrices be revealed instead, every octave costs the same, and a longer
lever tells more than more seeds: 128 to 65536 in octaves with one seed at the largest took as long and gave hidden
exponents to +-0.004, at r = 0 as at r = 1/2. With more directions (batch times steps) the largest widths are left out,
so that the work stays the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from empirical.engines.mlp.drawing import directions
from empirical.weights.low_rank_laws import low_rank
from scalings.errors import ArgumentError
from scalings.results.trials import Training

LEAST_WIDTHS = 3
"""That a slope with an interval can be fitted to."""
DEFAULT_WIDTHS = (64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048)
DEFAULT_SEEDS = 12
LONG_WIDTHS = tuple(2**k for k in range(7, 17))
_LONG_SEEDS = 1
_LEAST_LONG = 8
"""With fewer octaves than a verdict needs widths, the half octaves are better."""
_CAP = 32
_WORK = 2**16 * 480
"""Operations a unit, as `costs` counts them, that the largest width may take: those of the default training."""


def allocate(widths: Sequence[int], seeds: int, cap: int = _CAP) -> dict[int, int]:
    """The number of seeds at each width, `seeds` at the largest; see the module's docstring for the rule."""
    return {width: round(seeds * min(cap, widths[-1] / width)) for width in widths}


def default_widths(training: Training, engine: str = "auto") -> tuple[int, ...]:
    """The widths of a sweep that does not name its own."""
    if engine == "dense" or training.spectra or low_rank(training.optimizer) is None:
        return DEFAULT_WIDTHS
    operations = 300 + 2 * sum(directions(training)) / 2
    affordable = tuple(width for width in LONG_WIDTHS if width * operations <= _WORK)
    return affordable if len(affordable) >= _LEAST_LONG else DEFAULT_WIDTHS


def default_seeds(widths: Sequence[int]) -> int:
    """The seeds at the largest of these widths."""
    return _LONG_SEEDS if tuple(widths) == LONG_WIDTHS[: len(widths)] else DEFAULT_SEEDS


def check_widths(widths: Sequence[int]) -> None:
    """Raises ArgumentError for widths that no slope can be fitted to."""
    increasing = all(a < b for a, b in itertools.pairwise(widths))
    if len(widths) < LEAST_WIDTHS or not increasing or widths[0] < 2:
        listed = ", ".join(map(str, widths))
        raise ArgumentError(
            "widths", f"expected at least {LEAST_WIDTHS} widths, strictly increasing from 2, but got {listed}"
        )
