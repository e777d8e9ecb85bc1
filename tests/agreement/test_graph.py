"""The two witnesses agree on every node kind: exponents derived for it, and exponents measured by training it.

Each test trains a member of a derived family at eight or more widths (or depths) from many seeds. A measured 95 %
interval refutes an exponent if it misses the band of +-0.05 around it, after Holm's correction over all that are
asserted. The controls use the same data: an exponent that is wrong by 1/4 is refuted, for every asserted observable by
itself, and so is what is predicted for a learning rate or a multiplier that is wrong by 1/4.

Asserted are |z| and |d| at initialization, the first gradients, and at every step |dW|_F, |dz| and its layer and
passthrough terms. Not asserted is what crosses slowly from one order to another (DESIGN.md, section 3): the
interaction, the output itself where its change outgrows it, and what a test names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from scipy import stats

from empirical.sweeps.graph import Scaling, measure
from scalings.criteria.observables import Observable
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import WIDTH, Dimension, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Dense, Elementwise, Embedding, Mix, Node, Norm, Repeat, Scale, Scores
from scalings.results.fits import Fit
from scalings.results.trials import Training
from symbolic.derivation.derive import derive
from symbolic.orders.algebra import EXACT
from symbolic.propagation.training import train

pytestmark = [pytest.mark.slow, pytest.mark.long]

WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)
WIDE = (64, 96, 128, 192, 256, 320, 384, 512)
SQUARES = (64, 100, 144, 196, 256, 324, 400, 576)
"""Of which n^(1/2) is a whole number."""
NARROW = (16, 24, 32, 48, 64, 96, 128, 192)
"""For networks whose layers see many positions."""
DEPTHS = (4, 6, 8, 12, 16, 24, 32, 64, 128, 256)
DELTA = 0.05
QUARTER = Fraction(1, 4)
CHANGES = ("dz", "layer", "passthrough", "dW_frobenius")
ENDS_AND_MIDDLE = ("0", "1/4", "1/2")


@dataclass(frozen=True)
class Experiment:
    """What was measured, of one network that was trained by one parameterization, and all that predicts it."""

    network: Network
    given: Parameterization
    training: Training
    variable: str
    fits: Mapping[Observable, Fit]

    def predicted(self, given: Parameterization | None = None) -> dict[Observable, Exponent]:
        used = given or self.given
        law = OPTIMIZERS[self.training.optimizer]
        return dict(
            train(
                self.network,
                used.layers,
                law,
                EXACT,
                self.training.steps,
                scales=used.scales,
                scale=self.variable,
                loss=self.training.loss,
            )
        )

    def asserted(self, slow: Sequence[str] = ()) -> dict[Observable, Fit]:
        """Without what is `slow`, by the beginning of its name ("passthrough readout")."""
        return {
            observable: fit
            for observable, fit in self.fits.items()
            if observable in self.predicted() and _is_asserted(observable)
            if not any(f"{observable.quantity} {observable.layer}".startswith(name) for name in slow)
        }


def _is_asserted(observable: Observable) -> bool:
    if observable.quantity in ("z", "d"):
        return observable.step == 0
    return observable.quantity in CHANGES or (observable.quantity == "gradient" and observable.step == 1)


def experiment(
    network: Network,
    given: Parameterization,
    training: Training,
    widths: Sequence[int],
    seeds: int,
    scaling: Scaling = Scaling(),  # noqa: B008 - frozen
) -> Experiment:
    measured = measure(network, given, training, widths=widths, seeds=seeds, scaling=scaling)
    fits = {observable: fit for observable, fit in measured.fits.items() if isinstance(fit, Fit)}
    return Experiment(network, given, training, scaling.variable, fits)


def p_value(fit: Fit, exponent: Exponent) -> float:
    """Of the exponent being within the margin."""
    distance = max(0.0, abs(fit.exponent - float(exponent)) - DELTA)
    return float(2 * stats.t.sf(distance / fit.standard_error, fit.degrees_of_freedom))


def refuted(fits: Mapping[Observable, Fit], orders: Mapping[Observable, Exponent]) -> list[str]:
    """The exponents that are refuted after Holm's correction."""
    ranked = sorted((p_value(fit, orders[observable]), observable) for observable, fit in fits.items())
    found = []
    for number, (p, observable) in enumerate(ranked):
        if p * (len(ranked) - number) >= 0.05:
            break
        fit = fits[observable]
        found.append(f"{observable}: derived {orders[observable]}, measured [{fit.low:.3f}, {fit.high:.3f}]")
    return found


