"""Blocks that are text in every download, as Markdown that can be read anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch

from course.pipeline.lesson import boxes
from course.pipeline.page.document import (
    Block,
    Box,
    Claims,
    Closing,
    Diagram,
    Document,
    Opening,
    PlainOpening,
    PlainProse,
    Prediction,
    Prose,
    Widget,
)
from course.pipeline.page.parts import link_lessons
from course.pipeline.results.claims import VERDICTS
from course.pipeline.text.bind import bind
from course.pipeline.text.spans import inside


@dataclass(frozen=True)
class Install:
    """Code that installs the course's library where it is missing."""

    name: str
    source: str


@dataclass(frozen=True)
class File:
    """A file to be written of a lesson.

    Attributes:
        lessons: lesson number → slug, for links to the files of other lessons, which end in the same ``suffix``.
        install: for a lesson that needs the course's library.
    """

    document: Document
    lessons: Mapping[int, str]
    suffix: str
    install: Install | None = None

    def blocks(self) -> Iterator[Block | Install]:
        opening, *others = self.document.flat()
        yield opening
        if self.install:
            yield self.install
        yield from others


@singledispatch
def text(block: Block | Install, file: File) -> str:
    """``block`` as Markdown.

    Raises:
        CourseError: a binding or link that cannot be resolved.
        TypeError: it is more than text; then the writer has a function for it.
    """
    raise TypeError(f"A {file.suffix} file cannot hold a {type(block).__name__}.")


@text.register
def _opening(block: Opening, file: File) -> str:
    header = block.lesson.header
    goals = "\n".join(f"- {goal}" for goal in header.objectives)
    return f"# {header.title}\n\n{header.summary}\n\nAfter this lesson you can\n\n{goals}"


@text.register
def _plain_opening(block: PlainOpening, file: File) -> str:
    return f"# {block.lesson.header.title}"


@text.register
def _prose(block: Prose, file: File) -> str:
    bundle = file.document.bundle
    linked = link_lessons(block.text, file.lessons, bundle.lesson, block.line, lambda slug: f"{slug}{file.suffix}")
    return portable(bind(linked, bundle.captured.values))


@text.register
def _plain_prose(block: PlainProse, file: File) -> str:
    return block.text


@text.register
def _widget(block: Widget, file: File) -> str:
    return block.placed.markdown()


@text.register
def _box(block: Box, file: File) -> str:
    bundle = file.document.bundle
    rows = [f"**{boxes.TITLES[block.kind]}**\n"]
    for part in block.parts:
        linked = link_lessons(part.text, file.lessons, bundle.lesson, part.line, lambda slug: f"{slug}{file.suffix}")
        rows.append(f"- {part.name}: {bind(linked, bundle.captured.values)}")
    return quoted("\n".join(rows))


@text.register
def _diagram(block: Diagram, file: File) -> str:
    return block.drawn.markdown()


@text.register
def _claims(block: Claims, file: File) -> str:
    return "\n\n".join(
        f"> **Claim {decided.claim.number}.** {decided.claim.text} ({decided.claim.source})\n>\n"
        f"> **{VERDICTS[decided.verdict]}**{f': {decided.condition}' if decided.condition else ''} · "
        f"found here: {decided.found}. {decided.note}".rstrip()
        for decided in block.decided
    )


@text.register
def _prediction(block: Prediction, file: File) -> str:
    """What to write down before going on."""
    asked = block.asked
    if asked.choices:
        choices = zip("ABCDEF", asked.choices, strict=False)
        rest = "\n".join(f"- **{letter}** {choice.strip()}" for letter, choice in choices)
    elif asked.sketch:
        rest = f"Sketch the line *{asked.sketch.name}* on paper: {asked.sketch.y_label} over {asked.sketch.x_label}."
    else:
        rest = f"Write down a number{f' ({asked.unit})' if asked.unit else ''} before you go on."
    return quoted(f"**Predict**\n\n{asked.ask.strip()}\n\n{rest}")


@text.register
def _closing(block: Closing, file: File) -> str:
    run = block.run
    libraries = ", ".join(f"{name} {version}" for name, version in run.libraries.items())
    return (
        f"*Where these numbers come from: source commit {run.commit}, fingerprint {run.fingerprint}, "
        f"profile {run.profile}, seed {run.seed}, {run.device} ({run.processor}, {run.threads} threads), "
        f"{run.dtype}, Python {run.python}, "
        f"{libraries}; {run.seconds} s on {run.date}.*"
    )


_ADMONITION = re.compile(
    r'^(?P<mark>!!!|\?\?\?\+?) (?P<type>[\w-]+)(?: "(?P<title>[^"]*)")?\n(?P<body>(?:(?: {4}.*)?(?:\n|\Z))+)', re.M
)


_ADDRESSED = re.compile(r"^(?P<heading>#{2,6} [^\n]*?) +\{ ?#[\w-]+ ?\}$", re.M)
"""A heading with an address of its own."""


def portable(markdown: str) -> str:
    """Markdown of the site as Markdown of anywhere: admonitions become quotations, folded ones ``<details>``; headings lose
    their addresses."""
    is_code = inside(markdown, "code")
    markdown = _ADDRESSED.sub(lambda found: found[0] if is_code(found.start()) else found["heading"], markdown)

    def replace(match: re.Match[str]) -> str:
        title = match["title"] if match["title"] is not None else match["type"].capitalize()
        body = "\n".join(line.removeprefix("    ") for line in match["body"].strip("\n").split("\n"))
        if match["mark"].startswith("???"):
            return f"<details><summary>{title}</summary>\n\n{portable(body)}\n\n</details>\n\n"
        return quoted(f"**{title}**\n\n{body}") + "\n\n"

    return _ADMONITION.sub(replace, markdown).rstrip("\n")


def quoted(markdown: str) -> str:
    """Markdown as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.split("\n"))
