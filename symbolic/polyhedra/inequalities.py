"""Exact questions about systems of linear inequalities `form >= 0`, each answer with its proof.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> square = [x, y, 1 - x, 1 - y]
>>> implies(square, 2 - x - y), implies(square, 1 - x - y), feasible([*square, x + y - 3])
(True, False, False)
>>> print(why(square, 3 - x - y))        # 3 - x - y = (1 - x) + (1 - y) + 1
1*fact 2 + 1*fact 3 + 1
>>> irredundant([*square, 2 - x - y]) == square
True
>>> str(greatest(square, x + 2*y)), greatest([x, y], x + 2*y)
('3', None)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm

from symbolic.polyhedra.facts import Combination, Facts, Form, combined
from symbolic.polyhedra.simplex import minimise


def why(forms: Sequence[Form], conclusion: Form) -> Combination | None:
    """How conclusion >= 0 follows from all forms >= 0, numbered as they stand; None if it does not.

    Where the forms contradict each other (`why_empty`), not everything that follows has such a proof.
    """
    rows = _occurring([*forms, conclusion])
    scales = [_denominator(form) for form in (*forms, conclusion)]
    *vectors, target = (_whole(form, rows, scale) for form, scale in zip((*forms, conclusion), scales, strict=True))
    found = _combination(vectors, target)
    if found is None:
        return None
    point, slack = found
    multipliers = {number: factor * scales[number] / scales[-1] for number, factor in enumerate(point) if factor}
    return Combination(multipliers, slack / scales[-1])


def why_empty(forms: Sequence[Form]) -> Combination | None:
    """How 0 > 0 follows from all forms >= 0; None if it does not."""
    if not forms:
        return None
    found = why(forms, forms[0].ring(-1))  # -1 = combination + slack, so that 0 = combination + slack + 1
    return found and Combination(found.multipliers, found.slack + 1)


def follows(facts: Facts, form: Form) -> Combination | None:
    """How form >= 0 follows from facts, with the largest slack; None if it does not."""
    return _in_their_terms(facts, form, why(facts.inequalities, facts.reduce(form)))


def outermost(facts: Facts, forms: Sequence[Form]) -> tuple[list[Form], frozenset[int]]:
    """Those of the forms that are somewhere larger than all others, and the facts by which the rest are not.

    What is nowhere the largest is by duality at most a weighted mean of others, as x + y is of 2x and 2y:

    >>> from sympy.polys.domains import QQ
    >>> from sympy.polys.rings import ring
    >>> R, x, y = ring("x, y", QQ)
    >>> facts = Facts(R)
    >>> outermost(facts, [2*x, x + y, 2*y])
    ([2*x, 2*y], frozenset())
    >>> facts.learn_nonnegative(x - y - 1, {7: QQ(1)})
    >>> outermost(facts, [2*x, x + y, 2*y])
    ([2*x], frozenset({7}))
    """
    known, sources = facts.inequalities, [source for _, source in facts.bounds.values()]
    rows, scales = _occurring([*known, *forms]), [_denominator(form) for form in forms]
    # -form = a combination of what is known + a mean of -others: the last row is the sum of the mean's weights.
    bounds = [[*_whole(form, rows, _denominator(form)), 0] for form in known]
    below = [[*_whole(-form, rows, scale), scale] for form, scale in zip(forms, scales, strict=True)]
    because = frozenset[int]()
    kept: list[int] = []

    def is_needed(number: int, others: Sequence[int]) -> bool:
        nonlocal because
        found = others and _combination([*bounds, *(below[other] for other in others)], below[number])
        if not found:
            return True
        because = because.union(*(source for source, factor in zip(sources, found[0], strict=False) if factor))
        return False

    for number in range(len(forms)):
        if is_needed(number, kept):
            kept.append(number)
    for number in tuple(kept):
        others = [other for other in kept if other != number]
        if not is_needed(number, others):
            kept = others
    return [forms[number] for number in kept], because


def contradiction(facts: Facts) -> Combination | None:
    """How 0 > 0 follows from facts; None if it does not."""
    return _in_their_terms(facts, facts.ring.zero, why_empty(facts.inequalities))


def _in_their_terms(facts: Facts, form: Form, found: Combination | None) -> Combination | None:
    """A combination of the facts' inequalities as one of the facts themselves."""
    if found is None:
        return None
    sources = [source for _, source in facts.bounds.values()]
    parts = [(sources[number], factor) for number, factor in found.multipliers.items()]
    return combined([(facts.used(form), Fraction(1)), *parts], found.slack)


def feasible(forms: Sequence[Form]) -> bool:
    """Whether some point has every form >= 0."""
    return why_empty(forms) is None


