"""What is wrong with a model, one finding for each mistake, from the numbers whose change would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scalings.criteria.observables import SYMBOLS, Observable, Quantity
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, WEIGHTED, Product, Weighted, sources
from scalings.results.checks import Change
from scalings.results.derivations import Conflict
from scalings.results.fits import Diverged, Fit
from scalings.studies.comparisons import Agreement
from scalings.studies.equivalence import Comparison
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_theory import Structure
from scalings.studies.model_words import (
    as_factor,
    between_in_words,
    change_in_words,
    format_plain,
    growth,
    is_growth,
    listed,
    multiplier_in_words,
)
from scalings.studies.norm_epsilons import NormEpsilon

What = Literal["init", "lr", "decay", "multiplier", "epsilon", "frozen", "untrained", "twice", "structure", "training"]


@dataclass(frozen=True)
class ModelFinding:
    """One thing to change, and by which power of the width it is off.

    `parameter` is a weight; of a multiplier, a structure or a training it is the operation, by the path of its module.
    """

    parameter: str
    what: What
    power: Exponent | None
    """What it is, divided by what it should be; None where nothing is a power."""
    sentence: str
    is_wrong: bool = True
    """Whether it is a mistake: a weight that is frozen is said, but may be meant."""


def of_untrained(rows: Sequence[ParameterSetting], changes: Sequence[Change]) -> Iterator[ModelFinding]:
    """Weights that nothing moves. To freeze one may be meant, to leave it out of all groups is a mistake, and of the
    changes that are to be made one says which learning rate it needs."""
    needed = {layer: new for layer, which, _, new in changes if which == "lr"}
    for row in rows:
        if row.untrained:
            so = "" if row.frozen else ", so that nothing trains it"
            if so and row.layer in needed:
                so += f": give it a learning rate that {is_growth(needed[row.layer])}"
            sentence = f"{row.weight} {row.untrained}{so}"
            yield ModelFinding(row.weight, "frozen" if row.frozen else "untrained", None, sentence, not row.frozen)


def of_kept_frozen(rows: Sequence[ParameterSetting], wish: str) -> Iterator[ModelFinding]:
    """Weights that are frozen, without which what is asked for is out of reach."""
    for row in rows:
        sentence = f"the freezing of {row.weight} keeps it from being {wish}: let it train"
        yield ModelFinding(row.weight, "frozen", None, sentence)


def in_one_sentence(wrong: Sequence[ModelFinding]) -> str:
    """The first of what is wrong, with the weights of which the same is to be said, and how much else there is.

    >>> def finding(name, what):
    ...     return ModelFinding(name, "lr", Fraction(1), f"the {what} of {name} is too large")
    >>> in_one_sentence([finding("a", "rate"), finding("b", "rate"), finding("c", "decay"), finding("d", "rate")])
    'the rate of a and 2 more weights is too large (and 1 more)'
    """
    alike = next(iter(_alike(wrong)))
    first, others = alike[0], len(alike) - 1
    before, _, after = _said(first)
    named = f"{first.parameter} and {others} more weight{'s' * (others > 1)}"
    sentence = f"{before} of {named} {after}" if others else first.sentence
    rest = len(wrong) - len(alike)
    return f"{sentence} (and {rest} more)" if rest else sentence


def sentences(wrong: Sequence[ModelFinding]) -> list[str]:
    """What is wrong, one sentence for all weights of which the same is to be said.

    >>> def finding(name):
    ...     return ModelFinding(name, "lr", Fraction(1), f"the rate of {name} is too large")
    >>> sentences([finding("h.0.up"), finding("h.1.up"), finding("out")]), sentences([finding("h.1.up")])
    (['the rate of 3 weights is too large: h.*.up (2), out'], ['the rate of h.1.up is too large'])
    """
    return [_of_all(alike) if len(alike) > 1 else alike[0].sentence for alike in _alike(wrong)]


def _of_all(alike: Sequence[ModelFinding]) -> str:
    before, _, after = _said(alike[0])
    by_place: dict[str, list[str]] = {}
    for one in alike:
        by_place.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", one.parameter), []).append(one.parameter)
    names = (f"{place} ({len(those)})" if len(those) > 1 else those[0] for place, those in by_place.items())
    return f"{before} of {len(alike)} weights {after}: {', '.join(names)}"


def _alike(wrong: Sequence[ModelFinding]) -> Iterable[list[ModelFinding]]:
    """Findings of which the same is said but for the name, in the order of the first."""
    found: dict[tuple[str, str], list[ModelFinding]] = {}
    for one in wrong:
        before, is_of_it, after = _said(one)
        found.setdefault((before, after) if is_of_it else (one.sentence, ""), []).append(one)
    return found.values()


def _said(one: ModelFinding) -> tuple[str, str, str]:
    """What is said of a weight, before and after its name."""
    return one.sentence.partition(f" of {one.parameter} ")


def meant(findings: Sequence[ModelFinding]) -> Iterator[str]:
    """What is no mistake if it is meant, one sentence for all weights of which it is so.

    >>> def frozen(name, why):
    ...     return ModelFinding(name, "frozen", None, f"{name} is {why}", is_wrong=False)
    >>> list(meant([frozen("a", "frozen: so"), frozen("b", "given no gradient"), frozen("c", "frozen: so")]))
    ['frozen, which is no mistake if it is meant: a, c', 'given no gradient, which is no mistake if it is meant: b']
    """
    names: dict[str, list[str]] = {}
    for one in findings:
        if not one.is_wrong:
            why = one.sentence.removeprefix(f"{one.parameter} is ").partition(":")[0]
            names.setdefault(why, []).append(one.parameter)
    for why, those in names.items():
        yield f"{why}, which is no mistake if it is meant: {listed(those)}"


def of_moved_twice(rows: Sequence[ParameterSetting]) -> Iterator[ModelFinding]:
    """Weights that are in two optimizers, or twice in one."""
    for row in rows:
        if row.moved_twice:
            sentence = f"{row.weight} is moved twice in each step, {row.moved_twice}: it is to be in one group alone"
            yield ModelFinding(row.weight, "twice", None, sentence)


def of_epsilons(rows: Sequence[ParameterSetting], gradients: Mapping[str, Exponent]) -> Iterator[ModelFinding]:
    """Weights that move less, since an epsilon is larger than their gradients' entries, whose orders theory derives."""
    for row in rows:
        entries = gradients.get(row.layer, MINUS_INFINITY)
        off = None if entries == MINUS_INFINITY else row.epsilon - entries
        larger = f"the epsilon of {row.weight} {is_growth(row.epsilon)}, and is larger than the entries of its gradient"
        so = f", and let it {' '.join(growth(entries))}, as they do" if off and entries else ""
        yield ModelFinding(row.weight, "epsilon", off, f"{larger}: make it smaller{so}")


