"""Several scale variables at once: each derived with the others held fixed, side by side as monomials."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from scalings.command_line.app import main
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.tutorial import MAXIMALITY, TUTORIAL, UNIFORM_RICHNESS
from scalings.errors import ArgumentError
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE, WIDTH_SCALE, Dimension
from scalings.networks.serialization import network_from_json, network_to_json
from scalings.reports.monomials import monomials_latex, monomials_markdown
from scalings.results.monomials import Monomials
from symbolic.derivation.derive import derive
from symbolic.derivation.several_scales import derive_each

BOTH = (WIDTH_SCALE, DEPTH_SCALE)


@cache
def looser() -> Monomials:
    """Without maximality both variables leave branch multipliers free."""
    kept = [criterion for criterion in TUTORIAL if criterion not in (MAXIMALITY, UNIFORM_RICHNESS)]
    return derive_each(resmlp(), optimizer("adam"), kept, scales=BOTH)


@pytest.mark.parametrize("law", ["sgd", "adam"])
def test_each_power_is_that_of_its_own_derivation(law: str) -> None:
    """CompleteP's table (arXiv 2505.01618): muP in the width times its own powers of the depth."""
    answer = derive_each(resmlp(branch=2), optimizer(law), scales=BOTH)
    alone = {scale: derive(resmlp(branch=2), optimizer(law), scale=scale) for scale in BOTH}
    assert alone[WIDTH_SCALE].family is not None
    assert [dict(layer.lr.powers)["n"] for layer in answer.layers] == [
        layer.lr for layer in alone[WIDTH_SCALE].family.layers
    ]
    (point,) = alone[DEPTH_SCALE].polyhedra
    assert [dict(layer.lr.powers)["m"] for layer in answer.layers] == [layer.lr for layer in point.layers]
    rates = {
        "sgd": ["n^(2r)", "n^(2r-1) m", "n^(2r-1) m", "n^(-1)"],
        "adam": ["n^(r-1/2)", *["n^(r-3/2)"] * 2, "n^(-1)"],
    }
    assert [str(layer.lr) for layer in answer.layers] == rates[law]
    assert [str(scale) for scale in answer.scales] == ["m^(-1)"]
    assert [answer.held(one) for one in answer.derivations] == [(DEPTH_SCALE,), (WIDTH_SCALE,)]


def test_scale_variables_of_ones_own() -> None:
    """Heads that grow in size ask for 1/d_head attention at the rich end; heads that grow in number ask for nothing."""
    text = json.dumps(network_to_json(transformer()))
    text = text.replace('"order": "1"', '"order": "0", "others": {"d_head": "1", "n_head": "1"}')
    document = json.loads(text)
    scores = next(node for node in document[1]["nodes"] if node["op"] == "scores")
    scores["heads"]["others"], scores["head_size"]["others"] = {"n_head": "1"}, {"d_head": "1"}
    network = network_from_json(document)
    assert network.scales == ("d_head", "n_head", "vocabulary", "depth"), "no size is a power of the width"
    answer = derive_each(network, optimizer("adam"), scales=network.scales[:2], loss="cross-entropy")
    assert [one.degrees_of_freedom for one in answer.derivations] == [0, 1]
    assert [str(scale) for scale in answer.scales] == ["d_head^(-1)", "1", "1"]
    assert str(answer.layers[-1].init) == "d_head^(-1) n_head^(-r-1/2)"


def test_what_several_leave_free_has_names_of_its_own() -> None:
    (scale,) = looser().scales
    assert str(scale) == "n^(kappa_1_n) m^(kappa_1_m)"
    width, depth = looser().derivations
    assert "kappa_1_m + 1 >= 0" in looser().conditions(depth)
    assert not any("_m" in condition for condition in looser().conditions(width))


def test_a_contradiction_in_one_variable_leaves_no_table() -> None:
    """In the width z ~ n^(1/2) says what signal propagation does; in another variable it contradicts it."""
    loud = parse_criterion("loud: z ~ n^(1/2) at hidden initially")
    cells = Dimension(1, Fraction(1), (("cells", Fraction(1, 2)),))
    answer = derive_each(mlp(2, hidden=[cells]), criteria=[*TUTORIAL, loud])
    assert (answer.layers, answer.scales) == ((), ())
    assert [one.contradiction for one in answer.unanswered] == [("signal propagation", "loud")]
    with pytest.raises(ArgumentError, match="scale variables that differ, but got m twice"):
        derive_each(resmlp(), scales=(DEPTH_SCALE, DEPTH_SCALE))


def test_a_union_of_pieces_has_no_monomials(capsys: pytest.CaptureFixture[str]) -> None:
    looser = ["--without", "useful update", "--scale", "width,depth"]
    assert main(["derive", "--network", "resmlp", *looser]) == 0
    printed = capsys.readouterr().out
    assert "so there is no table of monomials" in printed
    assert "unit-multiplier" not in printed


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path: Path) -> None:
    answers = [looser(), derive_each(resmlp(), optimizer("adamw"), scales=BOTH)]
    source = tmp_path / "article.tex"
    body = "\n\n".join(map(monomials_latex, answers))
    source.write_text(
        f"\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-draftmode", source.name]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_latex_and_markdown_have_monomials_and_no_program_text() -> None:
    text = monomials_latex(looser())
    mathematics = "".join(re.findall(r"\\begin{align\*}(.*?)\\end{align\*}", text, re.DOTALL))
    assert "m^{\\kappa_{1,m}}" in mathematics
    assert not re.search(r"(?<!\\)\b(eta|sigma|kappa|lambda)_|\*|>=|<=|-oo", mathematics)
    assert "| branch_scale |  | n^(kappa_1_n) m^(kappa_1_m) |  |  |" in monomials_markdown(looser())


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["derive", "--network", "transformer", "--grows", "heads", "--optimizer", "adam", "--loss", "cross-entropy"]
    assert main([*asked, "--scale", "width,depth", "--gauge", "unit-init", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    layers = {layer["name"]: layer for layer in document["layers"]}
    assert [layer.name for layer in transformer().layers] == list(layers)
    assert layers["up"]["multiplier"] == {"width": "-1/2", "depth": "0"}
    assert document["degrees_of_freedom"]["width"] == 1
    assert document["conditions"]["width"] == ["0 <= r <= 1/2"]
    assert [one["scale"] for one in document["derivations"]] == ["width", "depth"]
    assert "depth" in document["held_fixed"]["width"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["derive", "--scale", "width,height"],
            "--scale: expected one of width, batch:noise, batch:signal for this network, but got 'height'",
        ),
        (["derive", "--scale", "batch:noise,batch:signal"], "--scale: expected scale variables that differ, but got B"),
        (
            ["check", "--network", "resmlp", "--scale", "width,depth", "--init", "0,0,0", "--lr", "0,0,0"],
            "--scale: expected one of width, depth, but got 'width,depth': lists of exponents are powers of one",
        ),
        (
            ["derive", "--network", "resmlp", "--scale", "width,depth", "--init", "0,?,?"],
            "--scale: with several, no exponents are given, and nothing is certified, inducted or drawn",
        ),
    ],
)
def test_what_takes_one_variable_at_a_time(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_scale_variable_is_refused_in_python_too() -> None:
    with pytest.raises(ArgumentError, match="expected one of width, depth, batch:noise, batch:signal for this network"):
        derive(resmlp(), scale="foo")
