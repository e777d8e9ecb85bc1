"""The point of a union of polyhedra that differs from a given one in the fewest layers.

z3 minimises exactly, over the rationals, and in this order: layers that change, multipliers, init scales and decays,
then learning rates that change, then the sum of all distances.

>>> from sympy.polys.domains import QQ
>>> from sympy.polys.rings import ring
>>> R, eta, sigma = ring("eta_1, sigma_1", QQ)
>>> start = {"eta_1": Fraction(0), "sigma_1": Fraction(0)}
>>> found = nearest([[eta + sigma - 1, 1 - eta - sigma]], start, {"eta_1": "layer1", "sigma_1": "layer1"})
>>> [str(found[name]) for name in start]
['1', '0']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import z3

from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.unknowns import Kind, kind_of
from symbolic.polyhedra.facts import Form
from symbolic.polyhedra.z3_forms import nonnegative, number, value

_KINDS: tuple[Kind, ...] = ("scales", "init", "decay", "lr")
"""From what is changed last to what is changed first."""


def nearest(
    polyhedra: Sequence[Sequence[Form]], given: Mapping[str, Exponent], layers: Mapping[str, str]
) -> dict[str, Fraction] | None:
    """Values of all unknowns in one of the polyhedra (forms >= 0), or None if all are empty.

    `given` are the values to be kept where that is possible (one of -oo never is), `layers` says to which layer each
    unknown belongs. Unknowns that are not given are free.
    """
    solver = z3.Optimize()
    solver.add(z3.Or([z3.And([nonnegative(form) for form in forms]) for forms in polyhedra]))
    variables = {name: z3.Real(name) for name in given}
    changed = {name: _differs(variables[name], exponent) for name, exponent in given.items()}
    for layer in dict.fromkeys(layers[name] for name in given):
        solver.add_soft(z3.Not(z3.Or([changed[name] for name in given if layers[name] == layer])), id="layers")
    for kind in _KINDS:
        for name in (name for name in given if kind_of(name) == kind):
            solver.add_soft(z3.Not(changed[name]), id=kind)
    finite = [(variables[name], exponent) for name, exponent in given.items() if isinstance(exponent, Fraction)]
    solver.minimize(z3.Sum([z3.RealVal(0), *(_distance(variable, exponent) for variable, exponent in finite)]))
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    return {name: value(model, variable) for name, variable in variables.items()}


def _differs(variable: z3.ArithRef, given: Exponent) -> z3.BoolRef:
    return variable != number(given) if isinstance(given, Fraction) else z3.BoolVal(True)


def _distance(variable: z3.ArithRef, given: Fraction) -> z3.ArithRef:
    exact = number(given)
    return z3.If(variable >= exact, variable - exact, exact - variable)
