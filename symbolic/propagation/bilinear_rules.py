"""The rule of products of two values, unit by unit or summed over units; attention's scores and mixing are cases of it.

Let z_(s a b) = sum over k of l_(s a k) r_(s b k), with S units that all three have, K that are summed over, A that only
l has and B that only r has (`scalings.networks.contractions`). All orders below are norms:

    at init       |z| = |l| |r| / sqrt(S K)                     independent factors: generic
                  |z| = |l| |r| / sqrt(S)                       coherent ones, as in x . x: law of large numbers
    change        |dz| = |dl| |r| / sqrt(S) + |l| |dr| / sqrt(S) + |dl| |dr| / sqrt(S)
    backward      |d_l| = |d_z| |r| / sqrt(S B) + |d_z| |dr| / sqrt(S)
                  |d_r| = |d_z| |l| / sqrt(S A) + |d_z| |dl| / sqrt(S)

**Change.** The gradient of l lies along r: aligned. What is computed from data has, as a matrix from K to B units, the
rank of a fixed number of tokens: it acts on such a dl by its norm. That dl and dr are along each other is an upper
bound while they are smaller than l and r; but unless both A and B grow, one of the other two terms is no smaller.

**Matrices that are made of weights alone**, such as g v / |v| of a weight normalization, r say, are of full rank, and
so are constant ones, such as a fixed random projection, and those that a layer makes of all their entries and that are
used as matrices alone, as a hypernetwork's (`generated_matrices`):

    change        |dz| = |dl| (|r| + |dr|) / sqrt(S min(K, B)) + |l| |dr| / sqrt(S K)
                         + (|l| + |dl|) |dr written| / sqrt(S)
    backward      |d_l| = |d_z| (|r| + |dr|) / sqrt(S B) + |d_z| |dr written| / sqrt(S)

On what comes through it such a matrix acts by sqrt(K) + sqrt(B) times its entries (as W acts on W^T d in
`weighted_rules`, of which this is another spelling). Of dr only that is along l(0) which was written so: the update of
a weight by itself is, and stays so where it is multiplied by numbers. It is lost where a random matrix is multiplied
by it: v dg makes of h what v makes of it, unit by unit in other proportions. The gradient of g is a sum back over the
units A' that only v has, generic as the one below, and of g's change |dg written| |v| / sqrt(S' A') is left along l.

**Backward** is a sum over the units that only the other factor has. Before the first update the backward signal knows
nothing of the other factor, and the sum is generic; afterwards this one has moved along the signal. So what reaches the
output only through such sums is *dormant* (`Network.dormant`: queries and keys, behind values; routers, behind
experts): the first update finds next to nothing of it in the gradients of what comes before. The part of dl that
weights before l only pass on then meets r by chance, and not along it: |dl| (|r| + |dr|) / sqrt(S K). What l's own
weights did (`Run.own`) lies along r all the same (measured: tests/agreement/test_attention.py).

A coherent sum keeps its law of large numbers: |dl| |dr| / sqrt(S) at once; and of what is passed on to a curved l the
part along l, min(1, |dl|/|l|) of it, as in the overlap rule of `weighted_rules`.

**Attention** of n = heads * head_size units: S is the number of heads of keys and values, each shared by A of queries,
which is 1 where there are as many. Scores sum over K = head_size. Mixing has B = head_size, and
the left factor p = softmax(s), with |p| = sqrt(heads) whatever s is, |dp| = min(|p|, |ds|) and |d_s| = |d_p|, as the
number of positions is fixed.

Sources: Yang et al., arXiv 2203.03466, section 5 and appendix B ("1/d attention"), for head_size that grows; Hron et
al., arXiv 2006.10540, for heads that do; Yang and Hu, arXiv 2011.14522 (generic and aligned). That it holds of any
product is this project's own, and measured: tests/agreement/test_products.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from scalings.networks.contractions import Contraction, contraction
from scalings.networks.dimensions import COUNTED_SCALES
from scalings.networks.nodes import Mix, Product, Scores
from symbolic.orders.algebra import O
from symbolic.propagation.fading import carried, fade
from symbolic.propagation.reduction_rules import along_itself
from symbolic.propagation.state import HALF, Parts, Run, Steps

_NOTHING = Contraction(Fraction(0), Fraction(0), Fraction(0), Fraction(0))


@dataclass(frozen=True)
class _Factor(Generic[O]):
    """One of the two values."""

    initial: O
    change: Parts[O]
    moved: O
    """|change| where it may outgrow the initial value, else zero."""
    own: O
    """Of the change, what its own weights wrote along the other factor."""
    is_weights: bool = False
    """Whether it is made of weights, or of constants, alone: as a matrix, of full rank."""

    def random(self, run: Run[O]) -> O:
        """What of it acts as a random factor does."""
        return run.algebra.total(self.initial, self.moved) if self.is_weights else self.initial

    @property
    def written(self) -> O:
        """What of it lies along the other factor, and so along its changes."""
        return self.own if self.is_weights else self.moved


class ProductRule:
    """z = l r, unit by unit or summed. Source: the module's docstring."""

    def initialize(self, run: Run[O], node: Product) -> Steps[O]:
        left, right = run.initial[node.left], run.initial[node.right]
        run.initial[node.name] = self._at_start(run, node, left, right)
        yield from ()

    def forward(self, run: Run[O], node: Product) -> Steps[O]:
        coherent = node.coherent and not _by_generated(run, node)
        left, right = (factor_of(run, name, is_coherent=coherent) for name in node.sources)
        by_chance = run.step == 1 and node.name in run.problem.network.dormant
        sizes = sizes_of(run, node)
        run.change[node.name] = change_of(run, sizes, left, right, by_chance=by_chance, coherent=coherent)
        fade_by_factors(run, node, lambda left, right: self._at_start(run, node, left, right))
        if node.name in run.heeded:
            run.own[node.name] = own_of(run, sizes, left, right)
        yield from ()

    def backward(self, run: Run[O], node: Product, signal: Parts[O]) -> Steps[O]:
        send_back(run, node, sizes_of(run, node), signal)
        yield from ()

    def _at_start(self, run: Run[O], node: Product, left: O, right: O) -> O:
        sizes = sizes_of(run, node)
        spread = sizes.summed
        if node.coherent:
            spread = min(spread, max(sizes.left, sizes.right)) if _by_generated(run, node) else Fraction(0)
        return run.scaled(-HALF * (sizes.shared + spread), left, right)


