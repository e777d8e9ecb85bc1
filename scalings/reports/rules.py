"""Rules as text, Markdown and JSON: numbers at two sizes, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from scalings.hyperparameters.exponents import format_exponent
from scalings.networks.dimensions import BATCH_NOISE
from scalings.reports.articles import markdown_table
from scalings.reports.documents import SCHEMA_VERSION, Document
from scalings.reports.tables import empty_table
from scalings.results.prescription_code import code
from scalings.results.prescriptions import Numbers
from scalings.results.rules import Rule

_COLUMNS = ("parameter", "trained by", "init scale", "learning rate", "decay")


def rule_report(rule: Rule) -> Iterator[RenderableType]:
    """The numbers, what was assumed, what remains to be tuned, and warnings; for a module the code that sets it."""
    yield Text(_title(rule), style="bold")
    yield Text()
    table = empty_table(*_COLUMNS)
    for row in _rows(rule):
        table.add_row(*row)
    yield table
    for heading, lines in _sections(rule):
        yield Text(f"\n{heading}")
        yield from (Text(f"  - {line}") for line in lines)
    if rule.is_module:
        yield Text(f"\nAs Python, for width n:\n\n{code(rule.at_end)}")


def rule_markdown(rule: Rule) -> str:
    """The same in Markdown."""
    lines = [f"**{_title(rule)}**", "", *markdown_table(_COLUMNS, list(_rows(rule)))]
    for heading, listed in _sections(rule):
        lines += ["", heading, "", *(f"- {line}" for line in listed)]
    if rule.is_module:
        lines += ["", "As Python, for width n:", "", "```python", code(rule.at_end), "```"]
    return "\n".join(lines)


def _title(rule: Rule) -> str:
    given = rule.prescription
    others = "".join(
        f", {_name(scale)} {_count(before)} to {_count(after)}" for scale, (before, after) in rule.sizes.items()
    )
    richness = "" if given.richness is None else f", r = {format_exponent(given.richness)}"
    return f"{rule.network} under {rule.optimizer}, width {given.base_width} to {rule.width}{others}{richness}"


def _name(scale: str) -> str:
    """Of a size, as the command line has it."""
    return "batch" if scale == BATCH_NOISE else scale


def _count(number: int) -> str:
    return str(number) if number < _LONG else f"{number:.4g}"


_LONG = 10**6


def _rows(rule: Rule) -> Iterator[tuple[str, ...]]:
    for one in rule.prescription.of_weights:
        before, after = rule.before_and_after(one)
        pairs = (before.init, after.init), (before.lr, after.lr), (before.decay, after.decay)
        yield one.weight, one.optimizer or "nothing", *(_cell(*pair) for pair in pairs)
    for name, multiplier in rule.multipliers:
        after_all = multiplier.at(rule.at_end.ratios_at(rule.width))
        yield name, "", f"multiplier times {after_all:.4g}", "", ""


def _cell(before: float, after: float) -> str:
    first, last = f"{before:.4g}", f"{after:.4g}"
    return first if first == last else f"{first} -> {last}"


def _sections(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    sections = {
        "Warnings:": rule.warnings,
        "Assumed:": rule.assumed,
        "Remains to be done:": rule.remaining,
        "Notes:": rule.prescription.notes,
    }
    yield from ((heading, lines) for heading, lines in sections.items() if lines)


def rule_document(rule: Rule) -> Document:
    """The JSON document: the numbers of each parameter at the end, and at the beginning."""
    given = rule.prescription
    return {
        "schema_version": SCHEMA_VERSION,
        "network": rule.network,
        "optimizer": rule.optimizer,
        "width": [given.base_width, rule.width],
        "sizes": {_name(scale): list(sizes) for scale, sizes in rule.sizes.items()},
        "richness": None if given.richness is None else format_exponent(given.richness),
        "parameters": [
            {
                "parameter": one.name,
                "weight": one.weight,
                "trained_by": one.optimizer or None,
                "from": _numbers(before),
                "to": _numbers(after),
            }
            for one in given.rules
            for before, after in [rule.before_and_after(one)]
        ],
        "multipliers": [
            {"name": name, "times": one.at(rule.at_end.ratios_at(rule.width))} for name, one in rule.multipliers
        ],
        "groups": rule.at_end.groups(rule.width),
        "assumed": list(rule.assumed),
        "remaining": list(rule.remaining),
        "warnings": list(rule.warnings),
        "notes": list(given.notes),
    }


def _numbers(numbers: Numbers) -> Document:
    return {"init": numbers.init, "lr": numbers.lr, "decay": numbers.decay}
