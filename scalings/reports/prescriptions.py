"""Prescriptions as text, as Python to paste, and as JSON: how a model is to be set at any width.

The Python needs nothing of this project: a function of the model and its width, which rescales what starts otherwise
and gives groups of parameters.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.exponents import format_exponent
from scalings.networks.dimensions import WIDTH_SCALE
from scalings.reports.documents import SCHEMA_VERSION, Document
from scalings.reports.tables import STYLES, empty_table
from scalings.results.prescriptions import ParameterRule, Prescription, Scaled
from scalings.studies.model_checks import ModelCheck
from scalings.studies.parameterize import Parameterized

_COLUMNS = 100


def prescription_report(answer: Parameterized) -> Iterator[RenderableType]:
    """How each weight is to be set, and the code that does."""
    given = answer.prescription
    yield Text(_summary(given), style="bold")
    yield Text()
    table = empty_table("parameter", "optimizer", "init scale", "learning rate", "decay")
    for rule in given.of_weights:
        cells = (written(given, one) for one in (rule.init, rule.lr, rule.decay))
        table.add_row(rule.weight, rule.optimizer, *cells)
    yield table
    yield from (Text(f"note: {note}") for note in given.notes)
    yield Text()
    yield Text(code(given))


def repair_report(answer: ModelCheck) -> Iterator[RenderableType]:
    """The repair of a model as code, and whether it was verified; nothing where there is none."""
    if not answer.repaired:
        return
    given = answer.repaired.prescription
    yield Text(f"\nThe repair, for a model of any width n, which at {given.base_width} is as yours is:\n")
    yield Text(code(given))
    if answer.verified:
        verdict = answer.verified.verdict
        yield Text.assemble("\nRepaired so: ", (verdict, STYLES[verdict]), f", {answer.verified.reason}")


def _summary(given: Prescription) -> str:
    richness = "" if given.richness is None else f", r = {format_exponent(given.richness)}"
    return f"as it is at width {given.base_width}, for any width n{richness}"


def written(given: Prescription, one: Scaled) -> str:
    """A number and the power that it is of n / n_0, as Python.

    >>> from fractions import Fraction
    >>> half = Scaled(0.125, ((WIDTH_SCALE, Fraction(-1, 2)),))
    >>> written(Prescription(64, (), None, {}), half)
    '0.125 * (n / 64) ** -0.5'
    """
    constant, power = one.at({**given.ratios, WIDTH_SCALE: 1.0}), float(one.power(WIDTH_SCALE))
    if not constant or not power:
        return f"{constant:.5g}"
    raised = "" if power == 1 else f" ** {power:g}"
    return f"{constant:.5g} * (n / {given.base_width}){raised}"


def code(given: Prescription) -> str:
    """Python that sets a model: `groups(model, n)` draws what is to start otherwise, and groups the parameters."""
    lines = [
        "import torch",
        "",
        "",
        "def groups(model, n):",
        f'    """Set a freshly made model of width n, as it is at {given.base_width}; its parameters in groups."""',
        "    own = dict(model.named_parameters())",
        *starts(given),
        "",
        "    def group(*names, **options):",
        '        return {"params": [own[name] for name in names], "param_names": list(names), **options}',
        "",
        "    return {",
    ]
    for optimizer in given.optimizers:
        groups = _alike(given, optimizer).items()
        lines += [f'        "{optimizer}": [']
        lines += [f"            group{_wrapped(f'{_quoted(names)}, {options}', 16)}," for options, names in groups]
        lines += ["        ],"]
    return "\n".join([*lines, "    }"])


def starts(given: Prescription) -> Iterator[str]:
    """The lines that draw what is to start otherwise."""
    drawn: dict[str, list[str]] = {}
    for rule in given.rules:
        if given.restarts(rule):
            call = f"normal_(own[name], std={written(given, rule.init)})" if rule.init.constant else "zeros_(own[name])"
            drawn.setdefault(call, []).append(rule.name)
    for call, names in drawn.items():
        if len(names) == 1:
            yield "    torch.nn.init." + call.replace("[name]", f'["{names[0]}"]')
        else:
            yield f"    for name in {_wrapped(_quoted(names), 8)}:"
            yield f"        torch.nn.init.{call}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _wrapped(listed: str, indent: int) -> str:
    """In parentheses, over as many lines as it takes."""
    lines = textwrap.wrap(listed, _COLUMNS - indent, break_long_words=False)
    if len(lines) == 1:
        return f"({listed})"
    return "\n".join(["(", *(" " * indent + line for line in lines), " " * (indent - 4) + ")"])


def _alike(given: Prescription, optimizer: str) -> Mapping[str, list[str]]:
    """The names of parameters, by their options as Python."""
    found: dict[str, list[str]] = {}
    for rule in given.rules:
        if rule.optimizer == optimizer:
            options = f"lr={written(given, rule.lr)}, weight_decay={written(given, rule.decay)}"
            found.setdefault(options, []).append(rule.name)
    return found


def prescription_document(answer: Parameterized) -> Document:
    """The JSON document: constants at the base width, and powers of n / n_0."""
    given = answer.prescription
    return {
        "schema_version": SCHEMA_VERSION,
        "base_width": given.base_width,
        "richness": None if given.richness is None else format_exponent(given.richness),
        "parameters": [_rule_document(given, rule) for rule in given.rules],
        "notes": list(given.notes),
        "code": code(given),
    }


def _rule_document(given: Prescription, rule: ParameterRule) -> Document:
    def number(one: Scaled) -> Document:
        constant = one.at({**given.ratios, WIDTH_SCALE: 1.0})
        return {"constant": constant, "power": format_exponent(one.power(WIDTH_SCALE)) if constant else None}

    return {
        "parameter": rule.name,
        "weight": rule.weight,
        "optimizer": rule.optimizer or None,
        "init": number(rule.init),
        "lr": number(rule.lr),
        "decay": number(rule.decay),
        "changed": list(rule.changed),
    }
