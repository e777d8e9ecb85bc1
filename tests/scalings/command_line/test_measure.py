"""`measure` and `verify` by the command line: figures, interrupts, what cannot be measured."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

import scalings
from scalings.command_line import measure
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.measuring import gentle
from tests.scalings.command_line.running import SMALL, run, run_json


def test_measure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "exponents.png"
    code, document = run_json(capsys, "measure", "--preset", "mup", *SMALL, "--output", str(figure))
    assert code == 3, "three widths are enough to fit, not for a verdict"
    assert document["reason"] == "a verdict needs at least 8 widths, but got 3"
    assert {"quantity", "layer", "step", "exponent", "low", "high", "predicted", "verdict"} <= document["fits"][
        0
    ].keys()
    assert [path.name for path in tmp_path.iterdir()] == ["exponents.png"]


def test_measure_says_what_it_will_cost(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, "measure", "--preset", "mup", *SMALL)
    assert "training takes about 1 s and" in err
    assert "INCONCLUSIVE" in out


def test_divergence_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    explosive = ("--init", "0,-1/2,-1/2", "--lr", "60,60,60")
    code, document = run_json(capsys, "measure", *explosive, *SMALL)
    assert (code, document["regime"]) == (3, "unstable"), "as it is in theory, and the widths are too few for a verdict"
    assert any(fit.get("diverged") for fit in document["fits"])


def test_a_figure_is_not_overwritten_unasked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    figure.write_text("precious")
    code, _, err = run(capsys, "measure", "--preset", "mup", *SMALL, "--output", str(figure))
    assert code == 2
    assert "exists; give another name, or --overwrite" in err
    assert figure.read_text() == "precious"


def test_json_has_no_infinities(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(
        capsys, "measure", "--preset", "mup", "--widths", "16,24,32", "--seeds", "1", "--batch", "8"
    )
    assert code == 3
    assert any(fit["low"] is None for fit in document["fits"])


def test_a_figure_that_cannot_be_written_is_refused_before_training(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "measure", "--preset", "mup", *SMALL, "--output", "/proc/figure.png")
    assert (code, out) == (2, "")
    assert "--output: expected a file that can be written, but got '/proc/figure.png'" in err


def test_what_is_unstable_has_no_slopes_to_assert(capsys: pytest.CaptureFixture[str]) -> None:
    widths = ",".join(str(width) for width in range(16, 33, 2))
    code, document = run_json(
        capsys, "measure", "--preset", "standard", "--widths", widths, "--seeds", "2", "--batch", "8"
    )
    assert code == 3
    assert "it is unstable" in document["reason"]


def test_what_is_not_trained_has_nothing_to_assert(capsys: pytest.CaptureFixture[str]) -> None:
    widths = ",".join(str(width) for width in range(16, 33, 2))
    frozen = ("measure", "--preset", "mup", "--lr", "-oo,-oo,-oo", "--widths", widths, *SMALL[2:])
    code, document = run_json(capsys, *frozen)
    assert (code, document["reason"]) == (3, "nothing moved that has an order to assert")


@pytest.mark.parametrize(
    "model",
    [
        ("--network", "resmlp"),
        pytest.param(("--network", "transformer", "--grows", "heads"), marks=pytest.mark.slow),
    ],
)
def test_any_network_can_be_measured(capsys: pytest.CaptureFixture[str], model: tuple[str, ...]) -> None:
    """Node graphs are trained too, with the other scale variables at what their criteria determine."""
    small = ("--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    code, document = run_json(capsys, "measure", *model, "--preset", "family:1/2", *small)
    assert code == 3, "three widths are too few for a verdict"
    assert {fit["quantity"] for fit in document["fits"]} >= {"dz", "dW_frobenius", "layer"}
    assert document["engine"] == "dense"
    assert "training takes about" in run(capsys, "measure", *model, "--preset", "family:1/2", *small)[2]
    code, out, err = run(capsys, "measure", *model, "--preset", "family:1/2", "--engine", "matrix-free")
    assert (code, out) == (2, "")
    assert err == "scalings: --engine: only multilayer perceptrons in the width are trained matrix-free\n"


def test_a_coordinate_check_does_not_look_at_weights(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "measure", "--preset", "mup", "--coordinates", "--spectra")
    assert (code, err) == (2, "scalings: --spectra: a coordinate check does not look at weights\n")


def test_an_interrupted_measurement_says_so_everywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may take the widths that were done for those that were asked."""

    def interrupt(done: float, _: str) -> None:
        if done > 0.75:
            raise KeyboardInterrupt

    few = ("measure", "--preset", "mup", "--widths", "8,12,16,24,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    assert run_json(capsys, *few)[1]["interrupted"] is False
    monkeypatch.setattr(measure, "progress_bar", lambda: nullcontext(interrupt))
    code, out, err = run(capsys, *few, "--format", "json")
    assert (code, json.loads(out)["interrupted"]) == (130, True)
    assert "scalings: interrupted; the answer is of the widths measured by then: " in err


@pytest.mark.slow
def test_the_function_trains_what_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a network whose heads are as large as real ones, at widths of a toy."""
    asked = ("--network", "transformer", "--grows", "heads", "--preset", "family:1/2", "--loss", "cross-entropy")
    small = ("--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    _, document = run_json(capsys, "measure", *asked, *small)
    network, training = scalings.transformer(grows="heads"), Training(batch=4, steps=1, loss="cross-entropy")
    family = scalings.derive(network, loss="cross-entropy").family
    assert family is not None
    given = family.member("1/2")
    for how, same in ((gentle(training, network, "width"), True), (training, False)):
        found = scalings.measure(network, given, how, widths=(8, 16, 32), seeds=1)
        fits = {(o.quantity, o.layer, o.step): fit.exponent for o, fit in found.fits.items() if isinstance(fit, Fit)}
        seen = {(one["quantity"], one["layer"], one["step"]): one["exponent"] for one in document["fits"]}
        shared = fits.keys() & seen.keys()
        assert len(shared) > 50
        assert all(fits[key] == seen[key] for key in shared) == same


@pytest.mark.parametrize("model", [(), ("--loss", "cross-entropy"), ("--network", "resmlp", "--scale", "depth")])
def test_options_of_observing_mean_the_same_for_every_engine(
    capsys: pytest.CaptureFixture[str], model: tuple[str, ...]
) -> None:
    given = ("--init", "0,-1/2,-1", "--lr", "0,-1,-1", *(("--scales", "-1") if "resmlp" in model else ()))
    few = ("measure", *model, *given, "--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")

    def quantities(*options: str) -> set[str]:
        return {fit["quantity"] for fit in run_json(capsys, *few, *options)[1]["fits"]}

    every = quantities()
    assert quantities("--spectra") == {*every, "W_spectral"} != every
    assert quantities("--coordinates") == {"z", "dz"} | ({"loss"} & every)


def test_the_prefactor_of_the_richness(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    _, once = run_json(capsys, "measure", "--preset", "family:1/4", *few)
    _, twice = run_json(capsys, "measure", "--preset", "family:1/4", "--gamma", "2", *few)
    assert "gamma" not in once
    assert (twice["gamma"], twice["parameterization"]) == ("2", "family:1/4, gamma 2")
    moved = [
        next(
            fit["points"][0]["log_mean"]
            for fit in document["fits"]
            if (fit["quantity"], fit["layer"]) == ("dz", "layer2")
        )
        for document in (once, twice)
    ]
    assert moved[0] < moved[1], "twice as far to first order (tests/agreement), in one step"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--preset", "family:1/4", "--gamma", "0"), "expected a number above 0, such as 2 or 1/2, but got '0'"),
        (("--preset", "family:1/4", "--gamma", "much"), "expected a number above 0, such as 2 or 1/2, but got 'much'"),
        (("--preset", "mup", "--gamma", "2"), "expected a --preset family:R by itself, whose |dz| it multiplies,"),
        (("--preset", "family:1/4", "--lr", "0,0,0", "--gamma", "2"), "it multiplies, but got lists of exponents"),
    ],
)
def test_what_has_no_prefactor(options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "measure", *options)
    assert (code, out) == (2, "")
    assert err.startswith("scalings: --gamma: ")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("preset", "regime", "says"), [("standard", "unstable", "unstable: "), ("mup", "rich", "rich, r = 1/2")]
)
def test_that_theory_is_right_is_no_praise_of_the_parameterization(
    preset: str, regime: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the parameterization is comes first; rows say whether training agrees."""
    _, out, _ = run(capsys, "measure", "--preset", preset, "--coordinates", *SMALL)
    assert out.startswith(f"In theory {preset} is {says}")
    _, document = run_json(capsys, "measure", "--preset", preset, "--coordinates", *SMALL)
    assert document["regime"] == regime
    assert document["richness"] == (None if regime == "unstable" else "1/2")
