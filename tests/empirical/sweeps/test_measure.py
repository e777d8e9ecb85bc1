"""Sweeps: what comes back, what agrees with the theory, what is refused at the door and in which words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from empirical.engines.graph.engine import GraphEngine
from empirical.engines.mlp import engine as mlp_engine
from empirical.engines.mlp.engine import DEFAULT_WIDTHS, DenseEngine, MlpEngine
from empirical.engines.mlp.perceptron import Perceptron
from empirical.engines.mlp.training import train
from empirical.sweeps import costs
from empirical.sweeps.measure import measure, plan
from empirical.sweeps.measurement import Interrupted, Measurement
from empirical.sweeps.plans import allocate
from empirical.tensors import memory
from scalings.criteria.observables import Observable
from scalings.criteria.problem import Loss
from scalings.errors import ArgumentError
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.presets import preset
from scalings.networks.architectures import mlp
from scalings.networks.dimensions import WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import Dense, Sum
from scalings.results.fits import Diverged, Fit
from scalings.results.trials import Record, Training, Trial

WIDTHS = (16, 24, 32, 48)
LOSSES: tuple[Loss, ...] = ("mse", "cross-entropy")
"""Of a multilayer perceptron: trained by its own engines, and as a graph."""
SMALL = Training(batch=8, steps=2)
NTP = preset("ntp-lr", 3)


def rich(r: Fraction) -> Parameterization:
    """|dz| ~ n^r at every hidden layer (Karkada, arXiv 2404.19719), unit multipliers."""
    half = Fraction(1, 2)
    return Parameterization.of(multiplier="0,0,0", init=[Fraction(0), -half, -half - r], lr=[2 * r, 2 * r - 1, -1])


def flat(network: Network) -> Parameterization:
    """The same for every weight."""
    return Parameterization.of(multiplier=[0] * network.depth, init=[0] * network.depth, lr=[-1] * network.depth)


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    return measure(mlp(3), NTP, SMALL, widths=WIDTHS, seeds=3, first_seed=7, device="cpu")


def test_every_width_has_its_seeds(measurement: Measurement) -> None:
    assert measurement.widths == WIDTHS
    assert measurement.seeds == {16: 9, 24: 6, 32: 4, 48: 3}
    for by_width in measurement.values.values():
        assert {width: len(values) for width, values in by_width.items()} == measurement.seeds


def test_structural_zeros_are_not_observed(measurement: Measurement) -> None:
    for observable in (
        Observable("dz", "layer1", 0),
        Observable("passthrough", "layer1", 1),
        Observable("interaction", "layer1", 1),
    ):
        assert observable not in measurement.values
    assert Observable("W_frobenius", "layer1", 0) in measurement.values
    assert Observable("loss", "", 2) in measurement.fits


def test_trials_and_records_are_plain_data(measurement: Measurement) -> None:
    trials, records = list(measurement.trials()), list(measurement.records())
    assert len(trials) == sum(measurement.seeds.values())
    assert len(records) == len(trials) * len(measurement.values)
    assert Trial.from_json(json.loads(json.dumps(trials[0].to_json()))) == trials[0]
    assert Record.from_json(json.loads(json.dumps(records[-1].to_json()))) == records[-1]
    assert {(t.width, t.seed) for t in trials} == {(r.width, r.seed) for r in records}


def test_a_seed_gives_the_same_numbers_in_any_sweep(measurement: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other widths, other seeds around it, other chunks."""
    monkeypatch.setitem(mlp_engine._ROOM, "cpu", 1)
    other = measure(mlp(3), NTP, SMALL, widths=(24, 25, 26), seeds=1, first_seed=9, device="cpu")
    for observable, by_width in other.values.items():
        np.testing.assert_allclose(by_width[24], measurement.values[observable][24][2:3], rtol=1e-10)


