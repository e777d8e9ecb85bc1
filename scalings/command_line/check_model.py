"""The command on a torch model of the user's own with its optimizer: check-model, or check MODULE:NAME."""

from __future__ import annotations

import time
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

_NEEDED, _OTHERS = ("build", "optimizer", "data"), ("loss", "widths", "steps", "seeds", "clip", "regime")
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
    verify: Annotated[bool, Parameter(negative="")] = False,
    junit: File | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    format: AnyFormat = "text",
    on: Resources = Resources(),  # noqa: B008 - frozen
) -> int:
    """Check a torch model and its optimizer: what is set wrongly, by which power of the width, and how to set it.

    Exits 0 if it passes, 1 if it fails, 3 if training says too little for a verdict.

    Example: scalings check mymodule:factory --quick

    Example: scalings check mymodule --format markdown --junit scalings.xml

    This imports your module from the current folder and runs its code. Name only what you would run yourself.

    Parameters
    ----------
    model
        MODULE, or MODULE:NAME of a dict, an object, or a function without arguments that returns one. It has by name
        what scalings.check_model is given: build (a function of the width that makes the module), optimizer (a
        function of the module that makes its optimizer) and data; and it may have loss, widths, steps, seeds, clip and
        regime.
    widths
        Eight or more for a verdict, increasing; default half octaves from 64 on.
    steps
        Number of updates; default 3.
    seeds
        Runs at the largest width; default 3.
    clip
        The norm at which gradients are clipped before each step, of all parameters together.
    quick
        One seed, two steps and widths up to 256: seconds, and wider intervals.
    regime
        A yes asks for this one, too: rich, in which features are learned, or lazy; default any.
    verify
        Check the repaired model too, which takes as long again.
    junit
        A file (.xml) to write the verdict to for a build server, as JUnit does (xunit2).
    overwrite
        Replace the file if it exists.
    format
        Of the answer; markdown is for a comment, as of a pull request.
    """
    given = {"widths": parse_widths(widths), "steps": steps, "seeds": seeds, "clip": clip, "regime": regime}
    given["verify"] = verify or None
    on.check(widths=parse_widths(widths), seeds=seeds, steps=steps)
    if junit:
        check_output("junit", junit, overwrite=overwrite, endings=(".xml",))
    begin = time.perf_counter()
    with running():
        parts = _described(model)
        found = _checked(parts | {name: one for name, one in given.items() if one is not None}, on, quick=quick)
    if junit:
        from scalings.reports.model_check_files import model_check_junit

        with replacing(junit) as partial:
            partial.write_text(model_check_junit(found, model, time.perf_counter() - begin), encoding="utf-8")
        note_written(f"'{junit}'")
    _give(found, model, format)
    return EXIT[found.verdict]


def _described(model: str) -> dict[str, Any]:
    """What was named. Raises ArgumentError if it cannot be used, with what was meant if it is a parameterization."""
    try:
        return described("MODEL", model, _NEEDED, _OTHERS)
    except ArgumentError as error:
        if model not in PRESETS and not model.startswith(FAMILY):
            raise
        raise ArgumentError("MODEL", f"did you mean --preset {model}? {error.message}") from error


def _checked(parts: dict[str, Any], on: Resources, *, quick: bool) -> ModelCheck:
    """The check of what was named. Raises ArgumentError, about the model where it is about no option."""
    from scalings.studies import model_checks
    from scalings.studies.model_assertions import asked_for, check_regime

    wished = parts.pop("regime", None)
    check_regime(wished)
    sizes = parts.get("widths"), parts.get("steps", model_checks.STEPS), parts.get("seeds", model_checks.SEEDS)
    model_checks.check_numbers(*sizes)
    on.check(widths=sizes[0] or None, steps=sizes[1], seeds=sizes[2])
    try:
        with progress_bar() as progress:
            # What a quick check costs takes as long to find out as the check itself.
            announce = None if quick else on.announce
            found = model_checks.check_model(
                **parts, quick=quick, device=on.device, announce=announce, progress=progress
            )
    except ArgumentError as error:
        if error.argument in _OPTIONS:
            raise
        raise ArgumentError("MODEL", str(error)) from error
    return asked_for(found, wished)


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
