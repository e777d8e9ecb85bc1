"""Train any network in any scale variable, and record every observable.

Scale variables that are not varied are held at small values, with the exponents that their criteria determine there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.problem import Problem, as_parameterization
from scalings.errors import ArgumentError, wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE, Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Embedding, Node, Norm, Repeat, Scores
from scalings.results.trials import SMALL_EPSILON, Training
from scalings.studies import modules
from scalings.tapes.network import TracedNetwork

if TYPE_CHECKING:
    from empirical.engines.engine import Scaling
    from empirical.sweeps.measurement import Measurement
    from empirical.sweeps.sweep import Progress, Sweep
    from empirical.tracing.batches import Loss
    from empirical.tracing.trace import Build
    from symbolic.evaluation.given_run import GivenRun

_HELD = {WIDTH_SCALE: 64, DEPTH_SCALE: 2}
"""Where scale variables stand that are not varied; at 1 if they are not named."""
_HEAD_SIZE, _LETTERS = 4, 27
_BATCH, _LINES = 16, 4


def measure(
    network: Network | TracedNetwork | str,
    parameterization: Parameterization | str,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    build: Build | None = None,
    data: object = None,
    loss: Loss | None = None,
    scale: str = WIDTH_SCALE,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    device: str = "auto",
    engine: str = "auto",
    cap: int = 32,
    progress: Progress | None = None,
) -> Measurement:
    """Train the network at every width, or other values of the scale variable, from many seeds.

    `seeds` is their number at the largest width; smaller ones get up to `cap` times as many. `engine` is auto, dense
    or matrix-free, two engines of one law: auto takes at each width the one with fewer operations. A run that diverges
    is a result, recorded as inf or nan. What is trained is the `small` network, which `Measurement.network` is too.
    Raises ArgumentError, in one line, for what cannot be measured; and Interrupted with what there is, if that is
    enough for fits, instead of KeyboardInterrupt.

    Of a traced network, the module itself is trained (`scalings.studies.modules`): `build`, `data` and `loss` are those
    that it was traced with.
    """
    from empirical.sweeps.sweep import carry_out

    if not isinstance(training, Training):
        raise wrong_type("training", "a Training", training)
    if isinstance(network, TracedNetwork):
        modules.check_options(scale, engine, device)
        sweep = modules.plan(
            network,
            parameterization,
            training,
            build=build,
            data=data,
            loss=loss,
            widths=widths,
            seeds=seeds,
            first_seed=first_seed,
            cap=cap,
        )
        return carry_out(sweep, progress)
    if build is not None:
        raise ArgumentError("build", "expected a traced network beside it, as trace gives one")
    problem = Problem.of(network, training.optimizer, scale, training.loss)
    network, parameterization = problem.network, as_parameterization(parameterization, problem)

    sweep = plan(
        network,
        parameterization,
        training,
        scale=scale,
        widths=widths,
        seeds=seeds,
        first_seed=first_seed,
        device=device,
        engine=engine,
        cap=cap,
    )
    return carry_out(sweep, progress)


def plan(
    network: Network,
    parameterization: Parameterization,
    training: Training = Training(),  # noqa: B008 - frozen
    *,
    scale: str = WIDTH_SCALE,
    widths: Sequence[int] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    device: str = "auto",
    engine: str = "auto",
    cap: int = 32,
) -> Sweep:
    """What `measure` carries out, which can say before what it will cost. Raises ArgumentError as it does."""
    from empirical.sweeps import measure

    trained = small(network)
    sweep = measure.plan(
        trained,
        parameterization,
        training,
        widths=widths,
        seeds=seeds,
        first_seed=first_seed,
        device=device,
        engine=engine,
        cap=cap,
        scaling=scaling(trained, training, scale),
    )
    _refuse_below_fixed_fans(trained, training, scale, sweep.widths)
    return sweep


def _refuse_below_fixed_fans(network: Network, training: Training, scale: str, widths: Sequence[int]) -> None:
    """A step that goes by the larger of two fans is of the width only where the fan that grows is the larger one."""
    if scale != WIDTH_SCALE:
        return
    for layer, law in zip(network.layers, training.laws_of(network), strict=True):
        if not law.larger_fan:
            continue
        growing, constant = sorted((layer.fan_in, layer.fan_out), key=lambda fan: -fan.order_in(scale))
        if constant.order_in(scale) == 0 < growing.order_in(scale) and growing.at(min(widths)) < constant.size:
            reason = f"steps of {law.name} go by the larger fan, and {constant.size} is that of {layer.name}"
            raise ArgumentError("widths", f"expected {constant.size} and more, since {reason}, but got {min(widths)}")


def scaling(network: Network, training: Training, scale: str) -> Scaling:
    """Where the other scale variables stand; each is held with the exponents that its own criteria determine."""
    from empirical.engines.engine import Scaling

    held = {other: size for other, size in _HELD.items() if other in network.scales and other != scale}
    return Scaling(scale, held, {other: _determined(network, training, other) for other in held})


def check_trained(problem: Problem) -> None:
    """Raises ArgumentError for an epsilon, where only `measure` of a network trains with one."""
    if any(law.epsilon != MINUS_INFINITY for law in problem.laws.values()):
        raise ArgumentError("epsilon", "expected none here: only measure, of a network, trains with one")


def with_epsilons(parameterization: Parameterization, problem: Problem) -> Parameterization:
    """The parameterization with the epsilons of the laws, by which engines train."""
    laws = problem.laws.values()
    if all(law.epsilon == MINUS_INFINITY for law in laws):
        return parameterization
    pairs = zip(parameterization.layers, laws, strict=True)
    return replace(parameterization, layers=tuple(replace(layer, epsilon=law.epsilon) for layer, law in pairs))


_LARGE_EPSILON = 1.0
"""An epsilon, in front of its power of n, that drowns gradients of a smaller order from widths of some tens on."""


def beside_epsilons(training: Training, run: GivenRun) -> Training:
    """With constants of epsilons by which widths of some hundreds tell orders that are n^(1/2) apart."""
    from symbolic.evaluation.check import drowned

    below = {layer.name for layer, _, _ in drowned(run)}
    each = (_LARGE_EPSILON if layer.name in below else SMALL_EPSILON for layer in run.problem.network.layers)
    return replace(training, epsilons=tuple(each) if below else ())


def default_batch(network: Network) -> int:
    """Examples, or lines of text."""
    return _LINES if isinstance(network.nodes[0], Embedding) else _BATCH


def default_steps(network: Network) -> int:
    """Updates; beyond multilayer perceptrons they cost more, and the third is much as the second."""
    return 3 if network.is_mlp else 2


def gentle(training: Training, network: Network, scale: str) -> Training:
    """With steps so small that the residual changes little, for how it does is no power of the width.

    Changes of a multilayer perceptron in the width under the squared error are followed as they are: there the
    learning rates of `Training.of` are small enough.
    """
    plain = network.is_mlp and (scale, training.loss) == (WIDTH_SCALE, "mse")
    return training if plain else replace(training, lr=training.lr / 5)


def small(network: Network) -> Network:
    """The same orders at a fraction of the time: heads of 4 units, as many blocks as the depth says, and no more tokens
    than the text has letters.

    Constants change no exponent. Beside a vocabulary that is larger than the width, slopes are not yet the orders.
    """
    vocabulary = next((node.vocabulary for node in network.nodes if isinstance(node, Embedding)), None)
    return Network(tuple(_small(node, vocabulary, _smaller_heads(network)) for node in network.nodes))


def _smaller_heads(network: Network) -> Fraction:
    """How many times smaller heads that grow in number become; those whose keys do not grow stay as they are."""
    for node in network.flat:
        if isinstance(node, Scores) and node.heads.grows and not node.head_size.grows and network.units[node.key].grows:
            return Fraction(node.head_size.size) / _HEAD_SIZE
    return Fraction(1)


def _small(node: Node, vocabulary: Dimension | None, times_smaller: Fraction) -> Node:
    """The depth itself is the number of blocks, heads are small, and so is what has the size of the vocabulary."""

    def letters(size: Dimension) -> Dimension:
        return replace(size, size=min(size.size, _LETTERS)) if size == vocabulary else size

    if isinstance(node, Repeat):
        blocks = replace(node.times, size=1) if node.times.order_in(DEPTH_SCALE) == 1 else node.times
        return replace(
            node, times=blocks, nodes=tuple(_small(inner, vocabulary, times_smaller) for inner in node.nodes)
        )
    if isinstance(node, Embedding):
        return replace(node, vocabulary=letters(node.vocabulary), fan_out=letters(node.fan_out))
    if isinstance(node, Dense):
        return replace(node, fan_in=letters(node.fan_in), fan_out=letters(node.fan_out))
    if isinstance(node, Scores) and times_smaller != 1:
        size = replace(node.head_size, size=node.head_size.size / times_smaller)
        return replace(node, heads=replace(node.heads, size=node.heads.size * times_smaller), head_size=size)
    if isinstance(node, Norm) and node.groups and node.groups.grows:
        return replace(node, groups=replace(node.groups, size=node.groups.size * times_smaller))
    return node


def _determined(network: Network, training: Training, scale: str) -> Parameterization:
    """The exponents of a scale variable that is held fixed; the richest, where several meet the criteria."""
    from symbolic.derivation.members import member

    return member(network, training.optimizer, scale=scale, loss=training.loss)
