"""The options that commands share: a network, an optimizer and a parameterization; their docstrings are help texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Annotated, Literal

from cyclopts import Parameter

from scalings.command_line.bounds import DERIVED, MOST_CRITERIA, check_weights
from scalings.command_line.chosen_network import ChosenNetwork
from scalings.command_line.parsing import parse_list, parse_share
from scalings.criteria.criterion import Criterion
from scalings.criteria.parsing import format_relation, parse_criterion
from scalings.criteria.problem import Loss, Problem
from scalings.errors import ArgumentError, unknown_name
from scalings.hyperparameters.exponents import Exponent, parse_exponent
from scalings.hyperparameters.parameterizations import Parameterization, wrong_scales
from scalings.hyperparameters.presets import preset
from scalings.hyperparameters.splits import Laws, by_layers, laws, with_epsilons
from scalings.hyperparameters.unknowns import Kind, name_of
from scalings.hyperparameters.update_laws import CLIP
from scalings.networks.architectures import DEFAULT_DEPTH
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network

Format = Literal["text", "json"]
Exponents = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
FAMILY = "family:"
ASKED = "?"
"""An exponent that a derivation is asked for."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ChosenModel(ChosenNetwork):
    """A network and an optimizer, as the command line gives them."""

    optimizer: str = "sgd"
    """A name such as sgd, adam, adamw, muon, lion, shampoo, or law:p,q_in,q_out,m,s for any other update law; with
    weight decay as in adam+l2, lion+coupled or muon+independent. Two names are a split: muon+adamw is muon for hidden
    matrices, which grow both ways, and adamw for embeddings, readouts, gains and biases. +clip at the
    end clips gradients by the norm of all."""
    law: Annotated[list[str] | None, Parameter(negative="")] = None
    """The optimizer of one layer, where it is another one, as in query=sgd; may be given several times."""
    alpha: str = "1"
    """Assumed alignment of updates with their inputs, from 0 to 1."""
    omega: str = "1"
    """Assumed alignment of the readout's initial weights with the change of what they read, from 0 to 1."""
    epsilon: Exponents = None
    """Power of n of an Adam's epsilon, or one for each layer, as in -1,-oo,-1/2; default -oo, none. derive takes ?, to
    be asked for the largest of each layer."""
    loss: Loss | None = None
    """Mean squared error (default), or cross-entropy; a torch module has its own."""
    scale: str = WIDTH_SCALE
    """The scale variable under study, the others held fixed: width, depth (the number of repeated blocks), vocabulary,
    experts (of moe, how many there are to choose from, the number of active ones, its top-k, held fixed), rank (of
    lora), batch:noise or batch:signal (the batch size, where the gradient is mostly that). Powers that are given and
    printed are powers of it. derive takes several, as in width,depth."""

    @property
    def objective(self) -> Loss:
        """The loss. Raises ArgumentError for another one than a module's own."""
        if self.translation is None:
            return self.loss or "mse"
        if self.loss not in (None, self.translation.loss):
            raise ArgumentError("loss", f"that of {self.network} is {self.translation.loss}, but got {self.loss}")
        return self.translation.loss

    @property
    def scales(self) -> tuple[str, ...]:
        """The scale variables; only derive takes several."""
        return tuple(self.scale.split(","))

    def resolve(self, inputs: int = 64, depth: int = DEFAULT_DEPTH) -> tuple[Network, Laws]:
        """The network and the update laws. `inputs` and `depth` are used if no option says otherwise.

        Raises ArgumentError for options that do not apply.
        """
        network = self.build(inputs, depth)
        if self.epsilon is not None and self.optimizer.partition(";")[0].endswith(f"+{CLIP}"):
            raise ArgumentError("epsilon", f"with +{CLIP} it is compared with clipped gradients: no rule is known here")
        law = laws(self.optimizer, by_layers(self.law or ()))
        if self.epsilon is not None:
            law = with_epsilons(law, network.layers, self.epsilon.split(","))
        alpha, omega = parse_share("alpha", self.alpha), parse_share("omega", self.omega)
        return network, law.each(lambda one: replace(one, alpha=alpha, omega=omega))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A parameterization, as the command line gives it."""

    preset: str | None = None
    """standard, ntp, ntp-lr, mup, mup-lr, mfp, or family:R for what is derived at r = R; where several are so rich, the
    one with every learning rate maximal."""
    multiplier: Exponents = None
    """Powers of n of the multipliers, input to output, as in 0,0,-1/2; default all 0."""
    init: Exponents = None
    """Powers of n of the init scales, as in 0,-1/2,-1; -oo for weights that start at zero."""
    lr: Exponents = None
    """Powers of n of the learning rates, as in 1,0,-1."""
    decay: Exponents = None
    """Powers of n of the weight decays, for an optimizer that has any."""
    scales: Exponents = None
    """Powers of n of multipliers without a weight: residual branches, attention scores; default all 0."""
    model: ChosenModel = field(default_factory=ChosenModel)

    def resolve(self, inputs: int = 64, gamma: Fraction = Fraction(1)) -> tuple[Problem, Parameterization]:
        """The problem and the parameterization. Raises ArgumentError for options that do not fit.

        `gamma` is the prefactor of the richness of a derived family.
        """
        lists = {"multiplier": self.multiplier, "init": self.init, "lr": self.lr, "decay": self.decay}
        columns = {name: parse_list(name, text, parse_exponent) for name, text in lists.items() if text is not None}
        scales = None if self.scales is None else parse_list("scales", self.scales, parse_exponent)
        listed = max(
            (len(column) for column in columns.values()), default=DEFAULT_DEPTH * (2 if self.model.biases else 1)
        )
        # Of an mlp with biases every second exponent is a bias's.
        network, law = self.model.resolve(inputs, (listed + 1) // 2 if self.model.biases else listed)
        if len(self.model.scales) > 1:
            expected = f"expected one of {', '.join(network.scales)}, but got {self.model.scale!r}"
            raise ArgumentError("scale", f"{expected}: lists of exponents are powers of one scale variable at a time")
        problem = Problem(network, law, self.model.scale, self.model.objective)
        is_member = self.preset is not None and self.preset.startswith(FAMILY)
        if gamma != 1 and (not is_member or columns or scales):
            expected = f"expected a --preset {FAMILY}R by itself, whose |dz| it multiplies"
            given = "lists of exponents" if columns or scales else repr(self.preset or "")
            raise ArgumentError("gamma", f"{expected}, but got {given}")
        _check_lengths(network, columns, lists, scales)
        if self.decay is not None and not problem.has_decay:
            raise ArgumentError("decay", f"{law.name} has none; expected an optimizer such as adamw or lion+coupled")
        base = self._base(problem, columns, gamma)
        title = self.preset if self.preset and not columns else "custom"
        if scales is None:
            scales = base.scales if base and base.scales else (Fraction(0),) * len(network.multipliers)
        if base is None:
            return problem, Parameterization.of(**columns, scales=scales, name=title)
        if gamma != 1:
            return problem, replace(base, name=f"{title}, gamma {gamma}")
        rows = ({name: column[number] for name, column in columns.items()} for number in range(network.depth))
        layers = tuple(replace(layer, **row) for layer, row in zip(base.layers, rows, strict=True))
        choice = "" if columns or self.scales else base.choice
        return problem, Parameterization(layers, title, scales=scales, choice=choice)

    def _base(
        self, problem: Problem, columns: dict[str, tuple[Exponent, ...]], gamma: Fraction
    ) -> Parameterization | None:
        """The parameterization of the preset, or None without one. Raises ArgumentError if it does not apply."""
        if self.preset is None:
            for name in ("init", "lr"):
                if name not in columns:
                    expected = f"expected a list of exponents, or a --preset such as {FAMILY}1/2"
                    raise ArgumentError(name, f"{expected}, but got neither")
            columns.setdefault("multiplier", (Fraction(0),) * problem.network.depth)
            return None
        if self.preset.startswith(FAMILY):
            return _member(self.preset.removeprefix(FAMILY), problem, gamma)
        if self.model.network != "mlp" or self.model.biases:
            raise ArgumentError("preset", "the presets are for an mlp without biases; expected family:R or lists")
        if problem.scale != WIDTH_SCALE:
            expected = f"expected family:R or lists, since the presets are powers of the width, not of {problem.scale}"
            raise ArgumentError("preset", f"{expected}, but got {self.preset!r}")
        if not problem.is_sgd and "lr" not in columns:
            reason = f"the presets' are for sgd, not for {problem.law.name}"
            raise ArgumentError("lr", f"expected a list of exponents, since {reason}; or {FAMILY}R")
        return preset(self.preset, problem.network.depth)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Given:
    """Exponents that a derivation is given, with ? for those that it is asked for."""

    init: Exponents = None
    """Powers of n of init scales that are given, with ? for those that are asked for, as in 0,-1/2,?."""
    lr: Exponents = None
    """Likewise of learning rates."""
    decay: Exponents = None
    """Likewise of weight decays."""
    scales: Exponents = None
    """Likewise of multipliers without a weight."""

    def resolve(self, network: Network, law: Laws) -> dict[str, Exponent]:
        """The given exponents by the names of a derivation's unknowns, as in {"sigma_1": 0}.

        Raises ArgumentError for lists of another length, and for decays of an optimizer without weight decay.
        """
        lists: dict[Kind, str | None] = {
            "init": self.init,
            "lr": self.lr,
            "decay": self.decay,
            "scales": self.scales,
        }
        found: dict[str, Exponent] = {}
        for name, text in lists.items():
            if text is None:
                continue
            if name == "decay" and all(one.decay == "none" for one in law.among(network.layers)):
                raise ArgumentError(
                    "decay", f"{law.name} has none; expected an optimizer such as adamw or lion+coupled"
                )
            column = parse_list(name, text, lambda item: None if item.strip() == ASKED else parse_exponent(item))
            nodes = [node.name for node in (network.multipliers if name == "scales" else network.layers)]
            if len(column) != len(nodes):
                needed = f"one for each of {', '.join(nodes)}" if nodes else "none: every multiplier has a weight"
                raise ArgumentError(name, f"expected {needed}, but got {len(column)} ({text!r:.100})")
            for number, exponent in enumerate(column, start=1):
                if exponent is not None:
                    found[name_of(name, number)] = exponent
        return found


def _check_lengths(
    network: Network,
    columns: dict[str, tuple[Exponent, ...]],
    texts: dict[str, str | None],
    scales: tuple[Exponent, ...] | None,
) -> None:
    """Raises ArgumentError unless there is one exponent for each layer, and for each multiplier without a weight."""
    depth, names = network.depth, [layer.name for layer in network.layers]
    listed = "" if all(name.startswith("layer") for name in names) else f"; the layers are {', '.join(names)}"
    for name, column in columns.items():
        if len(column) != depth:
            message = f"{depth} layers need {depth} exponents, but got {len(column)} ({texts[name]!r}){listed}"
            raise ArgumentError(name, message)
    if scales is not None and len(scales) != len(network.multipliers):
        raise wrong_scales([node.name for node in network.multipliers], len(scales))


def _member(richness: str, problem: Problem, gamma: Fraction) -> Parameterization:
    from symbolic.derivation.members import Members
    from symbolic.propagation.question import Question

    check_weights(problem.network, DERIVED, f"to derive {FAMILY}R for")
    try:
        members = Members(Question(problem))
    except ArgumentError as error:
        raise ArgumentError("preset", error.message) from None
    try:
        return members.member(richness, gamma)
    except ArgumentError as error:
        if error.argument != "r":
            raise
        expected = f"expected {FAMILY}R with a fraction {members.range.replace('r', 'R')}"
        raise ArgumentError("preset", f"{expected}, but got '{FAMILY}{richness}'") from None


def kept_criteria(criteria: Sequence[Criterion], dropped: Sequence[str]) -> list[Criterion]:
    """The criteria without those of the `dropped` names. Raises ArgumentError for a name that none has."""
    names = {name.replace("-", " ").replace("_", " ") for name in dropped}
    known = dict.fromkeys(criterion.name for criterion in criteria)
    if unknown := sorted(names - known.keys()):
        raise unknown_name("without", unknown[0], known)
    return [criterion for criterion in criteria if criterion.name not in names]


def own_criteria(texts: Sequence[str], beside: Sequence[Criterion]) -> list[Criterion]:
    """The criteria that the texts state. Raises ArgumentError for a name that another one has, or one of `beside`."""
    if len(texts) > MOST_CRITERIA:
        raise ArgumentError("criterion", f"expected at most {MOST_CRITERIA} of them, but got {len(texts)}")
    known = {criterion.name: format_relation(criterion) for criterion in beside}
    found = []
    for text in texts:
        criterion = parse_criterion(text)
        if criterion.name in known:
            taken = f"'{criterion.name}: {known[criterion.name]}' has this one"
            raise ArgumentError("criterion", f"expected another name, since {taken}, but got {text!r}")
        known[criterion.name] = format_relation(criterion)
        found.append(criterion)
    return found
