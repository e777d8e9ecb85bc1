"""Results of the literature, as goldens. The packages hold none of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scalings.exponents import Exponent
from scalings.parameterizations import Parameterization

HALF = Fraction(1, 2)

# Karkada, arXiv 2404.19719, for SGD: gauge -> the (multiplier, init, lr) of input, hidden and output layers.
TUTORIAL_FAMILY = {
    "unit-multiplier": (("0", "0", "2*r"), ("0", "-1/2", "2*r - 1"), ("0", "-r - 1/2", "-1")),
    "global-lr": (("r", "-r", "0"), ("r - 1/2", "-r", "0"), ("-1/2", "-r", "0")),
    "unit-init": (("0", "0", "2*r"), ("-1/2", "0", "2*r"), ("-r - 1/2", "0", "2*r")),
}


@dataclass(frozen=True)
class TensorProgramsIV:
    """What Theorems 3.3 to 3.8 of Yang and Hu, arXiv 2011.14522, say of a parameterization under SGD."""

    stable: bool
    nontrivial: bool
    feature_learning: bool
    richness: Exponent | None
    """The tutorial's r, 1/2 minus Tensor Programs'; None unless nontrivial."""


def tensor_programs_iv(parameterization: Parameterization) -> TensorProgramsIV:
    """The theorems, in the paper's signs: W = n^-a w, w ~ N(0, n^-2b), learning rate n^-c."""
    a = [-layer.multiplier for layer in parameterization.layers]
    b = [-layer.init for layer in parameterization.layers]
    c = [-layer.lr for layer in parameterization.layers]
    init = [x + y for x, y in zip(a, b, strict=True)]
    update = [2 * x + y for x, y in zip(a, c, strict=True)]
    hidden = min(update[layer] - (layer > 0) for layer in range(len(a) - 1))
    r = min(init[-1], update[-1]) + hidden
    stable = (
        init[0] == 0
        and all(order == HALF for order in init[1:-1])
        and init[-1] >= HALF
        and r >= 0
        and update[-1] >= 1
        and init[-1] + r >= 1
    )
    nontrivial = stable and (update[-1] == 1 or init[-1] + r == 1)
    return TensorProgramsIV(stable, nontrivial, nontrivial and r == 0, HALF - r if nontrivial else None)


# Yang and Hu, arXiv 2011.14522, Table 1: which parameterizations learn features. The standard one is trained at
# the largest stable learning rate, 1/n, and needs two hidden layers to be stable no further.
TABLE_1 = {"ntp": "lazy", "ntp-lr": "lazy", "mup": "rich", "mup-lr": "rich", "mfp": "rich", "standard": "unstable"}
