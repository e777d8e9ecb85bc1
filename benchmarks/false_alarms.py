"""False alarms and misses of `check_model`, over models drawn by chance: right ones, and ones with a planted mistake.

Right is what is set as a member of the derived family (`benchmarks.drawn_models`), so that the rates are those of
reading, tracing and measuring, and of naming the cause; that the family itself is right is tested elsewhere, by
training and by published rules. Each check is a line of a file as soon as it is done: a study that was stopped goes on
where it was. Intervals of rates are exact ones (Clopper and Pearson 1934).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy import stats

from benchmarks.drawn_models import Draw, Mistake, Model, drawn
from scalings.errors import ArgumentError
from scalings.results.fits import Verdict
from scalings.studies.model_checks import check_model
from scalings.studies.model_findings import ModelFinding

STORE = Path("false_alarms.jsonl")
MODELS = 200
ADDED_MODELS = 60
"""Of the kinds that were added later."""
WIDTHS, SEEDS, STEPS = (24, 32, 48, 64, 96, 128, 192, 256), 2, 2


@dataclass(frozen=True)
class Checked:
    """What was said of one model."""

    number: int
    planted: bool
    architecture: str
    optimizer: str
    richness: str
    mistake: str
    """What was planted, in words."""
    verdict: Verdict | str
    """Or "" where there is no such model, as `reason` says."""
    reason: str
    findings: tuple[str, ...] = ()
    is_named: bool = False
    """Whether the cause is named, and nothing else."""
    seconds: float = 0.0
    """Of CPU time."""

    @property
    def is_as_expected(self) -> bool:
        """Whether a right one passes, and a wrong one is found and named."""
        return self.is_named if self.planted else self.verdict == "PASS"


def checked(draw: Draw) -> Checked:
    """One model, drawn and checked."""
    head = (draw.number, bool(draw.mistake), draw.architecture, draw.optimizer, str(draw.richness))
    try:
        model = Model(draw)
    except ArgumentError as error:
        return Checked(*head, draw.mistake, "", str(error))
    begin = time.process_time()
    found = check_model(model.build, model.optimizer, model.data, model.loss, widths=WIDTHS, seeds=SEEDS, steps=STEPS)
    said = tuple(one.sentence for one in found.findings)
    named = model.mistake is not None and _is_named(model.mistake, found.findings)
    took = time.process_time() - begin
    return Checked(*head, str(model.mistake or ""), found.verdict, found.reason, said, named, took)


def _is_named(mistake: Mistake, findings: Sequence[ModelFinding]) -> bool:
    if len(findings) != 1:
        return False
    (found,) = findings
    what = "training" if mistake.what == "backward" else mistake.what
    is_off = found.power == mistake.power or mistake.what == "epsilon"  # which is off by the gradient's own power
    return found.what == what and found.parameter.startswith(mistake.where) and is_off


def resumed(models: int = MODELS, store: Path | None = STORE, first: int = 0) -> Iterator[Checked]:
    """So many right models and so many wrong ones: those of the file, and what is missing there, checked now.

    They are numbered from `first` on: from `LATER` on they are of the kinds that were added later."""
    known = {(one.number, one.planted): one for one in _read(store)} if store and store.exists() else {}
    done, number = {False: 0, True: 0}, first
    while min(done.values()) < models:
        for planted in (False, True):
            if (number, planted) not in known:
                known[number, planted] = checked(drawn(number, planted=planted))
                if store:
                    with store.open("a") as file:
                        file.write(json.dumps(asdict(known[number, planted])) + "\n")
            done[planted] += bool(known[number, planted].verdict)
            yield known[number, planted]
        number += 1


@dataclass(frozen=True)
class Rate:
    """A share of models with its 95 % interval; `target` is what it is to be."""

    what: str
    count: int
    of: int
    low: float
    high: float
    target: str


def rates(checks: Iterable[Checked]) -> Iterator[Rate]:
    """Of the models that there were."""
    done = [one for one in checks if one.verdict]
    right, wrong = ([one for one in done if one.planted is planted] for planted in (False, True))
    found = [one for one in wrong if one.verdict == "FAIL"]
    yield _rate("false alarms: right, but FAIL", [one.verdict == "FAIL" for one in right], "at most 2 %")
    yield _rate("misses: wrong, but PASS", [one.verdict == "PASS" for one in wrong], "at most 5 %")
    yield _rate("INCONCLUSIVE, of all", [one.verdict == "INCONCLUSIVE" for one in done], "at most 10 %")
    yield _rate("of those found, the cause named, and it alone", [one.is_named for one in found], "at least 90 %")


def _rate(what: str, hits: Sequence[bool], target: str) -> Rate:
    if not hits:
        return Rate(what, 0, 0, 0.0, 1.0, target)
    interval = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95)
    return Rate(what, sum(hits), len(hits), float(interval.low), float(interval.high), target)


def _read(store: Path) -> Iterator[Checked]:
    for line in store.read_text().splitlines():
        fields = json.loads(line)
        yield Checked(**{**fields, "findings": tuple(fields["findings"])})
