"""Exact questions about systems of linear inequalities `form >= 0`, decided by z3 over the rationals.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, x, y = ring("x, y", QQ)
>>> square = [x, y, 1 - x, 1 - y]
>>> implies(square, 2 - x - y), implies(square, 1 - x - y), feasible([*square, x + y - 3])
(True, False, False)
>>> equalities([*square, -x]), irredundant([*square, 2 - x - y]) == square
([x, -x], True)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import z3

from symbolic.facts import Form


def feasible(forms: Sequence[Form]) -> bool:
    """Whether some point has every form >= 0."""
    return bool(_solver(forms).check() == z3.sat)


def implies(forms: Sequence[Form], *conclusions: Form) -> bool:
    """Whether every point with every form >= 0 has every conclusion >= 0."""
    violated = z3.Not(z3.And([_nonnegative(form) for form in conclusions]))
    return bool(_solver(forms, violated).check() == z3.unsat)


def maximal(polyhedra: Sequence[Sequence[Form]]) -> list[int]:
    """The indices of the polyhedra that are not empty and not within another one; of equal ones the first."""
    kept: list[int] = []
    for index, forms in enumerate(polyhedra):
        if feasible(forms) and not any(implies(forms, *polyhedra[other]) for other in kept):
            kept = [other for other in kept if not implies(polyhedra[other], *forms)] + [index]
    return kept


def equalities(forms: Sequence[Form]) -> list[Form]:
    """The forms that are zero on the whole polyhedron."""
    return [form for form in forms if implies(forms, -form)]


def irredundant(forms: Sequence[Form]) -> list[Form]:
    """The forms without those that the others imply, the later ones going first."""
    kept = list(forms)
    for form in reversed(forms):
        others = [other for other in kept if other is not form]
        if implies(others, form):
            kept = others
    return kept


def _solver(forms: Sequence[Form], *more: z3.BoolRef) -> z3.Solver:
    solver = z3.SolverFor("QF_LRA")
    solver.add(*map(_nonnegative, forms), *more)
    return solver


@cache
def _nonnegative(form: Form) -> z3.BoolRef:
    """form >= 0 as a z3 expression, in whole numbers."""
    _, cleared = form.clear_denoms()
    terms = [int(c) * z3.Real(str(form.ring.symbols[m.index(1)])) for m, c in cleared.terms() if any(m)]
    return z3.Sum([z3.RealVal(int(cleared.coeff(1))), *terms]) >= 0
