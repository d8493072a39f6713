"""Bindings in prose: ``{{ expression | format }}`` becomes the captured number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from course.pipeline.text.expressions import ExpressionError, Scalar, evaluate, form
from course.pipeline.text.spans import blank, inside

BINDING = re.compile(r"\{\{((?:[^{}\"']|\"[^\"]*\"|'[^']*')+)\}\}")


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

    In mathematics, titles of admonitions, HTML tags and addresses, where no element fits, it is replaced by plain text.

    Raises:
        BindingProblem: a missing key, a missing or unfitting format, or a malformed expression.
    """
    if "{{" not in text:
        return text
    is_code, is_plain = inside(text, "code"), inside(text, "math", "title", "markup")

    def replace(match: re.Match[str]) -> str:
        if is_code(match.start()):
            return match[0]
        line = text.count("\n", 0, match.start())
        expression, bar, style = match[1].rpartition("|")
        if not bar:
            raise BindingProblem(line, f"the binding {match[0]} has no format: write {{{{ key | format }}}}")
        try:
            value = evaluate(expression, values)
            bound = Bound(form(value, style.strip()), expression.strip(), value)
        except ExpressionError as error:
            raise BindingProblem(line, str(error)) from error
        return bound.text if is_plain(match.start()) else show(bound)

    # Mathematics may double its braces for other reasons.
    if broken := re.search(r"\{\{", BINDING.sub(_spaces, blank(text, "code", "math"))):
        line = text.count("\n", 0, broken.start())
        raise BindingProblem(line, "a binding is not closed or not well-formed: write {{ key | format }}")
    return BINDING.sub(replace, text)


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
