"""Knowledge checks: one YAML file a lesson, validated, with numeric answers computed from captures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.base import yamlfile
from course.pipeline.base.errors import CourseError
from course.pipeline.text.bind import BindingProblem, bind
from course.pipeline.text.expressions import ExpressionError, Scalar, evaluate

QUESTIONS = 5
LONGEST_SHARE = 0.35
"""Share of a course's choice questions whose right option may be the longest: by chance it is a quarter to a third."""
ENOUGH = 20
"""Choice questions from which on such a share says something."""
TYPED = re.compile(r"int|[fg]\d|sci\d")  # formats that show the very number that is judged
PAGE_LINK = re.compile(r"\]\(#([^)\s]+)\)")
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # part of addresses, and of HTML as it is


@dataclass(frozen=True)
class Option:
    """One answer to choose, and why it is right or wrong."""

    text: str
    why: str
    right: bool


@dataclass(frozen=True)
class Question:
    """A question: with ``options`` a choice, else a number given by the expression ``answer``."""

    id: str
    ask: str
    path: Path
    line: int
    options: tuple[Option, ...] = ()
    answer: str = ""
    tolerance: float = 0.0
    format: str = ""
    unit: str = ""
    why: str = ""
    hint: str = ""

    @property
    def is_choice(self) -> bool:
        return bool(self.options)

    def error(self, message: str) -> CourseError:
        return CourseError(f"Question {self.id!r}: {message}", self.path, self.line)


@dataclass(frozen=True)
class Asked:
    """A question with its bindings filled in: what a page or a notebook shows.

    ``hash`` changes when anything a learner reads or is judged by changes.
    """

    id: str
    ask: str
    options: tuple[Option, ...]
    number: float | None
    number_text: str
    tolerance: float
    unit: str
    why: str
    hint: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def read(path: Path) -> tuple[Question, ...]:
    """Parse and validate a quiz file.

    Raises:
        CourseError: with file and line, for anything a quiz must not be.
    """
    if not path.exists():
        raise CourseError("The lesson has no quiz.", path, hint="Create this file with five questions.")
    if not path.is_file():  # to read a pipe could take forever
        raise CourseError("Cannot read the quiz: this is no file.", path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"Cannot read the quiz: {error.strerror}.", path) from error
    except UnicodeDecodeError as error:
        raise CourseError("The quiz is not UTF-8.", path, 1, "Save it as UTF-8.") from error
    root = yamlfile.parse(text, path).fields("The quiz", {"questions"})
    questions = tuple(map(_question, root.need("questions").items("questions")))
    if len(questions) != QUESTIONS:
        raise root.node.error(f"The quiz has {len(questions)} questions; it needs {QUESTIONS}.")
    unique(questions)
    return questions


def unique(questions: Sequence[Question]) -> None:
    """Raise if two questions share an id, which learners' progress is kept under."""
    seen: dict[str, Question] = {}
    for question in questions:
        if first := seen.get(question.id):
            message = f"The question id {question.id!r} is already used at {first.path.name}:{first.line}."
            raise CourseError(message, question.path, question.line, "Give it an id of its own.")
        seen[question.id] = question


def unlinked(questions: Sequence[Question], anchors: Container[str]) -> list[CourseError]:
    """A problem for each wrong option whose reason leads to no section of the page, and for each link to none.

    Args:
        anchors: the page's.
    """
    found = []
    for question in questions:
        for option in question.options:
            links = PAGE_LINK.findall(option.why)
            if not option.right and not links:
                found.append(question.error(f"The reason against {option.text!r} links to no section: (#the-section)."))
            found += [
                question.error(f"The reason of {option.text!r} links to #{link}, which is not on the page.")
                for link in links
                if link not in anchors
            ]
    return found


