"""Rational numbers and affine forms, translated to z3 and back.

Each search has a context of its own: in the one that all share, the point that z3 finds depends on what was asked of it
before.
"""

from __future__ import annotations

from fractions import Fraction

import z3

from symbolic.polyhedra.facts import Form


def number(exact: Fraction, context: z3.Context | None = None) -> z3.RatNumRef:
    return z3.RealVal(str(exact), context)  # z3.Q simplifies a quotient first, which takes ten times as long


def value(model: z3.ModelRef, variable: z3.ArithRef) -> Fraction:
    """The value of a variable in a model; 0 if the model leaves it open."""
    return Fraction(model.eval(variable, model_completion=True).as_fraction())


def nonnegative(form: Form, context: z3.Context | None = None) -> z3.BoolRef:
    """form >= 0, in whole numbers."""
    _, cleared = form.clear_denoms()
    terms = [int(c) * z3.Real(str(form.ring.symbols[m.index(1)]), context) for m, c in cleared.terms() if any(m)]
    return z3.Sum([z3.RealVal(int(cleared.coeff(1)), context), *terms]) >= 0
