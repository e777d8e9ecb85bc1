"""`measure --long`: alignments over hundreds of updates beside those that are assumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from empirical.engines.graph.setting import Setting
from scalings.errors import ArgumentError
from scalings.networks.architectures import NETWORKS
from scalings.studies.long_training import WIDTHS, Alignment, Share, checkpoints
from tests.scalings.command_line.running import run

LONG = "measure --optimizer adam --init 0,-1/2,-1 --lr 0,-1,-1 --widths 32,64,128 --seeds 8 --steps 30 --alpha 1 --long"


@pytest.mark.slow
def test_full_alignment_at_first_and_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Measured at each checkpoint, by layer; the control assumes alpha = 0."""
    figure = tmp_path / "long.svg"
    _, out, err = run(capsys, *LONG.split(), "--format", "json", "--output", str(figure))
    document = json.loads(out)
    assert figure.exists()
    assert "training takes about" in err
    assert [(one["layer"], one["alignment"]) for one in document["alignments"]] == [
        ("layer2", "alpha"),
        ("layer3", "alpha"),
        ("layer3", "omega"),
    ]
    for one in document["alignments"]:
        assert one["assumed"] == "1"
        assert [share["step"] for share in one["measured"]] == [1, 3, 10, 30]
        first = one["measured"][0]
        assert first["low"] <= 1.05
        assert first["high"] >= 0.95
    assert document["verdict"] in ("PASS", "INCONCLUSIVE")
    code, out, _ = run(capsys, *LONG.replace("--alpha 1", "--alpha 0").split())
    assert code == 1
    assert "from update 1 on alpha of layer2 is" in out
    assert "where 0 is assumed" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("measure --preset mup --long --spectra", "--long: alignments are measured without --spectra"),
        (
            "measure --network resmlp --scale depth --preset family:0 --long",
            "--long: no matrix has a fan_in that grows with the depth",
        ),
        ("measure --preset mup --long --steps 100000", "--steps: expected at most 10000, which take hours"),
        ("measure --preset mup --long --engine matrix-free", "--engine: expected auto or dense for long training"),
        ("measure --optimizer kfac --preset family:0 --long", "--optimizer: long training is by gradients in full"),
    ],
)
def test_what_is_not_trained_for_long(capsys: pytest.CaptureFixture[str], arguments: str, sentence: str) -> None:
    code, out, err = run(capsys, *arguments.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_where_an_alignment_leaves_what_is_assumed() -> None:
    shares = {1: Share(1.0, 0.9, 1.1), 10: Share(0.8, 0.6, 1.0), 100: Share(0.5, 0.4, 0.6), 300: None}
    assert Alignment("layer2", "alpha", 1, shares).left_at(0.25) == 100  # type: ignore[arg-type]
    assert Alignment("layer2", "alpha", 1, shares).left_at(0.7) == 300  # type: ignore[arg-type]
    assert Alignment("layer2", "alpha", 1, {1: shares[1]}).is_near(0.25)  # type: ignore[arg-type]
    assert not Alignment("layer2", "alpha", 1, {10: shares[10]}).is_near(0.25)  # type: ignore[arg-type]
    assert checkpoints(1) == (1,)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_widths_are_ones_that_every_ready_made_network_has(name: str) -> None:
    for width in WIDTHS:
        Setting(NETWORKS[name](), {"width": width}, {}).check()
    if name == "llama":
        with pytest.raises(ArgumentError, match="cannot be shared"):
            Setting(NETWORKS[name](), {"width": 45}, {}).check()
