"""The nearest trainable parameterization to one that is refused.

What meets the tutorial's criteria is a union of polyhedra (a segment, where one freedom is left). Its nearest point
changes the fewest layers, and learning rates rather than init scales, and these rather than multipliers; at a wished
richness, if there is one. Weights that are given as zero may stay so where the criteria are met with them. Where no
point has the wished richness, criteria forbid it, and they are named.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.presets import preset
>>> for change in repair(mlp(3), preset("standard", 3)).changes:
...     print(*change)
layer2 lr 0 -1
layer3 lr 0 -1
>>> repair(mlp(3), preset("standard", 3), richness=Fraction(3, 4)).criteria
('stable features',)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache

from scalings.criteria.criterion import Criterion, Product
from scalings.criteria.problem import Loss, Problem, as_parameterization
from scalings.criteria.tutorial import TUTORIAL
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization, wrong_scales
from scalings.hyperparameters.splits import Laws
from scalings.hyperparameters.unknowns import kind_of
from scalings.networks.architectures import Translatable
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network, wrong_depth
from scalings.results.checks import Change, Changed, Forbidden, Repair
from symbolic.derivation.case import explore
from symbolic.derivation.satisfiability import Points
from symbolic.evaluation.check import verdict_on
from symbolic.evaluation.given_run import train_given
from symbolic.evaluation.nearest_point import Piece, nearest
from symbolic.polyhedra.facts import Form
from symbolic.propagation.question import Question


def repair(
    network: Network | Translatable | str,
    parameterization: Parameterization | str,
    law: Laws | str = "sgd",
    richness: Fraction | None = None,
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
) -> Repair | Forbidden:
    """The nearest parameterization that meets the tutorial's criteria, of this richness if it is given.

    Network, parameterization and law may be given by name. It has the multipliers of the original. `Forbidden` if there
    is none: a minimal set of criteria that exclude it. Raises ArgumentError if the parameterization has not one entry
    for each layer and multiplier of the network.
    """
    problem = Problem.of(network, law, scale, loss)
    return repair_of(problem, as_parameterization(parameterization, problem), richness)


def repair_of(
    problem: Problem, parameterization: Parameterization, richness: Fraction | None = None
) -> Repair | Forbidden:
    """The answer of `repair`."""
    network, laws = problem.network, tuple(problem.laws.values())
    if parameterization.depth != network.depth:
        raise wrong_depth(network, parameterization.depth)
    if parameterization.scales and len(parameterization.scales) != len(network.multipliers):
        raise wrong_scales([node.name for node in network.multipliers], len(parameterization.scales))
    wished = () if richness is None else (of_richness(richness, problem),)
    question = Question(problem, (*TUTORIAL, *wished))
    named = parameterization.in_gauge("unit-multiplier", laws).by_name(len(network.multipliers))
    given = {name: named[name] for name in question.unknowns}
    pieces = list(_pieces(question, [name for name, exponent in given.items() if exponent == MINUS_INFINITY]))
    found = nearest(pieces, given, question.owners)
    if found is None:
        excluding = Points(question.ring, question.train).contradictory(question.criteria)
        return Forbidden(tuple(dict.fromkeys(one.name for one in excluding if one not in wished)), richness)
    layers, scales = question.exponents(lambda name: found[name], lambda exponent: exponent)
    member = Parameterization(tuple(layers), scales=tuple(scales))
    repaired = member.shifted([layer.multiplier for layer in parameterization.layers], laws)
    verdict = verdict_on(train_given(problem, repaired))
    return Repair(repaired, verdict, tuple(_changes(network, parameterization, repaired)))


def of_richness(richness: Fraction, problem: Problem) -> Criterion:
    """|dz| ~ n^r at every hidden layer of n units; of N units, as a latent value has fewer, N^r, that much in each."""
    hidden = [one.units.order_in(problem.scale) for one in problem.network.representations if one.is_hidden]
    changes, power = Product((("dz", "now"),)), Product(power=richness)
    sentence = f"every hidden preactivation changes by n^({richness})"
    if problem.scale == WIDTH_SCALE and any(order != 1 for order in hidden):
        power, sentence = (
            Product(units=2 * richness),
            f"every hidden preactivation of N units changes by N^({richness})",
        )
    return Criterion("richness", sentence, "the wish", changes, "~", power, "hidden", "settled")


def _pieces(question: Question, zeros: Sequence[str]) -> Iterator[Piece]:
    """The polyhedra that meet the criteria with all weights random, and with as many of the given zeros as can stay.

    That is all of them, or if these contradict the criteria, each in turn that does not with those before it.
    """
    yield from ((forms, frozenset()) for forms in _answer(question))
    starts = [name for name in zeros if kind_of(name) == "init"]
    if not starts:
        return
    found = _answer(_with_zeros(question, starts))
    kept = starts if found else []
    for name in starts:
        if name not in kept and (more := _answer(_with_zeros(question, [*kept, name]))):
            kept, found = [*kept, name], more
    yield from ((forms, frozenset(kept)) for forms in found)


def _with_zeros(question: Question, zeros: Sequence[str]) -> Question:
    return replace(question, given=tuple((name, MINUS_INFINITY) for name in zeros))


@cache
def _answer(question: Question) -> list[list[Form]]:
    """The polyhedra that meet the criteria, as forms >= 0."""
    return [case.facts.forms for case in explore(question.ring, question.train)]


def _changes(network: Network, given: Parameterization, repaired: Parameterization) -> Iterator[Change]:
    for node, old, new in zip(network.layers, given.layers, repaired.layers, strict=True):
        yield from _layer_changes(node.name, old, new)
    scales: Sequence[Exponent] = given.scales or (Fraction(0),) * len(network.multipliers)
    for multiplier, before, after in zip(network.multipliers, scales, repaired.scales, strict=True):
        if before != after:
            yield multiplier.name, "scale", before, after


def _layer_changes(name: str, old: LayerExponents[Exponent], new: LayerExponents[Exponent]) -> Iterator[Change]:
    kinds: tuple[Changed, ...] = ("lr", "init", "decay")
    for which in kinds:
        before, after = old.named.get(which, MINUS_INFINITY), new.named.get(which, MINUS_INFINITY)
        if before != after:
            yield name, which, before, after
