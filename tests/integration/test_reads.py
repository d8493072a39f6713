"""Files that a lesson reads: what the header declares, and nothing else of the author's."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.read import read
from course.pipeline.results import fingerprint
from course.pipeline.run.kernel import PACKAGE, Settings, UndeclaredRead, guard, is_allowed, rules

from .runs import parsed
from .sandbox import LESSON, Done, Sandbox, lesson

HERE = "/home/author/course/lessons/1_first"
SETTINGS = Settings(lesson=HERE, run="/runs/x1y2")
ENVIRONMENT = {"HF_HOME": "/data/huggingface", "COURSE_CACHE": "/home/author/course/cache"}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/author")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (f"{HERE}/tickets.csv", False),
        (f"{HERE}/.hidden", False),
        ("/home/author/course/README.md", False),
        ("/home/author/notes.txt", False),
        ("/home/authors/notes.txt", False),
        ("/runs/other/notes.txt", False),
        ("/runs/x1y2z3/notes.txt", False),
        ("/data/tickets.csv", False),
        (str(PACKAGE / "lessons" / "notes.csv"), True),  # of the library; denied where the lesson's folder is there
        ("/home/author/.cache/matplotlib/fontlist.json", True),
        ("/home/author/course/cache/minilm/config.json", True),
        ("/data/huggingface/token", True),
        ("/runs/x1y2/work/tickets.csv", True),
        ("/usr/share/fonts/font.ttf", True),
        ("/etc/localtime", True),
        ("/proc/cpuinfo", True),
        (f"{sysconfig.get_path('purelib')}/torch/version.txt", True),
        (f"{sysconfig.get_path('stdlib')}/LICENSE.txt", True),
        (f"{sys.prefix}/pyvenv.cfg", True),
    ],
)
def test_the_longest_rule_decides(path: str, allowed: bool) -> None:
    assert is_allowed(path, rules(SETTINGS, ENVIRONMENT)) is allowed


@pytest.mark.usefixtures("home")
def test_lessons_inside_the_library_are_not_part_of_it() -> None:
    folder = str(PACKAGE / "lessons" / "1_first")
    found = rules(Settings(lesson=folder, run="/runs/x1y2"), {})
    assert not is_allowed(f"{folder}/notes.csv", found)
    assert is_allowed(str(PACKAGE / "case" / "words.txt"), found)


def test_only_what_exists_and_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook by itself: the event that Python sends before it opens a file."""
    beside, work = tmp_path / "lesson", tmp_path / "work"
    beside.mkdir()
    work.mkdir()
    for name in ("notes.csv", "helper.py", "link.csv"):
        (beside / name).touch()
    (work / "link.csv").symlink_to(beside / "link.csv")
    (beside / "back").symlink_to(work)
    (work / "own.csv").touch()
    monkeypatch.chdir(work)
    hook = guard(((f"{work}/", True), (f"{beside}/", False)), str(beside))
    write, both = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_RDWR
    target: object
    for target, flags in [
        (str(beside / "notes.csv"), os.O_RDONLY), (bytes(beside / "notes.csv"), os.O_RDONLY), ("notes.csv", both),
        (beside / "notes.csv", os.O_RDONLY | os.O_CLOEXEC), ("../lesson/notes.csv", os.O_RDONLY),
    ]:  # fmt: skip
        with pytest.raises(UndeclaredRead) as refused:
            hook("open", (target, None, flags))
        assert str(refused.value) == str(beside / "notes.csv")
    for target, flags in [
        (str(beside / "notes.csv"), write), (str(beside / "absent.csv"), os.O_RDONLY), ("absent.csv", os.O_RDONLY),
        (str(beside / "helper.py"), os.O_RDONLY), (str(beside), os.O_RDONLY), (3, os.O_RDONLY),
        ("own.csv", os.O_RDONLY), (str(beside / "back" / "own.csv"), os.O_RDONLY),
    ]:  # fmt: skip
        hook("open", (target, None, flags))
    hook("os.listdir", (str(beside),))


def refused(sandbox: Sandbox, done: Done, words: str, hint: str) -> None:
    assert done.code == 1
    assert done.err.startswith(f"✗ {sandbox.source}:{sandbox.line('# here')}: The cell reads {words}, which")
    assert hint in done.err
    assert len(done.err.strip().split("\n")) == 2
    assert not sandbox.capture.exists()


