"""The pieces of a lesson's page as HTML: questions, predictions, claims, bound numbers, downloads, provenance.

Each is a pure function of what it shows; where it stands on the page is :mod:`course.pipeline.page.write_page`'s matter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict

from course.pipeline.diagrams.diagram import Diagram
from course.pipeline.lesson.sections import Kind
from course.pipeline.page import glossary
from course.pipeline.results import predict
from course.pipeline.results.capture import Provenance
from course.pipeline.results.claims import VERDICTS, Decided
from course.pipeline.results.predict import Prediction
from course.pipeline.results.quiz import Asked
from course.pipeline.text import expressions, markup
from course.pipeline.text.bind import Bound

ToHtml = Callable[[str], str]
"""Makes HTML of Markdown."""
AIM = 4
"""Right answers of five that a reader should aim for."""


def as_data(bound: Bound) -> str:
    """A bound number as HTML: ``value`` is the exact one, ``title`` its expression, ``data-keys`` what that reads.

    An expression that is a key says so itself. A text stands on the page: its ``value`` is empty, and texts that a
    condition passed over are not told.
    """
    read, source, exact = expressions.keys(bound.expression), bound.expression, str(bound.value)
    if isinstance(bound.value, str):
        source, exact = expressions.outline(source), ""
    keys = "" if read == {source} else f' data-keys="{" ".join(sorted(read))}"'
    return f'<data value="{html.escape(exact)}" title="{html.escape(source)}"{keys}>{html.escape(bound.text)}</data>'


def quiz(questions: Sequence[str], is_last: bool) -> str:
    """Questions of the knowledge check, made by :func:`question`; the last of the page have what to aim for."""
    aim = f' data-aim="{AIM}"' if is_last else ""
    return f'<section class="quiz" aria-label="Knowledge check"{aim}>{"".join(questions)}</section>'


def question(question: Asked, shown: Asked, text: Callable[[str], str]) -> str:
    """A question, complete without JavaScript: its answer is folded below it.

    Args:
        shown: the same with its numbers as elements.
        text: makes HTML of Markdown.
    """
    head = (
        f'<div class="question" id="q-{question.id}" data-id="{question.id}" data-hash="{question.hash}" '
        f'data-kind="{"choice" if question.options else "number"}"'
    )
    if question.options:
        options = "".join(f'<li class="option"{_right(o.right)}>{text(o.text)}</li>' for o in shown.options)
        whys = "".join(
            f'<li class="why"{_right(o.right)}>{text(("**Right.** " if o.right else "**Not this.** ") + o.why)}</li>'
            for o in shown.options
        )
        head += ">"
        body = f'<ol class="options" type="A">{options}</ol>'
        answer = f'<ol type="A">{whys}</ol>'
    else:
        head += (
            f' data-answer="{question.number!r}" data-tolerance="{question.tolerance!r}" '
            f'data-unit="{html.escape(question.unit)}">'
        )
        body = ""
        answer = (
            f'<div class="why" data-right>{text(f"**{shown.number_text}.** {shown.why}")}</div>'
            f'<div class="hint">{text(shown.hint)}</div>'
        )
    return (
        f'{head}<div class="ask">{text(shown.ask)}</div>{body}'
        f'<details class="answers"><summary>Answer</summary>{answer}</details></div>'
    )


def _right(right: bool) -> str:
    return " data-right" if right else ""


HOW = "Draw the line. With the keyboard: left and right choose a point, up and down move it."
"""Shown where a script can draw."""


def prediction(written: Prediction, asked: predict.Asked, slug: str, text: Callable[[str], str]) -> str:
    """What a reader is asked to guess, complete without a script, which makes a form of it.

    Args:
        text: makes HTML of Markdown with bindings.
    """
    data = {
        "key": f"{slug}/{asked.id}:{asked.hash}",
        "kind": asked.kind,
        "answer": "" if asked.answer is None else f"{asked.answer:.15g}",
        "unit": asked.unit,
        "cells": " ".join(map(str, written.cells)),
    }
    marks = "".join(f' data-{name}="{html.escape(value)}"' for name, value in data.items() if value)
    choices = "".join(f"<li>{text(choice.text)}</li>" for choice in written.choices)
    inner = f'<ol class="predict-choices" type="A">{choices}</ol>' if choices else ""
    if asked.sketch:
        inner = f'<p class="sketch-how">{HOW}</p>{markup.data(asdict(asked.sketch))}'
    name = f"predict-{asked.id}"
    return (
        f'<section class="predict" role="group" id="{name}" aria-labelledby="{name}-title"{marks}>'
        f'<p class="predict-title" id="{name}-title">Predict</p>'
        f'<div class="predict-ask">{text(written.ask)}</div>{inner}</section>'
    )


def answer(written: Prediction, asked: predict.Asked, text: Callable[[str], str]) -> str:
    """The line above the outputs that waited: what the run gave. The script puts the reader's guess before it."""

    def inline(source: str) -> str:
        return text(source).removeprefix("<p>").removesuffix("</p>")

    if asked.sketch:
        run = f'the line <a href="#{html.escape(written.curve)}">{html.escape(asked.sketch.name)}</a> of the figure'
    elif asked.choices:
        chosen = inline(written.choices[int(asked.answer or 0)].text)
        run = f'<strong class="predict-run">{asked.result}</strong>: {chosen}'
    else:
        number = inline(f"{{{{ {written.number} | {written.format} }}}}{predict.after_number(written.unit)}")
        run = f'<strong class="predict-run">{number}</strong>'
    return f'<p class="predict-result" id="predict-{asked.id}-result">Result: {run}</p>'


