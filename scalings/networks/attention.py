"""Attention as the ready-made networks have it: heads that grow, shared keys and values, normalized queries and keys.

>>> [node.name for node in Attention(groups=2).nodes("block")]
['query', 'key', 'value', 'scores', 'mix', 'projection']
>>> key = Attention(grows="heads", groups=2).nodes("block")[1]
>>> print(key.fan_out)  # two heads of 64 units, however many read them
128
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, get_args

from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import parse_fraction
from scalings.networks.arguments import require_one_of
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.networks.nodes import Dense, Elementwise, Factor, Gain, Mix, Node, Norm, Scale, Scores, Sum

HEADS, HEAD_SIZE = 8, 64
"""The number of heads if they grow in size, and their size if they grow in number."""
Heads = Literal["head-size", "heads"]
"""What grows with the width in attention: the size of each head, or the number of heads."""
SCORE_CAP = 50.0
"""Of scores, as in Gemma 2 (arXiv 2408.00118)."""


@dataclass(frozen=True)
class Attention:
    """Queries, keys and values, their scores, what these mix, and a projection back to n units.

    `groups` is the number of heads of keys and values, each read by as many heads of queries (grouped queries, arXiv
    2305.13245), or their share of the heads of queries, such as 1/4. Raises ArgumentError for one that does not divide.
    """

    grows: Heads = "head-size"
    groups: int | Fraction | str | None = None
    qk_norm: bool = False
    """Normalize the queries and keys of each head, with a gain for each unit (arXiv 2302.05442)."""
    softcap: bool = False
    """Bound the scores: c tanh(s / c)."""
    rotary: bool = False
    """Turn queries and keys by their position (arXiv 2104.09864)."""
    bidirectional: bool = False

    def __post_init__(self) -> None:
        require_one_of("grows", self.grows, get_args(Heads))
        if self.groups is not None and not self._divides(self._shared):
            of = f"the {HEADS} heads" if self.grows == "head-size" else "the heads"
            expected = f"expected a number of heads of keys that divides {of}, or a share of them such as 1/4"
            raise ArgumentError("groups", f"{expected}, but got {self.groups!s:.60}")

    def _divides(self, shared: Fraction) -> bool:
        """Whether so many heads of keys, or such a share, can be read by all queries alike."""
        if shared <= 0 or 1 not in (shared.numerator, shared.denominator):
            return False
        return self.grows == "heads" or HEADS % (shared if shared >= 1 else 1 / shared) == 0

    @cached_property
    def _shared(self) -> Fraction:
        try:
            return parse_fraction(str(self.groups or 0))
        except ValueError:
            return Fraction(0)

    @property
    def heads(self) -> Dimension:
        return fixed(HEADS) if self.grows == "head-size" else Dimension(Fraction(1, HEAD_SIZE), Fraction(1))

    @property
    def head_size(self) -> Dimension:
        return fixed(HEAD_SIZE) if self.grows == "heads" else Dimension(Fraction(1, HEADS), Fraction(1))

    @property
    def shared_heads(self) -> Dimension:
        """Those of keys and values."""
        if self.groups is None:
            return self.heads
        return fixed(int(self._shared)) if self._shared >= 1 else self.heads * Dimension(self._shared)

    @property
    def _shared_units(self) -> Dimension:
        return WIDTH if self.groups is None else self.shared_heads * self.head_size

    def nodes(self, source: str) -> list[Node]:
        """From what is attended to, to the projection."""
        units = {"query": WIDTH, "key": self._shared_units, "value": self._shared_units}
        nodes: list[Node] = [Dense(name, source, f"weight_{name}", WIDTH, of) for name, of in units.items()]
        compared = {"query": "query", "key": "key"}
        if self.qk_norm:
            for name, heads in (("query", self.heads), ("key", self.shared_heads)):
                nodes.append(Norm(f"{name}_norm", name, heads))
                nodes.append(Gain(f"{name}_gain", f"{name}_norm", f"gain_{name}", units[name]))
                compared[name] = f"{name}_gain"
        nodes.append(Scores("scores", compared["query"], compared["key"], self.heads, self.head_size, self.rotary))
        if self.softcap:
            nodes += softcap("scores", SCORE_CAP)
        nodes.append(Mix("mix", nodes[-1].name, "value", self.bidirectional))
        return [*nodes, Dense("projection", "mix", "weight_projection", WIDTH, WIDTH)]


def softcap(source: str, cap: float) -> list[Node]:
    """cap tanh(z / cap)"""
    return [
        Factor(f"{source}_share", source, Fraction(0), 1 / cap),
        Elementwise(f"{source}_bounded", f"{source}_share", "tanh"),
        Factor(f"{source}_capped", f"{source}_bounded", Fraction(0), cap),
    ]


def normalized(name: str, source: str, *, gains: bool) -> list[Node]:
    """A normalization, with a gain or without."""
    norm: list[Node] = [Norm(f"{name}_norm", source)]
    return [*norm, Gain(f"{name}_gain", f"{name}_norm", f"gain_{name}", WIDTH)] if gains else norm


def beside(
    stream: str,
    result: str,
    name: str,
    branches: Callable[[str], dict[str, list[Node]]],
    *,
    gains: bool,
    post_norm: bool = False,
) -> list[Node]:
    """The stream plus its branches, with a normalization in front of them or behind each, and a multiplier each."""
    nodes = [] if post_norm else normalized(name, stream, gains=gains)
    scales = []
    for branch, parts in branches(nodes[-1].name if nodes else stream).items():
        nodes += parts
        if post_norm:
            nodes += normalized(branch, nodes[-1].name, gains=gains)
        nodes.append(Scale(f"{branch}_scale", nodes[-1].name))
        scales.append(nodes[-1].name)
    return [*nodes, Sum(result, (stream, *scales))]
