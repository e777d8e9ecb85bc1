"""Names of exponents: eta_2 is that of the second layer's learning rate.

Layers are numbered from input to output, and so are the multipliers without a weight, whose exponents are kappa_1, ....

>>> name_of("init", 3), name_of("scales", 1), kind_of("lambda_12")
('sigma_3', 'kappa_1', 'decay')
"""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["init", "lr", "decay", "scales"]
"""What is asked for in the gauge g = 1."""
KINDS: tuple[Kind, ...] = get_args(Kind)
SYMBOLS = {"multiplier": "g", "init": "sigma", "lr": "eta", "decay": "lambda", "epsilon": "epsilon", "scales": "kappa"}
WORDS: dict[Kind, str] = {
    "lr": "learning rate",
    "init": "init scale",
    "decay": "weight decay",
    "scales": "multiplier",
}
PATTERN = rf"({'|'.join(SYMBOLS[kind] for kind in KINDS)})_(\d+)"
"""The name of an unknown as a regular expression: its symbol and its number."""


def name_of(kind: Kind, number: int | str) -> str:
    """The name of an exponent; the number may be an index, as in sigma_l."""
    return f"{SYMBOLS[kind]}_{number}"


def kind_of(name: str) -> Kind:
    """What the exponent of this name is one of."""
    symbol = name.partition("_")[0]
    return next(kind for kind in KINDS if SYMBOLS[kind] == symbol)