@pytest.mark.parametrize("r", ["0", "1/2"])
def test_slopes_agree_with_the_family_and_not_with_its_neighbour(r: str) -> None:
    """A short sweep; +-0.08 is four of its standard errors. The neighbour's exponents are 1/4 away."""
    richness = Fraction(r)
    widths = (64, 91, 128, 181, 256, 362, 512)
    found = measure(mlp(3), rich(richness), Training(batch=16), widths=widths, seeds=12).fits
    for name in ("layer1", "layer2"):
        for step in (1, 3):
            fit = found[Observable("layer", name, step)]
            assert isinstance(fit, Fit)
            assert fit.exponent == pytest.approx(float(richness), abs=0.08)
            assert not fit.low <= float(richness) + 0.25 <= fit.high
            assert not fit.low <= float(richness) - 0.25 <= fit.high


def test_divergence_is_reported_as_such() -> None:
    exploding = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1/2", lr="100,100,100")
    found = measure(mlp(3), exploding, Training(batch=8), widths=WIDTHS, seeds=1).fits
    assert isinstance(found[Observable("loss", "", 3)], Diverged)
    assert isinstance(found[Observable("loss", "", 0)], Fit)


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    measure(mlp(2), preset("ntp", 2), SMALL, widths=WIDTHS, seeds=1, progress=lambda done, _: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_interrupts_pass_through_and_threads_are_restored() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        measure(mlp(3), NTP, SMALL, widths=WIDTHS, seeds=1, progress=interrupt)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("loss", LOSSES)
def test_what_an_interrupted_sweep_has_done_is_kept(loss: Loss) -> None:
    """Widths that are complete have the values of an uninterrupted sweep."""
    widths, training = (8, 12, 16, 24, 32), replace(SMALL, loss=loss)

    def interrupt(done: float, _: str) -> None:
        if done > 0.75:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as interrupted:
        measure(mlp(3), NTP, training, widths=widths, seeds=1, progress=interrupt)
    kept, whole = interrupted.value.measurement, measure(mlp(3), NTP, training, widths=widths, seeds=1)
    assert 3 <= len(kept.widths) < 5
    for observable, by_width in kept.values.items():
        assert set(by_width) == set(kept.widths)
        for width, values in by_width.items():
            np.testing.assert_array_equal(values, whole.values[observable][width])


def test_a_network_too_wide_for_memory_is_refused_with_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda _: 80 * 2**20)
    training = replace(SMALL, loss="cross-entropy")
    expected = r"widths: width 90000 needs .* GiB, but cpu has 0.0781 GiB free: expected widths up to \d+$"
    with pytest.raises(ArgumentError, match=expected):
        measure(mlp(3), NTP, training, widths=(64, 128, 90000), seeds=1, device="cpu")
    with pytest.raises(ArgumentError, match=expected):
        measure(mlp(3), NTP, training, widths=(30000, 60000, 90000), seeds=1, device="cpu")


def test_a_width_that_does_not_fit_is_named_where_wider_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrower networks are trained side by side."""
    monkeypatch.setattr(memory, "available_bytes", lambda _: 3 * 2**30)
    gibibytes = {4096: 2, 8192: 4, 16384: 1}
    with pytest.raises(ArgumentError, match="width 8192 needs 4 GiB, but cpu has 3 GiB free: expected widths up to"):
        memory.check_room(tuple(gibibytes), lambda n: next(g for w, g in gibibytes.items() if n <= w) << 30, "cpu")


def test_seeds_are_spent_where_widths_are_small() -> None:
    seeds = allocate(DEFAULT_WIDTHS, 10)
    assert seeds[2048] == 10
    assert seeds[64] == 320
    assert list(seeds.values()) == sorted(seeds.values(), reverse=True)


def test_the_estimate_extrapolates_two_timed_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that says exactly alpha * units + beta * matrices, so does the estimate."""

    def clock(engine: MlpEngine, width: int, _: int) -> float:
        return sum(1e-6 * (m + k) + 1e-9 * m * k for m, k in engine.perceptron(width).shapes)

    monkeypatch.setattr(costs, "_time", clock)
    widths, seeds = (64, 128, 256), allocate((64, 128, 256), 10)
    cost = plan(mlp(3), NTP, SMALL, widths=widths, seeds=10, device="cpu").cost()
    shapes = {n: ((n, 64), (n, n), (10, n)) for n in widths}
    expected = sum(seeds[n] * sum(1e-6 * (m + k) + 1e-9 * m * k for m, k in shapes[n]) for n in widths)
    assert cost.seconds == pytest.approx(expected, rel=1e-9)
    assert 2**20 < cost.bytes < 2**30


