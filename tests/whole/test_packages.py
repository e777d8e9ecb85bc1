"""What is installed, and what an import loads."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import empirical
import scalings
import symbolic

ROOT = Path(__file__).parents[2]
# What is no Python module, and has to be installed.
SHIPPED = {
    "empirical/data/README.md",
    "empirical/data/digits.npy",
    "empirical/py.typed",
    "scalings/py.typed",
    "scalings/reports/model_check.html",
    "symbolic/py.typed",
}


def test_the_three_packages_lie_side_by_side() -> None:
    """PyPI knows another package with the import name `symbolic`: this must be ours."""
    folders = {Path(module.__file__).parent.parent for module in (scalings, symbolic, empirical)}  # type: ignore[arg-type]
    assert len(folders) == 1


def loads(statement: str, module: str) -> bool:
    code = f"import sys; {statement}; sys.exit({module!r} in sys.modules)"
    return bool(subprocess.run([sys.executable, "-c", code], check=False).returncode)


@pytest.mark.parametrize("module", ["sympy", "torch", "numpy", "z3", "matplotlib"])
def test_importing_scalings_loads_nothing_heavy(module: str) -> None:
    assert not loads(
        "import scalings, scalings.results.trials, scalings.studies.comparisons, scalings.criteria.tutorial", module
    )


@pytest.mark.parametrize("name", ["check", "predict"])
def test_checking_loads_no_sympy(name: str) -> None:
    assert not loads(f"import scalings; scalings.{name}", "sympy")


@pytest.mark.parametrize(("name", "module"), [("derive", "sympy"), ("matrix_free", "torch")])
def test_the_verbs_load_what_they_need(name: str, module: str) -> None:
    """The control to the test above."""
    assert loads(f"import scalings; scalings.{name}", module)


def test_every_public_name_is_there() -> None:
    for name in scalings.__all__:
        assert getattr(scalings, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'derivate'"):
        scalings.derivate  # noqa: B018


def test_every_room_of_scalings_has_a_floor() -> None:
    """import-linter's lists of `symbolic` and `empirical` are exhaustive; the one that all three share cannot be."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = {part.strip() for floor in contracts[0]["layers"] for part in floor.split("|")}
    rooms = {f"scalings.{path.parent.name}" for path in (ROOT / "scalings").glob("*/__init__.py")}
    assert rooms <= floors
    assert len(rooms) >= 8


def test_distributions_hold_types_and_data(tmp_path: Path) -> None:
    """The wheel is built from the source distribution, so that neither lacks anything, and the digits load from it."""
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT], check=True)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    installed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name for name in installed if not name.endswith(".py")} == SHIPPED
    assert {name.partition("/")[0] for name in installed} == {"scalings", "symbolic", "empirical"}
    with tarfile.open(source) as archive:
        assert {name.partition("/")[2] for name in archive.getnames()} > SHIPPED
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from empirical.data import examples;"
        "assert examples.__file__.startswith(sys.argv[1]); sys.exit(examples.load('digits', 10).batch)"
    )
    assert subprocess.run([sys.executable, "-c", code, wheel], check=False, cwd=tmp_path).returncode == 10


def test_no_file_is_more_than_one_idea() -> None:
    """350 lines are where a file is asked whether it is still one."""
    folders = ("scalings", "symbolic", "empirical", "tests", "benchmarks")
    lengths = {path: len(path.read_text().splitlines()) for folder in folders for path in (ROOT / folder).rglob("*.py")}
    assert len(lengths) > 250
    assert not {str(path): length for path, length in lengths.items() if length > 350}
