"""A lesson and its capture become a page: Markdown for MkDocs, and the HTML fragments it refers to.

Fragments (outputs, figures, the quiz) stand in the Markdown as one-line tokens and replace them after conversion, so no
Markdown processor ever sees their HTML.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from course.pipeline import widgets
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import plain_format
from course.pipeline.lesson.model import MODULES, Cell, slug_of
from course.pipeline.page import evidence, fragments, predictions, progress_marks
from course.pipeline.page.parts import (
    QUIZ_MARKER,
    csv_of,
    drawing,
    fails,
    image_bytes,
    link_lessons,
    noting,
)
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import Chart, Html, ImageShown, Output, Stderr, Table, Text
from course.pipeline.results.quiz import ask
from course.pipeline.text import commonmark, markup
from course.pipeline.text.bind import bind
from course.pipeline.text.displayed import image_size
from course.pipeline.text.spans import inside


@dataclass
class Page:
    """What MkDocs needs of one lesson. ``files`` lie beside it, by name: its data as CSV, its images.

    ``warnings`` tell what is wrong with a plain lesson's prose and does not keep it from being shown.
    """

    markdown: str
    fragments: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)
    warnings: list[CourseError] = field(default_factory=list)

    def fill(self, content: str) -> str:
        """``content`` (the converted Markdown) with every token replaced by its fragment."""
        return re.sub(
            r"<p>(fragment-[\w.-]+-end)</p>|(fragment-[\w.-]+-end)", lambda m: self.fragments[m[1] or m[2]], content
        )


def page(bundle: Bundle, lessons: Mapping[int, str], downloads: Sequence[tuple[str, str]]) -> Page:
    """The page of one lesson.

    Args:
        lessons: lesson number → slug, for links.
        downloads: ``(label, file name)`` of the files offered beside the page.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    renderer = _PlainRenderer if bundle.lesson.is_plain else _Renderer
    return renderer(bundle, lessons).render(downloads)