def neighbours(given: Parameterization) -> Iterator[Parameterization]:
    """One learning rate, or one multiplier, moved by 1/4."""
    for by in (QUARTER, -QUARTER):
        for number, layer in enumerate(given.layers):
            if layer.lr != MINUS_INFINITY:
                moved = replace(layer, lr=layer.lr + by)
                yield replace(given, layers=(*given.layers[:number], moved, *given.layers[number + 1 :]))
        for number, scale in enumerate(given.scales):
            yield replace(given, scales=(*given.scales[:number], scale + by, *given.scales[number + 1 :]))


def confirm(found: Experiment, slow: Sequence[str] = (), least: int = 20) -> None:
    """Nothing is refuted, and everything that is wrong by 1/4 is."""
    fits, orders = found.asserted(slow), found.predicted()
    assert len(fits) >= least
    assert not refuted(fits, orders)
    for observable, fit in fits.items():
        for by in (QUARTER, -QUARTER):
            assert p_value(fit, orders[observable] + by) < 0.05, f"{observable}: {fit} cannot tell"
    for neighbour in neighbours(found.given):
        others = found.predicted(neighbour)
        told = {observable: fit for observable, fit in fits.items() if others[observable] != orders[observable]}
        assert refuted(told, others), neighbour


def member(network: Network, law: str, r: str, **options: object) -> Parameterization:
    family = derive(network, OPTIMIZERS[law], **options).family  # type: ignore[arg-type]
    assert family is not None
    return family.member(r)


