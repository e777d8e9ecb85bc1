"""Atomic file writing: what it leaves of files that are there, and when it fails."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from scalings.command_line.output import check_output
from scalings.errors import ArgumentError
from scalings.files import replacing


@pytest.fixture
def guessed(tmp_path: Path) -> Path:
    """The name that partial files once had: a bystander's."""
    path = tmp_path / ".law.partial.png"
    path.write_text("a bystander's")
    return path


def write(path: Path) -> None:
    check_output("output", path, overwrite=True)
    with replacing(path) as partial:
        partial.write_text("new")


def test_a_bystander_is_left_alone(tmp_path: Path, guessed: Path) -> None:
    write(tmp_path / "law.png")
    assert (tmp_path / "law.png").read_text() == "new"
    assert guessed.read_text() == "a bystander's"
    assert {path.name for path in tmp_path.iterdir()} == {"law.png", guessed.name}


def test_a_planted_symlink_is_not_followed(tmp_path: Path, guessed: Path) -> None:
    """Neither where a partial file may be, nor where the file is to be: that link is replaced."""
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    guessed.unlink()
    for link in (guessed, tmp_path / "law.png"):
        link.symlink_to(victim)
    with replacing(tmp_path / "law.png") as partial:
        partial.write_text("new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "law.png").is_symlink()


def test_nobody_else_can_enter_where_it_is_written(tmp_path: Path) -> None:
    with replacing(tmp_path / "law.png") as partial:
        assert stat.S_IMODE(partial.parent.stat().st_mode) == 0o700
        partial.touch()


def test_the_file_is_as_readable_as_any(tmp_path: Path) -> None:
    write(tmp_path / "law.png")
    (tmp_path / "other").touch()
    assert (tmp_path / "law.png").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "law.png"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("half of")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x" * 300 + ".png", "File name too long"),
        ("folder.png", "it is a folder"),
        ("nowhere/law.png", "expected a file in an existing folder"),
        ("dangling.png", "exists; give another name, or --overwrite"),
    ],
)
def test_where_no_file_can_be_written(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(ArgumentError, match=says):
        check_output("output", tmp_path / name, overwrite=name == "folder.png")


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, OSError), (errno.EIO, OSError), (errno.EACCES, ArgumentError)]
)
def test_a_full_disk_is_no_wrong_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(error, match=os.strerror(code)):
        check_output("output", tmp_path / "law.png", overwrite=False)
