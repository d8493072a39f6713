"""What of a lesson's code stands open: all but what only records, arranges what is recorded, or sets budgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import visible_code
from course.pipeline.lesson.visible_code import Piece, Size

from ..samples import lesson

TABLE = 'record.table("a.table", rows, columns=["x"], caption="Words.")'


def shown(*cells: str) -> list[str]:
    """What stands open of a lesson with these code cells, after its parameters."""
    return list(visible_code.shown(lesson(*(f"# %%\n{cell}" for cell in cells))))


@pytest.mark.parametrize(
    ("written", "open_"),
    [
        ('loss = train()\nrecord.value("a.b", loss)', ["loss = train()"]),
        (f"loss = train()\nrows = [[loss]]\n{TABLE}", ["loss = train()"]),
        ('for k in range(3):\n    f(k)\n    record.value(f"a.{k}", k)', ["for k in range(3):\n    f(k)"]),
        ('f()\nfor k in x:\n    record.value(f"a.{k}", k)', ["f()"]),
        ('f()\n\n# Why.\nrecord.value("a.b", 1)\n\ng()', ["f()\n\ng()"]),
        ("x = f(1)  # fmt: skip", ["x = f(1)"]),
        ('y = record.value("a.b", f(x))\nassert y', ['y = record.value("a.b", f(x))\nassert y']),
    ],
    ids=["recording", "a table's rows", "in a loop", "a loop of it", "its comment", "for a formatter", "read again"],
)
def test_what_only_records_is_left_out_of_a_cell_that_does_more(written: str, open_: list[str]) -> None:
    assert shown(written) == open_


@pytest.mark.parametrize(
    "written",
    [
        "rows = [[train()]]",  # it computes
        "rows = [1]\nprint(rows)",
        "rows = []\nfor x in y:\n    rows.append(g(x))\nprint(len(rows))",
        "def area(x):\n    return x * x",
        "print(1)",
    ],
)
def test_what_computes_or_is_read_elsewhere_stays_open(written: str) -> None:
    assert shown(f"f()\n{written}\n{TABLE}") == [f"f()\n{written}"]


def test_a_name_that_is_bound_anew_is_another() -> None:
    assert shown(f"f()\nrows = [1]\n{TABLE}", "rows = g()\nprint(rows)") == ["f()", "rows = g()\nprint(rows)"]
    assert shown("f()\nrows = [1]", "def late():\n    return rows", "rows = g()")[0] == "f()\nrows = [1]"


def test_a_cell_that_does_nothing_else_is_folded_whole() -> None:
    cell = f"from statistics import mean\n\nrows = [[mean(x)] for x in y]\n{TABLE}"
    assert visible_code.pieces(lesson(f"# %%\n{cell}"))[1] == (Piece(cell, is_folded=True),)
    assert visible_code.pieces(lesson("# %%\nx = 1"))[0][0].is_folded  # the parameters


def test_a_budget_is_folded_where_it_stands() -> None:
    budget = 'budget = {\n    "smoke": 1,\n}[profile]'
    made = visible_code.pieces(lesson(f"# %%\nimport torch\n\n{budget}\ntorch.f(budget)"))[1]
    assert made == (Piece("import torch", False), Piece(budget, True), Piece("torch.f(budget)", False))


def test_lines_that_stand_open_are_counted() -> None:
    solution = '# %% tags=["solution"]\nx = 3'
    assert visible_code.size(lesson("# %%\nf()\n\n\ng(1)", solution)) == Size(lines=2, width=4)


def lines(count: int) -> str:
    return "# %%\n" + "\n".join(["f()"] * count)


@pytest.mark.parametrize(
    ("count", "listed", "told"),
    [
        (60, None, None),
        (61, None, "61 lines"),
        (61, Size(61, 3), None),
        (62, Size(61, 3), "At most 61 and 3"),
        (61, Size(62, 3), "write: lines: 61, width: 3"),
        (60, Size(62, 3), "no entry at all"),
    ],
)
def test_the_list_of_what_exceeds_the_bar_only_shrinks(count: int, listed: Size | None, told: str | None) -> None:
    problem = visible_code.problem(lesson(lines(count)), listed)
    assert (problem is None) == (told is None)
    assert told is None or told in str(problem)


def test_the_list_names_lessons_that_there_are(tmp_path: Path) -> None:
    assert visible_code.allowed(tmp_path) == {}
    (tmp_path / visible_code.OVER).write_text("07_a: {lines: 61, width: 3}\n")
    with pytest.raises(CourseError, match="no lesson '07_a'"):
        visible_code.allowed(tmp_path)
    (tmp_path / "07_a.py").touch()
    assert visible_code.allowed(tmp_path) == {"07_a": Size(61, 3)}
