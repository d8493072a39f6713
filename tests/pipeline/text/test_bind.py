"""Bindings become numbers, and broken ones are found with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.text.bind import BindingProblem, Bound, bind
from course.pipeline.text.expressions import Scalar, form

VALUES: dict[str, Scalar] = {"lora.trainable": 9216, "lora.loss": 0.03125, "grid.best": "q only", "time": 12.75}


def test_bind() -> None:
    text = "r=8 trains {{ lora.trainable | int }} ({{lora.loss|pct1}}); best: {{ grid.best | text }}{{ 'a|b' | text }}"
    assert bind(text, VALUES) == "r=8 trains 9,216 (3.1 %); best: q onlya|b"


def test_a_binding_may_span_lines_and_stand_in_mathematics() -> None:
    assert bind("${{ lora.trainable\n | int }}$ and {{ 2 | int }}", VALUES) == "$9,216$ and 2"


def test_show_gets_the_exact_value_and_the_expression() -> None:
    seen: list[Bound] = []

    def show(bound: Bound) -> str:
        seen.append(bound)
        return "X"

    assert bind("{{ lora.loss * 2 | f1 }}", VALUES, show) == "X"
    assert seen == [Bound("0.1", "lora.loss * 2", 0.0625)]


@given(
    st.text(alphabet="ab \n.-", max_size=20),
    st.floats(-1e9, 1e9),
    st.sampled_from(["f0", "f3", "g3", "pct1", "x1", "sci2", "mib1", "s1"]),
    st.text(alphabet="ab \n.-", max_size=20),
)
def test_a_captured_value_prints_as_its_format(before: str, value: float, style: str, after: str) -> None:
    bound = bind(f"{before}{{{{ run.value | {style} }}}}{after}", {"run.value": value})
    assert bound == before + form(value, style) + after


@given(st.text(alphabet="ab $`\n|'\"()[]{}%", max_size=40).filter(lambda text: "{{" not in text))
def test_text_without_bindings_is_left_alone(text: str) -> None:
    assert bind(text, {}) == text


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("{{ lora.trainble | int }}", "did you mean 'lora.trainable'"),
        ("{{ lora.trainable }}", "has no format"),
        ("{{ lora.trainable | integer }}", "unknown format 'integer'"),
        ("{{ lora.trainable | }}", "unknown format ''"),
        ("{{ lora.loss | int }}", "not a whole number"),
        ("{{ grid.best | f1 }}", "needs a number"),
        ("{{ lora.loss * | f1 }}", "not an expression"),
        ("{{ | f1 }}", "not an expression"),
        ("{{ 1 / 0 | f1 }}", "division by zero"),
        ("{{ }}", "has no format"),
        ("{{}}", "not well-formed"),
        ("{{ lora.loss | f1 }", "not closed"),
        ("{{ lora.loss | f1", "not closed"),
        ("{{ it's | text }}", "not well-formed"),
        ("{{ {a} | text }}", "not well-formed"),
    ],
)
@pytest.mark.parametrize("before", ["", "one\n", "{{ lora.trainable | int }}\n\nthree `{{` \n"])
def test_broken_bindings_name_their_line(before: str, binding: str, message: str) -> None:
    with pytest.raises(BindingProblem) as caught:
        bind(f"{before}text {binding} text\nmore", VALUES)
    assert message in caught.value.message
    assert caught.value.line == before.count("\n")


@pytest.mark.parametrize("text", ["`{{`", "`{{ x }`", "```\n{{ x\n```", r"$\frac{{a}_i}{b}$", r"$$x^{{a}_i}$$"])
def test_doubled_braces_of_code_and_mathematics_are_text(text: str) -> None:
    assert bind(text, VALUES) == text


CODE = [
    "`{{ lora.loss | f1 }}`", "```jinja\n{{ messages }}\n```", "~~~\n{{ x | y }}\n~~~", "    {{ messages }}",
    "\n- one\n\n  ```\n  {{ x }}\n  ```\n",
    '!!! note "A title"\n\n    ~~~ jinja title="{{ x }}"\n    {{ x }}\n    ~~~\n',
    "`` {{ ` }} ``", "`{{ x\n}}`", "- `{{ x\n  }}`", "````\n```\n{{ x }}\n```\n````",
]  # fmt: skip


@pytest.mark.parametrize("code", CODE)
def test_code_is_whatever_markdown_makes_code(code: str) -> None:
    assert bind(f"{code}\n\nIt is {{{{ n | int }}}}.", {"n": 5}) == f"{code}\n\nIt is 5."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ n | int }}", "<5>"),
        ("**{{ n | int }}**, [{{ n | int }}](#{{ n | int }})", "**<5>**, [<5>](#5)"),
        ("${{ n | int }}$ and $$\n{{ n | int }}\n$$", "$5$ and $$\n5\n$$"),
        ('!!! note "{{ n | int }} of them"\n    {{ n | int }}', '!!! note "5 of them"\n    <5>'),
        ('??? question "{{ n | int }}?"\n\n    - {{ n | int }}', '??? question "5?"\n\n    - <5>'),
        ('a <b title="{{ n | int }}">{{ n | int }}</b>', 'a <b title="5"><5></b>'),
        ('<div id="{{ n | int }}">\n{{ n | int }}\n</div>', '<div id="5">\n<5>\n</div>'),
        ("| {{ n | int }} | `a` |\n|---|---|\n| `{{ n | int }}` | {{ n | int }} |",
         "| <5> | `a` |\n|---|---|\n| `{{ n | int }}` | <5> |"),
    ],
)  # fmt: skip
def test_elements_stand_only_where_they_fit(text: str, shown: str) -> None:
    assert bind(text, {"n": 5}, lambda bound: f"<{bound.text}>") == shown
