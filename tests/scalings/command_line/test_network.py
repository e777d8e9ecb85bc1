"""The command network, and what commands say of files that hold no network: one line, exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalings.command_line.app import main
from scalings.networks.adapters import lora
from scalings.networks.architectures import NETWORKS, cnn, mlp, resmlp, transformer
from scalings.networks.decoders import llama, moe
from scalings.networks.network import Network
from scalings.networks.serialization import network_from_text, network_to_text
from scalings.networks.vision import resnet, vit
from tests.scalings.command_line.running import run

WIDE = {"size": 1, "order": "1"}
FIRST = {"op": "dense", "name": "a", "source": "input", "weight": "w", "fan_in": 64, "fan_out": WIDE}
LAST = {"op": "dense", "name": "out", "source": "a", "weight": "v", "fan_in": WIDE, "fan_out": 10}

MIX = {"op": "mix", "name": "m", "scores": "a", "values": "a"}

KNOWN = f"expected one of {', '.join(NETWORKS)}, a .json file, or MODULE:NAME"


@pytest.mark.parametrize(
    ("options", "network"),
    [
        ("", mlp(3)),
        ("--depth 4 --activation tanh --biases", mlp(4, "tanh", biases=True)),
        ("--network cnn --depthwise", cnn(3, depthwise=True)),
        ("--network resmlp --norm --branch 2", resmlp(branch=2, norm=True)),
        ("--network transformer --grows heads --tied", transformer(grows="heads", tied=True)),
        ("--network llama --groups 1/4 --no-gains --softcap", llama(groups="1/4", gains=False, softcap=True)),
        (
            "--network llama --qk-norm --post-norm --logit-scale --loops 2",
            llama(qk_norm=True, post_norm=True, logit_scale=True, loops=2),
        ),
        (
            "--network moe --experts 4 --top 1 --shared 1 --router sigmoid",
            moe(experts=4, top=1, shared=1, router="sigmoid"),
        ),
        ("--network vit --no-class-token --grows heads", vit(class_token=False, grows="heads")),
        ("--network resnet --stages 1 --normalization group", resnet(stages=1, normalization="group")),
        ("--network lora --depth 4 --rank 2 --activation tanh", lora(4, "tanh", rank=2)),
    ],
)
def test_what_is_printed_can_be_given_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: str, network: Network
) -> None:
    code, out, err = run(capsys, "network", *options.split())
    assert (code, err) == (0, "")
    assert network_from_text(out) == network
    file = tmp_path / "mine.json"
    file.write_text(out)
    assert run(capsys, "network", "--network", str(file)) == (0, out, "")


def test_a_file_means_what_the_option_means(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "resmlp.json"
    file.write_text(network_to_text(resmlp()))
    given = run(capsys, "derive", "--network", str(file), "--scale", "depth")
    assert given == run(capsys, "derive", "--network", "resmlp", "--scale", "depth")
    file.write_text(network_to_text(resmlp(norm=True)))
    assert given != run(capsys, "derive", "--network", str(file), "--scale", "depth")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps([{"op": "dense"}]), "$[0]: dense needs name, source, weight, fan_in, fan_out, but got"),
        (json.dumps([FIRST | {"name": "[/]"}, LAST | {"source": "[/]"}]), "$[0].name: expected a name of 1 to 100"),
        (json.dumps([FIRST, {"op": "sum", "name": "s", "sources": []}, LAST]), "$[1].sources: expected a list of one"),
        (
            json.dumps([FIRST, {"op": "mix", "name": "m", "scores": "a", "values": "a"}, LAST | {"source": "m"}]),
            "m mixes by a",
        ),
        (json.dumps([FIRST, FIRST, LAST]), "expected names that differ, but got 'a' twice"),
        (json.dumps([FIRST, FIRST | {"name": "b", "weight": "u"}, LAST]), "nothing reads b; expected every"),
        (json.dumps([FIRST | {"fan_out": 5}, LAST | {"fan_in": 5}]), "nothing in it grows with the width; expected"),
        (json.dumps([FIRST, LAST]).replace("64", "9" * 5000), "$[0].fan_in: expected a size from 1"),
        (json.dumps([FIRST, LAST]) + " " * 10_000_000, "expected a file of at most 10000000 bytes, but"),
        ("", "it is not JSON: Expecting value"),
    ],
    ids=["fields", "markup", "sum", "mix", "twice", "unread", "fixed", "digits", "long", "empty"],
)
@pytest.mark.parametrize(
    "command",
    ["derive", "check --init 0,-1 --lr 1,-1", "predict --init 0,-1 --lr 1,-1"],
    ids=["derive", "check", "predict"],
)
def test_a_file_that_holds_no_network(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, text: str, message: str
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([FIRST, LAST]))
    assert main([*command.split(), "--network", str(file)]) in (0, 1), "as it is before the mistake"
    capsys.readouterr()
    file.write_text(text)
    code, out, err = run(capsys, *command.split(), "--network", str(file))
    assert (code, out) == (2, "")
    assert err.startswith(f"scalings: --network: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", f"{KNOWN}, but got ''"),
        ("mlq", f"did you mean mlp? {KNOWN}, but got 'mlq'"),
        ("nowhere.json", "cannot read 'nowhere.json': No such file or directory"),
    ],
)
def test_a_network_that_is_not_there(capsys: pytest.CaptureFixture[str], given: str, message: str) -> None:
    assert run(capsys, "network", "--network", given) == (2, "", f"scalings: --network: {message}\n")


def test_what_grows_in_the_depth_alone_has_no_width(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text(network_to_text(resmlp()).replace('{"size": 1, "order": "1"}', "32"))
    assert run(capsys, "derive", "--network", str(file), "--scale", "depth")[0] != 2
    code, _, err = run(capsys, "derive", "--network", str(file))
    assert (code, err) == (
        2,
        "scalings: --scale: expected one of depth, batch:noise, batch:signal for this network, but got 'width'\n",
    )


def test_what_does_not_grow_has_a_batch(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "fixed.json"
    file.write_text(json.dumps([FIRST | {"fan_out": 5}, LAST | {"fan_in": 5}]))
    assert run(capsys, "derive", "--network", str(file), "--scale", "batch:noise")[0] != 2