@pytest.mark.parametrize("engine", ["auto", "dense"])
def test_too_little_memory_is_refused_with_what_fits(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it says does fit, one more does not."""
    monkeypatch.setattr(memory, "available_bytes", lambda _: 80 * 2**20)
    with pytest.raises(ValueError, match=r"width 90000 needs .* GiB, but cpu has 0.0781 GiB free: .* up to") as refused:
        measure(mlp(3), NTP, SMALL, widths=(64, 128, 90000), seeds=1, device="cpu", engine=engine)
    found = [int(number) for number in re.findall(r"up to (\d+)", str(refused.value))]
    assert len(found) == (2 if engine == "dense" else 1)
    sweep = plan(mlp(3), NTP, SMALL, widths=(64, 128, found[0]), seeds=1, device="cpu", engine=engine)
    assert sweep.bytes(found[0]) <= 80 * 2**20 < sweep.bytes(found[0] + 1)
    if engine == "dense":
        assert found[1] > 4 * found[0]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
@pytest.mark.parametrize(("limit", "where"), [(64, "width 64$"), (128, r"width 128, as it did for (64|100)$")])
def test_memory_that_runs_out_is_one_line(
    error: Exception, limit: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_wide(at: Perceptron, *rest: Any) -> Any:
        if at.width >= limit:
            raise error
        return train(at, *rest)

    monkeypatch.setattr("empirical.engines.mlp.engine.train", too_wide)
    monkeypatch.setattr("empirical.sweeps.workers.count", lambda _: 1)  # from the smallest width on
    with pytest.raises(ArgumentError, match="widths: the memory of cpu did not do for " + where):
        measure(mlp(3), NTP, SMALL, widths=(64, 100, 128), seeds=1, device="cpu")


def test_other_errors_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes")

    monkeypatch.setattr("empirical.engines.mlp.engine.train", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        measure(mlp(3), NTP, SMALL, widths=WIDTHS, seeds=1, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": (64, 128)}, "widths: expected at least 3 widths, strictly increasing from 2, but got 64, 128"),
        ({"widths": (64, 128, 128)}, "widths: expected at least 3 .* but got 64, 128, 128"),
        ({"widths": (128, 64, 256)}, "widths: expected at least 3 .* but got 128, 64, 256"),
        ({"widths": ()}, "widths: expected at least 3 widths"),
        ({"seeds": 0}, "seeds: expected at least 1, but got 0"),
        ({"first_seed": -1}, "first_seed: expected at least 0, but got -1"),
        ({"device": "tpu"}, "device: expected one of auto, cpu, cuda, but got 'tpu'"),
        ({"engine": "sparse"}, "engine: expected one of auto, dense, matrix-free, but got 'sparse'"),
        (
            {"engine": "matrix-free", "training": Training(optimizer="sign")},
            "engine: expected auto or dense with sign, whose updates are not of low rank .* but got 'matrix-free'",
        ),
        ({"training": Training(optimizer="clip")}, "optimizer: expected one of sgd, momentum, .* but got 'clip'"),
        ({"training": Training(data="cifar")}, "data: expected one of digits, mnist, but got 'cifar'"),
        ({"training": Training(data="mnist")}, "network: expected 784 inputs, as mnist has, but got 64"),
        ({"training": Training(batch=0)}, "batch: expected 1 to 1797 examples of digits, but got 0"),
        ({"training": Training(batch=5000)}, "batch: expected 1 to 1797 examples of digits, but got 5000"),
        ({"training": Training(steps=0)}, "steps: expected at least 1, but got 0"),
        ({"network": mlp(4)}, "parameterization: 4 layers need 4 exponents each, but got 3"),
        ({"network": mlp(3, outputs=20)}, "outputs: expected 2 to 10, the classes of digits, but got 20"),
    ],
)
def test_bad_input_is_named_in_one_line(change: dict[str, object], message: str) -> None:
    arguments = {"network": mlp(3), "parameterization": NTP, "training": SMALL, "widths": WIDTHS, "seeds": 1} | change
    with pytest.raises(ValueError, match=message) as error:
        measure(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_only_multilayer_perceptrons_are_trained_matrix_free() -> None:
    """What is none for one reason or another is trained as a graph."""
    nodes = mlp(4).nodes
    assert isinstance(nodes[4], Dense)
    branch = Dense("branch", "layer1", "weight", WIDTH, WIDTH)
    total, readout = Sum("sum", ("activation1", "branch")), Dense("readout", "sum", "v", WIDTH, fixed(10))
    skip = Network((*mlp(2).nodes[:2], branch, total, readout))
    shared = Network((*nodes[:4], replace(nodes[4], weight="weight2"), *nodes[5:]))
    linear = Network((nodes[0], replace(mlp(2).nodes[2], source="layer1")))
    for network, why in (
        (skip, "only multilayer perceptrons in the width"),
        (shared, "only multilayer perceptrons in the width"),
        (linear, "operation 2, .layer2., is Dense"),
    ):
        given = flat(network)
        with pytest.raises(ArgumentError, match=f"engine: .*{why}"):
            plan(network, given, SMALL, widths=WIDTHS, engine="matrix-free")
        engines = plan(network, given, SMALL, widths=WIDTHS).engines
        assert all(isinstance(engine, GraphEngine) for engine in engines.values())
    assert isinstance(plan(mlp(3), NTP, SMALL, widths=WIDTHS).engines[16], DenseEngine)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_a_missing_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match="device: expected cpu or auto, since torch finds no CUDA device"):
        measure(mlp(3), NTP, SMALL, widths=WIDTHS, device="cuda")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_sweep_runs_on_a_gpu() -> None:
    found = measure(mlp(3), NTP, SMALL, widths=WIDTHS, seeds=4, device="cuda")
    again = measure(mlp(3), NTP, SMALL, widths=WIDTHS, seeds=4, device="cuda")
    assert found.device == "cuda"
    for observable, by_width in found.values.items():
        np.testing.assert_allclose(by_width[48], again.values[observable][48], rtol=1e-9)
    assert plan(mlp(3), NTP, SMALL, widths=WIDTHS, device="cuda").cost().seconds > 0


def test_importing_the_package_loads_no_torch_and_measuring_no_sympy() -> None:
    """And the probe can tell: torch is there once a module that needs it is."""
    code = (
        "import sys, empirical; assert 'torch' not in sys.modules;"
        "import empirical.sweeps.measure, scalings.figures.measurements; assert 'torch' in sys.modules;"
        "assert not {'sympy.core', 'mlxtend', 'matplotlib', 'symbolic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("r", ["0", "1/4", "3/8", "1/2"])
def test_default_sweeps_resolve_every_asserted_observable(r: str) -> None:
    """Half-widths of at most 0.03 and within 0.05 of the theory, with seeds that nobody has looked at."""
    richness = float(Fraction(r))
    found = measure(mlp(3), rich(Fraction(r)), Training(batch=16), first_seed=123_456).fits
    orders = {
        "layer": (richness, richness, 0.0),
        "passthrough": (None, richness, 0.0),
        "dz": (None, None, 0.0),
        "dW_frobenius": (richness, richness - 0.5, -0.5),
        "dW_spectral": (richness, richness - 0.5, -0.5),
    }
    for quantity, by_layer in orders.items():
        for number, exponent in enumerate(by_layer, start=1):
            for step in (1, 2, 3):
                if exponent is not None:
                    fit = found[Observable(quantity, f"layer{number}", step)]  # type: ignore[arg-type]
                    assert isinstance(fit, Fit)
                    assert fit.half_width < 0.03
                    assert exponent - 0.05 < fit.low
                    assert fit.high < exponent + 0.05
