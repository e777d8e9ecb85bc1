"""Prescriptions as Python to paste, which needs nothing of this project: a function of the model and its width.

It draws what is to start otherwise, and gives groups of parameters.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from scalings.networks.dimensions import WIDTH_SCALE
from scalings.results.prescriptions import Prescription, Scaled
from scalings.results.printable import printable

_COLUMNS = 100


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
        *([f"    # {printable(given.exceptions)}"] if given.exceptions else []),
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
        lines += [f"            group{_wrapped(_quoted(names), 16, options)}," for options, names in groups]
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
            yield "    torch.nn.init." + call.replace("[name]", f"[{_quoted(names)}]")
        else:
            yield f"    for name in {_wrapped(_quoted(names), 8)}:"
            yield f"        torch.nn.init.{call}"


def _quoted(names: Sequence[str]) -> str:
    """As Python strings; escaped are spaces, where lines may end, what steers a terminal, and what cannot be written.

    >>> _quoted(["größe", chr(0x9B) + chr(0xD800)])
    '"größe", "\\\\x9b\\\\ud800"'
    """
    quoted = ", ".join(json.dumps(name, ensure_ascii=False).replace(" ", r"\x20") for name in names)
    return printable(quoted)


def _wrapped(listed: str, indent: int, options: str = "") -> str:
    """In parentheses, over as many lines as it takes; options then have a line of their own."""
    whole = f"{listed}, {options}" if options else listed
    if len(whole) <= _COLUMNS - indent:
        return f"({whole})"
    lines = textwrap.wrap(
        f"{listed}," if options else listed, _COLUMNS - indent, break_long_words=False, break_on_hyphens=False
    )
    lines += [f"{options},"] if options else []
    return "\n".join(["(", *(" " * indent + line for line in lines), " " * (indent - 4) + ")"])


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _alike(given: Prescription, optimizer: str) -> Mapping[str, list[str]]:
    """The names of parameters, by their options as Python."""
    found: dict[str, list[str]] = {}
    for rule in given.rules:
        if rule.optimizer == optimizer:
            rates = [f"lr={written(given, rule.lr)}", f"weight_decay={written(given, rule.decay)}"]
            rates += [f"eps={written(given, rule.epsilon)}"] if rule.epsilon.constant else []
            options = ", ".join([*rates, *(f"{name}={_value(value)}" for name, value in rule.options.items())])
            found.setdefault(options, []).append(rule.name)
    return found