def how(optimizer: str, **options: object) -> Training:
    """Steps small enough that the residual changes little: how it does is no power of the width."""
    rate = {"sgd": 0.1, "muon": 0.02}.get(optimizer, 0.01)
    return replace(Training(optimizer=optimizer, lr=rate, batch=8, steps=2), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
def test_biases(r: str) -> None:
    network = mlp(3, biases=True)
    confirm(experiment(network, member(network, "sgd", r), how("sgd"), WIDTHS, 48))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions(r: str, depthwise: bool) -> None:
    """Depthwise ones take more width until the readout's share of what is passed on is aligned, and not by chance."""
    network = cnn(3, colors=1, depthwise=depthwise)
    widths = WIDTHS if depthwise else NARROW
    confirm(experiment(network, member(network, "sgd", r), how("sgd", batch=4), widths, 24))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("branch", [1, 2])
def test_residual_blocks_in_the_width(r: str, optimizer: str, branch: int) -> None:
    """Those with one layer a branch are normalised."""
    network = resmlp(2, branch=branch, norm=branch == 1)
    confirm(experiment(network, member(network, optimizer, r), how(optimizer), WIDTHS, 24))


@pytest.mark.parametrize("kappa", [Fraction(-1), Fraction(-1, 2)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
@pytest.mark.parametrize("branch", [1, 2])
def test_residual_blocks_in_the_depth(kappa: Fraction, optimizer: str, branch: int) -> None:
    """Learning rates m^(-1 - 2 kappa) for SGD, m^(-1 - kappa) for Adam and Muon, at width 32."""
    network = resmlp(1, branch=branch)
    wide = member(network, optimizer, "1/2")
    rate = -1 - 2 * kappa if optimizer == "sgd" else -1 - kappa
    zeros = [0] * network.depth
    deep = Parameterization.of(multiplier=zeros, init=zeros, lr=[0, *[rate] * branch, 0], scales=[kappa])
    if kappa == -1:
        (piece,) = derive(network, OPTIMIZERS[optimizer], scale="depth").pieces
        stated = {f"eta_{number}" if not rate else f"eta_{number} - {rate}" for number in range(2, 2 + branch)}
        assert {*stated, "kappa_1 + 1"} <= set(piece.equations)
    scaling = Scaling("depth", {"width": 32}, {"width": wide})
    found = experiment(network, deep, replace(how(optimizer), steps=1), DEPTHS, 12, scaling)
    confirm(found)


def with_heads(network: Network, heads: Dimension, head_size: Dimension) -> Network:
    """The architectures' heads are too large for networks as small as these."""

    def smaller(node: Node) -> Node:
        if isinstance(node, Repeat):
            return replace(node, nodes=tuple(map(smaller, node.nodes)))
        return replace(node, heads=heads, head_size=head_size) if isinstance(node, Scores) else node

    return Network(tuple(map(smaller, network.nodes)))


def decoder(blocks: int = 1, **options: object) -> Network:
    """A transformer whose heads grow in number, of size 4."""
    network = transformer(blocks, vocabulary=16, grows="heads", **options)  # type: ignore[arg-type]
    return with_heads(network, Dimension(QUARTER, Fraction(1)), fixed(4))


@pytest.mark.parametrize("r", ENDS_AND_MIDDLE)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_attention_with_heads_that_grow_in_number(r: str, optimizer: str) -> None:
    """The whole family, gains of normalizations and biases included."""
    network = decoder(gains=True, biases=True)
    text = how(optimizer, batch=4, loss="cross-entropy")
    confirm(experiment(network, member(network, optimizer, r, loss="cross-entropy"), text, NARROW, 12), least=100)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_transformer_in_the_depth(optimizer: str) -> None:
    """Branches m^-1, learning rates in the blocks m^1 for SGD and m^0 for Adam, at width 32."""
    network = decoder()
    wide = member(network, optimizer, "1/2", loss="cross-entropy")
    rate = {"sgd": 1, "adam": 0}[optimizer]
    zeros = [0] * network.depth
    deep = Parameterization.of(multiplier=zeros, init=zeros, lr=[0, *[rate] * 6, 0], scales=[0, -1, -1])
    text = how(optimizer, batch=4, steps=1, loss="cross-entropy")
    scaling = Scaling("depth", {"width": 32}, {"width": wide})
    confirm(experiment(network, deep, text, (4, 6, 8, 12, 16, 24, 32, 48, 64), 8, scaling))


def attention() -> Network:
    """One head as large as the network is wide, and nothing else."""
    return Network(
        (
            Embedding("embedding", INPUT, "weight0", fixed(16), WIDTH),
            Norm("norm", "embedding"),
            *(Dense(name, "norm", f"weight_{name}", WIDTH, WIDTH) for name in ("query", "key", "value")),
            Scores("scores", "query", "key", fixed(1), WIDTH),
            Mix("mix", "scores", "value"),
            Dense("readout", "mix", "weight_out", WIDTH, fixed(16)),
        )
    )


def rich_attention(optimizer: str, *trained: str) -> Parameterization:
    """What is derived for it: scores n^-1, r = 1/2. If layers are named, only they are trained."""
    network = attention()
    (piece,) = derive(network, OPTIMIZERS[optimizer], loss="cross-entropy").pieces
    rates = {"sgd": (1, 0, 0, 0, -1), "adam": (0, -1, -1, -1, -1)}[optimizer]
    stated = [_equation(f"eta_{number}", rate) for number, rate in enumerate(rates, start=1)]
    assert piece.equations == tuple(
        sorted([*stated, "kappa_1 + 1", "sigma_1", *(f"sigma_{k} + 1/2" for k in (2, 3, 4)), "sigma_5 + 1"])
    )
    names = [layer.name for layer in network.layers]
    kept = [
        MINUS_INFINITY if trained and name not in trained else rate for name, rate in zip(names, rates, strict=True)
    ]
    half = Fraction(-1, 2)
    return Parameterization.of(multiplier=[0] * 5, init=[0, half, half, half, -1], lr=kept, scales=[-1])


def _equation(name: str, value: int) -> str:
    return f"{name} {'-' if value > 0 else '+'} {abs(value)}" if value else name


def attend(optimizer: str, *trained: str) -> Experiment:
    """With large steps, so that what aligns is soon seen beside what was there by chance."""
    rate = {"sgd": 8.0, "adam": 0.05}[optimizer]
    training = Training(optimizer=optimizer, lr=rate, batch=4, steps=2, loss="cross-entropy")
    widths = (64, 96, 128, 192, 256, 384, 512, 768)
    return experiment(attention(), rich_attention(optimizer, *trained), training, widths, 8)


def agrees(found: Experiment, quantity: str, layer: str, step: int, exponent: Fraction | int) -> None:
    """One exponent is derived, is not refuted by what was measured, and would be if it were wrong by 1/4."""
    observable = next(o for o in found.fits if (o.quantity, o.layer, o.step) == (quantity, layer, step))
    fit = found.fits[observable]
    assert quantity == "dd" or found.predicted()[observable] == exponent
    assert p_value(fit, exponent) >= 0.05, f"{observable}: {fit}"
    for by in (QUARTER, -QUARTER):
        assert p_value(fit, exponent + by) < 0.05, f"{observable}: {fit} cannot tell"


def test_scores_of_a_growing_head_are_generic_at_first() -> None:
    """With scores n^-1 they are n^(-1/2), and so is what they get in the first backward pass; so queries and keys get
    less than what comes before them by another n^(-1/2), and only wake at the second update."""
    found = attend("sgd")
    half = Fraction(-1, 2)
    agrees(found, "z", "scores", 0, half)
    agrees(found, "d", "scores", 0, half)
    agrees(found, "d", "query", 0, Fraction(-1))
    for name in ("query", "key"):
        agrees(found, "gradient", name, 1, half)
        agrees(found, "layer", name, 1, 0)
        agrees(found, "gradient", name, 2, 0)
    agrees(found, "dz", "scores", 1, half)
    agrees(found, "dd", "scores", 1, 0)  # the aligned part of d, that the values' first update has made


def test_what_is_passed_on_to_queries_is_generic_to_keys_at_first() -> None:
    agrees(attend("sgd", "embedding"), "dz", "scores", 1, Fraction(-1, 2))


def test_what_queries_learn_is_aligned_with_keys() -> None:
    """Adam moves queries at once by as much as it ever will, along the keys."""
    found = attend("adam", "query", "key")
    agrees(found, "layer", "query", 1, Fraction(1, 2))
    agrees(found, "dz", "scores", 1, 0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_weight_shared_by_embedding_and_readout(optimizer: str) -> None:
    """A tied transformer: r = 1/2 is all there is, with an output multiplier n^-1. Its stream holds the embedding,
    which the readout finds there: the first output is of order n^0, not n^(-1/2) as that of weights of its own."""
    network = decoder(tied=True)
    (piece,) = derive(network, OPTIMIZERS[optimizer], loss="cross-entropy").pieces
    rates = {"sgd": (1, *[0] * 6), "adam": (0, *[-1] * 6)}[optimizer]
    stated = {_equation(f"eta_{number}", rate) for number, rate in enumerate(rates, start=1)}
    assert {*stated, "kappa_1", "kappa_2", "kappa_3", "kappa_4 + 1", "sigma_1", "sigma_2 + 1/2"} <= set(piece.equations)
    half = Fraction(-1, 2)
    tied = Parameterization.of(multiplier=[0] * 7, init=[0, *[half] * 6], lr=rates, scales=[0, 0, 0, -1])
    text = how(optimizer, batch=4, steps=1, loss="cross-entropy")
    found = experiment(network, tied, text, WIDE, 6)
    confirm(found, least=50)
    agrees(found, "z", "readout", 0, 0)


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_a_shared_weight_behind_a_matrix_is_as_one_of_its_own(r: str) -> None:
    """The control: what the readout reads went through another matrix, and its first output is of order n^(-r)."""
    network = Network(
        (
            Embedding("embedding", INPUT, "table", fixed(16), WIDTH),
            Dense("hidden", "embedding", "square", WIDTH, WIDTH),
            Elementwise("activation", "hidden", "relu"),
            Scale("readout_scale", "activation"),
            Dense("readout", "readout_scale", "table", WIDTH, fixed(16)),
        )
    )
    text = how("sgd", batch=4, loss="cross-entropy")
    found = experiment(network, member(network, "sgd", r, loss="cross-entropy"), text, WIDE, 24)
    confirm(found)
    agrees(found, "z", "readout", 0, -Fraction(r))


@pytest.mark.parametrize("r", ["0", "1/4"])
def test_hidden_layers_of_different_widths(r: str) -> None:
    """Of n and of 4 n^(1/2) units: r = 1/4 is the rich end, where the narrow layer moves as a whole."""
    network = mlp(3, "tanh", hidden=[WIDTH, Dimension(4, Fraction(1, 2))])
    found = experiment(network, member(network, "sgd", r), how("sgd"), SQUARES, 96)
    confirm(found, slow=["passthrough layer3"])
    agrees(found, "dz", "layer2", 1, Fraction(r))
    agrees(found, "z", "layer2", 0, QUARTER)


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_weight_decay(r: str) -> None:
    """AdamW with the derived decays; what decay took of each weight has the derived order, too. The passthrough at the
    readout is slow: decay passes on a generic change, beside which the aligned one takes width to be seen."""
    network = mlp(3)
    found = experiment(network, member(network, "adamw", r), how("adamw"), WIDTHS, 24)
    confirm(found)
    for layer in network.layers:
        decay = Observable("decay", layer.name, 1)
        assert found.fits[decay].exponent == pytest.approx(float(found.predicted()[decay]), abs=1e-3)
