"""The cache gives back what was put, or nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from course.pipeline.base.cache import SPARE, Cache


def test_a_result_is_made_once(tmp_path: Path) -> None:
    count = iter(range(1, 9))
    for _ in range(2):
        cache = Cache(tmp_path, "version")
        for _ in range(2):
            assert cache.recall("kind", "key", lambda: next(count)) == 1
        cache.save()
    assert next(count) == 2


def test_kind_key_and_version_tell_results_apart(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "found")
    cache.save()
    assert cache.get("kind", "key") == "found"
    assert cache.get("kind", "other") is cache.get("other", "key") is None
    assert Cache(tmp_path, "other").get("kind", "key") is None


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_an_unreadable_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "results.sqlite").write_bytes(content)
    for found in (None, "kept"):
        cache = Cache(tmp_path, "version")
        assert cache.get("kind", "key") == found
        cache.put("kind", "key", "kept")
        cache.save()


def test_a_place_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file", "version")
    assert cache.recall("kind", "key", lambda: 1) == 1
    cache.save()


def test_threads_and_two_builds_share_it(tmp_path: Path) -> None:
    caches = [Cache(tmp_path, "version") for _ in range(2)]

    def work(number: int) -> None:
        cache = caches[number % 2]
        cache.put("kind", str(number), number)
        cache.save()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
    assert [Cache(tmp_path, "version").get("kind", str(n)) for n in range(40)] == list(range(40))


def test_what_no_build_asks_for_is_deleted(tmp_path: Path) -> None:
    old = Cache(tmp_path, "old version")
    for number in range(SPARE + 2):
        old.put("kind", str(number), number)
    old.save()
    new = Cache(tmp_path, "new version")
    new.put("kind", "1", 1)
    new.save()
    new.forget_unused()
    assert Cache(tmp_path, "new version").get("kind", "1") == 1
    assert Cache(tmp_path, "old version").get("kind", "1") is None