def greatest(forms: Sequence[Form], objective: Form) -> Fraction | None:
    """The largest value of the objective where all forms are >= 0, which some point meets; None if there is none.

    By duality it is the least constant c with c - objective = a nonnegative combination of the forms.
    """
    rows = _occurring([*forms, objective])
    scales = [_denominator(form) for form in (*forms, objective)]
    *vectors, target = (_whole(form, rows, scale) for form, scale in zip((*forms, objective), scales, strict=True))
    optimum = minimise([vector[1:] for vector in vectors], [v[0] for v in vectors], [-entry for entry in target[1:]])
    return None if optimum is None else (target[0] + _dot(vectors, optimum.point)) / scales[-1]


def implies(forms: Sequence[Form], *conclusions: Form) -> bool:
    """Whether every point with every form >= 0 has every conclusion >= 0."""
    known = set(forms)
    new = (conclusion for conclusion in conclusions if conclusion not in known)
    return all(why(forms, conclusion) is not None for conclusion in new) or not feasible(forms)


def inside(forms: Sequence[Form]) -> dict[str, Fraction]:
    """A point at which every form is > 0, by the names of the unknowns that occur. Raises ValueError if there is none.

    It is as far inside as possible, up to a slack of 1: maximise t with t <= 1 and form >= t for every form.
    """
    monomials = _occurring(forms)
    rows = [_whole(form, monomials, _denominator(form)) for form in forms]
    # Columns: each unknown's positive and negative part, t, what each form has beyond t, what t lacks to 1.
    size, last = len(monomials), len(forms)
    columns = [[sign * row[1 + k] for row in rows] + [0] for k in range(size) for sign in (1, -1)]
    columns += [[-1] * last + [1]]
    columns += [[-int(i == j) for i in range(last)] + [0] for j in range(last)] + [[0] * last + [1]]
    costs = [0] * (2 * size) + [-1] + [0] * (last + 1)
    optimum = minimise(columns, costs, [-row[0] for row in rows] + [1])
    if optimum is None or optimum.point[2 * size] <= 0:
        raise ValueError("no point is inside")
    names = [str(forms[0].ring.symbols[monomial.index(1)]) for monomial in monomials]
    return {name: optimum.point[2 * k] - optimum.point[2 * k + 1] for k, name in enumerate(names)}


def hold(facts: Facts, forms: Iterable[Form]) -> bool:
    """Whether all forms >= 0 follow from facts that do not contradict each other."""
    new = (form for form in forms if not facts.knows(form))
    return all(why(facts.inequalities, facts.reduce(form)) is not None for form in new)


def maximal(polyhedra: Sequence[Facts]) -> list[int]:
    """The indices of the polyhedra that are not empty and not within another one; of equal ones the first."""
    kept: list[int] = []
    for index, facts in enumerate(polyhedra):
        if feasible(facts.inequalities) and not any(hold(facts, polyhedra[other].forms) for other in kept):
            kept = [other for other in kept if not hold(polyhedra[other], facts.forms)] + [index]
    return kept


def equalities(facts: Facts) -> list[Form]:
    """The inequalities that are tight wherever all facts hold."""
    known = facts.inequalities
    return [form for form in known if why(known, -form) is not None]


def irredundant(forms: Sequence[Form]) -> list[Form]:
    """The forms without those that the others imply, the later ones going first."""
    kept = list(forms)
    for form in reversed(forms):
        others = [other for other in kept if other is not form]
        if implies(others, form):
            kept = others
    return kept


def _occurring(forms: Sequence[Form]) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(monomial for form in forms for monomial in form.itermonoms() if any(monomial)))


def _denominator(form: Form) -> int:
    return lcm(*(int(coefficient.denominator) for coefficient in form.coeffs()))


def _whole(form: Form, monomials: Sequence[tuple[int, ...]], scale: int) -> list[int]:
    """The constant and the coefficients of scale * form."""
    numbers = [form.coeff(1), *(form.get(monomial, 0) for monomial in monomials)]
    return [int(number * scale) for number in numbers]


def _combination(vectors: Sequence[Sequence[int]], target: Sequence[int]) -> tuple[list[Fraction], Fraction] | None:
    """Factors >= 0 and a slack >= 0 with which target = combination of vectors + slack, all of whose first entry is the
    constant: those of the largest slack; None if there are none."""
    optimum = minimise([vector[1:] for vector in vectors], [vector[0] for vector in vectors], target[1:])
    if optimum is None:
        return None
    point, slack = optimum.point, target[0] - _dot(vectors, optimum.point)
    if slack < 0:
        if optimum.ray is None:
            return None
        along = slack / _dot(vectors, optimum.ray)  # the forms contradict each other
        point, slack = [x + along * step for x, step in zip(point, optimum.ray, strict=True)], Fraction(0)
    return point, slack


def _dot(vectors: Sequence[Sequence[int]], factors: Sequence[Fraction]) -> Fraction:
    """The constant of a combination."""
    return sum((vector[0] * factor for vector, factor in zip(vectors, factors, strict=True)), Fraction(0))
