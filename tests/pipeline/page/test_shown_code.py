"""Code that shows what it records: the same computation, without ``record``."""

from __future__ import annotations

import ast
import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import record
from course.pipeline.page.shown_code import functions, shown, with_profile_argument

FIGURE = """\
record.figure("a.plot", record.Figure(
    kind="line", series=[record.Series("s", [1, 2], [0.5, 0.25])],
    x_label="x", y_label="y", caption="A caption.", alt="Falls."))"""


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('record.value("a.b", x + 1, kind="band")  # why', 'print("a.b", x + 1)  # why'),
        ('y = record.value("a.b", f(x))', 'y = f(x)\nprint("a.b", y)'),
        ("if x:\n    y = record.value('a.b', x)  # why", "if x:\n    y = x\n    print('a.b', y)  # why"),
        ('y[0] = record.value("a.b", f(x))', "y[0] = f(x)"),
        ('y = 2 * record.value("a.b", x + 1)', "y = 2 * (x + 1)"),
        (
            'record.values(f"a.{k}", {"x": 1,\n                        "y": 2})',
            'print(f"a.{k}", {"x": 1,\n                "y": 2})',
        ),
        ('record.table("t", rows, ["a", "b"], caption="Words.")', 'show_table(rows, ["a", "b"])'),
        (
            'record.table("t", rows, columns=["é"], kind="band",\n    caption="Words.")',
            'show_table(rows, columns=["é"])',
        ),
        ('record.curve("c", x, y)\nz = 1', "z = 1"),
        ("for x in y:\n    record.curve('c', x, y)", "for x in y:\n    pass"),
        ('record.table(*given)\nrecord.value("é.b", x)', 'record.table(*given)\nprint("é.b", x)'),
        ("x = 1  # record.value('a', 1)", "x = 1  # record.value('a', 1)"),
        (FIGURE, 'show_figure(series=[Series("s", [1, 2], [0.5, 0.25])], x_label="x", y_label="y")'),
    ],
)
def test_a_call_becomes_what_shows_its_values(written: str, wanted: str) -> None:
    assert shown([written]) == [wanted]


def test_the_import_is_of_what_is_still_used() -> None:
    imports = "from course import record, schedules"
    assert shown([imports, 'record.value("a", 1)'])[0] == "from course import schedules"
    assert shown([imports, FIGURE])[0] == "from course import schedules\nfrom course.figures import Series"
    assert shown([imports, "record.table(*given)"])[0] == imports
    assert shown(["from course import record", 'record.value("a", 1)'])[0] == ""


def output(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {"record": record})
    return out.getvalue()


def test_tables_are_printed_as_they_were() -> None:
    code = 'record.table("t", [["é", 1.5, 3], ["long name", 1e-9, True]], columns=["a", "b", "c"], caption="")'
    made = shown([code])
    assert output(f"{functions(made)}\n{made[0]}") == output(code) != ""


def test_figures_print_their_points() -> None:
    made = shown(["from course import record", FIGURE])
    assert output("\n".join([functions(made), *made])) == "y, by x:\n  s: (1, 0.5) (2, 0.25)\n"
    assert functions(["x = 1"]) == ""


NAMES = st.sampled_from(["a", "b"])
EXPRESSIONS = st.recursive(
    st.one_of(NAMES, st.integers(0, 9).map(str), st.just("'é'")),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}, {pair[1]})[1]"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} if {pair[1]} else 7)"),
        inner.map(lambda text: f'record.value("k.v", {text})'),
        inner.map(lambda text: f"[{text}][0]"),
    ),
    max_leaves=6,
)
STATEMENTS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    EXPRESSIONS.map(lambda text: f"print({text})"),
    EXPRESSIONS.map(lambda text: f"if a:\n    record.curve('c', [1], [2])\n    b = {text}  # é"),
)


@given(st.lists(STATEMENTS, min_size=1))
def test_the_same_is_computed_and_printed(statements: list[str]) -> None:
    code = "a, b = 1, 2\n" + "\n".join(statements) + "\nprint(a, b)"
    (made,) = shown([code])
    assert "record" not in {node.id for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Name)}
    printed = [line for line in output(made).split("\n") if not line.startswith("k.v ")]
    assert "\n".join(printed) == output(code)


def test_the_command_line_chooses_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = with_profile_argument('profile = "laptop"  # "smoke": seconds\nseed = 0', "Lesson 07: it's")
    assert '# "smoke": seconds\n' in cell
    for given_, wanted in (
        (["x.py"], "laptop"),
        (["x.py", "--profile", "smoke"], "smoke"),
        (["x.py", "-f", "k.json"], "laptop"),
    ):
        monkeypatch.setattr("sys.argv", given_)
        assert output(f"{cell}\nprint(profile, seed)") == f"{wanted} 0\n"
    assert with_profile_argument("seed = 0", "") == "seed = 0"
