"""Splits: an update law for each weight of a network.

A split names two laws: that of *hidden* matrices, which grow both ways, and that of the rest (embeddings, readouts,
gains, biases). So Muon is used in practice, with Adam beside it (Jordan et al. 2024, kellerjordan.github.io/posts/muon;
Liu et al., arXiv 2502.16982, section 2.2):

>>> from scalings.networks.architectures import mlp
>>> [law.name for law in laws("muon+adamw").among(mlp(3).layers)]
['adamw', 'muon', 'adamw']

Any other split names layers. One law for all weights is a split as well, where all are equal:

>>> [law.name for law in laws("adam", {"layer3": "sgd"}).among(mlp(3).layers)]
['adam', 'adam', 'sgd']
>>> laws("adam").name, laws("adam", {"layer3": "sgd"}).name
('adam', 'adam;layer3=sgd')

**Grammar.** `LAW` or `LAW+LAW`, and `;LAYER=LAW` for each layer that is named. A `LAW` is an optimizer, with `+DECAY`
if it decays otherwise than its name says. No decay is called like an optimizer, so that each + has one reading: what
follows it is the decay of the law before, or the next law. `+clip` at the end of these is for all weights.

>>> split = laws("muon+coupled+adam+l2")
>>> split.hidden.name, split.rest.name
('muon+coupled', 'adam+l2')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Protocol, TypeAlias

from scalings.errors import ArgumentError, unknown_name, wrong_type
from scalings.hyperparameters.epsilons import why_no_epsilon, with_epsilon
from scalings.hyperparameters.update_laws import CLIP, UpdateLaw, clipped, optimizer, parts


class Layer(Protocol):
    """What a split looks at of a layer: its name, and whether its weight grows both ways ("hidden")."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class Split:
    """One law for hidden matrices, one for the rest, and others for the layers that are named."""

    name: str
    """What `laws` reads: the laws by their names, whatever their epsilons and assumed alignments."""
    hidden: UpdateLaw
    rest: UpdateLaw
    by_layer: tuple[tuple[str, UpdateLaw], ...] = ()

    @cached_property
    def _named(self) -> dict[str, UpdateLaw]:
        return dict(self.by_layer)

    def among(self, layers: Sequence[Layer]) -> tuple[UpdateLaw, ...]:
        """The law of each of these layers. Raises ArgumentError for a law of a layer that is not there."""
        names = [layer.name for layer in layers]
        if unknown := self._named.keys() - names:
            raise unknown_name("law", min(unknown), names)
        return tuple(
            self._named.get(layer.name, self.hidden if layer.role == "hidden" else self.rest) for layer in layers
        )

    def each(self, change: Callable[[UpdateLaw], UpdateLaw]) -> Split:
        """The split of changed laws."""
        named = tuple((layer, change(law)) for layer, law in self.by_layer)
        return replace(self, hidden=change(self.hidden), rest=change(self.rest), by_layer=named)

    @property
    def parts(self) -> tuple[UpdateLaw, ...]:
        """The laws that it names, in this order."""
        return tuple(dict.fromkeys((self.hidden, self.rest, *self._named.values())))


Laws: TypeAlias = UpdateLaw | Split
"""A law for each weight; an `UpdateLaw` is the same one for all."""


def laws(name: str, by_layer: Mapping[str, UpdateLaw | str] | None = None) -> Laws:
    """The law of each weight: "adam" of all, "muon+adamw" of hidden matrices and of the rest; `by_layer` of some.

    Raises ArgumentError for what is no optimizer, for more than two, and for a layer that is named twice.
    """
    base, *listed = name.split(";")
    named = by_layers([*listed, *(by_layer or {}).items()])
    found = [optimizer(part) for part in parts(base.removesuffix(f"+{CLIP}"))]
    if len(found) > _MOST:
        names = ", ".join(law.name for law in found)
        raise ArgumentError("optimizer", f"expected a law of hidden matrices and one of the rest, but got {names}")
    if any(law.clip != "none" for law in (*found, *named.values())):
        reason = "gradients of all weights are clipped, or none"
        raise ArgumentError("optimizer", f"{reason}: expected +{CLIP} once, behind what is before a ;")
    split = Split(text(base, named.items()), found[0], found[-1], tuple(named.items()))
    law = split if len(found) > 1 or named else found[0]
    return _clipped(law) if base.endswith(f"+{CLIP}") else law


def text(base: str, by_layer: Iterable[tuple[str, UpdateLaw]]) -> str:
    """The name of a split, of those of its laws."""
    return ";".join([base, *(f"{layer}={law.name}" for layer, law in by_layer)])


