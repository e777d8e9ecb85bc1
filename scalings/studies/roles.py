"""The role of an observable: what the theory says of its exponent at finite width.

A derived order is that of a limit. A fit over widths takes out a correction of order 1/n, and can tell an order where
nothing falls more slowly beside it: two terms whose orders differ by less than one do not show the larger one's slope.
So the theory asserts an exponent, or says only that it is no larger than derived (an upper bound), or says nothing and
the fit is reported. The rule, from the derived orders:

1. **Changes are asserted**: |dz|, its terms |g dW h| (layer) and |g W dh| (passthrough), |dW|_F and |dW|_2, after
   every update, unless 2 to 5, 8, 10 and 12 say that they are upper bounds. In `python -m scalings verify` all 42 of
   each of the five members pass, to +-0.05, with half-widths of at most 0.023.
2. **Terms.** |dz| is an upper bound where the orders of layer and passthrough term differ by less than one, or where it
   is so in a change that reaches it; a passthrough term, where it is so in what it passes on. At r = 1/2, the first
   learning rate n^(-1/4) too small (A), |dz| of layer2 has 0.43 +- 0.06 and the passthrough of layer3 0.44 +- 0.06,
   both derived as 1/2. The interaction does not count, though its order is less than one below for 0 < r < 1/2: in
   those members of `verify`, |dz| of layer2 is within 0.004 of its order.
3. **Updates.** What a weight's updates did is an upper bound where it and the weight's gradient are of a smaller order,
   by less than one, at an earlier update; and so is |dz|, as in 2. At r = 1/2, the readout's init scale n^(-1/4) too
   small (B), |g dW h| of layer2 has 0.25 +- 0.03 after two updates, derived 1/2. Both must grow: no exponent of a
   change, were it wrong, is its own excuse.
4. **Inner products** over units add up what is aligned and what is random, n^(1/2) apart: |dz| and the passthrough at
   the output of a network that is not a multilayer perceptron, and |dz| of the scores of heads that grow in size, also
   rescaled and masked. For a transformer (C) the passthrough at the readout has -0.05 +- 0.10, derived 0, beside a
   vocabulary of 27; beside one of 256 it was further below. In multilayer perceptrons the output is asserted: -0.01 +-
   0.04 in D.
5. **No slopes.** What explodes has no slope until it has: where training is unstable, only what the first update is
   made of, and what it makes of each layer by itself, is asserted (the state at step 0; |G|_F, |dW|_F, |dW|_2 and
   |g dW h| at step 1), all else an upper bound. Where the output is not centered and 0 < r < 1/2, all are upper
   bounds. With all learning rates n^0 in the standard parameterization (E) |dz| of the output has 2.0 +- 0.3, derived
   15/2; at r = 1/4 without centering (F) |g dW h| of layer2 has 0.07 +- 0.10, derived 1/4.
6. **Other sums are upper bounds**: |z| after an update, the interaction, the change of d, that of the kernel. In D
   they have -0.23 +- 0.03 (z of layer3), -0.46 +- 0.06 (interaction of layer2) and -0.33 +- 0.05 (dd of layer2),
   derived 0, -1/4 and -1/4.
7. **Spectral norms of weights.** |W|_2, where it was asked for, is asserted after every update of a weight whose fans
   grow alike, unless an update outgrows W(0). |W(0)|_2 = sigma (fan_in^(1/2) + fan_out^(1/2)) comes to its order from
   below where a fan is fixed, and is an upper bound there: at widths 64 to 1024 the slope of a first layer of 64
   inputs is off by -0.113 +- 0.018, of a readout of 10 outputs by -0.036 +- 0.024, of a hidden layer by 0.002 +- 0.013.
   Three updates change none by more than 0.0005, at r = 0, 1/4, 1/2 under SGD and Adam: what is of low rank shows in
   the largest singular value of a random matrix only beyond a threshold (Benaych-Georges, Nadakuditi, 1103.2221).
8. **Sums over positions.** |dW|_2 is an upper bound in networks whose examples have positions (convolutions,
   embeddings): the part of an update along the mean over positions is aligned, and stands out of the others' by the
   root of positions over width only. In H the slopes of |dW|_2 of the query go from -0.15 at 64 to -0.01 at 512,
   derived 0; |dW|_F and |g dW h| are asserted.
9. **The state is asserted**: |W|_F and the loss after every update, and of multilayer perceptrons |z| of hidden layers
   at step 0, |d| and |G|_F; |z| of the output has few units, whose noise no width averages. It is an upper bound where
   it grew, by less than one order, together with what makes it grow: |W|_F with |dW|_F, |d| with |dd|, |G|_F with |d|,
   the loss with |dz| of the output. Of 1253 such exponents in 55 sweeps over optimizers, depths and activations (widths
   32 to 512) none was further than 0.07 from its order, and none was refuted. Gradients of attention are not asserted:
   they are sums over a batch's positions. The loss of a torch module is an upper bound: it may be any function, small
   where two outputs of the module are compared, as a student's with a teacher's, and below zero as a policy's.
10. **One number** that is a weight, such as a scale of attention scores, has a |dW| and a |g dW h| that are upper
   bounds. While its gradient is a sum of random signs, it is one draw, whose logarithm scatters by 1.1, and no width
   averages that; steps that differ in sign cancel. In 24 runs at widths 64 to 768 the slope of the |dW| of a scale of
   normalized queries and keys has -1.6 +- 0.7 after the first step of SGD, derived -1, and 0.4 +- 0.5 after three of
   Adam, derived 0; four numbers, one for each head, have half-widths below 0.4.
11. **The state of torch modules**, where it is asked with a margin of 1/4 at least, as `check_model` does: what the
   first update is made of is asserted, |z| of hidden values and |d| at step 0, and |G|_F at step 1; what comes later
   follows from it and from the changes. In 67 right models of seven architectures (`benchmarks.false_alarms`, every
   third one: widths 24 to 256, 2 seeds) |z| is at most 0.04 from its order, |d| 0.12, |G|_F 0.18. Not asserted are
   values of a few units, whose noise no width averages (half-widths of 0.6 to 3.5 where others have 0.2, in
   `tests/agreement/test_small_starts.py`); inner products, as in 4; and all of it where training is unstable, since
   what explodes saturates what it reaches: behind a multiplier n^(1/2) the |d| of tanh networks have -0.3, derived 0.
   Sums of terms that sizes hide at these widths are left out by `scalings.studies.early_orders`.
12. **Terms of a few units** of a torch module are upper bounds: no width averages their noise, and a passthrough to
   them is aligned only in part, as in 4: |g W dh| of a router has -0.47 +- 0.35, derived 0, of adapters -0.46 +- 0.27.
13. **All else is reported**: alignments, quotients whose slow denominators let them exceed their order: in G that of
   the interaction at layer3 has 0.49 +- 0.23, derived 0.

A wrong theory does not choose its own judge: what excuses an observable is a relation between orders that are asserted
themselves (of terms, of gradients, of earlier steps), so that one of those is refuted instead; and of every weight
|W|_F is asserted whatever else is said (`tests/scalings/studies/test_roles.py` plants wrong theories at each clause).

Upper bounds that are exceeded refute the theory as wrong asserted exponents do: in A to G none was.
`tests/agreement/test_roles.py` measures 2 to 4 again; the commands, all `python -m scalings measure` with
`--widths 32,45,64,91,128,181,256,362,512 --seeds 24 --steps 2`, are

    A   --depth 4 --preset family:1/2 --lr 3/4,0,0,-1
    B   --preset family:1/2 --init 0,-1/2,-5/4
    C   --network transformer --grows heads --optimizer adam --loss cross-entropy --preset family:1/4
        (with --widths 16,24,32,48,64,96,128,192 --seeds 48 --steps 1)
    D   --preset family:1/4
    E   --preset standard --lr 0,0,0
    F   --preset family:1/4 --no-centered
    G   --preset family:1/2 --init 0,-1/2,-3/2
    H   --network transformer --grows heads --loss cross-entropy --preset family:1/2 --batch 4
        (with --widths 64,96,128,192,256,384,512,768 --seeds 12)
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from fractions import Fraction

from scalings.criteria.observables import TERMS, Observable, Quantity
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.contractions import summed_units
from scalings.networks.dimensions import ONE
from scalings.networks.network import Network
from scalings.networks.nodes import (
    WEIGHTED,
    Convolution,
    Embedding,
    Factor,
    Node,
    Product,
    Rearrange,
    Repeat,
    Scores,
    Softmax,
    sources,
)
from scalings.studies.equivalence import Role

HALF = Fraction(1, 2)
CHANGES: frozenset[Quantity] = frozenset({"dz", "layer", "passthrough", "dW_frobenius", "dW_spectral"})
_STATE: frozenset[Quantity] = frozenset({"d", "gradient", "W_frobenius", "loss"})
ASSERTED = CHANGES | _STATE
"""Quantities that a theory has to speak of where they are measured."""
_FIRST_UPDATE: frozenset[Quantity] = frozenset({"gradient", "dW_frobenius", "dW_spectral", "layer"})
_WIDE = Fraction(1, 4)
"""The margin from which on the state of a torch module is asserted."""
AT_FIRST: frozenset[tuple[Quantity, int]] = frozenset({("z", 0), ("d", 0), ("gradient", 1)})
"""What the first update is made of, and when."""
_BOUNDS: frozenset[Quantity] = frozenset({"z", "interaction", "dd", "ntk_change"})


def roles(
    network: Network,
    derived: Mapping[Observable, Exponent],
    *,
    stable: bool = True,
    centered: bool = True,
    margin: Fraction = Fraction(0),
) -> dict[Observable, Role]:
    """The role of everything that was derived, by the rule above; `margin` is how far exponents may be off."""
    steps = {observable.step for observable in derived}
    slow = {step: _slow_nodes(network, derived, step) for step in steps}
    found = {observable: _role(observable, network, derived, slow[observable.step]) for observable in derived}
    if network.of_module and not network.is_mlp and stable and margin >= _WIDE:
        found |= {one: "asserted" for one in derived if _is_state_of_modules(one, network)}
    if network.of_module:
        found |= {one: "upper bound" for one, role in found.items() if one.quantity == "loss" and role == "asserted"}
    if not centered and fades_slowly(network, derived):
        return {one: "reported" if role == "reported" else "upper bound" for one, role in found.items()}
    if not stable:
        # What saturates is bounded in theory, and explodes at widths where it does not yet.
        unsettled = {one for one in found if network.of_module and one.quantity in TERMS}
        found |= {one: "reported" for one in unsettled if not _is_of_the_first_update(one)}
        return {
            one: "upper bound" if role == "asserted" and not _is_of_the_first_update(one) else role
            for one, role in found.items()
        }
    return found


def fades_slowly(network: Network, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether the initial output, if it is not centered, is a part of the residual that falls more slowly than 1/n."""
    return -HALF < derived[Observable("z", network.function.name, 0)] < 0


