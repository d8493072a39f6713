"""Parsing a lesson: every cell knows its line, every malformed source is refused with its line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import find, misnamed, parse
from course.pipeline.lesson.model import PlainNumber
from course.pipeline.lesson.read import read

from ..samples import HEADER, PARAMETERS, PATH, lesson, line_of, source


def refused(text: str) -> CourseError:
    with pytest.raises(CourseError) as caught:
        parse(text, PATH)
    return caught.value


def test_a_whole_lesson(tmp_path: Path) -> None:
    header = HEADER.replace(
        "# fork: true\n",
        "# prerequisites: [2, 3]\n# fork: true\n# weights: [minilm-l6-v2]\n"
        "# plain_numbers:\n#   the width: [4096]\n#   a third, by hand: [0.333, 1e-10]\n",
    )
    text = source("# %% [markdown]\n# ## Prose\n#\n# more", '# %% tags=["reveal"]\nprint(1)', header=header)
    path = tmp_path / "07_sample.py"
    path.write_text(text, encoding="utf-8")
    made = read(path)
    assert (made.slug, made.number, made.quiz_path.name) == ("07_sample", 7, "07_sample.quiz.yml")
    assert made.header.title == "A sample"
    assert made.header.module == 4
    assert made.header.objectives == ("predict $r$ of anything",)
    assert made.header.prerequisites == (2, 3)
    assert made.header.weights == ("minilm-l6-v2",)
    assert made.header.plain_numbers == (
        PlainNumber("4096", "the width", line_of(text, "4096")),
        PlainNumber("0.333", "a third, by hand", line_of(text, "0.333")),
        PlainNumber("1e-10", "a third, by hand", line_of(text, "0.333")),
    )
    assert made.header.prose == tuple(
        (line_of(text, words), words) for words in ("A sample", "What the sample finds.", "predict $r$ of anything")
    )
    assert [cell.kind for cell in made.cells] == ["code", "markdown", "code"]
    assert made.cells[1].source == "## Prose\n\nmore"
    assert made.cells[2].tags == {"reveal"}
    assert [cell.line for cell in made.cells] == [
        line_of(text, "profile ="), line_of(text, "## Prose"), line_of(text, "print(1)"),
    ]  # fmt: skip
    assert made.code_cells == [made.cells[0], made.cells[2]]


def test_optional_fields_are_empty() -> None:
    header = lesson().header
    assert (header.prerequisites, header.weights, header.plain_numbers) == ((), (), ())


WORDS = st.text(alphabet="abc xyz#é{}|$%", min_size=1, max_size=12).map(str.strip).filter(bool)
CODE = st.sampled_from(
    ["x = 1", "print(2)", "# a comment", "#", "# cat them", "# !ls", "y = '''\n# %%\n'''", "if 1:\n    z = 3"]
)
BLANK = st.integers(0, 3)


@st.composite
def cells(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        marker, blank, lines = "# %%", "", draw(st.lists(CODE, min_size=1, max_size=4))
    else:
        marker, blank = "# %% [markdown]", draw(st.sampled_from(["#", ""]))
        lines = [
            f"# {word}"
            for word in draw(st.lists(WORDS.filter(lambda w: not w.startswith("%%")), min_size=1, max_size=4))
        ]
    between = draw(st.sampled_from([[], [blank]]))
    body = [line for text in lines for line in (text, *between)]
    return "\n".join([marker, *[blank] * draw(BLANK), *body, *[""] * draw(BLANK)])


@given(st.lists(cells(), min_size=1, max_size=5))
def test_each_cell_has_the_line_of_its_first_content(written: list[str]) -> None:
    text = source(*written)
    lines = text.split("\n")
    made = parse(text, PATH)
    assert len(made.cells) == len(written) + 1
    for cell, original in zip(made.cells[1:], written, strict=True):
        # line by line: what the source of a cell says at offset n, the file says at cell.line + n
        for offset, line in enumerate(cell.source.split("\n")):
            there = lines[cell.line - 1 + offset]
            assert line == (there if cell.is_code else there.removeprefix("#").removeprefix(" "))
        assert cell.source.split("\n")[0].strip()
        assert original.split("\n")[0] == lines[: cell.line][-1 - original.split("\n").index(lines[cell.line - 1])]


@pytest.mark.parametrize(
    "comment", ["# cat the batches", "# copy the weights", "# !ls", "# %time x", "# ls", "# ?help"]
)
def test_comments_that_look_like_commands_stay_comments(comment: str) -> None:
    assert lesson(f"# %%\n{comment}\nx = 1").cells[1].source == f"{comment}\nx = 1"


def test_markers_inside_strings_are_text() -> None:
    made = lesson('# %%\ntext = """\n# %%\n# %% [markdown]\n"""\nprint(text)', "# %%\nlast = 1")
    assert len(made.cells) == 3
    assert made.cells[1].source.count("# %%") == 2


