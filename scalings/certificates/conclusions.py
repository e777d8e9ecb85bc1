"""What the parts of a certificate prove together.

Parts of a file belong together only if their statements say so. A certificate is one part, or

    refused, repaired      given exponents are refused, and others, of the same network, law and loss, are stable and
                           move the output, and meet what else is said of them
    refused, forbidden     the same, and no exponents meet what is asked instead
    derivation, depth 2,   a family of a multilayer perceptron, the same at depth 2 if that is another one, and a
    layer inserted,        lemma with its converse: with another hidden layer the criteria say of all else what they
    layer removed          say without it, and determine the layer's own exponents

The last of these proves by induction that there are as many freedoms at every depth as at depth 2.

>>> untied({"proved": None})
'its parts are proved, which are no proof together'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from scalings.certificates.statements import Statement
from scalings.certificates.verifier import Proved
from scalings.criteria.tutorial import MOVING_OUTPUT, STABILITY
from scalings.networks.architectures import mlp
from scalings.networks.arguments import DEEPEST
from scalings.networks.nodes import ACTIVATIONS

_TOGETHER = (
    {""},
    {"refused", "repaired"},
    {"refused", "forbidden"},
    {"derivation", "layer inserted", "layer removed"},
    {"derivation", "depth 2", "layer inserted", "layer removed"},
)


@dataclass(frozen=True)
class Part:
    """What a part is about, and what is proved of its program."""

    statement: Statement
    proved: Proved

    @property
    def holds_somewhere(self) -> bool:
        """Whether anything meets its criteria."""
        return bool(self.proved.pieces)


def untied(parts: Mapping[str, Part]) -> str | None:
    """Why these parts do not belong together; None if they do."""
    if {*parts} not in _TOGETHER:
        return f"its parts are {', '.join(parts)}, which are no proof together"
    return next(_faults(parts), None)


def _faults(parts: Mapping[str, Part]) -> Iterator[str]:
    if "refused" in parts:
        refused, (other,) = parts["refused"], [part for name, part in parts.items() if name != "refused"]
        if other.statement.problem != refused.statement.problem:
            yield "its parts are about different problems"
        if refused.statement.kind not in ("parameterization", "growth") or refused.holds_somewhere:
            yield "nothing is refused"
    if "repaired" in parts:
        wished = parts["refused"].statement.richness
        repaired = parts["repaired"]
        if repaired.statement.kind != "parameterization" or not repaired.holds_somewhere:
            yield "nothing is repaired"
        asked = {one.relation for one in repaired.statement.criteria}
        if not asked >= {one.relation for one in (*STABILITY, MOVING_OUTPUT)}:
            yield "the repair need not be stable, or move"
        if wished not in (None, repaired.statement.richness):
            yield "the repair is not of the richness that is wished"
    if "forbidden" in parts:
        forbidden = parts["forbidden"]
        if forbidden.statement.kind != "derivation" or forbidden.statement.given or forbidden.holds_somewhere:
            yield "nothing is forbidden"
    if "derivation" in parts:
        yield from _faults_of_induction(parts)


def _faults_of_induction(parts: Mapping[str, Part]) -> Iterator[str]:
    lemma, converse = (parts[name].statement for name in ("layer inserted", "layer removed"))
    if (lemma.kind, converse) != ("layer inserted", replace(lemma, kind="layer removed")):
        yield "its lemmas are not each other's converse"
    base, derivation = (parts.get(name, parts["derivation"]).statement for name in ("depth 2", "derivation"))
    if base.kind not in ("family", "derivation") or replace(lemma, kind=base.kind) != base:
        yield "its lemmas are not about what is derived at depth 2"
    network, depth = derivation.problem.network, derivation.problem.network.depth
    activation = next((one for one in ACTIVATIONS if mlp(2, one) == base.problem.network), None)
    same = replace(base, kind=derivation.kind, problem=replace(base.problem, network=network)) == derivation
    if not same or activation is None or not 2 <= depth <= DEEPEST or network != mlp(depth, activation):
        yield "its derivation is not about the same at another depth"


def freedoms_at_every_depth(parts: Mapping[str, Part]) -> int | None:
    """The number of freedoms at every depth from 2 on, from parts that belong together; None if that is not proved."""
    base = parts.get("depth 2", parts.get("derivation"))
    if base is None or not all(part.holds_somewhere for part in parts.values()) or len(base.proved.pieces) > 1:
        return None
    [(solved, _)] = base.proved.pieces
    return len(base.proved.unknowns) - len(solved)
