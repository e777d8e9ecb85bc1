"""`rule`: numbers tuned at one width, carried over to another, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from scalings.studies.parameterize import parameterize
from scalings.studies.rules import Target, rule_of_model
from tests.scalings.command_line.running import run, run_json

ENDS = ("--from", "256", "--to", "4096")
MODULE = """
import torch
from torch import nn
def build(n):
    return nn.Sequential(nn.Linear(4, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 2))
data = torch.ones(2, 4)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "model_of_rules.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return "model_of_rules:build"


def test_a_network_of_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    """Adam's maximal update from width 256 to 16 times as much: rates of matrices and the readout's start like 1/n."""
    code, document = run_json(capsys, "rule", *ENDS, "--lr", "3e-4", "--optimizer", "adam")
    found = {one["weight"]: (one["from"], one["to"]) for one in document["parameters"]}
    assert code == 0
    assert [after["lr"] / before["lr"] for before, after in found.values()] == pytest.approx([1, 1 / 16, 1 / 16])
    assert [after["init"] / before["init"] for before, after in found.values()] == pytest.approx([1, 1 / 4, 1 / 16])
    assert found["layer2"][0] == pytest.approx({"init": 1 / 16, "lr": 3e-4, "decay": 0})


def test_batch_and_depth_multiply_by_powers_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Adam's rate like the root of the batch (Malladi et al., arXiv 2205.10287); branches like one over the depth."""
    options = (
        "--network",
        "resmlp",
        "--optimizer",
        "adamw",
        "--lr",
        "1e-3",
        "--decay",
        "0.1",
        "--from",
        "64",
        "--to",
        "64",
    )
    code, document = run_json(capsys, "rule", *options, "--batch", "64,256", "--depth", "4,32")
    numbers = {one["weight"]: one["to"] for one in document["parameters"]}
    assert code == 0
    assert [one["lr"] for one in numbers.values()] == pytest.approx([2e-3] * 3)
    assert numbers["branch1"]["decay"] == pytest.approx(0.2)
    assert document["multipliers"] == [{"name": "branch_scale", "times": pytest.approx(1 / 8)}]
    assert document["sizes"] == {"batch": [64, 256], "depth": [4, 32]}
    assert any("mostly noise" in line for line in document["assumed"])


def shares(document: dict[str, Any], steps: float) -> list[float]:
    """Of each weight that decays, the share of training in which decay forgets, after as beside before."""
    found = [(one["from"], one["to"]) for one in document["parameters"]]
    return [(a["lr"] * a["decay"]) / (b["lr"] * b["decay"] * steps) for a, b in found if a["decay"]]


@pytest.mark.parametrize("batch", [(256, 256), pytest.param((256, 1024), marks=pytest.mark.slow)])
def test_more_tokens_keep_the_share_of_training_in_which_decay_forgets(
    capsys: pytest.CaptureFixture[str], batch: tuple[int, int]
) -> None:
    """1 / (lr decay) of all steps, as Wang and Aitchison have it, also where the batch, whose powers are derived,
    grows. Learning rates do not follow the tokens."""
    options = (*ENDS, "--lr", "1e-3", "--optimizer", "adamw", "--decay", "0.1")
    batches = ("--batch", f"{batch[0]},{batch[1]}") if batch[0] != batch[1] else ()
    _, shorter = run_json(capsys, "rule", *options, *batches)
    code, document = run_json(capsys, "rule", *options, *batches, "--tokens", "2e9,4e10")
    steps = 20 * batch[0] / batch[1]
    assert code == 0
    assert shares(document, steps) == pytest.approx([1] * 3)
    assert shares(shorter, steps) == pytest.approx([1 / 20] * 3)
    assert [one["to"]["lr"] for one in document["parameters"]] == [one["to"]["lr"] for one in shorter["parameters"]]
    assert document["sizes"]["tokens"] == [2 * 10**9, 4 * 10**10]
    assert f"training has {steps:g} times as many steps: the tokens over the batch size" in document["assumed"]
    assert any("measured, not derived (Wang and Aitchison" in line for line in document["assumed"])
    assert any("nothing is derived of it for another number D of tokens" in line for line in document["remaining"])
    assert not any("tokens, and it stays" in line for line in shorter["remaining"])