class _Renderer:
    def __init__(self, bundle: Bundle, lessons: Mapping[int, str]) -> None:
        self.bundle, self.lessons = bundle, lessons
        self.lesson, self.capture = bundle.lesson, bundle.captured
        self.values = self.capture.values
        self.page = Page("")
        self.placed: set[str] = set()
        self.shown: set[str] = set()  # keys of the values that the page shows
        self.results: dict[int, list[str]] = {}  # code cell → what the run gave for the predictions above it
        self.waiting = {cell for prediction in bundle.predictions.values() for cell in prediction.cells}

    def render(self, downloads: Sequence[tuple[str, str]]) -> Page:
        header = self.lesson.header
        above = [self._fragment("kicker", self._kicker())] if not self.lesson.is_plain else []
        parts = [*above, f"# {header.title}", self._fragment("meta", self._meta(downloads))]
        index = 0
        for group in _solution_groups(self.lesson.cells):
            rendered = []
            for place, cell in group:
                if cell.is_code:
                    rendered += self._code(cell, index)
                    index += 1
                elif "claims" in cell.tags:
                    boxes = "".join(
                        fragments.claim_box(decided, self._caption) for decided in self.bundle.claims[place]
                    )
                    rendered.append(self._fragment(f"claims-{place}", boxes))
                elif "predict" in cell.tags:
                    rendered.append(self._fragment(f"predict-{place}", self._prediction(cell, place)))
                else:
                    rendered += self._prose(cell, place)
            if "solution" in group[0][1].tags:
                parts.append('??? success "Solution"\n\n' + _indent("\n\n".join(rendered)))
            else:
                parts += rendered
        found = {self.lesson.label: evidence.facts(self.capture, self.shown, "")}
        parts.append(self._fragment("provenance", self._provenance() + evidence.block(found)))
        described = f"description: {_quoted(header.summary)}\n" if header.summary else ""
        front = f"---\ntitle: {_quoted(header.title)}\n{described}---\n\n"
        self.page.markdown = front + "\n\n".join(parts) + "\n"
        return self.page

    def _fragment(self, name: str, content: str) -> str:
        token = f"fragment-{self.lesson.slug}-{name}-end"
        self.page.fragments[token] = content
        return token

    def _prose(self, cell: Cell, place: int) -> list[str]:
        text = widgets.place(_with_lines(cell), self._widget, fails(self.lesson, cell), self.placed)
        text = link_lessons(text, self.lessons, self.lesson, cell.line, lambda slug: f"{slug}.md")
        text = self._bound(text)
        if QUIZ_MARKER in text:
            text = text.replace(QUIZ_MARKER, self._fragment("quiz", self._quiz()))
        return [text]

    def _bound(self, text: str) -> str:
        """``text`` with its numbers as elements, whose keys the page's evidence will name."""
        return bind(text, self.values, noting(self.shown))

    def _prediction(self, cell: Cell, place: int) -> str:
        prediction, asked = self.bundle.predictions[place], self.bundle.predicted[place]

        def text(source: str) -> str:
            linked = link_lessons(source, self.lessons, self.lesson, cell.line, lambda slug: f"../{slug}/")
            return markup.to_html(self._bound(linked))

        self.results.setdefault(prediction.cells[0], []).append(predictions.result(prediction, asked, text))
        return predictions.section(prediction, asked, self.lesson.slug, text)

    def _widget(self, placed: widgets.Placed) -> str:
        return self._fragment(f"widget-{placed.piece.name}", placed.html())

    def _code(self, cell: Cell, index: int) -> list[str]:
        fence = markup.fence(cell.source, f'python title="{html.escape(cell.title)}"' if cell.title else "python")
        parts = [self._fragment(f"anchor-{index}", f'<span id="cell-{index}"></span>')]
        parts.append('??? abstract "Code"\n\n' + _indent(fence) if "hide-code" in cell.tags else fence)
        shown = "".join(self._output(output) for output in self.capture.outputs[index])
        shown = "".join(self.results.get(index, [])) + shown
        if shown and "reveal" in cell.tags:
            summary = "<summary>Reveal the result</summary>"
            name = f' id="reveal-{index}"' if index in self.waiting else ""
            shown = f'<details class="reveal"{name}>{summary}{shown}</details>'
        return [*parts, self._fragment(f"output-{index}", shown)] if shown else parts

    def _output(self, output: Output) -> str:
        if isinstance(output, Text):
            return f'<div class="output"><pre tabindex="0">{html.escape(output.text)}</pre></div>'
        if isinstance(output, Stderr):
            text = html.escape(output.text)
            return f'<div class="output output--stderr"><pre tabindex="0" aria-label="stderr">{text}</pre></div>'
        if isinstance(output, Html):
            box = '<div class="output output--html" tabindex="0" role="group" aria-label="Output">'
            return f"{box}{output.html}</div>"
        if isinstance(output, ImageShown):
            name = output.name
            file = self.page.files[name] = image_bytes(name, self.capture.images[name])
            size = 'width="{}" height="{}"'.format(*found) if (found := image_size(file)) else ""
            image = f'<img src="{name}" alt="Figure drawn by the code above" loading="lazy" {size}>'
            return f'<p class="output output--image">{image}</p>'
        item = self.capture.items[output.key]
        assert isinstance(item, (Table, Chart))
        name = f"{item.key}.csv"
        self.page.files[name] = csv_of(item)
        link = f'<p class="data-link"><a href="{name}" download>Data as CSV</a></p>'
        if isinstance(item, Table):
            table = markup.table(item.columns, item.rows, self._caption(item.caption))
            return f'<div class="data-table" id="{item.key}">{markup.scrolling(table)}{link}</div>'
        figure = item.figure
        caption = f"<figcaption>{self._caption(figure.caption)}{link}</figcaption>"
        drawn = re.sub(
            r"(var\(--figure-\w+), #\w+\)", r"\1)", drawing(figure, self.bundle.cache)
        )  # the page has the colors
        return f'<figure class="data-figure" id="{item.key}">{drawn}{caption}</figure>'

    def _provenance(self) -> str:
        return fragments.provenance(self.capture.provenance)

    def _caption(self, text: str) -> str:
        return markup.inline_html(self._bound(text))

    def _quiz(self) -> str:
        def text(source: str) -> str:
            linked = link_lessons(source, self.lessons, self.lesson, 1, lambda slug: f"../{slug}/")
            return markup.to_html(linked)

        shown = [ask(question, self.values, self._bound) for question in self.bundle.questions]
        pairs = list(zip(self.bundle.asked, shown, strict=True))
        for question, pair in zip(self.bundle.questions, pairs, strict=True):
            try:
                fragments.quiz([pair], text)
            except CourseError as error:  # it stands in the quiz's file, not in the lesson's
                raise replace(error, path=question.path, line=question.line) from error
        return fragments.quiz(pairs, text)

    def _kicker(self) -> str:
        """Above the title: where in the course the lesson stands."""
        module = self.lesson.header.module
        return (
            f'<p class="lesson-kicker">Lesson {self.lesson.number:02} · '
            f'<a href="../#module-{module}">{MODULES[module]}</a></p>'
        )

    def _meta(self, downloads: Sequence[tuple[str, str]]) -> str:
        header = self.lesson.header
        seconds = self.capture.provenance.seconds
        before = [
            f'<a href="../{self.lessons[n]}/">Lesson {n:02}</a>' for n in header.prerequisites if n in self.lessons
        ]
        objectives = "".join(f"<li>{markup.inline_html(text)}</li>" for text in header.objectives)
        return (
            f'<div class="lesson-meta"><p class="lesson-times">Read {header.read_minutes} min · '
            f"ran in {fragments.duration(seconds)} on "
            f"{html.escape(fragments.machine(self.capture.provenance))}"
            + (f" · builds on {', '.join(before)}" if before else "")
            + "</p>"
            f"{progress_marks.line(self.bundle)}"
            f'<p class="lesson-evidence"><a href="#where-from">Where these numbers come from</a></p>'
            f'<p class="objectives-title">After this lesson you can</p><ul class="objectives">{objectives}</ul>'
            f"{fragments.topics(header.tags)}{fragments.downloads(downloads)}</div>"
        )


