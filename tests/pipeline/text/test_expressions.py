"""Expressions compute what Python computes, and nothing else; formats print what the lesson format says."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.text.expressions import ExpressionError, Scalar, evaluate, form, keys

VALUES: dict[str, Scalar] = {"lora.rank": 8, "lora.loss": 0.125, "n": 4096, "name": "q only", "ok": True}
NAMES = {"lora": SimpleNamespace(rank=8, loss=0.125), "n": 4096, "name": "q only", "ok": True}
PYTHON = {**NAMES, "__builtins__": {}, "min": min, "max": max, "abs": abs, "round": round}

LEAVES = st.one_of(
    st.sampled_from(["lora.rank", "lora.loss", "n", "ok"]),
    st.integers(0, 10**6).map(str),
    st.floats(0, 1e6, allow_nan=False).map(repr),
)


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    conditions = st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner).map(" ".join)
    conditions |= st.tuples(conditions, st.sampled_from([" and ", " or "]), conditions).map("".join)
    conditions |= conditions.map("not ({})".format)
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"({t[0]}) ** {t[1]}"),
        inner.map("(-{})".format),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map("abs({})".format),
        inner.map("round({}, 2)".format),
        st.tuples(inner, conditions, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        conditions.map("({})".format),
    )


@given(st.recursive(LEAVES, _numbers, max_leaves=12))
def test_arithmetic_is_python_s(expression: str) -> None:
    try:
        expected = eval(expression, PYTHON)
    except ArithmeticError:
        expected = math.nan
    if abs(expected) < 1e300:
        found = evaluate(expression, VALUES)
        assert found == expected
        assert type(found) is type(expected)
    else:
        with pytest.raises(ExpressionError):
            evaluate(expression, VALUES)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sqrt(n)", 64.0),
        ("log2(n)", 12.0),
        ("log(exp(2))", 2.0),
        ("'yes' if ok else 'no'", "yes"),
        ("name == 'q only'", True),
        ("0 < lora.loss < 1", True),
        ("0 < lora.loss < 0.1", False),
        ("not ok or n > 1", True),
        ("  lora.rank * (576 + 576)\n", 9216),
        ("2 ** -1", 0.5),
    ],
)
def test_values(expression: str, expected: Scalar) -> None:
    assert evaluate(expression, VALUES) == expected


@pytest.mark.parametrize("expression", [
    "__import__('os').system('true')", "open('x')", "().__class__", "(1).real", "lora.rank.__class__", "[1]", "{}",
    "{1}", "lambda: 1", "[x for x in n]", "(x := 1)", "f'{n}'", "n[0]", "name[0]", "name.upper()", "eval('1')", "print",
    "...", "b'x'", "1j", "None", "min(*n)", "round(n, ndigits=1)", "await n", "1 in n", "n is n", "~n", "n // 2",
    "n << 2", "n @ n", "+n", "1; 2", "import os", "n = 1", "yield", "", "n n", "grid.8", "\0",
    "(" * 500, "-" * 20000 + "1",
])  # fmt: skip
def test_nothing_executable_passes(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, VALUES)


@given(st.text(max_size=30))
def test_any_text_is_a_scalar_or_an_expression_error(text: str) -> None:
    try:
        found = evaluate(text, VALUES)
    except ExpressionError:
        return
    assert isinstance(found, (int, float, str, bool))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lora.rnk", "no captured value has the key 'lora.rnk' (did you mean 'lora.rank'"),
        ("zebra", "no captured value has the key 'zebra'"),
        ("n / 0", "cannot compute 'n / 0': division by zero"),
        ("n < name", "cannot compute 'n < name'"),
        ("name * 3", "text has no arithmetic"),
        ("name + 'x'", "text has no arithmetic"),
        ("'%s' % n", "text has no arithmetic"),
        ("(0 - 8) ** 0.5", "root of a negative number"),
        ("sqrt(0 - 1)", "cannot compute"),
        ("exp(1000)", "cannot compute"),
        ("1e999", "not a finite number"),
        ("1e200 * 1e200", "not a finite number"),
        ("9 ** 9 ** 9 ** 9", "power is too large"),
        ("n ** 1e9", "power is too large"),
    ],
)
def test_what_cannot_be_computed_says_why(expression: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        evaluate(expression, VALUES)


def test_keys() -> None:
    assert keys("min(lora.rank, n) if ok else -lora.loss ** 2 + len_") == {"lora.rank", "n", "ok", "lora.loss", "len_"}
    with pytest.raises(ExpressionError):
        keys("a..b")


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        (1048576, "int", "1,048,576"),
        (65536.0, "int", "65,536"),
        (-1536, "int", "−1,536"),
        (0.03125, "f0", "0"),
        (0.03125, "f3", "0.031"),
        (1234.5, "f1", "1,234.5"),
        (-0.03125, "f1", "0.0"),
        (-0.03125, "f2", "−0.03"),
        (0.03125, "g3", "0.0312"),
        (1048576, "g3", "1.05 × 10⁶"),
        (0.00000123, "g3", "1.23 × 10⁻⁶"),
        (0.03125, "pct0", "3 %"),
        (0.03125, "pct1", "3.1 %"),
        (-0.03125, "pct3", "−3.125 %"),
        (32.04, "x0", "32×"),
        (32.04, "x2", "32.04×"),
        (1048576, "sci2", "1.05 × 10⁶"),
        (-0.00002, "sci0", "−2 × 10⁻⁵"),
        (1500, "kb1", "1.5 kB"),
        (1500, "kib2", "1.46 KiB"),
        (2.5e6, "mb1", "2.5 MB"),
        (2**21, "mib0", "2 MiB"),
        (13.5e9, "gb1", "13.5 GB"),
        (2**30, "gib3", "1.000 GiB"),
        (4.2e12, "tb1", "4.2 TB"),
        (3.72, "s1", "3.7 s"),
        (90, "min1", "1.5 min"),
        ("q only", "text", "q only"),
        (True, "text", "yes"),
        (False, "text", "no"),
        (4096, "text", "4096"),
    ],
)
def test_formats(value: Scalar, style: str, expected: str) -> None:
    assert form(value, style) == expected


@pytest.mark.parametrize(
    ("value", "style", "message"),
    [
        (0.5, "int", "not a whole number"),
        (0.5, "text", "choose its digits"),
        ("q", "int", "needs a number"),
        (True, "f1", "needs a number"),
        *(
            (1, style, "unknown format")
            for style in ("", "f", "integer", "int5", "F1", "f12", "pct", "kb", "{}", "f-1")
        ),
    ],
)
def test_formats_that_do_not_fit(value: Scalar, style: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        form(value, style)


STYLES = ["int", "f0", "f6", "g3", "pct2", "x1", "sci2", "kb1", "gib2", "s1", "min1"]


@given(st.floats(-1e299, 1e299) | st.integers(-(10**20), 10**20), st.sampled_from(STYLES))
def test_any_finite_number_prints_without_ascii_minus_or_exponent(number: float, style: str) -> None:
    try:
        text = form(number, style)
    except ExpressionError:
        assert style == "int"
        return
    assert "-" not in text
    assert not re.search(r"\de|inf|nan", text)
    assert (text[0] == "−") == (number < 0 and bool(re.search("[1-9]", text.split(" × ")[0])))
