"""Perceptrons by sgd and Adam: the lazy and the rich regime, and what separates them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.gauges import GAUGES
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from tests.literature.claims import Exponents, Family, Orders, Result, Verdict, of

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


def _tensor_programs_v(table: str, law: str) -> Exponents:
    kinds = ("input", "input", "hidden", "input", "output", "output bias")
    columns = [TENSOR_PROGRAMS_V[table][kind] for kind in kinds]
    starts_at_zero = [number % 2 for number in range(len(kinds))]
    init = ["-oo" if bias else str(one.init) for one, bias in zip(columns, starts_at_zero, strict=True)]
    return Exponents(of([str(one.multiplier) for one in columns], init, [str(one.lr[law]) for one in columns]))


_MLP = Problem.of(mlp(3), "sgd")
_WITH_BIASES = {law: Problem.of(mlp(3, biases=True), law) for law in ("sgd", "adam")}
_TUTORIAL, _TP4, _TP5 = "Karkada, 2404.19719", "Yang and Hu, 2011.14522", "Yang et al., 2203.03466"
_SAYS = {"lazy": "is in the kernel regime", "rich": "learns features", "unstable": "explodes at a constant rate"}
NTP, MUP, MEAN_FIELD = preset("ntp", 3), preset("mup-lr", 3), preset("mfp", 3)
_STANDARD = ("000", ["0", "-1/2", "-1/2"])


def _otherwise(name: str) -> Parameterization:
    """The standard parameterization at 1/n, which is lazy; others at faster rates, which explode."""
    if name == "standard":
        return of(*_STANDARD, ["-1"] * 3)
    given = preset(name, 3)
    faster = [replace(layer, lr=layer.lr + Fraction(1, 4)) for layer in given.layers]
    return replace(given, layers=tuple(faster))


RESULTS = (
    *(
        Result(
            _TUTORIAL,
            "section 3",
            f"the family with one richness, {gauge}",
            _MLP,
            Family(gauge, TUTORIAL_FAMILY[gauge]),
        )
        for gauge in GAUGES
    ),
    *(
        Result(
            _TP4, "Table 1", f"{name} {_SAYS[regime]}", _MLP, Verdict(preset(name, 3), regime, other=_otherwise(name))
        )  # type: ignore[arg-type]
        for name, regime in TABLE_1.items()
    ),
    *(
        Result(_TP5, table, f"muP by {law}, biases included", _WITH_BIASES[law], _tensor_programs_v(table, law))
        for table in TENSOR_PROGRAMS_V
        for law in _WITH_BIASES
    ),
    Result(
        "Jacot et al., 1806.07572",
        "section 4.2",
        "preactivations change by n^(-1/2) each under the neural tangent parameterization",
        _MLP,
        Orders(NTP, {Observable("dz", "layer2", 3): Fraction(0), Observable("dz", "layer3", 3): Fraction(0)}, MUP),
    ),
    Result(
        "Lee et al., 1902.06720",
        "Theorem 2.1",
        "weights of entries 1 change by n^0 in the Frobenius norm",
        _MLP,
        Orders(NTP, {Observable("dW_frobenius", "layer2", 3): Fraction(0)}, of("000", ["0"] * 3, ["1/4"] * 3)),
    ),
    *(
        Result(
            "Geiger et al., 1906.08034",
            "lazy and feature regimes",
            f"an output times n^({-r}), at rates n^({2 * r}), is {regime}",
            _MLP,
            Exponents(of(["0", "-1/2", str(-HALF - r)], ["0"] * 3, [str(2 * r)] * 3), regime),  # type: ignore[arg-type]
        )
        for r, regime in ((Fraction(0), "lazy"), (HALF / 2, "lazy"), (HALF, "rich"))
    ),
    Result(
        "Hajjar, Chizat and Giraud, 2110.15596",
        "integrable parameterizations",
        "deep networks with multipliers 1/n and i.i.d. weights of size 1 start where nothing is learned",
        _MLP,
        Verdict(
            of(["0", "-1", "-1"], ["0"] * 3, ["1", "2", "1"]), "unstable", "signal propagation at layer2", MEAN_FIELD
        ),
    ),
    Result(
        "Haas et al., 2505.22491",
        "large learning rates",
        "standard init scales at rates n^(-1/2): features are learned, and logits diverge like n^(1/2)",
        Problem.of(mlp(3), "sgd", loss="cross-entropy"),
        Orders(
            of(*_STANDARD, ["-1/2"] * 3),
            {Observable("dz", "layer2", 1): HALF, Observable("dz", "layer3", 1): HALF},
            of(*_STANDARD, ["-1"] * 3),
        ),
    ),
)
