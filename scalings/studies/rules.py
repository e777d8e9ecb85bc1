"""The everyday question: tuned at one width, what are init scales, learning rates and decays at another?

Numbers are carried over by the powers that the criteria ask for, at the wished richness. A change of the batch size, or
of the number of blocks, multiplies them by powers of its own, each derived with everything else held fixed. What is
known of training on more tokens is in `horizons`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import BATCH_NOISE, DEPTH_SCALE, WIDTH_SCALE, Dimension
from scalings.networks.nodes import MATRICES, Embedding, Factor, Weighted
from scalings.results.checks import Forbidden
from scalings.results.prescriptions import ParameterRule, Prescription, Scaled
from scalings.results.rules import TOKENS, Rule
from scalings.studies import horizons
from scalings.studies.branches import with_multipliers
from scalings.studies.parameterize import near_members, wished_richness
from scalings.studies.prescribed_models import Parameterized
from scalings.studies.underflow import underflow_warnings

_ZERO = Fraction(0)


@dataclass(frozen=True)
class Target:
    """From where to where, and what else is asked."""

    width: int
    batch: tuple[int, int] | None = None
    depth: tuple[int, int] | None = None
    tokens: tuple[int, int] | None = None
    dtype: str | None = None

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """From what to what, of scale variables and of tokens."""
        return self.derived | ({TOKENS: self.tokens} if self.tokens else {})

    @property
    def derived(self) -> dict[str, tuple[int, int]]:
        """The same of the scale variables whose powers are derived."""
        asked = {BATCH_NOISE: self.batch, DEPTH_SCALE: self.depth}
        return {scale: sizes for scale, sizes in asked.items() if sizes}


def rule_of_model(name: str, optimizer: str, answer: Parameterized, target: Target) -> Rule:
    """The rule of a torch module that is parameterized from one width, to another."""
    problem, rules = answer.problem, answer.prescription.rules
    layers = {node.weight: number for number, node in enumerate(problem.network.layers)}
    in_code: list[tuple[str, Scaled]] = []
    for scale in target.derived:
        network, ends = with_multipliers(problem.network) if scale == DEPTH_SCALE else (problem.network, {})
        powers = _powers(replace(problem, network=network), scale)
        rules = tuple(
            _also(rule, scale, powers.layers[layers[rule.weight]]) if rule.weight in layers else rule for rule in rules
        )
        for node, power in zip(network.multipliers, powers.scales, strict=True):
            if power:
                in_code.append((ends.get(node.name, node.name), Scaled(1.0).also(scale, power)))
    prescription = replace(answer.prescription, rules=rules)
    numbers = [node for node in problem.network.flat if isinstance(node, Factor)]
    own = tuple((node.name, node.size * float(target.width) ** float(node.order)) for node in numbers)
    found = Rule(name, optimizer, prescription, target.width, target.sizes, tuple(in_code), own, is_module=True)
    return _told(found, problem, target)


def rule_of_network(
    name: str,
    problem: Problem,
    base_width: int,
    target: Target,
    lr: Mapping[str, float],
    decay: float,
    richness: Fraction | str | None = None,
) -> Rule:
    """The rule of a network of nodes, whose matrices start at fan_in^(-1/2) at the base width, and readouts too."""
    network = problem.network
    given = _neutral(problem)
    wished = wished_richness(problem, given, richness)
    member = near_members(problem, given, wished).repair.parameterization
    each = zip(network.layers, member.layers, problem.laws.values(), strict=True)

    def first(node: Weighted, layer: LayerExponents[Exponent], law: str) -> ParameterRule:
        decays = decay if layer.decay not in (None, MINUS_INFINITY) else 0.0
        constants = {"init": _start(node, base_width), "lr": 0.0 if node.frozen else lr[law], "decay": decays}
        init, rate, shrink = (
            Scaled(constant).also(WIDTH_SCALE, layer.named.get(which, MINUS_INFINITY))
            for which, constant in constants.items()
        )
        return ParameterRule(node.name, node.name, _shape(node), law, law, init, rate, shrink)

    rules = tuple(first(node, layer, law.name) for node, layer, law in each)
    multipliers = [Scaled(1.0).also(WIDTH_SCALE, power) for power in member.scales]
    for scale in target.derived:
        powers = _powers(problem, scale)
        rules = tuple(_also(rule, scale, layer) for rule, layer in zip(rules, powers.layers, strict=True))
        multipliers = [one.also(scale, power) for one, power in zip(multipliers, powers.scales, strict=True)]
    named = tuple((node.name, one) for node, one in zip(network.multipliers, multipliers, strict=True))
    prescription = Prescription(base_width, rules, wished, {})
    return _told(Rule(name, problem.law.name, prescription, target.width, target.sizes, named), problem, target)


def _neutral(problem: Problem) -> Parameterization:
    """Everything as it is at any size: what is nearest to it changes least."""

    def layer(node: Weighted) -> LayerExponents[Exponent]:
        init: Exponent = MINUS_INFINITY if node.start == "zero" else _ZERO
        lr: Exponent = MINUS_INFINITY if node.frozen else _ZERO
        return LayerExponents(_ZERO, init, lr, _ZERO if problem.decays(node) else None)

    return Parameterization(
        tuple(map(layer, problem.network.layers)), scales=(_ZERO,) * len(problem.network.multipliers)
    )


def _powers(problem: Problem, scale: str) -> Parameterization:
    """The powers of another scale variable, nearest to none at all. Raises ArgumentError where there are none."""
    from symbolic.evaluation.repair import repair_of

    option = {BATCH_NOISE: "batch", DEPTH_SCALE: "depth"}[scale]
    if scale == DEPTH_SCALE and scale not in problem.network.scales:
        raise ArgumentError(option, "expected no change, since nothing in this network is repeated")
    other = Problem(problem.network, problem.law, scale, problem.loss)
    found = repair_of(other, _neutral(other))
    if isinstance(found, Forbidden):
        excluding = ", ".join(found.criteria)
        raise ArgumentError(option, f"no init scales and learning rates meet {excluding} in the {scale}")
    return found.parameterization


def _also(rule: ParameterRule, scale: str, layer: LayerExponents[Exponent]) -> ParameterRule:
    """The rule, with powers of one more scale variable; what is zero already stays so."""

    def power(which: str) -> Exponent:
        found = layer.named.get(which, _ZERO)
        return _ZERO if found == MINUS_INFINITY else found

    return replace(
        rule,
        init=rule.init.also(scale, power("init")),
        lr=rule.lr.also(scale, power("lr")),
        decay=rule.decay.also(scale, power("decay")),
    )


def _start(node: Weighted, width: int) -> float:
    if node.start != "random":
        return 1.0 if node.start == "one" else 0.0
    return 1.0 if isinstance(node, Embedding) else 1 / math.sqrt(node.fan_in.at(width))


def _shape(node: Weighted) -> tuple[Dimension, ...]:
    return (node.fan_out, node.fan_in) if isinstance(node, MATRICES) else (node.fan_out,)


def _told(rule: Rule, problem: Problem, target: Target) -> Rule:
    """The rule, with what it rests on."""
    if target.tokens:
        given = rule.prescription
        rule = replace(rule, prescription=replace(given, rules=tuple(map(horizons.longer, given.rules))))
    warnings = tuple(underflow_warnings(rule, target.dtype)) if target.dtype else ()
    assumed, remaining = tuple(_assumed(rule, problem)), tuple(_remaining(rule))
    return replace(rule, assumed=assumed, remaining=remaining, warnings=warnings)


def _assumed(rule: Rule, problem: Problem) -> Iterator[str]:
    base = rule.prescription.base_width
    if rule.is_module:
        yield f"at width {base} starts are those that the module draws"
    else:
        yield f"at width {base} matrices start at fan_in^(-1/2), embeddings and gains at 1, biases at 0"
    yield f"training is good at width {base}; the powers are those of the family at r = {rule.prescription.richness}"
    if BATCH_NOISE in rule.sizes:
        yield "the gradient of a batch is mostly noise at both batch sizes"
    yield from problem.assumptions
    if any(one.decay.constant for one in rule.prescription.rules):
        matrices = [node.weight for node in problem.network.layers if isinstance(node, MATRICES)]
        kept = dict.fromkeys(law.name for law in map(problem.laws.__getitem__, matrices) if law.decay == "none")
        yield from (f"{law} does not decay; {law}+coupled does" for law in kept)
    yield from horizons.assumed(rule)


def _remaining(rule: Rule) -> Iterator[str]:
    yield f"the constants: tune the numbers at width {rule.prescription.base_width}, and derive these again from them"
    if rule.is_module and rule.multipliers:
        names = ", ".join(name for name, _ in rule.multipliers)
        yield f"your code: what it multiplies {names} by is to follow the depth as shown, if it does not yet"
    if BATCH_NOISE in rule.sizes:
        before, after = rule.sizes[BATCH_NOISE]
        yield f"momenta: to remember as many examples, 1 - beta is multiplied by {after / before:g}, at most to 1"
    if any(one.law.startswith("adam") for one in rule.prescription.rules):
        yield "Adam's epsilon: it is taken to be much smaller than the gradient's entries"
    yield from horizons.remaining(rule)
