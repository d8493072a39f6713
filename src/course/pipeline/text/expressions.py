"""Expressions over captured values, and the formats that turn results into text.

The language is the arithmetic part of Python: keys such as ``lora.trainable``, numbers, quoted text, ``+ - * / ** %``,
comparisons, ``and or not``, ``a if test else b`` and a few functions. It is parsed with :mod:`ast` and never executed.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from course.pipeline.base import syntax

Scalar = int | float | str | bool
LARGEST = 1e300
"""No result is as large as this. It leaves room for the factors that formats multiply by."""

_OPERATORS: dict[type[ast.AST], Callable[..., Scalar]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.USub: operator.neg, ast.Not: operator.not_,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Scalar]] = {
    "min": min, "max": max, "abs": abs, "round": round, "sqrt": math.sqrt,
    "log": math.log, "log2": math.log2, "exp": math.exp,
}  # fmt: skip


class ExpressionError(ValueError):
    """An expression or format that cannot be used; the message says why."""


def keys(expression: str) -> set[str]:
    """The keys an expression reads."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.Name, ast.Attribute)):
            found.add(_dotted(node))
        elif isinstance(node, ast.Call):
            for argument in node.args:
                visit(argument)
        else:
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(_parse(expression))
    return found


class _Outline(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("…") if isinstance(node.value, str) else node


def outline(expression: str) -> str:
    """``expression`` with ``'…'`` for every text that it quotes."""
    return ast.unparse(_Outline().visit(_parse(expression)))


def evaluate(expression: str, values: Mapping[str, Scalar]) -> Scalar:
    """The value of ``expression``.

    Raises:
        ExpressionError: bad syntax, an unknown key or function, division by zero, or mismatched types.
    """
    try:
        result = _evaluate(_parse(expression).body, values)
        if isinstance(result, (int, float)) and not abs(result) < LARGEST:
            raise OverflowError("the result is not a finite number")
        return result
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"cannot compute '{expression.strip()}': {error}") from error


def _parse(expression: str) -> ast.Expression:
    try:
        return syntax.parse_expression(expression.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deeply
        raise ExpressionError(f"'{expression.strip()}' is not an expression") from error


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ExpressionError(f"'{ast.unparse(node)}' is not a key")


def _evaluate(node: ast.AST, values: Mapping[str, Scalar]) -> Scalar:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            return constant
        case ast.Name() | ast.Attribute():
            key = _dotted(node)
            if key not in values:
                raise ExpressionError(f"no captured value has the key '{key}'{_suggest(key, values)}")
            return values[key]
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            return _compute(op, _evaluate(left, values), _evaluate(right, values))
        case ast.UnaryOp(op, operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(operand, values))
        case ast.BoolOp(op, operands):
            results = (_evaluate(operand, values) for operand in operands)
            return all(results) if isinstance(op, ast.And) else any(results)
        case ast.Compare(left, ops, comparators) if all(type(op) in _OPERATORS for op in ops):
            sides = [_evaluate(side, values) for side in (left, *comparators)]
            return all(_OPERATORS[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.IfExp(test, body, orelse):
            return _evaluate(body if _evaluate(test, values) else orelse, values)
        case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_evaluate(argument, values) for argument in arguments))
    raise ExpressionError(f"'{ast.unparse(node)}' is not allowed in an expression")


def _compute(op: ast.operator, left: Scalar, right: Scalar) -> Scalar:
    """``left op right`` for numbers. Text has no arithmetic, and nothing here can take minutes or all memory."""
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError("text has no arithmetic")
    if isinstance(op, ast.Pow) and abs(right) * math.log2(abs(left) or 1) > math.log2(LARGEST):
        raise OverflowError("the power is too large")
    result = _OPERATORS[type(op)](left, right)
    if isinstance(result, complex):
        raise ValueError("a root of a negative number")
    return result


def _suggest(key: str, values: Mapping[str, Scalar]) -> str:
    import difflib

    near = difflib.get_close_matches(key, values, n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(n) for n in near)}?)" if near else ""


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {
    "kb": (1e3, "kB"), "mb": (1e6, "MB"), "gb": (1e9, "GB"), "tb": (1e12, "TB"),
    "kib": (2**10, "KiB"), "mib": (2**20, "MiB"), "gib": (2**30, "GiB"),
}  # fmt: skip


def form(value: Scalar, style: str) -> str:
    """``value`` as text in a format of docs/contribute/lesson-format.md.

    Raises:
        ExpressionError: an unknown format, or one that does not fit the value.
    """
    if style == "text":
        if isinstance(value, float):
            raise ExpressionError("format 'text' does not fit a number with decimals: choose its digits")
        return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if isinstance(value, (str, bool)):
        raise ExpressionError(f"format '{style}' needs a number, not {value!r}")
    match = re.fullmatch(r"([a-z]+?)(\d?)", style)
    name, digits = (match[1], int(match[2] or 0)) if match else ("", 0)
    if style == "int":
        if abs(value - round(value)) > 1e-6 * max(1.0, abs(value)):
            raise ExpressionError(f"format 'int' does not fit {value}: it is not a whole number")
        return _minus(f"{round(value):,}")
    if match and match[2]:
        if name in _UNITS:
            factor, unit = _UNITS[name]
            return _minus(f"{value / factor:,.{digits}f} {unit}")
        if name == "f":
            return _minus(f"{value:,.{digits}f}")
        if name == "g":
            mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
            return _minus(mantissa + (_power(exponent) if e else ""))
        if name == "pct":
            return _minus(f"{100 * value:,.{digits}f} %")
        if name == "x":
            return _minus(f"{value:,.{digits}f}×")
        if name == "s":
            return _minus(f"{value:,.{digits}f} s")
        if name == "min":
            return _minus(f"{value / 60:,.{digits}f} min")
        if name == "sci":
            mantissa, exponent = f"{value:.{digits}e}".split("e")
            return _minus(mantissa) + _power(exponent)
    raise ExpressionError(f"unknown format '{style}'")


def _power(exponent: str) -> str:
    return f" × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _minus(text: str) -> str:
    """A real minus sign, and no negative zero."""
    if re.fullmatch(r"-0(\.0+)?\D*", text):
        text = text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text
