"""Results of the literature, as goldens. The packages hold none of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.parameterizations import Parameterization

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


@dataclass(frozen=True)
class Column:
    """Exponents of one kind of layer; the learning rate by optimizer."""

    multiplier: Fraction
    init: Fraction
    lr: dict[str, Fraction]


def _column(multiplier: str, init: str, sgd: str, adam: str) -> Column:
    return Column(Fraction(multiplier), Fraction(init), {"sgd": Fraction(sgd), "adam": Fraction(adam)})


# Yang et al., arXiv 2203.03466: muP in Tables 3, 8 and 9, fans that grow replaced by n, init scales being the roots
# of the variances given there. "Input weights & all biases" is one column: an output bias has fan_out 1. Where the
# multiplier of Table 9 is shared by weights and biases, the bias has it too.
TENSOR_PROGRAMS_V = {
    "Table 3": {
        "input": _column("0", "0", "1", "0"),
        "hidden": _column("0", "-1/2", "0", "-1"),
        "output": _column("0", "-1", "-1", "-1"),
        "output bias": _column("0", "0", "0", "0"),
    },
    "Table 8": {
        "input": _column("0", "0", "1", "0"),
        "hidden": _column("0", "-1/2", "0", "-1"),
        "output": _column("-1", "0", "1", "0"),
        "output bias": _column("0", "0", "0", "0"),
    },
    "Table 9": {
        "input": _column("1/2", "-1/2", "0", "-1/2"),
        "hidden": _column("0", "-1/2", "0", "-1"),
        "output": _column("-1/2", "-1/2", "0", "-1/2"),
        "output bias": _column("0", "0", "0", "0"),
    },
}

# (optimizer, branch multiplier m^kappa, source) -> learning rate of a branch's layers, m^eta. Depth-muP: Yang, Yu, Zhu
# and Hayou, arXiv 2310.02244, Table 1. CompleteP: Dey et al., arXiv 2505.01618, Table 1 (alpha = 1; AdamW). Muon's
# update has a fixed norm, as Adam's has in depth: Large et al., arXiv 2405.14813 (1/m of each of m branches).
DEPTH_EXPONENTS = {
    ("sgd", Fraction(-1, 2), "Depth-muP"): Fraction(0),
    ("adam", Fraction(-1, 2), "Depth-muP"): Fraction(-1, 2),
    ("adam", Fraction(-1), "CompleteP"): Fraction(0),
    ("muon", Fraction(-1), "modular norm"): Fraction(0),
}

# Laws by layer: the first for hidden matrices, the second for embeddings and readouts -> learning rates (n^) of the
# embedding, of hidden matrices and of the readout at the rich end, g = 1. Hidden matrices and readouts start at
# n^(-1/2) and n^(-1). Adam's rates of embedding and readout: Yang et al., arXiv 2203.03466, Table 3. Muon beside it on
# hidden matrices: Jordan et al. 2024 (kellerjordan.github.io/posts/muon). Its steps are orthogonal, of spectral norm
# 1, and features are learned by steps of spectral norm sqrt(fan_out / fan_in), which is 1: Yang, Simon and Bernstein,
# arXiv 2310.17813, section 1. Where they are scaled to the root mean square of Adam's, by 0.2 sqrt(max(fans)) (Liu et
# al., arXiv 2502.16982, section 2.2), that is n^(-1/2) as large.
MUON_BESIDE_ADAM = {
    "muon+adam": ("0", "0", "-1"),
    "muon+adamw": ("0", "0", "-1"),
    "muon-jordan+adamw": ("0", "0", "-1"),
    "muon-spectral+adam": ("0", "0", "-1"),
    "muon-rms+coupled+adamw": ("0", "-1/2", "-1"),
}

# Adam's epsilon at the rich end, in the gauge in which muP is written there (the readout starts at n^0 behind a
# multiplier n^-1): powers of the width and of the depth for embedding, blocks and readout. Dey et al., arXiv
# 2505.01618, Table 1, with alpha = 1.
COMPLETE_P_EPSILON = {"width": ("-1", "-1", "-1"), "depth": ("0", "-1", "0")}


def second_order_rates(left: Fraction, right: Fraction) -> tuple[Fraction, ...]:
    """Learning rates (n^) of K-FAC B^(-left) G A^(-right) at the rich end, of input, hidden matrices and readout.

    Ishikawa and Karakida, arXiv 2312.12226, Proposition 4.1 and Table 1, whose rates are n^(-c). That of K-FAC itself,
    1 and 1, needs no power of the width, as its abstract has it.
    """
    return 1 - left, right - left, right - 1
