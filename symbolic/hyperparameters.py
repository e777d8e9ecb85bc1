"""The unknown exponents of a network's training: which there are, what they are called, and what was found for them.

In the gauge g = 1 a weight has a learning rate n^eta_l, an init scale n^sigma_l unless it starts at zero or one, and
n^lambda_l if it decays; a multiplier without a weight is n^kappa_k. Layers are numbered from input to output.

>>> from scalings.architectures import resmlp
>>> from scalings.optimizers import optimizer
>>> [str(name) for name in unknowns(resmlp(), optimizer("sgd")).symbols]
['eta_1', 'eta_2', 'eta_3', 'sigma_1', 'sigma_2', 'sigma_3', 'kappa_1', 'r']
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from scalings.exponents import MINUS_INFINITY, Affine, Exponent
from scalings.families import PARAMETER
from scalings.networks import Network
from scalings.nodes import MATRICES, Start, Weighted
from scalings.optimizers import UpdateLaw
from scalings.parameterizations import LayerExponents
from symbolic.facts import Facts, Form, as_affine
from symbolic.orders import O
from symbolic.unknowns import UnknownOrder, Unknowns

_KNOWN: dict[Start, Exponent] = {"zero": MINUS_INFINITY, "one": Fraction(0)}


def unknowns(network: Network, law: UpdateLaw) -> Any:
    """The ring QQ[eta_1, ..., r]; earlier unknowns are eliminated first, the richness last."""
    names = [f"eta_{number}" for number, _ in enumerate(network.layers, start=1)]
    names += [f"lambda_{number}" for number, layer in enumerate(network.layers, start=1) if decays(layer, law)]
    names += [f"sigma_{number}" for number, layer in enumerate(network.layers, start=1) if layer.start == "random"]
    names += [f"kappa_{number}" for number, _ in enumerate(network.multipliers, start=1)]
    return ring([*names, PARAMETER], QQ)[0]


def decays(layer: Weighted, law: UpdateLaw) -> bool:
    """Whether weight decay acts on it: on matrices, not on gains and biases."""
    return law.decay != "none" and isinstance(layer, MATRICES)


def orders(
    network: Network, law: UpdateLaw, algebra: Unknowns
) -> tuple[list[LayerExponents[UnknownOrder]], list[UnknownOrder]]:
    """Every exponent as an order: those of the layers, and those of the multipliers."""
    forms = {str(name): gen for name, gen in zip(algebra.facts.ring.symbols, algebra.facts.ring.gens, strict=True)}

    def order(name: str) -> UnknownOrder:
        return algebra.form(forms[name])

    return _exponents(network, law, order, algebra.constant)


def solution(network: Network, law: UpdateLaw, facts: Facts) -> tuple[list[LayerExponents[Affine]], list[Affine]]:
    """Every exponent in terms of what the facts leave free."""

    def found(name: str) -> Affine:
        form: Form = facts.ring.gens[[str(symbol) for symbol in facts.ring.symbols].index(name)]
        return as_affine(facts.reduce(form))

    return _exponents(network, law, found, Affine)


def _exponents(
    network: Network, law: UpdateLaw, unknown: Callable[[str], O], constant: Callable[[Exponent], O]
) -> tuple[list[LayerExponents[O]], list[O]]:
    layers = [
        LayerExponents(
            constant(Fraction(0)),
            unknown(f"sigma_{number}") if layer.start == "random" else constant(_KNOWN[layer.start]),
            unknown(f"eta_{number}"),
            unknown(f"lambda_{number}") if decays(layer, law) else None,
        )
        for number, layer in enumerate(network.layers, start=1)
    ]
    return layers, [unknown(f"kappa_{number}") for number, _ in enumerate(network.multipliers, start=1)]