def of_norms(epsilons: Iterable[NormEpsilon]) -> Iterator[ModelFinding]:
    """Normalizations that do not normalize, since what they read has become smaller than their epsilon."""
    for one in epsilons:
        if one.drowns:
            falls = f"the mean square of what it normalizes {is_growth(one.order)}, and at width {one.at} is smaller"
            what = f"the eps of {one.place} is {one.epsilon:.0e} at every width, but {falls}"
            sentence = f"{what}: let what it reads be of one size, or make eps fall as fast"
            yield ModelFinding(one.place, "epsilon", -one.order, sentence)


def of_drowning_decays(
    drowning: Mapping[str, Fraction], rows: Sequence[ParameterSetting], changes: Sequence[Change]
) -> Iterator[ModelFinding]:
    """Weights whose decay is larger than the gradients that Adam adds it to, with the decay that AdamW would need."""
    new = {layer: order for layer, which, _, order in changes if which == "decay"}
    for row in rows:
        if row.layer in drowning:
            larger = f"larger than the gradient that Adam adds it to, by {format_plain(drowning[row.layer])}"
            then = f"let it {' '.join(growth(new[row.layer]))} there" if row.layer in new else "leave it as it is there"
            sentence = f"the decay of {row.weight} is {larger}: take AdamW, and {then}"
            yield ModelFinding(row.weight, "decay", drowning[row.layer], sentence)


