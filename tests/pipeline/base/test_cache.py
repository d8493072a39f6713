"""The cache gives back what was put, or nothing."""

from __future__ import annotations

import marshal
import pickle
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base import cache as module
from course.pipeline.base.cache import SEAL, SPARE, Cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without a secret yet."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "home"))
    module._secret.cache_clear()
    yield tmp_path / "home"
    module._secret.cache_clear()


def test_a_result_is_made_once(tmp_path: Path) -> None:
    count = iter(range(1, 9))
    for _ in range(2):
        cache = Cache(tmp_path, "version")
        for _ in range(2):
            assert cache.recall("kind", "key", lambda: next(count), int) == 1
        cache.save()
    assert next(count) == 2


def test_kind_key_and_version_tell_results_apart(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "found")
    cache.save()
    assert cache.get("kind", "key", str) == "found"
    assert cache.get("kind", "other", str) is cache.get("other", "key", str) is None
    assert Cache(tmp_path, "other").get("kind", "key", str) is None


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_an_unreadable_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "results.sqlite").write_bytes(content)
    for found in (None, "kept"):
        cache = Cache(tmp_path, "version")
        assert cache.get("kind", "key", str) == found
        cache.put("kind", "key", "kept")
        cache.save()


def test_a_place_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file", "version")
    assert cache.recall("kind", "key", lambda: 1, int) == 1
    cache.save()


def test_threads_and_two_builds_share_it(tmp_path: Path) -> None:
    caches = [Cache(tmp_path, "version") for _ in range(2)]

    def work(number: int) -> None:
        cache = caches[number % 2]
        cache.put("kind", str(number), number)
        cache.save()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
    assert [Cache(tmp_path, "version").get("kind", str(n), int) for n in range(40)] == list(range(40))


def test_what_no_build_asks_for_is_deleted(tmp_path: Path) -> None:
    old = Cache(tmp_path, "old version")
    for number in range(SPARE + 2):
        old.put("kind", str(number), number)
    old.save()
    new = Cache(tmp_path, "new version")
    new.put("kind", "1", 1)
    new.save()
    new.forget_unused()
    assert Cache(tmp_path, "new version").get("kind", "1", int) == 1
    assert Cache(tmp_path, "old version").get("kind", "1", int) is None


@dataclass(frozen=True)
class Kept:
    """Everything that a value may be made of."""

    path: Path
    root: Path | None
    names: frozenset[str]
    pairs: tuple[tuple[bool, str], ...]
    files: dict[str, bytes]
    numbers: dict[int, float]


@given(
    st.builds(
        Kept,
        path=st.sampled_from([Path("a/b"), Path("/"), Path("\udcff")]),  # a name that is no UTF-8
        root=st.none() | st.just(Path("x")),
        numbers=st.dictionaries(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False)),
    )
)
def test_what_is_put_comes_back_as_what_it_was(value: Kept) -> None:
    encoded = msgspec.msgpack.encode(value, enc_hook=module._encoded)
    assert msgspec.msgpack.decode(encoded, type=Kept, dec_hook=module._decoded) == value


def _rewrite(folder: Path, value: bytes) -> None:
    with sqlite3.connect(folder / "results.sqlite") as database:
        assert database.execute("UPDATE results SET value = ?", (value,)).rowcount == 1
    database.close()


class Planted:
    """An object whose pickle, when it is read, writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_what_others_put_there_is_as_good_as_none_and_runs_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "ours")
    cache.save()
    theirs = msgspec.msgpack.encode("theirs")
    code = marshal.dumps(compile("raise SystemExit", "planted", "exec"))
    for planted in (pickle.dumps(Planted(tmp_path / "ran")), code, theirs, bytes(SEAL) + theirs, b"", b"\0"):
        _rewrite(tmp_path, planted)
        assert Cache(tmp_path, "version").get("kind", "key", str) is None
    assert not (tmp_path / "ran").exists()


def test_an_entry_under_another_name_is_as_good_as_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "ours")
    cache.save()
    with sqlite3.connect(tmp_path / "results.sqlite") as database:
        database.execute("UPDATE results SET name = ?", (cache._name("kind", "other"),))
    database.close()
    assert Cache(tmp_path, "version").get("kind", "other", str) is None


@pytest.mark.parametrize("value", [2**70, "\udcff"])
def test_what_cannot_be_kept_is_made_each_time(tmp_path: Path, value: object) -> None:
    cache = Cache(tmp_path, "version")
    assert cache.recall("kind", "key", lambda: value, object) == value
    assert cache.get("kind", "key", object) is None


def test_a_value_of_another_type_is_as_good_as_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", ["a", 1])
    assert cache.get("kind", "key", list[str]) is None


def test_the_secret_is_the_users_alone_and_is_made_once(tmp_path: Path, home: Path) -> None:
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "found")
    cache.save()
    assert (home / "secret").stat().st_mode & 0o077 == 0
    module._secret.cache_clear()  # as in another process
    assert Cache(tmp_path, "version").get("kind", "key", str) == "found"
    (home / "secret").unlink()
    module._secret.cache_clear()  # as another user
    assert Cache(tmp_path, "version").get("kind", "key", str) is None


def test_without_a_place_for_the_secret_the_process_has_its_own(tmp_path: Path, home: Path) -> None:
    home.touch()  # no folder
    cache = Cache(tmp_path, "version")
    cache.put("kind", "key", "found")
    assert cache.get("kind", "key", str) == "found"
    cache.save()
    module._secret.cache_clear()
    assert Cache(tmp_path, "version").get("kind", "key", str) is None