def test_an_empty_cell_is_a_cell() -> None:
    text = source("# %%", "# %%\nx = 1")
    made = parse(text, PATH)
    assert [cell.source for cell in made.cells[1:]] == ["", "x = 1"]
    assert text.split("\n")[made.cells[1].line - 1] == "# %%"


@pytest.mark.parametrize(
    ("cell", "needle", "message"),
    [
        ("# %%\nx = (1", "x = (1", "Invalid Python: '(' was never closed"),
        ("# %%\nif True:\n# %%\n    x = 1", "if True:", "Invalid Python"),
        ("# %%\nx = (1,\n# %%\n2)", "x = (1,", "Invalid Python"),
        ('# %% tags=["hidden"]\nx = 1', "hidden", "Unknown cell tag 'hidden'"),
        ('# %% tags=["reveal"\nx = 1', "reveal", "tags cannot be read"),
        ('# %% tags="reveal"\nx = 1', "reveal", "tags cannot be read"),
        ('# %% tags=["reveal"] [markdown]\n# x = 1', "reveal", "tags cannot be read"),
        ("# %% [raw]\n# text", "[raw]", "Raw cells"),
        ("# %% [markdown]\n# prose\nx = 1", "x = 1", "not a comment"),
        ('# %% [markdown]\n"""\nprose\n"""\nx = 2', None, "not a comment"),
        ("#%%\nx = 1", "#%%", "outside the cells"),
        ("# %%\nif True:\n    # %% a part\n    x = 1", "a part", "outside the cells"),
        ('# %% tags=["parameters"]\nsecond = 1', "second = 1", "two parameters cells"),
    ],
)
def test_malformed_cells_are_refused_at_their_line(cell: str, needle: str | None, message: str) -> None:
    text = source(cell)
    error = refused(text)
    assert message in str(error)
    assert error.line == (line_of(text, needle) if needle else text.split("\n").index('"""') + 1)
    assert error.path == PATH
    assert error.hint


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("\n# %%\nx = 1\n", "no parameters cell"),
        ('\n# %%\nx = 1\n\n# %% tags=["parameters"]\nprofile = "a"\nseed = 0\n', "not the first code cell"),
        ('\n# %% [markdown] tags=["parameters"]\n# prose\n', "not the first code cell"),
        ('\n# %% tags=["parameters"]\nseed = 0\n', "does not assign 'profile'"),
        ('\n# %% tags=["parameters"]\nprofile = "a"\n', "does not assign 'seed'"),
    ],
)
def test_the_parameters_cell(cells: str, message: str) -> None:
    error = refused(HEADER + cells)
    assert message in error.message
    assert error.line is not None
    assert 'tags=["parameters"]' in error.hint


def test_content_before_the_first_cell_is_refused_at_its_line() -> None:
    text = HEADER + "\nimport os\n" + PARAMETERS
    error = refused(text)
    assert error.line == line_of(text, "import os")


