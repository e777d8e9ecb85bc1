"""`python -m benchmarks [SECTION ...] [--quick]`: a table of each section, or of all; --quick for tests.

`python -m benchmarks models Llama nanoGPT` is for these models of tests/empirical/tracing/zoo.py alone; with
`--page docs/reference/models.md` their rows on that page, and its totals, are made anew.
`python -m benchmarks laws` writes that of docs/reference/optimizers.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table

from benchmarks import (
    commands,
    coordinates,
    coverage,
    false_alarms,
    growth,
    laws,
    limits,
    models,
    models_page,
    rivals,
)
from benchmarks.drawn_models import LATER
from scalings.errors import ArgumentError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = [*_SECTIONS, *models.NAMES]
    parser.add_argument(
        "what", nargs="*", choices=[*known, []], metavar="what", help=f"default: all of {', '.join(_SECTIONS)}"
    )
    parser.add_argument("--quick", action="store_true", help="the smallest case of each: whether it runs at all")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the page whose table of models is made anew")
    chosen = parser.parse_args(arguments)
    if chosen.page and "models" not in chosen.what:
        parser.error("argument --page: expected models among what is asked for")
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; idle is 0\n")
    named = [name for name in chosen.what if name in models.NAMES]
    for name in [name for name in chosen.what or _SECTIONS if name not in named]:
        try:
            table = _models(chosen.quick, named, chosen.page) if name == "models" else _SECTIONS[name](chosen.quick)
        except ArgumentError as error:
            parser.error(str(error))
        console.print(table)
        console.print()
    return 0


def _limits(quick: bool) -> Table:
    table = _table("the machine's limits", "what", "at best", "")
    for what, rate, unit in limits.limits(1 if quick else 5):
        table.add_row(what, f"{rate:.1f}", unit)
    return table


def _commands(quick: bool) -> Table:
    table = _table("commands, in seconds of CPU", "command", "alone", "times import sympy", "its figure adds")
    chosen = commands.COMMANDS[:1] if quick else (*commands.COMMANDS, *commands.TRAINING)
    peer, *found = commands.costs(chosen, 1 if quick else 3)
    table.add_row(peer.command, f"{peer.seconds:.2f}", "1", "")
    for one in found:
        adds = "" if one.with_figure is None else f"{one.with_figure - one.seconds:.2f}"
        table.add_row(one.command, f"{one.seconds:.2f}", f"{one.seconds / peer.seconds:.2f}", adds)
    return table


def _growth(quick: bool) -> Table:
    table = _table("one run: 3 layers, batch 8, 4 updates, float64", "engine", "width", "seconds", "GiB")
    for engine, widths in growth.WIDTHS.items():
        costs = list(growth.growth(engine, widths[:2] if quick else widths, 1 if quick else 2))
        for cost in costs:
            table.add_row(engine, str(cost.width), f"{cost.seconds:.3f}", f"{cost.gibibytes:.2f}")
        least = growth.LARGE if engine == "matrix-free" else 2**11
        power = growth.exponent(costs, least)
        table.add_row(engine, f"from {least}", "" if power is None else f"~ n^{power:.2f}", "")
    return table


def _rivals(quick: bool) -> Group:
    table = _table("784-n-n-10, 5 seeds, 4 updates, batch 64", "optimizer", "scalings", "mup", "faster", "engine")
    if find_spec("mup") is None:
        table.add_row("mup is not installed", "", "", "", "")
        return Group(table)
    for race in rivals.races((64, 128, 256) if quick else rivals.WIDTHS, 1 if quick else 3):
        seconds = (f"{race.ours:.2f} s", f"{race.mups:.2f} s", f"{race.times_faster:.2f} times")
        table.add_row(race.optimizer, *seconds, race.engine)
    columns = ("check_model", "mup", "times mup", "on the clock", "mup", "times mup")
    checks = _table("models, medians in seconds of CPU and on the clock", "model", *columns)
    works = rivals.works()
    for one in rivals.checks([replace(works[-1], widths=(24, 32, 48))] if quick else works, 1 if quick else 5):
        clock = one.ours_on_the_clock, one.mups_on_the_clock
        numbers = [(ours, mups, ours / mups) for ours, mups in ((one.ours, one.mups), clock)]
        checks.add_row(one.what, *(f"{number:.2f}" for three in numbers for number in three))
    return Group(table, checks)


def _coverage(quick: bool) -> Group:
    table = _table("95 % intervals", "of", "fits", "cover", "95 % interval of that", "median half-width")
    sweeps = list(coverage.resumed(2, store=None) if quick else coverage.resumed())
    verdicts = _table("verdicts at default settings", "theory", "PASS", "INCONCLUSIVE", "FAIL")
    for what, count in coverage.counted(sweeps):
        verdicts.add_row(what, *(str(count[verdict]) for verdict in ("PASS", "INCONCLUSIVE", "FAIL")))
    for one in (*coverage.simulated(5 if quick else 1000), *coverage.by_group(sweeps)):
        table.add_row(
            one.what, str(one.fits), f"{one.share:.3f}", f"[{one.low:.3f}, {one.high:.3f}]", f"{one.half_width:.4f}"
        )
    return Group(table, "", verdicts)


def _models(quick: bool, names: Sequence[str] = (), page: Path | None = None) -> Group:
    table = _table("orders of real modules", "model", "parameterization", "optimizer", "values", *models.RULES, "")
    differing = _table(
        "neither order nor size", "model", "parameterization", "optimizer", "value", "derived", "foretold", "measured"
    )
    asked = names or models.NAMES[: 1 if quick else None]
    trained = list(models.resumed(asked, None if quick else models.STORE, quick=quick))
    if page:
        models_page.written(trained, page)
    for one in trained:
        key = one.model, one.given, one.optimizer
        shares = [f"{one.share(rule):.0%}" if one.counted else "" for rule in models.RULES.values()]
        unknown = f"without a rule: {', '.join(one.unknown)}" if one.unknown else ""
        table.add_row(
            *key, str(len(one.counted)), *shares, one.lacking or ("" if one.stable else "unstable") or unknown
        )
        for value in one.disagreeing:
            measured = f"{value.plain:.2f} in [{value.low:.2f}, {value.high:.2f}]"
            differing.add_row(*key, value.text, value.derived, f"{value.foretold:.2f}", measured)
    return Group(table, "", differing)


def _laws(quick: bool) -> Table:
    table = _table("update laws", *laws.HEADER)
    found = []
    for name in list(laws.SUBJECTS)[: 1 if quick else None]:
        found.append(laws.measured(name, *((40, 1) if quick else ())))
        for row in laws.rows(found[-1]):
            table.add_row(*row)
    if not quick:
        laws.write(found)
    return table


def _false_alarms(quick: bool) -> Group:
    store = None if quick else false_alarms.STORE
    first = list(false_alarms.resumed(1 if quick else false_alarms.MODELS, store))
    added = list(false_alarms.resumed(1 if quick else false_alarms.ADDED_MODELS, store, LATER))
    checks: list[false_alarms.Checked] = [*first, *added]
    tables: list[RenderableType] = []
    for title, some in (
        ("check_model on models drawn by chance", first),
        ("of the kinds that were added later", added),
    ):
        table = _table(title, "what", "share", "95 % interval", "of", "target")
        for rate in false_alarms.rates(some):
            share = f"{rate.count / rate.of:.1%}" if rate.of else ""
            table.add_row(rate.what, share, f"[{rate.low:.1%}, {rate.high:.1%}]", str(rate.of), rate.target)
        tables += [table, ""]
    other = _table("what was not as it should be", "number", "model", "planted", "verdict", "why")
    for one in checks:
        if one.verdict and not one.is_as_expected:
            model = f"{one.architecture}, {one.optimizer}, r = {one.richness}"
            other.add_row(str(one.number), model, one.mistake, one.verdict, one.reason)
    return Group(*tables, other)


def _coordinates(quick: bool) -> Table:
    table = _table(
        "planted mistakes: coordinate statistics, and check_model",
        "mistake",
        "coordinates",
        "largest slope",
        "check_model",
    )
    if find_spec("mup") is None:
        table.add_row("mup is not installed", "", "", "")
        return table
    for one in coordinates.beside(1 if quick else None):
        table.add_row(one.case, one.coordinates, f"{one.slope:+.2f} of {one.module}", one.check)
    return table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)


_SECTIONS: dict[str, Callable[[bool], RenderableType]] = {
    "limits": _limits,
    "commands": _commands,
    "growth": _growth,
    "rivals": _rivals,
    "coverage": _coverage,
    "models": _models,
    "laws": _laws,
    "false-alarms": _false_alarms,
    "coordinates": _coordinates,
}

if __name__ == "__main__":
    raise SystemExit(main())
