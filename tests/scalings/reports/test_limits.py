"""What is not covered is said of this question alone, as text and JSON."""

from __future__ import annotations

import json

import pytest

from tests.scalings.command_line.running import run

SENTENCES = {
    "later": "later in training: ",
    "longer": "longer training: ",
    "decay": "decay in the long run: ",
    "optimum": "constants and the optimum: ",
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("derive --depth 2", "later longer optimum"),
        ("derive --depth 2 --alpha 1/2", "longer optimum"),
        ("derive --depth 2 --optimizer adamw", "later longer decay optimum"),
        ("derive --depth 2 --scale batch:noise", "optimum"),
        ("derive --network resmlp --scale depth", "longer optimum"),
        ("derive --network lora --optimizer adam --scale rank", "later longer optimum"),
        ("derive --depth 2 --lr 0,0", "later longer"),
        ("check --preset mup", "later longer optimum"),
        ("check --preset mup --alpha 1/2 --lr 1,0,-1/2", "longer"),
        ("check --preset standard", "later longer"),
    ],
)
def test_what_is_said(capsys: pytest.CaptureFixture[str], arguments: str, said: str) -> None:
    _, out, _ = run(capsys, *arguments.split())
    text = out.partition("Not covered\n")[2].strip().splitlines()
    _, out, _ = run(capsys, *arguments.split(), "--format", "json")
    found = json.loads(out)["not_covered"]
    assert [f"- {sentence}" for sentence in found] == [line.strip() for line in text]
    assert len(found) == len(said.split())
    for sentence, name in zip(found, said.split(), strict=True):
        assert sentence.startswith(SENTENCES[name])


def test_several_scale_variables_say_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, *["derive", "--network", "resmlp", "--scale", "width,depth"])
    text = out.partition("Not covered\n")[2].strip().splitlines()
    assert len(text) == len(set(text)) == 5


def test_how_alignment_is_measured_is_said_where_it_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    for optimizer, said in (("sgd", True), ("kfac", False)):
        _, out, _ = run(capsys, "derive", "--depth", "2", "--optimizer", optimizer)
        assert "--alpha assumes less" in out
        assert ("measure --long measures it" in out) == said


@pytest.mark.parametrize(
    ("question", "matters"),
    [
        ("--depth 2", True),
        ("--depth 2 --scale batch:noise", False),
        ("--network resmlp --scale depth", False),
        ("--network lora --optimizer adam --scale rank", True),
    ],
)
def test_alignment_is_spoken_of_where_it_changes_an_answer(
    capsys: pytest.CaptureFixture[str], question: str, matters: bool
) -> None:
    def answer(alpha: str) -> object:
        _, out, _ = run(capsys, "derive", *question.split(), "--alpha", alpha, "--format", "json")
        return [json.loads(out)[part] for part in ("layers", "scales", "range", "pieces")]

    assert any(answer("1"))
    assert (answer("1") != answer("1/2")) == matters