class _PlainRenderer(_Renderer):
    """Pages of plain lessons: prose in the dialect of notebooks, links to files and other lessons as in the folder."""

    def _prose(self, cell: Cell, place: int) -> list[str]:
        found = commonmark.blocks(cell.source, lambda address, line: self._address(address, cell.line + line))
        return [
            self._fragment(f"prose-{place}-{part}", block.text) if block.is_html else block.text
            for part, block in enumerate(found)
        ]

    def _address(self, address: str, line: int) -> str:
        """``address`` as it is on the page: of a lesson's page, or of a file that goes with this one."""
        if re.match(r"[a-zA-Z][\w+.-]*:|/", address):
            return address
        path, mark, fragment = address.partition("#")
        anchor = f"#{commonmark.anchor(unquote(fragment))}" if mark else ""
        if not path:
            return anchor
        root = self.lesson.folders[-1]
        target = Path(os.path.normpath(self.lesson.path.parent / unquote(path.partition("?")[0])))
        source = target.with_suffix(".py") if target.suffix in (".ipynb", ".md", ".html", ".py", "") else target
        if plain_format.is_lesson(source, root):
            return f"../{slug_of(source, root)}/{anchor}"
        if target.is_file() and target.is_relative_to(root):
            name = f"files/{target.relative_to(root).as_posix()}"
            self.page.files[name] = target.read_bytes()
            return quote(name)
        hint = f"Link to a lesson, or to a file below {root}."
        self.page.warnings.append(self.lesson.error(f"The address {address!r} leads nowhere.", line, hint))
        return address

    def _code(self, cell: Cell, index: int) -> list[str]:
        return super()._code(cell, index) if cell.source.strip() else []

    def _provenance(self) -> str:
        absent = {name for name in ("Profile", "Seed") if name.lower() not in self.lesson.parameters}
        return fragments.provenance(self.capture.provenance, {*absent, "Number type"})

    def _meta(self, downloads: Sequence[tuple[str, str]]) -> str:
        run = self.capture.provenance
        return (
            f'<div class="lesson-meta"><p class="lesson-times">Ran in {fragments.duration(run.seconds)} on '
            f"{html.escape(fragments.machine(run))}</p>{progress_marks.line(self.bundle)}{fragments.downloads(downloads)}</div>"
        )


def _solution_groups(cells: Sequence[Cell]) -> list[list[tuple[int, Cell]]]:
    """Consecutive solution cells together, every other cell alone; each with its index."""
    groups: list[list[tuple[int, Cell]]] = []
    for place, cell in enumerate(cells):
        if groups and "solution" in cell.tags and "solution" in groups[-1][0][1].tags:
            groups[-1].append((place, cell))
        else:
            groups.append([(place, cell)])
    return groups


def _with_lines(cell: Cell) -> str:
    """The prose of ``cell``, whose headings say at which line of the source they stand: a script makes links of it."""
    is_code = inside(cell.source, "code")

    def marked(heading: re.Match[str]) -> str:
        line = cell.line + cell.source.count("\n", 0, heading.start())
        return heading[0] if is_code(heading.start()) else f"{heading[0]} {{ data-line={line} }}"

    return re.sub(r"^#{2,3} .*", marked, cell.source, flags=re.M)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" if line.strip() else "" for line in text.split("\n"))


def _quoted(text: str) -> str:
    """A YAML double-quoted string."""
    import json

    return json.dumps(text, ensure_ascii=False)
