"""Lessons that must not run, or must not finish: one clear message, an exit code, and nothing touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import RunOnSmallDisk
from .sandbox import LESSON, ROOT, Done, Sandbox, lesson, quiz

# name, code cells, options, what the line that is named contains, what the message says
RUNS: list[tuple[str, list[str], list[str], str, str]] = [
    ("raises", ["x = 1\n1 / 0  # here"], [], "# here", "raised ZeroDivisionError: division by zero"),
    (
        "raises inside a library",
        ["import json\n\ntext = '{'\njson.loads(text)  # here"],
        [],
        "# here",
        "raised JSONDecodeError",
    ),
    (
        "raises in a helper of an earlier cell",
        ["def half(x):\n    y = 2\n    return y / x  # here", "z = 0\n\n\nhalf(z)"],
        [],
        "# here",
        "raised ZeroDivisionError: division by zero\n  → Called from line 23.",
    ),
    (
        "raises while handling",
        ["try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('k') from error  # here"],
        [],
        "# here",
        "raised KeyError: 'k'",
    ),
    (
        "raises after an empty cell",
        ["", "# only a comment", "x = 1\nx.y  # here"],
        [],
        "# here",
        "raised AttributeError",
    ),
    ("exits", ["x = 1", "import sys  # here\n\nsys.exit()", "y = 2"], [], "# here", "The cell ends the run."),
    ("hangs", ["import time  # here\n\ntime.sleep(600)"], ["--cell-seconds", "2"], "# here", "longer than 2 s"),
    (
        "hangs and ignores signals",
        [
            "import signal  # here\n\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "while True:\n    pass"
        ],
        ["--cell-seconds", "2"],
        "# here",
        "longer than 2 s",
    ),
    ("prints 100 MB", ["print('x' * 100_000_000)  # here"], [], "# here", "printed more than 1,000,000 bytes"),
    (
        "prints for ever",
        ["while True:  # here\n    print('x' * 1000)"],
        [],
        "# here",
        "printed more than 1,000,000 bytes",
    ),
    ("kills its kernel", ["import os  # here\n\nos.kill(os.getpid(), 9)"], [], "# here", "The kernel died"),
    (
        "records a key twice",
        ["from course import record\n\nrecord.value('a', 1)", "record.value('a', 2)  # here"],
        [],
        "# here",
        "The key 'a' is recorded twice.",
    ),
    (
        "records what is not finite",
        ["from course import record\n\nrecord.value('loss', float('nan'))  # here"],
        [],
        "# here",
        "record finite numbers only",
    ),
    (
        "warns",
        ["import warnings\n\nwarnings.warn('careful', stacklevel=1)  # here"],
        [],
        "# here",
        "The cell warns: UserWarning: careful",
    ),
    (
        "shows an image",
        [
            "from IPython.display import Image, display  # here\n\n"
            "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(32), format='png'))"
        ],
        [],
        "# here",
        "The cell shows ['image/png'",
    ),
    (
        "loads undeclared weights",
        ["from course.weights import resolve\n\nresolve('minilm-l6-v2')  # here"],
        [],
        "# here",
        "Add it to 'weights' in its header.",
    ),
]


def assert_refused(
    done: Done, sandbox: Sandbox, before: bytes, path: Path | None, line: int | None, words: str
) -> None:
    where = "" if path is None else f"{path}:{line}: " if line else f"{path}: "
    assert done.code == 1
    assert done.err.startswith(f"✗ {where}")
    assert words in done.err
    assert "\n  → " in done.err
    assert len(done.err.strip().split("\n")) == 2  # the problem, and what to do: nothing else, no traceback
    assert "Traceback" not in done.out
    assert sandbox.capture.read_bytes() == before
    assert [path.name for path in sandbox.capture.parent.iterdir()] == ["capture.json"]
    assert not sandbox.leftovers()


@pytest.mark.parametrize(("cells", "options", "at", "words"), [run[1:] for run in RUNS], ids=[run[0] for run in RUNS])
def test_a_run_that_fails_is_told_in_one_message(
    captured: Sandbox, cells: list[str], options: list[str], at: str, words: str
) -> None:
    captured.write(lesson(*cells))
    before = captured.capture.read_bytes()
    done = captured.run(*options)
    assert_refused(done, captured, before, captured.source, captured.line(at), words)


BROKEN_QUIZ = quiz().replace("        right: true\n", "", 1)
GOOD = lesson("x = 1")
# name, bytes of the lesson, text of the quiz, whether the quiz is named, line, words
SOURCES: list[tuple[str, bytes, str, bool, int, str]] = [
    ("invalid Python", lesson("x = = 1").encode(), quiz(), False, 15, "Invalid Python: invalid syntax."),
    (
        "half a cell",
        lesson("if True:", "    print(1)").encode(),
        quiz(),
        False,
        15,
        "Make each cell complete by itself.",
    ),
    ("return outside a function", lesson("x = 1\nreturn x").encode(), quiz(), False, 16, "'return' outside function"),
    ("no parameters", GOOD.replace(' tags=["parameters"]', "").encode(), quiz(), False, 1, "no parameters cell"),
    ("no seed", GOOD.replace("seed = 0\n", "").encode(), quiz(), False, 11, "does not assign 'seed'"),
    ("CRLF", GOOD.replace("\n", "\r\n").encode(), quiz(), False, 1, "Windows line endings (CRLF)"),
    ("BOM", b"\xef\xbb\xbf" + GOOD.encode(), quiz(), False, 1, "byte-order mark"),
    ("not UTF-8", lesson("name = 'caf\u00e9'").encode("latin-1"), quiz(), False, 15, "not UTF-8"),
    ("no right option", GOOD.encode(), BROKEN_QUIZ, True, 5, "Exactly one option must be right, not 0."),
    ("quiz is not YAML", GOOD.encode(), "questions:\n  - id: 'a\n", True, 3, "Not valid YAML"),
]


@pytest.mark.parametrize(
    ("source", "questions", "in_quiz", "line", "words"),
    [case[1:] for case in SOURCES],
    ids=[case[0] for case in SOURCES],
)
def test_a_malformed_source_is_refused_before_anything_runs(
    captured: Sandbox, source: bytes, questions: str, in_quiz: bool, line: int, words: str
) -> None:
    captured.write("")
    captured.source.write_bytes(source)
    captured.quiz.write_text(questions, encoding="utf-8")
    before = captured.capture.read_bytes()
    done = captured.run()
    assert "Running" not in done.out
    assert_refused(done, captured, before, captured.quiz if in_quiz else captured.source, line, words)


def test_a_question_id_of_another_lesson_is_refused(captured: Sandbox) -> None:
    captured.write(GOOD)
    second = captured.lessons / "02_other.py"
    second.write_text(GOOD)
    second.with_suffix(".quiz.yml").write_text(quiz("other").replace("other-3", "tiny-2"))
    done = captured.run()
    words = "The question id 'tiny-2' is already used at 01_tiny.quiz.yml:10."
    assert_refused(done, captured, captured.capture.read_bytes(), second.with_suffix(".quiz.yml"), 18, words)


def test_two_lessons_with_one_number_are_refused(captured: Sandbox) -> None:
    captured.write(GOOD)
    (captured.lessons / "01_zebra.py").write_text(GOOD)
    done = captured.run()
    path = captured.lessons / "01_zebra.py"
    assert_refused(done, captured, captured.capture.read_bytes(), path, None, "Two lessons have the number 01")


def test_an_unknown_lesson_is_refused(captured: Sandbox) -> None:
    captured.write(GOOD)
    done = captured.course("run", "7")
    words = "There is no lesson 07.\n  → Lessons: 01."
    assert_refused(done, captured, captured.capture.read_bytes(), None, None, words)


def test_a_kernel_that_does_not_start_is_told(captured: Sandbox) -> None:
    captured.write(GOOD)
    broken = captured.root / "broken" / "ipykernel" / "__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("raise SystemExit('no kernel today')\n")
    before = captured.capture.read_bytes()
    path = os.pathsep.join(filter(None, [str(broken.parents[1]), os.environ.get("PYTHONPATH")]))
    done = captured.run(env={"PYTHONPATH": path})
    words = "The kernel did not start: the process that starts kernels has ended. no kernel today"
    assert_refused(done, captured, before, captured.source, None, words)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell's background jobs, and what they start, ignore SIGINT: not here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing_behind(captured: Sandbox, name: str) -> None:
    captured.write(lesson("import time\n\nprint('here')\ntime.sleep(600)"))
    before = captured.capture.read_bytes()
    with subprocess.Popen(
        captured.command("run", "1"), cwd=ROOT, env={**captured.environment, "PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert any("cell 2/2" in line for line in process.stdout)  # it is in the cell that sleeps
        os.killpg(process.pid, getattr(signal, name))
        told = process.stderr.read()
    assert process.returncode == 130
    assert told.strip() == "Interrupted. What was finished is kept; run the same command to go on."
    assert captured.capture.read_bytes() == before
    assert not captured.leftovers()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_does_not_wait_for_many_short_cells(captured: Sandbox) -> None:
    captured.write(lesson(*["import time\n\ntime.sleep(0.1)"] * 100))  # each is over before a watch would look
    with subprocess.Popen(
        captured.command("run", "1"), cwd=ROOT, env={**captured.environment, "PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any("cell 2/101" in line for line in process.stdout)
        os.kill(process.pid, signal.SIGINT)
        after = [line for line in process.stdout if ": cell " in line]
    assert process.returncode == 130
    assert len(after) < 50
    assert not captured.leftovers()


def test_a_full_disk_keeps_the_previous_capture(captured: Sandbox, on_small_disk: RunOnSmallDisk) -> None:
    captured.write(lesson("from course import record\n\nrecord.value('answer', 43)"))
    before = captured.capture.read_bytes()
    captured.capture.rename(captured.root / "before.json")
    script = f"""