@pytest.mark.slow
def test_decay_in_the_gradient_of_adam_has_no_such_share(capsys: pytest.CaptureFixture[str]) -> None:
    """Adam divides it by the size of the gradient; under SGD it shrinks weights as decay beside the gradient does."""
    ends = ("--from", "64", "--to", "64", "--lr", "1e-3", "--decay", "0.1", "--tokens", "1000,4000")
    for law, factor, is_said in (("adam+l2", 1, True), ("sgd+l2", 1 / 4, False)):
        _, document = run_json(capsys, "rule", *ends, "--optimizer", law)
        changes = [one["to"]["decay"] / one["from"]["decay"] for one in document["parameters"]]
        assert changes == pytest.approx([factor] * 3)
        assert any("it is part of the gradient" in line for line in document["remaining"]) == is_said


def test_a_module_has_the_numbers_of_parameterize(capsys: pytest.CaptureFixture[str], module: str) -> None:
    options = ("--network", module, "--optimizer", "muon+adamw", "--lr", "muon=0.02,adamw=1e-3", "--decay", "0.1")
    code, document = run_json(capsys, "rule", *options, *ENDS)
    import model_of_rules  # type: ignore[import-not-found]

    rates = {"muon": 0.02, "adamw": 1e-3}
    answer = parameterize(model_of_rules.build, "muon+adamw", model_of_rules.data, base_width=256, lr=rates, decay=0.1)
    found = {optimizer: [group["lr"] for group in groups] for optimizer, groups in document["groups"].items()}
    expected = answer.groups(model_of_rules.build(4096))
    assert code == 0
    assert found == {optimizer: [group["lr"] for group in groups] for optimizer, groups in expected.items()}
    assert {optimizer: len(groups) for optimizer, groups in found.items()} == {"Muon": 1, "AdamW": 3}


@pytest.mark.slow
def test_text_and_markdown(capsys: pytest.CaptureFixture[str], module: str) -> None:
    options = ("rule", "--network", module, "--optimizer", "adam", "--lr", "3e-4", *ENDS)
    _, text, _ = run(capsys, *options)
    _, markdown, _ = run(capsys, *options, "--format", "markdown")
    assert "3.75e-05" not in text
    for page in (text, markdown):
        assert "0.0003 -> 1.875e-05" in page
        assert "def groups(model, n):" in page
        assert "Remains to be done" in page
    assert "| 2.weight | Adam |" in markdown


@pytest.mark.parametrize(
    ("dtype", "small", "lost"),
    [("fp32", False, False), ("bf16", False, True), ("fp16", False, False), ("fp8", True, True)],
)
def test_warnings_of_a_format(capsys: pytest.CaptureFixture[str], dtype: str, small: bool, lost: bool) -> None:
    """At width 2^14 a hidden weight of Adam is 1/128, and its step 1e-3 / 64 is 1/512 of that: more than half of the
    distance of neighbours in fp16, 2^-11, less than in bf16, 2^-8."""
    options = ("--lr", "1e-3", "--optimizer", "adam", "--from", "256", "--to", "16384", "--dtype", dtype)
    _, document = run_json(capsys, "rule", *options)
    said = " ".join(document["warnings"])
    assert ("init scales below" in said) == small
    assert ("steps are rounded away" in said and "layer2" in said) == lost


