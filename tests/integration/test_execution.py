"""A lesson that runs: what its capture holds, and what it must not depend on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .sandbox import Sandbox, lesson, quiz

# Everything that differs between two runs, shown and recorded.
UNSTEADY = """\
import os
import sys
import tempfile
import time
from datetime import datetime

from course import record

record.value("steady", 1 / 3)
record.value("seconds", time.perf_counter(), kind="band")
record.table("sizes", [["a", 1], ["b", 2.5]], columns=["name", "size"], caption="Sizes.")
record.curve("loss", [0, 1, 2], [3.0, 2.0, 1.5])
print(object(), datetime.now().isoformat())
with tempfile.TemporaryDirectory() as folder:
    print(os.path.join(folder, "model.txt"), folder)
for done in range(5):
    print(f"\\r{done / time.perf_counter():.9f}", end="")
print("\\rdone \\x1b[32min green\\x1b[0m")
print({1, "a", "b", "c", "d"}, hash("text"))
"""
FIGURE = """\
record.figure(
    "plot",
    record.Figure(
        kind="line", series=[record.Series("one", [1, 2], [0.1, 0.2])], x_label="x", y_label="y",
        caption="A line.", alt="It rises.",
    ),
)
"""


def document(sandbox: Sandbox) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(sandbox.capture.read_text())
    return loaded


def values(sandbox: Sandbox) -> dict[str, Any]:
    return {key: item["value"] for key, item in document(sandbox)["items"].items() if item["type"] == "value"}


def test_two_runs_give_byte_identical_captures(sandbox: Sandbox) -> None:
    sandbox.write(lesson(UNSTEADY, FIGURE))
    texts, seconds = [], []
    for _ in range(2):
        done = sandbox.run()
        assert (done.code, done.err) == (0, "")
        lines = sandbox.capture.read_text().split("\n")
        found = document(sandbox)
        seconds.append(found["items"]["seconds"]["value"])
        differing = [f'"{name}": {json.dumps(found["provenance"][name])}' for name in ("seconds", "date", "peak_mib")]
        differing += [f'"value": {seconds[-1]}', f'"digest": "{found["digest"]}"']  # which is of that value too
        kept = [line for line in lines if line.strip().rstrip(",") not in differing]
        assert len(lines) - len(kept) == len(differing)
        texts.append("\n".join(kept))
    assert texts[0] == texts[1]
    assert seconds[0] != seconds[1]  # the two runs did differ in what may differ
    outputs = document(sandbox)["outputs"]
    assert outputs[1][0] == {"item": "sizes"}
    shown = outputs[1][1]["text"].split("\n")
    assert shown[0] == "<object object at 0x…> <time>"
    assert shown[1] == "…/model.txt …/tmp…"
    assert shown[2] == "done in green"
    assert outputs[2] == [{"item": "plot"}]


def test_items_know_the_cell_that_made_them(sandbox: Sandbox) -> None:
    sandbox.write(lesson("x = 1", UNSTEADY, FIGURE))
    assert sandbox.run().code == 0
    items = document(sandbox)["items"]
    assert {key: item["cell"] for key, item in items.items()} == {
        "steady": 2, "seconds": 2, "sizes": 2, "loss": 2, "plot": 3,
    }  # fmt: skip


def test_progress_names_lines_of_the_source(sandbox: Sandbox) -> None:
    sandbox.write(lesson("first = 1", "", "third = 3"))
    done = sandbox.run()
    assert done.code == 0
    lines = [line.strip().removeprefix("01_tiny: ") for line in done.out.split("\n")]
    cells = [line.rsplit(",", 1)[0] for line in lines if line.startswith("cell")]
    named = {"first": sandbox.line("first"), "third": sandbox.line("third")}
    assert cells[0] == "cell 1/4, line 11"
    assert cells[1] == f"cell 2/4, line {named['first']}"
    assert cells[3] == f"cell 4/4, line {named['third']}"


@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_parameters_are_injected(sandbox: Sandbox, profile: str) -> None:
    cell = "from course import record\n\nrecord.value('profile', profile)\nrecord.value('seed', seed)"
    sandbox.write(lesson(cell).replace("seed = 0", "seed = 99"))
    assert sandbox.run("--profile", profile).code == 0
    assert not sandbox.capture.exists()  # that is the laptop profile's
    path = sandbox.captures / "01_tiny" / profile / "capture.json"
    found = json.loads(path.read_text())
    assert found["items"]["profile"]["value"] == profile
    assert found["items"]["seed"]["value"] == 0
    assert (found["provenance"]["profile"], found["provenance"]["seed"]) == (profile, 0)


def test_the_kernel_is_this_interpreter_whatever_kernels_the_user_has(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("python3", "course"):
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": ["false", "{connection_file}"], "display_name": name, "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
    cell = "import sys\n\nfrom course import record\n\nrecord.value('ours', sys.executable)"
    sandbox.write(lesson(cell))
    done = sandbox.run(env={"JUPYTER_PATH": str(tmp_path / "jupyter"), "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")})
    assert (done.code, done.err) == (0, "")
    assert values(sandbox) == {"ours": sys.executable}


def test_a_lesson_runs_in_a_folder_of_its_own(sandbox: Sandbox) -> None:
    """Files that it writes, also temporary ones that it forgets, go when the run ends."""
    cell = """\