@pytest.mark.parametrize(
    ("old", "new", "needle", "message"),
    [
        ("# module: 4", "# module: 40", "40", "no module 40"),
        ("# module: 4", "# module: four", "four", "module must be a whole number"),
        ("# fork: true", "# plain_numbers: [4096]\n# fork: true", "4096", "must be a mapping"),
        ("# fork: true", "# plain_numbers:\n#   a: 4096\n# fork: true", "4096", "must be a list"),
        ("# fork: true", "# plain_numbers:\n#   a:\n#     - 12\n# fork: true", "12", "three or more digits"),
        ("# fork: true", "# plain_numbers:\n#   a: ['4,096']\n# fork: true", "4,096", "without separators"),
        ("# fork: true", "# plain_numbers:\n#   ' ': [4096]\n# fork: true", "4096", "an empty reason"),
        ("# fork: true", "# plain_numbers:\n#   a: [4096]\n#   b: [512, 4096]\n# fork: true", "512", "twice"),
        ("# title: A sample", "# titel: A sample", "titel", "unknown field 'titel'"),
        ("# title: A sample", "# title: [a]", "title", "title must be text"),
        ("# title: A sample", "# title: 'a", None, "Not valid YAML"),
        ("# title: A sample\n", "", "module", "lacks the field 'title'"),
        ("# fork: true", "# fork: true\n# fork: false", "fork: false", "twice"),
        ("# fork: true", "# weights: [bert]\n# fork: true", "bert", "Unknown weights 'bert'"),
        ("# fork: true", "# prerequisites: 2\n# fork: true", "prerequisites", "must be a list"),
        ("# module: 4", "module = 4", "module = 4", "not a comment"),
        ("# objectives:\n#   - predict $r$ of anything\n", "", "title", "lacks 'objectives'"),
    ],
)
def test_malformed_headers_are_refused_at_their_line(old: str, new: str, needle: str | None, message: str) -> None:
    text = source().replace(old, new)
    assert text != source()
    error = refused(text)
    assert message in error.message
    if needle:
        assert error.line == line_of(text, needle)
    assert error.line is not None


@pytest.mark.parametrize("text", ["", "x = 1\n", PARAMETERS, "# ---\n# title: A\n", "# ---\n# ---\n" + PARAMETERS])
def test_no_header(text: str) -> None:
    assert refused(text).line in (1, 2)


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"\xef\xbb\xbf" + source().encode(), "BOM", 1),
        (source().encode().replace(b"\n", b"\r\n"), "CRLF", 1),
        (source().encode().replace(b"# title: A sample\n", b"# title: A sample\r\n"), "CRLF", 2),
        (source().encode().replace(b"# module", b"# \xffmodule"), "not UTF-8", 3),
        (source().encode().replace(b"seed = 0", b"seed = '\0'"), "Invalid Python", None),
    ],
)
def test_files_that_are_not_plain_text(tmp_path: Path, data: bytes, message: str, line: int | None) -> None:
    path = tmp_path / "07_sample.py"
    path.write_bytes(data)
    with pytest.raises(CourseError) as caught:
        read(path)
    assert message in caught.value.message
    assert caught.value.line == line
    assert caught.value.hint


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="Cannot read the lesson"):
        read(tmp_path / "07_sample.py")


def test_find_sorts_by_number_and_ignores_other_files(tmp_path: Path) -> None:
    for name in ("2_b/10_later.py", "2_b/02_early.py", "1_a/07_middle.py", "1_a/helper.py", "1_a/07_middle.quiz.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in find(tmp_path)] == ["02_early.py", "07_middle.py", "10_later.py"]


def test_find_refuses_two_lessons_with_one_number(tmp_path: Path) -> None:
    for name in ("1_a/07_one.py", "2_b/07_two.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(CourseError, match=r"(?s)07_two\.py.*number 07.*07_one\.py"):
        find(tmp_path)


def test_a_file_with_cells_and_no_lesson_name_is_told(tmp_path: Path) -> None:
    for name in ("07_good.py", "7_bad.py", "07-bad.py", "helper.py"):
        (tmp_path / name).write_text("import os\n" if name == "helper.py" else "# %%\nx = 1\n")
    assert [problem.path for problem in misnamed(tmp_path)] == [tmp_path / "07-bad.py", tmp_path / "7_bad.py"]