def diagram(drawn: Diagram) -> str:
    """A diagram with its title below it."""
    title = f"<figcaption>{html.escape(drawn.title)}</figcaption>"
    return f'<figure class="data-figure">{in_page_colors(drawn.svg())}{title}</figure>'


def in_page_colors(svg: str) -> str:
    """A drawing for a page, which has the colors: without those for where there is no theme."""
    return re.sub(r"(var\(--figure-\w+), #\w+\)", r"\1)", svg)


def claim_box(decided: Decided, text: Callable[[str], str]) -> str:
    """A claim with its verdict, as an aside of the lesson.

    Args:
        text: makes HTML of Markdown with bindings.
    """
    claim = decided.claim
    note = f"<p>{text(claim.note)}</p>" if claim.note else ""
    condition = f"{text(claim.condition)}. " if decided.condition else ""
    return (
        f'<aside class="claim claim--{decided.verdict}" id="{decided.anchor}" aria-label="Claim {claim.number}">'
        f'<p class="claim-text"><span class="claim-number">Claim {claim.number}</span> '
        f"{markup.inline_html(claim.text)} "
        f'<span class="claim-source">({markup.inline_html(claim.source)})</span></p>'
        f"<p>{badge(decided)} {condition}Found here: {text(claim.value)}.</p>{note}</aside>"
    )


def box(kind: str, title: str, parts: Sequence[tuple[str, str]]) -> str:
    """A box with a title and its parts: the name of each, and its HTML."""
    rows = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in parts)
    return (
        f'<aside class="box box--{kind}" aria-label="{title}"><p class="box-title">{title}</p><dl>{rows}</dl></aside>'
    )


def badge(decided: Decided) -> str:
    return f'<span class="verdict verdict--{decided.verdict}">{VERDICTS[decided.verdict]}</span>'


def provenance(run: Provenance, left_out: Collection[str] = ()) -> str:
    """Where the page's numbers come from, but for the entries ``left_out``."""
    entries = {
        "Source commit": run.commit, "Fingerprint": run.fingerprint, "Profile": run.profile, "Seed": str(run.seed),
        "Device": f"{run.device} ({run.processor}, {run.threads} threads)", "Number type": run.dtype,
        "Python": run.python, "Libraries": ", ".join(f"{name} {found}" for name, found in run.libraries.items()),
        "Duration": duration(run.seconds), "Peak memory": f"{run.peak_mib:,} MiB", "Date": run.date,
    }  # fmt: skip
    rows = "".join(
        f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in entries.items() if name not in left_out
    )
    return (
        '<details class="provenance" id="where-from"><summary>Where these numbers come from</summary>'
        f"<dl>{rows}</dl></details>"
    )


def around(kind: Kind, minutes: int) -> tuple[str, str]:
    """What stands before and after the content of a section that is folded, or set apart."""
    if kind == "monday":
        return '<section class="monday" aria-label="To take to work">', "</section>"
    summary = f"<summary data-search-exclude>Open this section ({minutes} min)</summary>"
    return f'<details class="deeper">{summary}', "</details>"


def machine(run: Provenance) -> str:
    return f"{run.threads} CPU thread{'s' if run.threads > 1 else ''}" if run.device == "cpu" else run.device


def duration(seconds: float) -> str:
    """``seconds`` as a reader wants them: in minutes from a minute and a half on."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def downloads(offered: Sequence[tuple[str, str]]) -> str:
    links = "".join(f'<li><a href="{name}"{_attribute(name)}>{label}</a></li>' for label, name in offered)
    return f'<ul class="downloads" aria-label="Downloads">{links}</ul>'


def _attribute(name: str) -> str:
    return "" if name.endswith("/") else " download"


def topics(tags: Sequence[str]) -> str:
    links = "".join(f'<li><a href="../../topics/#{glossary.anchor(tag)}">{html.escape(tag)}</a></li>' for tag in tags)
    return f'<ul class="lesson-topics" aria-label="Topics">{links}</ul>' if links else ""
