"""The glossary: terms with a definition each, and their marks in the lessons.

``docs/glossary.yml`` is the only place where a definition stands. From it come the page of the glossary, the module of
definitions that a page's script shows beside a word, and the links that lead from the first use in a lesson to
the definition. Lessons are tagged with its terms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import groupby
from pathlib import Path

from markdown.extensions.toc import slugify

from course.pipeline.base import yamlfile
from course.pipeline.base.errors import Fail
from course.pipeline.base.hashes import digest
from course.pipeline.lesson.model import Lesson
from course.pipeline.text import markup, mathematics
from course.pipeline.text.html_pieces import pieces

FILE = "glossary.yml"
"""The definitions, relative to the folder of pages."""
PAGE = "glossary.md"
MARKER = "<!-- glossary -->"
DEFINITIONS = "assets/learn/terms.js"
"""The module of definitions, relative to the site."""

TOPICS = "<!-- topics -->"

_LESSON = re.compile(r"(\d\d)#([\w-]+)")
_UNTOUCHED = frozenset({
    "a", "button", "code", "data", "details", "form", "h1", "h2", "h3", "h4", "h5", "h6", "label", "math", "pre", "svg",
    "th",
})  # fmt: skip
"""Elements in which no term is marked: their words are code, names, signs, folded, or lead elsewhere."""
_ASKED = re.compile('(?=<h2[^>]* id="exercises")')
"""From here on a lesson asks what it has told, and should not give the answer away."""


@dataclass(frozen=True)
class Term:
    """One entry.

    Attributes:
        id: its anchor on the glossary's page.
        forms: how lessons write it. A form in lower case also stands for a capital letter at its beginning; each stands
            for its plural in "s" too.
        means: one or two sentences of Markdown.
        also: other words by which the search finds it and the section that teaches it.
        lesson: number of the lesson that teaches it, 0 if none does yet, and ``anchor`` of the section in it.
    """

    name: str
    id: str
    topic: str
    forms: tuple[str, ...]
    means: str
    lesson: int
    anchor: str
    also: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The definition without markup."""
        return re.sub(r"<[^>]*>", "", markup.inline_html(self.means)).strip()


