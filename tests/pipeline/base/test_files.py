"""A file is replaced whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import disk_error, write_atomic


@pytest.mark.parametrize("content", ["text\nä\n", b"\x00bytes", ""])
def test_write_makes_folders_and_replaces(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    for _ in range(2):
        write_atomic(path, content)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file.json"
    write_atomic(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner: object = os if call == "fsync" else Path
    monkeypatch.setattr(owner, call, full)
    with pytest.raises(CourseError, match="disk is full") as caught:
        write_atomic(path, "new")
    assert caught.value.path == path
    assert caught.value.hint
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="Cannot write here"):
        write_atomic(tmp_path / "file" / "inside.json", "new")


@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "full"), (errno.EDQUOT, "full"), (errno.EACCES, "Permission denied")]
)
def test_disk_error(number: int, message: str) -> None:
    error = disk_error(OSError(number, os.strerror(number)), Path("here"))
    assert message in error.message
    assert error.path == Path("here")
    assert error.hint
