"""The rules of attention: scores of queries and keys, and values mixed by them.

Of n = heads * head_size units, head k of a vector has the share 1/sqrt(heads) of its norm. All orders below are norms
over heads; the number of positions is fixed.

    scores at init   |s| = g |q| |k| / (sqrt(heads) sqrt(head_size))     queries and keys independent: generic
    change           |ds| = g (|dq| |k| + |q| |dk| + |dq| |dk|) / sqrt(heads)    the gradient of q lies along k: aligned
                     but at the first update, what weights before q pass on to it: / (sqrt(heads) sqrt(head_size))
    backward         |d_q| = g |d_s| (|k| + |dk|) / sqrt(heads)
    mixing           |o| = |v|,  |do| = |dv| + min(1, |ds| / sqrt(heads)) |v|
    backward         |d_v| = |d_o|
                     |d_s| = |d_o| |v| / (sqrt(heads) sqrt(head_size)) + |d_o| |dv| / sqrt(heads)

The last line is generic before the first update (the backward signal knows nothing of the values) and aligned
afterwards: values have moved along it. So the first update finds next to nothing of q and k in the gradients of what
comes before them: W_q dh then lies along k only by chance (measured: tests/test_graph_agreement.py).

Source: Yang et al., arXiv 2203.03466, section 5 and appendix B ("1/d attention"), for head_size that grows; Hron et
al., arXiv 2006.10540, for heads that do.
"""

from __future__ import annotations

from scalings.networks.dimensions import Dimension
from scalings.networks.nodes import Mix, Scores
from symbolic.orders.algebra import O
from symbolic.propagation.state import HALF, Parts, Run, Steps


class ScoresRule:
    """s_ij = g q_i . k_j, head by head."""

    def initialize(self, run: Run[O], node: Scores) -> Steps[O]:
        share = run.algebra.product(run.power(node.heads, -HALF), run.power(node.head_size, -HALF))
        query, key = run.initial[node.query], run.initial[node.key]
        run.initial[node.name] = run.algebra.product(run.multipliers[node.name], share, query, key)
        yield run.observe("z", node, run.initial[node.name])

    def forward(self, run: Run[O], node: Scores) -> Steps[O]:
        share = run.algebra.product(run.multipliers[node.name], run.power(node.heads, -HALF))
        by_query = run.times(run.now(node.key), self._aligned(run, node, node.query))
        by_key = run.times(run.now(node.query), self._aligned(run, node, node.key))
        run.change[node.name] = run.times(share, run.added(by_query, by_key))
        yield run.observe("dz", node, run.total(run.change[node.name]))
        yield run.observe("z", node, run.now(node.name))

    def backward(self, run: Run[O], node: Scores, signal: Parts[O]) -> Steps[O]:
        yield run.observe("d", node, run.total(signal))
        share = run.algebra.product(run.multipliers[node.name], run.power(node.heads, -HALF))
        for name, other in ((node.query, node.key), (node.key, node.query)):
            run.send(name, run.times(run.algebra.product(share, run.now(other)), signal))

    def _aligned(self, run: Run[O], node: Scores, name: str) -> Parts[O]:
        """Of the change of queries or keys, what lies along the others."""
        change = run.change[name]
        if run.step > 1:
            return change
        return run.coherently(run.times(run.power(node.head_size, -HALF), change), run.own.get(name, run.zero))


class MixRule:
    """o_i = sum_j softmax_j(s_ij) v_j."""

    def initialize(self, run: Run[O], node: Mix) -> Steps[O]:
        run.initial[node.name] = run.initial[node.values]
        yield from ()

    def forward(self, run: Run[O], node: Mix) -> Steps[O]:
        algebra, root = run.algebra, run.power(self._heads(run, node), -HALF)
        attended = (algebra.smaller(run.one, algebra.product(root, part)) for part in run.change[node.scores])
        by_scores = run.times(run.initial[node.values], tuple(attended))
        run.change[node.name] = run.added(run.change[node.values], by_scores)
        yield from ()

    def backward(self, run: Run[O], node: Mix, signal: Parts[O]) -> Steps[O]:
        algebra, scores = run.algebra, next(one for one in run.problem.network.multipliers if one.name == node.scores)
        assert isinstance(scores, Scores)
        share = run.power(scores.heads, -HALF)
        generic = algebra.product(share, run.power(scores.head_size, -HALF), run.initial[node.values])
        aligned = algebra.product(share, run.total(run.change[node.values]))
        run.send(node.scores, run.times(algebra.total(generic, aligned), signal))
        run.send(node.values, signal)
        yield from ()

    def _heads(self, run: Run[O], node: Mix) -> Dimension:
        return run.problem.network.units[node.scores]