SCORED = """
import torch
from torch import nn

class Scored(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n, self.embed, self.norm = n, nn.Embedding(11, n), nn.LayerNorm(n)
        self.qkv, self.out = nn.Linear(n, 3 * n, bias=False), nn.Linear(n, 11, bias=False)
    def forward(self, ids):
        q, k, v = self.qkv(self.norm(self.embed(ids))).chunk(3, -1)
        return self.out((q @ k.mT / (self.n / 4)).softmax(-1) @ v) / self.n

data = torch.zeros(2, 5, dtype=torch.long)
"""


def test_numbers_in_the_code_of_a_module_underflow(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of e4m3 the smallest normal number is 1/64: at width 4096 both are below it, at 64 neither is; at 128 it is the
    readout's alone, since scores are divided by n/4 there; and in bfloat16 nothing is."""
    (tmp_path / "scored_model_of_rules.py").write_text(SCORED)
    monkeypatch.chdir(tmp_path)

    def warned(width: int, dtype: str) -> list[str]:
        options = ("--network", "scored_model_of_rules:Scored", "--optimizer", "adam", "--lr", "1e-3")
        _, document = run_json(capsys, "rule", *options, "--from", "64", "--to", str(width), "--dtype", dtype)
        return [line for line in document["warnings"] if "the code multiplies by" in line]

    below = "numbers that the code multiplies by are below 0.016, the smallest normal number of float8_e4m3, at width"
    assert warned(4096, "fp8") == [f"{below} 4096: div (0.00098), div2 (0.00024)"]
    assert warned(128, "fp8") == [f"{below} 128: div2 (0.0078)"]
    assert warned(64, "fp8") == warned(4096, "bf16") == []


def test_steps_of_sgd_are_said_not_to_be_judged(capsys: pytest.CaptureFixture[str]) -> None:
    for law, is_said in (("sgd", True), ("adam", False)):
        _, document = run_json(capsys, "rule", *ENDS, "--lr", "1e-3", "--optimizer", law, "--dtype", "bf16")
        said = [line for line in document["warnings"] if "not judged" in line]
        expected = "steps of sgd are not judged: they are as large as gradients, which are not known"
        assert said == ([expected] if is_said else [])


def test_bfloat16_rounds_away_what_is_said_to_be() -> None:
    """The step of a warning, and one four times as large, added to weights in bfloat16."""
    weights = torch.full((1,), 1.5 / 128, dtype=torch.bfloat16)
    assert torch.equal(weights + 1e-3 / 64, weights)
    assert not torch.equal(weights + 4e-3 / 64, weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((*ENDS, "--lr", "0"), "--lr: expected a number above 0, such as 3e-4, but got '0'"),
        ((*ENDS, "--lr", "adam=1"), "--lr: expected one for each of adamw, but got 'adam=1'"),
        ((*ENDS, "--lr", "muon=1", "--optimizer", "muon+adam"), "--lr: expected one for adam too, but got 'muon=1'"),
        (("--from", "0", "--to", "1", "--lr", "1"), "--from: expected a width from 1 to 1000000000, but got 0"),
        ((*ENDS, "--lr", "1", "--decay", "-1"), "--decay: expected a number of at least 0"),
        (
            (*ENDS, "--lr", "1", "--optimizer", "sgd", "--decay", "1"),
            "--decay: expected none, since sgd does not decay",
        ),
        ((*ENDS, "--lr", "1", "--batch", "3"), "--batch: expected two sizes, from and to"),
        (
            (*ENDS, "--lr", "1", "--depth", "2,4"),
            "--depth: expected no change, since nothing in this network is repeated",
        ),
        ((*ENDS, "--lr", "1", "--depth", "2,x"), "--depth: expected whole numbers, but got 'x' in '2,x'"),
        (
            (*ENDS, "--lr", "1", "--depth", "3", "--network", "llama"),
            "--depth: expected two numbers of blocks of llama, from and to, as in 12,48, but got '3'",
        ),
        ((*ENDS, "--lr", "1", "--tokens", "1e9,inf"), "--tokens: expected whole numbers, but got 'inf' in '1e9,inf'"),
        ((*ENDS, "--lr", "1", "--tokens", "2e9"), "--tokens: expected two sizes, from and to, as in 2e9,4e10, but got"),
        ((*ENDS, "--lr", "1", "--richness", "3/4"), "--richness: no init scales and learning rates have r = 3/4"),
        ((*ENDS, "--lr", "1", "--depth", "65"), "--depth: expected at most 64 weights in a rule"),
        ((*ENDS, "--lr", "1", "--optimizer", "adm"), "--optimizer: did you mean adam?"),
    ],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str) -> None:
    code, out, error = run(capsys, "rule", *options)
    assert (code, out) == (2, "")
    assert error.startswith(f"scalings: {message}")
    assert error.count("\n") == 1


