"""Hashes follow contents, whatever times a file claims to have."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from course.pipeline.base.hashes import Index, digest


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_change_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    file, index = tmp_path / "file", Index(tmp_path / "cache" / "files.json")
    file.write_bytes(b"one")
    status = file.stat()
    assert index.hash(file) == hashed(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert index.hash(file) == hashed(b"two")


def test_what_was_hashed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, place = tmp_path / "file", tmp_path / "cache" / "files.json"
    file.write_bytes(b"one")
    first = Index(place)
    first.now = file.stat().st_ctime_ns + 1
    first.hash(file)
    first.save()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    assert Index(place).hash(file) == hashed(b"one")


def test_a_file_as_young_as_the_clock_is_not_remembered(tmp_path: Path) -> None:
    """It may change again without a trace in its status."""
    file, index = tmp_path / "file", Index(tmp_path / "cache" / "files.json")
    file.write_bytes(b"one")
    index.now = file.stat().st_ctime_ns
    index.hash(file)
    index.save()
    assert not index.path.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"file": [1, 2]}', json.dumps({"file": "x"})])
def test_an_unreadable_index_is_empty(tmp_path: Path, content: str) -> None:
    place, file = tmp_path / "files.json", tmp_path / "file"
    place.write_text(content)
    file.write_bytes(b"one")
    assert Index(place).hash(file) == hashed(b"one")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert Index(tmp_path / "files.json").hash(tmp_path / "absent") == ""


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("", "abc"), digest(b"ab", "c", "")}) == 5