def _clipped(law: Laws) -> Laws:
    """All laws, of clipped gradients. Raises ArgumentError where that changes no step."""
    if not any(one.sees_size for one in law.parts):
        reason = f"steps of {law.name.removesuffix(f'+{CLIP}')} do not depend on the size of gradients"
        raise ArgumentError("optimizer", f"clipping changes no order, since {reason}: leave out +{CLIP}")
    return law.each(clipped)


_MOST = 2


def by_layers(given: Iterable[str | tuple[str, UpdateLaw | str]]) -> dict[str, UpdateLaw]:
    """The law of each layer that is named, in pairs or as "LAYER=LAW". Raises ArgumentError for two of one layer.

    >>> by_layers(["query=muon", "key=muon", "query=sgd"])
    Traceback (most recent call last):
    scalings.errors.ArgumentError: law: expected one law for each layer, but got two for 'query'
    """
    found: dict[str, UpdateLaw] = {}
    for one in given:
        layer, equals, law = one.partition("=") if isinstance(one, str) else (one[0], "=", one[1])
        if not layer or not equals:
            raise ArgumentError("law", f"expected LAYER=OPTIMIZER, but got {one!r:.100}")
        if layer in found:
            raise ArgumentError("law", f"expected one law for each layer, but got two for {layer!r:.100}")
        try:
            found[layer] = optimizer(law) if isinstance(law, str) else law
        except ArgumentError as error:
            raise ArgumentError("law", f"of {layer}: {error.message}") from None
    return found


def with_epsilons(law: Laws, layers: Sequence[Layer], exponents: Sequence[str]) -> Laws:
    """The laws with an epsilon: of one power of n wherever there is one, or of one power for each layer, -oo for none.

    Raises ArgumentError for an epsilon of a law that divides no entry by its size, and for another number of powers.

    >>> from scalings.networks.architectures import mlp
    >>> layers = mlp(3).layers
    >>> [str(one.epsilon) for one in with_epsilons(laws("muon+adam"), layers, ["-1"]).among(layers)]
    ['-1', '-inf', '-1']
    """
    if len(exponents) == 1:
        takes = [one for one in law.parts if not why_no_epsilon(one)] or law.parts[:1]
        return law.each(lambda one: with_epsilon(one, exponents[0]) if one in takes else one)
    if len(exponents) != len(layers):
        raise ArgumentError("epsilon", f"expected one exponent, or {len(layers)}, but got {len(exponents)}")
    pairs = zip(law.among(layers), exponents, strict=True)
    each = [own if exponent.strip() == "-oo" else with_epsilon(own, exponent) for own, exponent in pairs]
    names = [layer.name for layer in layers]
    return Split(law.name, law.parts[0], law.parts[-1], tuple(zip(names, each, strict=True)))


def as_laws(given: Laws | str) -> Laws:
    """The laws, or those of this name. Raises ArgumentError for anything else."""
    if isinstance(given, str):
        return laws(given)
    if not isinstance(given, UpdateLaw | Split):
        raise wrong_type("law", "an UpdateLaw, a Split or the name of an optimizer", given)
    return given


def assumptions(layers: Sequence[Layer], each: Sequence[UpdateLaw]) -> tuple[str, ...]:
    """What is assumed of the law of each layer, as sentences; where laws differ, each of its layers."""
    return tuple(
        f"of {names}: {sentence}" if names else sentence
        for law, names in owners(layers, each).items()
        for sentence in law.assumptions
    )


def owners(layers: Sequence[Layer], each: Sequence[UpdateLaw]) -> dict[UpdateLaw, str]:
    """Each law with the names of its layers, of which many in a row are "first to last"; without names if it is all's.

    >>> from scalings.networks.architectures import mlp
    >>> layers = mlp(9).layers
    >>> {law.name: names for law, names in owners(layers, laws("muon+adam").among(layers)).items()}
    {'adam': 'layer1, layer9', 'muon': 'layer2 to layer8'}
    """
    found: dict[UpdateLaw, list[str]] = {}
    for law, run in groupby(zip(each, layers, strict=True), key=itemgetter(0)):
        names = [layer.name for _, layer in run]
        found.setdefault(law, []).extend([f"{names[0]} to {names[-1]}"] if len(names) > _LONGEST_RUN else names)
    return {law: ", ".join(names) if len(found) > 1 else "" for law, names in found.items()}


_LONGEST_RUN = 6
"""The most layers in a row that are named one by one; the six of a transformer's block are."""


def differ(each: Iterable[UpdateLaw]) -> bool:
    """Whether these are not all one law, so that it has to be said which is whose."""
    return len(set(each)) > 1