DEEP = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, n, factor, first):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(n, bias=False), nn.Linear(n, n), nn.Linear(n, n, bias=False)
        self.factor, self.first = factor, first
    def forward(self, x):
        branch = self.down(torch.relu(self.up(self.norm(x)))) * self.factor
        return branch + x if self.first else x + branch

class Net(nn.Module):
    def __init__(self, n, factor=1.0, first=False):
        super().__init__()
        self.up, self.down = nn.Linear(4, n, bias=False), nn.Linear(n, 2, bias=False)
        self.blocks = nn.ModuleList(Block(n, factor, first) for _ in range(4))
    def forward(self, x):
        x = self.up(x)
        for block in self.blocks:
            x = block(x)
        return self.down(x)

def divided(n):
    return Net(n, 1 / 4)
def first(n):
    return Net(n, first=True)
data = torch.ones(2, 4)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Net", "divided", "first"])
def test_the_depth_of_a_module_is_in_its_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its branches are to be multiplied by 1 / depth, whatever number is there at the depth that is traced, on either
    side of the sum; nothing else changes under Muon and AdamW, as in the ready-made residual network."""
    (tmp_path / "deep_model_of_rules.py").write_text(DEEP)
    monkeypatch.chdir(tmp_path)
    options = ("--optimizer", "muon+adamw", "--lr", "1e-3", "--from", "64", "--to", "64", "--depth", "4,16")
    code, document = run_json(capsys, "rule", "--network", f"deep_model_of_rules:{name}", *options)
    assert code == 0
    [multiplier] = document["multipliers"]
    assert multiplier["times"] == pytest.approx(1 / 4)
    assert multiplier["name"].startswith("blocks.*")
    assert any(line.startswith("your code: what it multiplies blocks.*") for line in document["remaining"])
    assert all(one["to"] == one["from"] for one in document["parameters"])
    _, ready = run_json(capsys, "rule", "--network", "resmlp", *options)
    assert ready["multipliers"] == [{"name": "branch_scale", "times": pytest.approx(1 / 4)}]


@pytest.mark.slow
def test_both_branches_of_a_transformer_have_one() -> None:
    from tests.scalings.studies.models_to_set import GPT, IDS, adamw, next_token

    answer = parameterize(GPT, adamw, IDS, next_token, base_width=64)
    found = rule_of_model("gpt", "adamw", answer, Target(64, depth=(2, 4)))
    assert {name: one.at(found.at_end.ratios_at(64)) for name, one in found.multipliers} == {
        "blocks.*.out": 0.5,
        "blocks.*.down": 0.5,
    }
    assert rule_of_model("gpt", "adamw", answer, Target(64, batch=(2, 4))).multipliers == ()


@pytest.mark.slow
def test_where_a_split_decays_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    options = (*ENDS, "--lr", "muon=1e-3,adamw=1e-3", "--decay", "0.1", "--optimizer")
    for law, is_said in (("muon+adamw", True), ("muon+coupled+adamw", False)):
        _, document = run_json(capsys, "rule", *options, law)
        assert ("muon does not decay; muon+coupled does" in document["assumed"]) == is_said