def _is_of_the_first_update(observable: Observable) -> bool:
    """Whether only the state at initialization decides it."""
    return not observable.step or (observable.step == 1 and observable.quantity in _FIRST_UPDATE)


def _role(observable: Observable, network: Network, derived: Mapping[Observable, Exponent], slow: Set[str]) -> Role:
    if observable.quantity == "W_spectral":
        bound = _comes_from_below(observable, network, derived)
        return "upper bound" if bound else "asserted" if observable.step else "reported"
    if observable.quantity in _STATE or (observable.quantity == "z" and not observable.step):
        return _role_of_state(observable, network, derived)
    if not observable.step or observable.quantity not in CHANGES | _BOUNDS:
        return "reported"
    few = observable.quantity in TERMS and network.of_module and not network.units[observable.layer].grows
    if observable.quantity in _BOUNDS or few:
        return "upper bound"
    if observable.quantity not in ("dz", "passthrough"):
        sums = observable.quantity == "dW_spectral" and _has_positions(network)
        is_bound = sums or _is_one_number(observable.layer, network) or _grows_late(observable, derived)
        return "upper bound" if is_bound else "asserted"
    node = next(node for node in network.flat if node.name == observable.layer)
    made_of = {node.name} if observable.quantity == "dz" else {*_sources(node)}
    return "asserted" if slow.isdisjoint(made_of) and not _is_inner_product(node, network) else "upper bound"


