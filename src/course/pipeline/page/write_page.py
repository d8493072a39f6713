"""A lesson as a page: Markdown of the site, with HTML among it (see :mod:`course.pipeline.text.verbatim`)."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from pathlib import Path
from urllib.parse import quote, unquote

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import boxes, plain_format, reading_time
from course.pipeline.lesson.model import MODULES, Lesson, slug_of
from course.pipeline.page import answer_browser, evidence, fragments, printed, progress_marks
from course.pipeline.page.document import (
    AnswerTable,
    Block,
    Box,
    Claims,
    Closing,
    Code,
    Diagram,
    Document,
    Drawing,
    Image,
    Opening,
    PlainOpening,
    PlainProse,
    Prediction,
    Prose,
    Quiz,
    Section,
    Shown,
    Solution,
    Widget,
)
from course.pipeline.page.parts import link_lessons, noting
from course.pipeline.results import quiz
from course.pipeline.results.capture import Html, Stderr, Table, Text
from course.pipeline.text import clean, commonmark, markup, verbatim
from course.pipeline.text.bind import bind
from course.pipeline.text.displayed import image_size
from course.pipeline.text.spans import inside


@dataclass(frozen=True)
class Page:
    """What a site generator needs of one lesson. ``files`` lie beside it, by name: its data as CSV, its images.

    ``warnings`` tell what is wrong with a plain lesson's prose and does not keep it from being shown.
    """

    markdown: str
    files: dict[str, bytes]
    warnings: list[CourseError]


def page(
    document: Document, lessons: Mapping[int, str], downloads: Sequence[tuple[str, str]], run_panel: str = ""
) -> Page:
    """The page of one lesson.

    Args:
        lessons: lesson number → slug, for links.
        downloads: ``(label, file name)`` of the files offered beside the page.
        run_panel: HTML that says how to run the lesson; empty if nothing does.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    draft = _Draft(document, lessons, downloads, run_panel)
    header = document.bundle.lesson.header
    described = f"description: {_quoted(clean.plain(header.summary))}\n" if header.summary else ""
    front = f"---\ntitle: {_quoted(clean.plain(header.title))}\n{described}---\n\n"
    return Page(front + draft.markdown(document.blocks) + "\n", draft.files, draft.warnings)


