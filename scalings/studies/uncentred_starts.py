"""Starts with a mean: what is said of those that add up over the units that are read (`ParameterSetting.mean`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.results.checks import Change
from scalings.results.fits import Verdict
from scalings.studies.comparisons import Agreement
from scalings.studies.model_findings import ModelFinding
from scalings.studies.model_settings import ParameterSetting
from scalings.studies.model_words import is_growth


def of_means(
    rows: Sequence[ParameterSetting], changes: Sequence[Change], agreement: Agreement
) -> Iterator[ModelFinding]:
    """Weights that start with a mean that adds up over what they read, with what else is to be changed of the start;
    none where training agrees with theory, which takes them for zero: then what is read is centred, as by a norm."""
    if not changes and agreement.verdict == "PASS":
        return
    new = {layer: order for layer, which, _, order in changes if which == "init"}
    for row in rows:
        if row.mean == MINUS_INFINITY:
            continue
        is_same = row.start in ("ones", "constant")
        what = "is one number everywhere" if is_same else f"has a mean that {is_growth(row.mean)}"
        order = new.get(row.layer, row.init if is_same else None)
        so = "" if order is None else f", with a standard deviation that {is_growth(order)}"
        then = "draw it around zero" if is_same else "centre it (W -= W.mean())"
        sentence = f"the start of {row.weight} {what}, which adds up over all units that it reads: {then}{so}"
        yield ModelFinding(row.weight, "init", None, sentence)


def harmless_means(rows: Sequence[ParameterSetting], verdict: Verdict) -> Iterator[str]:
    """The same in a model that passes, as a remark."""
    names = ", ".join(row.weight for row in rows if row.mean != MINUS_INFINITY)
    if names and verdict == "PASS":
        yield f"the start of {names} has a mean that may add up, which training does not show at these widths"
