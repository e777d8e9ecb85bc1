"""Orders of every observable of a training run, for a parameterization that is given.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.presets import preset
>>> orders = predict(mlp(3), preset("ntp", 3), steps=1)
>>> str(orders[Observable("dz", "layer2", 1)]), str(orders[Observable("dz", "layer3", 1)])
('0', '0')

Most orders are those of the run itself (`symbolic.propagation.training`). Three follow from them: the update of a
matrix is of rank O(1), so its spectral norm has the order of its Frobenius norm, and it aligns with its own input
(vectors and kernels act entry by entry); and the change dd of the backward signal d = phi'(z) * (W^T d'), with d' that
of the layer above, is

    |dd_z|  =  g |W(0)^T dd'|  +  g |dW^T d'|  +  |d| |dphi'|

where |dphi'|, relative to |phi'|, is |dz|/|z| where phi is smooth, its square root where phi' jumps (relu: the
fraction of units whose sign changes is |dz|/|z|), and zero where phi is linear.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss, Problem, as_parameterization
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.networks.architectures import Translatable
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, Elementwise
from scalings.results.predictions import Prediction
from symbolic.evaluation.given_run import GivenRun, train_given
from symbolic.evaluation.kernel_and_alignments import SLOPE_CHANGE, alignments, kernel_change, spectral_norms
from symbolic.orders.algebra import EXACT
from symbolic.propagation.state import HALF
from symbolic.propagation.training import train

MOST_STEPS = 100


def predict(
    network: Network | Translatable | str,
    parameterization: Parameterization | str,
    law: Laws | str = "sgd",
    steps: int = 3,
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
) -> Prediction:
    """The power of the scale variable of every observable at every step, -oo for what is zero by structure.

    Of a traced module, |z|, |dz| and |d| of every value; of other networks, of what criteria speak of. Network,
    parameterization and law may be given by name, as in predict("mlp", "mup", "sgd").

    Changes dd of backward signals are predicted for multilayer perceptrons in the width alone, and so are those of the
    tangent kernel and the alignments of passthrough and interaction, if all is fully aligned and nothing decays; |W|_2
    for any network if nothing decays. Raises ArgumentError if the parameterization has not one entry for each layer of
    the network, or without steps.
    """
    check_steps(steps)
    problem = Problem.of(network, law, scale, loss)
    found = prediction_of(train_given(problem, as_parameterization(parameterization, problem), steps), steps)
    return found if isinstance(network, Network | str) else everywhere(found, steps)


def everywhere(found: Prediction, steps: int) -> Prediction:
    """With |z|, |dz| and |d| of every node of the network."""
    given = found.parameterization
    run = train(found.problem, given.layers, EXACT, steps, scales=given.scales, everywhere=True)
    return Prediction({**dict(run), **found}, found.problem, given)


def check_steps(steps: int) -> None:
    """Raises ArgumentError for a number of updates without orders, or with more of them than tell anything new."""
    if steps < 1:
        raise ArgumentError("steps", f"expected at least 1, but got {steps}")
    if steps > MOST_STEPS:
        why = "since orders settle within few updates or go on as they began"
        raise ArgumentError("steps", f"expected at most {MOST_STEPS}, {why}, but got {steps}")


def prediction_of(run: GivenRun, steps: int) -> Prediction:
    """The answer of `predict`, from a run of at least so many updates."""
    assert run.updates >= steps
    problem, parameterization, orders = run.problem, run.parameterization, run.until(steps)
    network, is_followed = problem.network, problem.is_mlp_in_width
    is_plain = not problem.has_decay and all(law.alpha == law.omega == 1 for law in problem.laws.values())
    for step in range(1, steps + 1):
        for layer in (layer for layer in network.layers if isinstance(layer, MATRICES)):
            update = orders[Observable("dW_frobenius", layer.name, step)]
            zero = MINUS_INFINITY in (update, orders[Observable("layer", layer.name, step)])
            orders[Observable("dW_spectral", layer.name, step)] = update
            orders[Observable("alignment", layer.name, step)] = MINUS_INFINITY if zero else Fraction(0)
        if is_followed:
            orders |= dict(_backward_changes(network, parameterization, orders, step))
            if is_plain:
                orders |= dict(kernel_change(network, parameterization, orders, step))
    if not problem.has_decay:
        orders |= dict(spectral_norms(network, parameterization, orders, steps, problem.scale))
    if is_followed and is_plain:
        orders |= dict(alignments(network, parameterization, orders, steps))
    return Prediction(orders, problem, parameterization)


def _backward_changes(
    network: Network, parameterization: Parameterization, orders: dict[Observable, Exponent], step: int
) -> Iterator[tuple[Observable, Exponent]]:
    """|dd| of each layer, from the output, where the residual changes as the output does, to the input."""
    layers = network.layers
    powers = {node.source: SLOPE_CHANGE.get(node.activation) for node in network.nodes if isinstance(node, Elementwise)}
    change = orders[Observable("dz", layers[-1].name, step)]
    yield Observable("dd", layers[-1].name, step), change
    for layer, above, scale in reversed(list(zip(layers[:-1], layers[1:], parameterization.layers[1:], strict=True))):
        aligned = HALF * max(above.fan_in.order, above.fan_out.order)
        through = scale.multiplier + scale.init + aligned + change
        update = orders[Observable("dW_frobenius", above.name, step)]
        moved = scale.multiplier + update + orders[Observable("d", above.name, step)]
        change = max(through, moved)
        if power := powers.get(layer.name):
            movement = EXACT.ratio(orders[Observable("dz", layer.name, step)], orders[Observable("z", layer.name, 0)])
            slope = EXACT.power(min(Fraction(0), movement), power)
            change = max(change, orders[Observable("d", layer.name, step)] + slope)
        yield Observable("dd", layer.name, step), change
