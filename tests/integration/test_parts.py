"""A build in parts: why a lesson is stale, shards for a CI matrix, and joining what they made."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from .sandbox import LESSON, ROOT, Sandbox, quiz

NAMES = ("01_one", "02_two", "03_three")
CELL = """
# %%
from course import record

record.value("answer", {number})
"""


@pytest.fixture
def three(sandbox: Sandbox) -> Sandbox:
    sandbox.lessons.mkdir()
    for number, name in enumerate(NAMES, 1):
        (sandbox.lessons / f"{name}.py").write_text(LESSON + CELL.format(number=number))
        (sandbox.lessons / f"{name}.quiz.yml").write_text(quiz(name[3:]))
    return sandbox


def states(sandbox: Sandbox) -> dict[str, str]:
    return {row["slug"]: row["state"] for row in json.loads(sandbox.course("list", "--json").out)}


def test_why_names_the_input_that_changed(three: Sandbox) -> None:
    assert three.course("why", "2").out == "02_two has not run with the profile laptop.\n"
    assert three.course("run", "2").code == 0
    assert three.course("why", "2").out.startswith("02_two is current: ")
    source = three.lessons / "02_two.py"
    source.write_text(source.read_text().replace('"answer", 2', '"answer", 3'))
    assert three.course("why", "2").out == "changed: code\n"
    made = three.captures / "02_two" / "laptop" / "capture.json"
    document = json.loads(made.read_text())
    document["provenance"]["inputs"] |= {"library numpy": "1.0", "module course/absent.py": "0" * 16}
    made.write_text(json.dumps(document))
    assert three.course("why", "2").out.split("\n")[:-1] == [
        "changed: code",
        "changed: library numpy (gone)",
        "changed: module course/absent.py (gone)",
        "changed: the captured results, by hand",
    ]
    assert "There is no lesson 09" in three.course("why", "9").err


def test_shards_run_apart_and_are_joined(three: Sandbox, tmp_path: Path) -> None:
    shards = json.loads(three.course("shard", "2").out)
    assert sorted(number for shard in shards for number in shard["lessons"].split()) == ["01", "02", "03"]
    parts = []
    for place, shard in enumerate(shards):
        part = Sandbox(tmp_path / f"part-{place}", three.temporary)
        shutil.copytree(three.lessons, part.lessons)
        assert part.course("run", *shard["lessons"].split()).code == 0
        parts.append(str(part.captures))
    done = three.course("merge", *parts)
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["✓", "01_one", "✓", "02_two", "✓", "03_three"]
    assert set(states(three).values()) == {"current"}
    assert json.loads(three.course("shard", "2").out) == []  # nothing is left to run
    assert json.loads(three.course("shard", "2", "--all").out)


def test_captures_of_other_inputs_are_refused_as_a_whole(three: Sandbox, tmp_path: Path) -> None:
    part = Sandbox(tmp_path / "part", three.temporary)
    shutil.copytree(three.lessons, part.lessons)
    assert part.course("run", "1", "2").code == 0
    source = three.lessons / "02_two.py"
    source.write_text(source.read_text().replace('"answer", 2', '"answer", 3'))
    done = three.course("merge", str(part.captures))
    assert done.code == 1
    assert "02_two/laptop/capture.json: This capture was made from other inputs than those here." in done.err
    assert "It differs in: code." in done.err
    assert states(three) == dict.fromkeys(NAMES, "none")  # not even the first was taken
    (part.captures / "02_two" / "laptop" / "capture.json").write_text("{")
    assert "cannot be read" in three.course("merge", str(part.captures)).err
    shutil.rmtree(part.captures / "02_two")
    shutil.move(part.captures / "01_one", part.captures / "07_other")
    assert "no lesson of this name" in three.course("merge", str(part.captures)).err
    assert "no captures of the profile full" in three.course("merge", str(part.captures), "--profile", "full").err


def test_a_failure_stops_what_has_not_started_unless_told_to_go_on(three: Sandbox) -> None:
    source = three.lessons / "01_one.py"
    source.write_text(source.read_text() + "\n# %%\n1 / 0\n")
    done = three.course("run", "1", "2", "3", "--jobs", "1")
    assert done.code == 1
    assert states(three) == dict.fromkeys(NAMES, "none")
    done = three.course("run", "1", "2", "3", "--jobs", "1", "--keep-going")
    assert done.code == 1
    assert done.err.count("✗") == 1
    assert "ZeroDivisionError" in done.err
    assert states(three) == {"01_one": "none", "02_two": "current", "03_three": "current"}


def test_two_builds_at_once(three: Sandbox) -> None:
    command = three.command("run", "1", "2", "3")
    both = [
        subprocess.Popen(
            command, cwd=ROOT, env=three.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(told) == ["", "Another build is at work here. Waiting for it …\n"]
    assert set(states(three).values()) == {"current"}
    assert three.leftovers() == []


def test_results_of_other_library_versions_are_announced(three: Sandbox, tmp_path: Path) -> None:
    source = three.lessons / "01_one.py"
    source.write_text(source.read_text().replace("from course", "import numpy\n\nfrom course"))
    found = tmp_path / "numpy-0.1.dist-info"  # what Python would find if another version were installed
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    done = three.course("run", "1", env={"PYTHONPATH": f"{tmp_path}:{ROOT / 'src'}"})
    assert done.code == 0
    assert "! numpy 0.1 is installed; " in done.err
    assert " is locked." in done.err


def test_declared_data_is_an_input(three: Sandbox) -> None:
    """Also when the lesson itself, parsed before, is as it was."""
    source, notes = three.lessons / "02_two.py", three.lessons / "notes.csv"
    notes.write_text("1")
    text = source.read_text().replace("# prerequisites: []\n", "# prerequisites: []\n# data: [notes.csv]\n")
    source.write_text(
        text.replace('record.value("answer", 2)', 'record.value("answer", int(open("notes.csv").read()))')
    )
    assert three.course("run", "1", "2").code == 0
    assert three.course("why", "2").out.startswith("02_two is current: ")
    notes.write_text("2")
    assert three.course("why", "2").out == "changed: data notes.csv\n"
    assert states(three) == {"01_one": "current", "02_two": "stale", "03_three": "none"}
    notes.unlink()
    done = three.course("list")
    assert done.code == 1
    assert f"{source}:1: Cannot read the declared data notes.csv" in done.err
    assert "Traceback" not in done.err
