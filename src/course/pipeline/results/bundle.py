"""All lessons with their captures, quizzes and claims: what pages, downloads and checks are made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from course.pipeline.base import cache, paths
from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import CourseError, Fail
from course.pipeline.base.hashes import digest, library_code
from course.pipeline.base.paths import LESSONS
from course.pipeline.base.status import files, installed
from course.pipeline.lesson import plain_format
from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.model import DATA, Lesson
from course.pipeline.lesson.read import read
from course.pipeline.results import capture, claims, fingerprint, leaks, placing, predict, quiz, standard, typed
from course.pipeline.results.anchors import anchors
from course.pipeline.results.capture import Capture, Chart, Provenance, Table
from course.pipeline.results.material import Material
from course.pipeline.text import mathematics
from course.pipeline.text.bind import BindingProblem, bind

T = TypeVar("T")


@dataclass(frozen=True)
class _Parsed:
    """What a lesson's source and quiz say."""

    lesson: Lesson
    questions: tuple[quiz.Question, ...]
    registered: dict[int, tuple[claims.Claim, ...]]
    predictions: dict[int, predict.Prediction]


@dataclass(frozen=True)
class _Inputs:
    """A lesson's inputs, and the files beside it that they come from, with their hashes."""

    inputs: dict[str, str]
    beside: dict[str, str]


@dataclass(frozen=True)
class Results:
    """What a lesson recorded. Where it comes from is at hand; the rest is read when it is asked for, which is rarely.

    Attributes:
        edited: whether the file was changed after the run.
        hash: the file's.
        read: reads the file.
    """

    provenance: Provenance
    edited: bool
    hash: str
    read: Callable[[], Capture]

    @classmethod
    def of(cls, made: Capture) -> Results:
        """The results that a run has just given."""
        hash = hashlib.sha256(capture.dumps(made).encode()).hexdigest()
        return cls(made.provenance, made.edited, hash, lambda: made)

    @cached_property
    def capture(self) -> Capture:
        return self.read()


