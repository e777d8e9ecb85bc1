"""Derivations are written for people: LaTeX that compiles, Markdown, and what a notebook shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from scalings.criteria.parsing import parse_criterion
from scalings.criteria.tutorial import CRITERIA, TUTORIAL
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp, resmlp, transformer
from scalings.networks.dimensions import DEPTH_SCALE
from scalings.reports.articles import display_latex, latex, markdown
from scalings.results.derivations import Derivation
from symbolic.derivation.derive import derive
from symbolic.derivation.induction import induct

GAUGE = "unit-multiplier"


_WITHOUT_MAXIMALITY = [criterion for criterion in TUTORIAL if criterion.name != "maximality"]
_LOUD = [*TUTORIAL, parse_criterion("loud: z ~ n^1 at hidden initially")]
_DERIVATIONS: dict[str, Callable[[], Derivation]] = {
    "family": lambda: derive(mlp(3)),
    "polytope": lambda: derive(mlp(2), criteria=_WITHOUT_MAXIMALITY),
    "pieces": lambda: derive(mlp(2), criteria=CRITERIA["stability"]),
    "contradiction": lambda: derive(mlp(2), criteria=_LOUD),
    "depth": lambda: derive(resmlp(branch=2), optimizer("adam"), scale=DEPTH_SCALE),
    "every depth": lambda: replace(derive(mlp(2)), induction=induct()),
    "no induction": lambda: replace(derive(mlp(2)), induction=induct(criteria=CRITERIA["stability"])),
    "transformer": lambda: derive(transformer(grows="heads", biases=True), optimizer("adamw"), loss="cross-entropy"),
}


@cache
def derived(name: str) -> Derivation:
    return _DERIVATIONS[name]()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path: Path) -> None:
    parts = [f"{latex(one, GAUGE)}\n\n{display_latex(one)}" for one in map(derived, _DERIVATIONS)]
    preamble = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"
    source = tmp_path / "article.tex"
    source.write_text(preamble + "\n\n".join(parts) + "\n\\end{document}\n")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-draftmode", source.name]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    source.write_text(preamble + "\\undefined" + "\n\\end{document}\n")
    control = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert control.returncode != 0


@pytest.mark.parametrize("name", _DERIVATIONS)
def test_latex_is_balanced_and_without_what_a_program_writes(name: str) -> None:
    for text in (latex(derived(name), GAUGE), display_latex(derived(name))):
        assert text.count("{") == text.count("}")
        assert sorted(re.findall(r"\\begin{(\w+\*?)}", text)) == sorted(re.findall(r"\\end{(\w+\*?)}", text))
        mathematics = "".join(re.findall(r"\\begin{align\*}(.*?)\\end{align\*}", text, re.DOTALL))
        assert not re.search(r"(?<!\\)\b(eta|sigma|kappa|lambda)_|\*|>=|<=|0\.5|Rational|-oo", mathematics)


@pytest.mark.parametrize("name", _DERIVATIONS)
def test_every_layer_is_in_every_form(name: str) -> None:
    derivation = derived(name)
    if derivation.family:
        for layer in derivation.network.layers:
            assert layer.name in markdown(derivation, GAUGE)
            assert layer.name in derivation._repr_html_()
    assert derivation._repr_latex_() == display_latex(derivation)
    assert display_latex(derivation).startswith("$")


def test_exponents_print_as_powers() -> None:
    assert "n^(2r-1)" in markdown(derived("family"), GAUGE)
    assert "n<sup>2r-1</sup>" in derived("family")._repr_html_()
    assert "n^{2r-1}" in latex(derived("family"), GAUGE)


@pytest.mark.parametrize("written", [latex, markdown])
def test_the_induction_is_written_wherever_it_was_asked_for(written: Callable[[Derivation, str], str]) -> None:
    article = written(derived("every depth"), GAUGE)
    assert "At every depth" in article
    assert "the freedoms at depth 2 are those at every depth" in article
    failed = written(derived("no induction"), GAUGE)
    assert "The lemma does not hold" in failed
    assert "those at every depth" not in failed
    assert "At every depth" not in written(derived("family"), GAUGE), "the control: nobody asked"