class ScoresRule:
    """s_ij = g q_i . k_j, head by head: the product of queries and keys, dormant since it is read behind a softmax."""

    def initialize(self, run: Run[O], node: Scores) -> Steps[O]:
        run.initial[node.name] = self._at_start(run, node, run.initial[node.query], run.initial[node.key])
        yield run.observe("z", node, run.initial[node.name])

    def forward(self, run: Run[O], node: Scores) -> Steps[O]:
        query, key = (factor_of(run, name) for name in node.sources)
        g, sizes = run.multipliers[node.name], sizes_of(run, node)
        run.change[node.name] = run.times(g, change_of(run, sizes, query, key, by_chance=run.step == 1))
        if node.name in run.heeded:
            run.own[node.name] = run.algebra.product(g, own_of(run, sizes, query, key))
        fade_by_factors(run, node, lambda query, key: self._at_start(run, node, query, key))
        yield run.observe("dz", node, run.moved(node.name))
        yield run.observe("z", node, run.now(node.name))

    def backward(self, run: Run[O], node: Scores, signal: Parts[O]) -> Steps[O]:
        yield run.observe("d", node, run.total(signal))
        send_back(run, node, sizes_of(run, node), run.times(run.multipliers[node.name], signal))

    def _at_start(self, run: Run[O], node: Scores, query: O, key: O) -> O:
        sizes = sizes_of(run, node)
        product = run.scaled(-HALF * (sizes.shared + sizes.summed), query, key)
        return run.algebra.product(run.multipliers[node.name], product)


class MixRule:
    """o_i = sum_j p_ij v_j: the product of p = softmax(s) and values. |p| stays sqrt(heads), however far s moves."""

    def initialize(self, run: Run[O], node: Mix) -> Steps[O]:
        run.initial[node.name] = self._at_start(run, node, self._attention(run, node), run.initial[node.values])
        yield from ()

    def forward(self, run: Run[O], node: Mix) -> Steps[O]:
        attention = self._attention(run, node)
        attended = tuple(run.algebra.smaller(attention, part) for part in run.change[node.scores])
        values = run.change[node.values]
        left = _Factor(attention, attended, run.zero, run.own.get(node.scores, run.zero))
        right = _Factor(run.initial[node.values], values, run.zero, run.own.get(node.values, run.zero))
        self._fade(run, node, attention)
        run.change[node.name] = change_of(run, sizes_of(run, node), left, right)
        if node.name in run.heeded:
            run.own[node.name] = own_of(run, sizes_of(run, node), left, right)
        yield from ()

    def backward(self, run: Run[O], node: Mix, signal: Parts[O]) -> Steps[O]:
        sizes = sizes_of(run, node)
        by_values = run.initial[node.values], run.total(run.change[node.values])
        run.send(node.scores, sent_back(run, sizes.shared, sizes.right, by_values, signal))
        attention = self._attention(run, node)
        attended = run.zero
        if sizes.left:  # queries that share a value
            attended = run.algebra.smaller(attention, run.total(run.change[node.scores]))
        run.send(node.values, sent_back(run, sizes.shared, sizes.left, (attention, attended), signal))
        yield from ()

    def _fade(self, run: Run[O], node: Mix, attention: O) -> None:
        def attended(scores: O) -> O:
            return self._at_start(run, node, run.algebra.smaller(attention, scores), run.initial[node.values])

        def mixed(values: O) -> O:
            return self._at_start(run, node, attention, values)

        fade(run, node.name, carried(run, node.scores, attended), carried(run, node.values, mixed))

    def _at_start(self, run: Run[O], node: Mix, attention: O, values: O) -> O:
        return run.scaled(-HALF * sizes_of(run, node).shared, attention, values)

    def _attention(self, run: Run[O], node: Mix) -> O:
        return run.power(run.problem.network.units[node.scores], HALF)