@dataclass(frozen=True)
class Bundle:
    """One lesson with everything its page needs.

    Attributes:
        registered: the index of a cell of claims → these.
        predictions: the index of a cell that asks for a prediction → this.
        results: ``None`` until the lesson has run.
        source: a hash of the lesson's source and quiz.
        cache: where results that depend on the bundle alone are kept; ``None`` computes them each time.
    """

    lesson: Lesson
    questions: tuple[quiz.Question, ...]
    registered: Mapping[int, tuple[claims.Claim, ...]]
    inputs: dict[str, str]
    results: Results | None
    source: str = ""
    cache: Cache | None = None
    predictions: Mapping[int, predict.Prediction] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """A hash of all that the lesson's page shows: source, quiz and capture."""
        return digest(self.lesson.slug, self.source, self.results.hash if self.results else "")

    def recall(self, kind: str, more: str, make: Callable[[], T], type: type[T]) -> T:
        """The result of ``make``, which depends on nothing but this bundle and ``more``; made anew only if needed."""
        return self.cache.recall(kind, digest(self.key, more), make, type) if self.cache else make()

    @property
    def fingerprint(self) -> str:
        return fingerprint.fingerprint(self.inputs)

    @property
    def is_current(self) -> bool:
        """Whether the results are those of a run with exactly these inputs."""
        found = self.results
        return found is not None and not found.edited and found.provenance.fingerprint == self.fingerprint

    def changes(self, made: Provenance) -> list[str]:
        """The inputs that differ from those of the run ``made``: ``code``, ``library torch (2.12.0 → 2.13.0)``, …"""
        before, now = made.inputs, self.inputs
        told = []
        for name in sorted(before.keys() | now.keys()):
            old, new = before.get(name), now.get(name)
            if old is None or new is None:
                told.append(f"{name} ({'new' if old is None else 'gone'})")
            elif old != new:
                told.append(f"{name} ({old} → {new})" if name.startswith("library") else name)
        return told

    @property
    def captured(self) -> Capture:
        """The capture.

        Raises:
            CourseError: the lesson has not run.
        """
        return self._results.capture

    @property
    def run(self) -> Provenance:
        """Where the results come from.

        Raises:
            CourseError: the lesson has not run.
        """
        return self._results.provenance

    @property
    def _results(self) -> Results:
        if self.results is None:
            hint = f"Run it: course run {self.lesson.label}"
            raise self.lesson.error("The lesson has no captured results.", hint=hint)
        return self.results

    @cached_property
    def asked(self) -> tuple[quiz.Asked, ...]:
        """The quiz with numbers filled in."""
        return tuple(quiz.ask(question, self.captured.values) for question in self.questions)

    @cached_property
    def predicted(self) -> dict[int, predict.Asked]:
        """The predictions asked for, with what the run gave, by the index of their cell."""
        return {
            place: predict.ask(prediction, self.captured, self.lesson) for place, prediction in self.predictions.items()
        }

    @cached_property
    def claims(self) -> dict[int, tuple[claims.Decided, ...]]:
        """The claims this lesson registers, with verdicts, by the index of their cell."""
        return {
            place: tuple(claims.decide(claim, self.captured.values, self.lesson) for claim in registered)
            for place, registered in self.registered.items()
        }

    def problems(self) -> list[CourseError]:
        """Everything wrong with bindings, formulas, captions, quiz, claims and typed numbers, each with file and line."""
        if self.results is None or (self.cache and self.cache.get("in order", self.key, bool)):
            return []
        if self.results.edited:
            hint = f"Run it again, which records what it finds: course run {self.lesson.label}"
            return [
                self.lesson.error("The captured results were edited: they are not what its run recorded.", hint=hint)
            ]
        found = self._problems(self.captured)
        if self.cache and not found:
            self.cache.put("in order", self.key, True)
        return found

    def _problems(self, capture: Capture) -> list[CourseError]:
        found: list[CourseError] = []
        texts: list[tuple[str, Fail]] = []  # Markdown with its bindings filled in
        values, lesson = capture.values, self.lesson
        if len(capture.outputs) != len(lesson.code_cells):  # nothing below could tell which cell made what
            hint = f"Run it: course run {lesson.label}"
            return [lesson.error("The captured results are of a version with other code cells.", hint=hint)]
        if lesson.is_plain:  # its prose binds nothing
            return found
        for cell in lesson.cells:
            if cell.is_code or cell.tags & DATA:
                continue
            try:
                texts.append((bind(cell.source, values), _at(lesson, cell.line)))
            except BindingProblem as problem:
                found.append(lesson.error(_sentence(problem.message), cell.line + problem.line))
        captioned: list[Chart | Table] = [*capture.of_type(Chart), *capture.of_type(Table)]
        for item in captioned:
            line = lesson.code_cells[item.cell].line
            try:
                texts.append((bind(item.caption, values), _on(lesson, line)))
            except BindingProblem as problem:
                found.append(lesson.error(f"Caption of {item.key!r}: {problem.message}.", line))
        found += typed.problems(lesson, self.questions, self.registered, self.predictions, capture)
        material = Material(lesson, self.questions, self.registered, self.predictions, capture)
        found += standard.problems(material)
        for more in (self._of_header, self._of_quiz, self._of_claims, self._of_predictions):
            try:
                texts += more()
            except CourseError as error:
                found.append(error)
        if formulas := mathematics.problems(texts, self.cache):
            return found + formulas  # in headings they would keep the anchors from being known
        found += quiz.unlinked(self.questions, anchors(lesson))
        # No lesson is excused from this. It reads what is bound, once all of that can be computed.
        return found or list(leaks.problems(material))

    def _of_header(self) -> Iterator[tuple[str, Fail]]:
        header = self.lesson.header
        return ((text, _on(self.lesson, 1)) for text in (header.summary, *header.objectives))

    def _of_quiz(self) -> Iterator[tuple[str, Fail]]:
        placing.place(self.lesson, self.questions)
        for question, asked in zip(self.questions, self.asked, strict=True):
            for text in (asked.ask, asked.why, asked.hint, *(part for o in asked.options for part in (o.text, o.why))):
                yield text, _in(question)

    def _of_claims(self) -> Iterator[tuple[str, Fail]]:
        for decided in (decided for cell in self.claims.values() for decided in cell):
            for text in (decided.claim.text, decided.claim.source, decided.found, decided.condition, decided.note):
                yield text, _on(self.lesson, decided.claim.line)

    def _of_predictions(self) -> Iterator[tuple[str, Fail]]:
        for place, asked in self.predicted.items():
            for text in (asked.ask, *asked.choices):
                yield text, _on(self.lesson, self.predictions[place].line)


def _in(question: quiz.Question) -> Fail:
    return lambda message, _, hint: replace(question.error(message), hint=hint)


def _at(lesson: Lesson, first: int) -> Fail:
    """Makes errors of a text that begins at the line ``first``."""
    return lambda message, line, hint: lesson.error(message, first + line, hint)


def _on(lesson: Lesson, line: int) -> Fail:
    """Makes errors of a text whose lines are not those of the file: they name ``line``."""
    return lambda message, _, hint: lesson.error(message, line, hint)


def _sentence(message: str) -> str:
    return message[0].upper() + message[1:] + "."