def of_changes(
    changes: Sequence[Change], rows: Sequence[ParameterSetting], functions: Mapping[str, str]
) -> Iterator[ModelFinding]:
    """The numbers that are to be changed; `functions` are those of torch that operations call, by name."""
    weights = {row.layer: row.weight for row in rows}
    untrained = {row.layer for row in rows if row.untrained}
    uncentred = {row.layer for row in rows if row.mean != MINUS_INFINITY}
    for layer, which, old, new in changes:
        if which == "scale":
            sentence = multiplier_in_words(layer, functions.get(layer, ""), old, new)
            yield ModelFinding(layer, "multiplier", old - new, sentence)
        elif (layer not in uncentred) if which == "init" else (layer not in untrained):  # else that is said
            name = weights[layer]
            power = None if MINUS_INFINITY in (old, new) else old - new
            yield ModelFinding(name, which, power, change_in_words(name, which, old, new))


def of_conflict(conflict: Conflict, structure: Structure | None, network: Network) -> Iterator[ModelFinding]:
    """That no numbers meet the criteria, with the smallest change of the structure that would help."""
    if structure is None:
        sentence = f"no init scales, learning rates and multipliers that are there {contradiction(conflict)}"
        yield ModelFinding("", "structure", None, sentence)
        return
    why = "no init scale, learning rate or multiplier that is there makes up for it"
    for (source, reader), order in structure.multipliers.items():
        read = source.removesuffix(".bias")  # the module that adds it
        sentence = f"multiply by {as_factor(order)}, in the code, what {reader} reads from {read}"
        yield ModelFinding(reader, "structure", -order, f"{sentence}{_otherwise(network, source, reader)}: {why}")


def contradiction(conflict: Conflict) -> str:
    """What no numbers do."""
    layers: dict[str, list[str]] = {}
    for criterion, layer in conflict.imposed:
        layers.setdefault(criterion, []).append(layer)
    imposed = " and ".join(f"{criterion} at {', '.join(places)}" for criterion, places in layers.items())
    return f"meet {imposed} together"


def _otherwise(network: Network, source: str, reader: str) -> str:
    """What else there is to say of a multiplier that is missing: whose weight it has, and what a norm would do."""
    nodes = {node.name: node for node in network.flat}
    one = nodes[reader]
    if isinstance(one, WEIGHTED):
        others = [node.name for node in network.layers if node.weight == one.weight and node.name != reader]
        return f" (its weight is that of {', '.join(others)}, too)" if others else ""
    return f" (or normalize what {source} multiplies)" if isinstance(nodes[source], Product) else ""


def of_training(network: Network, agreement: Agreement, margin: Fraction) -> Iterator[ModelFinding]:
    """Where training does something else than theory says: where a signal first differs, forward, else backward.

    What a custom function does to gradients is seen at the value that it reads, the last whose gradient differs: it is
    between that and what reads it, whose gradients do not.
    """
    if agreement.verdict != "FAIL":
        return
    place = {node.name: number for number, node in enumerate(network.flat)}
    off = [one for one in agreement.comparisons if _is_off(one, margin)]
    forward, backward = ([one for one in off if (one.of.quantity, one.of.step) == (what, 0)] for what in ("z", "d"))
    judged = [one for one in off if one.role != "reported"]
    where = "the code there"
    if not forward and not backward and _diverged(agreement):
        yield from _of_divergence(agreement)
        return
    if forward:
        found = min(forward, key=lambda one: place[one.of.layer])
    elif backward:
        found = max(backward, key=lambda one: place[one.of.layer])
        sent = {one.of.layer for one in agreement.comparisons if (one.of.quantity, one.of.step) == ("d", 0)}
        where = f"the backward pass (an autograd.Function, or a hook) {between_in_words(found.of.layer, network, sent)}"
    elif judged:
        found = min(judged, key=lambda one: one.of.step)
    else:
        return
    assert isinstance(found.fit, Fit)
    measured = f"n^({found.fit.shown()})"
    sentence = (
        f"training does not do what theory says: {_of(found.of)} goes like {measured}, in theory like "
        f"{format_plain(found.derived)}: look for a power of the width in {where}"
    )
    power = Fraction(round(2 * (found.fit.exponent - found.derived)), 2)
    yield ModelFinding(found.of.layer, "training", power, sentence)


