"""How the weights of a model are set, one row each, as `check_model` reads and prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws, laws
from scalings.hyperparameters.update_laws import UpdateLaw, optimizer
from scalings.hyperparameters.update_laws import clipped as clipped_law
from scalings.networks.nodes import MATRICES, Weight, Weighted
from scalings.studies.multipliers import Multiplier, multipliers_of
from scalings.studies.optimizer_audit import audit, drowns, moved_twice, untrained
from scalings.tapes.network import TracedNetwork
from scalings.tapes.shapes import shape_text
from scalings.tapes.translation.translation import Translation

if TYPE_CHECKING:
    from empirical.models.settings import Setting


@dataclass(frozen=True)
class ParameterSetting:
    """How one weight is set, in powers of the width; a weight of blocks that repeat stands for all of its copies."""

    weight: str
    layer: str
    shape: str
    role: str
    init: Exponent
    """Of the root mean square of its entries; of their standard deviation, where their mean adds up."""
    lr: Exponent
    decay: Exponent
    law: str
    parameters: tuple[str, ...]
    """The parameters of the model that it stands for, one a copy."""
    untrained: str = ""
    """Why nothing moves it, in words; empty if something does."""
    frozen: bool = False
    """Whether the model itself asks for no gradient of it, which may be meant."""
    moved_twice: str = ""
    """By what it is moved more than once in each step, in words; empty if it is not."""
    measured: bool = False
    """Whether the law was found by feeding gradients to the optimizer."""
    epsilon: Exponent = MINUS_INFINITY
    """Of the optimizer's epsilon where that is larger than gradients are; else -oo."""
    multipliers: tuple[Multiplier, ...] = ()
    """What the code multiplies each of its uses by."""
    akin: str = ""
    """Where nothing trains it, and something should: the parameter by whose optimizer, and at whose rate at the base
    width, it is taken to be trained; empty if there is none."""
    start: str = ""
    """What is told of its start beside its size: "ones", "constant", "orthogonal" or "identity"; else empty."""
    mean: Exponent = MINUS_INFINITY
    """Of the mean of its start where that adds up, over the units that it reads, to more than all else does, or than it
    may; else -oo, also where there is one."""

    @property
    def is_vector(self) -> bool:
        """Whether it is no matrix: a bias, a gain, a position."""
        return self.role == "vector"

    @property
    def update_law(self) -> UpdateLaw:
        """The law with its epsilon."""
        return replace(optimizer(self.law), epsilon=self.epsilon)


def _is_matrix(node: Weighted) -> bool:
    return isinstance(node, MATRICES) or (isinstance(node, Weight) and node.fan_in.grows)


def parameter_settings(
    traced: TracedNetwork, translation: Translation, seen: Mapping[str, Setting]
) -> tuple[list[ParameterSetting], list[str]]:
    """How each weight of the network is set, and remarks. Raises ArgumentError for copies that are set differently, and
    for an optimizer whose law is not known."""
    rows, trained, multipliers = [], _trained(translation, seen), multipliers_of(translation.network)
    shapes = {name: shape_text(one.shape) for one in traced.tape.parameters for name in traced.names_of(one)}
    for node in translation.network.layers:
        names = translation.weights[node.weight]
        of_copies = [seen[name] for name in names]
        first = of_copies[-1]
        means = [_mean_that_adds_up(node, one) for one in of_copies]
        mean = max(means)
        starts = Counter(  # of those that start alike, some are known less well
            one.init if MINUS_INFINITY in (mean, one.deviation) else one.deviation for one in of_copies
        )
        for one in of_copies:
            if (one.lr, one.decay) != (first.lr, first.decay):
                raise ArgumentError("build", f"{one.name} and {first.name} are copies, but are set in different ways")
        if first.options and not first.options.law:
            raise ArgumentError("optimizer", f"the law of {first.options.optimizer} is not known")
        why, akin = untrained(first) or ("is given no gradient" if node.frozen else ""), _akin(node, first, trained)
        options = first.options or (seen[akin].options if akin else None)
        rows.append(
            ParameterSetting(
                node.weight,
                node.name,
                shapes[names[-1]],
                node.role if _is_matrix(node) else "vector",
                starts.most_common(1)[0][0],
                MINUS_INFINITY if node.frozen else first.lr,
                MINUS_INFINITY if node.frozen else first.decay,
                options.law if options else "sgd",
                names,
                why,
                node.frozen,
                "" if node.frozen else moved_twice(of_copies),
                bool(first.options and first.options.measured),
                first.epsilon if drowns(first) else MINUS_INFINITY,
                multipliers[node.weight],
                akin if why and not node.frozen else "",
                _start(first),
                mean,
            )
        )
    notes = [*audit(rows, [seen[row.parameters[-1]] for row in rows])]
    notes += [f"{name} has no part in the loss" for name in traced.unreached]
    notes += [f"theory leaves {name} out" for name in translation.unused if name not in traced.unreached]
    notes += [
        f"theory has no rule for {name}: it is taken for a function of each entry, as large as measured"
        for name in translation.unknown
    ]
    notes += [f"theory leaves out {name}" for name in translation.left_out]
    notes += [f"measured at initialization: {note}" for note in translation.notes]
    return rows, list(dict.fromkeys(notes))


