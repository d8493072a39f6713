"""Bindings in prose: ``{{ expression | format }}`` becomes the captured number; typed copies are found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from course.pipeline.text.expressions import ExpressionError, Scalar, evaluate, form, keys

BINDING = re.compile(r"\{\{((?:[^{}\"']|\"[^\"]*\"|'[^']*')+)\}\}")
# Where typed numbers are not prose: code, mathematics, links' targets, HTML tags, identifiers such as arXiv:2106.09685.
NOT_PROSE = re.compile(
    r"```.*?```|~~~.*?~~~|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|<!--.*?-->|</?[a-zA-Z][^<>]*>"
    r"|arXiv:\S+|https?://\S+|\{\{.*?\}\}",
    re.S,
)
# "-1,536" and "1,536-entry" count; the parts of "llama-1536", "1990-2024" and "2106.09685v2" do not.
NUMBER = re.compile(r"(?<![\w.,/])(?<!\w-)(?>\d+(?:,\d{3})*(?:\.\d+)?)(?![\w/])(?!-\d)")


_CODE = r"```.*?```|~~~.*?~~~|`[^`\n]*`"
# Code is shown as it is: templates of chat formats are full of double braces.
_CODE_OR_BINDING = re.compile(f"(?P<code>{_CODE})|{BINDING.pattern}", re.S)
# Mathematics may double its braces for other reasons.
_VERBATIM = re.compile(_CODE + r"|\$\$.*?\$\$|\$[^$\n]*\$", re.S)


@dataclass
class BindingProblem(Exception):
    """A binding that cannot be filled in, at a 0-based line of the text it is in."""

    line: int
    message: str


@dataclass(frozen=True)
class Bound:
    """A filled-in binding: the text to show, the expression, and the exact result."""

    text: str
    expression: str
    value: Scalar


def bind(text: str, values: Mapping[str, Scalar], show: Callable[[Bound], str] = lambda bound: bound.text) -> str:
    """``text`` with every binding outside code replaced by ``show`` of its result.

    Raises:
        BindingProblem: a missing key, a missing or unfitting format, or a malformed expression.
    """

    def replace(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        line = text.count("\n", 0, match.start())
        expression, bar, style = match[2].rpartition("|")
        if not bar:
            raise BindingProblem(line, f"the binding {match[0]} has no format: write {{{{ key | format }}}}")
        try:
            value = evaluate(expression, values)
            return show(Bound(form(value, style.strip()), expression.strip(), value))
        except ExpressionError as error:
            raise BindingProblem(line, str(error)) from error

    if broken := re.search(r"\{\{", BINDING.sub(_blank, _VERBATIM.sub(_blank, text))):
        line = text.count("\n", 0, broken.start())
        raise BindingProblem(line, "a binding is not closed or not well-formed: write {{ key | format }}")
    return _CODE_OR_BINDING.sub(replace, text)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def keys_used(text: str) -> set[str]:
    """All keys that the bindings in ``text`` read."""
    bindings = (match[2] for match in _CODE_OR_BINDING.finditer(text) if not match["code"])
    return set[str]().union(*(keys(binding.rpartition("|")[0] or "0") for binding in bindings))


@dataclass(frozen=True)
class TypedNumber:
    """A number typed in prose that equals a captured value."""

    line: int
    literal: str
    key: str


def typed_numbers(text: str, values: Mapping[str, Scalar], allowed: frozenset[str]) -> list[TypedNumber]:
    """Literals in prose, of three significant digits or more, that print a captured value.

    Fewer digits prove nothing: "16" equals some captured value by accident too often. ``allowed`` are literals
    (without thousands separators) that are definitions.
    """
    prose = NOT_PROSE.sub(lambda m: "\n" * m[0].count("\n"), text)
    printed = _printed(values)
    found = []
    for match in NUMBER.finditer(prose):
        literal = match[0].replace(",", "")
        if literal in printed and literal not in allowed:
            found.append(TypedNumber(prose.count("\n", 0, match.start()), match[0], printed[literal]))
    return found


def _printed(values: Mapping[str, Scalar]) -> dict[str, str]:
    """Every text of at least three significant digits that a captured number may be printed as, with its key."""
    texts: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, (str, bool)):
            continue
        forms = {str(value), *(f"{value:.{digits}f}" for digits in range(1, 5))}
        forms |= {f"{100 * value:.{digits}f}" for digits in (1, 2)}
        if float(value).is_integer():
            forms = {f"{value:.0f}"}
        elif abs(value) >= 100:
            forms.add(f"{value:.0f}")
        for text in forms:
            digits = text.lstrip("-0.").replace(".", "")
            if len(digits) >= 3 and (("." in text) or len(digits.rstrip("0")) >= 2):
                texts.setdefault(text.lstrip("-"), key)
    return texts
