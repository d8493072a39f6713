"""All lessons with their captures, quizzes and claims: what pages, downloads and checks are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from course.pipeline import capture, claims, fingerprint, plain, quiz
from course.pipeline.bind import BindingProblem, bind, typed_numbers
from course.pipeline.capture import Capture
from course.pipeline.errors import CourseError
from course.pipeline.lesson import Lesson, find, read

LESSONS = Path("src/course/lessons")


@dataclass(frozen=True)
class Bundle:
    """One lesson with everything its page needs.

    ``registered`` maps the index of a cell of claims to these; ``capture`` is ``None`` until the lesson has run.
    """

    lesson: Lesson
    questions: tuple[quiz.Question, ...]
    registered: Mapping[int, tuple[claims.Claim, ...]]
    inputs: dict[str, str]
    capture: Capture | None

    @property
    def fingerprint(self) -> str:
        return fingerprint.fingerprint(self.inputs)

    @property
    def is_current(self) -> bool:
        """Whether the capture was made from exactly these inputs."""
        return self.capture is not None and self.capture.provenance.fingerprint == self.fingerprint

    def changes(self, made: Capture) -> list[str]:
        """The inputs that differ from those ``made`` was made from: ``code``, ``library torch (2.12.0 → 2.13.0)``, …"""
        before, now = made.provenance.inputs, self.inputs
        told = []
        for name in sorted(before.keys() | now.keys()):
            old, new = before.get(name), now.get(name)
            if old is None or new is None:
                told.append(f"{name} ({'new' if old is None else 'gone'})")
            elif old != new:
                told.append(f"{name} ({old} → {new})" if name.startswith("library") else name)
        return told

    @cached_property
    def captured(self) -> Capture:
        """The capture.

        Raises:
            CourseError: the lesson has not run.
        """
        if self.capture is None:
            hint = f"Run it: course run {self.lesson.label}"
            raise self.lesson.error("The lesson has no captured results.", hint=hint)
        return self.capture

    @cached_property
    def asked(self) -> tuple[quiz.Asked, ...]:
        """The quiz with numbers filled in."""
        return tuple(quiz.ask(question, self.captured.values) for question in self.questions)

    @cached_property
    def claims(self) -> dict[int, tuple[claims.Decided, ...]]:
        """The claims this lesson registers, with verdicts, by the index of their cell."""
        return {
            place: tuple(claims.decide(claim, self.captured.values, self.lesson) for claim in registered)
            for place, registered in self.registered.items()
        }

    def problems(self) -> list[CourseError]:
        """Everything wrong with bindings, captions, quiz, claims and typed numbers, each with file and line."""
        found: list[CourseError] = []
        if self.capture is None:
            return found
        values, lesson = self.capture.values, self.lesson
        hint = f"Run it: course run {lesson.label}"
        if len(self.capture.outputs) != len(lesson.code_cells):  # nothing below could tell which cell made what
            return [lesson.error("The captured results are of a version with other code cells.", hint=hint)]
        if lesson.is_plain:  # its prose binds nothing
            return found
        for cell in lesson.cells:
            if cell.is_code or "claims" in cell.tags:
                continue
            try:
                bind(cell.source, values)
            except BindingProblem as problem:
                found.append(lesson.error(_sentence(problem.message), cell.line + problem.line))
            found += [
                lesson.error(
                    f"The prose types {number.literal}, which the captured value {number.key!r} equals.",
                    cell.line + number.line,
                    f"Bind it: {{{{ {number.key} | … }}}}; or list it under plain_numbers if it is a definition.",
                )
                for number in typed_numbers(cell.source, values, lesson.header.plain_numbers)
            ]
        for item in [*self.capture.of_type("figure"), *self.capture.of_type("table")]:
            caption = item.data["figure"]["caption"] if "figure" in item.data else item.data["caption"]
            try:
                bind(caption, values)
            except BindingProblem as problem:
                line = lesson.code_cells[item.cell].line
                found.append(lesson.error(f"Caption of {item.key!r}: {problem.message}.", line))
        for check in (lambda: self.asked, lambda: self.claims):
            try:
                check()
            except CourseError as error:
                found.append(error)
        return found


def _sentence(message: str) -> str:
    return message[0].upper() + message[1:] + "."


def load(folder: Path = LESSONS, captures: Path = capture.ROOT, profile: str = "laptop") -> list[Bundle]:
    """All lessons below ``folder`` with the captures of ``profile``.

    Raises:
        CourseError: the first malformed lesson or quiz.
    """
    bundles = []
    root = folder if plain.is_plain(folder) else None
    for path in plain.find(folder) if root else find(folder):
        lesson = read(path, root)
        found = capture.load(capture.path_of(captures, lesson.slug, profile))
        questions = () if lesson.is_plain else quiz.read(lesson.quiz_path)
        inputs = fingerprint.inputs(lesson, profile)
        bundles.append(Bundle(lesson, questions, claims.read(lesson), inputs, found))
    quiz.unique([question for bundle in bundles for question in bundle.questions])
    _unique_claims(bundles)
    return bundles


def _unique_claims(bundles: Sequence[Bundle]) -> None:
    seen: dict[int, Bundle] = {}
    for bundle in bundles:
        for claim in (claim for registered in bundle.registered.values() for claim in registered):
            if first := seen.get(claim.number):
                message = f"Claim {claim.number} is already registered by {first.lesson.slug}."
                raise bundle.lesson.error(message, claim.line, "Give each claim its number in the ledger.")
            seen[claim.number] = bundle