def _role_of_state(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> Role:
    if not network.is_mlp and observable.quantity not in ("W_frobenius", "loss"):
        return "reported"
    if observable.quantity == "z" and observable.layer == network.function.name:
        return "reported"
    if not _grew(observable, derived):
        return "asserted"
    layer, step = observable.layer, observable.step
    now, then = {
        "W_frobenius": (Observable("dW_frobenius", layer, step), Observable("W_frobenius", layer, 0)),
        "d": (Observable("dd", layer, step), Observable("d", layer, 0)),
        "gradient": (Observable("d", layer, step - 1), Observable("d", layer, 0)),
        "loss": (Observable("dz", network.function.name, step), Observable("loss", "", 0)),
    }[observable.quantity]
    return "upper bound" if derived.get(now, MINUS_INFINITY) > derived.get(then, MINUS_INFINITY) else "asserted"


def _is_state_of_modules(observable: Observable, network: Network) -> bool:
    """Whether it is of what the first update of a torch module is made of, and widths average its noise."""
    if (observable.quantity, observable.step) not in AT_FIRST:
        return False
    node = next(node for node in network.flat if node.name == observable.layer)
    if observable.quantity == "gradient":
        return isinstance(node, WEIGHTED) and bool(node.fan_in.order or node.fan_out.order)
    return network.units[node.name].grows and not _is_inner_product(node, network)


def _comes_from_below(observable: Observable, network: Network, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether |W|_2 has a fan that does not grow with the other one, or an update that outgrows W(0)."""
    layer = next(layer for layer in network.layers if layer.name == observable.layer)
    initial = derived[replace(observable, step=0)]
    update = derived.get(replace(observable, quantity="dW_spectral"), MINUS_INFINITY)
    return layer.fan_in.order != layer.fan_out.order or MINUS_INFINITY < initial < update


def _slow_nodes(network: Network, derived: Mapping[Observable, Exponent], step: int) -> set[str]:
    """The nodes whose change is a slow sum, or is made of one."""

    def is_slow(node: Node) -> bool:
        layer, passthrough = (Observable(term, node.name, step) for term in TERMS[:2])
        own, reaching = (derived.get(term, MINUS_INFINITY) for term in (layer, passthrough))
        if _is_slow_sum(own, reaching) or _grows_late(layer, derived):
            return True
        matters = reaching > own - 1 or not isinstance(node, WEIGHTED)
        return matters and not found.isdisjoint(_sources(node))

    found: set[str] = set()
    # A repeated block reads what the copy before it gave, so that one pass may not find all.
    while more := {node.name for node in network.flat if is_slow(node)} - found:
        found |= more
    return found


def _sources(node: Node) -> tuple[str, ...]:
    return (*sources(node), node.nodes[-1].name) if isinstance(node, Repeat) else sources(node)


def _grows_late(observable: Observable, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether what the updates of a weight did is a slow sum over updates: both it and its gradient grew since the
    first ones."""
    return _grew(observable, derived) and _grew(replace(observable, quantity="gradient"), derived)


def _grew(observable: Observable, derived: Mapping[Observable, Exponent]) -> bool:
    """Whether it was of a smaller order, by less than one, at an earlier step: it is a slow sum over steps."""
    now = derived.get(observable, MINUS_INFINITY)
    before = (derived.get(replace(observable, step=step), MINUS_INFINITY) for step in range(observable.step))
    return any(earlier < now and _is_slow_sum(earlier, now) for earlier in before)


def _is_slow_sum(one: Exponent, other: Exponent) -> bool:
    """Of two terms, whose orders differ by less than one: their ratio falls more slowly than the 1/n of a fit."""
    return 0 < max(one, other) - min(one, other) < 1


def _has_positions(network: Network) -> bool:
    """Whether an example is several inputs of the same weights: pixels of an image, letters of a text."""
    return any(isinstance(node, Convolution | Embedding) for node in network.flat)


def _is_one_number(layer: str, network: Network) -> bool:
    return any(one.name == layer and one.fan_in * one.fan_out == ONE for one in network.layers)


def _is_inner_product(node: Node, network: Network) -> bool:
    """Whether it sums over units what is partly aligned and partly by chance, and was seen to be slow in that; or it is
    such a sum rescaled, masked or made a softmax."""
    if node == network.function and not network.is_mlp:
        return True
    if isinstance(node, Factor | Rearrange | Softmax):
        nodes = {other.name: other for other in network.flat}
        return any(_is_inner_product(nodes[name], network) for name in sources(node) if name in nodes)
    return isinstance(node, Scores | Product) and summed_units(node).grows
