"""The verdict on a given parameterization, from running its training on orders.

>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.presets import preset
>>> check(mlp(3), Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="1,0,-1")).regime
'rich'
>>> print(check(mlp(3), preset("standard", 3)).reasons()[-1].partition(" (")[0])
stable output at layer3 after 1 update: n^(3/2) is not <= n^0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from scalings.criteria.criterion import Criterion
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss, Problem, as_parameterization
from scalings.criteria.tutorial import MOVING_OUTPUT, SIGNAL_PROPAGATION, SPECTRAL, STABILITY, TUTORIAL, USEFUL_UPDATE
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, format_power
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.splits import Laws
from scalings.networks.architectures import Translatable
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.networks.network import Network
from scalings.networks.nodes import Weighted
from scalings.results.checks import Check, Finding
from symbolic.evaluation.given_run import GivenRun, train_given
from symbolic.orders.algebra import EXACT
from symbolic.propagation.batch_and_vocabulary import fans
from symbolic.propagation.requirements import Requirement, awake, requirements

CHECKED = tuple(dict.fromkeys((*STABILITY, MOVING_OUTPUT, *TUTORIAL)))


def check(
    network: Network | Translatable | str,
    parameterization: Parameterization | str,
    law: Laws | str = "sgd",
    *,
    scale: str = WIDTH_SCALE,
    loss: Loss | None = None,
    criteria: Sequence[Criterion] = (),
) -> Check:
    """Whether a parameterization is stable, moves the output, and learns features, and why.

    Each may be given by its name, as in check("mlp", "mup", "sgd"). `criteria` are checked beside those of stability
    and the tutorial's. Raises ArgumentError if the parameterization has not one entry for each layer of the network.
    """
    problem = Problem.of(network, law, scale, loss)
    return verdict_on(train_given(problem, as_parameterization(parameterization, problem)), criteria)


def verdict_on(run: GivenRun, criteria: Sequence[Criterion] = (), *, small_starts: bool = False) -> Check:
    """The answer of `check`, from a run that was trained until it has told its fate.

    With `small_starts` what may start small is not asked to start at order 1 (`scalings.criteria.tutorial.WORKING`).
    """
    problem, orders = run.problem, run.orders
    hidden = [one for one in problem.network.representations if one.is_hidden]
    moved = [max(orders[Observable("dz", one.read_at, step)] for step in run.steps) for one in hidden]
    full = [one.units.order_in(problem.scale) / 2 for one in hidden]
    findings = tuple(_findings(run, tuple(dict.fromkeys((*CHECKED, *criteria)))))
    if small_starts:
        may = {one.name for one in problem.network.representations if one.starts_small}
        findings = tuple(one for one in findings if not (one.layer in may and _is_small_start(one)))
    return Check(
        findings,
        max(moved, default=MINUS_INFINITY),
        run.growing,
        max((change - own for change, own in zip(moved, full, strict=True)), default=MINUS_INFINITY),
        (*_frozen_notes(run), *_epsilon_notes(run), *_small_start_notes(run, findings)),
    )


_NAMED = 4
"""The most frozen layers that a note names; the others are counted."""


def _frozen(run: GivenRun) -> list[str]:
    """The layers that no update moves."""
    return [
        layer.name
        for layer in run.problem.network.layers
        if run.orders[Observable("dW_frobenius", layer.name, run.settled)] == MINUS_INFINITY
    ]


def _frozen_notes(run: GivenRun) -> Iterator[str]:
    """Which layers never move, and whether their learning rates say so."""
    frozen = _frozen(run)
    pairs = zip(run.problem.network.layers, run.parameterization.layers, strict=True)
    by_rate = [node for node, layer in pairs if layer.lr == MINUS_INFINITY and node.name in frozen]
    others = [name for name in frozen if name not in [node.name for node in by_rate]]
    untrained = [node.name for node in by_rate if not node.frozen]
    if untrained:
        rates = "its learning rate is" if len(untrained) == 1 else "their learning rates are"
        yield f"{_listed(untrained)} frozen: {rates} 0"
    if others:
        yield f"{_listed(others)} moved by no update: every one is 0"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more} {'is' if len(names) == 1 else 'are'}"


def drowned(run: GivenRun) -> Iterator[tuple[Weighted, int, Exponent]]:
    """The layers with a gradient whose entries are smaller than epsilon; the first update at which, and their order."""
    for layer in run.problem.network.layers:
        root = sum(fans(layer, run.problem.scale)) / 2
        for step in run.steps:
            entry = run.orders[Observable("gradient", layer.name, step)] - root
            if entry < run.problem.laws[layer.weight].epsilon:
                yield layer, step, entry
                break


def _epsilon_notes(run: GivenRun) -> Iterator[str]:
    """Where the optimizer's law is another one."""
    symbol = run.problem.symbol
    for layer, step, entry in drowned(run):
        law = run.problem.laws[layer.weight]
        sizes = f"its entries are {format_power(entry, symbol)}, epsilon is {format_power(law.epsilon, symbol)}"
        what = f"epsilon drowns the gradient of {layer.name} at update {step}"
        yield f"{what}: {sizes}; {law.name} then acts as SGD does"


def _is_small_start(one: Finding) -> bool:
    """Whether it says that something starts smaller than it should."""
    return one.criterion == SIGNAL_PROPAGATION and one.found < one.required


def _small_start_notes(run: GivenRun, findings: Sequence[Finding]) -> Iterator[str]:
    """Where units that start small are all that is wrong."""
    small = [one.layer for one in findings if _is_small_start(one)]
    if small and not run.growing and all(one.satisfied for one in _findings(run, SPECTRAL)):
        starts = f"{_listed(small).rpartition(' ')[0]} start{'s' * (len(small) == 1)} smaller than order 1"
        yield f"{starts}, but every unit moves by order 1: it meets the criteria 'spectral'"


def _findings(run: GivenRun, criteria: tuple[Criterion, ...]) -> Iterator[Finding]:
    """For each criterion and layer the first violation, or the last step where there is none.

    A layer that never moves makes no useful update: what changes there is the work of others, and its own part is zero.
    """
    problem, orders, frozen = run.problem, run.until(run.settled), _frozen(run)

    def finding(one: Requirement) -> Finding:
        found, required = one.sides(orders, EXACT)
        if one.criterion == USEFUL_UPDATE and one.layer.name in frozen:
            found = MINUS_INFINITY
        return Finding(one.criterion, one.layer.name, one.step, found, required, problem.symbol)

    every = awake(requirements(problem, criteria, run.settled), orders)
    spelled_out = [one for one in every if orders.keys() >= set(one.observables)]  # decay, where there is none
    for _, group in groupby(spelled_out, key=lambda one: (one.criterion, one.layer)):
        findings = [finding(one) for one in group]
        yield next((finding for finding in findings if not finding.satisfied), findings[-1])
