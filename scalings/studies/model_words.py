"""What is wrong with a model in words, for a person who knows no theory: a number that is to be changed, and what a
broken criterion does to training."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from scalings.criteria import tutorial
from scalings.criteria.criterion import Criterion
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power
from scalings.results.checks import Changed, Finding

_WORDS: dict[Changed, str] = {"init": "init scale", "lr": "learning rate", "decay": "decay"}
_NOW = {"be": "is", "fall": "falls", "grow": "grows"}
_SUMMING = {"sum", "nansum"}
_DIVIDING = {"div", "divide", "true_divide", "truediv"}
_WITH_SCALE, _WITHOUT = "scaled_dot_product_attention", "multi_head_attention_forward"


def change_in_words(name: str, which: Changed, old: Exponent, new: Exponent) -> str:
    """What is to be changed of a weight.

    >>> change_in_words("out.weight", "lr", Fraction(0), Fraction(-1))
    'the learning rate of out.weight is the same at every width n, and should fall like 1/n'
    """
    return f"the {_WORDS[which]} of {name} {is_growth(old)}, and should {' '.join(growth(new))}"


def multiplier_in_words(place: str, function: str, old: Exponent, new: Exponent) -> str:
    """What is to be changed of a number in the code, at an operation that calls this function of torch.

    >>> multiplier_in_words("middle.mul", "mul", Fraction(1, 2), Fraction(0))
    'the code multiplies by sqrt(n) at middle.mul, and should by the same number at every width n'
    >>> multiplier_in_words("div", "div", Fraction(-1, 2), Fraction(-1))
    'the code divides by sqrt(n) at div, and should by n'
    >>> multiplier_in_words("b.mul", "scaled_dot_product_attention", Fraction(-1, 2), Fraction(-1))
    'scaled_dot_product_attention at b multiplies its scores by 1/sqrt(n), and should by 1/n: give it a scale= like 1/n'
    >>> multiplier_in_words("sum2", "sum", Fraction(1), Fraction(0))
    'the code sums over n entries at sum2, and should take their mean'
    """
    if function in _SUMMING:
        mean = "take their mean" if not new else f"multiply that by {as_factor(new - old)}"
        return f"the code sums over {as_factor(old)} entries at {place}, and should {mean}"
    if function in _DIVIDING:
        return f"the code divides by {as_factor(-old)} at {place}, and should by {as_factor(-new)}"
    if function not in (_WITH_SCALE, _WITHOUT):
        return f"the code multiplies by {as_factor(old)} at {place}, and should by {as_factor(new)}"
    module, wanted = place.rpartition(".")[0] or "the model", as_factor(new)
    is_off = f"at {module} multiplies its scores by {as_factor(old)}, and should by {wanted}"
    if function == _WITH_SCALE:
        return f"{function} {is_off}: give it a scale= like {wanted}"
    return f"nn.MultiheadAttention {is_off}: use {_WITH_SCALE} with a scale= like {wanted} in its place"


def as_factor(order: Exponent) -> str:
    """A power of the width n, as what is multiplied by."""
    return format_plain(order) if order else "the same number at every width n"


def format_plain(order: Exponent) -> str:
    """A power of n, with a root where that is one.

    >>> [format_plain(Fraction(one)) for one in ("-1", "1/2", "-3/2", "0")]
    ['1/n', 'sqrt(n)', 'n^(-3/2)', 'n^0']
    """
    size = {Fraction(1): "n", Fraction(1, 2): "sqrt(n)"}.get(abs(order)) if isinstance(order, Fraction) else None
    if size is None:
        return format_power(order, "n")
    return size if order > 0 else f"1/{size}"


def growth(order: Exponent) -> tuple[str, str]:
    """What something of this order does as the width n grows: a verb, and the rest."""
    if order == MINUS_INFINITY:
        return "be", "zero"
    if not order:
        return "be", "the same at every width n"
    return "fall" if order < 0 else "grow", f"like {format_plain(order)}"


def is_growth(order: Exponent) -> str:
    """The same of what is so now.

    >>> is_growth(Fraction(-1)), is_growth(MINUS_INFINITY)
    ('falls like 1/n', 'is zero')
    """
    verb, how = growth(order)
    return f"{_NOW[verb]} {how}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names; the others are counted."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def correction_as_code(place: str, function: str, off: Exponent, base: int) -> str:
    """A line to paste into the code about a multiplier that is off by a power of the width n, or that is missing
    (`function` is none), so that at the width `base` all stays as it is, with the place where it belongs.

    >>> correction_as_code("b.mul", "scaled_dot_product_attention", Fraction(1, 2), 64)
    'scale = scale * (n / 64) ** -0.5  # in b.forward, of its scaled_dot_product_attention'
    >>> correction_as_code("times.mul", "mul", Fraction(-1), 64), correction_as_code("div", "div", Fraction(1), 64)
    ('y = y * (n / 64)  # in times.forward, y is what mul gives', 'y = y * (64 / n)  # in forward, y is what div gives')
    >>> correction_as_code("head.out", "", Fraction(1), 64)
    'x = x * (64 / n)  # in head.forward, x is what out reads'
    """
    power = f"({base} / n)" if off == 1 else f"(n / {base})"
    power += "" if abs(off) == 1 else f" ** {float(-off):g}"
    module, _, operation = place.rpartition(".")
    where = f"in {module}.forward" if module else "in forward"
    if function in (_WITH_SCALE, _WITHOUT):
        return f"scale = scale * {power}  # {where}, of its {_WITH_SCALE}"
    name, what = ("y", "gives") if function else ("x", "reads")
    return f"{name} = {name} * {power}  # {where}, {name} is what {operation} {what}"


_ABOVE: dict[Criterion, str] = {
    tutorial.SIGNAL_PROPAGATION: "entries of {layer} grow like {off} from the start",
    tutorial.BOUNDED_OUTPUT: "the output grows like {off} from the start",
    tutorial.STABLE_FEATURES: "training changes entries of {layer} by more and more, like {off}",
    tutorial.STABLE_OUTPUT: "training changes the output by more and more, like {off}",
    tutorial.NONTRIVIALITY: "training changes the output by more and more, like {off}",
    tutorial.MOVING_OUTPUT: "training changes the output by more and more, like {off}",
    tutorial.BOUNDED_SCORES: "attention scores of {layer} grow like {off} from the start",
    tutorial.STABLE_SCORES: "training changes attention scores of {layer} by more and more, like {off}",
    tutorial.USEFUL_UPDATE: "what {layer} learns changes the loss by more and more, like {off}",
    tutorial.MAXIMAL_DECAY: "weight decay shrinks {layer} by more and more beside its updates, like {off}",
    tutorial.MAXIMAL_OUTPUT_DECAY: "weight decay shrinks {layer} by more and more in a step, like {off}",
}
_BELOW: dict[Criterion, str] = {
    tutorial.SIGNAL_PROPAGATION: "entries of {layer} fall like {off} from the start",
    tutorial.MAXIMALITY: "{layer} itself learns less and less beside the layers before it, like {off}",
    tutorial.NONTRIVIALITY: "training changes the output by less and less, like {off}",
    tutorial.MOVING_OUTPUT: "training changes the output by less and less, like {off}",
    tutorial.USEFUL_UPDATE: "what {layer} learns changes the loss by less and less, like {off}",
    tutorial.MAXIMAL_DECAY: "weight decay shrinks {layer} by less and less beside its updates, like {off}",
    tutorial.MAXIMAL_OUTPUT_DECAY: "weight decay shrinks {layer} by less and less in a step, like {off}",
}
_ZERO: dict[Criterion, str] = {
    tutorial.SIGNAL_PROPAGATION: "{layer} is zero from the start, and no update moves it",
    tutorial.MAXIMALITY: "{layer} itself learns nothing",
    tutorial.NONTRIVIALITY: "training does not change the output",
    tutorial.MOVING_OUTPUT: "training does not change the output",
    tutorial.USEFUL_UPDATE: "{layer} learns nothing",
}


def consequence_in_words(broken: Finding) -> str:
    """What a criterion that is not met does to training at larger and larger widths.

    >>> consequence_in_words(Finding(tutorial.STABLE_FEATURES, "one", 1, Fraction(3, 2), Fraction(1, 2)))
    'training changes entries of one by more and more, like n'
    """
    found, required = broken.found, broken.required
    said = (_ZERO if found == MINUS_INFINITY else _ABOVE if found > required else _BELOW).get(broken.criterion)
    if said is None or not isinstance(required, Fraction):
        return broken.reason
    off = "" if found == MINUS_INFINITY else format_plain(found - required)
    return said.format(layer=broken.layer, off=off)
