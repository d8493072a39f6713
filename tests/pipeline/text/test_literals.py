"""Numbers of three or more digits in prose are found; other figures of words are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.text.literals import is_literal, literals


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("It trains 9,216 parameters.", "9,216"),
        ("It trains 9216.", "9216"),
        ("(9,216)", "9,216"),
        ("only **9,216**", "9,216"),
        ("9,216-parameter adapters", "9,216"),
        ("a change of -9,216", "9,216"),
        ("9,216, of which", "9,216"),
        ("100×", "100"),
        ("a 135M model", "135"),
        ("a loss of 0.05", "0.05"),
        ("a share of 3.12 %", "3.12"),
        ("1.00 at first", "1.00"),
        ("eps is 1e-10", "1e-10"),
        ("1.05 × 10⁶", "1.05"),
        ("if a < 3 then 216 > 5", "216"),
        ("> a quote of 9,216", "9,216"),
        ("| 9,216 | table |", "9,216"),
        ("[9,216](lesson:07)", "9,216"),
        ("<b>9,216</b>", "9,216"),
        ("$9216$", "9216"),
        ("$$\\frac{9{,}216}{2}$$", "9{,}216"),
        ("$r_{128}$", "128"),
        ("9 216 of them", "9 216"),
        ('!!! note "All 9,216"', "9,216"),
        ("1990 of them", "1990"),
        ("2000, 2100 and more", "2000"),
        ("fp32 takes 512", "512"),
    ],
)
def test_typed_numbers_are_found(text: str, written: str) -> None:
    (found, *_) = literals(f"first\n\n{text}\n")
    assert (found.written, found.line) == (written, 2)


@pytest.mark.parametrize(
    "text",
    [
        "`9216` in code", "```python\nx = 9216\n```", "    x = 9216", "{{ 9216 | int }}", "<!-- 9216 -->",
        "[link](https://example.org/9216)", "[link][1]\n\n[1]: https://example.org/9216", "https://example.org/9216/x",
        "<https://example.org/9216>", '<span data-n="9216">x</span>', "&#9216;",
        "arXiv:2106.09685", "llama-9216", "Llama-3.1-70B", "v9216", "torch 1.10.2", "CVE-2026-24747",
        "doi:10.1145/361147.361115",
        "read 2026-11", "on 2026-11-30", "in October 2024", "(2024)", "(Kaplan and others, 2020, [x](y))", "(ICLR 2018)",
        "*A title*,\n2023, [arXiv](x)", "others, *Title*, 2024",
        "12", "16", "0.5", "2e-4", "10⁻⁸", "8-bit",
    ],
)  # fmt: skip
def test_other_figures_are_not(text: str) -> None:
    assert list(literals(text)) == []


def test_both_sides_of_a_shape_are_found() -> None:
    assert [found.written for found in literals("4096×1024, 512x256, 100-200, 1,152/768")] == [
        *("4096", "1024", "512", "256", "100", "200", "1,152", "768")
    ]


@given(st.one_of(st.integers(100, 10**12), st.decimals(0, 10**6, places=3)))
def test_any_number_of_three_digits_is_found_however_it_is_written(number: object) -> None:
    for text in (str(number), f"{number:,}", f"{number:,}".replace(",", "{,}")):
        (found,) = literals(f"It is {text}.")
        assert (found.number, found.written) == (str(number), text)
        assert is_literal(found.number)
