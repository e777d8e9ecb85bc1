"""The rule of products agrees with products of tensors: of random factors, and of changes that lie along gradients.

Norms are measured relative to those of the factors, so that each is a power of n by itself. Every neighbouring power is
refused, at 1/4 away; where aligned and generic products differ, so is the other one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from empirical.statistics import regression
from scalings.criteria.problem import Problem
from scalings.hyperparameters.exponents import Exponent
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.dimensions import ONE, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Product, Weight
from scalings.results.fits import Fit
from symbolic.orders.algebra import EXACT
from symbolic.propagation.state import Run
from symbolic.propagation.training import RULES
from tests.agreement.experiments import QUARTER, p_value

WIDTHS = (64, 128, 256, 512, 1024, 2048, 4096)
SEEDS = 16
ZERO, NONE = Fraction(0), -float("inf")
ROOT, WIDE = Dimension(1, Fraction(1, 2)), Dimension(1, Fraction(1))


@dataclass(frozen=True)
class Sizes:
    """Of z_(s a b) = sum over k of l_(s a k) r_(s b k)."""

    shared: Dimension
    summed: Dimension
    left: Dimension
    right: Dimension

    @property
    def node(self) -> Product:
        return Product("z", "l", "r", self.shared * self.left * self.right, self.summed)

    @property
    def network(self) -> Network:
        factors = {"l": self.left, "r": self.right}
        weights = [Weight(name, name, ONE, self.shared * self.summed * own) for name, own in factors.items()]
        return Network((*weights, self.node))

    def derived(self, *, moved: bool, initial: bool = True, both: bool = False) -> tuple[Exponent, Exponent]:
        """Relative to the factors, |z| or |dz|, and |d_l|: of the initial values, of l moved, or of both."""
        run: Run[Exponent] = Run(Problem(self.network, OPTIMIZERS["sgd"]), EXACT, {}, {}, RULES, step=2)
        at_init = ZERO if initial else NONE
        run.initial = {"l": at_init, "r": at_init}
        run.change = {"l": (ZERO if moved else NONE,), "r": (ZERO if both else NONE,)}
        run.own = {name: change for name, (change,) in run.change.items()}
        run.signal["z"] = (ZERO,)
        list(RULES[Product].initialize(run, self.node))
        list(RULES[Product].forward(run, self.node))
        list(run.backward(self.node))
        return run.change["z"][0] if moved else run.initial["z"], run.signal["l"][0]


CASES = {
    "unit by unit": Sizes(WIDE, ONE, fixed(2), fixed(2)),
    "scores": Sizes(fixed(2), WIDE, fixed(3), fixed(3)),
    "scores of heads that grow in number": Sizes(WIDE, fixed(4), fixed(3), fixed(3)),
    "mixing": Sizes(fixed(2), fixed(3), fixed(3), WIDE),
    "a narrow result": Sizes(ONE, WIDE, fixed(2), ROOT),
    "a wide result": Sizes(ONE, ROOT, fixed(2), WIDE),
    "all that grows": Sizes(ROOT, ROOT, fixed(2), ROOT),
}


def drawn(sizes: Sizes, width: int, seed: int) -> dict[str, Tensor]:
    """Random factors and a random backward signal; the gradients of the factors, which they move along, at first, and
    when the other one has moved as much as it was."""
    generator = torch.Generator().manual_seed(seed)
    s, k, a, b = (size.at(width) for size in (sizes.shared, sizes.summed, sizes.left, sizes.right))
    left, right, signal = (torch.randn(s, *shape, generator=generator) for shape in ((a, k), (b, k), (a, b)))
    by_right = signal.mT @ left
    now = right + by_right * right.norm() / by_right.norm()
    return {"l": left, "r": right, "d": signal, "dl": signal @ right, "dr": by_right, "dl later": signal @ now}


def measured(sizes: Sizes, of: str) -> Fit:
    """The exponent of one of the rule's terms, over widths and seeds."""

    def term(width: int, seed: int) -> float:
        at = drawn(sizes, width, seed)
        one, other, product = {
            "initial": ("l", "r", at["l"] @ at["r"].mT),
            "moved": ("dl", "r", at["dl"] @ at["r"].mT),
            "both moved": ("dl later", "dr", at["dl later"] @ at["dr"].mT),
            "back": ("d", "r", at["d"] @ at["r"]),
            "back by the change": ("d", "dr", at["d"] @ at["dr"]),
        }[of]
        return float(product.norm() / at[one].norm() / at[other].norm())

    values = {width: torch.tensor([term(width, seed) for seed in range(SEEDS)]).double().numpy() for width in WIDTHS}
    found = regression.fit(values)
    assert isinstance(found, Fit)
    return found


def derived(sizes: Sizes, of: str) -> Exponent:
    return {
        "initial": lambda: sizes.derived(moved=False)[0],
        "moved": lambda: sizes.derived(moved=True)[0],
        "both moved": lambda: sizes.derived(moved=True, initial=False, both=True)[0],
        "back": lambda: sizes.derived(moved=False)[1],
        "back by the change": lambda: sizes.derived(moved=True, initial=False, both=True)[1],
    }[of]()


@pytest.mark.parametrize("of", ["initial", "moved", "both moved", "back", "back by the change"])
@pytest.mark.parametrize("sizes", CASES.values(), ids=CASES)
def test_every_term_of_the_rule_is_that_of_tensors(sizes: Sizes, of: str) -> None:
    expected, found = derived(sizes, of), measured(sizes, of)
    assert p_value(found, expected) >= 0.05
    for by in (QUARTER, -QUARTER):
        assert p_value(found, expected + by) < 0.05


@pytest.mark.parametrize(
    ("one", "other", "sizes"), [("moved", "initial", "scores"), ("back by the change", "back", "mixing")]
)
def test_aligned_and_generic_products_are_told_apart(one: str, other: str, sizes: str) -> None:
    found = measured(CASES[sizes], one)
    assert derived(CASES[sizes], one) != derived(CASES[sizes], other)
    assert p_value(found, derived(CASES[sizes], other)) < 0.05
