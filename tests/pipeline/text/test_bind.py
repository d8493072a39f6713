"""Bindings become numbers, broken ones are found with their line, and typed copies of captured numbers are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.text.bind import BindingProblem, Bound, bind, keys_used, typed_numbers
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


def test_keys_used() -> None:
    assert keys_used("{{ lora.loss * time | f1 }} and {{ grid.best | text }}") == {"lora.loss", "time", "grid.best"}


FLAGGED = [
    "It trains 9,216 parameters.",
    "It trains 9216.",
    "(9,216)",
    "only **9,216**",
    "9,216-parameter adapters",
    "a change of -9,216",
    "9,216, of which",
    "9216×",
    "a loss of 0.0312",
    "exactly 0.03125",
    "a share of 3.12 %",
    "after 12.75 s",
    "after 12.8 s",
    "if a < 3 then 9,216 > 5",
    "> a quote of 9,216",
    "| 9,216 | table |",
    "[9,216](lesson:07)",
]


@pytest.mark.parametrize("text", FLAGGED)
def test_typed_copies_of_captured_numbers_are_found(text: str) -> None:
    values = {**VALUES, "share": 0.0312}
    found = typed_numbers(f"first\n\n{text}\n", values, frozenset())
    assert [number.line for number in found] == [2]
    assert found[0].literal in text
    assert not found[0].literal.endswith((",", "."))


@pytest.mark.parametrize(
    "text",
    [
        "`9216` in code",
        "```python\nx = 9216\n```",
        "$9216$",
        "$$\n9216\n$$",
        "{{ 9216 | int }}",
        "[link](https://example.org/9216)",
        "https://example.org/9216/x",
        "arXiv:9216.0312",
        '<span data-n="9216">x</span>',
        "<!-- 9216 -->",
        "llama-9216",
        "v9216",
        "9216b",
        "19,216",
        "9,2160",
        "9216.5",
        "0.9216",
        "1990-9216",
        "9216-9217",
        "9217",
        "0.03",
        "0.031",
        "12",
        "16",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert typed_numbers(text, VALUES, frozenset()) == []


def test_definitions_are_allowed() -> None:
    assert typed_numbers("9,216 and 12.75", VALUES, frozenset({"9216"})) != []
    assert typed_numbers("9,216 and 12.75", VALUES, frozenset({"9216", "12.75"})) == []


@pytest.mark.parametrize(
    ("value", "text"), [(16, "16"), (100, "100"), (1000, "1,000"), (0.5, "0.5"), (True, "1"), ("576", "576")]
)
def test_few_significant_digits_prove_nothing(value: Scalar, text: str) -> None:
    assert typed_numbers(text, {"key": value}, frozenset()) == []


@given(st.integers(101, 10**9).filter(lambda n: len(str(n).rstrip("0")) >= 2))
def test_any_whole_number_is_found_however_it_is_written(number: int) -> None:
    for text in (str(number), f"{number:,}"):
        (found,) = typed_numbers(f"It is {text}.", {"key": number}, frozenset())
        assert (found.key, found.literal) == ("key", text)


@pytest.mark.parametrize("code", ["`{{ lora.loss | f1 }}`", "```jinja\n{{ messages }}\n```", "~~~\n{{ x | y }}\n~~~"])
def test_code_is_shown_as_it_is(code: str) -> None:
    assert bind(f"{code} {{{{ n | int }}}}", {"n": 5}) == f"{code} 5"
    assert keys_used(code) == set()