@dataclass
class _Draft:
    """A page that is being written: what its blocks need to know, and what they add to it beside their Markdown.

    Attributes:
        shown: keys of the values that the page shows.
    """

    document: Document
    lessons: Mapping[int, str]
    downloads: Sequence[tuple[str, str]]
    run_panel: str
    shown: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    warnings: list[CourseError] = field(default_factory=list)

    @property
    def lesson(self) -> Lesson:
        return self.document.bundle.lesson

    def markdown(self, blocks: Iterable[Block]) -> str:
        return "\n\n".join(part for block in blocks if (part := _markdown(block, self)))

    def bound(self, text: str) -> str:
        """``text`` with its numbers as elements, whose keys the page's evidence will name."""
        return bind(text, self.document.bundle.captured.values, noting(self.shown))

    def caption(self, text: str) -> str:
        return markup.inline_html(self.bound(text))

    def linked(self, text: str, line: int) -> str:
        """HTML of Markdown without bindings that stands in the lesson at ``line``."""
        return markup.to_html(link_lessons(text, self.lessons, self.lesson, line, lambda slug: f"../{slug}/"))

    def csv(self, key: str, rows: Iterable[Iterable[object]]) -> str:
        """A link to ``rows`` as a file beside the page."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        self.files[f"{key}.csv"] = out.getvalue().encode()
        return f'<p class="data-link"><a href="{key}.csv" download>Data as CSV</a></p>'


@singledispatch
def _markdown(block: Block, draft: _Draft) -> str:
    """``block`` as Markdown, empty if there is nothing to see of it."""
    raise TypeError(f"A page cannot hold a {type(block).__name__}.")


@_markdown.register
def _opening(block: Opening, draft: _Draft) -> str:
    header, run = block.lesson.header, draft.document.bundle.captured.provenance
    kicker = (
        f'<p class="lesson-kicker">Lesson {block.lesson.number:02} · '
        f'<a href="../#module-{header.module}">{MODULES[header.module]}</a></p>'
    )
    before = [f'<a href="../{draft.lessons[n]}/">Lesson {n:02}</a>' for n in header.prerequisites if n in draft.lessons]
    objectives = "".join(f"<li>{markup.inline_html(text)}</li>" for text in header.objectives)
    meta = (
        f'<div class="lesson-meta"><p class="lesson-times">Read {reading_time.reading(block.lesson)} · '
        f"ran in {fragments.duration(run.seconds)} on {html.escape(fragments.machine(run))}"
        + (f" · builds on {', '.join(before)}" if before else "")
        + "</p>"
        f"{progress_marks.line(draft.document.bundle)}"
        f'<p class="lesson-evidence"><a href="#where-from">Where these numbers come from</a></p>'
        f'<p class="objectives-title">After this lesson you can</p><ul class="objectives">{objectives}</ul>'
        f"{fragments.topics(header.tags)}{fragments.downloads(draft.downloads)}</div>{draft.run_panel}"
    )
    return "\n\n".join([verbatim.block(kicker), f"# {_title(block.lesson)}", verbatim.block(meta)])


@_markdown.register
def _plain_opening(block: PlainOpening, draft: _Draft) -> str:
    run = draft.document.bundle.captured.provenance
    meta = (
        f'<div class="lesson-meta"><p class="lesson-times">Ran in {fragments.duration(run.seconds)} on '
        f"{html.escape(fragments.machine(run))}</p>{progress_marks.line(draft.document.bundle)}"
        f"{fragments.downloads(draft.downloads)}</div>"
    )
    return f"# {_title(block.lesson)}\n\n{verbatim.block(meta)}"


def _title(lesson: Lesson) -> str:
    return " ".join(verbatim.without_marks(lesson.header.title).split())


@_markdown.register
def _prose(block: Prose, draft: _Draft) -> str:
    text = verbatim.without_marks(_with_lines(block))
    return draft.bound(link_lessons(text, draft.lessons, draft.lesson, block.line, lambda slug: f"{slug}.md"))


@_markdown.register
def _plain_prose(block: PlainProse, draft: _Draft) -> str:
    text = verbatim.without_marks(block.text)
    parts = commonmark.blocks(text, lambda address, line: _address(address, block.line + line, draft))
    return "\n\n".join(verbatim.block(part.text, of_author=True) if part.is_html else part.text for part in parts)


@_markdown.register
def _widget(block: Widget, draft: _Draft) -> str:
    return verbatim.block(block.placed.html())


@_markdown.register
def _diagram(block: Diagram, draft: _Draft) -> str:
    return verbatim.block(fragments.diagram(block.drawn))


@_markdown.register
def _quiz(block: Quiz, draft: _Draft) -> str:
    questions = []
    for question, asked in zip(block.questions, block.asked, strict=True):
        shown = quiz.ask(question, draft.document.bundle.captured.values, draft.bound)
        try:
            questions.append(fragments.question(asked, shown, lambda text: draft.linked(text, 1)))
        except CourseError as error:  # it stands in the quiz's file, not in the lesson's
            raise replace(error, path=question.path, line=question.line) from error
    return verbatim.block(fragments.quiz(questions, block.is_last))


@_markdown.register
def _claims(block: Claims, draft: _Draft) -> str:
    return verbatim.block("".join(fragments.claim_box(decided, draft.caption) for decided in block.decided))


@_markdown.register
def _box(block: Box, draft: _Draft) -> str:
    parts = [(part.name, draft.linked(draft.bound(part.text), part.line)) for part in block.parts]
    return verbatim.block(fragments.box(block.kind, boxes.TITLES[block.kind], parts))


@_markdown.register
def _prediction(block: Prediction, draft: _Draft) -> str:
    return verbatim.block(fragments.prediction(block.written, block.asked, draft.lesson.slug, _text_of(block, draft)))


def _text_of(block: Prediction, draft: _Draft) -> fragments.ToHtml:
    return lambda text: draft.linked(draft.bound(text), block.written.line)


@_markdown.register
def _code(block: Code, draft: _Draft) -> str:
    if not block.source.strip():
        return ""
    parts = [verbatim.block(f'<span id="{block.name}"></span>'), *_code_of(block)]
    answers = (fragments.answer(asked.written, asked.asked, _text_of(asked, draft)) for asked in block.answers)
    shown = "".join([*answers, *(_output(output, draft) for output in block.outputs)])
    if shown and "reveal" in block.tags:
        name = f' id="reveal-{block.index}"' if block.is_awaited else ""
        shown = f'<details class="reveal"{name}><summary>Reveal the result</summary>{shown}</details>'
    return "\n\n".join([*parts, verbatim.block(shown)] if shown else parts)


def _code_of(block: Code) -> Iterator[str]:
    """The pieces of the code, of which some are folded: beside what stands open, these are budgets."""
    language = f'python title="{html.escape(block.title)}"' if block.title else "python"
    name = "Budget" if len(block.pieces) > 1 else "Code"
    for piece in block.pieces:
        fence = markup.fence(piece.source, language)
        yield f'??? abstract "{name}"\n\n{verbatim.indented(fence)}' if piece.is_folded else fence


@_markdown.register
def _solution(block: Solution, draft: _Draft) -> str:
    return '??? success "Solution"\n\n' + verbatim.indented(draft.markdown(block.blocks))


@_markdown.register
def _section(block: Section, draft: _Draft) -> str:
    """The heading stands outside the fold: it is in the table of contents, and can be linked to, without a script."""
    begins, ends = fragments.around(block.kind, block.minutes)
    return (
        draft.markdown([block.heading])
        + "\n\n"
        + "\n\n".join([verbatim.block(begins), draft.markdown(block.blocks), verbatim.block(ends)])
    )


@_markdown.register
def _closing(block: Closing, draft: _Draft) -> str:
    found = {draft.lesson.label: evidence.facts(draft.document.bundle.captured, draft.shown, "")}
    return verbatim.block(fragments.provenance(block.run, block.left_out) + evidence.block(found))


@singledispatch
def _output(shown: Shown, draft: _Draft) -> str:
    """What a code cell shows, as HTML."""
    raise TypeError(f"A page cannot show a {type(shown).__name__}.")


@_output.register
def _printed(shown: Text, draft: _Draft) -> str:
    return printed.block(shown.text)


@_output.register
def _stderr(shown: Stderr, draft: _Draft) -> str:
    text = html.escape(shown.text)
    return f'<div class="output output--stderr"><pre tabindex="0" aria-label="stderr">{text}</pre></div>'


@_output.register
def _html(shown: Html, draft: _Draft) -> str:
    return f'<div class="output output--html" tabindex="0" role="group" aria-label="Output">{shown.html}</div>'


@_output.register
def _image(shown: Image, draft: _Draft) -> str:
    content = shown.content.encode() if shown.name.endswith(".svg") else base64.b64decode(shown.content)
    draft.files[shown.name] = content
    size = 'width="{}" height="{}"'.format(*found) if (found := image_size(content)) else ""
    image = f'<img src="{shown.name}" alt="Figure drawn by the code above" loading="lazy" {size}>'
    return f'<p class="output output--image">{image}</p>'


@_output.register
def _table(shown: Table, draft: _Draft) -> str:
    link = draft.csv(shown.key, [shown.columns, *shown.rows])
    table = markup.table(shown.columns, shown.rows, draft.caption(shown.caption))
    return f'<div class="data-table" id="{shown.key}">{markup.scrolling(table)}{link}</div>'


@_output.register
def _answers(shown: AnswerTable, draft: _Draft) -> str:
    table = shown.table
    return answer_browser.block(table, draft.caption(table.caption), draft.csv(table.key, [table.columns, *table.rows]))


@_output.register
def _drawing(shown: Drawing, draft: _Draft) -> str:
    rows: list[Iterable[object]] = [("series", "x", "y", "low", "high")]
    for series in shown.figure.series:
        empty = [""] * len(series.x)
        columns = (series.x, series.y, series.low or empty, series.high or empty)
        rows += [(series.name, *row) for row in zip(*columns, strict=True)]
    link = draft.csv(shown.key, rows)
    drawn = fragments.in_page_colors(shown.svg)
    caption = f"<figcaption>{draft.caption(shown.figure.caption)}{link}</figcaption>"
    return f'<figure class="data-figure" id="{shown.key}">{drawn}{caption}</figure>'


def _address(address: str, line: int, draft: _Draft) -> str:
    """``address`` as it is on a plain lesson's page: of a lesson's page, or of a file that goes with this one."""
    if re.match(r"[a-zA-Z][\w+.-]*:|/", address):
        return address
    path, mark, fragment = address.partition("#")
    anchor = f"#{commonmark.anchor(unquote(fragment))}" if mark else ""
    if not path:
        return anchor
    root = draft.lesson.folders[-1]
    target = Path(os.path.normpath(draft.lesson.path.parent / unquote(path.partition("?")[0])))
    source = target.with_suffix(".py") if target.suffix in (".ipynb", ".md", ".html", ".py", "") else target
    if plain_format.is_lesson(source, root):
        return f"../{slug_of(source, root)}/{anchor}"
    # Not a file elsewhere that a link in the folder leads to.
    if target.is_relative_to(root) and target.is_file() and target.resolve().is_relative_to(root.resolve()):
        name, content = f"files/{target.relative_to(root).as_posix()}", target.read_bytes()
        is_svg = target.suffix.lower() == ".svg"
        draft.files[name] = clean.svg(content.decode("utf-8", "replace")).encode() if is_svg else content
        return quote(name)
    hint = f"Link to a lesson, or to a file below {root}."
    draft.warnings.append(draft.lesson.error(f"The address {address!r} leads nowhere.", line, hint))
    return address


def _with_lines(block: Prose) -> str:
    """The prose, whose headings say at which line of the source they stand: a script makes links of it."""
    is_code = inside(block.text, "code")

    def marked(heading: re.Match[str]) -> str:
        line = block.line + block.text.count("\n", 0, heading.start())
        title, own = heading["title"], heading["own"] or ""
        return heading[0] if is_code(heading.start()) else f"{title} {{ {own}data-line={line} }}"

    return re.sub(r"^(?P<title>#{2,3} .*?)(?: *\{ *(?P<own>#[\w-]+ )\})?$", marked, block.text, flags=re.M)


def _quoted(text: str) -> str:
    """A YAML double-quoted string."""
    return json.dumps(text, ensure_ascii=False)
