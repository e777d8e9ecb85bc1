"""The point of a union of polyhedra that differs from a given one in the fewest layers.

z3 minimises exactly, over the rationals, and in this order: layers that change, multipliers, init scales and decays,
then learning rates that change, then the sum of all distances. Each polyhedron says which exponents are -oo in it, as
those of weights that start at zero.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, eta, sigma = ring("eta_1, sigma_1", QQ)
>>> start = {"eta_1": Fraction(0), "sigma_1": Fraction(0)}
>>> line = [eta + sigma - 1, 1 - eta - sigma]
>>> found = nearest([(line, frozenset())], start, {"eta_1": "layer1", "sigma_1": "layer1"})
>>> [str(found[name]) for name in start]
['1', '0']
>>> start["sigma_1"] = MINUS_INFINITY
>>> found = nearest([(line, frozenset()), ([eta - 2], frozenset(["sigma_1"]))], start, dict.fromkeys(start, "layer1"))
>>> [str(found[name]) for name in start]
['2', '-inf']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import z3

from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.unknowns import Kind, kind_of
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.z3_forms import nonnegative, number, value

_KINDS: tuple[Kind, ...] = ("scales", "init", "decay", "lr")
"""From what is changed last to what is changed first."""
Piece: TypeAlias = tuple[Sequence[Form], frozenset[str]]
"""A polyhedron, as forms >= 0, and the names of the exponents that are -oo there; all others are numbers."""


def nearest(
    pieces: Sequence[Piece], given: Mapping[str, Exponent], layers: Mapping[str, str]
) -> dict[str, Exponent] | None:
    """Values of all unknowns in one of the polyhedra, or None if all are empty.

    `given` are the values to be kept where that is possible, `layers` says to which layer each unknown belongs.
    """
    context = z3.Context()
    solver = z3.Optimize(ctx=context)
    variables = {name: z3.Real(name, context) for name in given}
    is_zero = {name: z3.Bool(f"{name} is zero", context) for name in given}
    solver.add(z3.Or([_inside(piece, is_zero, context) for piece in pieces], context))
    changed = {name: z3.Not(_equals(variables[name], is_zero[name], exponent)) for name, exponent in given.items()}
    for layer in dict.fromkeys(layers[name] for name in given):
        solver.add_soft(z3.Not(z3.Or([changed[name] for name in given if layers[name] == layer])), id="layers")
    for kind in _KINDS:
        for name in (name for name in given if kind_of(name) == kind):
            solver.add_soft(z3.Not(changed[name]), id=kind)
    finite = [(variables[name], exponent) for name, exponent in given.items() if isinstance(exponent, Fraction)]
    solver.minimize(z3.Sum([z3.RealVal(0, context), *(distance(variable, exponent) for variable, exponent in finite)]))
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    return {
        name: MINUS_INFINITY if z3.is_true(model.eval(is_zero[name])) else value(model, variable)
        for name, variable in variables.items()
    }


def _inside(piece: Piece, is_zero: Mapping[str, z3.BoolRef], context: z3.Context) -> z3.BoolRef:
    forms, zeros = piece
    starts = [zero if name in zeros else z3.Not(zero) for name, zero in is_zero.items()]
    return z3.And([*(nonnegative(form, context) for form in forms), *starts], context)


def _equals(variable: z3.ArithRef, is_zero: z3.BoolRef, given: Exponent) -> z3.BoolRef:
    return z3.And(z3.Not(is_zero), variable == number(given, variable.ctx)) if isinstance(given, Fraction) else is_zero


def distance(variable: z3.ArithRef, given: Fraction) -> z3.ArithRef:
    """|variable - given|"""
    exact = number(given, variable.ctx)
    return z3.If(variable >= exact, variable - exact, exact - variable)
