"""Learning rates by optimizer: largest stable ones, those of second-order methods, of spectral steps, of splits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from scalings.criteria.parsing import parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL, USEFUL_UPDATE
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.splits import laws
from scalings.hyperparameters.update_laws import kfac, optimizer
from scalings.networks.architectures import mlp, transformer
from scalings.networks.dimensions import WIDTH, Dimension
from tests.literature.claims import Exponents, LargestRates, Result, of

HALF = Fraction(1, 2)

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

# Everett et al., arXiv 2407.05872, Table 1: minus the exponents c of the largest stable learning rates of embedding,
# hidden and readout layers, in each parameterization's own multipliers. Full alignment there is that of updates with
# their inputs (alpha = 1 here), while the readout's initial weights do not align with what moves (omega = 0 here).
MULTIPLIERS_AND_INITS = {
    "standard": (("0", "0", "0"), ("0", "-1/2", "-1/2")),
    "NTK": (("0", "-1/2", "-1/2"), ("0", "0", "0")),
    "muP": (("1/2", "0", "-1/2"), ("-1/2", "-1/2", "-1/2")),
    "mean-field": (("0", "-1/2", "-1"), ("0", "0", "0")),
}
LARGEST_RATES = {
    ("standard", "sgd", "full"): ("1/2", "-1/2", "-1"),
    ("standard", "adam", "full"): ("0", "-1", "-1"),
    ("standard", "adafactor", "full"): ("0", "-1/2", "-1/2"),
    ("NTK", "sgd", "full"): ("1/2", "1/2", "0"),
    ("NTK", "adam", "full"): ("0", "-1/2", "-1/2"),
    ("muP", "sgd", "full"): ("0", "0", "0"),
    ("muP", "adam", "full"): ("-1/2", "-1", "-1/2"),
    ("mean-field", "sgd", "full"): ("1", "1", "1"),
    ("mean-field", "adam", "full"): ("0", "-1/2", "0"),
    ("standard", "sgd", "no"): ("1/2", "0", "-1/2"),
    ("standard", "adam", "no"): ("0", "-1/2", "-1/2"),
    ("standard", "adafactor", "no"): ("0", "0", "0"),
    ("NTK", "sgd", "no"): ("1/2", "1", "1/2"),
    ("NTK", "adam", "no"): ("0", "0", "0"),
    ("muP", "adam", "no"): ("-1/2", "-1/2", "0"),
}


def _largest(parameterization: str, law: str, alignment: str) -> Result:
    aligned = replace(optimizer(law), alpha=Fraction(alignment == "full"), omega=Fraction(0))
    rates = LARGEST_RATES[parameterization, law, alignment]
    given = of(*MULTIPLIERS_AND_INITS[parameterization], rates).in_gauge("unit-multiplier", aligned)
    inits = tuple(layer.init for layer in given.layers)
    found: tuple[Exponent, ...] = tuple(layer.lr for layer in given.layers)
    says = f"the largest stable rates of {law}, {parameterization} parameterization, {alignment} alignment"
    problem = Problem.of(mlp(3), aligned)
    return Result("Everett et al., 2407.05872", "Table 1", says, problem, LargestRates(inits, found))


def second_order_rates(left: Fraction, right: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """Learning rates (n^) of K-FAC B^(-left) G A^(-right) at the rich end, of input, hidden matrices and readout.

    Ishikawa and Karakida, arXiv 2312.12226, in signs of their own. That of K-FAC itself, 1 and 1, needs no power of the
    width, as its abstract has it.
    """
    return 1 - left, right - left, right - 1


def _second_order(left: Fraction, right: Fraction) -> Result:
    rates = [str(rate) for rate in second_order_rates(left, right)]
    says = f"K-FAC with powers e_A = {right} and e_B = {left} has rates n^({', '.join(rates)})"
    claim = Exponents(of("000", ["0", "-1/2", "-1"], rates))
    problem = Problem.of(mlp(3), kfac(left, right))
    return Result("Ishikawa and Karakida, 2312.12226", "muP of K-FAC", says, problem, claim)


# Yang, Simon and Bernstein, arXiv 2310.17813: init scales sqrt(1 / fan_in) min(1, sqrt(fan_out / fan_in)), and learning
# rates fan_out / fan_in by sgd, 1 / fan_in by Adam, in layers of n^(1/2), n and n^2 units.
WIDENING = mlp(4, hidden=[Dimension(1, HALF), WIDTH, Dimension(1, Fraction(2))])
SPECTRAL_RATES = {
    "sgd": ("1/2", "1/2", "1", "-2"),
    "adam": ("0", "-1/2", "-1", "-2"),
    "muon-spectral": ("0", "0", "0", "0"),
}
MOVING_FEATURES = parse_criterion("moving features: dz ~ units^(1/2) at hidden when settled")
"""Desideratum 1 there, of changes; by sgd they are so from the second update on, as the backward signal is."""
_SPECTRAL = (MOVING_FEATURES, *(one for one in TUTORIAL if one is not USEFUL_UPDATE))


def _split(name: str) -> Result:
    embedding, hidden, readout = MUON_BESIDE_ADAM[name]
    network = transformer(grows="heads")
    given = of("0" * 8, ["0", *["-1/2"] * 6, "-1"], [embedding, *[hidden] * 6, readout], ["0"] * 3)
    paper, place = {
        "muon-spectral+adam": ("Yang, Simon and Bernstein, 2310.17813", "section 1"),
        "muon-rms+coupled+adamw": ("Liu et al., 2502.16982", "section 2.2"),
    }.get(name, ("Jordan et al. 2024", "kellerjordan.github.io/posts/muon"))
    return Result(paper, place, f"rates of {name}", Problem.of(network, name, loss="cross-entropy"), Exponents(given))


_SCION = laws("muon-spectral", {"layer3": "law:0,-1,1"})
RESULTS = (
    *(_largest(*key) for key in LARGEST_RATES),
    *(_second_order(Fraction(b), Fraction(a)) for a, b in (("1", "1"), ("1", "0"), ("0", "1"), ("1/2", "1/2"))),
    *(
        Result(
            "Yang, Simon and Bernstein, 2310.17813",
            "Condition 1",
            f"init scales and rates of {law} where widths grow apart",
            Problem.of(WIDENING, law),
            Exponents(
                of("0000", ["0", "-1/4", "-1/2", "-2"], rates), criteria=_SPECTRAL, free=frozenset({"init layer4"})
            ),
        )
        for law, rates in SPECTRAL_RATES.items()
    ),
    *(_split(name) for name in MUON_BESIDE_ADAM),
    Result(
        "Pethick et al., 2502.07529",
        "github.com/LIONS-EPFL/scion",
        "spectral steps sqrt(fan_out / fan_in), and sign / fan_in at the output, need no width-dependent rate",
        Problem.of(mlp(3), _SCION),
        Exponents(of("000", ["0", "-1/2", "-1"], "000")),
    ),
)