def load_all(
    folder: Path = LESSONS, captures: Path = paths.ROOT, profile: str = "laptop", root: Path = Path()
) -> list[Bundle]:
    """All lessons below ``folder`` with the captures of ``profile``. What did not change since last time is not parsed.

    Args:
        root: the repository, which holds the cache.

    Raises:
        CourseError: the first malformed lesson or quiz.
    """
    kept = cache.opened(root.resolve())
    kept.index.renew()
    root_of_plain = folder if plain_format.is_plain(folder) else None
    surroundings = _surroundings(kept, root_of_plain)
    paths = plain_format.find(folder) if root_of_plain else find(folder)
    if root_of_plain:
        surroundings = digest(surroundings, _course(root_of_plain, kept))
    bundles = [_bundle(path, root_of_plain, captures, profile, kept, surroundings) for path in paths]
    quiz.unique([question for bundle in bundles for question in bundle.questions])
    _unique_claims(bundles)
    kept.save()
    return bundles


def _bundle(path: Path, root: Path | None, captures: Path, profile: str, kept: Cache, surroundings: str) -> Bundle:
    sources = (path, path.with_suffix(".quiz.yml"))
    source = digest(*map(kept.index.hash, sources))

    def unchanged() -> bool:
        """Whether what was parsed is what was hashed: an author may have saved meanwhile."""
        return digest(*map(kept.index.hash, sources)) == source

    def parse() -> _Parsed:
        lesson = read(path, root)
        questions = () if lesson.is_plain else quiz.read(lesson.quiz_path)
        return _Parsed(lesson, questions, claims.read(lesson), predict.read(lesson))

    parsed = _recall(kept, "source", source, parse, _Parsed, unchanged)
    # It may have been parsed from equal files elsewhere: errors name these.
    lesson = replace(parsed.lesson, path=path, root=root)
    questions = tuple(replace(question, path=lesson.quiz_path) for question in parsed.questions)
    inputs = _inputs(lesson, profile, digest(source, profile, surroundings), kept, unchanged)
    found = _results(capture.path_of(captures, lesson.slug, profile), kept)
    shown = digest(source, surroundings) if root else source  # a plain page links to what lies around it
    return Bundle(lesson, questions, parsed.registered, inputs, found, shown, kept, parsed.predictions)


def _inputs(lesson: Lesson, profile: str, key: str, kept: Cache, unchanged: Callable[[], bool]) -> dict[str, str]:
    """The lesson's inputs, from the cache if the files beside it are as they were: declared data, a plain one's modules."""
    folder = lesson.root or lesson.path.parent

    def make() -> _Inputs:
        inputs = fingerprint.inputs(lesson, profile)
        modules = [name.removeprefix("module ") for name in inputs if name.startswith("module ")] if lesson.root else []
        beside = [name for name in (*modules, *lesson.header.data) if (folder / name).is_file()]
        return _Inputs(inputs, {name: kept.index.hash(folder / name) for name in beside})

    known = kept.get("inputs", key, _Inputs)
    if known is None or any(kept.index.hash(folder / name) != hash for name, hash in known.beside.items()):
        known = make()
        if unchanged():
            kept.put("inputs", key, known)
    return dict(known.inputs)


def _course(root: Path, kept: Cache) -> str:
    """A hash of the names of all files of a plain course and of the content of those that are not Python."""
    parts = []
    for path, _ in sorted(files([str(root)])):
        parts += [os.path.relpath(path, root), "" if path.endswith(".py") else kept.index.hash(Path(path))]
    return digest(*parts)


def _recall(kept: Cache, kind: str, key: str, make: Callable[[], T], type: type[T], unchanged: Callable[[], bool]) -> T:
    known = kept.get(kind, key, type)
    if known is None:
        known = make()
        if unchanged():
            kept.put(kind, key, known)
    return known


def _surroundings(kept: Cache, root: Path | None) -> str:
    """A hash of what decides a lesson's inputs beside its own code: the library, the lock, what is installed."""
    code = library_code(paths.LIBRARY / "course")
    return digest(kept.index.of([*code, *fingerprint.locks(root)]), *installed())


def _results(path: Path, kept: Cache) -> Results | None:
    """The results in the file ``path``; ``None`` if there are none or they cannot be read: then the lesson is stale."""
    hash = kept.index.hash(path)
    if not hash:
        return None
    known = kept.get("provenance", hash, tuple[Provenance, bool])
    if known is None:
        found = capture.load(path)
        if found is None:
            return None
        known = found.provenance, found.edited
        if kept.index.hash(path) == hash:
            kept.put("provenance", hash, known)

    def read() -> Capture:
        found = capture.load(path)
        if found is None:
            raise CourseError("The capture was removed or damaged meanwhile.", path, hint="Run the command again.")
        return found

    return Results(*known, hash, read)


def _unique_claims(bundles: Sequence[Bundle]) -> None:
    seen: dict[int, Bundle] = {}
    for bundle in bundles:
        for claim in (claim for registered in bundle.registered.values() for claim in registered):
            if first := seen.get(claim.number):
                message = f"Claim {claim.number} is already registered by {first.lesson.slug}."
                raise bundle.lesson.error(message, claim.line, "Give each claim its number in the ledger.")
            seen[claim.number] = bundle
