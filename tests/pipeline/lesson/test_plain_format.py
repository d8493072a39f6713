"""Percent files that nobody wrote for this course: every style that editors and jupytext write is read, with its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import plain_format
from course.pipeline.lesson.model import Lesson
from course.pipeline.results.fingerprint import inputs, versions

from ..samples import source

ROOT = Path("folder")
JUPYTEXT = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     name: python3
# ---

"""


def parsed(text: str, name: str = "03-my_first.py") -> Lesson:
    return plain_format.parse(text, ROOT / name, ROOT)


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "title", "cells"),
    [
        ("# %%\nx = 1\n", "My first", [("code", "x = 1", 2)]),
        ("#%%\nx = 1\n#%%\n\ny = 2", "My first", [("code", "x = 1", 2), ("code", "y = 2", 5)]),
        ("# %% [markdown]\n# # Hi *there*\n#\n# Prose.\n\n# %%\nx = 1", "Hi *there*",
         [("markdown", "Prose.", 4), ("code", "x = 1", 7)]),
        ('# %% [markdown]\n"""\n# Hi\n\nProse.\n"""\n# %%\nx = 1', "Hi", [("markdown", "Prose.", 5), ("code", "x = 1", 8)]),
        ("# %% [md]\n# ## Hi\n# %%\nx = 1", "Hi", [("code", "x = 1", 4)]),
        (JUPYTEXT + "# %% [markdown]\n# # Hi\n\n# %%\nx = 1", "Hi", [("code", "x = 1", 15)]),
        ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n" + JUPYTEXT + "# %%\nx = 1", "My first", [("code", "x = 1", 14)]),
        ('"""\nHi\n==\n\nProse.\n"""\nimport os\n\n# %%\nx = 1', "Hi",
         [("markdown", "Prose.", 5), ("code", "import os", 7), ("code", "x = 1", 10)]),
        ("import os\n\n# %%\nx = 1", "My first", [("code", "import os", 1), ("code", "x = 1", 4)]),
        ("# In[1]:\n\nx = 1\n\n# In[ ]:\ny = 2", "My first", [("code", "x = 1", 3), ("code", "y = 2", 6)]),
        ("# <codecell>\nx = 1", "My first", [("code", "x = 1", 2)]),
        ("# %% [raw]\n# for a converter\n# %%\nx = 1", "My first", [("code", "x = 1", 4)]),
        ("# %%\n# %matplotlib inline\n# ls\nx = 1", "My first", [("code", "# %matplotlib inline\n# ls\nx = 1", 2)]),
        ("# %%\nx = 1\n\n# %% [markdown]\n# Prose.\n# # Late", "My first",
         [("code", "x = 1", 2), ("markdown", "Prose.\n# Late", 5)]),
        ("# %%\ntext = '''\n# %%\n'''", "My first", [("code", "text = '''\n# %%\n'''", 2)]),
    ],
)  # fmt: skip
def test_styles(text: str, title: str, cells: list[tuple[str, str, int]]) -> None:
    made = parsed(text)
    assert made.header.title == title
    assert [(cell.kind, cell.source, cell.line) for cell in made.cells] == cells


def test_titles_and_tags_of_cells() -> None:
    made = parsed('# %% Load data\nx = 1\n# %% tags=["parameters", "mine"]\nalpha: int = 1\nseed = 2')
    assert [cell.title for cell in made.cells] == ["Load data", ""]
    assert [cell.tags for cell in made.cells] == [frozenset(), {"parameters"}]
    assert made.parameters == {"alpha", "seed"}
    assert parsed("# %%\nprofile = 1").parameters == frozenset()


CODE = st.sampled_from(["x = 1", "print(2)", "# a comment", "y = '''\n# %%\n'''", "if 1:\n    z = 3", ""])
PROSE = st.sampled_from(["# words", "#", "# - a", "#     # indented", "# ```\n# code\n# ```"])


