"""Deep networks: residual branches, and what their multipliers make of rates, decays and epsilons."""

from __future__ import annotations

from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import MAXIMALITY, TUTORIAL, UNIFORM_RICHNESS
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.architectures import resmlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE
from tests.literature.claims import Exponents, Orders, Result, Verdict, of

# (optimizer, branch multiplier m^kappa, source) -> learning rate of a branch's layers, m^eta. Depth-muP: Yang, Yu, Zhu
# and Hayou, arXiv 2310.02244, Table 1. CompleteP: Dey et al., arXiv 2505.01618, Table 1 (alpha = 1; AdamW). Muon's
# update has a fixed norm, as Adam's has in depth: Large et al., arXiv 2405.14813 (1/m of each of m branches).
DEPTH_EXPONENTS = {
    ("sgd", Fraction(-1, 2), "Depth-muP"): Fraction(0),
    ("adam", Fraction(-1, 2), "Depth-muP"): Fraction(-1, 2),
    ("adam", Fraction(-1), "CompleteP"): Fraction(0),
    ("muon", Fraction(-1), "modular norm"): Fraction(0),
}

# Adam's epsilon at the rich end, in the gauge in which muP is written there (the readout starts at n^0 behind a
# multiplier n^-1): powers of the width and of the depth for embedding, blocks and readout. Dey et al., arXiv
# 2505.01618, Table 1, with alpha = 1.
COMPLETE_P_EPSILON = {"width": ("-1", "-1", "-1"), "depth": ("0", "-1", "0")}

# Layers of a transformer with gains and biases, in the order of the network.
_LAYERS = (
    *("embedding", "attention_gain", "query", "key", "value", "projection", "mlp_gain"),
    *("up", "up_bias", "down", "down_bias", "final_gain", "readout"),
)
_OUTSIDE = frozenset({"embedding", "final_gain", "readout"})
_DECODER = transformer(grows="heads", gains=True, biases=True)
_COMPLETE = "Dey et al., 2505.01618"
_LOOSER = tuple(one for one in TUTORIAL if one not in (MAXIMALITY, UNIFORM_RICHNESS))
"""Without what asks for a complete branch, and for layers behind the blocks to learn as much as what reaches them."""
_BEHIND = frozenset({"lr readout", "lr final_gain"})


def _complete_p(alpha: Fraction) -> Result:
    """Branches m^(-alpha), and rates m^(alpha - 1) of all that is in them, gains and biases included."""
    init = ["-oo" if name.endswith("_bias") else "0" for name in _LAYERS]
    lr = ["0" if name in _OUTSIDE else str(alpha - 1) for name in _LAYERS]
    given = of("0" * len(_LAYERS), init, lr, ["0", str(-alpha), str(-alpha)])
    branches = _BEHIND | {"scale attention_scale", "scale mlp_scale"}
    claim = Exponents(given) if alpha == 1 else Exponents(given, criteria=_LOOSER, free=branches)
    return Result(
        _COMPLETE,
        "Table 1",
        f"depth exponents of Adam's rates, gains and biases included, at alpha = {alpha}",
        Problem.of(_DECODER, "adam", DEPTH_SCALE, "cross-entropy"),
        claim,
    )


def _residual(law: str, source: str, scale: Fraction, rate: Fraction) -> Result:
    paper, place = {
        "Depth-muP": ("Yang et al., 2310.02244", "Table 1"),
        "CompleteP": (_COMPLETE, "Table 1"),
        "modular norm": ("Large et al., 2405.14813", "residual networks"),
    }[source]
    given = of("000", "000", ["0", str(rate), "0"], [str(scale)])
    claim = (
        Exponents(given) if scale == -1 else Exponents(given, criteria=_LOOSER, free=_BEHIND | {"scale branch_scale"})
    )
    says = f"branches m^({scale}) of {law} have rates m^({rate})"
    return Result(paper, place, says, Problem.of(resmlp(), law, DEPTH_SCALE), claim)


def _orders(stream: str, scale: str, other: str) -> Orders:
    """Of the stream at initialization, with branches m^scale and with others."""
    at_init = {Observable("z", "stream", 0): Fraction(stream)}
    return Orders(of("000", "000", "000", [scale]), at_init, of("000", "000", "000", [other]))


def _in_depth(init: str, lr: str, scale: str) -> Parameterization:
    """A network whose branches have two layers, with the exponents of these two."""
    return of("0000", ["0", *init.split(), "0"], ["0", *lr.split(), "0"], [scale])