READS = {
    "by a relative path": "open('notes.csv').read()  # here",
    "by its full path": "from pathlib import Path\n\nPath({path!r}).read_text()  # here",
    "in a helper": "def load():\n    return open('notes.csv').read()  # here\n\n\nload()",
    "swallowed": "from contextlib import suppress\n\nwith suppress(Exception):\n    open('notes.csv')  # here",
    "by a library": "import json\nimport configparser\n\nconfigparser.ConfigParser().read('notes.csv')  # here",
}


@pytest.mark.parametrize("cell", READS.values(), ids=READS.keys())
def test_a_file_beside_the_lesson_has_to_be_declared(sandbox: Sandbox, cell: str) -> None:
    notes = sandbox.lessons / "notes.csv"
    sandbox.write(lesson(cell.format(path=str(notes))))
    notes.write_text("[notes]\n")
    refused(
        sandbox, sandbox.run(), "notes.csv", "Declare it in the header (data: [notes.csv]) and open it as 'notes.csv'."
    )


def test_a_file_elsewhere_cannot_be_read(sandbox: Sandbox) -> None:
    other = sandbox.root / "other.csv"
    other.touch()
    sandbox.write(lesson(f"open({str(other)!r})  # here"))
    refused(sandbox, sandbox.run(), str(other), "Put it into the lesson's folder, declare it under 'data'")


def test_declared_data_is_read_and_cannot_be_changed(sandbox: Sandbox) -> None:
    cell = "path = 'data/notes.csv'\nprint(open(path).read())\nopen(path, 'w').close()\nprint(open(path).read() == '')"
    sandbox.write(lesson(cell).replace("# prerequisites: []\n", "# prerequisites: []\n# data: [data/notes.csv]\n"))
    notes = sandbox.lessons / "data" / "notes.csv"
    notes.parent.mkdir()
    notes.write_text("a,b\n")
    done = sandbox.run()
    assert (done.code, done.err) == (0, "")
    assert '"text": "a,b\\n\\nTrue"' in sandbox.capture.read_text()
    assert notes.read_text() == "a,b\n"
    assert not sandbox.leftovers()


def test_the_content_of_declared_data_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n")
    made = parsed(tmp_path, "x = 1", header="# data: [notes.csv]\n")
    before = fingerprint.inputs(made, "smoke")
    assert [name for name in before if name.startswith("data")] == ["data notes.csv"]
    (tmp_path / "notes.csv").touch()
    assert fingerprint.inputs(made, "smoke") == before
    (tmp_path / "notes.csv").write_text("a,c\n")
    after = fingerprint.inputs(made, "smoke")
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"data notes.csv"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.csv", "There is no file absent.csv in the lesson's folder."),
        ("/etc/hostname", "'/etc/hostname' is not in the lesson's folder."),
        ("../notes.csv", "'../notes.csv' is not in the lesson's folder."),
        ("folder/../notes.csv", "'folder/../notes.csv' is not in the lesson's folder."),
    ],
)
def test_data_lies_in_the_folder_of_the_lesson(tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / "01_tiny.py"
    path.write_text(LESSON.replace("# prerequisites: []\n", f"# prerequisites: []\n# data:\n#   - {name}\n"))
    with pytest.raises(CourseError, match=words) as caught:
        read(path)
    assert (caught.value.path, caught.value.line) == (path, 9)


def test_modules_beside_the_lesson_can_be_imported(sandbox: Sandbox) -> None:
    sandbox.write(lesson("import helper\n\nprint(helper.answer)"))
    (sandbox.lessons / "helper.py").write_text("answer = 42\n")
    done = sandbox.run()
    assert (done.code, done.err) == (0, "")
    assert '"text": "42"' in sandbox.capture.read_text()


def test_what_libraries_and_the_lesson_itself_write_can_be_read(sandbox: Sandbox) -> None:
    cell = """\
import locale
import tempfile
import zoneinfo
from pathlib import Path

import matplotlib.pyplot as plt

Path("own.txt").write_text("own")
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "x.txt").write_text("temporary")
    print(Path("own.txt").read_text(), (Path(folder) / "x.txt").read_text())
print(zoneinfo.ZoneInfo("UTC"), locale.getlocale() is not None)
figure, axes = plt.subplots()
axes.set_title("Title")
figure.savefig("figure.png")
print(plt.imread("figure.png").ndim)
"""
    sandbox.write(lesson(cell))
    done = sandbox.run(env={"MPLCONFIGDIR": str(sandbox.root / "matplotlib")})  # so that it has to search for fonts
    assert (done.code, done.err) == (0, "")
