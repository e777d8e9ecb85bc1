"""Reports of a contradiction: the criteria and layers that are in it, and what would help, in words and as JSON."""

from __future__ import annotations

from scalings.hyperparameters.unknowns import WORDS
from scalings.reports.documents import EXPONENTS, Document
from scalings.results.derivations import Conflict, Derivation


def contradiction_sentences(derivation: Derivation) -> list[str]:
    """What contradicts what, and each kind of remedy in a sentence; none where there is no contradiction."""
    if not derivation.contradiction:
        return []
    said = [f"These criteria contradict each other: {', '.join(derivation.contradiction)}."]
    return said if derivation.conflict is None else said + _sentences(derivation.conflict)


def _sentences(conflict: Conflict) -> list[str]:
    said = [f"So do, at these layers alone, {_listed(conflict.imposed)}."]
    if conflict.drop:
        said.append(f"Enough to drop, any one: {_listed(conflict.drop)}.")
    if conflict.drop_both:
        said.append(f"Enough to drop, both everywhere: {' and '.join(conflict.drop_both)}.")
    if conflict.release:
        given = ", ".join(f"the {WORDS[kind]} of {name}" for kind, name in conflict.release)
        said.append(f"Enough not to give, any one: {given}.")
    if conflict.add:
        said.append(f"Enough to add, any one: a multiplier {_edges(conflict.add)}.")
    if conflict.add_all:
        said.append(f"Enough to add, all together: a multiplier {_edges(conflict.add_all)}.")
    if conflict.met:
        said.append(f"Where units may start smaller than order 1 there is an answer: the criteria {conflict.met!r}.")
    return said


def _edges(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"at {reader}, in front of what it reads from {source}" for source, reader in pairs)


def _listed(imposed: tuple[tuple[str, str], ...]) -> str:
    """Criteria with their layers."""
    return ", ".join(
        f"{criterion} ({', '.join(layers)})" if all(layers) else f"{criterion} everywhere"
        for criterion in dict.fromkeys(criterion for criterion, _ in imposed)
        for layers in [[layer for other, layer in imposed if other == criterion]]
    )


def conflict_document(conflict: Conflict | None) -> Document | None:
    """The JSON of it: criteria with their layers (null for all), given exponents, and where a multiplier is missing."""
    if conflict is None:
        return None
    return {
        "imposed": [{"criterion": criterion, "layer": layer} for criterion, layer in conflict.imposed],
        "drop": [{"criterion": criterion, "layer": layer or None} for criterion, layer in conflict.drop],
        "drop_both": list(conflict.drop_both),
        "release": [{"exponent": EXPONENTS[kind], "name": name} for kind, name in conflict.release],
        "add": [{"multiplier_between": list(pair)} for pair in conflict.add],
        **({"add_all": [{"multiplier_between": list(pair)} for pair in conflict.add_all]} if conflict.add_all else {}),
        **({"met": conflict.met} if conflict.met else {}),
    }