@st.composite
def cells(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "\n".join([draw(st.sampled_from(["# %%", "#%%", "# %% A title"])), *draw(st.lists(CODE, max_size=4))])
    lines = draw(st.lists(PROSE, min_size=1, max_size=4))
    return "\n".join(["# %% [markdown]", "# words first", *lines, *[""] * draw(st.integers(0, 2))])


@given(st.booleans(), st.lists(cells(), min_size=1, max_size=5))
def test_each_cell_has_the_line_of_its_first_content(header: bool, written: list[str]) -> None:
    text = JUPYTEXT * header + "\n".join(written)
    lines = text.split("\n")
    made = parsed(text)
    assert len(made.cells) == len(written)
    for cell in made.cells:
        for offset, line in enumerate(cell.source.split("\n") if cell.source.strip() else []):
            there = lines[cell.line - 1 + offset]
            assert line == (there if cell.is_code else there.removeprefix("#").removeprefix(" "))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# %%\nx = (1\n", 2, "never closed"),
        ("# %%\nx = 1\n# %%\n%matplotlib inline", 4, "Invalid Python"),
        ("# %%\nif True:\n# %%\n    x = 1", 2, "Invalid Python"),
    ],
)
def test_what_is_not_python_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        parsed(text)
    assert (caught.value.path, caught.value.line) == (ROOT / "03-my_first.py", line)
    assert caught.value.hint


CELL = "# %%\nx = 1\n"


def test_which_files_are_lessons(tmp_path: Path) -> None:
    names = ["10_last.py", "2_first.py", "part one/näxt.py", "_build/old.py", ".venv/lib/x.py", "__pycache__/y.py"]
    written(tmp_path, {**dict.fromkeys(names, CELL), "helper.py": "x = 1\n", "notes.txt": CELL})
    assert plain_format.is_plain(tmp_path)
    found = [plain_format.read(path, tmp_path) for path in plain_format.find(tmp_path)]
    assert [lesson.slug for lesson in found] == ["2_first", "10_last", "part-one-näxt"]
    assert [lesson.label for lesson in found] == [lesson.slug for lesson in found]
    assert plain_format.is_lesson(tmp_path / "10_last.py", tmp_path)
    assert not plain_format.is_lesson(tmp_path / "helper.py", tmp_path)
    assert found[-1].folders == (tmp_path / "part one", tmp_path)


def test_one_header_makes_a_course(tmp_path: Path) -> None:
    written(tmp_path, {"01_ours.py": source(), "02_lost_its_header.py": CELL})
    assert not plain_format.is_plain(tmp_path)
    assert plain_format.is_plain(written(tmp_path / "other", {"a.py": JUPYTEXT + CELL}))
    (tmp_path / "none").mkdir()
    assert not plain_format.is_plain(tmp_path / "none")


def test_two_lessons_with_one_address_are_refused(tmp_path: Path) -> None:
    written(tmp_path, {"a/b.py": CELL, "a-b.py": CELL})
    with pytest.raises(CourseError, match="same address") as caught:
        plain_format.find(tmp_path)
    assert caught.value.hint


def test_windows_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes("\ufeff# %%\r\nx = 'é'\r\n".encode())
    (tmp_path / "b.py").write_bytes("# -*- coding: latin-1 -*-\n# %%\nx = 'é'\n".encode("latin-1"))
    for name in ("a.py", "b.py"):
        assert [cell.source for cell in plain_format.read(tmp_path / name, tmp_path).cells] == ["x = 'é'"]


COURSE = {
    "one.py": "# %%\nimport helper\n",
    "part/two.py": "# %%\nfrom helper import deep\nimport beside\n",
    "part/three.py": "# %%\nfrom package.inner import thing\ntable = read_csv('data.csv')\n",
    "four.py": "# %%\nimport json, numpy\n",
    "helper.py": '"""Helps."""\nimport lower\ndeep = lower.deep\n',
    "lower.py": "deep = 1\n",
    "part/beside.py": "def f():\n    import package\n",
    "package/__init__.py": "",
    "package/inner.py": "from . import innermost\nfrom .innermost import thing\n",
    "package/innermost.py": "thing = 1\n",
    "unused.py": "x = 1\n",
    "part/data.csv": "a,b\n",
    "part/unread.csv": "a,b\n",
}


