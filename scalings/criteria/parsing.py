"""Criteria as text: a name, a relation between two products of orders, and where and when it is to hold.

    NAME: LEFT ~ RIGHT at WHERE WHEN        or <= instead of ~

A product's factors, joined by *, are quantities as tables print them (|z|, |dz|, |d|, |g dW h|, ...) or in words (z,
dz, d, layer, ...), of which z@0 is at initialization and d@before one update earlier, and powers of `units` (those of
the representation), `copies` (of a repeated layer) and `n`, the scale variable under study. A side may be a sum of such
products, as layer + interaction, whose order is that of the largest. WHERE is one of hidden,
layers, single layers, repeated layers, hidden matrices, output, output matrices and scores; WHEN is one of initially,
after updates, when settled.

>>> quiet = parse_criterion("quiet output: |dz| <= n^(-1/2) at output after updates")
>>> quiet.name, quiet.sign, str(quiet.right.power), quiet.when
('quiet output', '<=', '-1/2', 'updates')
>>> parse_criterion("signal: z ~ units^1/2 at hidden initially").right.units
Fraction(1, 1)
>>> format_relation(parse_criterion("own: layer + interaction ~ dz at layers when settled"))
'layer + interaction ~ dz at layers when settled'
>>> format_relation(quiet)
'dz <= n^(-1/2) at output after updates'
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import get_args

from scalings.criteria.criterion import Criterion, Factor, Product, Sign, When, Where
from scalings.criteria.observables import SYMBOLS
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import parse_power

_FORM = re.compile(r"^(?P<name>[^:]+):(?P<left>.+?)(?P<sign>~|<=)(?P<right>.+?)\bat\b(?P<where>.+)$")
_WHEN: dict[str, When] = {"initially": "initialization", "after updates": "updates", "when settled": "settled"}
_SPOKEN = ("z", "dz", "d", "layer", "passthrough", "interaction", "gradient", "dW_frobenius", "W_frobenius", "decay")
_WORDS = {"".join(symbol.split()): word for word, symbol in SYMBOLS.items() if word in _SPOKEN}
"""Quantity, as tables print it but without spaces -> its word."""
_INITIAL = ("z", "d", "W_frobenius")
"""The quantities that exist at initialization."""
_POWERS = ("units", "copies", "n")
_LONGEST = 1000
"""The most characters of a criterion."""
_MOST_FACTORS = 12
"""The most quantities on one side: each may be a maximum of many terms, and products multiply them out."""


def parse_criterion(text: str) -> Criterion:
    """The criterion that the text states. Raises ArgumentError with the part that cannot be read."""
    if len(text) > _LONGEST or not text.isprintable():
        raise _wrong(f"at most {_LONGEST} characters, all of them printable", text)
    form = _FORM.match(text.strip())
    if form is None:
        raise _wrong("NAME: LEFT ~ RIGHT at WHERE WHEN, as in 'quiet: |dz| <= n^(-1/2) at output after updates'", text)
    name, where_when = form["name"].strip(), form["where"].strip()
    when = next((words for words in _WHEN if where_when.endswith(words)), None)
    if when is None:
        raise _wrong(f"one of {', '.join(_WHEN)} at the end", where_when)
    where = where_when.removesuffix(when).strip()
    if where not in get_args(Where):
        raise _wrong(f"one of {', '.join(get_args(Where))}", where)
    sign: Sign = "~" if form["sign"] == "~" else "<="
    left, right = _sum(form["left"]), _sum(form["right"])
    factors = [factor for side in (left, right) for term in side.terms for factor in term.factors]
    if any(quantity not in _INITIAL for quantity, moment in factors if when == "initially" or moment == "initially"):
        raise _wrong("z, d or W_frobenius, since nothing has changed initially", form["left"].strip())
    return Criterion(name, text.partition(":")[2].strip(), "your own", left, sign, right, where, _WHEN[when])  # type: ignore[arg-type]


def format_relation(criterion: Criterion) -> str:
    """The text of a criterion's relation, as `parse_criterion` reads it after the name and a colon."""
    when = next(words for words, moment in _WHEN.items() if moment == criterion.when)
    left, right = _written(criterion.left), _written(criterion.right)
    return f"{left} {criterion.sign} {right} at {criterion.where} {when}"


def _written(side: Product) -> str:
    return " + ".join(map(_term_written, side.terms))


def _term_written(product: Product) -> str:
    moments = {"now": "", "initially": "@0", "before": "@before"}
    powers = {"units": product.units / 2, "copies": product.copies, "n": product.power}
    factors = [f"{quantity}{moments[moment]}" for quantity, moment in product.factors]
    factors += [base if power == 1 else f"{base}^({power})" for base, power in powers.items() if power]
    return " * ".join(factors) or "1"


def _sum(text: str) -> Product:
    first, plus, others = text.partition("+")
    return replace(_product(first), plus=_sum(others)) if plus else _product(first)


def _product(text: str) -> Product:
    factors: list[Factor] = []
    powers = dict.fromkeys(_POWERS, Fraction(0))
    for item in text.split("*"):
        name, at, moment = item.strip().partition("@")
        base, _, exponent = name.partition("^")
        quantity = _WORDS.get("".join(name.split()), name)
        if name == "1":
            continue
        if base in _POWERS:
            powers[base] += _fraction(exponent)
        elif quantity in _SPOKEN and moment in ("", "0", "before") and bool(at) == bool(moment):
            factors.append((quantity, {"": "now", "0": "initially", "before": "before"}[moment]))  # type: ignore[arg-type]
        else:
            known = f"{', '.join(_POWERS)}, or one of {', '.join(_SPOKEN)}"
            raise _wrong(f"1, a power of {known} (or as tables print it, as in |dz|)", item.strip())
    if len(factors) > _MOST_FACTORS:
        raise _wrong(f"at most {_MOST_FACTORS} quantities in a product", text.strip())
    return Product(tuple(factors), 2 * powers["units"], powers["copies"], powers["n"])


def _fraction(text: str) -> Fraction:
    try:
        return parse_power(text.strip("()")) if text else Fraction(1)
    except ValueError as error:
        raise ArgumentError("criterion", f"{error} as exponent") from None


def _wrong(expected: str, given: str) -> ArgumentError:
    return ArgumentError("criterion", f"expected {expected}, but got {given!r:.100}")
