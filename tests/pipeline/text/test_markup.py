"""Fragments of HTML: mathematics without scripts, tables, numbers, fences."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.text.markup import fence, inline_html, number, table, to_html


def test_mathematics_becomes_mathml() -> None:
    made = to_html("Of $r(d_1 < d_2)$:\n\n$$\n\\frac{1}{2}\n$$\n")
    assert made.count("<math") == 2
    assert made.count('display="block"') == 1
    assert "<mo>&lt;</mo>" in made
    assert '<div class="math" tabindex="0"><math' in made
    assert "arithmatex" not in made
    assert "<mfrac>" in made
    ElementTree.fromstring(f"<root>{made}</root>")


def test_a_formula_that_cannot_be_shown_is_quoted() -> None:
    with pytest.raises(CourseError, match=r"The formula \$\\frac\{1\}\{\$ cannot be shown: unexpected") as caught:
        to_html(r"$\frac{1}{$")
    assert caught.value.hint


def test_inline_html() -> None:
    assert inline_html("a **b** `c`") == "a <strong>b</strong> <code>c</code>"
    two = inline_html("a\n\nb")
    ElementTree.fromstring(f"<root>{two}</root>")
    assert two.count("<p>") == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "yes"),
        (False, "no"),
        (1048576, "1,048,576"),
        (-1536, "−1,536"),
        (2048.0, "2,048"),
        (1234.5, "1,234"),
        (0.03125, "0.03125"),
        (0.123456, "0.1235"),
        (-0.5, "−0.5"),
        (0.0, "0"),
        (0.000123, "1.23 × 10⁻⁴"),
        (-0.000123, "−1.23 × 10⁻⁴"),
        ("q-only", "q-only"),
        (-0.0, "0"),
    ],
)
def test_number(value: object, expected: str) -> None:
    assert number(value) == expected


@given(st.floats(-1e15, 1e15) | st.integers())
def test_numbers_have_a_real_minus_and_no_exponent_in_ascii(value: float) -> None:
    text = number(value)
    assert "-" not in text
    assert not re.search(r"\de", text)


def test_table() -> None:
    made = table(["<name>", "loss"], [["a & b", 0.5], ["c", 1536]], "A <em>caption</em>")
    root = ElementTree.fromstring(made)
    assert [cell.text for cell in root.iter("th")] == ["<name>", "loss"]
    assert [cell.text for cell in root.iter("td")] == ["a & b", "0.5", "c", "1,536"]
    assert [cell.get("class") for cell in root.iter("td")] == [None, "number", None, "number"]
    assert all(cell.get("scope") == "col" for cell in root.iter("th"))
    assert "".join(root.find("caption").itertext()) == "A caption"  # type: ignore[union-attr]  # None fails the test


def test_an_empty_table() -> None:
    assert ElementTree.fromstring(table(["a"], [], "None.")).find("tbody") is not None


@given(st.lists(st.sampled_from(["`", "``", "```", "````", "~~~", "x", "\n"]), max_size=8).map("".join))
def test_a_fence_is_longer_than_any_in_it(source: str) -> None:
    first, *inside, last = fence(source, "python").split("\n")
    assert first == f"{last}python"
    assert len(last) >= 3
    assert "\n".join(inside) == source
    assert last not in source
