"""Linear forms in three unknowns, drawn by hypothesis, and what z3 says of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import z3
from hypothesis import strategies as st
from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from symbolic.polyhedra.facts import Form

RING, *UNKNOWNS = ring("x, y, z", QQ)
coefficients = st.integers(-3, 3) | st.fractions(-2, 2, max_denominator=3)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    numbers = [draw(coefficients) for _ in range(4)]
    return sum(
        (
            QQ(Fraction(c).numerator, Fraction(c).denominator) * x
            for c, x in zip(numbers, [*UNKNOWNS, RING(1)], strict=True)
        ),
        RING(0),
    )


def holds(form: Form) -> Any:
    terms = [z3.RealVal(str(c)) * z3.Real(str(RING.symbols[m.index(1)])) for m, c in form.terms() if any(m)]
    return z3.Sum([z3.RealVal(str(form.coeff(1))), *terms, z3.RealVal(0)]) >= 0


def z3_implies(forms: list[Form], *conclusions: Form) -> bool:
    solver = z3.Solver()
    solver.add([holds(form) for form in forms])
    solver.add(z3.Not(z3.And([holds(form) for form in conclusions])) if conclusions else z3.BoolVal(True))
    return bool(solver.check() == z3.unsat)