def _decoder(scale: str, hidden: tuple[str, str, str], readout: tuple[str, str, str, str]) -> Exponents:
    """Init scale, rate and decay of matrices, and those of a readout behind a multiplier, in the width or the depth."""
    init, lr, decay = (["0", *[one] * 6, last] for one, last in zip(hidden, readout[1:], strict=True))
    branch = "-1" if scale == DEPTH_SCALE else "0"
    return Exponents(of(["0"] * 7 + [readout[0]], init, lr, ["0", branch, branch], decay=decay))


_PLAIN, _NORMALIZED, _TWO = (
    Problem.of(network, "sgd", DEPTH_SCALE) for network in (resmlp(), resmlp(norm=True), resmlp(branch=2))
)
_WITHOUT = transformer(grows="heads")
_GPT2 = {init: of("0" * 8, ["0", "0", "0", "0", init, "0", init, "0"], "0" * 8, ["0"] * 3) for init in ("-1/2", "0")}

RESULTS = (
    *(_residual(law, source, scale, rate) for (law, scale, source), rate in DEPTH_EXPONENTS.items()),
    *(_complete_p(alpha) for alpha in (Fraction(1), Fraction(1, 2))),
    *(
        Result(
            _COMPLETE,
            "Table 1",
            f"weight decay by AdamW in the {scale}",
            Problem.of(_WITHOUT, "adamw", scale, "cross-entropy"),
            claim,
        )
        for scale, claim in (
            (WIDTH_SCALE, _decoder(WIDTH_SCALE, ("-1/2", "-1", "1"), ("-1", "0", "0", "0"))),
            (DEPTH_SCALE, _decoder(DEPTH_SCALE, ("0", "0", "0"), ("0", "0", "0", "0"))),
        )
    ),
    Result(
        "Blake et al., 2407.17465",
        "Table 2",
        "branches m^(-1/2) of Adam have rates m^(-1/2)",
        Problem.of(resmlp(branch=2, norm=True), "adam", DEPTH_SCALE),
        Exponents(_in_depth("0 0", "-1/2 -1/2", "-1/2"), criteria=_LOOSER, free=_BEHIND | {"scale branch_scale"}),
    ),
    Result(
        "Bordelon et al., 2309.16620",
        "mean-field residual networks",
        "residual networks with weights of size 1, 1/sqrt(n) inside and 1/n at the end, have the rate n everywhere",
        Problem.of(resmlp(), "sgd"),
        Exponents(of(["0", "-1/2", "-1"], "000", "111", ["0"]), free=frozenset({"scale branch_scale"})),
    ),
    Result(
        "De and Smith, 2002.10444",
        "section 2",
        "the variance of a stream grows like the number of branches that are normalized",
        _NORMALIZED,
        _orders("1/2", "0", "-1/2"),
    ),
    Result(
        "Hayou et al., 2010.12859",
        "stable residual networks",
        "branches m^(-1/2) keep the stream of order 1",
        _PLAIN,
        _orders("0", "-1/2", "-1/4"),
    ),
    Result(
        "Marion et al., 2206.06929",
        "scaling at initialization",
        "branches larger than m^(-1/2) explode",
        _PLAIN,
        Verdict(
            of("000", "000", ["0"] * 3, ["-1/4"]),
            "unstable",
            "stream at initialization",
            of("000", "000", "000", ["-1/2"]),
        ),
    ),
    Result(
        "Radford et al. 2019 (GPT-2)",
        "section 2.3",
        "1/sqrt(m) in the init scale of matrices that end a branch keeps the stream of order 1 at initialization",
        Problem.of(_WITHOUT, "adam", DEPTH_SCALE, "cross-entropy"),
        Orders(_GPT2["-1/2"], {Observable("z", "stream2", 0): Fraction(0)}, _GPT2["0"]),
    ),
    Result(
        "Zhang, Dauphin and Ma, 1901.09321",
        "section 3",
        "a branch of two layers, init scales m^(-1/2) and 0, is updated by order 1/m at a rate that knows no depth",
        _TWO,
        Orders(
            _in_depth("-1/2 -oo", "0 0", "0"),
            {Observable("dz", "stream", 1): Fraction(0), Observable("dz", "branch2", 1): Fraction(-1)},
            _in_depth("0 -oo", "0 0", "0"),
        ),
    ),
)
