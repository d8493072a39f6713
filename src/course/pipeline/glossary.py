"""The glossary: terms with a definition each, and their marks in the lessons.

``docs/glossary.yml`` is the only place where a definition stands. From it come the page of the glossary, the module of
definitions that a page's script shows beside a word, and the links that lead from the first use in each section of a
lesson to the definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from markdown.extensions.toc import slugify

from course.pipeline import markup, yamlfile
from course.pipeline.index import digest

FILE = "glossary.yml"
"""The definitions, relative to the folder of pages."""
PAGE = "glossary.md"
MARKER = "<!-- glossary -->"
DEFINITIONS = "assets/learn/terms.js"
"""The module of definitions, relative to the site."""

_LESSON = re.compile(r"(\d\d)#([\w-]+)")
# Attributes may hold a ">".
_TAG = re.compile(r"""<(/?)([a-zA-Z][\w-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|<!--.*?-->""", re.S)
_UNTOUCHED = frozenset(
    {"a", "button", "code", "data", "form", "h1", "h2", "h3", "h4", "h5", "h6", "label", "math", "pre", "summary", "svg", "th"}
)
"""Elements in which no term is marked: their words are code, names, or lead somewhere else."""


@dataclass(frozen=True)
class Term:
    """One entry.

    Attributes:
        id: its anchor on the glossary's page.
        forms: how lessons write it. A form in lower case also stands for a capital letter at its beginning; each stands
            for its plural in "s" too.
        means: one or two sentences of Markdown.
        lesson: number of the lesson that teaches it, 0 if none does yet, and ``anchor`` of the section in it.
    """

    name: str
    id: str
    topic: str
    forms: tuple[str, ...]
    means: str
    lesson: int
    anchor: str

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

    def page(self, lessons: Mapping[int, tuple[str, str]]) -> str:
        """The entries as Markdown, under a heading for each topic.

        Args:
            lessons: title and address of the lessons there are, by number.
        """
        parts = []
        for topic, terms in groupby(self.terms, key=lambda term: term.topic):
            parts.append(f"## {topic}")
            for term in terms:
                parts += [f"### {term.name} {{ #{term.id} }}", term.means]
                if term.lesson in lessons:
                    title, address = lessons[term.lesson]
                    parts.append(f"Lesson {term.lesson:02}: [{title}]({address}#{term.anchor})\n{{ .term-lesson }}")
        return "\n\n".join(parts)

    def module(self) -> str:
        """The definitions as a JavaScript module, by id: the term and its definition as plain text."""
        entries = {term.id: [term.name, term.text] for term in self.terms}
        return f"export const TERMS = {json.dumps(entries, ensure_ascii=False, indent=0)};\n"

    def mark(self, html: str, address: str) -> str:
        """Link the first use of each term in every section of a converted page to its definition.

        Args:
            html: prose only: what must stay as it is (outputs, quizzes) is not in it yet, see :meth:`render.Page.fill`.
            address: the glossary's page, relative to this one.
        """
        out, seen = [], set[str]()

        def link(match: re.Match[str]) -> str:
            term = self._forms[match["term"]] if match["term"] else None
            if term is None or term.id in seen:
                return match[0]
            seen.add(term.id)
            return f'<a class="term" href="{address}#{term.id}">{match[0]}</a>'

        for text, rest, begins_section in _pieces(html):
            out += [self._pattern.sub(link, text), rest]
            if begins_section:
                seen.clear()
        return "".join(out)

    @cached_property
    def _forms(self) -> dict[str, Term]:
        forms = {form: term for term in self.terms for form in term.forms}
        capital = {form[0].upper() + form[1:]: term for form, term in forms.items() if form.islower()}
        return {**capital, **forms}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any form, the longest first; a token of :class:`render.Page` as a whole, so that no part of it is marked."""
        forms = "|".join(re.escape(form) for form in sorted(self._forms, key=len, reverse=True)) or "(?!)"
        return re.compile(rf"fragment-[\w.-]+-end|(?<![\w-])(?P<term>{forms})s?(?![\w-])")


def _pieces(html: str) -> Iterator[tuple[str, str, bool]]:
    """``html`` in pieces: text that may be marked, what follows it and stays as it is, whether this begins a section."""
    at, start, within, depth = 0, 0, "", 0
    for tag in _TAG.finditer(html):
        name = (tag[2] or "").lower()
        if within:
            depth += (-1 if tag[1] else 1) if name == within else 0
            if not depth:
                yield html[at:start], html[start : tag.end()], within == "h2"
                at, within = tag.end(), ""
        elif not tag[1] and (name in _UNTOUCHED or "admonition-title" in (tag[3] or "")):
            start, within, depth = tag.start(), name, 1
        else:
            yield html[at : tag.start()], tag[0], False
            at = tag.end()
    yield ("", html[at:], False) if within else (html[at:], "", False)


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
    return Glossary(tuple(found))


def _term(node: yamlfile.Node, topic: str) -> Term:
    fields = node.fields("A term", {"term", "id", "forms", "means", "lesson"})
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
    )
