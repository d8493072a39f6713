"""Formulas become MathML while Markdown is converted; what cannot be shown is told with its line."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import CourseError
from course.pipeline.text import mathematics, texmath
from course.pipeline.text.texmath import Formula, Refused

FILE = Path("page.md")


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathematics, "_known", {})


def shown(tex: str, is_block: bool = False) -> Element:
    """The formula's ``<math>``, which must be well-formed and hold no TeX."""
    formula = Formula(tex, is_block)
    made = mathematics.mathml([formula])[formula]
    assert isinstance(made, str), made
    return ElementTree.fromstring(made)


def texts(root: Element, tag: str) -> list[str]:
    return ["".join(found.itertext()) for found in root.iter(tag)]


def source(tex: str) -> str:
    """The formula as HTML without the element around it."""
    formula = Formula(tex)
    return re.sub(r"</?math>", "", str(mathematics.mathml([formula])[formula]))


def fail(message: str, line: int, hint: str) -> CourseError:
    return CourseError(message, FILE, line + 1, hint)


def converted(text: str, *more: str) -> str:
    return str(markdown.markdown(text, extensions=["course.pipeline.text.mathematics", *more]))


def test_aligned_with_four_columns() -> None:
    root = shown("\\begin{aligned}\na &= b & t &< w \\\\\nc &\\le \\frac{1}{2} & t &\\ge w\n\\end{aligned}", True)
    assert [len(row) for row in root.iter("mtr")] == [4, 4]
    assert texts(root, "mtd") == ["a", "=b", "t", "<w", "c", "≤12", "t", "≥w"]
    (table,) = root.iter("mtable")
    assert table.get("displaystyle") == "true"
    sides = ["right" if "right" in cell.get("style", "") else "left" for cell in root.iter("mtd")]
    assert sides == ["right", "left"] * 4


@pytest.mark.parametrize(
    ("tex", "cells"),
    [
        (r"\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{else} \end{cases}", ["1", "ifx>0", "0", "else"]),
        (r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}", ["1", "0", "0", "1"]),
        (r"\begin{gathered} a \\ b \end{gathered}", ["a", "b"]),
    ],
)
def test_rows(tex: str, cells: list[str]) -> None:
    assert texts(shown(tex, True), "mtd") == cells


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        ("a<b>c", "a<b>c"),
        (r"\text{a < b \& c}", "a < b & c"),
        ("1,234 + 5", "1,234+5"),
        (r"\newcommand{\R}{\mathbb R} \R^n", "ℝn"),
        (r"\mathrm{model}\text{ of}", "modelof"),
        (r"\mathbf{x}^\top \mathbf W_1", "𝐱⊤𝐖1"),
        (r"\boldsymbol{x}", "𝒙"),
    ],
)
def test_what_is_shown(tex: str, text: str) -> None:
    assert "".join(shown(tex).itertext()) == text


@pytest.mark.parametrize(
    ("tex", "made"),
    [
        ("x", "<mi>x</mi>"),
        ("1,234", "<mn>1,234</mn>"),
        (r"\mathrm{in}", "<mi>in</mi>"),
        (
            "(-x)",
            '<mrow><mo stretchy="false">(</mo><mo form="prefix">−</mo><mi>x</mi><mo stretchy="false">)</mo></mrow>',
        ),
        (r"\hat m", '<mover accent="true"><mi>m</mi><mo stretchy="false">ˆ</mo></mover>'),
        (r"\overline{ab}", '<mover accent="true"><mrow><mi>a</mi><mi>b</mi></mrow><mo>‾</mo></mover>'),
        (r"\left(x\right)", "<mrow><mo>(</mo><mi>x</mi><mo>)</mo></mrow>"),
        (
            r"2\log_2 x",
            '<mrow><mn>2</mn><mspace width="0.167em"/><msub><mpadded><mi>log</mi></mpadded><mn>2</mn></msub><mo>\u2061</mo>'
            '<mspace width="0.167em"/><mi>x</mi></mrow>',
        ),
        (
            r"\operatorname{softmax}(x)",
            '<mrow><mpadded><mi>softmax</mi></mpadded><mo>\u2061</mo><mo stretchy="false">(</mo><mi>x</mi>'
            '<mo stretchy="false">)</mo></mrow>',
        ),
    ],
)
def test_elements(tex: str, made: str) -> None:
    assert source(tex) == made


@pytest.mark.parametrize(("tex", "stretchy"), [(r"\lVert x\rVert", "false"), (r"\left\lVert x\right\rVert", "true")])
def test_bars_grow_only_if_told_to(tex: str, stretchy: str) -> None:
    assert [bar.get("stretchy") for bar in shown(tex).iter("mo")] == [stretchy, stretchy]


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\foo x", r"unexpected control sequence \foo"),
        (r"\begin{aligned} a &= b \\ c &= \foo \end{aligned}", r"unexpected control sequence \foo"),
        (r"\frac{1}{", "unexpected eof"),
        ("a & b", "unexpected '&'"),
        (r"\begin{tikz}x\end{tikz}", "unexpected"),
        (r"\boxed{x}", "browsers draw no frames"),
    ],
)
def test_each_formula_is_refused_or_shown_by_itself(tex: str, reason: str) -> None:
    good, bad = Formula("x"), Formula(tex)
    made = mathematics.mathml([good, bad, good])
    assert made[good] == "<math><mi>x</mi></math>"
    assert isinstance(refused := made[bad], Refused)
    assert reason in refused.reason
    assert "expecting" not in refused.reason


