"""The command on a torch model of the user's own with its optimizer: check-model, or check MODULE:NAME."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from scalings.command_line.bounds import Resources
from scalings.command_line.console import EXIT, note_written, print_json, print_tables, print_text, progress_bar
from scalings.command_line.options import FAMILY
from scalings.command_line.output import check_output
from scalings.command_line.parsing import File, Whole, parse_widths
from scalings.command_line.user_modules import described, running
from scalings.errors import ArgumentError
from scalings.files import replacing
from scalings.hyperparameters.presets import PRESETS

if TYPE_CHECKING:
    from scalings.studies.model_checks import ModelCheck

_NEEDED, _OTHERS = ("build", "optimizer", "data"), ("loss", "widths", "steps", "seeds", "clip", "regime", "richness")
"""What is named has to have, and may have."""
_OPTIONS = ("widths", "steps", "seeds", "clip", "device", "yes")
AnyFormat = Literal["text", "json", "markdown"]


def check_model(
    model: str,
    /,
    *,
    widths: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    steps: Whole | None = None,
    seeds: Whole | None = None,
    clip: float | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    regime: Literal["rich", "lazy"] | None = None,
    richness: str | None = None,
    verify: Annotated[bool, Parameter(negative="")] = False,
    junit: File | None = None,
    page: File | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    format: AnyFormat = "text",
    on: Resources = Resources(),  # noqa: B008 - frozen
) -> int:
    """Check a torch model and its optimizer: what is set wrongly, by which power of the width, and how to set it.

    Exits 0 if it passes, 1 if it fails, 3 if training says too little for a verdict.

    Example: scalings check mymodule:factory --quick

    Example: scalings check mymodule --page scalings.html --junit scalings.xml

    This imports your module from the current folder and runs its code. Name only what you would run yourself.

    Parameters
    ----------
    model
        MODULE, or MODULE:NAME of a dict, an object, or a function without arguments that returns one. It has by name
        what scalings.check_model is given: build (a function of the width that makes the module), optimizer (a
        function of the module that makes its optimizer) and data; and it may have loss, widths, steps, seeds, clip,
        regime and richness.
    widths
        Eight or more for a verdict, increasing; default half octaves from 64 on.
    steps
        Number of updates; default 3.
    seeds
        Runs at the largest width; default 3, and 12 where an order remains open after these.
    clip
        The norm at which gradients are clipped before each step, of all parameters together.
    quick
        One seed, two steps and widths up to 256: seconds, and wider intervals.
    regime
        A yes asks for this one, too: rich, in which features are learned, or lazy; default any. The repair leads to it.
    richness
        Instead of a regime a richness, such as 1/4.
    verify
        Check the repaired model too, which takes as long again.
    junit
        A file (.xml) to write the verdict to for a build server, as JUnit does (xunit2).
    page
        A file (.html) to write the report to as a page that needs no other file and no network.
    overwrite
        Replace these files if they exist.
    format
        Of the answer; markdown is for a comment, as on a pull request.
    """
    given = {"widths": parse_widths(widths), "steps": steps, "seeds": seeds, "clip": clip, "verify": verify or None}
    asked = {"regime": regime, "richness": richness}
    on.check(widths=parse_widths(widths), seeds=seeds, steps=steps)
    for argument, path, ending in (("junit", junit, ".xml"), ("page", page, ".html")):
        if path:
            check_output(argument, path, overwrite=overwrite, endings=(ending,))
    begin = time.perf_counter()
    with running():
        parts = _described(model)
        if any(asked.values()):  # instead of what the model asks for
            parts |= asked
        found = _checked(parts | {name: one for name, one in given.items() if one is not None}, on, quick=quick)
    if junit:
        from scalings.reports.model_check_files import model_check_junit

        _write(junit, model_check_junit(found, model, time.perf_counter() - begin))
    if page:
        from scalings.figures.model_checks import model_check_svg
        from scalings.reports.model_pages import model_check_page

        _write(page, model_check_page(found, model, model_check_svg(found)))
    _give(found, model, format)
    return EXIT[found.verdict]


def _described(model: str) -> dict[str, Any]:
    """What was named. Raises ArgumentError if it cannot be used, with what was meant if it is a parameterization."""
    try:
        return described("MODEL", model, _NEEDED, _OTHERS)
    except ArgumentError as error:
        path, colon, name = model.partition(":")
        if model in PRESETS or model.startswith(FAMILY):
            meant = f"--preset {model}"
        elif path.endswith(".py"):
            meant = ".".join(Path(path).with_suffix("").parts) + colon + name
        else:
            raise
        raise ArgumentError("MODEL", f"did you mean {meant}? {error.message}") from error


def _checked(parts: dict[str, Any], on: Resources, *, quick: bool) -> ModelCheck:
    """The check of what was named. Raises ArgumentError, about the model where it is about no option."""
    from scalings.studies import asked, model_checks
    from scalings.studies.wishes import wish_of

    wish_of(parts.get("regime"), parts.get("richness"))
    sizes = parts.get("widths"), parts.get("steps", asked.STEPS), parts.get("seeds", asked.SEEDS)
    asked.check_numbers(*sizes)
    on.check(widths=sizes[0] or None, steps=sizes[1], seeds=sizes[2])
    try:
        with progress_bar() as progress:
            # What a quick check costs takes as long to find out as the check itself.
            announce = None if quick else on.announce
            return model_checks.check_model(
                **parts, quick=quick, device=on.device, announce=announce, progress=progress
            )
    except ArgumentError as error:
        if error.argument in _OPTIONS:
            raise
        raise ArgumentError("MODEL", str(error)) from error


def _write(path: Path, text: str) -> None:
    """Write a file, completely or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    note_written(f"'{path}'")


def _give(found: ModelCheck, model: str, format: AnyFormat) -> None:
    """Print the report."""
    from scalings.reports import model_check_files, model_checks

    match format:
        case "text":
            print_tables(model_checks.model_check_report(found))
        case "json":
            print_json(model_checks.model_check_document(found))
        case "markdown":
            print_text(model_check_files.model_check_markdown(found, model))
