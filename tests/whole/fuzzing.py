"""Fuzzing of the command line and of network files: `python -m tests.whole.fuzzing 60` draws for sixty seconds each.

Commands are drawn from their own options, with values that are right, wrong, huge or garbage; network files are those
of ready-made networks with parts replaced, removed and repeated. However it ends, a command has a documented exit code
other than that of an internal error, prints no traceback, prints JSON or nothing where JSON was asked for, and takes
less than 20 seconds and 2 GiB. What is trained has the sizes of a toy.
"""

from __future__ import annotations

import copy
import io
import itertools
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scalings.command_line.app import main
from scalings.command_line.console import CANNOT_WRITE, INCONCLUSIVE, NO, UNUSABLE, YES
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.serialization import network_to_json

SECONDS, BYTES = 20, 2 * 2**30
EXIT_CODES = (YES, NO, UNUSABLE, INCONCLUSIVE, CANNOT_WRITE)
"""Nothing is interrupted here, no pipe is closed, and an internal error is what is looked for."""
Arguments = tuple[str, ...]

_HUGE = ["1" + "0" * 30, "-1", "0", "1e400", "1e-30000000", "9" * 5000, "nan", "inf", "-oo", "1/0", "", "\udcff", "[/]"]
_GARBAGE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_FRACTION = st.fractions(-2, 2, max_denominator=4).map(str)


@st.composite
def _mostly(draw: st.DrawFn, right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any], share: int = 15) -> Any:
    """What is right, and wrong once in so many times (hypothesis draws small numbers more often than others)."""
    return draw(wrong if draw(st.integers(0, share)) == share else right)


def _values(*right: str) -> st.SearchStrategy[str]:
    return _mostly(st.sampled_from(right), st.sampled_from(_HUGE) | _GARBAGE)