def _start(setting: Setting) -> str:
    if setting.start == "random" and setting.deviation == MINUS_INFINITY != setting.mean:
        return "constant"
    return "ones" if setting.start == "one" else setting.pattern


def _mean_that_adds_up(node: Weighted, setting: Setting) -> Exponent:
    """The order of the mean m of a start, where that is not small: with it, W has a part m 1 1^T beside one that is
    drawn around zero, of entries s.

    Of N units that are read, whose signs are the same, it makes m N, where the rest makes s N^(1/2). It is not small
    where that is the larger one, if what it gives has as many units that it makes alike; if it gives few, where m N
    grows, since what is read is not to be smaller than n^0.
    """
    reads, gives = node.fan_in.order, node.fan_out.order
    if setting.mean == MINUS_INFINITY or not _is_matrix(node) or reads <= 0:
        return MINUS_INFINITY
    rest = setting.deviation - Fraction(min(reads, gives)) / 2 if gives > 0 else -reads
    return setting.mean if setting.mean > rest else MINUS_INFINITY


def _trained(translation: Translation, seen: Mapping[str, Setting]) -> list[tuple[str, Setting]]:
    """The weights that are trained by a law that is known, with their roles."""
    each = ((node.role, seen[translation.weights[node.weight][-1]]) for node in translation.network.layers)
    return [(role, one) for role, one in each if one.options and one.options.law and one.lr != MINUS_INFINITY]


def _akin(node: Weighted, setting: Setting, trained: Sequence[tuple[str, Setting]]) -> str:
    """The trained parameter that one is most like: of its role, if there is one; of its law, if it has one."""
    law = setting.options.law if setting.options else ""
    like = [(role, one) for role, one in trained if one.options and law in ("", one.options.law)]
    return next((one.name for role, one in like if role == node.role), like[0][1].name if like else "")


def problem_of(
    translation: Translation, rows: Sequence[ParameterSetting], *, clipped: bool = False, epsilons: bool = False
) -> Problem:
    """The network of a model, trained by the law of each weight's own optimizer."""
    return Problem(translation.network, _laws(rows, clipped=clipped, epsilons=epsilons), loss=translation.loss)


def _laws(rows: Sequence[ParameterSetting], *, clipped: bool, epsilons: bool) -> Laws:
    """The update law of each weight, of gradients that are clipped where that changes any step; or with its epsilon,
    which there is no rule for beside clipping."""
    counts = epsilons and not clipped
    law = laws(rows[-1].law, {row.layer: row.update_law if counts else row.law for row in rows})
    return law.each(clipped_law) if clipped and any(one.sees_size for one in law.parts) else law


def parameterization_of(rows: Sequence[ParameterSetting]) -> Parameterization:
    """The exponents of all weights, in the gauge without multipliers."""
    return Parameterization(tuple(map(_layer, rows)), "as it is set")


def _layer(row: ParameterSetting) -> LayerExponents[Exponent]:
    decays = optimizer(row.law).decay != "none" and row.decay != MINUS_INFINITY
    return LayerExponents(Fraction(0), row.init, row.lr, row.decay if decays else None)