mkdir -p "$DISK/01_tiny/laptop"
cp before.json "$DISK/01_tiny/laptop/capture.json"
cat /dev/zero > "$DISK/ballast" 2> /dev/null || true
cd {ROOT}
code=0
"$PYTHON" -m course.pipeline.cli run 1 --lessons {captured.lessons} --captures "$DISK" || code=$?
cd -
cp "$DISK/01_tiny/laptop/capture.json" after.json
ls -A "$DISK/01_tiny/laptop" > listing
exit $code
"""
    environment = {**captured.environment, "PYTHON": sys.executable}
    done = on_small_disk(captured.captures, "64k", f"cd {captured.root}\n{script}", environment)
    assert done.returncode == 1
    assert done.stderr == (
        f"✗ {captured.capture}: The disk is full. Nothing was replaced.\n  → Free some space and run again.\n"
    )
    assert (captured.root / "after.json").read_bytes() == before
    assert (captured.root / "listing").read_text() == "capture.json\n"
    assert not captured.leftovers()


@pytest.mark.parametrize("arguments", [["run"], ["run", "one"], ["run", "1", "--profile", "huge"], ["bake"]])
def test_a_wrong_command_line_is_code_2(sandbox: Sandbox, arguments: list[str]) -> None:
    done = sandbox.course(*arguments)
    assert done.code == 2
    assert done.err.startswith("Usage: ")
    assert "Traceback" not in done.err


def test_the_lesson_of_these_tests_runs(sandbox: Sandbox) -> None:
    """Otherwise every refusal above could have another cause."""
    sandbox.write(LESSON + "\n# %%\nprint('fine')\n")
    done = sandbox.run()
    assert (done.code, done.err) == (0, "")
    assert sandbox.capture.is_file()
    assert not sandbox.leftovers()


def test_a_deleted_folder_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec "{sys.executable}" -P -m course.pipeline.entry list'
    done = subprocess.run(["sh", "-c", script], cwd=gone, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("✗ The folder that this terminal is in was deleted.")
    assert "Traceback" not in done.stderr