def _by_generated(run: Run[O], node: Product) -> bool:
    """Whether one factor is a matrix of full rank that is computed, as where h is multiplied by one again and again."""
    return not run.problem.network.generated.isdisjoint(node.sources)


def sizes_of(run: Run[O], node: Product | Scores | Mix) -> Contraction:
    """Powers of the scale variable; of tokens and experts rules speak of one at a time."""
    scale = run.problem.scale
    return _NOTHING if scale in COUNTED_SCALES else contraction(node, run.problem.network.units, scale)


def factor_of(run: Run[O], name: str, *, is_coherent: bool = False) -> _Factor[O]:
    """A value as a factor, at this step."""
    own = run.own.get(name, run.zero)
    if is_coherent and run.step == 1 and name in run.curved:
        own = run.algebra.total(own, along_itself(run, name))
    moved = run.total(run.change[name])
    is_weights = name in run.of_full_rank or name in run.problem.network.generated
    return _Factor(run.initial[name], run.change[name], moved, own, is_weights)


def fade_by_factors(run: Run[O], node: Product | Scores, at_start: Callable[[O, O], O]) -> None:
    """What decay takes of a product by either factor: as these make it at the start."""
    left, right = node.sources
    by_left = carried(run, left, lambda order: at_start(order, run.initial[right]))
    fade(run, node.name, by_left, carried(run, right, lambda order: at_start(run.initial[left], order)))


def change_of(
    run: Run[O],
    sizes: Contraction,
    left: _Factor[O],
    right: _Factor[O],
    *,
    by_chance: bool = False,
    coherent: bool = False,
) -> Parts[O]:
    """|dz|; `by_chance`: what is passed on to a factor meets the other one so."""
    generic = sizes.shared + sizes.summed
    found = []
    for factor, other, alone in ((left, right, sizes.right), (right, left, sizes.left)):
        at_init, later = _aligned(sizes, alone, other)
        by_then = later if coherent else generic
        for order, along, chance in ((other.random(run), at_init, generic), (other.written, later, by_then)):
            change = factor.change
            if (by_chance or factor.is_weights) and chance > along:
                passed_on = tuple(run.scaled(-HALF * (chance - along), part) for part in change)
                change = run.coherently(passed_on, factor.own)
            found.append(run.times(run.scaled(-HALF * along, order), change))
    return run.added(*found)


def own_of(run: Run[O], sizes: Contraction, left: _Factor[O], right: _Factor[O]) -> O:
    """What a factor's own weights made of the product."""
    found = []
    for factor, other, alone, its in (
        (left, right, sizes.right, sizes.left),
        (right, left, sizes.left, sizes.right),
    ):
        at_init, later = _aligned(sizes, alone, other)
        if factor.is_weights and other.is_weights and not its and not sizes.summed:
            at_init += alone
        found += [run.scaled(-HALF * at_init, other.random(run), factor.own)]
        found += [run.scaled(-HALF * later, other.written, factor.own)]
    return run.algebra.total(*found)


def _aligned(sizes: Contraction, alone: Fraction, other: _Factor[O]) -> tuple[Fraction, Fraction]:
    """Over how many units a change along the other factor is spread out: along what is random and what is written."""
    return sizes.shared + (min(sizes.summed, alone) if other.is_weights else 0), sizes.shared


def sent_back(run: Run[O], shared: Fraction, alone: Fraction, other: tuple[O, O], signal: Parts[O]) -> Parts[O]:
    """The backward signal on its way to a factor; `other` is what is random of the other one, and what is written along
    the signal. Times a random factor, nothing of it is left that all copies of a value have in common."""
    random, written = run.scaled(-HALF * (shared + alone), other[0]), run.scaled(-HALF * shared, other[1])
    if run.sums_copies:
        whole = run.total(signal)
        return run.algebra.product(written, whole), run.algebra.product(random, whole)
    return run.times(run.algebra.total(random, written), signal)


def send_back(run: Run[O], node: Product | Scores, sizes: Contraction, signal: Parts[O]) -> None:
    """To both factors."""
    left, right = node.sources
    for name, source, alone in ((left, right, sizes.right), (right, left, sizes.left)):
        other = factor_of(run, source)
        run.send(name, sent_back(run, sizes.shared, alone, (other.random(run), other.written), signal))