@pytest.mark.parametrize(
    ("name", "text", "stale"),
    [
        ("one.py", "# %%\nimport helper\nx = 1\n", {"one"}),
        ("one.py", "# %% [markdown]\n# Prose.\n# %% Title\nimport helper  # why\n", set()),
        ("helper.py", "import lower\ndeep = 2\n", {"one", "part-two"}),
        ("helper.py", '"""Helps otherwise."""\nimport lower\ndeep = lower.deep  # a comment\n', set()),
        ("lower.py", "deep = 2\n", {"one", "part-two"}),
        ("part/beside.py", "def f():\n    return 1\n", {"part-two"}),
        ("package/__init__.py", "x = 1\n", {"part-two", "part-three"}),
        ("package/inner.py", "from .innermost import thing\nx = 1\n", {"part-three"}),
        ("package/innermost.py", "thing = 2\n", {"part-three"}),
        ("part/helper.py", "deep = 3\n", {"part-two"}),  # nearer than the one above
        ("unused.py", "x = 2\n", set()),
        ("part/data.csv", "a,b\n1,2\n", {"part-three"}),
        ("part/unread.csv", "a,b\n1,2\n", set()),
    ],
)
def test_an_edit_makes_exactly_the_lessons_stale_that_use_it(
    tmp_path: Path, name: str, text: str, stale: set[str]
) -> None:
    def found() -> dict[str, dict[str, str]]:
        lessons = [plain_format.read(path, tmp_path) for path in plain_format.find(tmp_path)]
        return {lesson.slug: inputs(lesson, "laptop", tmp_path / "lock.txt") for lesson in lessons}

    written(tmp_path, COURSE)
    before = found()
    assert sorted(before) == ["four", "one", "part-three", "part-two"]
    written(tmp_path, {name: text})
    after = found()
    assert {slug for slug in before if before[slug] != after[slug]} == stale


def test_locked_versions_count_where_there_is_a_lock(tmp_path: Path) -> None:
    lesson = plain_format.read(written(tmp_path, COURSE) / "four.py", tmp_path)
    assert "library numpy" not in inputs(lesson, "laptop", tmp_path / "lock.txt")
    (tmp_path / "lock.txt").write_text("numpy==2.0.0\npandas==3.0\n")
    versions.cache_clear()
    assert {name: of for name, of in inputs(lesson, "laptop", tmp_path / "lock.txt").items() if "library" in name} == {
        "library numpy": "2.0.0"
    }


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({}, None),
        ({"requirements/lock.txt": "numpy==1\n"}, "1"),
        ({"requirements.txt": "# pinned\nNumPy[extra] == 2 ; python_version > '3'\npandas\n"}, "2"),
        ({"requirements.txt": "numpy>=2\n"}, None),
        ({"requirements/lock.txt": "numpy==1\n", "requirements.txt": "numpy==2\n"}, "1"),
        ({"course/requirements.txt": "numpy==3\n", "requirements/lock.txt": "numpy==1\n"}, "3"),
        ({"elsewhere/requirements/lock.txt": "numpy==4\n"}, None),  # where the command is given
    ],
)
def test_the_nearest_lock_above_a_course_counts_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], version: str | None
) -> None:
    written(tmp_path, {"course/a.py": "# %%\nimport numpy\n", "elsewhere/b.txt": "", **files})
    monkeypatch.chdir(tmp_path / "elsewhere")
    lesson = plain_format.read(tmp_path / "course" / "a.py", tmp_path / "course")
    assert inputs(lesson, "laptop").get("library numpy") == version


@pytest.mark.parametrize(
    ("call", "counts"),
    [
        ("pd.read_csv('data.csv')", True), ("open('data.csv')", True), ("open('data.csv', 'rb')", True),
        ("np.loadtxt('data.csv')", True), ("plt.imread('data.csv')", True), ("open('data.csv', 'w')", False),
        ("open('data.csv', mode='a')", False), ("frame.to_csv('data.csv')", False), ("plt.savefig('data.csv')", False),
        ("open('absent.csv')", False), ("open('../data.csv')", False), ("print('data.csv')", False),
    ],
)  # fmt: skip
def test_files_that_are_read_by_name_count(tmp_path: Path, call: str, counts: bool) -> None:
    folder = written(tmp_path, {"data.csv": "outside", "in/data.csv": "a,b", "in/a.py": f"# %%\n{call}\n"}) / "in"
    names = inputs(plain_format.read(folder / "a.py", folder), "laptop", tmp_path / "lock.txt")
    assert any(name.startswith("file ") for name in names) is counts


def test_a_broken_module_is_named(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": "# %%\nimport helper\n", "helper.py": "x = 1\ny = (\n"})
    with pytest.raises(CourseError) as caught:
        inputs(plain_format.read(tmp_path / "a.py", tmp_path), "laptop")
    assert (caught.value.path, caught.value.line) == (tmp_path / "helper.py", 2)
    assert "a.py imports" in caught.value.hint