import os
import tempfile

from course import record

open("written.txt", "w").close()
tempfile.mkdtemp()
record.value("offline", os.environ["HF_HUB_OFFLINE"])
record.value("weights", os.environ["COURSE_WEIGHTS"])
record.value("files", len([name for name in os.listdir() if not name.startswith(".")]))
"""
    sandbox.write(lesson(cell))
    assert sandbox.run(env={"HF_HUB_OFFLINE": "0"}).code == 0
    assert values(sandbox) == {"offline": "1", "weights": "", "files": 1}
    assert not sandbox.leftovers()


def test_a_difference_from_the_previous_capture_is_said(captured: Sandbox) -> None:
    captured.write(lesson("from course import record\n\nrecord.value('answer', 43)\nrecord.value('more', 1)"))
    done = captured.run()
    assert [line.strip() for line in done.out.split("\n") if "changed:" in line] == [
        "01_tiny: changed: more: new",
        "01_tiny: changed: answer: 42 → 43",
    ]
    assert values(captured) == {"answer": 43, "more": 1}


def test_lessons_that_finished_are_kept_when_a_later_one_fails(sandbox: Sandbox) -> None:
    sandbox.write(lesson("from course import record\n\nrecord.value('answer', 42)"))
    second = sandbox.lessons / "02_other.py"
    second.write_text(lesson("1 / 0"))
    second.with_suffix(".quiz.yml").write_text(sandbox.quiz.read_text().replace("tiny-", "other-"))
    done = sandbox.course("run", "1", "2")
    assert done.code == 1
    assert done.err.startswith(f"✗ {second}:15: ")
    assert values(sandbox) == {"answer": 42}
    assert not (sandbox.captures / "02_other").exists()


def test_a_long_temporary_folder_is_no_obstacle(sandbox: Sandbox, tmp_path: Path) -> None:
    """A socket's path may have about 100 bytes, a folder's many more."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    sandbox.write(lesson("x = 1"))
    done = sandbox.run(env={"TMPDIR": str(long)})
    assert (done.code, done.err) == (0, "")
    assert list(long.iterdir()) == []


# Writes when its cells begin and end; nothing that is read.
TELLING = """import os
import time

log = os.open(os.environ["TEST_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(log, b"{name} begins\\n")
time.sleep(0.5)
{then}
os.write(log, b"{name} ends\\n")"""


def told(sandbox: Sandbox, then: str, *options: str) -> tuple[int, list[str]]:
    """The exit code of a run of three lessons, of which the first does ``then``, and what they told."""
    log = sandbox.root / "told"
    for number in (1, 2, 3):
        path = sandbox.lessons / f"0{number}_tiny.py"
        sandbox.lessons.mkdir(parents=True, exist_ok=True)
        path.write_text(lesson(TELLING.format(name=number, then=then if number == 1 else "")))
        path.with_suffix(".quiz.yml").write_text(quiz(f"tiny{number}"))
    done = sandbox.course("run", "1", "2", "3", *options, env={"TEST_LOG": str(log)})
    return done.code, log.read_text().split("\n")[:-1]


def test_no_more_lessons_compute_at_a_time_than_were_asked_for(sandbox: Sandbox) -> None:
    code, lines = told(sandbox, "", "--jobs", "1")
    assert code == 0
    assert lines == [f"{number} {what}" for number in (1, 2, 3) for what in ("begins", "ends")]


@pytest.mark.parametrize(("options", "count"), [([], 1), (["--keep-going"], 5)])
def test_a_lesson_that_waits_does_not_begin_after_a_problem(sandbox: Sandbox, options: list[str], count: int) -> None:
    code, lines = told(sandbox, "1 / 0", "--jobs", "1", *options)
    assert code == 1
    assert len(lines) == count
    assert not sandbox.leftovers()
