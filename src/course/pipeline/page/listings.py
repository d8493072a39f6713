"""What the site says about all lessons together: facts, cards by module, outcomes, a figure, and the claims ledger."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from course.pipeline.lesson import reading_time
from course.pipeline.lesson.model import MODULES
from course.pipeline.page import evidence, progress_marks
from course.pipeline.page.fragments import badge, duration
from course.pipeline.page.parts import drawing, noting
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import Chart
from course.pipeline.results.claims import VERDICTS
from course.pipeline.text import markup
from course.pipeline.text.bind import bind

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class _Rows:
    """One lesson's rows of the ledger, each with its claim's number, and the evidence behind them."""

    rows: list[tuple[int, str]]
    evidence: dict[str, Any]


def facts(bundles: Sequence[Bundle], prefix: str) -> str:
    """How much there is to learn, in one line of counts: none of them is typed."""
    lessons = [bundle for bundle in bundles if not bundle.lesson.is_plain]
    claims = sum(len(cell) for bundle in lessons for cell in bundle.registered.values())
    questions = sum(len(bundle.questions) for bundle in lessons)
    counts = (
        (f"{len(lessons)}", "lessons"),
        (_hours(_reading(lessons)), "of reading"),
        (_hours(_running(lessons)), "of runs on a laptop"),
        (f"{claims}", "claims tested"),
        (f"{questions}", "questions, every answer explained"),
    )
    return f'<ul class="facts">{"".join(f"<li><strong>{n}</strong> {what}</li>" for n, what in counts)}</ul>'


def start(bundles: Sequence[Bundle], prefix: str) -> str:
    """Where to begin: a link that names the first lesson; empty without lessons."""
    first = next((bundle for bundle in bundles if not bundle.lesson.is_plain), None)
    if not first:
        return ""
    title = html.escape(first.lesson.header.title)
    return (
        f'<p class="home-actions"><a href="{prefix}{first.lesson.slug}/">'
        f"Start with lesson {first.lesson.number:02}: {title}</a></p>"
    )


def lesson_list(bundles: Sequence[Bundle], prefix: str) -> str:
    """Cards of all lessons, grouped by module, or by folder if they are plain."""
    out = []
    for folder, group in by_folder(bundles).items():
        title = f"<h3>{html.escape(folder)}</h3>" if folder else ""
        out.append(f'{title}<ul class="lesson-list">{"".join(_plain_card(b, prefix) for b in group)}</ul>')
    for module, group in by_module(bundles).items():
        cards = "".join(bundle.recall("card", prefix, partial(_card, bundle, prefix), str) for bundle in group)
        out.append(
            f'<section class="module-row"><div><h3 id="module-{module}">{MODULES[module]}</h3>{times(group)}</div>'
            f'<ol class="lesson-list">{cards}</ol></section>'
        )
    return "".join(out)


def outcomes(bundles: Sequence[Bundle], prefix: str) -> str:
    """What each lesson enables a reader to do, module by module, and which modules are still to come."""
    out = []
    for module, group in by_module(bundles).items():
        lessons = "".join(
            bundle.recall("outcomes", prefix, partial(_outcomes, bundle, prefix), str) for bundle in group
        )
        out.append(
            f'<section class="module"><h2 id="module-{module}">{MODULES[module]}</h2>{times(group)}'
            f'<ol class="outcomes">{lessons}</ol></section>'
        )
    if coming := [name for module, name in MODULES.items() if module not in by_module(bundles)]:
        out.append(f'<p class="coming" id="planned">Planned, and not written yet: {", ".join(coming)}.</p>')
    return "".join(out)


def by_folder(bundles: Sequence[Bundle]) -> dict[str, list[Bundle]]:
    """The plain lessons by the name of their folder below the course's, which is the empty name."""
    groups: dict[str, list[Bundle]] = {}
    for bundle in (bundle for bundle in bundles if bundle.lesson.is_plain):
        folder = bundle.lesson.path.parent.relative_to(bundle.lesson.root or "")
        groups.setdefault("" if folder == Path() else folder.as_posix(), []).append(bundle)
    return groups


def by_module(bundles: Sequence[Bundle]) -> dict[int, list[Bundle]]:
    """The lessons that are not plain by their module's number, in the order of the course; no module is empty."""
    groups: dict[int, list[Bundle]] = {module: [] for module in MODULES}
    for bundle in (bundle for bundle in bundles if not bundle.lesson.is_plain):
        groups[bundle.lesson.header.module].append(bundle)
    return {module: group for module, group in groups.items() if group}


def figure(bundle: Bundle, key: str, prefix: str) -> str:
    """A figure of the lesson for another page, with a link to its place; empty if the lesson recorded no such one."""
    return bundle.recall("figure elsewhere", f"{key} {prefix}", partial(_figure, bundle, key, prefix), str)


def _figure(bundle: Bundle, key: str, prefix: str) -> str:
    item = bundle.captured.items.get(key)
    if not isinstance(item, Chart):
        return ""
    shown, lesson, used = item.figure, bundle.lesson, set[str]()
    caption = markup.inline_html(bind(shown.caption, bundle.captured.values, noting(used)))
    known = evidence.facts(bundle.captured, used, f"{prefix}{lesson.slug}/")
    title = html.escape(lesson.header.title)
    return (
        f'<figure class="data-figure" data-run="{lesson.label}">{drawing(shown, bundle.cache)}'
        f'<figcaption>{caption} <a class="figure-source" '
        f'href="{prefix}{lesson.slug}/#{key}">From lesson {lesson.number:02}, {title}</a></figcaption></figure>'
        f"{evidence.block({lesson.label: known})}"
    )


