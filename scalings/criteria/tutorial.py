"""The criteria of the tutorial (Karkada, arXiv 2404.19719), those of stability (Yang and Hu, arXiv 2011.14522), and
those of features that move, however small they start (Yang, Simon and Bernstein, arXiv 2310.17813).

They are data, relations between orders of observables; what they imply is found out by `derive`:

>>> from scalings.criteria.parsing import format_relation
>>> for criterion in (SIGNAL_PROPAGATION, MAXIMALITY, NONTRIVIALITY, USEFUL_UPDATE):
...     print(f"{criterion.name}: {format_relation(criterion)}")
signal propagation: z ~ units^(1/2) at hidden initially
maximality: layer ~ dz at layers after updates
nontriviality: dz ~ 1 at output after updates
useful update: d@before * dz ~ 1 at single layers after updates
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from scalings.criteria.criterion import Criterion, Product
from scalings.errors import unknown_name

_TUTORIAL = "Karkada, arXiv 2404.19719"
_TP4 = "Yang and Hu, arXiv 2011.14522"
_ONE = Product()
SIGNAL_PROPAGATION = Criterion(
    "signal propagation",
    "every hidden preactivation has entries of size 1 at initialization, or starts at zero and moves",
    _TUTORIAL,
    Product((("z", "now"),)),
    "~",
    Product(units=Fraction(1)),
    "hidden",
    "initialization",
)
BOUNDED_OUTPUT = Criterion(
    "bounded output",
    "the output does not explode at initialization",
    _TUTORIAL,
    Product((("z", "now"),)),
    "<=",
    _ONE,
    "output",
    "initialization",
)
MAXIMALITY = Criterion(
    "maximality",
    "a layer's own update contributes as much to its change as the changes that reach it",
    _TUTORIAL,
    Product((("layer", "now"),)),
    "~",
    Product((("dz", "now"),)),
    "layers",
    "updates",
)
_UPDATE = Product((("layer", "now"),), plus=Product((("interaction", "now"),)))
"""What a layer's update makes of all that the layer reads by now, h(0) + dh."""
LATE_MAXIMALITY = Criterion(
    "maximality",
    "where what it reads starts small, a layer's own update of all that it reads by then is as large as its change",
    "Yang, Simon and Bernstein, arXiv 2310.17813, Desideratum 1",
    _UPDATE,
    "~",
    Product((("dz", "now"),)),
    "late layers",
    "updates",
)
NONTRIVIALITY = Criterion(
    "nontriviality",
    "the output moves, and does not explode",
    _TUTORIAL,
    Product((("dz", "now"),)),
    "~",
    _ONE,
    "output",
    "updates",
)
USEFUL_UPDATE = Criterion(
    "useful update",
    "every layer's change contributes to the change of the loss",
    _TUTORIAL,
    Product((("d", "before"), ("dz", "now"))),
    "~",
    _ONE,
    "single layers",
    "updates",
)
USEFUL_REPEATED_UPDATE = Criterion(
    "useful update",
    "the changes of all copies of a layer together contribute to the change of the loss",
    "Yang, Yu, Zhu and Hayou, arXiv 2310.02244",
    Product((("d", "before"), ("layer", "now")), copies=Fraction(1)),
    "~",
    _ONE,
    "repeated layers",
    "updates",
)
LATE_REPEATED_UPDATE = replace(
    USEFUL_REPEATED_UPDATE,
    left=replace(
        USEFUL_REPEATED_UPDATE.left,
        plus=Product((("d", "before"), ("interaction", "now")), copies=Fraction(1)),
    ),
    where="late repeated layers",
)
USEFUL_MATRIX = Criterion(
    "useful update",
    "what a layer's own update makes of a matrix that others are multiplied with contributes to the change of the loss",
    _TUTORIAL,
    LATE_REPEATED_UPDATE.left,
    "~",
    _ONE,
    "generated matrices",
    "updates",
)
UNIFORM_RICHNESS = Criterion(
    "uniform richness",
    "a repeated layer's own update changes it as much as the changes that reach it: a block is as rich as its stream",
    _TUTORIAL,
    Product((("passthrough", "now"),)),
    "~",
    Product((("layer", "now"),)),
    "repeated layers",
    "updates",
)
LATE_RICHNESS = replace(UNIFORM_RICHNESS, right=_UPDATE, where="late repeated layers")
STABLE_FEATURES = Criterion(
    "stable features",
    "no hidden preactivation changes by more than order 1 in each unit",
    f"{_TP4}, Definition 3.1",
    Product((("dz", "now"),)),
    "<=",
    Product(units=Fraction(1)),
    "hidden",
    "updates",
)
STABLE_OUTPUT = Criterion(
    "stable output",
    "the output does not explode during training",
    f"{_TP4}, Definition 3.1",
    Product((("dz", "now"),)),
    "<=",
    _ONE,
    "output",
    "updates",
)
MOVING_OUTPUT = Criterion(
    "moving output",
    "the output has moved by order 1 after some update",
    f"{_TP4}, Definition 3.2",
    Product((("dz", "now"),)),
    "~",
    _ONE,
    "output",
    "settled",
)
_TP5 = "Yang et al., arXiv 2203.03466, section 5"
BOUNDED_SCORES = Criterion(
    "bounded scores",
    "attention scores have entries of size at most 1 at initialization",
    _TP5,
    Product((("z", "now"),)),
    "<=",
    Product(units=Fraction(1)),
    "scores",
    "initialization",
)
STABLE_SCORES = Criterion(
    "stable scores",
    "no attention score changes by more than order 1",
    _TP5,
    Product((("dz", "now"),)),
    "<=",
    Product(units=Fraction(1)),
    "scores",
    "updates",
)
_DECAY = "Wang and Aitchison, arXiv 2405.13698"
MAXIMAL_DECAY = Criterion(
    "maximal decay",
    "weight decay changes a hidden preactivation as much as its updates do",
    _DECAY,
    Product((("decay", "now"), ("z", "initially"))),
    "~",
    Product((("dz", "now"),)),
    "hidden matrices",
    "updates",
)
MAXIMAL_OUTPUT_DECAY = Criterion(
    "maximal decay",
    "every step shrinks the weights of the output by a fixed fraction",
    _DECAY,
    Product((("decay", "now"),)),
    "~",
    _ONE,
    "output matrices",
    "updates",
)
OF_DECAY = (MAXIMAL_DECAY, MAXIMAL_OUTPUT_DECAY)
"""The criteria on weight decay, for optimizers that have it."""
TUTORIAL = (
    SIGNAL_PROPAGATION,
    BOUNDED_OUTPUT,
    LATE_MAXIMALITY,
    MAXIMALITY,
    NONTRIVIALITY,
    USEFUL_UPDATE,
    USEFUL_MATRIX,
    LATE_REPEATED_UPDATE,
    USEFUL_REPEATED_UPDATE,
    LATE_RICHNESS,
    UNIFORM_RICHNESS,
    STABLE_FEATURES,
    BOUNDED_SCORES,
    STABLE_SCORES,
    *OF_DECAY,
)
"""The tutorial's criteria in the order in which they are applied, extended to repeated blocks, attention and weight
decay, and matrices that are computed; where a network has none of these, they ask nothing."""
WORKING = tuple(
    part
    for one in TUTORIAL
    for part in (
        (replace(one, where="full starts"), replace(one, sign="<=", where="small starts"))
        if one == SIGNAL_PROPAGATION
        else (one,)
    )
)
"""The tutorial's criteria but that what may start small need not start at order 1, as a readout need not: it is then
zero for infinite width, and trains as what starts at zero does. That is what a model that is set is asked; `derive`,
which chooses how it is to be set, asks for more, and so leaves no more freedoms than the richness."""
STABILITY = (
    SIGNAL_PROPAGATION,
    BOUNDED_OUTPUT,
    STABLE_FEATURES,
    STABLE_OUTPUT,
    BOUNDED_SCORES,
    STABLE_SCORES,
)
"""Representations and outputs explode at no step, and representations do not vanish at initialization."""
_SPECTRAL = "Yang, Simon and Bernstein, arXiv 2310.17813, Desideratum 1"
SMALL_SIGNALS = Criterion(
    "small signals",
    "no hidden preactivation has larger entries than of size 1 at initialization",
    _SPECTRAL,
    Product((("z", "now"),)),
    "<=",
    Product(units=Fraction(1)),
    "hidden",
    "initialization",
)
MOVING_FEATURES = Criterion(
    "moving features",
    "every unit of every hidden layer changes by order 1",
    _SPECTRAL,
    Product((("dz", "now"),)),
    "~",
    Product(units=Fraction(1)),
    "hidden",
    "updates",
)
MAXIMAL_UPDATES = Criterion(
    "maximal updates",
    "what a layer's own update makes of all that it reads by then is as large as the layer's change",
    _SPECTRAL,
    _UPDATE,
    "~",
    Product((("dz", "now"),)),
    "layers",
    "updates",
)
RICH_BLOCKS = Criterion(
    "rich blocks",
    "what a repeated layer's own update makes of all that it reads by then is as large as what it passes on",
    _TUTORIAL,
    Product((("passthrough", "now"),)),
    "~",
    _UPDATE,
    "repeated layers",
    "updates",
)
SPECTRAL = (
    SMALL_SIGNALS,
    BOUNDED_OUTPUT,
    MOVING_FEATURES,
    MAXIMAL_UPDATES,
    NONTRIVIALITY,
    USEFUL_MATRIX,
    RICH_BLOCKS,
    STABLE_FEATURES,
    BOUNDED_SCORES,
    STABLE_SCORES,
    *OF_DECAY,
)
"""Every unit moves by order 1 and may start smaller, as those of layers that are narrower than what they read do, and
averages of many experts. Steps of spectral norm sqrt(fan_out / fan_in) meet them, from weights of at most as much."""
CRITERIA: dict[str, tuple[Criterion, ...]] = {
    "tutorial": TUTORIAL,
    "stability": (*STABILITY, MOVING_OUTPUT),
    "spectral": SPECTRAL,
}
"""The sets of criteria that `derive` knows by name."""


def as_criteria(given: Sequence[Criterion] | str) -> Sequence[Criterion]:
    """The criteria, or the set of this name. Raises ArgumentError for another name."""
    if not isinstance(given, str):
        return given
    if given not in CRITERIA:
        raise unknown_name("criteria", given, CRITERIA)
    return CRITERIA[given]
