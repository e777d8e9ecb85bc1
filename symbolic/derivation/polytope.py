"""The polytope of one case: its facets with the criteria that they come from, and what spans it."""

from __future__ import annotations

from fractions import Fraction

from scalings.results.derivations import Facet, Point, Polytope
from symbolic.derivation.case import Case
from symbolic.derivation.family import DEFINITION
from symbolic.polyhedra import inequalities
from symbolic.polyhedra.facts import Facts, Form, Multipliers, as_affine, describe
from symbolic.polyhedra.vertices import span


def polytope(case: Case) -> Polytope:
    """What the case has learned, without what follows from the rest.

    Of the unknowns, the richness counts only if it has been defined.
    """
    facts = case.facts.copy()
    for form in case.facts.inequalities:
        if why := inequalities.follows(facts, -form):
            one = facts.ring.domain
            facts.learn_nonnegative(-form, {n: one(f.numerator, f.denominator) for n, f in why.multipliers.items()})
    bounds = inequalities.irredundant(facts.inequalities)
    sources = {form: why for form, (_, why) in zip(facts.inequalities, facts.bounds.values(), strict=True)}
    equations = {unknown: (value, why) for unknown, (value, why) in sorted(facts.solved.items(), reverse=True)}
    facets = [
        Facet(f"{facts.ring({unknown: 1})} = {value}", _behind(case, why))
        for unknown, (value, why) in equations.items()
    ]
    facets += [Facet(describe(form), _binding(case, facts, sources[form])) for form in bounds]
    unknowns = [unknown for unknown in facts.free if unknown != facts.ring.gens[-1] or case.defines_richness]
    spanned = span(bounds, unknowns)
    return Polytope(
        tuple(facets),
        None if spanned.vertices is None else tuple(_point(facts, point, Fraction(1)) for point in spanned.vertices),
        tuple(_point(facts, ray, Fraction(0)) for ray in spanned.rays),
        tuple(_point(facts, line, Fraction(0)) for line in spanned.lines),
    )


def _binding(case: Case, facts: Facts, why: Multipliers) -> tuple[str, ...]:
    """What an inequality comes from, apart from equations."""
    return _behind(case, {number: factor for number, factor in why.items() if number not in facts.zeros})


def _behind(case: Case, why: Multipliers) -> tuple[str, ...]:
    """What taught these facts; the last of all, which no step taught, is the definition of the richness."""
    return (*case.titles(why), *([DEFINITION] if len(case.sources) in why else []))


def _point(facts: Facts, free: dict[str, Fraction], one: Fraction) -> Point:
    """All unknowns at a point (of which one is 1) or in a direction (of which it is 0), from those that are free."""
    solved: dict[str, Form] = {str(facts.ring({unknown: 1})): value for unknown, (value, _) in facts.solved.items()}
    found: dict[str, Fraction] = {}
    for name in map(str, facts.ring.gens):
        if name in free:
            found[name] = free[name]
        elif name in solved:
            affine = as_affine(solved[name])
            found[name] = Fraction(affine.constant) * one
            for other, factor in affine.coefficients.items():
                found[name] += factor * free.get(other, Fraction(0))
    return found