PIECES = st.sampled_from([
    "x", "1", "{", "}", "_", "^", "&", "\\", "\\\\", "<", ">", '"', "$", "\\foo", "\\frac", "\\text{", "\\left(", "\\right)",
    "\\begin{cases}", "\\end{cases}", "é", "\x02", "\x1e", "</math>", "&amp;", "%", "#", " ", "\n",
])  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=12))
def test_whatever_is_written_becomes_mathml_or_is_refused(written: list[str]) -> None:
    formulas = [Formula(tex, len(tex) % 2 == 0) for tex in written]
    for made in texmath.convert(formulas):
        if isinstance(made, Refused):
            assert made.reason
        else:
            root = ElementTree.fromstring(made)
            assert root.tag == "math"
            assert not {element.tag for element in root.iter()} & {"annotation", "semantics"}


def test_the_extension_works_inside_of_everything() -> None:
    text = """# Of $a_1$

- one $a_2$

    $$
    a_3
    $$

!!! note

    $a_4$

    $$a_5 < b$$

| of | $a_6$ |
|---|---|
| x | $a_7$ |
"""
    made = converted(text, "admonition", "tables", "toc")
    assert re.findall(r"<msub><mi>a</mi><mn>(\d)", made) == list("1234567")
    assert made.count('<div class="math" tabindex="0"><math display="block">') == 2
    assert "arithmatex" not in made
    assert "$" not in made
    assert '<h1 id="of-a1">' in made


def test_code_prices_and_raw_html_are_left_alone() -> None:
    raw = r'<div class="arithmatex">\(x\)</div>'
    text = f"`$x$` costs $5 and $6, \\$x\\$\n\n    $y$\n\n{raw}"
    made = converted(text)
    assert "<math" not in made
    assert raw in made


def test_what_cannot_be_shown_stops_a_conversion() -> None:
    with pytest.raises(CourseError, match=r"The formula \$\\foo\$ cannot be shown") as caught:
        converted(r"a $\foo$")
    assert caught.value.hint


PAGE = r"""Of x and `$\code$`: $x$.

- a

    $$
    \begin{aligned}
    x &= \foo \\
    \end{aligned}
    $$

> $$
> a +
> \bar
> $$

!!! note

    $x$ and $\foo$

```
$\code$
```
Last $y \foo$.
"""


def test_problems_name_their_lines() -> None:
    found = mathematics.problems([("$ok$", fail), (PAGE, fail)])
    assert [problem.line for problem in found] == [5, 11, 18, 23]
    assert {problem.path for problem in found} == {FILE}
    assert all(problem.hint for problem in found)
    assert "unexpected control sequence \\foo" in found[0].message


@given(st.lists(st.sampled_from(["words", "x = $x$", "", "$y$ $x$", "`$x$`", "5 $"]), max_size=12))
def test_every_formula_is_found_on_its_line(rows: list[str]) -> None:
    text = "\n\n".join(rows)
    expected = [
        (tex, 2 * line)
        for line, row in enumerate(rows)
        for tex in {"x = $x$": "x", "$y$ $x$": "yx"}.get(row, "")
    ]  # fmt: skip
    assert [(formula.tex, line) for formula, line in mathematics.find(text)] == expected


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The formulas of each call of pandoc."""
    made: list[list[str]] = []
    convert = texmath.convert

    def watched(formulas: list[Formula]) -> list[str | Refused]:
        if formulas:
            made.append([formula.tex for formula in formulas])
        return convert(formulas)

    monkeypatch.setattr(texmath, "convert", watched)
    return made


def test_only_new_formulas_are_converted_all_in_one_call(calls: list[list[str]], tmp_path: Path) -> None:
    for texts, now in (("ab", ["a", "b"]), ("abc", ["c"]), ("ca", [])):
        calls.clear()
        mathematics._known.clear()  # another process
        mathematics.mathml(map(Formula, texts), Cache(tmp_path, "version"))
        assert calls == ([now] if now else [])
    mathematics.mathml([Formula("a", True)], Cache(tmp_path, "version"))
    assert calls == [["a"]]


def test_a_page_asks_the_cache_of_the_build_in_its_folder(
    calls: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder_is_there in (False, True):
        made = [converted("$a$ $b$\n\n$a$")]
        mathematics._known.clear()
        made.append(converted("$a$ $b$\n\n$a$"))
        assert made[0] == made[1]
        assert calls == ([["a", "b"]] if folder_is_there else [["a", "b"]] * 2)
        assert (tmp_path / "build").exists() is folder_is_there
        (tmp_path / "build" / "cache").mkdir(parents=True, exist_ok=True)
        mathematics._known.clear()
        calls.clear()


def test_pandoc_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texmath, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="Cannot run pandoc") as caught:
        texmath.convert([Formula("x")])
    assert "pip install" in caught.value.hint