@dataclass(frozen=True)
class Glossary:
    """All terms, topic by topic."""

    terms: tuple[Term, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.named

    @cached_property
    def named(self) -> dict[str, Term]:
        return {term.name: term for term in self.terms}

    @cached_property
    def key(self) -> str:
        """A hash of what the marks in lessons depend on; rewording a definition changes none."""
        return digest(*(f"{term.id} {term.forms}" for term in self.terms))

    def page(self, lessons: Sequence[Lesson]) -> str:
        """The entries as Markdown, under a heading for each topic, with links to those of ``lessons`` that teach them."""
        taught = {lesson.number: lesson for lesson in lessons}
        parts = []
        for topic, terms in groupby(self.terms, key=lambda term: term.topic):
            parts.append(f"## {topic}")
            for term in terms:
                parts += [f"### {term.name} {{ #{term.id} }}", term.means]
                if lesson := taught.get(term.lesson):
                    parts.append(f"{_link(lesson, f'#{term.anchor}')}\n{{ .term-lesson }}")
        return "\n\n".join(parts)

    def topics(self, lessons: Sequence[Lesson]) -> str:
        """The tags of ``lessons`` as Markdown, ordered like the glossary: what each means, which lessons are about it."""
        used = {tag for lesson in lessons for tag in lesson.header.tags}
        parts = []
        for topic, terms in groupby((term for term in self.terms if term.name in used), key=lambda term: term.topic):
            parts.append(f"## {topic}")
            for term in terms:
                about = [f"- {_link(lesson)}" for lesson in lessons if term.name in lesson.header.tags]
                parts += [f"### {term.name} {{ #{anchor(term.name)} }}", term.means, "\n".join(about)]
        return "\n\n".join(parts)

    def module(self) -> str:
        """The definitions as a JavaScript module, by id: the term and its definition as plain text."""
        entries = {term.id: [term.name, term.text] for term in self.terms}
        return f"export const TERMS = {json.dumps(entries, ensure_ascii=False, indent=0)};\n"

    def mark(self, html: str, address: str) -> str:
        """Link the first use of each term in a converted page to its definition, up to the exercises.

        Args:
            html: prose only; what must stay as it is (outputs, quizzes) is put in later.
            address: the glossary's page, relative to this one.
        """
        told, *asked = _ASKED.split(html, maxsplit=1)
        out, seen = [], set[str]()

        def link(match: re.Match[str]) -> str:
            term = self._forms[match[1]]
            if term.id in seen:
                return match[0]
            seen.add(term.id)
            return f'<a class="term" href="{address}#{term.id}">{match[0]}</a>'

        for text, rest, _ in pieces(told, _untouched):
            out += [self._pattern.sub(link, text), rest]
        return "".join([*out, *asked])

    @cached_property
    def _forms(self) -> dict[str, Term]:
        forms = {form: term for term in self.terms for form in term.forms}
        capital = {form[0].upper() + form[1:]: term for form, term in forms.items() if form.islower()}
        return {**capital, **forms}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any form, the longest first."""
        forms = "|".join(re.escape(form) for form in sorted(self._forms, key=len, reverse=True)) or "(?!)"
        return re.compile(rf"(?<![\w-])({forms})s?(?![\w-])")


def _link(lesson: Lesson, place: str = "") -> str:
    return f"Lesson {lesson.number:02}: [{lesson.header.title}](lessons/{lesson.slug}.md{place})"


def anchor(tag: str) -> str:
    """Where on the page of topics a tag stands."""
    return str(slugify(tag, "-"))


def check_tags(lesson: Lesson, glossary: Glossary) -> None:
    """Refuse a tag that is no term: two names for one thing would split its lessons.

    Raises:
        CourseError: naming the lesson and the line.
    """
    for tag in lesson.header.tags:
        if tag not in glossary:
            near = get_close_matches(tag, glossary.named, 1, 0)
            hint = f"Use a term of {FILE}" + (f", such as {near[0]!r}." if near else ", or add it there.")
            raise lesson.error(f"The tag {tag!r} is not in the glossary.", 1, hint)


def _untouched(name: str, attributes: str) -> bool:
    return name in _UNTOUCHED or "admonition-title" in attributes


def read(path: Path) -> Glossary:
    """The glossary in the YAML file ``path``; an empty one where there is none.

    Raises:
        CourseError: with file and line, for anything that is not a well-formed entry.
    """
    if not path.is_file():
        return Glossary()
    found: list[Term] = []
    taken: dict[str, str] = {}
    for node in yamlfile.parse(path.read_text(encoding="utf-8"), path).items("The glossary"):
        group = node.fields("A topic", {"topic", "terms"})
        topic = group.get("topic", str)
        for entry in group.need("terms").items(f"{topic}: terms"):
            term = _term(entry, topic)
            for word in (f"#{term.id}", *term.forms):
                if word in taken:
                    raise entry.error(f"{word!r} stands for {taken[word]!r} already.", "A word has one entry.")
                taken[word] = term.name
            found.append(term)
            for problem in mathematics.problems([(term.means, _at(entry))]):
                raise problem
    return Glossary(tuple(found))


def _at(entry: yamlfile.Node) -> Fail:
    return lambda message, _, hint: entry.error(message, hint)


def _term(node: yamlfile.Node, topic: str) -> Term:
    fields = node.fields("A term", {"term", "id", "forms", "also", "means", "lesson"})
    name = fields.get("term", str)
    usual = name[0].lower() + name[1:] if name[1:].islower() else name
    lesson = fields.get("lesson", str, "")
    place = _LESSON.fullmatch(lesson)
    if lesson and not place:
        raise fields.need("lesson").error(f"{lesson!r} names no section.", 'Write: lesson: "07#two-thin-matrices"')
    return Term(
        name=name,
        id=fields.get("id", str, slugify(name, "-")),
        topic=topic,
        forms=fields.list("forms", lambda form: form.scalar(str, "A form")) or (usual,),
        means=" ".join(fields.get("means", str).split()),
        lesson=int(place[1]) if place else 0,
        anchor=place[2] if place else "",
        also=tuple(fields.list("also", lambda word: word.scalar(str, "A word"))),
    )