def _diverged(agreement: Agreement) -> list[tuple[Observable, int]]:
    """What became infinite, or no number, and from which width on; first what did so after the fewest updates."""
    found = [(one.of, one.fit.width) for one in agreement.comparisons if isinstance(one.fit, Diverged)]
    return sorted(found, key=lambda pair: (pair[0].step, pair[1]))


def _of_divergence(agreement: Agreement) -> Iterator[ModelFinding]:
    """Training that diverges although all powers of the width are right, so that it is a constant that is wrong."""
    (first, width), *_ = _diverged(agreement)
    if first.step:
        sentence = (
            f"the learning rate is too large at width {width}, where training diverges within {first.step} "
            f"update{'s' * (first.step > 1)}, although every power of the width is right: "
            "make it smaller at every width, by ten, say, and check again"
        )
    else:
        is_it = f"{_of(first)} is infinite, or no number, at width {width} before any update"
        sentence = f"{is_it}: look there for a division by zero, a logarithm or a number format that is too small"
    yield ModelFinding(first.layer if not first.step else "", "training", None, sentence)


def of_values(
    failures: Iterable[tuple[str, str]], network: Network, measured: Mapping[Observable, Fit | Diverged]
) -> Iterator[ModelFinding]:
    """Values that no rule covers, and whose measured orders break a criterion, with the weights that they are made of:
    those whose starts they are made with, or whose learning rates move them."""
    for name, reason in failures:
        first = next(key for key in sorted(measured) if key.layer == name and reason.startswith(str(key)))
        at_start = first.quantity == "z" and not first.step
        own, before = (
            list(dict.fromkeys(one.weight for one in those if at_start or not one.frozen))
            for those in _made_with(network, name)
        )
        them = " or ".join(
            [listed(own)] * bool(own) + [f"of {listed(before)}{' in front of it' * bool(own)}"] * bool(before)
        ).removeprefix("of ")
        grow = "grow" if "smaller than" in reason else "fall"
        what = "init scale" if at_start else "learning rate"
        do = f": let the {what} of {them} {grow} with the width n" if them else ""
        yield ModelFinding(name, "training", None, f"no rule covers {name}, and {reason}{do}")


def _made_with(network: Network, name: str) -> tuple[list[Weighted], list[Weighted]]:
    """The weights that a value is computed with: up to the nearest matrices, and from these to the next ones."""
    nodes = {node.name: node for node in network.flat}

    def nearest(names: Sequence[str]) -> tuple[list[Weighted], list[str]]:
        found, behind, queue = list[Weighted](), list[str](), list(names)
        seen = set(queue)
        while queue:
            node = nodes.get(queue.pop(0))
            if isinstance(node, WEIGHTED):
                found.append(node)
            if node is not None:
                onward = [one for one in sources(node) if one not in seen]
                seen |= set(onward)
                (behind if isinstance(node, MATRICES) else queue).extend(onward)
        return found, behind

    own, onward = nearest([name])
    return own, nearest(onward)[0]


_SPOKEN: dict[Quantity, str] = {"z": "the value", "d": "the gradient that reaches", "dz": "the change of"}


def _of(one: Observable) -> str:
    words = _SPOKEN.get(one.quantity, SYMBOLS[one.quantity] + " of")
    when = f" after {one.step} update{'s' * (one.step > 1)}" if one.step else ""
    return f"{words} {one.layer or 'the network'}{when}"


def _is_off(one: Comparison[Observable], margin: Fraction) -> bool:
    """Whether its interval is further from the derived order than the margin."""
    if not isinstance(one.fit, Fit) or one.derived == MINUS_INFINITY:
        return False
    is_below = one.fit.high < one.derived - margin and one.role != "upper bound"
    return is_below or one.fit.low > one.derived + margin