def _plain_card(bundle: Bundle, prefix: str) -> str:
    title, seconds = html.escape(bundle.lesson.header.title), bundle.run.seconds
    return (
        f'<li class="lesson-card"><a href="{prefix}{bundle.lesson.slug}/"><span class="lesson-title">{title}</span></a>'
        f'<p class="lesson-times">Run {duration(seconds)} '
        f'<span class="lesson-progress" {progress_marks.named(bundle)}></span></p></li>'
    )


def _card(bundle: Bundle, prefix: str) -> str:
    return f'<li class="lesson-card">{_head(bundle, prefix)}</li>'


def _outcomes(bundle: Bundle, prefix: str) -> str:
    objectives = "".join(f"<li>{markup.inline_html(text)}</li>" for text in bundle.lesson.header.objectives)
    return (
        f'<li class="lesson-outcomes">{_head(bundle, prefix)}<p class="objectives-title">Afterwards you can</p>'
        f'<ul class="objectives">{objectives}</ul></li>'
    )


def _head(bundle: Bundle, prefix: str) -> str:
    header, seconds = bundle.lesson.header, bundle.run.seconds
    return (
        f'<a href="{prefix}{bundle.lesson.slug}/"><span class="lesson-number">{bundle.lesson.number:02}</span> '
        f'<span class="lesson-title">{html.escape(header.title)}</span></a><p>{markup.inline_html(header.summary)}</p>'
        f'<p class="lesson-times">Read {reading_time.reading(bundle.lesson)} · run {duration(seconds)} '
        f'<span class="lesson-progress" {progress_marks.named(bundle)}></span></p>'
    )


def times(lessons: Sequence[Bundle]) -> str:
    """How many lessons there are, and how long they take."""
    count = f"{len(lessons)} lesson{'s' if len(lessons) > 1 else ''}"
    parts = (count, f"read {_hours(_reading(lessons))}", f"run {_hours(_running(lessons))}")
    return f'<p class="module-times">{" · ".join(part.replace(" ", NO_BREAK) for part in parts)}</p>'


def _reading(lessons: Sequence[Bundle]) -> float:
    """Minutes."""
    return sum(reading_time.reading(bundle.lesson).spine for bundle in lessons)


def _running(lessons: Sequence[Bundle]) -> float:
    """Minutes."""
    return sum(bundle.run.seconds for bundle in lessons) / 60


def _hours(minutes: float) -> str:
    """Minutes as a reader wants them: ``45 min``, ``2 h``, ``1 h 54 min``; seconds below a minute and a half."""
    if minutes < 60:
        return duration(60 * minutes)
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def ledger(bundles: Sequence[Bundle], prefix: str) -> str:
    """The claims ledger: every registered claim with verdict, value and a link to its box in the lesson."""
    rows, found = [], {}
    for bundle in bundles:
        if bundle.registered:
            made = bundle.recall("ledger rows", prefix, partial(_ledger_rows, bundle, prefix), _Rows)
            rows += made.rows
            found[bundle.lesson.label] = made.evidence
    head = "".join(f'<th scope="col">{name}</th>' for name in ("#", "The claim", "Verdict", "Found here", "Decided in"))
    body = "".join(row for _, row in sorted(rows))
    return (
        '<div class="table-scroll" tabindex="0" role="region" aria-label="Claims ledger">'
        f'<table class="ledger"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f"{evidence.block(found)}</div>"
    )


def tally(bundles: Sequence[Bundle], prefix: str) -> str:
    """How many claims got which verdict."""
    verdicts = Counter[str]()
    for bundle in bundles:
        if bundle.registered:
            verdicts.update(bundle.recall("verdicts", "", partial(_verdicts, bundle), list[str]))
    counts = "".join(
        f"<li><strong>{n}</strong> {name if n == 1 else name.replace('holds', 'hold')}</li>"
        for key, name in VERDICTS.items()
        if (n := verdicts[key])
    )
    return f'<ul class="facts"><li><strong>{verdicts.total()}</strong> claims</li>{counts}</ul>'


def _verdicts(bundle: Bundle) -> list[str]:
    return [decided.verdict for cell in bundle.claims.values() for decided in cell]


def _ledger_rows(bundle: Bundle, prefix: str) -> _Rows:
    rows: list[tuple[int, str]] = []
    used: set[str] = set()

    def text(source: str) -> str:
        return markup.inline_html(bind(source, bundle.captured.values, noting(used)))

    for decided in (decided for cell in bundle.claims.values() for decided in cell):
        claim, href = decided.claim, f"{prefix}{bundle.lesson.slug}/#{decided.anchor}"
        note = f'<p class="claim-note">{text(claim.note)}</p>' if claim.note else ""
        condition = f'<p class="claim-note">{text(claim.condition)}</p>' if decided.condition else ""
        rows.append(
            (
                claim.number,
                f'<tr data-run="{bundle.lesson.label}"><td class="number">{claim.number}</td>'
                f"<td>{markup.inline_html(claim.text)}"
                f'<span class="claim-source">{markup.inline_html(claim.source)}</span></td>'
                f"<td>{badge(decided)}{condition}</td>"
                f"<td>{text(claim.value)}{note}</td>"
                f'<td><a href="{href}">Lesson {bundle.lesson.number:02}</a></td></tr>',
            )
        )
    return _Rows(rows, evidence.facts(bundle.captured, used, f"{prefix}{bundle.lesson.slug}/"))
