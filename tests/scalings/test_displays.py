"""How answers show themselves: a short line, tables when printed, escaped HTML in a notebook, and help on a screen."""

from __future__ import annotations

import pydoc
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from types import FunctionType
from typing import Any

import pytest
import torch

import scalings
from scalings.criteria.tutorial import TUTORIAL
from scalings.displays import Displayed
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.results.checks import Repair

COLUMNS, LINES = 100, 24
WITHOUT = [one for one in TUTORIAL if one.name != "maximality"]
SMALL: dict[str, Any] = {"widths": (16, 24, 32), "seeds": 2}
HOSTILE = "<script>alert('x')</script> & [bold]"


def compared() -> Any:
    measured = scalings.measure("mlp", "mup", **SMALL)
    return scalings.compare("mlp", scalings.predict("mlp", "mup"), measured)


ANSWERS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "derivation": (
        lambda: scalings.derive("mlp"),
        "Derivation(3 layers, sgd; 1 degree of freedom; 0 <= r <= 1/2)",
        "n<sup>2r-1</sup>",
    ),
    "pieces": (lambda: scalings.derive("mlp", criteria=WITHOUT), "3 degrees of freedom; 0 <= r <= 1/2", "&gt;= 0"),
    "family": (lambda: scalings.derive("mlp").family, "0 <= r <= 1/2; unit-multiplier", "n<sup>-r-1/2</sup>"),
    "several scales": (lambda: scalings.derive_each("resmlp"), "Monomials(3 layers, sgd; in width, depth)", "<table>"),
    "check": (lambda: scalings.check("mlp", "standard"), "Check(unstable: the output explodes)", "n<sup>3/2</sup>"),
    "rich": (lambda: scalings.check("mlp", "mup"), "Check(rich, r = 1/2)", "maximality"),
    "repair": (
        lambda: scalings.repair("mlp", "standard"),
        "Repair(lazy, r = 0; lr of layer2 from n^0 to n^(-1); lr of layer3 from n^0 to n^(-1))",
        "n<sup>-1</sup>",
    ),
    "forbidden": (
        lambda: scalings.repair("mlp", "standard", richness=Fraction(3, 4)),
        "Forbidden(nothing with r = 3/4: stable features exclude it)",
        "3/4",
    ),
    "parameterization": (
        lambda: scalings.preset("mup-lr", 3),
        'Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1", name="mup-lr")',
        "<td>n<sup>-1/2</sup></td>",
    ),
    "prediction": (lambda: scalings.predict("mlp", "mup"), "Prediction(mup; 154 orders, to update 3)", "|g dW h|"),
    "phases": (
        lambda: scalings.phases("mlp", "standard"),
        "PhaseDiagram(standard is unstable: the output explodes)",
        "features explode",
    ),
    "traced": (
        lambda: scalings.trace(lambda width: torch.nn.Linear(4, width), torch.ones(1, 4)),
        "TracedNetwork(2 parameters, at widths 64, 128, 256)",
        "<td>n x 4</td>",
    ),
    "measurement": (lambda: scalings.measure("mlp", "mup", **SMALL), "Measurement(mup on digits; ", "95 % interval"),
    "agreement": (compared, "Agreement(", "derived"),
    "verification": (lambda: scalings.verify(**SMALL), "Verification(INCONCLUSIVE, 5 members)", "r = 5/16"),
}


class Tags(HTMLParser):
    """Which tags there are, and whether each is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, _: object) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_shows_itself(name: str) -> None:
    make, said, in_table = ANSWERS[name]
    answer = make()
    assert said in repr(answer)
    assert "\n" not in repr(answer)
    assert len(repr(answer)) < 3 * COLUMNS
    tags = Tags()
    tags.feed(answer._repr_html_())
    assert tags.open == []
    assert tags.seen <= {"table", "tr", "th", "td", "p", "br", "sup"}
    assert "table" in tags.seen or name == "forbidden"
    assert in_table in answer._repr_html_()
    printed = str(answer).splitlines()
    assert not any("Fraction(" in line or "LayerExponents(" in line for line in printed)


def test_the_line_of_a_parameterization_makes_it_again() -> None:
    decaying = Parameterization.of(
        multiplier="0,1/2", init="0,-oo", lr="1,-1/3", decay="0,1", scales="1/2", name='a "b"'
    )
    for given in (scalings.preset("ntp", 4), decaying):
        assert eval(repr(given), {"Parameterization": Parameterization}) == given


def test_what_a_name_holds_is_escaped() -> None:
    named = replace(scalings.preset("mup", 3), name=HOSTILE)
    prediction, check = scalings.predict("mlp", named), scalings.phases("mlp", named)
    repaired = scalings.repair("mlp", replace(scalings.preset("standard", 3), name=HOSTILE))
    assert isinstance(repaired, Repair)
    for answer in (named, prediction, check, repaired):
        assert "<script" not in answer._repr_html_()
    assert "&lt;script&gt;" in named._repr_html_()
    assert HOSTILE in str(named)


def test_nothing_shows_what_it_does_not_know() -> None:
    class Other(Displayed):
        pass

    with pytest.raises(TypeError, match="how to show a Other"):
        Other()._repr_html_()


def rows(value: object) -> int:
    """The rows of help for it on a screen, which folds long lines."""
    lines = pydoc.plain(pydoc.render_doc(value)).splitlines()[2:]
    return sum(max(1, -(-len(line) // COLUMNS)) for line in lines)


@pytest.mark.parametrize(
    "name", [name for name in scalings.__all__ if isinstance(getattr(scalings, name), FunctionType)]
)
def test_help_fits_a_screen(name: str) -> None:
    assert rows(getattr(scalings, name)) <= LINES


def test_help_that_writes_its_defaults_out_does_not() -> None:
    def derive(criteria: object = tuple(vars(one) for one in TUTORIAL)) -> None:
        """Which exponents meet the criteria?"""

    assert rows(derive) > LINES