_LISTS = _values("0,-1/2,-1", "1,0,-1", "0,0,0", "0,0,-oo") | st.lists(_FRACTION, min_size=3, max_size=3).map(",".join)
_OPTIMIZERS = _values("sgd", "adam", "adamw", "muon", "lamb", "lion+coupled", "law:1,0,0", "shampoo:1/8", "adam+l2+l2")
_CRITERIA = _values(
    "quiet: dz <= n^(-1/4) at output after updates",
    "mine: layer * layer ~ |z| at hidden when settled",
    "a: |d| ~ n^1000 at layers initially",
    "b: " + "z * " * 9 + "z ~ 1 at hidden initially",
)
_MODEL: dict[str, st.SearchStrategy[str]] = {
    "--network": _values("mlp", "cnn", "resmlp", "transformer", "nowhere.json"),
    "--depth": _values("2", "3", "5"),
    "--activation": _values("relu", "tanh", "linear"),
    "--branch": _values("1", "2"),
    "--grows": _values("heads", "head-size"),
    "--optimizer": _OPTIMIZERS,
    "--alpha": _values("1/2", "0", "1"),
    "--omega": _values("1/2", "0", "1"),
    "--epsilon": _values("-1", "0", "-oo"),
    "--loss": _values("mse", "cross-entropy"),
    "--scale": _values("width", "depth", "vocabulary", "batch:noise", "batch:signal", "width,depth"),
    "--biases": st.none(),
    "--norm": st.none(),
    "--gains": st.none(),
    "--tied": st.none(),
    "--depthwise": st.none(),
}
_GIVEN = {"--init": _LISTS, "--lr": _LISTS, "--decay": _LISTS, "--scales": _LISTS}
_CHOSEN = {
    **_MODEL,
    **_GIVEN,
    "--multiplier": _LISTS,
}
_PRESET = {"--preset": _values("family:1/4", "family:1/2", "family:0", "mup", "standard", "ntp", "mfp")}
_JSON = {"--format": _values("json", "text")}
_FILES = {"--output": _values("a.png", "b.svg"), "--overwrite": st.none()}
_TRAINED: dict[str, st.SearchStrategy[str]] = {
    "--data": _values("digits"),
    "--device": _values("cpu", "auto"),
    "--delta": _values("0.05", "1"),
    **_JSON,
    **_FILES,
}
_SMALL = {
    "--widths": _mostly(st.sampled_from(["8,12,16", "8,16,24,32"]), _values("16,8", f"4,8,{10**9}", f"4,8,{10**17}")),
    "--seeds": _values("2", "1"),
}
_STEPS, _BATCH = {"--steps": _values("1", "2")}, {"--batch": _values("4", "2", "14")}
COMMANDS: dict[str, tuple[dict[str, st.SearchStrategy[str]], dict[str, st.SearchStrategy[str]]]] = {
    "derive": (
        {},
        {
            **_MODEL,
            **_GIVEN,
            "--criteria": _values("tutorial", "stability"),
            "--without": _values("maximality", "useful update", "signal propagation"),
            "--criterion": _CRITERIA,
            "--gauge": _values("unit-init", "global-lr"),
            "--certificate": _values("c.json"),
            "--overwrite": st.none(),
            "--format": _values("json", "text", "latex", "markdown"),
        },
    ),
    "check": (
        _PRESET,
        {
            **_CHOSEN,
            **_JSON,
            "--criteria": _values("tutorial", "stability"),
            "--criterion": _CRITERIA,
            "--richness": _values("1/2", "0"),
        },
    ),
    "predict": (_PRESET, {**_CHOSEN, **_JSON, **_STEPS, "--quiet": st.none()}),
    "rule": (
        {"--from": _values("64", "256"), "--to": _values("1024", "16"), "--lr": _values("1e-3", "muon=0.1,adamw=1e-3")},
        {
            **{name: _MODEL[name] for name in ("--network", "--biases", "--gains", "--tied", "--optimizer")},
            "--decay": _values("0.1", "0"),
            "--richness": _values("1/2", "0"),
            "--batch": _values("32,256"),
            "--depth": _MODEL["--depth"] | _values("4,8"),
            "--tokens": _values("2e9,4e10"),
            "--dtype": _values("bf16", "fp8"),
            "--format": _values("json", "text", "markdown"),
        },
    ),
    "network": ({}, {name: _MODEL[name] for name in ("--network", "--depth", "--biases", "--grows", "--branch")}),
    "measure": ({**_PRESET, **_SMALL, **_STEPS, **_BATCH}, {**_CHOSEN, **_TRAINED, "--gamma": _values("2", "1/2")}),
    "transfer": (
        {**_PRESET, **_SMALL, **_STEPS, **_BATCH},
        {**_CHOSEN, **_TRAINED, "--grid": _values("-4,2", "-9,-3")},
    ),
    "calibrate": ({**_SMALL, **_BATCH}, {**_TRAINED, "--richness": _values("1/4"), "--optimizer": _OPTIMIZERS}),
    "freedom": ({**_SMALL, **_BATCH}, {**_TRAINED, "--richness": _values("1/4"), "--optimizer": _OPTIMIZERS}),
    # Its experiments are no toys: of them nothing is carried out, since their names are wrong.
    "reproduce": (
        {"--only": st.sampled_from(_HUGE) | _GARBAGE, "--data": _values("digits", "mnist")},
        {**_JSON, **_FILES, "--device": _values("cpu", "auto"), "--no-figure": st.none()},
    ),
    "richness": ({**_SMALL, **_STEPS}, {**_JSON, **_FILES, "--activation": _values("relu", "tanh")}),
}
"""By name: options that are always given, as their defaults are not those of a toy, and others."""
TRAINING = ("measure", "transfer", "calibrate", "freedom", "richness")


@st.composite
def command_lines(draw: st.DrawFn, commands: tuple[str, ...] = tuple(COMMANDS)) -> Arguments:
    """A command with some of its options, and now and then one that is none."""
    command = draw(st.sampled_from(commands))
    always, others = COMMANDS[command]
    names = draw(st.lists(st.sampled_from(sorted(others)), max_size=4, unique=True))
    options = {**always, **{name: others[name] for name in names}}
    words = [command]
    for name, values in options.items():
        value = draw(values)
        words += [name] if value is None else [name, value] if draw(st.booleans()) else [f"{name}={value}"]
    if draw(st.integers(0, 19)) == 19:
        words.insert(draw(st.integers(0, len(words))), draw(_GARBAGE))
    return tuple(words)


