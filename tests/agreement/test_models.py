"""Whole models, as they are: families with certificates that are accepted, and checks of set and missed scalings."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import scalings
from scalings.certificates.verifier import Refused, certify
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.tapes.network import TracedNetwork
from symbolic.certificates.writing import derivation_certificate
from tests.empirical.tracing.libraries import needed
from tests.empirical.tracing.modules_to_translate import GPT
from tests.empirical.tracing.zoo import IDS
from tests.empirical.tracing.zoo_of_libraries import LIBRARIES

HALF = Fraction(1, 2)
WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384)


def cross_entropy(scores: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores.flatten(0, 1), IDS.flatten())


def check_family(traced: TracedNetwork, law: str) -> None:
    """The family from the lazy to the rich end, with a certificate; another one with a changed number is refused."""
    family = scalings.derive(traced, law)
    assert family.degrees_of_freedom == 1
    ends = {scalings.member(traced, law, r).layers[-1].init for r in (Fraction(0), HALF)}
    assert ends == {-HALF, Fraction(-1)}
    with pytest.raises(ArgumentError):
        scalings.member(traced, law, Fraction(3, 4))
    problem = Problem.of(traced, law)
    certificate = derivation_certificate(problem)
    certify(certificate)
    proof = {key: value for key, value in certificate.items() if key != "about"}
    changed = json.loads(json.dumps(proof).replace('"-1/2"', '"-1/4"', 1))
    with pytest.raises(Refused):
        certify({**certificate, **changed})


@pytest.mark.parametrize("law", [pytest.param("adam", marks=pytest.mark.slow), "muon+adamw"])
def test_a_gpt_has_the_family_and_a_certificate(law: str) -> None:
    traced = scalings.trace(GPT, IDS, loss=cross_entropy)
    assert traced.translation.unknown == ()
    check_family(traced, law)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_llama_has_the_family_and_a_certificate() -> None:
    library, make = LIBRARIES["Llama"]
    needed(library)
    model = make()
    check_family(scalings.trace(model.build, model.data, widths=model.widths, loss=model.loss), "adam")


def set_as_derived(model: nn.Module) -> torch.optim.Optimizer:
    """Adam as at r = 1/2: matrices that read the width at a rate like 1/n."""
    named = dict(model.named_parameters())
    width = named["transformer.ln_f.weight"].shape[0]
    wide = {name for name, one in named.items() if one.dim() == 2 and not name.startswith("transformer.w")}
    groups = [
        {"params": [one for name, one in named.items() if name in wide], "lr": 0.1 / width},
        {"params": [one for name, one in named.items() if name not in wide], "lr": 2e-3},
    ]
    return torch.optim.Adam(groups)


def built(width: int) -> nn.Module:
    model = GPT(width)
    for name, one in model.named_parameters():
        if one.dim() == 2 and not name.startswith("transformer.w"):
            nn.init.normal_(one, std=one.shape[1] ** -0.5)
    nn.init.normal_(model.transformer["wte"].weight)
    nn.init.normal_(model.lm_head.weight, std=1 / width)
    return model


@pytest.mark.slow
def test_a_gpt_that_is_set_as_derived_passes() -> None:
    found = scalings.check_model(built, set_as_derived, IDS, cross_entropy, widths=WIDTHS, seeds=1)
    assert (found.verdict, found.regime, found.richness, found.findings) == ("PASS", "rich", HALF, ()), found


def one_rate(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("rates", {"lr": "1"}),
        ("readout", {"init": "1/2"}),
    ],
)
def test_a_gpt_that_is_not_is_told_what_to_change(mistake: str, said: dict[str, Any]) -> None:
    def build(width: int) -> nn.Module:
        model = built(width)
        if mistake == "readout":
            nn.init.normal_(model.lm_head.weight, std=width**-0.5)
        return model

    make = one_rate if mistake == "rates" else set_as_derived
    found = scalings.check_model(build, make, IDS, cross_entropy, widths=WIDTHS, seeds=1, steps=2)
    assert found.verdict == "FAIL"
    assert {(one.what, str(one.power)) for one in found.findings} == set(said.items())
    assert found.findings[-1].parameter == "lm_head.weight"