def given_away(questions: Sequence[Question]) -> list[CourseError]:
    """A problem if the longest option is the right one so often that a reader could go by it."""
    choices = [question for question in questions if question.is_choice]
    longest = [question for question in choices if _is_longest(question.options)]
    if len(choices) < ENOUGH or len(longest) <= LONGEST_SHARE * len(choices):
        return []
    hint = (
        "Shorten these right options, or say more in wrong ones: "
        + ", ".join(question.id for question in longest)
        + "."
    )
    message = (
        f"The right option is the longest in {len(longest)} of the course's {len(choices)} choice questions, of which this "
        f"is the first; at most {LONGEST_SHARE:.0%} may be so."
    )
    return [CourseError(message, longest[0].path, longest[0].line, hint)]


def _is_longest(options: Sequence[Option]) -> bool:
    right = max(len(option.text) for option in options if option.right)
    return all(len(option.text) < right for option in options if not option.right)


def _question(node: yamlfile.Node) -> Question:
    names = {"id", "ask", "options", "answer", "tolerance", "format", "unit", "why", "hint"}
    fields = node.fields("A question", names)
    name, asked = _text(fields, "id"), _text(fields, "ask")
    if not ID.fullmatch(name):
        raise fields.need("id").error(f"{name!r} is not an id.", "Use lower-case words joined by hyphens.")
    if "options" in fields:
        if extra := sorted(names & set(fields.found) - {"id", "ask", "options"}):
            raise node.error(f"A question with options has no {extra[0]!r}.", "Explain each option in its 'why'.")
        return Question(name, asked, node.path, node.line, options=_options(fields.need("options")))
    tolerance = fields.get("tolerance", float, 0.0)
    if not 0 <= tolerance < 1:
        raise fields.need("tolerance").error("A tolerance is a share of the answer: from 0 (exact) to below 1.")
    if not TYPED.fullmatch(style := _text(fields, "format")):
        hint = "Use int, f1, g3 or sci2. For a percentage: answer: 100 * share, and unit: %."
        raise fields.need("format").error(f"A number in format {style!r} is not what a learner would type.", hint)
    return Question(
        name,
        asked,
        node.path,
        node.line,
        answer=_text(fields, "answer"),
        tolerance=tolerance,
        format=style,
        unit=fields.get("unit", str, ""),
        why=_text(fields, "why"),
        hint=_text(fields, "hint"),
    )


def _text(fields: yamlfile.Fields, name: str) -> str:
    """A field that must say something."""
    if not (text := fields.get(name, str)).strip():
        raise fields.need(name).error(f"{fields.what}: {name} is empty.")
    return text


def _options(node: yamlfile.Node) -> tuple[Option, ...]:
    options = []
    for child in node.items("options"):
        fields = child.fields("An option", {"text", "right", "why"})
        options.append(Option(_text(fields, "text"), _text(fields, "why"), fields.get("right", bool, False)))
    if not 2 <= len(options) <= 6:
        raise node.error(f"A question needs two to six options, not {len(options)}.")
    if (right := sum(option.right for option in options)) != 1:
        raise node.error(f"Exactly one option must be right, not {right}.", "Mark it with 'right: true'.")
    if len({option.text for option in options}) != len(options):
        raise node.error("Two options have the same text.")
    return tuple(options)


def ask(question: Question, values: Mapping[str, Scalar], fill: Callable[[str], str] | None = None) -> Asked:
    """Fill in bindings and compute the numeric answer.

    Args:
        fill: fills the bindings of a text in, unless plain text is wanted.

    Raises:
        CourseError: a binding or an answer that cannot be computed.
    """
    fill = fill or (lambda text: bind(text, values))
    try:
        number = float(evaluate(question.answer, values)) if question.answer else None
        shown = f"{{{{ {question.answer} | {question.format} }}}} {question.unit}" if question.answer else ""
        return Asked(
            id=question.id,
            ask=fill(question.ask),
            options=tuple(Option(bind(o.text, values), fill(o.why), o.right) for o in question.options),
            number=number,
            number_text=fill(shown).strip(),
            tolerance=question.tolerance,
            unit=question.unit,
            why=fill(question.why),
            hint=fill(question.hint),
        )
    except BindingProblem as problem:
        raise question.error(problem.message) from problem
    except (ExpressionError, ValueError) as error:
        raise question.error(str(error)) from error