_NETWORKS = [
    network_to_json(one)
    for one in (mlp(3), mlp(2, biases=True), cnn(2), resmlp(norm=True), transformer(grows="heads", tied=True))
]
_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10),
    st.sampled_from([10**9, 10**30, -1, 0, 1.5, float("nan"), float("inf")]),
    st.sampled_from(["input", "layer1", "w", "1", "1/2", "1e999", "[/]", "\ud800", "dense", "relu", "", "9" * 5000]),
    st.builds(dict, size=st.integers(0, 3), order=st.sampled_from(["0", "1", "2", "100", "1e9"])),
)
_PARTS = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["op", "a", "size"]), inner),
    max_leaves=6,
)


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a document, but for itself."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [found for key, value in items for found in ((*path, key), *_places(value, (*path, key)))]


@st.composite
def network_files(draw: st.DrawFn) -> str:
    """The text of a ready-made network after up to three changes, or of something else."""
    document = copy.deepcopy(draw(st.sampled_from(_NETWORKS)))
    for _ in range(draw(st.integers(0, 3))):
        *path, last = draw(st.sampled_from(_places(document) or [(0,)]))
        holder: Any = document
        for key in path:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "remove", "repeat"])):
            case "replace":
                holder[last] = draw(_PARTS)
            case "remove" if len(holder) > 1:
                del holder[last]
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
    text = json.dumps(draw(_mostly(st.just(document), _PARTS)))
    if draw(st.integers(0, 9)) == 9:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", "[", '"', ", ", "\ufeff", "}"])) + text[at + 1 :]
    return text


READERS = ("derive", "check --preset family:1/4", "predict --steps 1 --preset family:1/4", "network")


def judge(arguments: Arguments) -> None:
    """Run a command in this process. Raises AssertionError unless it ends as a command should."""
    out, err = io.StringIO(), io.StringIO()
    begin, before = time.process_time(), _peak_bytes()
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, 3 * SECONDS)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took, more = time.process_time() - begin, _peak_bytes() - before
    shown = f"{arguments!r:.2000}: {code}, {err.getvalue()[-500:]}"
    assert code in EXIT_CODES, shown
    assert "Traceback" not in err.getvalue() + out.getvalue(), shown
    assert code != UNUSABLE or err.getvalue().splitlines()[-1].startswith("scalings: "), shown
    assert took < SECONDS, f"{shown}, {took:.1f} s of CPU"
    assert more < BYTES, f"{shown}, {more >> 20} MiB"
    asked = {f"{one} {other}" for one, other in itertools.pairwise(arguments)} | set(arguments)
    if code != UNUSABLE and asked & {"--format json", "--format=json"} and not asked & {"--help", "-h", "--version"}:
        json.loads(out.getvalue())
    if code == UNUSABLE:
        assert not out.getvalue(), shown


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10


def _too_long(_: int, __: FrameType | None) -> None:
    raise TimeoutError(f"over {3 * SECONDS} s of CPU")


def judge_file(text: str, reader: str) -> None:
    """Run a command on a network file of this text, as `judge` does."""
    Path("mine.json").write_text(text, encoding="utf-8")
    judge((*reader.split(), "--network", "mine.json"))


def search(test: Callable[..., None], seconds: float, **drawn: st.SearchStrategy[Any]) -> int:
    """Draw and test for so long; returns the number of examples. A failure is shrunk and raised."""
    count, end = 0, time.monotonic() + seconds

    def counted(**values: Any) -> None:
        nonlocal count
        count += 1
        if time.monotonic() < end:
            test(**values)

    phases = (Phase.generate, Phase.shrink)
    each = settings(
        max_examples=200,
        deadline=None,
        database=None,
        derandomize=False,
        phases=phases,
        suppress_health_check=HealthCheck,
    )
    while time.monotonic() < end:
        each(given(**drawn)(counted))()
    return count


if __name__ == "__main__":
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        print(search(judge, limit, arguments=command_lines()), "command lines")
        print(search(judge_file, limit, text=network_files(), reader=st.sampled_from(READERS)), "network files")
